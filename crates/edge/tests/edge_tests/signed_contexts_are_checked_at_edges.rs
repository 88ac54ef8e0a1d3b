//! An edge checks signed contexts itself: with the keys that its upstream has told, also while that is away.

use std::time::Duration;

use crate::support::{Edge, Line, Server, Socket, eventually, line::State, server, url};
use serde_json::{Value, json};
use usher_sdk::{Context, signed_context::signed_context};

struct Keys {
    phones: String,
    backend: String,
    backend_key: String,
}

async fn keys(server: &Server) -> Keys {
    let (phones, _) = server
        .new_key(json!({"name": "phones", "type": "client", "environment": "production", "signedContexts": "required"}))
        .await;
    let (backend, backend_key) = context_key(server).await;
    Keys { phones, backend, backend_key }
}

async fn context_key(server: &Server) -> (String, String) {
    server.new_key(json!({"name": "backend", "type": "context", "environment": "production"})).await
}

fn staff(secret: &str) -> Value {
    let context = Context::new("u-7").with("venue", "anfield");
    json!({"signedContext": signed_context(secret, &context, &["staff"], Duration::from_secs(600)).unwrap()})
}

/// Status and value of the staff's flag, over OFREP.
async fn asked(edge: &Edge, key: &str, context: &Value) -> (u16, Value) {
    let path = "/ofrep/v1/evaluate/flags/for-staff";
    let answer = edge.with(key).post(path, &json!({"context": context})).await;
    (answer.status, answer.json()["value"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_a_server_does_with_and_without_its_upstream() {
    let server = server().await;
    let keys = keys(&server).await;
    let line = Line::to(&server.address()).await;
    let key = server.key("server").await;
    let edge = Edge::ready(&line.url(), &key).await;
    let good = staff(&keys.backend);
    let taken = (200, json!(true));
    eventually("it is taken", async || asked(&edge, &keys.phones, &good).await == taken).await;
    let polled = edge.with(&keys.phones).post("/sdk/v1/values", &json!({"context": good})).await.expect(200);
    assert_eq!(polled.json()["values"]["for-staff"]["value"], true);
    let mut stream = Socket::said_at(&edge.address(), &keys.phones, "values", json!({"context": good})).await;
    assert_eq!(stream.all_values().await.1["for-staff"]["value"], true);
    // What is not signed, or by nobody, is refused in the same words.
    assert_eq!(asked(&edge, &keys.phones, &json!({"targetingKey": "u-staff"})).await.0, 403);
    let mut unsigned = Socket::said_at(&edge.address(), &keys.phones, "values", json!({"context": {}})).await;
    unsigned.refused("signedContext").await;
    let forged = json!({"signedContext": format!("{}A", good["signedContext"].as_str().unwrap())});
    assert_eq!(asked(&edge, &keys.phones, &forged).await.0, 403);

    // Without its upstream, and after a restart without it, the keys that it knew are known.
    line.set(State::Cut);
    let (later, later_key) = context_key(&server).await;
    let folder = edge.stop().await;
    let edge = Edge::start_in(folder, &line.url(), &key, |_| {}).await;
    edge.is_ready().await;
    eventually("its copy is read", async || asked(&edge, &keys.phones, &good).await == taken).await;
    // Of a new one nobody can say yet whose it is.
    let answer = edge.with(&keys.phones).post("/sdk/v1/values", &json!({"context": staff(&later)})).await;
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    answer.problem(503, "signer_not_known_yet");
    let context = json!({"context": staff(&later)});
    let mut early = Socket::said_at(&edge.address(), &keys.phones, "values", context.clone()).await;
    let busy = early.refused("busy").await;
    assert!(busy["retryAfterMs"].as_u64().unwrap() > 0 && busy["retry"] == true, "{busy}");
    line.set(State::Open);
    eventually("it is asked about", async || asked(&edge, &keys.phones, &staff(&later)).await == taken).await;

    // A stream by the signature of one that is revoked is closed, and others are not.
    let mut stream = Socket::said_at(&edge.address(), &keys.phones, "values", context).await;
    stream.all_values().await;
    server.admin().post(&format!("/api/v1/keys/{}/revoke", keys.backend_key), &json!({})).await.expect(200);
    eventually("it is refused", async || asked(&edge, &keys.phones, &good).await.0 == 403).await;
    assert_eq!(asked(&edge, &keys.phones, &staff(&later)).await, taken);
    server.admin().post(&format!("/api/v1/keys/{later_key}/revoke"), &json!({})).await.expect(200);
    while let Some(frame) = stream.any().await {
        match frame["type"].as_str().unwrap() {
            "ping" => stream.say(&json!({"type": "pong"})).await,
            kind => assert_eq!((kind, &frame["code"]), ("error", &json!("signedContext")), "{frame}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_other_edges_and_only_for_venues_that_are_theirs() {
    let server = server().await;
    let keys = keys(&server).await;
    let near = Edge::ready(&url(&server), &server.key("server").await).await;
    let narrow = json!({"name": "n", "type": "server", "environment": "production", "venues": ["anfield"]});
    let far = Edge::ready(&near.url(), &server.new_key(narrow).await.0).await;
    let taken = (200, json!(true));
    eventually("it is taken", async || asked(&far, &keys.phones, &staff(&keys.backend)).await == taken).await;
    let context = Context::new("u-7").with("venue", "berlin-dome");
    let token = signed_context(&keys.backend, &context, &["staff"], Duration::from_secs(600)).unwrap();
    assert_eq!(asked(&far, &keys.phones, &json!({"signedContext": token, "venue": "anfield"})).await.0, 403);
    // The secret itself opens nothing, and is not asked about.
    far.with(&keys.backend).get("/sdk/v1/ruleset").await.problem(403, "forbidden");
}
