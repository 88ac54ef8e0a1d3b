//! Whose account somebody has who comes from the provider.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use usher_core::model::{Document, DocumentId, Key, Kind, OpenId, Timestamp, User};
use usher_journal::{Actor, ActorKind, Append, AppendError, Change, Expected, State};

use super::Refused;
use crate::{
    api::people,
    app::App,
    auth::{
        oidc::{Allowed, Oidc, Person, allowed},
        secret,
    },
    clock,
    problem::Problem,
};

/// How often an account is brought in step anew, when somebody else was faster.
const TRIES: usize = 4;
/// Characters of the hash of who somebody is that make an account's key.
const KEY_CHARACTERS: usize = 16;

/// The account of somebody, as their groups have it: made, or brought in step, where it has to be.
pub(super) async fn account(app: &App, oidc: &Oidc, person: &Person) -> Result<Arc<User>, Refused> {
    for _ in 0..TRIES {
        let turn = app.writing.lock().await;
        app.world.catch_up().await?;
        let state = Arc::clone(&app.world.snapshot().state);
        let exists = |kind, key: &str| state.get(&DocumentId::new(kind, key)).is_some();
        let rights = allowed(&person.groups, &oidc.groups, exists);
        let now = clock::now();
        let (expected, user) = match own(&state, &oidc.open_id(person)) {
            Some((user, expected)) => {
                let Allowed { role, bindings } = rights.clone().unwrap_or_else(Allowed::least);
                let name = if person.name.is_empty() { user.name.clone() } else { person.name.clone() };
                let next = User { name, role, bindings, ..user.clone() };
                if next == user {
                    drop(turn);
                    return in_a_group(app, rights.as_ref(), user, now).await;
                }
                (expected, next)
            }
            None => (Expected::Absent, newcomer(&state, oidc, person, rights.clone(), now)?),
        };
        let message = match expected {
            Expected::Absent => format!("{} signs in through {} for the first time", user.name, oidc.name),
            _ => format!("Bring the account of {} in step with {}", user.name, oidc.name),
        };
        let document = people::checked(&user)?;
        let append = Append {
            expected: vec![(document.id().clone(), expected)],
            idempotency: None,
            actor: Actor { kind: ActorKind::User, id: user.key.to_string(), name: user.name.clone() },
            message,
            at: now,
            changes: vec![Change::Put(document)],
        };
        let seq = state.seq();
        let unchanged = Arc::new(move |state: &State| state.seq() == seq);
        let written = app.world.append_checked(append, unchanged).await;
        drop(turn);
        match written {
            Err(AppendError::Conflict { .. } | AppendError::Outdated) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return in_a_group(app, rights.as_ref(), user, now).await,
        }
    }
    Err(Refused::Here(Problem::internal("an account is changed all the time")))
}

/// Refuses who is in no group any more; what they have open ends.
async fn in_a_group(
    app: &App,
    rights: Option<&Allowed>,
    user: User,
    now: Timestamp,
) -> Result<Arc<User>, Refused> {
    if rights.is_none() {
        app.sessions.end_all(&user, &user.key, now).await?;
        return Err(Refused::NoGroup);
    }
    Ok(Arc::new(user))
}

/// The account that is tied to somebody.
fn own(state: &State, open_id: &OpenId) -> Option<(User, Expected)> {
    state.of_kind(&Kind::User).find_map(|entry| {
        let user = entry.document.parse::<User>().ok()?;
        (user.open_id.as_ref() == Some(open_id)).then_some((user, Expected::Version(entry.version)))
    })
}

/// The account of somebody who was never here. An address alone ties nobody to an account that there is: whoever decides
/// about addresses at the provider would decide who is who here.
fn newcomer(
    state: &State,
    oidc: &Oidc,
    person: &Person,
    rights: Option<Allowed>,
    now: Timestamp,
) -> Result<User, Refused> {
    let Allowed { role, bindings } = rights.ok_or(Refused::NoGroup)?;
    let email = person.email.clone().ok_or(Refused::NoEmail)?;
    let open_id = oidc.open_id(person);
    let key = key_of(&open_id)?;
    let removed = |key: &Key| state.deleted_by(&DocumentId::new(Kind::User, &**key)).is_some();
    if removed(&key) || removed(&people::key_of(&email)?) {
        return Err(Refused::Removed);
    }
    let of_address = |document: &Document| document.parse::<User>().is_ok_and(|user| user.email == email);
    if state.of_kind(&Kind::User).any(|entry| of_address(&entry.document)) {
        return Err(Refused::EmailTaken);
    }
    let name = person.name.clone();
    let (password_hash, open_id) = (String::new(), Some(open_id));
    Ok(User {
        key,
        email,
        name,
        password_hash,
        role,
        bindings,
        second_factor: None,
        invitation: None,
        open_id,
        created_at: now,
    })
}

/// One person of one provider, one account.
fn key_of(open_id: &OpenId) -> Result<Key, Problem> {
    let OpenId { issuer, subject } = open_id;
    let hash = Sha256::new().chain_update(issuer).chain_update("\n").chain_update(subject).finalize();
    secret::hex(&hash)[..KEY_CHARACTERS].parse().map_err(Problem::internal)
}
