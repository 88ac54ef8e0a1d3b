//! How things stand: the workspace, who is connected, what has arrived.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use usher_core::model::{Environment, Epoch, Kind, Seq, Timestamp};
use usher_journal::{Durability, Health, Journal};
use utoipa::{IntoParams, ToSchema};

use crate::{app::App, connections::Summary, convergence::Report, fleet::NodeStatus, problem::Problem};

/// The workspace at a glance.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    /// The server's version.
    version: &'static str,
    /// The journal.
    #[schema(value_type = String)]
    epoch: Epoch,
    /// The last commit.
    #[schema(value_type = u64)]
    seq: Seq,
    /// Its time.
    #[schema(value_type = String)]
    at: Timestamp,
    environments: Vec<WorkspaceEnvironment>,
    counts: WorkspaceCounts,
    /// Clients connected now.
    connections: usize,
    journal: JournalStatus,
}

/// Whether changes can be written, and how safe they are.
#[derive(Serialize, ToSchema)]
pub struct JournalStatus {
    /// `well`, `degraded` while it can't be written, `failed` until somebody mends it.
    health: &'static str,
    /// Why it is not well.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[schema(value_type = DurabilitySchema)]
    durability: Durability,
}

impl JournalStatus {
    fn of(journal: &dyn Journal) -> Self {
        let (health, reason) = match journal.health() {
            Health::Well => ("well", None),
            Health::Degraded(reason) => ("degraded", Some(reason)),
            Health::Failed(reason) => ("failed", Some(reason)),
        };
        Self { health, reason, durability: journal.durability() }
    }
}

/// How safe an acknowledged change is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DurabilitySchema {
    /// What keeps it, with its version.
    engine: String,
    /// When it is synchronised to disk: `always` is before it is acknowledged.
    sync: String,
    /// Replicas that have it before it is acknowledged.
    replicas_needed: u32,
    /// Replicas that there were when it was last looked at.
    replicas: u32,
    /// Why an acknowledged change can be lost all the same.
    weakness: Option<String>,
    /// What has happened to it since this server started.
    notice: Option<String>,
}

/// An environment, in short.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceEnvironment {
    key: String,
    name: String,
    critical: bool,
}

/// How many documents there are.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceCounts {
    flags: usize,
    venues: usize,
    cohorts: usize,
}

/// Tells about the workspace.
#[utoipa::path(get, path = "/api/v1/workspace", tag = "status", operation_id = "workspace",
    responses((status = 200, description = "The workspace", body = Workspace)))]
pub async fn workspace(app: web::Data<App>) -> HttpResponse {
    let snapshot = app.world.snapshot();
    let count = |kind: &Kind| snapshot.state.of_kind(kind).count();
    let environments = snapshot.state.of_kind(&Kind::Environment).filter_map(|entry| {
        let environment = entry.document.parse::<Environment>().ok()?;
        let key = environment.key.to_string();
        Some(WorkspaceEnvironment { key, name: environment.name, critical: environment.critical })
    });
    HttpResponse::Ok().json(Workspace {
        version: env!("CARGO_PKG_VERSION"),
        epoch: app.world.journal().epoch(),
        seq: snapshot.seq(),
        at: snapshot.at(),
        environments: environments.collect(),
        counts: WorkspaceCounts {
            flags: count(&Kind::Flag),
            venues: count(&Kind::Venue),
            cohorts: count(&Kind::Cohort),
        },
        connections: app.connections.len(),
        journal: JournalStatus::of(app.world.journal()),
    })
}

/// Which commit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConvergenceQuery {
    /// The commit; the last one that concerned clients, when left out.
    seq: Option<u64>,
}

/// Tells how far a commit has come.
#[utoipa::path(get, path = "/api/v1/convergence", tag = "status", operation_id = "convergence", params(ConvergenceQuery),
    responses((status = 200, description = "How far it has come", body = Report), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn convergence(
    app: web::Data<App>,
    query: web::Query<ConvergenceQuery>,
) -> Result<HttpResponse, Problem> {
    let report = app.convergence.report(query.seq.map(Seq));
    let report = report.ok_or_else(|| {
        Problem::not_found("such commit among those that this server has sent to clients since it started")
    })?;
    Ok(HttpResponse::Ok().json(report))
}

/// Which connections.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConnectionsQuery {
    /// Only those of this environment.
    environment: Option<String>,
}

/// Tells who is connected.
#[utoipa::path(get, path = "/api/v1/connections", tag = "status", operation_id = "connections", params(ConnectionsQuery),
    responses((status = 200, description = "Who is connected", body = Summary)))]
pub async fn connections(app: web::Data<App>, query: web::Query<ConnectionsQuery>) -> HttpResponse {
    HttpResponse::Ok().json(app.connections.summary(query.environment.as_deref()))
}

/// Who serves this workspace.
#[derive(Serialize, ToSchema)]
pub struct Fleet {
    /// The servers: first the one that answers, then the others by name. One that is not heard for seconds is left out.
    nodes: Vec<NodeStatus>,
}

/// Tells who serves this workspace: servers and edges, and how they stand. Edges of edges are not listed; their devices
/// are counted.
#[utoipa::path(get, path = "/api/v1/fleet", tag = "status", operation_id = "fleet",
    responses((status = 200, description = "Who serves", body = Fleet)))]
pub async fn fleet(app: web::Data<App>) -> HttpResponse {
    let mut nodes = vec![NodeStatus::of(&app)];
    nodes.extend(app.peers.statuses());
    HttpResponse::Ok().json(Fleet { nodes })
}

/// What a check of the journal found.
#[derive(Serialize, ToSchema)]
pub struct VerificationSchema {
    epoch: String,
    commits: u64,
    documents: usize,
    head: String,
    problems: Vec<String>,
}

/// Checks the journal from its first commit to its last.
#[utoipa::path(get, path = "/api/v1/verify", tag = "status", operation_id = "verify",
    responses((status = 200, description = "What was found", body = VerificationSchema), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn verify(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(app.world.journal().verify().await?))
}
