//! Starting and stopping an edge.

use std::{fs, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use actix_web::web;
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use usher_sdk::parts::Cache;
use usher_server::{
    Listening, NotListening,
    auth::{secret, session::Ring},
    listen,
    onlooker::Onlooker,
    source::Source,
    surface::Surface,
};

use crate::{
    disk,
    forward::Forward,
    http::Http,
    keys::Keys,
    metrics::Metrics,
    mirror::Mirror,
    relay::Relay,
    routes::{self, Edge},
    settings::Settings,
    shadow::Shadow,
    signers, steering,
    upstream::{Named, Upstream},
};

/// How long tasks may take to write and send what they have, once the edge stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// Keys that an edge may have: each is a stream of its own.
const MAX_KEYS: usize = 64;

/// Why an edge did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No upstream.
    #[error("`{0}` is not the address of a server or an edge: give one such as https://usher.example.org")]
    Upstream(String),
    /// No key, or too many.
    #[error(
        "an edge needs a server key (usk_…) for each environment that it relays, and has at most {MAX_KEYS}"
    )]
    Keys,
    /// A key that is none of a server's.
    #[error("a key does not begin with usk_: an edge needs server keys, for client keys get no rules")]
    NoServerKey,
    /// A file.
    #[error("{what}: {cause}")]
    System {
        /// What was tried.
        what: String,
        /// What the system says.
        cause: io::Error,
    },
    /// No randomness.
    #[error("the system has no randomness to give: {0}")]
    Randomness(getrandom::Error),
    /// The address.
    #[error(transparent)]
    Address(#[from] NotListening),
    /// Plain HTTP to the upstream.
    #[error("the upstream can't be asked: {0}")]
    Http(#[from] reqwest::Error),
    /// The metrics.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
}

/// An edge that runs.
pub struct Running {
    listening: Listening,
    surface: Arc<Surface>,
    keys: Arc<Keys>,
    stopping: watch::Sender<bool>,
    /// They have something to do before they end.
    ending: Vec<JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// The same as programs are told it.
    #[must_use]
    pub fn url(&self) -> String {
        self.listening.url()
    }

    /// What its handlers share, for who tests it.
    #[must_use]
    pub fn surface(&self) -> &Arc<Surface> {
        &self.surface
    }

    /// Gets ready to stop: is not ready any more, and sends streams away one by one. Requests are answered all the
    /// while.
    pub async fn retire(&self) {
        self.listening.retire().await;
    }

    /// Stops: says farewell to streams, finishes requests, passes on what was counted, and writes what there is.
    pub async fn stop(self) {
        let Self { listening, keys, stopping, ending, tasks, .. } = self;
        listening.stop().await;
        stopping.send_replace(true);
        for mut task in ending {
            if timeout(FAREWELL, &mut task).await.is_err() {
                task.abort();
            }
        }
        keys.write().await;
        for task in tasks {
            task.abort();
        }
    }
}

/// Starts an edge. It need not reach its upstream for that.
///
/// # Errors
/// See [`StartError`].
pub async fn run(settings: Settings) -> Result<Running, StartError> {
    let upstream = settings.upstream.trim_end_matches('/').to_owned();
    if !is_address(&upstream) {
        return Err(StartError::Upstream(upstream));
    }
    if let Some(shadow) = settings.shadow_url.as_deref().filter(|shadow| !is_address(shadow)) {
        return Err(StartError::Upstream(shadow.to_owned()));
    }
    if settings.keys.is_empty() || settings.keys.len() > MAX_KEYS {
        return Err(StartError::Keys);
    }
    if settings.keys.iter().any(|key| !key.expose().starts_with("usk_")) {
        return Err(StartError::NoServerKey);
    }
    let folder: &Path = &settings.data;
    let system = |what: &str| {
        let what = format!("{what} {}", folder.display());
        move |cause| StartError::System { what, cause }
    };
    fs::create_dir_all(folder).map_err(system("the folder can't be made:"))?;
    let ring = Ring::open(folder).map_err(system("there is no good session key in"))?;
    let http = Http::new(&upstream)?;
    let instance = secret::identity().map_err(StartError::Randomness)?;
    let metrics = Metrics::new()?;
    let keys = Arc::new(Keys::new(http.clone(), folder, metrics.clone(), settings.key_check_seconds));
    let mirrors: Vec<Arc<Mirror>> = settings.keys.iter().map(|_| Arc::default()).collect();
    let relay = Arc::new(Relay::new(mirrors.clone(), Arc::clone(&keys)));
    let source = Arc::clone(&relay) as Arc<dyn Source>;
    let mut surface = Surface::new(settings.surface(), source, &ring.key_for("usher ofrep events"))?;
    metrics.register(surface.metrics.registry())?;
    let shadow = settings.shadow_url.as_deref().filter(|url| !url.is_empty());
    let shadow = shadow.map(|url| Shadow::new(url, settings.shadow_percent, metrics.clone())).transpose()?;
    surface.onlooker = shadow.as_ref().map(|(shadow, _)| Arc::clone(shadow) as Arc<dyn Onlooker>);
    let surface = Arc::new(surface);

    let place = |key: &usher_server::Secret| disk::place(folder, &upstream, key.expose(), &settings.venues);
    let caches: Vec<Cache> = settings.keys.iter().map(place).collect();
    disk::sweep(folder, &caches).map_err(system("old copies can't be taken away from"))?;
    let stopping = watch::channel(false).0;
    let named =
        Named { name: settings.name.clone(), instance: instance.clone(), venues: settings.venues.clone() };
    let mut ending = Vec::new();
    let (mut upstreams, mut tasks) = (Vec::new(), Vec::new());
    let heartbeat = Duration::from_secs(settings.heartbeat_seconds.max(1).into());
    for ((key, mirror), cache) in settings.keys.iter().zip(&mirrors).zip(caches) {
        upstreams.push(Upstream::new(&relay, &surface, mirror, &http, key.clone(), named.clone(), cache));
        tasks.push(tokio::spawn(steering::follow(Arc::clone(mirror), http.clone(), key.clone(), heartbeat)));
        let asking = signers::Asking {
            mirror: Arc::clone(mirror),
            surface: Arc::clone(&surface),
            http: http.clone(),
            key: key.clone(),
            cache: signers::place(folder, &upstream, key.expose()),
            every: heartbeat,
        };
        tasks.push(tokio::spawn(asking.run()));
        let forward = Forward {
            surface: Arc::clone(&surface),
            mirror: Arc::clone(mirror),
            http: http.clone(),
            key: key.clone(),
            instance: instance.clone(),
            batches: 0,
            sending: None,
        };
        ending.push(tokio::spawn(forward.run(stopping.subscribe())));
    }
    // Known keys are of environments that are known by now.
    keys.read(&relay);
    let edge = web::Data::new(Edge {
        name: settings.name.clone(),
        upstream,
        keys: settings.keys.clone(),
        relay: Arc::clone(&relay),
        metrics,
        surface: Arc::clone(&surface),
        shadow: shadow.as_ref().map(|(shadow, _)| Arc::clone(shadow)),
    });
    let listening = listen(Arc::clone(&surface), move |config: &mut web::ServiceConfig| {
        config.app_data(edge.clone()).configure(routes::configure);
    })?;
    ending.extend(upstreams.into_iter().map(|upstream| tokio::spawn(upstream.run(stopping.subscribe()))));
    tasks.push(tokio::spawn(Arc::clone(&keys).keep_checking(relay, Arc::clone(&surface))));
    tasks.push(tokio::spawn(Arc::clone(&keys).keep_writing()));
    if let Some((shadow, waiting)) = shadow {
        tasks.push(tokio::spawn(shadow.run(listening.url(), waiting)));
    }
    tracing::info!(address = %listening.address(), upstream = http.upstream(), "usher edge listens");
    Ok(Running { listening, surface, keys, stopping, ending, tasks })
}

fn is_address(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}
