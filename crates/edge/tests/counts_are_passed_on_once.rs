//! What clients count behind an edge arrives at the server, summed up, and once.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod support;

use serde_json::json;
use support::{Edge, Line, eventually, line::State, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_two_edges_and_an_outage() {
    let server = server().await;
    let (key, client_key) = (server.key("server").await, server.key("client").await);
    let line = Line::to(&server.address()).await;
    let near = Edge::ready(&line.url(), &key).await;
    let far = Edge::ready(&near.url(), &key).await;
    let counted = || server.running().app().counts.exposures("always", "on");
    let batch = |name: &str, count: u64| json!({"batch": name, "exposures": [{"flag": "always", "variant": "on", "venue": "anfield", "count": count}]});
    for edge in [&near, &far] {
        let api = edge.with(&client_key);
        let answer = api.post("/sdk/v1/events", &batch("b-1", 3)).await.expect(202).json();
        assert_eq!(answer["replayed"], false);
        let again = api.post("/sdk/v1/events", &batch("b-1", 3)).await.expect(202).json();
        assert_eq!(again["replayed"], true, "sent twice, counted once");
    }
    eventually("all has arrived", async || counted() == 6).await;
    line.set(State::Cut);
    far.with(&client_key).post("/sdk/v1/events", &batch("b-2", 10)).await.expect(202);
    near.with(&client_key).post("/sdk/v1/events", &batch("b-3", 100)).await.expect(202);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(counted(), 6);
    line.set(State::Open);
    eventually("what waited has arrived", async || counted() == 116).await;
    // What is counted last is passed on when the edges stop.
    far.with(&client_key).post("/sdk/v1/events", &batch("b-4", 1_000)).await.expect(202);
    far.stop().await;
    near.stop().await;
    eventually("the last has arrived", async || counted() == 1_116).await;
}
