//! Taking back: undoing one commit, rolling back to an earlier state. Both append; what is killed stays killed.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use usher_core::model::{Actor, Document, DocumentId, Kind, Seq, parse_strict};
use usher_journal::{AppendError, Change, Commit, Expected, Forced, History, Point, RestoreScope, State};
use utoipa::ToSchema;

use super::{
    commits::{ChangeDetail, MAX_PAGE, find, is_protected, versions},
    identity, releases,
    schemas::ChangeSchema,
    write::{Turn, Write, Written},
};
use crate::{app::App, body::Body, clock, problem::Problem, schedules, world::Snapshot};

/// How to undo.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Undo {
    /// Why.
    message: Option<String>,
    /// Also where documents have changed since.
    force: bool,
}

/// What is to be taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Restoration {
    /// One commit.
    Undo(Undone),
    /// Everything in a scope since a point.
    Rollback(Back),
}

/// A commit to undo.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Undone {
    /// Its number.
    seq: u64,
    /// Also where documents have changed since.
    #[serde(default)]
    force: bool,
}

/// A scope, and the point that it goes back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Back {
    /// A commit or a time.
    to: To,
    /// How much.
    scope: Scope,
}

/// What taking something back would change.
#[derive(Serialize, ToSchema)]
pub struct Restored {
    /// The changes, as a change request or `POST /commits` takes them.
    #[schema(value_type = Vec<ChangeSchema>)]
    changes: Vec<Change>,
    /// The versions that they would replace, by `kind/key`; 0 for a document that is not there.
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    expected: BTreeMap<String, Seq>,
    /// The same, with what there is now.
    details: Vec<ChangeDetail>,
}

/// Tells what taking something back would change, and changes nothing.
#[utoipa::path(post, path = "/api/v1/rollback/preview", tag = "history", operation_id = "preview_rollback", request_body = Restoration,
    responses((status = 200, description = "What would change", body = Restored), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn preview(request: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    let restoration: Restoration = usher_core::problem::from_json(&body)?;
    let now = app.world.snapshot();
    let changes = match restoration {
        Restoration::Undo(Undone { seq, force }) => {
            let (commit, before) = find(&app, seq).await?;
            undone(&app, &now, &commit, &before, force).await?
        }
        Restoration::Rollback(Back { to, scope }) => {
            let (point, scope) = (to.read()?, scope.read()?);
            usher_journal::rollback(&scope, &*app.world.journal().state_at(point).await?, &now.state)
        }
    };
    let planned = Planned::new(changes, &now, &identity(&request)?.actor())?;
    let version = |expected: &Expected| match expected {
        Expected::Version(version) => *version,
        _ => Seq::ZERO,
    };
    Ok(HttpResponse::Ok().json(Restored {
        expected: planned.expected.iter().map(|(id, own)| (id.to_string(), version(own))).collect(),
        details: planned.changes.iter().map(|change| ChangeDetail::new(change, &now.state, false)).collect(),
        changes: planned.changes,
    }))
}

/// Undoes one commit: its documents are as they were before it.
#[utoipa::path(post, path = "/api/v1/commits/{seq}/undo", tag = "history", operation_id = "undo_commit", params(("seq" = u64, Path, description = "Its number")), request_body = Undo,
    responses((status = 200, description = "Undone", body = Written), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn undo(
    request: HttpRequest,
    app: web::Data<App>,
    seq: web::Path<u64>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let undo: Undo = if body.is_empty() { Undo::default() } else { usher_core::problem::from_json(&body)? };
    let write = Write::new(&app, &request, undo.message.as_deref(), &body)?;
    if let Some(replayed) = write.replayed().await? {
        return Ok(HttpResponse::Ok().json(replayed.written));
    }
    let (commit, before) = find(&app, *seq).await?;
    let write = write.or_message(|| format!("Undo commit {seq}: {}", commit.message));
    let turn = write.turn().await?;
    let now = app.world.snapshot();
    let changes = undone(&app, &now, &commit, &before, undo.force).await?;
    let about: Vec<DocumentId> = commit.changes.iter().map(|change| change.id().clone()).collect();
    let planned = Planned::new(changes, &now, &identity(&request)?.actor())?;
    restore(write, turn, &now, planned, &about).await
}

/// What undoes a commit.
async fn undone(
    app: &App,
    now: &Snapshot,
    commit: &Commit,
    before: &State,
    force: bool,
) -> Result<Vec<Change>, Problem> {
    let later = if force { later(app, commit).await? } else { Vec::new() };
    let forced = if force { Forced::Over(&later) } else { Forced::No };
    usher_journal::undo(commit, before, &now.state, forced)
        .map_err(|conflict| Problem::new(StatusCode::CONFLICT, "undo_conflict", conflict.to_string()))
}

/// All commits after `commit` that changed one of its flags: only those can have killed.
async fn later(app: &App, commit: &Commit) -> Result<Vec<Commit>, Problem> {
    let mut all = Vec::new();
    for id in commit.changes.iter().map(Change::id).filter(|id| id.kind == Kind::Flag) {
        let mut before = None;
        loop {
            let history = History { before, document: Some(id.clone()), limit: MAX_PAGE };
            let page = app.world.journal().history(history).await?;
            before = page.last().map(|last| last.seq);
            all.extend(page.into_iter().filter(|later| later.seq > commit.seq));
            if before.is_none_or(|last| last <= commit.seq) {
                break;
            }
        }
    }
    Ok(all)
}

/// What to roll back, and to where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// A commit or a time.
    to: To,
    /// How much.
    scope: Scope,
    /// Why.
    message: Option<String>,
    /// What the preview said of versions, by `kind/key`: where any of that has changed since, or more than that would be
    /// changed, nothing is.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, u64>>)]
    expected: Option<BTreeMap<String, u64>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct To {
    seq: Option<u64>,
    at: Option<String>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Scope {
    everything: bool,
    flag: Option<String>,
    venue: Option<String>,
    environment: Option<String>,
    kind: Option<String>,
    key: Option<String>,
}

impl To {
    fn read(self) -> Result<Point, Problem> {
        match (self.seq, self.at) {
            (Some(seq), None) => Ok(Point::Seq(Seq(seq))),
            (None, Some(at)) => Ok(Point::Time(at.parse().map_err(|detail: String| {
                Problem::bad_value("to.at", &at, &detail, "Give a time in RFC 3339.")
            })?)),
            _ => Err(Problem::bad_value("to", "…", "this is not one point", "Give either `seq` or `at`.")),
        }
    }
}

impl Scope {
    fn read(self) -> Result<RestoreScope, Problem> {
        let bad = |field: &str, value: &str, detail: String| {
            Problem::bad_value(field, value, &detail, "Correct the key.")
        };
        match self {
            Self { everything: true, flag: None, venue: None, environment: None, kind: None, key: None } => {
                Ok(RestoreScope::Everything)
            }
            Self {
                flag: Some(flag),
                venue: Some(venue),
                environment: Some(environment),
                everything: false,
                kind: None,
                key: None,
            } => {
                let environment =
                    environment.parse().map_err(|detail| bad("scope.environment", &environment, detail))?;
                let venue = venue.parse().map_err(|detail| bad("scope.venue", &venue, detail))?;
                Ok(RestoreScope::FlagAtVenue { flag, environment, venue })
            }
            Self {
                flag: Some(flag),
                venue: None,
                environment: None,
                everything: false,
                kind: None,
                key: None,
            } => Ok(RestoreScope::Document(DocumentId::new(Kind::Flag, flag))),
            Self { kind: Some(kind), .. } if is_protected(&kind.as_str().into()) => Err(bad(
                "scope.kind",
                &kind,
                "credentials, people and change requests are never brought back".to_owned(),
            )),
            Self {
                kind: Some(kind),
                key: Some(key),
                everything: false,
                flag: None,
                venue: None,
                environment: None,
            } => Ok(RestoreScope::Document(DocumentId::new(kind.as_str().into(), key))),
            _ => Err(Problem::bad_value(
                "scope",
                "…",
                "this scope is not clear",
                "Give `everything`, or `flag` (with `venue` and `environment` for one venue), or `kind` and `key`.",
            )),
        }
    }
}

/// Brings a scope back to what it was, by a new commit. What is killed stays killed.
#[utoipa::path(post, path = "/api/v1/rollback", tag = "history", operation_id = "rollback", request_body = Rollback,
    responses((status = 200, description = "Rolled back", body = Written), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn rollback(
    request: HttpRequest,
    app: web::Data<App>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let Rollback { to, scope, message, expected } = usher_core::problem::from_json(&body)?;
    let point = to.read()?;
    let scope = scope.read()?;
    let seen = expected.map(versions).transpose()?;
    let write = Write::new(&app, &request, message.as_deref(), &body)?;
    if let Some(replayed) = write.replayed().await? {
        return Ok(HttpResponse::Ok().json(replayed.written));
    }
    let then = app.world.journal().state_at(point).await?;
    let write = write.or_message(|| format!("Roll back to commit {}", then.seq()));
    let turn = write.turn().await?;
    let now = app.world.snapshot();
    let changes = usher_journal::rollback(&scope, &then, &now.state);
    let about = match scope {
        RestoreScope::Everything => None,
        RestoreScope::Document(id) => Some(id),
        RestoreScope::FlagAtVenue { flag, .. } => Some(DocumentId::new(Kind::Flag, flag)),
    };
    let planned = Planned::new(changes, &now, &identity(&request)?.actor())?;
    if let Some(seen) = &seen {
        planned.check_seen(seen, &now.state)?;
    }
    restore(write, turn, &now, planned, about.as_slice()).await
}

async fn restore(
    write: Write<'_>,
    turn: Turn,
    now: &Snapshot,
    planned: Planned,
    about: &[DocumentId],
) -> Result<HttpResponse, Problem> {
    let Planned { changes, expected } = if planned.changes.is_empty() {
        let Some((unchanged, expected)) = write.nothing(about, &now.state) else {
            return Ok(HttpResponse::Ok().json(Written { seq: now.seq(), at: now.at(), replayed: false }));
        };
        Planned { changes: vec![unchanged], expected: vec![expected] }
    } else {
        planned
    };
    Ok(HttpResponse::Ok().json(write.commit_in(turn, changes, expected).await?))
}

/// What is written to take something back.
struct Planned {
    changes: Vec<Change>,
    /// What was planned from one state must not be written over another.
    expected: Vec<(DocumentId, Expected)>,
}

impl Planned {
    fn new(changes: Vec<Change>, now: &Snapshot, by: &Actor) -> Result<Self, Problem> {
        let after = now.state.with(&changes);
        let canonical = |change| canonical(change, &now.state, &after, by);
        let mut changes = changes.into_iter().map(canonical).collect::<Result<Vec<_>, _>>()?;
        let current = |id: &DocumentId| now.state.get(id);
        // Of what is not brought back with the rest, nothing may be left to do.
        changes.retain(|change| change.after() != current(change.id()).map(|entry| &entry.document));
        let expected = changes.iter().map(|change| {
            let version = current(change.id()).map(|entry| Expected::Version(entry.version));
            (change.id().clone(), version.unwrap_or(Expected::Absent))
        });
        Ok(Self { expected: expected.collect(), changes })
    }

    /// Refuses to do what nobody has seen: who looked at a plan saw these documents in it, at these versions.
    fn check_seen(&self, seen: &[(DocumentId, Expected)], now: &State) -> Result<(), Problem> {
        let moved = seen.iter().find(|(id, version)| match now.get(id) {
            Some(entry) => *version != Expected::Version(entry.version),
            None => *version != Expected::Absent,
        });
        let unseen = || self.changes.iter().map(Change::id).find(|id| seen.iter().all(|(own, _)| own != *id));
        let Some(document) = moved.map(|(id, _)| id).or_else(unseen).cloned() else { return Ok(()) };
        let found = now.get(&document).map(|entry| (entry.version, entry.actor.clone(), entry.at));
        Err(AppendError::Conflict { document, found }.into())
    }
}

/// What is restored is read like anything else that is written: an old form becomes today's.
fn canonical(change: Change, now: &State, after: &State, by: &Actor) -> Result<Change, Problem> {
    Ok(match change {
        Change::Put(document) => {
            let halted = releases::halt(reread(&document)?, now, after, by)?;
            Change::Put(schedules::settle(halted, now, after, clock::now())?)
        }
        Change::Delete(id) => {
            releases::let_go(now.get(&id), after)?;
            Change::Delete(id)
        }
    })
}

fn reread(document: &Document) -> Result<Document, Problem> {
    Ok(parse_strict(document.kind(), document.json().as_bytes())?)
}
