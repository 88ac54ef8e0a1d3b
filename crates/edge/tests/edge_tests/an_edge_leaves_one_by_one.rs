//! An edge that is about to stop is not ready any more, sends its clients away one by one, and answers all the while.

use crate::support::{Edge, Socket, eventually, ofrep, server, url};
use serde_json::json;

const CLIENTS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_clients_are_sent_away_one_by_one_while_it_still_answers() {
    let server = server().await;
    let key = server.key("server").await;
    let edge = Edge::start_with(&url(&server), &key, |settings| {
        settings.drain_seconds = 3;
        settings.heartbeat_seconds = 15;
    })
    .await;
    edge.is_ready().await;
    let come = async || Socket::said_at(&edge.address(), &key, "ruleset", json!({})).await;
    let mut streams = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = come().await;
        stream.snapshot().await;
        streams.push(stream);
    }
    let here = || edge.running().surface().connections.all().len();
    assert_eq!(here(), CLIENTS);
    let watching = async {
        eventually("it is not ready", async || edge.readyz().await.status == 503).await;
        assert_eq!(edge.readyz().await.json()["status"], "draining");
        assert_eq!(here(), CLIENTS, "whoever sends clients here has to notice first");
        let mut late = come().await;
        late.expect("drain").await;
        drop(late);
        eventually("one has gone", async || here() < CLIENTS).await;
        assert!(here() > 0, "not all at once");
        assert!(ofrep(&edge.with(&key), "always").await.is_some(), "it still answers");
    };
    tokio::join!(edge.running().retire(), watching);
    for mut stream in streams {
        let wait = stream.expect("drain").await["reconnectAfterMs"].as_u64().unwrap();
        assert!(wait < 5_000, "{wait}");
        assert!(stream.any().await.is_none(), "and then it is closed");
    }
    eventually("all have gone", async || here() == 0).await;
    edge.stop().await;
}
