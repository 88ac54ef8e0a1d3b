//! What somebody may do, and where: a role that holds everywhere, and more of it in environments and at venues.
//!
//! A pure decision over values. Bindings only ever add: each widens what is allowed, none takes anything away. So a
//! person of one venue is a viewer everywhere and has a binding for that venue.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EnvironmentKey, Role, VenueKey};
use crate::problem::{Problem, Problems};

/// Bindings of one person, or of one token.
const MAX_BINDINGS: usize = 100;
/// Environments and venues of one binding.
const MAX_PLACES: usize = 5_000;

/// A role that holds in some places only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleBinding {
    /// What may be done there.
    pub role: Role,
    /// In these environments; in all, without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<EnvironmentKey>,
    /// At these venues; at all, without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueKey>,
}

impl RoleBinding {
    /// Whether it holds there; without an environment or a venue, in all of them.
    fn covers(&self, environment: Option<&EnvironmentKey>, venue: Option<&VenueKey>) -> bool {
        fn has<K: PartialEq>(own: &[K], wanted: Option<&K>) -> bool {
            own.is_empty() || wanted.is_some_and(|wanted| own.contains(wanted))
        }
        has(&self.environments, environment) && has(&self.venues, venue)
    }

    /// Notes what is wrong with the bindings of one person or token.
    pub(super) fn validate(bindings: &[Self], problems: &mut Problems) {
        if bindings.len() > MAX_BINDINGS {
            let mend = format!("Keep at most {MAX_BINDINGS}.");
            problems.push(Problem::new("bindings", bindings.len(), "too many bindings", mend));
        }
        for (n, binding) in bindings.iter().enumerate() {
            if binding.environments.is_empty() && binding.venues.is_empty() {
                // Said in one way only: whoever looks for what holds everywhere looks at the role.
                let mend = "Give `environments` or `venues`; what holds everywhere is `role`.";
                let field = format!("bindings[{n}]");
                problems.push(Problem::new(field, binding.role, "this binding is bound to nothing", mend));
            }
            for (field, has) in
                [("environments", binding.environments.len()), ("venues", binding.venues.len())]
            {
                if has > MAX_PLACES {
                    let mend = format!("Keep at most {MAX_PLACES}.");
                    problems.push(Problem::new(
                        format!("bindings[{n}].{field}"),
                        has,
                        "too many of them",
                        mend,
                    ));
                }
            }
        }
    }
}

/// What somebody may do, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    everywhere: Role,
    bindings: Vec<RoleBinding>,
}

/// Where somebody's rights end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfScope {
    /// What is needed.
    pub needs: Role,
    /// What they have there.
    pub has: Role,
    /// In which environment; in all, without one.
    pub environment: Option<EnvironmentKey>,
    /// At which venue; at all, without one.
    pub venue: Option<VenueKey>,
}

impl Rights {
    /// A role everywhere, and more in the places of `bindings`.
    #[must_use]
    pub fn new(everywhere: Role, bindings: Vec<RoleBinding>) -> Self {
        Self { everywhere, bindings }
    }

    /// The role that holds everywhere.
    #[must_use]
    pub fn everywhere(&self) -> Role {
        self.everywhere
    }

    /// The bindings beside it.
    #[must_use]
    pub fn bindings(&self) -> &[RoleBinding] {
        &self.bindings
    }

    /// The highest role that holds anywhere.
    #[must_use]
    pub fn highest(&self) -> Role {
        self.bindings.iter().map(|own| own.role).fold(self.everywhere, Role::max)
    }

    /// The role that holds there; without an environment or a venue, in all of them.
    #[must_use]
    pub fn at(&self, environment: Option<&EnvironmentKey>, venue: Option<&VenueKey>) -> Role {
        let there = self.bindings.iter().filter(|own| own.covers(environment, venue));
        there.map(|own| own.role).fold(self.everywhere, Role::max)
    }

    /// Whether something may be done that needs a role, and is noticed in `environment` (in all, without one) at `venues`
    /// (at all, without any).
    ///
    /// # Errors
    /// The first place where the rights do not go so far.
    pub fn may(
        &self,
        needs: Role,
        environment: Option<&EnvironmentKey>,
        venues: &[VenueKey],
    ) -> Result<(), OutOfScope> {
        let check = |venue: Option<&VenueKey>| {
            let has = self.at(environment, venue);
            let out = || OutOfScope { needs, has, environment: environment.cloned(), venue: venue.cloned() };
            if has >= needs { Ok(()) } else { Err(out()) }
        };
        if venues.is_empty() {
            return check(None);
        }
        venues.iter().try_for_each(|venue| check(Some(venue)))
    }
}

impl OutOfScope {
    /// Where that is, in words: `dome in production`.
    #[must_use]
    pub fn place(&self) -> String {
        match (&self.environment, &self.venue) {
            (Some(environment), Some(venue)) => format!("{venue} in {environment}"),
            (Some(environment), None) => format!("all venues in {environment}"),
            (None, Some(venue)) => format!("{venue} in all environments"),
            (None, None) => "all environments and venues".to_owned(),
        }
    }
}

impl fmt::Display for OutOfScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this needs the role {} for {}, and yours there is {}", self.needs, self.place(), self.has)
    }
}

impl std::error::Error for OutOfScope {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROLES: [Role; 4] = [Role::Viewer, Role::Operator, Role::Editor, Role::Admin];
    const ENVIRONMENTS: [&str; 3] = ["production", "staging", "rehearsal"];
    const VENUES: [&str; 3] = ["wembley", "dome", "arena"];

    fn some<K: std::str::FromStr<Err: fmt::Debug> + Clone + fmt::Debug + 'static>(
        of: [&'static str; 3],
    ) -> impl Strategy<Value = Vec<K>> {
        let keys: Vec<K> = of.iter().map(|key| key.parse().unwrap()).collect();
        prop::sample::subsequence(keys, 0..=3)
    }

    fn role() -> impl Strategy<Value = Role> {
        prop::sample::select(&ROLES[..])
    }

    fn binding() -> impl Strategy<Value = RoleBinding> {
        (role(), some(ENVIRONMENTS), some(VENUES)).prop_map(|(role, environments, venues)| RoleBinding {
            role,
            environments,
            venues,
        })
    }

    fn rights() -> impl Strategy<Value = Rights> {
        (role(), prop::collection::vec(binding(), 0..4))
            .prop_map(|(everywhere, bindings)| Rights::new(everywhere, bindings))
    }

    fn place() -> impl Strategy<Value = (Option<EnvironmentKey>, Vec<VenueKey>)> {
        let environments: Vec<EnvironmentKey> = ENVIRONMENTS.iter().map(|key| key.parse().unwrap()).collect();
        (prop::option::of(prop::sample::select(environments)), some(VENUES))
    }

    proptest! {
        #[test]
        fn more_never_forbids(own in rights(), needs in role(), (environment, venues) in place(), n in 0_usize..4, wide in 0_u8..4) {
            let before = own.may(needs, environment.as_ref(), &venues);
            let mut more = own.clone();
            match (more.bindings.get_mut(n), wide) {
                (Some(binding), 0) => binding.environments.clear(),
                (Some(binding), 1) => binding.venues.clear(),
                (Some(binding), 2) => binding.role = Role::Admin,
                _ => more.bindings.push(RoleBinding { role: Role::Operator, environments: Vec::new(), venues: Vec::new() }),
            }
            prop_assert!(before.is_err() || more.may(needs, environment.as_ref(), &venues).is_ok());
            more.everywhere = Role::Admin;
            prop_assert!(more.may(needs, environment.as_ref(), &venues).is_ok());
        }

        #[test]
        fn what_is_allowed_together_is_allowed_one_by_one(own in rights(), needs in role(), (environment, venues) in place()) {
            let all = own.may(needs, environment.as_ref(), &venues).is_ok();
            let each = venues.iter().all(|venue| own.may(needs, environment.as_ref(), std::slice::from_ref(venue)).is_ok());
            if !venues.is_empty() {
                prop_assert_eq!(all, each);
            }
            // Whoever may do it everywhere may do it anywhere.
            if own.may(needs, None, &[]).is_ok() {
                prop_assert!(all);
            }
        }

        #[test]
        fn a_binding_to_a_venue_never_reaches_another(role in role(), needs in role(), environments in some(ENVIRONMENTS), (environment, venues) in place()) {
            let wembley: VenueKey = "wembley".parse().unwrap();
            let own = Rights::new(Role::Viewer, vec![RoleBinding { role, environments, venues: vec![wembley.clone()] }]);
            if needs > Role::Viewer && (venues.is_empty() || venues.iter().any(|venue| *venue != wembley)) {
                prop_assert!(own.may(needs, environment.as_ref(), &venues).is_err());
            }
        }

        #[test]
        fn viewers_never_write(mut bindings in prop::collection::vec(binding(), 0..4), needs in role(), (environment, venues) in place()) {
            for binding in &mut bindings {
                binding.role = Role::Viewer;
            }
            let own = Rights::new(Role::Viewer, bindings);
            prop_assert_eq!(own.may(needs, environment.as_ref(), &venues).is_ok(), needs == Role::Viewer);
        }
    }

    #[test]
    fn whoever_is_refused_is_told_where_and_what_is_lacking() {
        let binding =
            serde_json::from_str(r#"{"role":"operator","environments":["production"],"venues":["wembley"]}"#);
        let own = Rights::new(Role::Viewer, vec![binding.unwrap()]);
        let (production, venues) =
            ("production".parse().unwrap(), ["wembley", "dome"].map(|key| key.parse().unwrap()));
        assert_eq!(own.may(Role::Operator, Some(&production), &venues[..1]), Ok(()));
        let out = own.may(Role::Operator, Some(&production), &venues).unwrap_err();
        assert_eq!(
            out.to_string(),
            "this needs the role operator for dome in production, and yours there is viewer"
        );
        let out = own.may(Role::Editor, None, &[]).unwrap_err();
        assert_eq!(out.place(), "all environments and venues");
        assert_eq!(own.highest(), Role::Operator);
    }
}
