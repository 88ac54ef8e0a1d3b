//! Whether somebody's rights go as far as what they change.
//!
//! Everything that a request writes is asked about here, by [`crate::api::write`], and so is what is written for
//! somebody later: a change request that is due.

use usher_core::model::{
    Actor, ActorKind, Credential, DocumentId, EnvironmentKey, Kind, OutOfScope, Rights, Role, Timestamp, User,
};
use usher_journal::{Change, State};
use usher_release::scope;

use crate::problem::Problem;

/// Refuses changes that go further than `rights` do; `floor` is the least role for any of them.
///
/// # Errors
/// 403, with the first document that may not be changed so.
pub(crate) fn check(rights: &Rights, floor: Role, changes: &[Change], state: &State) -> Result<(), Problem> {
    scope::check(rights, floor, changes, state).map_err(|(id, out)| refusal(rights, &id.to_string(), &out))
}

/// Refuses something that is done to all of an environment.
///
/// # Errors
/// 403.
pub(crate) fn check_environment(
    rights: &Rights,
    needs: Role,
    field: &str,
    environment: &EnvironmentKey,
) -> Result<(), Problem> {
    rights.may(needs, Some(environment), &[]).map_err(|out| refusal(rights, field, &out))
}

/// How it is said that somebody's rights end. Whoever has the role nowhere is only told of the role.
pub(crate) fn refusal(rights: &Rights, field: &str, out: &OutOfScope) -> Problem {
    if rights.highest() < out.needs {
        let has = rights.highest();
        return Problem::forbidden(format!("{field} needs the role {}; yours is {has}.", out.needs));
    }
    let mend = format!(
        "Leave that out, or ask an administrator to bind your role {} to {}.",
        out.needs,
        out.place()
    );
    Problem::not_in_scope(usher_core::Problem::new(field, out.place(), out.to_string(), mend))
}

/// What somebody may do now; nothing, when they are gone.
pub(crate) fn rights_of(state: &State, by: &Actor, now: Timestamp) -> Option<Rights> {
    let find = |kind| state.get(&DocumentId::new(kind, by.id.as_str())).map(|entry| &entry.document);
    match by.kind {
        ActorKind::User => Some(find(Kind::User)?.parse::<User>().ok()?.rights()),
        ActorKind::Token => {
            let token: Credential = find(Kind::Key)?.parse().ok()?;
            token.is_live(now).then(|| token.rights())
        }
        ActorKind::System => None,
    }
}
