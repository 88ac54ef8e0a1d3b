//! The client surface: what programs ask for, the same at a server and at an edge.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::web;
use tokio::sync::watch;

use crate::{
    body::Limit,
    connections::Connections,
    convergence::Convergence,
    headers,
    metrics::Metrics,
    ofrep::{self, Ofrep},
    onlooker::Onlooker,
    problem::Problem,
    rates::Rates,
    sdk::{self, events::Counts},
    settings::Settings,
    source::Source,
    stream::{self, admission::Admissions},
};

/// Clients that get what they begin with at a time; the rest is told when to come, so that a mass reconnect can't
/// fill the memory.
pub const SNAPSHOT_ADMISSIONS: u32 = 64;

/// What the handlers of the client surface share.
pub struct Surface {
    /// What an operator has set.
    pub settings: Settings,
    /// Where the answers come from.
    pub source: Arc<dyn Source>,
    /// Who is connected.
    pub connections: Arc<Connections>,
    /// Who has applied what.
    pub convergence: Arc<Convergence>,
    /// What one address may ask.
    pub rates: Rates,
    /// What OFREP keeps between requests.
    pub ofrep: Ofrep,
    /// What Prometheus is told.
    pub metrics: Metrics,
    /// What SDKs have counted.
    pub counts: Counts,
    /// Places for clients that begin.
    pub admissions: Admissions,
    /// True once the process is about to stop: it is not ready any more, and sends its streams away one by one.
    pub retiring: AtomicBool,
    /// Turns true when the process stops.
    pub draining: watch::Sender<bool>,
    /// Who is shown what was asked and answered, if anybody is.
    pub onlooker: Option<Arc<dyn Onlooker>>,
}

impl Surface {
    /// A surface with nobody connected yet. `key` signs the addresses of OFREP's event streams.
    ///
    /// # Errors
    /// Two metrics of one name.
    pub fn new(settings: Settings, source: Arc<dyn Source>, key: &[u8]) -> prometheus::Result<Self> {
        let connections = Arc::new(Connections::default());
        let metrics = Metrics::new()?;
        Ok(Self {
            source,
            rates: Rates::new(&settings, &metrics.address_limited),
            ofrep: Ofrep::new(&settings, key),
            convergence: Arc::new(Convergence::new(Arc::clone(&connections))),
            connections,
            metrics,
            counts: Counts::default(),
            admissions: Admissions::new(SNAPSHOT_ADMISSIONS),
            retiring: AtomicBool::new(false),
            draining: watch::channel(false).0,
            onlooker: None,
            settings,
        })
    }

    /// Whether new streams are sent away, because the process stops or is about to.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.retiring.load(Ordering::Acquire)
    }

    /// Ends the streams of a credential that is gone.
    pub fn close_credential(&self, credential: &str) {
        self.connections.close_credential(credential);
        self.ofrep.close_credential(credential);
    }
}

/// The routes of the surface: with no more around them than they need, for they are asked often.
pub fn routes(config: &mut web::ServiceConfig) {
    config.configure(ofrep::routes).service(
        web::scope("/sdk/v1")
            .app_data(Limit(MAX_BODY_BYTES))
            .wrap(headers::for_programs())
            .route("/stream", web::get().to(stream::stream))
            .route("/ruleset", web::get().to(sdk::ruleset))
            .route("/values", web::post().to(sdk::values_now))
            .route("/events", web::post().to(sdk::events::events))
            .route("/key", web::get().to(sdk::key))
            .route("/steering", web::get().to(sdk::steering))
            .route("/signers", web::get().to(sdk::signers))
            .default_service(web::to(nothing_here)),
    );
}

/// Largest body of a request, in bytes: one document and a little more.
pub(crate) const MAX_BODY_BYTES: usize = usher_core::limits::MAX_DOCUMENT_BYTES + 64 * 1024;

pub(crate) async fn nothing_here(
    request: actix_web::HttpRequest,
) -> Result<actix_web::HttpResponse, Problem> {
    Err(Problem::not_found(format!("{} {}", request.method(), request.path())))
}
