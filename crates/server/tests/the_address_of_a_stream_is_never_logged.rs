//! The token in the address of an event stream is in no log, however much is logged.
//! A binary of its own: it keeps the log of its whole process.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

#[allow(dead_code, unused_imports)] // Its own part only.
#[path = "server_tests/support/mod.rs"]
mod support;

use std::{
    io,
    sync::{Arc, Mutex},
};

use support::{Events, Server, events::address};

/// A log that is kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_token_is_in_no_log() {
    let log = Log::default();
    let writer = log.clone();
    // Everything, of all crates: also what they write by `log`.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let uri = address(&server.with(&key)).await;
    let token = uri.split_once("token=").unwrap().1;
    let mut events = Events::open(&server, &uri, None).await;
    events.block().await.unwrap();
    let refused = Events::try_open(&server, &format!("{uri}x"), None).await.err().unwrap();
    assert!(!refused.body.contains(token), "{refused:?}");
    let elsewhere = format!("/ofrep/v1/nothing?token={token}");
    assert!(!server.nobody().get(&elsewhere).await.body.contains(token));
    server.nobody().post(&uri, &serde_json::json!({})).await.refusal(405, "GENERAL");
    server.stop().await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("usher listens") && log.contains("TRACE actix"), "{log}");
    // The client of this test tells what it asks for; the server's own words are looked through.
    let told: Vec<&str> = log.lines().filter(|line| line.contains(token)).collect();
    let of_server: Vec<&&str> =
        told.iter().filter(|line| ["usher", "actix"].iter().any(|name| line.contains(name))).collect();
    assert!(of_server.is_empty(), "{of_server:#?}");
}
