//! One request as it stands now: what it would change, whom that would reach, and what it still lacks.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use usher_core::model::{ChangeRequest, Document, Due, Kind, RequestStatus, Seq, Timestamp};
use usher_journal::{Expected, State};
use usher_release::approval::Standing;
use utoipa::ToSchema;

use super::super::{
    commits::ChangeDetail,
    reach::{self, Reach},
    schedules::DueSchema,
    schemas::ChangeRequestSchema,
};
use crate::{app::App, change_requests, clock, problem::Problem};

/// A request as it stands now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChangeRequestView)]
pub struct View {
    #[schema(value_type = u64)]
    version: Seq,
    #[schema(value_type = String)]
    updated_at: Timestamp,
    /// The request.
    #[schema(value_type = ChangeRequestSchema)]
    document: Document,
    /// What it still lacks.
    standing: StandingView,
    /// Each document that it changes, as it is now and as it would be. Nothing of one that is over.
    diff: Vec<ChangeDetail>,
    /// Documents that are not what its author saw any more.
    conflicts: Vec<ConflictView>,
    /// Whom it would reach; nothing where it can't be made any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    reach: Option<Reach>,
    /// When it is made by itself, once it is approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DueSchema>)]
    due: Option<Due>,
}

/// What a request still lacks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Standing)]
pub struct StandingView {
    /// Whether it may be made now, but for a freeze.
    may_merge: bool,
    /// How many have to approve.
    needed: u32,
    /// Those whose approval counts.
    approved_by: Vec<String>,
    /// Why it may not be made, in sentences.
    reasons: Vec<String>,
}

impl From<Standing> for StandingView {
    fn from(Standing { needed, approved_by, reasons }: Standing) -> Self {
        Self { may_merge: reasons.is_empty(), needed, approved_by, reasons }
    }
}

/// What a document still lacks, if it is a request that is open.
pub(in super::super) fn standing_of(document: &Document, state: &State) -> Option<StandingView> {
    let is_request = *document.kind() == Kind::ChangeRequest;
    let own = is_request.then(|| document.parse::<ChangeRequest>().ok())??;
    (own.status == RequestStatus::Open).then(|| change_requests::standing(&own, state, clock::now()).into())
}

/// A document that has changed since the request was written.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RequestConflict)]
pub struct ConflictView {
    /// Which, `flag/resale-guard`.
    document: String,
    /// What the author saw; 0 for none.
    #[schema(value_type = u64)]
    expected: Seq,
    /// What there is; 0 for none.
    #[schema(value_type = u64)]
    version: Seq,
    /// Who wrote that.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    at: Option<Timestamp>,
}

/// Reads one, with what it would change, whom that would reach, and what it still lacks.
#[utoipa::path(get, path = "/api/v1/change-requests/{key}", tag = "change requests", operation_id = "get_change_request",
    params(("key" = String, Path, description = "The change request")),
    responses((status = 200, description = "The request as it stands; its version is the ETag", body = View), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn get(app: web::Data<App>, key: web::Path<String>) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    // Its reach is that of many flags at many venues; streams are not to wait for it.
    let view = web::block(move || look(&app, &key)).await.map_err(Problem::internal)??;
    Ok(HttpResponse::Ok().insert_header(("ETag", format!("\"{}\"", view.version))).json(view))
}

fn look(app: &App, key: &str) -> Result<View, Problem> {
    let state = Arc::clone(&app.world.snapshot().state);
    let id = super::id_of(key);
    let entry = state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
    let own: ChangeRequest = entry.document.parse()?;
    let mut standing = change_requests::standing(&own, &state, clock::now());
    let reasons = &mut standing.reasons;
    let is_open = own.status == RequestStatus::Open;
    let conflicts = if is_open { conflicts(&own, &state) } else { Vec::new() };
    if !conflicts.is_empty() {
        reasons.push("What it changes has changed since: its author has to look at it again.".to_owned());
    }
    let reach = match is_open.then(|| reach::compute(app, &own.changes, None)).transpose() {
        Ok(reach) => reach,
        Err(problem) => {
            reasons.push(problem.detail().to_owned());
            None
        }
    };
    let diff = if is_open {
        own.changes.iter().map(|change| ChangeDetail::new(change, &state, true)).collect()
    } else {
        Vec::new()
    };
    Ok(View {
        version: entry.version,
        updated_at: entry.at,
        document: entry.document.clone(),
        standing: standing.into(),
        diff,
        conflicts,
        reach,
        due: own.apply_at.filter(|_| is_open).and_then(|at| at.due(&*state).ok()),
    })
}

fn conflicts(own: &ChangeRequest, state: &State) -> Vec<ConflictView> {
    let conflict = |id| {
        let entry = state.get(id);
        let version = entry.map_or(Seq::ZERO, |entry| entry.version);
        let expected = match change_requests::expectation(own, id) {
            Expected::Version(version) => version,
            Expected::Absent | Expected::Present => Seq::ZERO,
        };
        (version != expected).then(|| ConflictView {
            document: id.to_string(),
            expected,
            version,
            by: entry.map(|entry| entry.actor.name.clone()),
            at: entry.map(|entry| entry.at),
        })
    };
    own.ids().filter_map(conflict).collect()
}
