//! Closing and dropping return at once, whatever the connection is doing, and nothing is left running.
//! A binary of its own: it counts the threads of its whole process.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

#[allow(dead_code, unused_imports)] // Its own part only.
#[path = "sdk_tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::{Line, Rogue, State, eventually, fan, live, server};
use usher_sdk::{Client, Status};

/// A close that waited for anything would wait for seconds.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How many threads the clients of this process have.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.trim() == "usher-sdk").count()
}

fn closes(client: &Client) {
    let begun = Instant::now();
    client.close();
    assert_eq!(client.status(), Status::Offline);
    client.close();
    assert!(begun.elapsed() < AT_ONCE);
}

/// One test, because threads are counted for the whole process.
#[tokio::test]
async fn whatever_it_is_doing_it_closes_and_its_thread_ends() {
    let server = server().await;
    let (url, key) = (format!("http://{}", server.address()), server.key("server").await);

    // Live: it goes on answering.
    let client = Client::builder(&url, &key).build().unwrap();
    live(&client).await;
    assert!(threads() == 1, "the look-up finds it");
    closes(&client);
    assert!(client.boolean("always", &fan(), false));
    eventually("its thread has ended", async || threads() == 0).await;
    assert_eq!(client.status(), Status::Offline);

    // Dropped: by the last clone, in no time.
    let client = Client::builder(&url, &key).build().unwrap();
    live(&client).await;
    let clone = client.clone();
    drop(client);
    assert_eq!(clone.status(), Status::Live);
    let begun = Instant::now();
    drop(clone);
    assert!(begun.elapsed() < AT_ONCE);
    eventually("its thread has ended", async || threads() == 0).await;

    // Connecting: to somebody who takes the connection and says nothing, and with something still to send.
    let line = Line::to(&server.address()).await;
    line.set(State::Silent);
    let client = Client::builder(&line.url(), &key).build().unwrap();
    client.track("orders", &fan(), 1.0);
    eventually("it connects", async || line.opened() > 0).await;
    closes(&client);
    eventually("its thread has ended", async || threads() == 0).await;

    // Waiting for a snapshot that does not come.
    let rogue = Rogue::start().await;
    let client = Client::builder(&rogue.url(), &key).build().unwrap();
    let mut guest = rogue.guest().await;
    guest.ready(1, 5, "snapshot").await;
    closes(&client);
    guest.leaves().await;
    eventually("its thread has ended", async || threads() == 0).await;

    // Before it has done anything at all.
    closes(&Client::builder("http://no.such.host.invalid", &key).build().unwrap());
    eventually("its thread has ended", async || threads() == 0).await;

    // On a runtime that goes away under it, it does not stay live.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = Client::builder(&url, &key).runtime(runtime.handle().clone()).build().unwrap();
    live(&client).await;
    assert_eq!(threads(), 0, "it has no thread of its own");
    runtime.shutdown_background();
    eventually("it says so", async || client.status() == Status::Offline).await;
    assert!(client.boolean("always", &fan(), false));
}
