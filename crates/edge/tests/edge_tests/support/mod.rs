//! What the edge's tests share: the server's own test kit, and edges on free ports.

#[allow(dead_code, unused_imports)] // Parts of it.
#[path = "../../../../server/tests/server_tests/support/mod.rs"]
pub mod kit;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use usher_edge::{Running, Settings, run};
use usher_sdk::{Client, Context};
use usher_server::Secret;

pub use kit::{Answer, Api, Server, Socket, fixtures};
pub use usher_testkit::line::{self, Line};

/// Longer than anything here may take: a client that was unlucky waits for half a minute before it tries again.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The whole of a bulk evaluation.
pub const ALL: &str = "/ofrep/v1/evaluate/flags";

/// Waits until something holds.
#[track_caller]
pub fn eventually<'a>(
    what: &'a str,
    mut holds: impl AsyncFnMut() -> bool + 'a,
) -> impl Future<Output = ()> + 'a {
    let caller = std::panic::Location::caller();
    async move {
        let begun = tokio::time::Instant::now();
        while !holds().await {
            assert!(begun.elapsed() < PATIENCE, "it never came about: {what}, at {caller}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A server that pings every second, with the usual flags.
pub async fn server() -> Server {
    let server = Server::start_with(|settings| settings.heartbeat_seconds = 1).await;
    fixtures::seed(&server).await;
    server
}

pub fn url(server: &Server) -> String {
    format!("http://{}", server.address())
}

/// An edge, until it is dropped.
pub struct Edge {
    running: Running,
    folder: TempDir,
}

impl Edge {
    /// An edge for one key.
    pub async fn start(upstream: &str, key: &str) -> Self {
        Self::start_with(upstream, key, |_| {}).await
    }

    pub async fn start_with(upstream: &str, key: &str, change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), upstream, key, change).await
    }

    pub async fn start_in(
        folder: TempDir,
        upstream: &str,
        key: &str,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut settings = Settings {
            listen: "127.0.0.1:0".to_owned(),
            upstream: upstream.to_owned(),
            keys: vec![Secret::from(key.to_owned())],
            data: folder.path().to_owned(),
            name: "edge-north".to_owned(),
            heartbeat_seconds: 1,
            workers: 1,
            key_check_seconds: 2,
            // Tests ask faster than people do, all from here.
            address_requests_per_second: 0,
            address_refusals_per_second: 0,
            ..Settings::default()
        };
        change(&mut settings);
        Self { running: run(settings).await.unwrap(), folder }
    }

    /// An edge that has data.
    pub async fn ready(upstream: &str, key: &str) -> Self {
        let edge = Self::start(upstream, key).await;
        edge.is_ready().await;
        edge
    }

    pub async fn is_ready(&self) {
        eventually("the edge is ready", async || self.readyz().await.status == 200).await;
    }

    pub fn address(&self) -> String {
        self.running.address().to_string()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.running.address())
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn running(&self) -> &Running {
        &self.running
    }

    /// The surface, as whoever has this key.
    pub fn with(&self, key: &str) -> Api {
        self.nobody().header("Authorization", &format!("Bearer {key}"))
    }

    pub fn nobody(&self) -> Api {
        Api::new(&self.address())
    }

    pub async fn readyz(&self) -> Answer {
        self.nobody().get("/readyz").await
    }

    /// What it says of its only environment.
    pub async fn standing(&self) -> Value {
        self.readyz().await.json()["environments"][0].clone()
    }

    pub async fn is_stale(&self) -> bool {
        self.standing().await["stale"] == true
    }

    /// Stops it, and gives back its folder, to be started in again.
    pub async fn stop(self) -> TempDir {
        self.running.stop().await;
        self.folder
    }
}

pub fn fan() -> Context {
    Context::new("u-1").with("venue", "anfield")
}

/// A client in its key's own mode, at a venue.
pub fn client(url: &str, key: &str, venue: &str) -> Client {
    Client::builder(url, key).venue(venue).context(Context::new("u-1")).build().unwrap()
}

/// Waits until a client is live.
pub async fn live(client: &Client) {
    let live = client.wait_until_live(PATIENCE).await;
    assert!(live, "{:?}, {:?}", client.status(), client.diagnostics());
}

/// What a flag is for a fan at Anfield, over OFREP; none where it is refused.
pub async fn ofrep(api: &Api, flag: &str) -> Option<bool> {
    let body = json!({"context": {"targetingKey": "u-1", "venue": "anfield"}});
    api.post(&format!("{ALL}/{flag}"), &body).await.json()["value"].as_bool()
}

/// Kills or revives a flag for everybody; gives back the commit.
pub async fn turn(server: &Server, flag: &str, action: &str) -> u64 {
    let path = format!("/api/v1/flags/{flag}/environments/production/{action}");
    server.admin().post(&path, &json!({})).await.expect(200).json()["seq"].as_u64().unwrap()
}

/// How far a commit has come, as the server tells.
pub async fn report(server: &Server, seq: u64) -> Value {
    server.admin().get(&format!("/api/v1/convergence?seq={seq}")).await.expect(200).json()
}

/// Expected, converged and left, of all or at a venue.
pub fn counts(report: &Value, venue: Option<&str>) -> [u64; 3] {
    let of = |one: &Value| ["expected", "converged", "left"].map(|name| one[name].as_u64().unwrap());
    match venue {
        None => of(report),
        Some(venue) => {
            let mut venues = report["venues"].as_array().unwrap().iter();
            venues.find(|own| own["venue"] == venue).map_or([0; 3], of)
        }
    }
}

/// The files of this ending in a folder.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|own| own == ending)).collect()
}
