//! Everything but credentials, people, change requests and schedules that are over, in a form that `POST /commits` takes back.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use usher_core::model::{Document, Kind, Schedule};
use utoipa::ToSchema;

use super::{AtQuery, schemas::DocumentSchema, world_at};
use crate::{app::App, problem::Problem};

/// A workspace's documents.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// The form's version.
    usher_export: u32,
    /// By kind and key.
    #[schema(value_type = Vec<DocumentSchema>)]
    documents: Vec<Document>,
}

/// Exports the workspace.
#[utoipa::path(get, path = "/api/v1/export", tag = "history", operation_id = "export", params(("at" = Option<String>, Query, description = "As of this commit or time")),
    responses((status = 200, description = "All documents", body = Export), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn export(app: web::Data<App>, query: web::Query<AtQuery>) -> Result<HttpResponse, Problem> {
    let snapshot = world_at(&app, query.at.as_deref()).await?;
    let shown =
        |kind: &Kind| !matches!(kind, Kind::Key | Kind::User | Kind::RoleBinding | Kind::ChangeRequest);
    // A schedule that is over is a record of this workspace, and no plan for another: there its time would be past.
    let is_over = |document: &Document| {
        *document.kind() == Kind::Schedule
            && document.parse::<Schedule>().is_ok_and(|schedule| schedule.outcome.is_some())
    };
    let documents = snapshot
        .state
        .entries()
        .map(|entry| &entry.document)
        .filter(|document| shown(document.kind()) && !is_over(document));
    let lines: Vec<&str> = documents.map(Document::json).collect();
    // A line a document, so that two exports can be compared line by line; and nothing that tells where or when, so
    // that what was imported exports to the very same bytes.
    let text = format!("{{\"usherExport\":1,\"documents\":[\n{}\n]}}\n", lines.join(",\n"));
    Ok(HttpResponse::Ok().content_type("application/json").body(text))
}
