//! Everything but credentials and people, in a form that `POST /commits` takes back.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use usher_core::model::{Document, Epoch, Kind, Seq};
use utoipa::ToSchema;

use super::{AtQuery, schemas::DocumentSchema, world_at};
use crate::{app::App, problem::Problem};

/// A workspace's documents.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// The form's version.
    usher_export: u32,
    /// Where it comes from.
    #[schema(value_type = String)]
    epoch: Epoch,
    /// As of this commit.
    #[schema(value_type = u64)]
    seq: Seq,
    /// By kind and key.
    #[schema(value_type = Vec<DocumentSchema>)]
    documents: Vec<Document>,
}

/// Exports the workspace.
#[utoipa::path(get, path = "/api/v1/export", tag = "history", operation_id = "export", params(("at" = Option<String>, Query, description = "As of this commit or time")),
    responses((status = 200, description = "All documents", body = Export), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn export(app: web::Data<App>, query: web::Query<AtQuery>) -> Result<HttpResponse, Problem> {
    let snapshot = world_at(&app, query.at.as_deref()).await?;
    let shown = |kind: &Kind| !matches!(kind, Kind::Key | Kind::User | Kind::RoleBinding);
    let documents =
        snapshot.state.entries().map(|entry| &entry.document).filter(|document| shown(document.kind()));
    let documents = documents.cloned().collect();
    Ok(HttpResponse::Ok().json(Export {
        usher_export: 1,
        epoch: snapshot.epoch,
        seq: snapshot.seq(),
        documents,
    }))
}
