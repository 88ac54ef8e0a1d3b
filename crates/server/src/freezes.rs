//! Whether a freeze forbids changes, whoever makes them.

use usher_core::model::{DocumentId, Environment, EnvironmentKey, Event, Freeze, Kind, Timestamp};
use usher_journal::{Change, State};
use usher_release::{Calendar, frozen};

/// The first document that may not be changed so now, and why, in a sentence that names the freeze.
pub(crate) fn forbids<'c>(
    changes: &'c [Change],
    state: &State,
    now: Timestamp,
) -> Option<(&'c DocumentId, String)> {
    state.of_kind(&Kind::Freeze).next()?;
    let freezes: Vec<Freeze> = state.models();
    let events: Vec<Event> = state.models();
    let environments: Vec<EnvironmentKey> =
        state.models::<Environment>().into_iter().map(|environment| environment.key).collect();
    let calendar = Calendar { events: &events, freezes: &freezes };
    changes.iter().find_map(|change| {
        let before = state.get(change.id()).map(|entry| &entry.document);
        let after = match change {
            Change::Put(document) => Some(document),
            Change::Delete(_) => None,
        };
        Some((change.id(), frozen::forbids(before, after, &environments, &calendar, now)?))
    })
}
