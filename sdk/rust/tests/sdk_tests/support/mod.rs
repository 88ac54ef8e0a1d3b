//! What the SDK's tests share: the server's own test kit, a line that can be cut, and a server that misbehaves.

#[allow(dead_code, unused_imports)] // Parts of it.
#[path = "../../../../../crates/server/tests/server_tests/support/mod.rs"]
pub mod kit;
pub mod line;
pub mod portal;
pub mod rogue;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use usher_sdk::{Client, Context, Status};

pub use kit::{Server, fixtures};
pub use line::{Line, State};
pub use portal::Portal;
pub use rogue::Rogue;

/// Longer than anything here may take: a client that was unlucky waits for half a minute before it tries again.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// Waits until something holds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = tokio::time::Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "it never came about: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A server that pings every second, with the usual flags.
pub async fn server() -> Server {
    let server = Server::start_with(|settings| settings.heartbeat_seconds = 1).await;
    fixtures::seed(&server).await;
    server
}

pub fn fan() -> Context {
    Context::new("u-1").with("venue", "anfield")
}

/// Waits until a client is live.
pub async fn live(client: &Client) {
    let live = client.wait_until_live(PATIENCE).await;
    assert!(live, "{:?}, {:?}", client.status(), client.diagnostics());
}

/// Waits until a client has lost its server.
pub async fn stale(client: &Client) {
    eventually("it is stale", async || matches!(client.status(), Status::Stale { .. })).await;
}

/// Puts a flag that is `on` for everybody, configured by `config`.
pub async fn put(server: &Server, key: &str, config: Value) {
    let flag = fixtures::flag(key, &config);
    let answer = server.admin().put(&format!("/api/v1/flags/{key}"), &flag).await;
    assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
}

pub async fn kill(server: &Server, key: &str) {
    let path = format!("/api/v1/flags/{key}/environments/production/kill");
    server.admin().post(&path, &json!({})).await.expect(200);
}

/// The files of this ending in a folder.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let all = entries.map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|own| own == ending)).collect()
}

/// Waits until a client's flags are on disk.
pub async fn written(folder: &Path) -> PathBuf {
    eventually("the flags are on disk", async || !files(folder, "cache").is_empty()).await;
    files(folder, "cache").remove(0)
}
