//! What a change needs of whoever makes it, and where: which role, in which environments, at which venues.
//!
//! Stricter than [`crate::frozen`], which asks what clients notice: here everything counts that is written, kills, names
//! and what is switched off too, for an operator of one venue writes about no other. What can't be narrowed down is
//! about everything. A plan (a release, a playbook, a schedule) is about all that it would do, for the server carries it
//! out later without asking again; a change request about all that it would change.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use usher_core::{
    model::{
        Change, ChangeRequest, Cohort, Credential, CredentialType, Document, DocumentId, EnvironmentKey,
        Event, Flag, FlagConfig, Freeze, Kind, OutOfScope, Play, Playbook, Release, Rights, Role, Schedule,
        Then, Venue, VenueKey,
    },
    references::Catalogue,
};

use crate::frozen::{Reach, differing, narrowed};

/// A role, and where it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The least role that will do.
    pub role: Role,
    /// Where.
    pub reach: Reach,
}

/// Refuses changes that go further than `rights` do; `floor` is the least role for any of them, and `before` knows the
/// documents as they are.
///
/// # Errors
/// The first document that may not be changed so, and why.
pub fn check<'c>(
    rights: &Rights,
    floor: Role,
    changes: &'c [Change],
    before: &impl Catalogue,
) -> Result<(), (&'c DocumentId, OutOfScope)> {
    // Who may do all of it everywhere needs no longer look, at an import of thousands of flags say.
    if rights.everywhere() == Role::Admin {
        return Ok(());
    }
    for change in changes {
        let id = change.id();
        let least = floor.max(least(&id.kind));
        // A request may change what needs more than itself.
        if rights.everywhere() >= least && id.kind != Kind::ChangeRequest {
            continue;
        }
        for Need { role, reach } in needs(floor, before.find(id).as_ref(), change.after(), before) {
            rights.may(role, reach.environment.as_ref(), &reach.venues).map_err(|out| (id, out))?;
        }
    }
    Ok(())
}

/// What somebody needs to change a document from `before` to `after`, where any such change needs `floor`.
#[must_use]
pub fn needs(
    floor: Role,
    before: Option<&Document>,
    after: Option<&Document>,
    catalogue: &impl Catalogue,
) -> Vec<Need> {
    let Some(kind) = before.or(after).map(Document::kind) else { return Vec::new() };
    if before == after {
        return Vec::new();
    }
    if *kind == Kind::ChangeRequest {
        return request(floor, before, after, catalogue);
    }
    let role = floor.max(least(kind));
    touched(kind, before, after, catalogue).into_iter().map(|reach| Need { role, reach }).collect()
}

/// The least role for what has routes of its own for administrators, whichever way it is written.
fn least(kind: &Kind) -> Role {
    match kind {
        Kind::Environment | Kind::Freeze | Kind::Key | Kind::User | Kind::RoleBinding => Role::Admin,
        _ => Role::Viewer,
    }
}

fn everything() -> Vec<Reach> {
    vec![Reach { environment: None, venues: Vec::new() }]
}

fn touched(
    kind: &Kind,
    before: Option<&Document>,
    after: Option<&Document>,
    catalogue: &impl Catalogue,
) -> Vec<Reach> {
    let both = || before.into_iter().chain(after);
    let found = match kind {
        Kind::Flag => match (read::<Flag>(before), read::<Flag>(after)) {
            (Ok(before), Ok(after)) => Some(flag(before.as_ref(), after.as_ref())),
            _ => None,
        },
        Kind::Cohort => at_venues(both().map(|own| own.parse::<Cohort>().ok().map(|own| own.venues))),
        Kind::Venue => at_venues(both().map(|own| own.parse::<Venue>().ok().map(|own| vec![own.key]))),
        Kind::Event => at_venues(both().map(|own| own.parse::<Event>().ok().map(|own| vec![own.venue]))),
        Kind::Freeze => each(both(), |own: Freeze| in_each(own.environments, &own.venues)),
        Kind::Key => each(both(), |own: Credential| match own.credential_type {
            CredentialType::Api => everything(),
            CredentialType::Server | CredentialType::Client | CredentialType::Context => {
                vec![Reach { environment: own.environment, venues: own.venues }]
            }
        }),
        Kind::Release => match (read::<Release>(before), read::<Release>(after)) {
            (Ok(before), Ok(after)) => Some(release(before.as_ref(), after.as_ref(), catalogue)),
            _ => None,
        },
        Kind::Playbook => match (read::<Playbook>(before), read::<Playbook>(after)) {
            (Ok(Some(before)), Ok(Some(mut after))) => {
                // How a rehearsal went is the server's note.
                after.rehearsals.clone_from(&before.rehearsals);
                let same = before == after;
                let all = || plays(before.plays.iter().chain(&after.plays), catalogue);
                Some(if same { Vec::new() } else { all() })
            }
            (Ok(before), Ok(after)) => {
                Some(plays(before.iter().chain(&after).flat_map(|own| &own.plays), catalogue))
            }
            _ => None,
        },
        Kind::Schedule => each(both(), |own: Schedule| plays(&own.plays, catalogue)),
        _ => None,
    };
    found.unwrap_or_else(everything)
}

fn read<M: usher_core::model::Model>(document: Option<&Document>) -> Result<Option<M>, ()> {
    document.map(|own| own.parse::<M>().map_err(drop)).transpose()
}

/// What all of them are about; `None` when one can't be read.
fn each<'d, M: usher_core::model::Model>(
    documents: impl Iterator<Item = &'d Document>,
    of: impl Fn(M) -> Vec<Reach>,
) -> Option<Vec<Reach>> {
    let all: Option<Vec<Vec<Reach>>> = documents.map(|own| own.parse::<M>().ok().map(&of)).collect();
    Some(all?.into_iter().flatten().collect())
}

/// In all environments, at the venues of both; `None` when one can't be read, or is about all venues.
fn at_venues(both: impl Iterator<Item = Option<Vec<VenueKey>>>) -> Option<Vec<Reach>> {
    let all: Option<Vec<Vec<VenueKey>>> = both.map(|own| own.filter(|own| !own.is_empty())).collect();
    let venues = all?.into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect();
    Some(vec![Reach { environment: None, venues }])
}

fn in_each(environments: Vec<EnvironmentKey>, venues: &[VenueKey]) -> Vec<Reach> {
    let at = |environment| Reach { environment, venues: venues.to_vec() };
    if environments.is_empty() {
        return vec![at(None)];
    }
    environments.into_iter().map(|own| at(Some(own))).collect()
}

fn flag(before: Option<&Flag>, after: Option<&Flag>) -> Vec<Reach> {
    let bare = |flag: &Flag| Flag { environments: IndexMap::new(), ..flag.clone() };
    let whole = match (before, after) {
        (Some(before), Some(after)) => bare(before) != bare(after),
        _ => true,
    };
    let config = |flag: Option<&Flag>, name: &EnvironmentKey| {
        flag.and_then(|flag| flag.environments.get(name)).cloned()
    };
    let names: BTreeSet<&EnvironmentKey> =
        before.into_iter().chain(after).flat_map(|flag| flag.environments.keys()).collect();
    if names.is_empty() {
        // Of a flag that is configured nowhere, nothing is in anybody's environment alone.
        return everything();
    }
    let reach = names.into_iter().filter_map(|name| {
        let venues = if whole { Vec::new() } else { venues(config(before, name), config(after, name))? };
        Some(Reach { environment: Some(name.clone()), venues })
    });
    reach.collect()
}

/// The venues that a change of a configuration is about, none for all; `None` when nothing is changed.
fn venues(before: Option<FlagConfig>, after: Option<FlagConfig>) -> Option<Vec<VenueKey>> {
    let (Some(before), Some(after)) = (&before, &after) else {
        return (before != after).then(Vec::new);
    };
    let bare = |own: &FlagConfig| {
        let mut own = FlagConfig { venues: IndexMap::new(), rules: Vec::new(), ..own.clone() };
        own.killed.venues = Vec::new();
        own
    };
    if bare(before) != bare(after) {
        return Some(Vec::new());
    }
    let (killed, kills) = (&before.killed.venues, &after.killed.venues);
    let mut all: BTreeSet<VenueKey> = killed.iter().filter(|venue| !kills.contains(venue)).cloned().collect();
    all.extend(kills.iter().filter(|venue| !killed.contains(venue)).cloned());
    for venue in before.venues.keys().chain(after.venues.keys()) {
        if before.venues.get(venue) != after.venues.get(venue) {
            all.insert(venue.clone());
        }
    }
    for rule in differing(before.rules.iter().collect(), after.rules.iter().collect()) {
        // A rule for no venue at all is about none, and may be so by mistake: that is left to who may write anywhere.
        match rule.condition.as_ref().and_then(narrowed).filter(|own| !own.is_empty()) {
            Some(own) => all.extend(own),
            None => return Some(Vec::new()),
        }
    }
    (!all.is_empty()).then(|| all.into_iter().collect())
}

fn release(before: Option<&Release>, after: Option<&Release>, catalogue: &impl Catalogue) -> Vec<Reach> {
    let plan = |own: &Release| {
        let mut own = own.clone();
        (own.progress, own.rehearsals, own.rehearsing) = (None, Vec::new(), None);
        own
    };
    let mut all = Vec::new();
    for own in before.into_iter().chain(after) {
        all.push(Reach { environment: Some(own.environment.clone()), venues: Vec::new() });
        if before.map(plan) == after.map(plan) {
            // How far it goes, of what was looked at when it was planned.
            continue;
        }
        for guard in &own.guards {
            let Then::Playbook(key) = &guard.then else { continue };
            let playbook = catalogue.find(&DocumentId::new(Kind::Playbook, &**key));
            match playbook.and_then(|own| own.parse::<Playbook>().ok()) {
                Some(playbook) => all.extend(plays(&playbook.plays, catalogue)),
                None => return everything(),
            }
        }
    }
    all
}

/// Where plays act.
fn plays<'p>(plays: impl IntoIterator<Item = &'p Play>, catalogue: &impl Catalogue) -> Vec<Reach> {
    let mut all = Vec::new();
    for play in plays {
        match play {
            Play::Kill(own) | Play::Revive(own) | Play::On(own) | Play::Off(own) => {
                // Where a cohort's people are nobody knows.
                let venues = if own.cohorts.is_empty() { own.venues.clone() } else { Vec::new() };
                all.push(Reach { environment: Some(own.environment.clone()), venues });
            }
            Play::RollBack(own) => {
                let release = catalogue.find(&DocumentId::new(Kind::Release, &*own.release));
                let environment =
                    release.and_then(|own| own.parse::<Release>().ok()).map(|own| own.environment);
                all.push(Reach { environment, venues: Vec::new() });
            }
            // What it was is known, but not what it will be.
            Play::Restore(_) => return everything(),
            // Words reach nobody's devices.
            Play::Notice(_) => {}
        }
    }
    all
}

/// A request needs what its changes need; only what is said about it needs nothing of that.
fn request(
    floor: Role,
    before: Option<&Document>,
    after: Option<&Document>,
    catalogue: &impl Catalogue,
) -> Vec<Need> {
    let (Ok(before), Ok(after)) = (read::<ChangeRequest>(before), read::<ChangeRequest>(after)) else {
        return everything().into_iter().map(|reach| Need { role: Role::Admin, reach }).collect();
    };
    let unsaid = |own: &ChangeRequest| ChangeRequest { comments: Vec::new(), ..own.clone() };
    if before.as_ref().map(unsaid) == after.as_ref().map(unsaid) {
        return Vec::new();
    }
    let all = before.iter().chain(&after).flat_map(|own| &own.changes);
    all.flat_map(|change| of_request(floor, change, catalogue)).collect()
}

fn of_request(floor: Role, change: &Change, catalogue: &impl Catalogue) -> Vec<Need> {
    if change.id().kind == Kind::ChangeRequest {
        // None is changed by another one.
        return everything().into_iter().map(|reach| Need { role: Role::Admin, reach }).collect();
    }
    needs(floor, catalogue.find(change.id()).as_ref(), change.after(), catalogue)
}
