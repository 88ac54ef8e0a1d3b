//! Starting and stopping a server.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{
    middleware::{Compress, from_fn},
    web,
};
use tokio::{task::JoinHandle, time::Instant};
use usher_core::model::Seq;
use usher_journal::JournalError;

use crate::{
    api,
    app::App,
    auth::{
        oidc::{self, Oidc},
        session,
        throttle::Throttle,
    },
    body::Limit,
    change_requests,
    engine::{self, Engine},
    evaluations, fleet, headers, health,
    listen::{Listening, NotListening, listen},
    live, metrics,
    problem::Problem,
    releases, revocation, schedules,
    seed::{self, SeedError},
    settings::Settings,
    source::Source,
    surface::{MAX_BODY_BYTES, Surface, nothing_here},
    ui, webhooks,
    world::World,
};

/// How long to wait for workers to let go of what they share.
const LETTING_GO: Duration = Duration::from_secs(2);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The first commit.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// A file.
    #[error("{what}: {cause}")]
    System {
        /// What was tried.
        what: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The address.
    #[error(transparent)]
    Address(#[from] NotListening),
    /// The webhooks.
    #[error(transparent)]
    Webhooks(#[from] webhooks::NotStarted),
    /// Sign-in through a provider.
    #[error(transparent)]
    Oidc(#[from] oidc::NotUsable),
    /// The metrics.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
}

/// A server that runs.
pub struct Running {
    app: Arc<App>,
    listening: Listening,
    tasks: Vec<JoinHandle<()>>,
    /// Where evaluations are kept.
    disk: Arc<evaluations::Disk>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// The same as browsers and programs are told it.
    #[must_use]
    pub fn url(&self) -> String {
        self.listening.url()
    }

    /// Its insides, for who seeds or tests it.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Gets ready to stop: is not ready any more, and sends streams away one by one. Requests are answered all the
    /// while.
    pub async fn retire(&self) {
        self.listening.retire().await;
    }

    /// Stops: says farewell to streams, finishes requests, and lets go of the journal.
    pub async fn stop(self) {
        let Self { app, listening, tasks, disk } = self;
        listening.stop().await;
        for task in tasks {
            task.abort();
            drop(task.await);
        }
        evaluations::write(&app, &disk).await;
        // Workers end their threads, and drop what they share, a moment after they have said so.
        let end = Instant::now() + LETTING_GO;
        while Arc::strong_count(&app) > 1 && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Starts a server on the journal that the settings name.
///
/// # Errors
/// See [`StartError`].
pub async fn run(settings: Settings) -> Result<Running, StartError> {
    // Guards and webhooks ask others over TLS, and whoever embeds a server need not know of that. A provider that is
    // there already stays.
    drop(rustls::crypto::ring::default_provider().install_default());
    let hooks = webhooks::prepare(&settings)?;
    let oidc = Oidc::new(&settings)?;
    let secrets = settings.secrets.clone();
    let Engine { journal, sessions, factors, code_references, events_key } = engine::open(&settings).await?;
    seed::seed(&*journal, settings.admin_token.as_ref()).await?;
    let world = World::open(journal);
    let source = Arc::clone(&world) as Arc<dyn Source>;
    let surface = Arc::new(Surface::new(settings, source, &events_key)?);
    let app = Arc::new(App {
        surface: Arc::clone(&surface),
        world: Arc::clone(&world),
        sessions,
        factors,
        oidc,
        throttle: Throttle::default(),
        live: live::Live::default(),
        code_references,
        evaluations: evaluations::Evaluations::default(),
        peers: fleet::Peers::default(),
        releases: releases::Releases::new(secrets),
        webhooks: webhooks::Webhooks::default(),
        writing: Arc::default(),
    });
    // Before anything is counted.
    let evidence = releases::Evidence::load(&app).await;
    let disk = Arc::new(evaluations::load(&app).await);
    let data = web::Data::from(Arc::clone(&app));
    let more = move |config: &mut web::ServiceConfig| {
        let pages = web::scope("").wrap(from_fn(headers::for_pages)).configure(routes);
        config.app_data(data.clone()).service(pages.default_service(web::to(ui::file)));
    };
    let convergence = Arc::clone(&surface.convergence);
    // Before anybody can write: a webhook that is new begins here.
    let newest = world.journal().state();
    let listening = listen(surface, more)?;
    let mut tasks = vec![
        tokio::spawn(Arc::clone(&world).follow(convergence)),
        tokio::spawn(live::narrate(Arc::clone(&app))),
        tokio::spawn(revocation::watch(Arc::clone(&app))),
        tokio::spawn(releases::run(Arc::clone(&app), evidence)),
        tokio::spawn(schedules::run(Arc::clone(&app))),
        tokio::spawn(change_requests::run(Arc::clone(&app))),
        tokio::spawn(session::tend(Arc::clone(&app))),
        tokio::spawn(evaluations::run(Arc::clone(&app), Arc::clone(&disk))),
    ];
    tasks.extend(
        hooks
            .into_iter()
            .map(|hook| tokio::spawn(webhooks::run(Arc::clone(&app), hook, Arc::clone(&newest)))),
    );
    if let Some(nodes) = world.journal().fleet() {
        tasks.push(tokio::spawn(fleet::talk(Arc::clone(&app), nodes)));
    }
    tracing::info!(address = %listening.address(), seq = %Seq(world.snapshot().seq().0), "usher listens");
    Ok(Running { app, listening, tasks, disk })
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/healthz", web::get().to(health::healthz))
        .route("/readyz", web::get().to(health::readyz))
        .route("/metrics", web::get().to(metrics::metrics))
        .route("/live", web::get().to(live::live))
        .service(
            web::scope("/api/v1")
                .app_data(Limit(MAX_BODY_BYTES))
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
