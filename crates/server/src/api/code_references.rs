//! Where flags are named in code: reported by `usher refs`, shown with the flag.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use usher_core::model::{DocumentId, Kind, Timestamp};
use utoipa::ToSchema;

use super::identity;
use crate::{
    app::App,
    body::Body,
    clock,
    code_references::{CodeReport, Kept},
    problem::Problem,
};

/// Places of a flag that are told; of more, how many there are.
const MAX_TOLD: usize = 500;

/// A repository that was looked through.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodeRepository {
    /// Its name.
    repository: String,
    /// The commit at which it was looked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    /// When it was reported.
    #[schema(value_type = String)]
    at: Timestamp,
    /// Who reported it.
    by: String,
    /// How many places were found in it.
    references: usize,
}

impl From<&Kept> for CodeRepository {
    fn from(kept: &Kept) -> Self {
        Self {
            repository: kept.repository.clone(),
            commit: kept.report.commit.clone(),
            at: kept.at,
            by: kept.by.clone(),
            references: kept.report.references.len(),
        }
    }
}

/// Repositories that were looked through.
#[derive(Debug, Serialize, ToSchema)]
pub struct CodeRepositories {
    /// By name.
    repositories: Vec<CodeRepository>,
}

/// Places in code that name a flag.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagReferences {
    /// How many there are.
    total: usize,
    /// The places, at most 500.
    references: Vec<FlagReference>,
    /// The repositories that were looked through, whether they name it or not.
    repositories: Vec<CodeRepository>,
}

/// A place in code that names a flag.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagReference {
    /// The repository.
    repository: String,
    /// The file, from the repository's root.
    file: String,
    /// The line, from 1.
    line: u32,
    /// The line itself, shortened.
    snippet: String,
}

/// Lists the repositories that were looked through.
#[utoipa::path(get, path = "/api/v1/code-references", tag = "code-references", operation_id = "list_code_references",
    responses((status = 200, description = "The repositories", body = CodeRepositories), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn list(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let all = app.code_references.all().await?;
    Ok(HttpResponse::Ok().json(CodeRepositories { repositories: all.iter().map(Into::into).collect() }))
}

/// Takes what was found in a repository, in place of what was known of it.
#[utoipa::path(put, path = "/api/v1/code-references/{repository}", tag = "code-references", operation_id = "put_code_references",
    params(("repository" = String, Path, description = "The repository's name")), request_body = CodeReport,
    responses((status = 200, description = "Taken", body = CodeRepository), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn put(
    request: HttpRequest,
    app: web::Data<App>,
    repository: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let report: CodeReport = usher_core::problem::from_json(&body)?;
    report.check(&repository)?;
    let by = identity(&request)?.actor().name.clone();
    let kept = Kept { repository: repository.into_inner(), at: clock::now(), by, report };
    let answer = CodeRepository::from(&kept);
    app.code_references.put(kept).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// Forgets a repository.
#[utoipa::path(delete, path = "/api/v1/code-references/{repository}", tag = "code-references", operation_id = "delete_code_references",
    params(("repository" = String, Path, description = "The repository's name")),
    responses((status = 204, description = "Forgotten"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn delete(app: web::Data<App>, repository: web::Path<String>) -> Result<HttpResponse, Problem> {
    if app.code_references.remove(&repository).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::not_found(format!("repository {repository} that was looked through")))
    }
}

/// Tells where code names a flag.
#[utoipa::path(get, path = "/api/v1/flags/{key}/references", tag = "flags", operation_id = "flag_references",
    params(("key" = String, Path, description = "The flag")),
    responses((status = 200, description = "The places", body = FlagReferences), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn of_flag(app: web::Data<App>, key: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = DocumentId::new(Kind::Flag, &**key);
    if app.world.snapshot().state.get(&id).is_none() {
        return Err(Problem::not_found(&id));
    }
    let all = app.code_references.all().await?;
    let repositories = all.iter().map(Into::into).collect();
    let mut references = Vec::new();
    let mut total = 0;
    for Kept { repository, report, .. } in all {
        for own in report.references.into_iter().filter(|own| own.flag == *key) {
            total += 1;
            if total <= MAX_TOLD {
                let repository = repository.clone();
                let (file, line, snippet) = (own.file, own.line, own.snippet);
                references.push(FlagReference { repository, file, line, snippet });
            }
        }
    }
    Ok(HttpResponse::Ok().json(FlagReferences { total, references, repositories }))
}
