//! Starting and stopping a server.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App as ActixApp,
    dev::ServerHandle,
    middleware::{Compress, from_fn},
    web,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};
use usher_core::{limits::MAX_DOCUMENT_BYTES, model::Seq};
use usher_journal::{JournalError, SqliteJournal};

use crate::{
    api,
    app::{App, SNAPSHOT_ADMISSIONS},
    auth::{session::Sessions, throttle::Throttle},
    connections::Connections,
    convergence::Convergence,
    headers, health, http, live,
    metrics::{self, Metrics},
    ofrep::{self, Ofrep},
    problem::Problem,
    reach, sdk,
    seed::{self, SeedError},
    settings::Settings,
    stream::{self, admission::Admissions},
    ui,
    world::World,
};

/// Largest body of a request, in bytes: one document and a little more.
const MAX_BODY_BYTES: usize = MAX_DOCUMENT_BYTES + 64 * 1024;
/// How long to wait for workers to let go of what they share.
const LETTING_GO: Duration = Duration::from_secs(2);
/// How long those who send clients here have to notice that it is not ready any more, at most.
const NOTICE: Duration = Duration::from_secs(1);
/// How long streams have to take their farewell.
const DRAIN: Duration = Duration::from_millis(300);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The first commit.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The address, or a file.
    #[error("{what}: {cause}")]
    System {
        /// What was tried.
        what: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The metrics.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
}

/// A server that runs.
pub struct Running {
    address: SocketAddr,
    app: Arc<App>,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its insides, for who seeds or tests it.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Gets ready to stop: is not ready any more, so that nobody new is sent here; then sends streams away one by one,
    /// so that they don't meet at the other nodes' doors. Requests are answered all the while.
    pub async fn retire(&self) {
        let app = &self.app;
        let begun = Instant::now();
        let window = Duration::from_secs(app.settings.drain_seconds.into());
        app.retiring.store(true, Ordering::Release);
        // Who sends clients here has to notice first.
        sleep(NOTICE.min(window / 5)).await;
        let all = app.connections.all();
        let left = window.saturating_sub(begun.elapsed());
        let each = left / u32::try_from(all.len().max(1)).unwrap_or(u32::MAX);
        for (connection, n) in all.iter().zip(1..) {
            connection.closing.notify_one();
            sleep_until(begun + (window - left) + each * n).await;
        }
    }

    /// Stops: says farewell to streams, finishes requests, and lets go of the journal.
    pub async fn stop(self) {
        let Self { app, handle, server, tasks, .. } = self;
        app.draining.send_replace(true);
        for connection in app.connections.all() {
            connection.closing.notify_one();
        }
        sleep(DRAIN).await;
        handle.stop(true).await;
        drop(server.await);
        for task in tasks {
            task.abort();
            drop(task.await);
        }
        // Workers end their threads, and drop what they share, a moment after they have said so.
        let end = Instant::now() + LETTING_GO;
        while Arc::strong_count(&app) > 1 && Instant::now() < end {
            sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Starts a server on the embedded journal.
///
/// # Errors
/// See [`StartError`].
pub async fn run(settings: Settings) -> Result<Running, StartError> {
    let journal = Arc::new(SqliteJournal::open(&settings.data)?);
    seed::seed(&*journal, settings.admin_token.as_ref()).await?;
    let world = World::open(journal);
    let connections = Arc::new(Connections::default());
    let convergence = Arc::new(Convergence::new(Arc::clone(&connections)));
    let system = |what: String| move |cause| StartError::System { what, cause };
    let folder: &Path = &settings.data;
    let sessions = Sessions::open(folder, settings.secure_cookies)
        .map_err(system(format!("the session key in {} can't be used", folder.display())))?;
    let app = Arc::new(App {
        world: Arc::clone(&world),
        ofrep: Ofrep::new(&settings, &sessions),
        sessions,
        throttle: Throttle::default(),
        connections,
        convergence: Arc::clone(&convergence),
        live: live::Live::default(),
        metrics: Metrics::new()?,
        counts: sdk::events::Counts::default(),
        admissions: Admissions::new(SNAPSHOT_ADMISSIONS),
        writing: Arc::default(),
        draining: tokio::sync::watch::channel(false).0,
        retiring: AtomicBool::new(false),
        settings,
    });
    let listen = app.settings.listen.clone();
    let data = web::Data::from(Arc::clone(&app));
    let heartbeat = Duration::from_secs(app.settings.heartbeat_seconds.max(1).into());
    let unreachable_after = heartbeat * reach::HEARTBEATS;
    let routes = move || {
        let data = data.clone();
        ActixApp::new().app_data(data).configure(for_programs).service(
            web::scope("")
                .wrap(from_fn(headers::for_pages))
                .configure(routes)
                .default_service(web::to(ui::file)),
        )
    };
    let (server, address) = http::serve(&listen, app.settings.workers, unreachable_after, routes)
        .map_err(system(format!("{listen} can't be listened on")))?;
    let handle = server.handle();
    let tasks = vec![
        tokio::spawn(Arc::clone(&world).follow(convergence)),
        tokio::spawn(live::narrate(Arc::clone(&app))),
    ];
    tracing::info!(%address, seq = %Seq(world.snapshot().seq().0), "usher listens");
    Ok(Running { address, app, handle, server: tokio::spawn(server), tasks })
}

/// What only programs ask for, and often: with no more around it than it needs.
fn for_programs(config: &mut web::ServiceConfig) {
    config.service(web::scope("/ofrep/v1").wrap(ofrep::any_origin()).configure(ofrep::configure)).service(
        web::scope("/sdk/v1")
            .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
            .wrap(headers::for_programs())
            .route("/stream", web::get().to(stream::stream))
            .route("/ruleset", web::get().to(sdk::ruleset))
            .route("/values", web::post().to(sdk::values_now))
            .route("/events", web::post().to(sdk::events::events))
            .default_service(web::to(nothing_here)),
    );
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/healthz", web::get().to(health::healthz))
        .route("/readyz", web::get().to(health::readyz))
        .route("/metrics", web::get().to(metrics::metrics))
        .route("/live", web::get().to(live::live))
        .service(
            web::scope("/api/v1")
                .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
                .app_data(web::QueryConfig::default().error_handler(|error, request| {
                    let detail = error.to_string();
                    Problem::bad_value(
                        "query",
                        request.query_string(),
                        &detail,
                        "Correct the query parameters.",
                    )
                    .into()
                }))
                .app_data(web::PathConfig::default().error_handler(|error, request| {
                    Problem::bad_value("path", request.path(), &error.to_string(), "Correct the path.").into()
                }))
                .wrap(from_fn(api::guard))
                // A board of thousands of venues shrinks to a twentieth.
                .wrap(Compress::default())
                .configure(api::configure)
                .default_service(web::to(nothing_here)),
        );
}

async fn nothing_here(request: actix_web::HttpRequest) -> Result<actix_web::HttpResponse, Problem> {
    Err(Problem::not_found(format!("{} {}", request.method(), request.path())))
}
