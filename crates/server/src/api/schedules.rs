//! When a schedule is due.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use usher_core::model::{Document, DocumentId, Due, Kind, Schedule};
use usher_journal::State;
use utoipa::ToSchema;

use crate::{app::App, problem::Problem};

/// When a schedule is due.
#[derive(Serialize, ToSchema)]
#[schema(as = Due)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)] // Only described.
pub struct DueSchema {
    /// The instant, in UTC.
    at: String,
    /// The same as clocks there show it, with offset and zone; none where no place is known.
    local: Option<String>,
    /// `skipped`: clocks are put forward over the local time that was asked for, so it is later by as much. `repeated`:
    /// they show it twice, and the first is meant.
    turned: Option<String>,
}

/// When one is due, as venues and events are now.
#[utoipa::path(get, path = "/api/v1/schedules/{key}/due", tag = "schedules", operation_id = "schedule_due",
    params(("key" = String, Path, description = "The schedule")),
    responses((status = 200, description = "When that is", body = DueSchema), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn due(app: web::Data<App>, key: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = DocumentId::new(Kind::Schedule, key.as_str());
    let snapshot = app.world.snapshot();
    let entry = snapshot.state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
    let schedule: Schedule = entry.document.parse()?;
    Ok(HttpResponse::Ok().json(schedule.at.due(&*snapshot.state)?))
}

/// When a document is due, if it is a schedule and that is known.
pub(super) fn due_of(document: &Document, state: &State) -> Option<Due> {
    let schedule = (*document.kind() == Kind::Schedule).then(|| document.parse::<Schedule>().ok())??;
    schedule.at.due(state).ok()
}
