//! Commits: making one of many documents, reading history.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use usher_core::{
    Problems,
    model::{DocumentId, Kind, Role, Seq, Timestamp, parse_strict},
};
use usher_journal::{Actor, Change, Commit, Expected, History, Point, State};
use utoipa::{IntoParams, ToSchema};

use super::{
    identity,
    keys::shown,
    schemas::{ChangeSchema, DocumentSchema},
    write::{Write, Written},
};
use crate::{app::App, body::Body, problem::Problem, world::Snapshot};

/// Commits on a page, when not said, and at most.
const PAGE: usize = 50;
pub(super) const MAX_PAGE: usize = 500;
/// Commits that are looked through for one page, when the journal has no index for what is asked.
const MAX_SCAN: usize = 5_000;

/// A commit, summed up.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommitSummary {
    /// Its number.
    #[schema(value_type = u64)]
    pub seq: Seq,
    /// Its time.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// Who made it.
    #[schema(value_type = ActorSchema)]
    pub actor: Actor,
    /// Why.
    pub message: String,
    /// What it changed.
    pub changes: Vec<ChangeSummary>,
}

/// Who made a commit.
#[derive(Serialize, ToSchema)]
pub struct ActorSchema {
    /// `user`, `token` or `system`.
    kind: String,
    /// Their key.
    id: String,
    /// How they are shown.
    name: String,
}

/// One document that a commit changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeSummary {
    /// Its kind.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// Its key.
    pub key: String,
    /// `created`, `updated` or `deleted`.
    pub action: &'static str,
}

impl CommitSummary {
    /// Sums a commit up; `now` knows which documents it made.
    #[must_use]
    pub fn new(commit: &Commit, now: &Snapshot) -> Self {
        let changes = commit.changes.iter().map(|change| {
            let id = change.id();
            let created = now.state.get(id).is_some_and(|entry| entry.created == commit.seq);
            let action = match change {
                Change::Delete(_) => "deleted",
                Change::Put(_) if created => "created",
                Change::Put(_) => "updated",
            };
            ChangeSummary { kind: id.kind.clone(), key: id.key.to_string(), action }
        });
        Self {
            seq: commit.seq,
            at: commit.at,
            actor: commit.actor.clone(),
            message: commit.message.clone(),
            changes: changes.collect(),
        }
    }
}

/// Several changes at once.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCommit {
    /// Why.
    #[serde(default)]
    message: String,
    /// What changes.
    #[schema(value_type = Vec<ChangeSchema>)]
    changes: Vec<RawChange>,
    /// The versions that are changed, by `kind/key`; 0 for a document that is not there.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    expected: BTreeMap<String, u64>,
}

/// One change, not yet checked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum RawChange {
    Put(Value),
    Delete(DocumentId),
}

/// What has routes of its own: who could write it here would make themselves an administrator, or somebody's approval.
pub(super) fn is_protected(kind: &Kind) -> bool {
    matches!(kind, Kind::Key | Kind::User | Kind::RoleBinding | Kind::ChangeRequest)
}

/// What only administrators see in the history: who has an account, or a key.
fn is_private(kind: &Kind) -> bool {
    matches!(kind, Kind::Key | Kind::User | Kind::RoleBinding)
}

/// Checks changes as single documents would be.
pub(super) fn checked(changes: Vec<RawChange>) -> Result<Vec<Change>, Problem> {
    let mut problems = Problems::default();
    let mut checked = Vec::with_capacity(changes.len());
    for (n, change) in changes.into_iter().enumerate() {
        match change {
            RawChange::Delete(id) => checked.push(Change::Delete(id)),
            RawChange::Put(value) => {
                let at = format!("changes[{n}].put");
                let kind = Kind::from(value.get("kind").and_then(Value::as_str).unwrap_or("nothing"));
                match parse_strict(&kind, value.to_string().as_bytes()) {
                    Ok(document) => checked.push(Change::Put(document)),
                    Err(found) => problems.extend_within(&at, found),
                }
            }
        }
    }
    if let Some(change) = checked.iter().find(|change| is_protected(&change.id().kind)) {
        let mend = "Use the routes for keys, people and change requests.";
        problems.push(usher_core::Problem::new(
            "changes",
            change.id(),
            "credentials, people and change requests can't be written here",
            mend,
        ));
    }
    Ok(problems.or(checked)?)
}

/// The versions that somebody saw, by `kind/key`; 0 of a document that was not there.
pub(super) fn versions(seen: BTreeMap<String, u64>) -> Result<Vec<(DocumentId, Expected)>, Problem> {
    let read = |(id, version): (String, u64)| {
        let document = id.parse().map_err(|detail: String| {
            Problem::bad_value("expected", &id, &detail, "Name documents as `flag/resale-guard`.")
        })?;
        Ok((document, if version == 0 { Expected::Absent } else { Expected::Version(Seq(version)) }))
    };
    seen.into_iter().map(read).collect()
}

/// Makes one atomic commit of many documents.
#[utoipa::path(post, path = "/api/v1/commits", tag = "history", operation_id = "create_commit", request_body = NewCommit,
    responses((status = 201, description = "Done", body = Written), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn create(request: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    let sent = body.clone();
    // Of a large import this takes long; streams are not to wait for it.
    let read = move || {
        let NewCommit { message, changes, expected } = usher_core::problem::from_json(&sent)?;
        Ok::<_, Problem>((message, checked(changes)?, versions(expected)?))
    };
    let (message, changes, expected) = web::block(read).await.map_err(Problem::internal)??;
    let count = changes.len();
    let write =
        Write::new(&app, &request, Some(&message), &body)?.or_message(|| format!("Change {count} documents"));
    if let Some(replayed) = write.replayed().await? {
        return Ok(HttpResponse::build(StatusCode::CREATED).json(replayed.written));
    }
    let (written, _) = write.save_all(changes, expected).await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(written))
}

/// Which commits to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// How many at most.
    limit: Option<usize>,
    /// Only commits before this one.
    before: Option<u64>,
    /// Only commits that changed this flag.
    flag: Option<String>,
    /// Only commits that name this venue in what they changed.
    venue: Option<String>,
    /// With `key`: only commits that changed this document.
    kind: Option<String>,
    /// See `kind`.
    key: Option<String>,
}

/// A page of commits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommitPage {
    items: Vec<CommitSummary>,
    /// What to ask for the next page with; none on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    next_before: Option<Seq>,
}

/// Lists commits, newest first.
#[utoipa::path(get, path = "/api/v1/commits", tag = "history", operation_id = "list_commits", params(HistoryQuery),
    responses((status = 200, description = "A page of commits", body = CommitPage), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn list(app: web::Data<App>, query: web::Query<HistoryQuery>) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    let limit = query.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let flag = query.flag.map(|flag| DocumentId::new(Kind::Flag, flag));
    let document =
        flag.or(query.kind.zip(query.key).map(|(kind, key)| DocumentId::new(kind.as_str().into(), key)));
    let mut before = query.before.map(Seq);
    let mut found: Vec<Commit> = Vec::new();
    let mut scanned = 0;
    let mut more = true;
    while found.len() <= limit && more && scanned < MAX_SCAN {
        let page = app
            .world
            .journal()
            .history(History { before, document: document.clone(), limit: limit + 1 })
            .await?;
        more = page.len() > limit;
        scanned += page.len();
        before = page.last().map(|commit| commit.seq);
        found.extend(
            page.into_iter().filter(|commit| query.venue.as_deref().is_none_or(|venue| names(commit, venue))),
        );
    }
    let is_last = found.len() <= limit && !more;
    found.truncate(limit);
    let next_before = if is_last { None } else { found.last().map(|commit| commit.seq).or(before) };
    let now = app.world.snapshot();
    let items = found.iter().map(|commit| CommitSummary::new(commit, &now)).collect();
    Ok(HttpResponse::Ok().json(CommitPage { items, next_before }))
}

/// Whether a commit's documents, or its message, name a venue.
fn names(commit: &Commit, venue: &str) -> bool {
    let quoted = format!("\"{venue}\"");
    commit.message.contains(venue)
        || commit.changes.iter().any(|change| match change {
            Change::Put(document) => document.json().contains(&quoted),
            Change::Delete(id) => &*id.key == venue,
        })
}

/// A commit with its documents before and after.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommitDetail {
    #[serde(flatten)]
    summary: CommitHead,
    changes: Vec<ChangeDetail>,
}

#[derive(Serialize, ToSchema)]
struct CommitHead {
    #[schema(value_type = u64)]
    seq: Seq,
    #[schema(value_type = String)]
    at: Timestamp,
    #[schema(value_type = ActorSchema)]
    actor: Actor,
    message: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ChangeDetail {
    #[schema(value_type = String)]
    kind: Kind,
    key: String,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DocumentSchema>)]
    before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DocumentSchema>)]
    after: Option<Value>,
}

impl ChangeDetail {
    /// A change of what was there `before`.
    pub(super) fn new(change: &Change, before: &State, sees_all: bool) -> Self {
        let id = change.id();
        let old = before.get(id).map(|entry| shown(&entry.document));
        let new = change.after().map(shown);
        let action = match (&old, &new) {
            (None, _) => "created",
            (Some(_), Some(_)) => "updated",
            (Some(_), None) => "deleted",
        };
        // Who has an account, or a key, is for administrators only, here as elsewhere.
        let (old, new) = if sees_all || !is_private(&id.kind) { (old, new) } else { (None, None) };
        Self { kind: id.kind.clone(), key: id.key.to_string(), action, before: old, after: new }
    }
}

/// A commit, and the state before it.
pub(super) async fn find(app: &App, seq: u64) -> Result<(Commit, std::sync::Arc<State>), Problem> {
    let missing = || Problem::not_found(format!("commit {seq}"));
    let before = seq.checked_sub(1).ok_or_else(missing)?;
    let commit = app.world.journal().read(Seq(before), 1).await?.pop().ok_or_else(missing)?;
    let before = app.world.journal().state_at(Point::Seq(Seq(before))).await?;
    Ok((commit, before))
}

/// Reads one commit with its documents before and after.
#[utoipa::path(get, path = "/api/v1/commits/{seq}", tag = "history", operation_id = "get_commit", params(("seq" = u64, Path, description = "Its number")),
    responses((status = 200, description = "The commit", body = CommitDetail), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    request: HttpRequest,
    app: web::Data<App>,
    seq: web::Path<u64>,
) -> Result<HttpResponse, Problem> {
    let sees_all = identity(&request)?.rights().everywhere() >= Role::Admin;
    let (commit, before) = find(&app, *seq).await?;
    let changes = commit.changes.iter().map(|change| ChangeDetail::new(change, &before, sees_all));
    let changes = changes.collect();
    let summary = CommitHead { seq: commit.seq, at: commit.at, actor: commit.actor, message: commit.message };
    Ok(HttpResponse::Ok().json(CommitDetail { summary, changes }))
}
