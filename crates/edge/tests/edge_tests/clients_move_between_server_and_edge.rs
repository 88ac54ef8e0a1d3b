//! A client may go from a server to an edge and back: numbers and journal are the upstream's own, so it goes on where
//! it was; and where it can't, it is told so, and never led back to what is older.

use crate::support::{
    Edge, Line, Server, Socket, client, eventually, fan, line::State, live, server, turn, url,
};
use serde_json::{Value, json};

async fn come(address: &str, key: &str, resume: &Value) -> Socket {
    Socket::said_at(address, key, "ruleset", json!({"resume": resume})).await
}

fn place(ready: &Value, seq: u64) -> Value {
    json!({"epoch": ready["epoch"], "seq": seq, "view": ready["view"]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_where_it_was_without_a_snapshot() {
    let server = server().await;
    let key = server.key("server").await;
    let edge = Edge::ready(&url(&server), &key).await;
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    let (ready, documents) = stream.snapshot().await;
    let first = ready["seq"].as_u64().unwrap();
    let here = place(&ready, first);
    let same = come(&edge.address(), &key, &here).await.expect("ready").await;
    assert_eq!(
        (&same["intent"], &same["epoch"], &same["seq"]),
        (&json!("current"), &ready["epoch"], &ready["seq"])
    );
    // What it misses meanwhile, it gets as a delta, at the edge as at the server.
    let seq = turn(&server, "always", "kill").await;
    let mut deltas = Vec::new();
    for address in [edge.address(), server.address()] {
        let mut stream = loop {
            let mut stream = come(&address, &key, &here).await;
            // The edge may not have heard of it yet.
            if stream.expect("ready").await["intent"] == "delta" {
                break stream;
            }
        };
        let delta = stream.expect("delta").await;
        assert_eq!((delta["from"].as_u64(), delta["seq"].as_u64()), (Some(first), Some(seq)));
        deltas.push(delta["put"].clone());
    }
    assert_eq!(deltas[0], deltas[1], "the same documents");
    // And back, with what it has from the edge.
    let back = come(&server.address(), &key, &place(&same, seq)).await.expect("ready").await;
    assert_eq!(back["intent"], "current");
    // Commits that concern no stream make a client of a narrowed stream no stranger anywhere.
    server.key("client").await;
    let scoped = json!({"scope": {"venues": ["anfield"]}});
    let mut stream = Socket::ruleset(&server, &key, scoped.clone()).await;
    let (ready, narrowed) = stream.snapshot().await;
    assert!(narrowed.len() < documents.len());
    let resume = place(&ready, ready["seq"].as_u64().unwrap());
    let hello = json!({"scope": {"venues": ["anfield"]}, "resume": resume});
    eventually("it is current at the edge", async || {
        let mut stream = Socket::said_at(&edge.address(), &key, "ruleset", hello.clone()).await;
        stream.expect("ready").await["intent"] == "current"
    })
    .await;
    // What is of one view is of no use for another.
    let other = json!({"scope": {"venues": ["berlin-dome"]}, "resume": resume});
    let mut stream = Socket::said_at(&edge.address(), &key, "ruleset", other).await;
    assert_eq!(stream.expect("ready").await["intent"], "snapshot");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_has_lost_its_upstream_leads_nobody_back() {
    let server = server().await;
    let key = server.key("server").await;
    let line = Line::to(&server.address()).await;
    let edge = Edge::ready(&line.url(), &key).await;
    edge.with(&key).get("/sdk/v1/ruleset").await.expect(200);
    line.set(State::Cut);
    eventually("it has noticed", async || edge.is_stale().await).await;
    let seq = turn(&server, "always", "kill").await;
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    let (ready, _) = stream.snapshot().await;
    assert_eq!(ready["seq"].as_u64(), Some(seq));
    let mut stream = come(&edge.address(), &key, &place(&ready, seq)).await;
    let told = stream.refused("busy").await;
    assert!(told["retry"] == true && told["retryAfterMs"].as_u64().is_some(), "{told}");
    line.set(State::Open);
    eventually("it is served once the edge knows as much", async || {
        come(&edge.address(), &key, &place(&ready, seq))
            .await
            .any()
            .await
            .is_some_and(|frame| frame["intent"] == "current")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_journal_upstream_leads_to_a_snapshot_downstream() {
    let (first, second) =
        (server().await, Server::start_with(|settings| settings.heartbeat_seconds = 1).await);
    let key = first.key("server").await;
    // The same keys, other flags, another epoch: as after a restore from a backup.
    let commits = first.running().app().world.snapshot();
    let documents: Vec<_> = commits.state.entries().map(|entry| entry.document.clone()).collect();
    let append = usher_journal::Append {
        expected: Vec::new(),
        idempotency: None,
        actor: usher_journal::Actor::system("test"),
        message: "Restored".to_owned(),
        at: usher_server::now(),
        changes: documents.into_iter().map(usher_journal::Change::Put).collect(),
    };
    second.running().app().world.append(append).await.unwrap();
    let line = Line::to(&first.address()).await;
    let edge = Edge::ready(&line.url(), &key).await;
    let gate = client(&edge.url(), &key, "anfield");
    live(&gate).await;
    let mut stream = Socket::said_at(&edge.address(), &key, "ruleset", json!({})).await;
    let (before, _) = stream.snapshot().await;
    assert!(gate.boolean("always", &fan(), false));
    turn(&second, "always", "kill").await;
    line.lead_to(&second.address());
    line.set(State::Cut);
    eventually("it has noticed", async || edge.is_stale().await).await;
    line.set(State::Open);
    eventually("the gate has the other journal's flags", async || !gate.boolean("always", &fan(), true))
        .await;
    live(&gate).await;
    while stream.any().await.is_some() {}
    let mut stream = come(&edge.address(), &key, &place(&before, before["seq"].as_u64().unwrap())).await;
    let (after, documents) = stream.snapshot().await;
    assert_ne!(before["epoch"], after["epoch"]);
    assert_eq!(after["epoch"], json!(second.running().app().world.snapshot().epoch));
    assert!(!documents.is_empty());
    // It goes on from there.
    turn(&second, "always", "revive").await;
    eventually("changes arrive", async || gate.boolean("always", &fan(), false)).await;
    stream.expect("delta").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_an_edge_that_stops_are_told_when_to_come_again() {
    let server = server().await;
    let key = server.key("server").await;
    let edge = Edge::ready(&url(&server), &key).await;
    let mut stream = Socket::said_at(&edge.address(), &key, "ruleset", json!({})).await;
    stream.snapshot().await;
    let (_, drain) = tokio::join!(edge.stop(), stream.expect("drain"));
    assert!(drain["reconnectAfterMs"].as_u64().is_some(), "{drain}");
    assert_eq!(stream.any().await, None);
}

/// Where no stream comes through, a balancer may lead every poll to another edge.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_are_not_led_back_by_an_edge_that_has_lost_its_upstream() {
    let server = server().await;
    let key = server.key("client").await;
    let line = Line::to(&server.address()).await;
    let edge = Edge::ready(&line.url(), &server.key("server").await).await;
    let who = json!({"context": {"targetingKey": "u-1", "venue": "anfield"}});
    edge.with(&key).post("/sdk/v1/values", &who).await.expect(200);
    line.set(State::Cut);
    eventually("it has noticed", async || edge.is_stale().await).await;
    turn(&server, "always", "kill").await;
    let fresh = server.with(&key).post("/sdk/v1/values", &who).await.expect(200).json();
    let have = format!("/sdk/v1/values?have={}-{}", fresh["epoch"].as_str().unwrap(), fresh["seq"]);
    let refused = edge.with(&key).post(&have, &who).await.expect(503);
    assert_eq!(refused.json()["code"], "behind");
    let old = edge.with(&key).post("/sdk/v1/values", &who).await.expect(200).json();
    assert_eq!(old["values"]["always"]["value"], true, "who has nothing is served what there is");
    server.with(&key).post(&have, &who).await.expect(200);
    edge.with(&key).post("/sdk/v1/values?have=x", &who).await.expect(400);
    line.set(State::Open);
    eventually("it is served once the edge knows as much", async || {
        edge.with(&key).post(&have, &who).await.status == 200
    })
    .await;
}
