//! What somebody may do by the groups that they have at the provider: a pure function of these, the settings, and what
//! there is.

use std::collections::BTreeMap;

use serde_json::Value;
use usher_core::model::{Kind, Role, RoleBinding};

/// What somebody may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Everywhere.
    pub role: Role,
    /// More, in some places.
    pub bindings: Vec<RoleBinding>,
}

impl Allowed {
    /// The least that an account can have.
    #[must_use]
    pub fn least() -> Self {
        Self { role: Role::Viewer, bindings: Vec::new() }
    }
}

/// What these groups may do together; none for somebody who is in no group of the settings. A binding to no place holds
/// everywhere. One to places holds in those that there are: without any of them it is left out, never widened.
pub fn allowed(
    groups: &[String],
    settings: &BTreeMap<String, Vec<RoleBinding>>,
    exists: impl Fn(Kind, &str) -> bool,
) -> Option<Allowed> {
    // In the order of the settings: a provider may tell groups in any, and nothing has changed then.
    let own: Vec<&RoleBinding> =
        settings.iter().filter(|(group, _)| groups.contains(group)).flat_map(|(_, own)| own).collect();
    if !settings.keys().any(|group| groups.contains(group)) {
        return None;
    }
    let everywhere = own.iter().filter(|one| one.environments.is_empty() && one.venues.is_empty());
    let role = everywhere.map(|one| one.role).fold(Role::Viewer, Role::max);
    let mut bindings = Vec::new();
    for binding in own.into_iter().filter(|one| one.role > role) {
        let mut kept = binding.clone();
        kept.environments.retain(|key| exists(Kind::Environment, key));
        kept.venues.retain(|key| exists(Kind::Venue, key));
        let widened = kept.environments.is_empty() != binding.environments.is_empty()
            || kept.venues.is_empty() != binding.venues.is_empty();
        if !widened && !bindings.contains(&kept) {
            bindings.push(kept);
        }
    }
    Some(Allowed { role, bindings })
}

/// The groups in a claim: a list of texts, or one text. None where it is neither.
pub(super) fn names(claim: &Value) -> Option<Vec<String>> {
    match claim {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(all) => Some(all.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings() -> BTreeMap<String, Vec<RoleBinding>> {
        serde_json::from_value(json!({
            "admins": [{"role": "admin"}],
            "staff": [{"role": "viewer"}],
            "wembley": [{"role": "operator", "environments": ["production"], "venues": ["wembley", "gone"]},
                        {"role": "viewer", "venues": ["wembley"]}],
            "dome": [{"role": "editor", "venues": ["gone"]}],
            "stewards": [{"role": "operator", "environments": ["production"], "venues": ["wembley"]}],
        }))
        .unwrap()
    }

    fn of(groups: &[&str]) -> Option<Allowed> {
        let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
        allowed(&groups, &settings(), |_, key| key != "gone")
    }

    #[test]
    fn groups_add_up_and_one_that_is_not_set_gives_nothing() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["payments"]), None);
        assert_eq!(of(&["payments", "staff"]), Some(Allowed::least()));
        assert_eq!(
            of(&["staff", "admins", "wembley"]),
            Some(Allowed { role: Role::Admin, bindings: Vec::new() })
        );
        let at_wembley = of(&["wembley"]).unwrap();
        assert_eq!(at_wembley.role, Role::Viewer);
        assert_eq!(at_wembley.bindings, settings()["stewards"]);
        assert_eq!(of(&["stewards", "wembley"]), of(&["wembley", "stewards"]), "in any order, and each once");
    }

    #[test]
    fn a_place_that_is_gone_is_never_read_as_everywhere() {
        assert_eq!(of(&["dome"]), Some(Allowed::least()));
    }

    #[test]
    fn groups_are_a_list_or_one_text() {
        assert_eq!(names(&json!(["a", 7, "b"])), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(names(&json!("a")), Some(vec!["a".to_owned()]));
        assert_eq!((names(&json!({"a": true})), names(&Value::Null)), (None, None));
    }
}
