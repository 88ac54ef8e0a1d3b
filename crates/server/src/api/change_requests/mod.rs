//! Change requests: opened, looked at, discussed, approved, and made or dropped.

pub mod view;

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use usher_core::model::{
    Actor, Approval, Change, ChangeRequest, Comment, Document, DocumentId, Kind, MAX_COMMENTS, RequestStatus,
    Seq, When,
};
use usher_journal::{Expected, State};
use usher_release::approval;
use utoipa::{IntoParams, ToSchema};

use super::{
    commits::{RawChange, checked},
    documents::{self, ListQuery},
    identity, kills,
    schemas::{ChangeRequestSchema, ChangeSchema, PageOf, WhenSchema, WrittenOf},
    write::{self, TRIES, Turn, Write, Written, may_retry},
};
use crate::{
    app::App,
    auth::Identity,
    body::Body,
    change_requests::{self, Merging},
    clock,
    problem::Problem,
    scopes,
};

/// A request to be, or as its author wants it from now on.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewChangeRequest)]
pub struct New {
    /// Its key; the server gives it one where it has none.
    key: Option<String>,
    /// What it is about, in a line.
    title: String,
    /// Why.
    #[serde(default)]
    message: String,
    /// What would change.
    #[schema(value_type = Vec<ChangeSchema>)]
    changes: Vec<RawChange>,
    /// The versions that its author saw, by `kind/key`; 0 for a document that is not there. What is left out is taken to
    /// be what is there now.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    expected: BTreeMap<String, u64>,
    /// When it is made by itself, once it is approved.
    #[schema(value_type = Option<WhenSchema>)]
    apply_at: Option<When>,
}

/// What somebody says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// What.
    text: String,
}

/// Why a request is made or dropped.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = Decided)]
pub struct Decided {
    /// Why.
    message: Option<String>,
}

/// The answer to a request that was made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Merged {
    /// The commit.
    #[schema(value_type = u64)]
    seq: Seq,
    /// The documents that it changed.
    changed: Vec<String>,
    /// Whether this is the answer to an earlier sending, given again.
    replayed: bool,
}

/// Which of them to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatusQuery {
    /// Only those that are `open`, `merged` or `closed`.
    #[param(value_type = Option<String>)]
    status: Option<RequestStatus>,
}

/// Lists them.
#[utoipa::path(get, path = "/api/v1/change-requests", tag = "change requests", operation_id = "list_change_requests", params(ListQuery, StatusQuery),
    responses((status = 200, description = "A page of change requests", body = inline(PageOf<ChangeRequestSchema>)), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    app: web::Data<App>,
    query: web::Query<ListQuery>,
    status: web::Query<StatusQuery>,
) -> Result<HttpResponse, Problem> {
    let wanted = |document: &Document| {
        status.status.is_none_or(|wanted| {
            document.parse::<ChangeRequest>().is_ok_and(|request| request.status == wanted)
        })
    };
    documents::list_those(&app, Kind::ChangeRequest, query.into_inner(), wanted).await
}

/// Opens one.
#[utoipa::path(post, path = "/api/v1/change-requests", tag = "change requests", operation_id = "open_change_request", request_body = New,
    responses((status = 201, description = "Opened", body = inline(WrittenOf<ChangeRequestSchema>)), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn open(request: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    let new = Draft::read(&body)?;
    let by = identity(&request)?;
    let write = Write::new(&app, &request, None, &body)?;
    if let Some(replayed) = write.replayed().await?
        && let Some((document, _)) = replayed.ids().next().and_then(|id| replayed.document(id))
    {
        return Ok(answer(StatusCode::CREATED, &replayed.written, document));
    }
    let turn = write.turn().await?;
    let state = Arc::clone(&app.world.snapshot().state);
    let key = match &new.key {
        Some(key) => key.clone(),
        // Unlike any that there is, for every commit has another number; but somebody may have named one so.
        None => (state.seq().0 + 1..)
            .map(|n| format!("cr-{n}"))
            .find(|key| state.get(&id_of(key)).is_none())
            .unwrap_or_default(),
    };
    let draft = new.draft(&state, &key, by.actor())?;
    allowed(&draft, &by, &state)?;
    let write = write.or_message(|| format!("Change request {key}: {}", draft.title));
    // Who has seen something else than there is now learns of that at once.
    let seen = draft.ids().map(|id| (id.clone(), change_requests::expectation(&draft, id)));
    let expected = seen.chain([(id_of(&key), Expected::Absent)]).collect();
    write_one(write, turn, &draft, expected, StatusCode::CREATED).await
}

/// Changes one that is open. Whoever has approved it has to do so again.
#[utoipa::path(put, path = "/api/v1/change-requests/{key}", tag = "change requests", operation_id = "edit_change_request",
    params(("key" = String, Path, description = "The change request"), ("If-Match" = Option<String>, Header, description = "The version that is changed")), request_body = New,
    responses((status = 200, description = "Changed", body = inline(WrittenOf<ChangeRequestSchema>)), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn edit(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let new = Draft::read(&body)?;
    if new.key.as_deref().is_some_and(|own| own != key.as_str()) {
        let mend = "Leave the key out, or send it to its own path; a key can't be changed.";
        return Err(Problem::bad_value(
            "key",
            new.key.unwrap_or_default(),
            "this is not the key in the path",
            mend,
        ));
    }
    let by = identity(&request)?;
    amend(&app, &request, &key, &body, "is changed", |own, state| {
        must_be_open(own)?;
        if !own.author.is(&by.actor()) {
            let detail = format!(
                "{} asks for this, so only they say what it is: comment, or open another one.",
                own.author.name
            );
            return Err(Problem::forbidden(detail));
        }
        let draft = new.draft(state, &key, by.actor())?;
        allowed(&draft, &by, state)?;
        let edited = ChangeRequest { opened: own.opened, comments: own.comments.clone(), ..draft };
        // What was approved, and what became of it, is about the very request that it was.
        if edited != (ChangeRequest { approvals: Vec::new(), outcome: None, ..own.clone() }) {
            *own = edited;
        }
        Ok(())
    })
    .await
}

/// Says something about one.
#[utoipa::path(post, path = "/api/v1/change-requests/{key}/comments", tag = "change requests", operation_id = "comment_on_change_request",
    params(("key" = String, Path, description = "The change request")), request_body = Said,
    responses((status = 200, description = "Said", body = inline(WrittenOf<ChangeRequestSchema>)), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn comment(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let Said { text } = usher_core::problem::from_json(&body)?;
    if text.trim().is_empty() {
        return Err(Problem::bad_value("text", "nothing", "this says nothing", "Give it a text."));
    }
    let by = identity(&request)?.actor();
    amend(&app, &request, &key, &body, "is commented on", |own, _| {
        if own.comments.len() >= MAX_COMMENTS {
            let mend = "Open another change request.";
            return Err(Problem::bad_value("comments", MAX_COMMENTS, "there are too many comments", mend));
        }
        own.comments.push(Comment { by: by.clone(), at: clock::now(), text: text.clone() });
        Ok(())
    })
    .await
}

/// Approves one as a second person. With `If-Match`, only what was looked at.
#[utoipa::path(post, path = "/api/v1/change-requests/{key}/approve", tag = "change requests", operation_id = "approve_change_request",
    params(("key" = String, Path, description = "The change request"), ("If-Match" = Option<String>, Header, description = "The version that was looked at")),
    responses((status = 200, description = "Approved", body = inline(WrittenOf<ChangeRequestSchema>)), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn approve(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let by = identity(&request)?;
    let actor = by.actor();
    amend(&app, &request, &key, &body, "is approved", |own, state| {
        must_be_open(own)?;
        allowed(own, &by, state)?;
        approval::may_approve(own, &actor).map_err(Problem::forbidden)?;
        if !own.approvals.iter().any(|other| other.by.is(&actor)) {
            own.approvals.push(Approval { by: actor.clone(), at: clock::now() });
        }
        Ok(())
    })
    .await
}

/// Drops one.
#[utoipa::path(post, path = "/api/v1/change-requests/{key}/close", tag = "change requests", operation_id = "close_change_request",
    params(("key" = String, Path, description = "The change request")), request_body = Decided,
    responses((status = 200, description = "Closed", body = inline(WrittenOf<ChangeRequestSchema>)), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn close(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let why: Decided =
        if body.is_empty() { Decided::default() } else { usher_core::problem::from_json(&body)? };
    let verb = why.message.map_or_else(|| "is closed".to_owned(), |why| format!("is closed: {why}"));
    amend(&app, &request, &key, &body, &verb, |own, _| {
        must_be_open(own)?;
        own.status = RequestStatus::Closed;
        Ok(())
    })
    .await
}

/// Makes one: all its changes, in one commit, where every document is what its author saw.
#[utoipa::path(post, path = "/api/v1/change-requests/{key}/merge", tag = "change requests", operation_id = "merge_change_request",
    params(("key" = String, Path, description = "The change request"), ("Idempotency-Key" = Option<String>, Header, description = "Sending it again changes nothing")), request_body = Decided,
    responses((status = 200, description = "Made", body = Merged), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn merge(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let why: Decided =
        if body.is_empty() { Decided::default() } else { usher_core::problem::from_json(&body)? };
    let by = identity(&request)?;
    let write = Write::new(&app, &request, None, &body)?;
    if let Some(replayed) = write.replayed().await? {
        return Ok(HttpResponse::Ok().json(Merged {
            seq: replayed.written.seq,
            changed: replayed
                .ids()
                .filter(|id| id.kind != Kind::ChangeRequest)
                .map(ToString::to_string)
                .collect(),
            replayed: true,
        }));
    }
    let turn = write.turn().await?;
    let state = Arc::clone(&app.world.snapshot().state);
    let (own, version) = find(&state, &key)?;
    allowed(&own, &by, &state)?;
    must_be_open(&own)?;
    let standing = change_requests::standing(&own, &state, clock::now());
    // Who has broken the glass needs nobody else either; the history says why.
    if !write.breaks_glass() && !standing.reasons.is_empty() {
        return Err(Problem::new(StatusCode::CONFLICT, "not_approved", standing.reasons.join(" ")));
    }
    let Merging { changes, expected, message } = change_requests::merging(&own, version, &state)?;
    let changed = own.ids().map(ToString::to_string).collect();
    let message = why.message.map_or(message.clone(), |why| format!("{message}: {why}"));
    let written = write.or_message(|| message).approved().commit_in(turn, changes, expected).await?;
    Ok(HttpResponse::Ok().json(Merged { seq: written.seq, changed, replayed: false }))
}

/// What was sent, checked as single documents would be.
struct Draft {
    key: Option<String>,
    title: String,
    message: String,
    changes: Vec<Change>,
    expected: BTreeMap<String, u64>,
    apply_at: Option<When>,
}

impl Draft {
    fn read(body: &[u8]) -> Result<Self, Problem> {
        let New { key, title, message, changes, expected, apply_at } = usher_core::problem::from_json(body)?;
        Ok(Self { key, title, message, changes: checked(changes)?, expected, apply_at })
    }

    /// The request, as of `state`.
    fn draft(&self, state: &State, key: &str, author: Actor) -> Result<ChangeRequest, Problem> {
        let mut expected = BTreeMap::new();
        let mut changes = Vec::with_capacity(self.changes.len());
        for change in &self.changes {
            let (id, entry) = (change.id(), state.get(change.id()));
            let now = entry.map_or(Seq::ZERO, |entry| entry.version);
            expected.insert(id.to_string(), self.expected.get(&id.to_string()).map_or(now, |own| Seq(*own)));
            changes.push(match change {
                // What only the server writes is not brought in by this way.
                Change::Put(document) => Change::Put(kills::keep(document.clone(), entry)?),
                Change::Delete(_) if entry.is_none() => return Err(Problem::not_found(id)),
                Change::Delete(_) => change.clone(),
            });
        }
        if let Some(unknown) = self.expected.keys().find(|own| !expected.contains_key(*own)) {
            let mend = "Name documents that this changes, as `flag/resale-guard`.";
            return Err(Problem::bad_value("expected", unknown, "this document is not changed", mend));
        }
        write::checked(changes.clone(), state)?;
        if let Some(at) = &self.apply_at {
            let due = at.due(state).map_err(|problem| problem.within("applyAt"))?.at;
            if due <= clock::now() {
                let mend = "Give a time that is to come.";
                return Err(Problem::bad_value("applyAt", due, "this time is over", mend));
            }
        }
        let key = key.parse().map_err(|detail: String| {
            Problem::bad_value("key", key, &detail, "Use letters, digits, `.`, `_` and `-`.")
        })?;
        Ok(ChangeRequest {
            key,
            title: self.title.clone(),
            message: self.message.clone(),
            changes,
            expected,
            author,
            opened: clock::now(),
            approvals: Vec::new(),
            comments: Vec::new(),
            status: RequestStatus::Open,
            apply_at: self.apply_at.clone(),
            outcome: None,
        })
    }
}

fn id_of(key: &str) -> DocumentId {
    DocumentId::new(Kind::ChangeRequest, key)
}

fn find(state: &State, key: &str) -> Result<(ChangeRequest, Seq), Problem> {
    let id = id_of(key);
    let entry = state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
    Ok((entry.document.parse()?, entry.version))
}

/// Refuses whoever could not write the changes themselves.
fn allowed(own: &ChangeRequest, by: &Identity, state: &State) -> Result<(), Problem> {
    scopes::check(&by.rights(), own.role(), &own.changes, state)
}

fn must_be_open(own: &ChangeRequest) -> Result<(), Problem> {
    let was = match own.status {
        RequestStatus::Open => return Ok(()),
        RequestStatus::Merged => "merged",
        RequestStatus::Closed => "closed",
    };
    Err(Problem::new(
        StatusCode::CONFLICT,
        "not_open",
        format!("The change request {} was {was}: open another one.", own.key),
    ))
}

/// Changes what is said about one, but for its own changes.
async fn amend(
    app: &App,
    request: &HttpRequest,
    key: &str,
    body: &[u8],
    verb: &str,
    edit: impl Fn(&mut ChangeRequest, &State) -> Result<(), Problem>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(key);
    let mut tries = 0;
    loop {
        tries += 1;
        let write = Write::new(app, request, None, body)?;
        if let Some(replayed) = write.replayed().await?
            && let Some((document, _)) = replayed.document(&id)
        {
            return Ok(answer(StatusCode::OK, &replayed.written, document));
        }
        let seen = write.expectation(&id)?;
        let turn = write.turn().await?;
        let state = Arc::clone(&app.world.snapshot().state);
        let (mut own, version) = find(&state, key)?;
        let before = own.clone();
        edit(&mut own, &state)?;
        if own == before && request.headers().get("Idempotency-Key").is_none() {
            let entry = state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
            let nothing = Written { seq: entry.version, at: entry.at, replayed: false };
            return Ok(answer(StatusCode::OK, &nothing, &entry.document));
        }
        let write = write.or_message(|| format!("Change request {key} {verb}"));
        let expected = seen.iter().cloned().chain([(id.clone(), Expected::Version(version))]).collect();
        match write_one(write, turn, &own, expected, StatusCode::OK).await {
            Err(problem) if problem.code() == "conflict" && may_retry(&seen) && tries < TRIES => {}
            done => return done,
        }
    }
}

async fn write_one(
    write: Write<'_>,
    turn: Turn,
    own: &ChangeRequest,
    expected: Vec<(DocumentId, Expected)>,
    status: StatusCode,
) -> Result<HttpResponse, Problem> {
    // What is written is checked like any other.
    let document =
        usher_core::model::parse_strict(&Kind::ChangeRequest, Document::from_model(own)?.json().as_bytes())?;
    let changes = vec![Change::Put(document.clone())];
    let written = write.commit_in(turn, changes, expected).await?;
    Ok(answer(status, &written, &document))
}

fn answer(status: StatusCode, written: &Written, document: &Document) -> HttpResponse {
    let Written { seq, at, replayed } = written;
    HttpResponse::build(status)
        .insert_header(("ETag", format!("\"{seq}\"")))
        .json(json!({"seq": seq, "at": at, "version": seq, "document": document, "replayed": replayed}))
}
