//! The OpenAPI document, generated from the handlers.

use actix_web::HttpResponse;
use utoipa::OpenApi;

use crate::api::{
    board, commits, documents, evaluate, export, flags, import, keys, people, playbooks, reach, releases,
    restore, schemas, session, status,
};

/// All of the administration API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Usher",
        description = "Feature flags for live events: the administration API.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        session::sign_in,
        session::who,
        session::sign_out,
        status::workspace,
        status::convergence,
        status::connections,
        status::verify,
        documents::environments::list,
        documents::environments::get,
        documents::environments::put,
        documents::environments::delete,
        documents::venues::list,
        documents::venues::get,
        documents::venues::put,
        documents::venues::delete,
        documents::cohorts::list,
        documents::cohorts::get,
        documents::cohorts::put,
        documents::cohorts::delete,
        documents::flags::list,
        documents::flags::get,
        documents::flags::put,
        documents::flags::delete,
        documents::events::list,
        documents::events::get,
        documents::events::put,
        documents::events::delete,
        documents::freezes::list,
        documents::freezes::get,
        documents::freezes::put,
        documents::freezes::delete,
        documents::playbooks::list,
        documents::playbooks::get,
        documents::playbooks::put,
        documents::playbooks::delete,
        playbooks::run,
        playbooks::rehearse,
        documents::releases::list,
        documents::releases::get,
        documents::releases::put,
        documents::releases::delete,
        releases::preflight,
        releases::status,
        releases::rehearse,
        releases::start,
        releases::promote,
        releases::approve,
        releases::pause,
        releases::resume,
        releases::roll_back,
        flags::act,
        flags::archive,
        keys::list,
        keys::create,
        keys::rotate,
        keys::revoke,
        people::list,
        people::create,
        people::change,
        people::delete,
        commits::create,
        commits::list,
        commits::get,
        restore::undo,
        restore::rollback,
        reach::reach,
        evaluate::evaluate,
        board::board,
        export::export,
        import::import,
    ),
    components(schemas(
        schemas::FlagSchema,
        schemas::FlagConfigSchema,
        schemas::RuleSchema,
        schemas::PrerequisiteSchema,
        schemas::RolloutSchema,
        schemas::ServeSchema,
        schemas::ConditionSchema,
        schemas::CohortSchema,
        schemas::VenueSchema,
        schemas::EnvironmentSchema,
        schemas::EventSchema,
        schemas::FreezeSchema,
        schemas::PlaybookSchema,
        schemas::ReleaseSchema,
        schemas::KeySchema,
        schemas::ExposureSchema,
        flags::Action,
        schemas::DocumentSchema,
        schemas::ChangeSchema,
    ))
)]
pub struct Api;

/// `GET /api/v1/openapi.json`.
pub async fn document() -> HttpResponse {
    HttpResponse::Ok().json(Api::openapi())
}
