//! Taking back: which changes bring a scope back to what it was. Pure; the caller appends them.
//!
//! Two things are never brought back. Credentials, people and change requests: rolling back must not revive a revoked
//! key, nor an approval.
//! And what is killed stays killed: only reviving revives, or undoing the very commit that killed.

use serde_json::{Value, json};
use usher_core::model::{Document, DocumentId, EnvironmentKey, Kind, Seq, VenueKey};

use crate::{Change, Commit, State};

/// How much is brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreScope {
    /// Every flag, cohort, venue and environment.
    Everything,
    /// One document.
    Document(DocumentId),
    /// What one venue gets from one flag in one environment: its override.
    FlagAtVenue {
        /// The flag's key.
        flag: String,
        /// The environment.
        environment: EnvironmentKey,
        /// The venue.
        venue: VenueKey,
    },
}

/// Why a commit can't be undone by itself: one of its documents has changed since.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{document} was changed again by commit {by}: undo that one first, or undo by force")]
pub struct UndoConflict {
    /// The document.
    pub document: DocumentId,
    /// The later commit.
    pub by: Seq,
}

/// The changes that bring `scope` from `now` back to what it was `then`. Empty when nothing differs.
#[must_use]
pub fn rollback(scope: &RestoreScope, then: &State, now: &State) -> Vec<Change> {
    match scope {
        RestoreScope::Document(id) => restore(id, then, now).into_iter().collect(),
        RestoreScope::Everything => {
            let gone = then.entries().filter(|entry| now.get(entry.document.id()).is_none());
            let ids = now.entries().chain(gone).map(|entry| entry.document.id());
            ids.filter_map(|id| restore(id, then, now)).collect()
        }
        RestoreScope::FlagAtVenue { flag, environment, venue } => {
            let id = DocumentId::new(Kind::Flag, flag.as_str());
            let (Some(before), Some(current)) = (then.get(&id), now.get(&id)) else { return Vec::new() };
            let place = format!("/environments/{}/venues", escape(environment));
            let own = before
                .document
                .value()
                .pointer(&place)
                .and_then(|venues| venues.get(venue.as_str()))
                .cloned();
            let mut value = current.document.value();
            if let Some(config) = value.pointer_mut(&format!("/environments/{}", escape(environment))) {
                set_override(config, venue, own);
            }
            changed(&current.document, value).into_iter().collect()
        }
    }
}

/// Whether a commit is undone where its documents have changed since.
#[derive(Clone, Copy, Debug)]
pub enum Forced<'a> {
    /// No: that is a conflict.
    No,
    /// Yes, over these later commits, in any order: all that touched the same documents.
    Over(&'a [Commit]),
}

/// The changes that undo `commit`: its documents as they were `before` it. By force, also where they have
/// changed since; but what later commits have killed, perhaps again, stays killed.
///
/// # Errors
/// The first document that has changed since.
pub fn undo(
    commit: &Commit,
    before: &State,
    now: &State,
    forced: Forced<'_>,
) -> Result<Vec<Change>, UndoConflict> {
    let mut changes = Vec::new();
    for change in &commit.changes {
        let id = change.id();
        if is_protected(id) {
            continue;
        }
        let last = now.get(id).map(|entry| entry.version).or(now.deleted_by(id));
        if let Some(by) = last.filter(|last| *last > commit.seq && matches!(forced, Forced::No)) {
            return Err(UndoConflict { document: id.clone(), by });
        }
        let old = before.get(id).map_or(Value::Null, |entry| entry.document.value());
        // What is killed now, but for what this commit killed.
        let killed = |now: &Document| {
            let mut versions = vec![after(change)];
            if let Forced::Over(later) = forced {
                let same = later.iter().flat_map(|commit| &commit.changes).filter(|later| later.id() == id);
                versions.extend(same.map(after));
            }
            without_kills(now.value(), &versions, &old)
        };
        changes.extend(match (before.get(id), now.get(id)) {
            (Some(_), Some(now)) => changed(&now.document, keep_kills(old.clone(), &killed(&now.document))),
            (Some(before), None) => Some(Change::Put(before.document.clone())),
            (None, Some(now)) => gone(&now.document, &killed(&now.document)),
            (None, None) => None,
        });
    }
    Ok(changes)
}

fn is_protected(id: &DocumentId) -> bool {
    matches!(id.kind, Kind::Key | Kind::User | Kind::RoleBinding | Kind::ChangeRequest)
}

fn restore(id: &DocumentId, then: &State, now: &State) -> Option<Change> {
    if is_protected(id) {
        return None;
    }
    match (then.get(id), now.get(id)) {
        (Some(before), Some(current)) => {
            changed(&current.document, keep_kills(before.document.value(), &current.document.value()))
        }
        (Some(before), None) => Some(Change::Put(before.document.clone())),
        (None, Some(current)) => gone(&current.document, &current.document.value()),
        (None, None) => None,
    }
}

/// What a change left.
fn after(change: &Change) -> Value {
    match change {
        Change::Put(document) => document.value(),
        Change::Delete(_) => Value::Null,
    }
}

/// A document that was not there is taken away; but not a flag in which `killed` still kills anything: whoever
/// makes it again would revive it.
fn gone(current: &Document, killed: &Value) -> Option<Change> {
    let is_killed = environments(killed).any(|(_, config)| config.get("killed").is_some_and(is_any));
    (!is_killed).then(|| Change::Delete(current.id().clone()))
}

/// `value` as a document, if it differs from `current`.
fn changed(current: &Document, value: Value) -> Option<Change> {
    if current.value() == value {
        return None;
    }
    serde_json::from_value(value).ok().map(Change::Put)
}

/// `flag` with all that is killed in `now` killed too. An environment that it did not have before stays, if the
/// flag is killed there: else that would be forgotten, and whoever adds it again would revive the flag.
fn keep_kills(mut flag: Value, now: &Value) -> Value {
    for (environment, config) in environments(now) {
        let Some(killed) = config.get("killed").filter(|killed| is_any(killed)) else { continue };
        let Some(restored) = flag.pointer_mut(&format!("/environments/{}", escape(environment))) else {
            flag["environments"][environment] = config.clone();
            continue;
        };
        let own = restored
            .get("killed")
            .cloned()
            .unwrap_or_else(|| json!({"all": false, "venues": [], "cohorts": []}));
        restored["killed"] = union(own, killed);
    }
    flag
}

/// `flag` without what a commit has killed that led from `before` to the first of `versions`; what a later one
/// does not have was revived, and killed again by somebody else.
fn without_kills(mut flag: Value, versions: &[Value], before: &Value) -> Value {
    let Some(environments) = flag.get_mut("environments").and_then(Value::as_object_mut) else { return flag };
    for (environment, config) in environments {
        let Some(killed) = config.get_mut("killed") else { continue };
        let place = format!("/environments/{}/killed", escape(environment));
        let had = |version: &Value, kill: &dyn Fn(&Value) -> bool| version.pointer(&place).is_some_and(kill);
        let is_own = |kill: &dyn Fn(&Value) -> bool| {
            !had(before, kill) && versions.iter().all(|version| had(version, kill))
        };
        if is_own(&|killed| killed["all"] == json!(true)) {
            killed["all"] = false.into();
        }
        for list in ["venues", "cohorts"] {
            if let Some(items) = killed[list].as_array_mut() {
                items.retain(|item| {
                    !is_own(&|killed| killed[list].as_array().is_some_and(|all| all.contains(item)))
                });
            }
        }
    }
    flag
}

fn environments(flag: &Value) -> impl Iterator<Item = (&String, &Value)> {
    flag.get("environments").and_then(Value::as_object).into_iter().flatten()
}

fn is_any(killed: &Value) -> bool {
    killed["all"] == json!(true)
        || ["venues", "cohorts"]
            .into_iter()
            .any(|list| killed[list].as_array().is_some_and(|all| !all.is_empty()))
}

fn union(mut own: Value, other: &Value) -> Value {
    let all = own["all"] == json!(true) || other["all"] == json!(true);
    own["all"] = all.into();
    for list in ["venues", "cohorts"] {
        let mut items = own[list].as_array().cloned().unwrap_or_default();
        for item in other[list].as_array().into_iter().flatten() {
            if !items.contains(item) {
                items.push(item.clone());
            }
        }
        own[list] = items.into();
    }
    own
}

fn set_override(config: &mut Value, venue: &str, variant: Option<Value>) {
    let Some(config) = config.as_object_mut() else { return };
    let venues = config.entry("venues").or_insert_with(|| json!({}));
    if let Some(venues) = venues.as_object_mut() {
        match variant {
            Some(variant) => drop(venues.insert(venue.to_owned(), variant)),
            None => drop(venues.shift_remove(venue)),
        }
        if venues.is_empty() {
            config.shift_remove("venues");
        }
    }
}

/// A key as a part of a JSON pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
