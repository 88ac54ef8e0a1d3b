//! Environments, venues, cohorts, flags, events, freezes, releases, playbooks and schedules: reading and writing them whole.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use usher_core::model::{Document, DocumentId, Due, Kind, Seq, Timestamp, parse_strict};
use usher_journal::{Change, Entry, Expected};
use utoipa::{IntoParams, ToSchema};

use super::{
    AtQuery,
    change_requests::view::{StandingView, standing_of},
    kills,
    schedules::{DueSchema, due_of},
    schemas::{
        CohortSchema, EnvironmentSchema, EventSchema, FlagSchema, FreezeSchema, PageOf, PlaybookSchema,
        ReleaseSchema, ScheduleSchema, VenueSchema, WrittenOf,
    },
    world_at,
    write::{TRIES, Write, Written, may_retry},
};
use crate::{app::App, body::Body, problem::Problem};

/// Documents on a page, when not said.
const PAGE: usize = 100;
/// Documents on a page, at most.
const MAX_PAGE: usize = 5_000;

/// Which documents to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many at most.
    limit: Option<usize>,
    /// Where the page before ended: its `nextCursor`.
    cursor: Option<String>,
    /// Only those whose key, name, tags or place contain this.
    search: Option<String>,
    /// Only those of this owner.
    owner: Option<String>,
    /// Only those with this tag.
    tag: Option<String>,
    /// As of this commit or time.
    at: Option<String>,
}

impl ListQuery {
    fn wants(&self, document: &Document) -> bool {
        is_of(document, self.owner.as_deref(), self.tag.as_deref())
    }
}

/// Whether a document has this owner and this tag, where they are asked for.
pub(super) fn is_of(document: &Document, owner: Option<&str>, tag: Option<&str>) -> bool {
    if owner.is_none() && tag.is_none() {
        return true;
    }
    let value = document.value();
    let mut tags = value.get("tags").and_then(Value::as_array).into_iter().flatten();
    owner.is_none_or(|owner| value.get("owner").and_then(Value::as_str) == Some(owner))
        && tag.is_none_or(|tag| tags.any(|own| own.as_str() == Some(tag)))
}

/// What a changing request says about itself.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessageQuery {
    /// Why: the message of the commit.
    pub message: Option<String>,
}

/// A document and its version.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item<'a> {
    #[schema(value_type = u64)]
    version: Seq,
    #[schema(value_type = String)]
    updated_at: Timestamp,
    updated_by: &'a str,
    /// When a schedule is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DueSchema>)]
    due: Option<Due>,
    /// What a change request that is open still lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<StandingView>,
    #[schema(value_type = Object)]
    document: &'a RawValue,
}

/// A page of documents.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    items: Vec<Item<'a>>,
    total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
    seq: Seq,
}

async fn list(app: &App, kind: Kind, query: ListQuery) -> Result<HttpResponse, Problem> {
    list_those(app, kind, query, |_| true).await
}

/// Lists the documents that `wanted` says something of.
pub(super) async fn list_those(
    app: &App,
    kind: Kind,
    query: ListQuery,
    wanted: impl Fn(&Document) -> bool,
) -> Result<HttpResponse, Problem> {
    let snapshot = world_at(app, query.at.as_deref()).await?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let search = query.search.as_deref().unwrap_or_default().to_lowercase();
    let all: Vec<&Entry> = snapshot
        .state
        .of_kind(&kind)
        .filter(|entry| {
            let document = &entry.document;
            fits(document, &search) && query.wants(document) && wanted(document)
        })
        .collect();
    let after = query.cursor.as_deref();
    let mut rest =
        all.iter().filter(|entry| after.is_none_or(|after| entry.document.key() > after)).peekable();
    let page: Vec<&Entry> = rest.by_ref().take(limit).copied().collect();
    let next_cursor = rest.peek().and(page.last()).map(|entry| entry.document.key());
    let items = page.iter().filter_map(|entry| {
        let document = serde_json::from_str(entry.document.json()).ok()?;
        let due = due_of(&entry.document, &snapshot.state);
        let standing = standing_of(&entry.document, &snapshot.state);
        let (version, updated_at, updated_by) = (entry.version, entry.at, &*entry.actor.name);
        Some(Item { version, updated_at, updated_by, due, standing, document })
    });
    let page = Page { items: items.collect(), total: all.len(), next_cursor, seq: snapshot.seq() };
    Ok(HttpResponse::Ok().json(page))
}

fn fits(document: &Document, search: &str) -> bool {
    if search.is_empty() || document.key().to_lowercase().contains(search) {
        return true;
    }
    let value = document.value();
    let text = |name: &str| {
        value.get(name).and_then(Value::as_str).is_some_and(|text| text.to_lowercase().contains(search))
    };
    let tags = value.get("tags").and_then(Value::as_array).into_iter().flatten();
    ["name", "title", "city", "country", "owner"].into_iter().any(text)
        || tags.filter_map(Value::as_str).any(|tag| tag.to_lowercase().contains(search))
}

async fn get(app: &App, kind: Kind, key: &str, query: AtQuery) -> Result<HttpResponse, Problem> {
    let snapshot = world_at(app, query.at.as_deref()).await?;
    let id = DocumentId::new(kind, key);
    let entry = snapshot.state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
    Ok(answer(StatusCode::OK, entry.version).body(entry.document.json().to_owned()))
}

fn answer(status: StatusCode, version: Seq) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header(("ETag", format!("\"{version}\""))).content_type("application/json");
    response
}

async fn put(
    app: &App,
    request: &HttpRequest,
    kind: Kind,
    key: &str,
    query: MessageQuery,
    body: &[u8],
) -> Result<HttpResponse, Problem> {
    let id = DocumentId::new(kind, key);
    let document = parse_strict(&id.kind, body)?;
    if document.key() != key {
        let mend = "Send the document to the path of its own key; a key can't be changed.";
        return Err(Problem::bad_value("key", document.key(), "this is not the key in the path", mend));
    }
    let write = Write::new(app, request, query.message.as_deref(), body)?;
    if let Some(replayed) = write.replayed().await?
        && let Some((document, is_new)) = replayed.document(&id)
    {
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        let body = written_body(&replayed.written, document);
        return Ok(answer(status, replayed.written.seq).json(body));
    }
    let expected = write.expectation(&id)?;
    // Another server may have changed it just now: then there is something to say.
    app.world.catch_up().await?;
    let state = &app.world.snapshot().state;
    let current = state.get(&id);
    let document = kills::keep(document, current)?;
    if let Some(entry) = current.filter(|entry| entry.document == document) {
        let fits =
            expected.as_ref().is_none_or(|(_, expected)| *expected == Expected::Version(entry.version));
        if fits && request.headers().get("Idempotency-Key").is_none() {
            // Nothing to say: no commit.
            return Ok(answer(StatusCode::OK, entry.version).json(written_body(
                &Written { seq: entry.version, at: entry.at, replayed: false },
                &document,
            )));
        }
    }
    let status = if current.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let verb = if current.is_some() { "Change" } else { "Create" };
    let write = write.or_message(|| format!("{verb} {id}"));
    let (written, document) = write.save(document, expected).await?;
    Ok(answer(status, written.seq).json(written_body(&written, &document)))
}

fn written_body(written: &Written, document: &Document) -> Value {
    json!({"seq": written.seq, "at": written.at, "version": written.seq, "document": document, "replayed": written.replayed})
}

async fn delete(
    app: &App,
    request: &HttpRequest,
    kind: Kind,
    key: &str,
    query: MessageQuery,
) -> Result<HttpResponse, Problem> {
    let id = DocumentId::new(kind, key);
    let write = Write::new(app, request, query.message.as_deref(), &[])?;
    if let Some(replayed) = write.replayed().await? {
        return Ok(HttpResponse::Ok().json(replayed.written));
    }
    let expected = write.expectation(&id)?;
    let write = write.or_message(|| format!("Delete {id}"));
    let mut tries = 0;
    loop {
        tries += 1;
        let turn = write.turn().await?;
        let state = Arc::clone(&app.world.snapshot().state);
        let entry = state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
        let own = expected.as_ref().map_or(Expected::Present, |(_, own)| *own);
        kills::let_go(Some(entry), Some(own))?;
        // A kill that comes in between, at another server, must not go with the flag: then it is tried anew.
        let all = expected.iter().cloned().chain([(id.clone(), Expected::Version(entry.version))]).collect();
        match write.commit_in(turn, vec![Change::Delete(id.clone())], all).await {
            Err(problem) if problem.code() == "conflict" && may_retry(&expected) && tries < TRIES => {}
            done => return Ok(HttpResponse::Ok().json(done?)),
        }
    }
}

macro_rules! resource {
    ($name:ident, $kind:expr, $schema:ty, $tag:literal, $collection:literal, $one:literal) => {
        #[doc = concat!("The routes of ", $tag, ".")]
        pub mod $name {
            use super::*;

            /// Lists them.
            #[utoipa::path(get, path = $collection, tag = $tag, operation_id = concat!("list_", $tag), params(ListQuery),
                responses((status = 200, description = "A page of documents", body = inline(PageOf<$schema>)), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
            pub async fn list(app: web::Data<App>, query: web::Query<ListQuery>) -> Result<HttpResponse, Problem> {
                super::list(&app, $kind, query.into_inner()).await
            }

            /// Reads one.
            #[utoipa::path(get, path = $one, tag = $tag, operation_id = concat!("get_", $tag), params(("key" = String, Path, description = "Its key"), ("at" = Option<String>, Query, description = "As of this commit or time")),
                responses((status = 200, description = "The document; its version is the ETag", body = $schema), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
            pub async fn get(app: web::Data<App>, key: web::Path<String>, query: web::Query<AtQuery>) -> Result<HttpResponse, Problem> {
                super::get(&app, $kind, &key, query.into_inner()).await
            }

            /// Writes one, whole.
            #[utoipa::path(put, path = $one, tag = $tag, operation_id = concat!("put_", $tag), params(("key" = String, Path, description = "Its key"), MessageQuery, ("If-Match" = Option<String>, Header, description = "The version that is changed"), ("Idempotency-Key" = Option<String>, Header, description = "Sending it again changes nothing")), request_body = $schema,
                responses((status = 200, description = "Changed", body = inline(WrittenOf<$schema>)), (status = 201, description = "Created", body = inline(WrittenOf<$schema>)), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
            pub async fn put(request: HttpRequest, app: web::Data<App>, key: web::Path<String>, query: web::Query<MessageQuery>, body: Body) -> Result<HttpResponse, Problem> {
                super::put(&app, &request, $kind, &key, query.into_inner(), &body).await
            }

            /// Deletes one that nothing refers to.
            #[utoipa::path(delete, path = $one, tag = $tag, operation_id = concat!("delete_", $tag), params(("key" = String, Path, description = "Its key"), MessageQuery, ("If-Match" = Option<String>, Header, description = "The version that is deleted")),
                responses((status = 200, description = "Deleted", body = Written), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
            pub async fn delete(request: HttpRequest, app: web::Data<App>, key: web::Path<String>, query: web::Query<MessageQuery>) -> Result<HttpResponse, Problem> {
                super::delete(&app, &request, $kind, &key, query.into_inner()).await
            }
        }
    };
}

resource!(
    environments,
    Kind::Environment,
    EnvironmentSchema,
    "environments",
    "/api/v1/environments",
    "/api/v1/environments/{key}"
);
resource!(venues, Kind::Venue, VenueSchema, "venues", "/api/v1/venues", "/api/v1/venues/{key}");
resource!(cohorts, Kind::Cohort, CohortSchema, "cohorts", "/api/v1/cohorts", "/api/v1/cohorts/{key}");
resource!(events, Kind::Event, EventSchema, "events", "/api/v1/events", "/api/v1/events/{key}");
resource!(freezes, Kind::Freeze, FreezeSchema, "freezes", "/api/v1/freezes", "/api/v1/freezes/{key}");
resource!(releases, Kind::Release, ReleaseSchema, "releases", "/api/v1/releases", "/api/v1/releases/{key}");
resource!(
    playbooks,
    Kind::Playbook,
    PlaybookSchema,
    "playbooks",
    "/api/v1/playbooks",
    "/api/v1/playbooks/{key}"
);
resource!(
    schedules,
    Kind::Schedule,
    ScheduleSchema,
    "schedules",
    "/api/v1/schedules",
    "/api/v1/schedules/{key}"
);
resource!(flags, Kind::Flag, FlagSchema, "flags", "/api/v1/flags", "/api/v1/flags/{key}");
