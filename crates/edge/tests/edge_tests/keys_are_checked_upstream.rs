//! An edge knows no keys: it asks its upstream, once, and holds to what was said for as long as was agreed.

use std::time::Duration;

use crate::support::{self, Edge, Line, Socket, eventually, line::State, ofrep, server, url};
use futures_util::future::join_all;
use serde_json::json;

/// What asks an upstream about a key.
const QUESTION: &str = "GET /sdk/v1/key";

fn stranger(n: u32) -> String {
    format!("uck_{n:043}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_key_is_asked_about_once_in_a_while_and_not_for_every_try() {
    let server = server().await;
    let key = server.key("server").await;
    let line = Line::to(&server.address()).await;
    let edge = Edge::start_with(&line.url(), &key, |settings| settings.key_check_seconds = 4).await;
    edge.is_ready().await;
    let stranger = stranger(7);
    let api = edge.with(&stranger);
    // All at once, and one after the other.
    let all = join_all((0..20).map(|_| api.get("/sdk/v1/ruleset"))).await;
    for answer in all {
        answer.problem(401, "unauthorized");
    }
    for _ in 0..20 {
        api.get("/sdk/v1/ruleset").await.problem(401, "unauthorized");
    }
    assert_eq!(line.times(QUESTION), 1);
    // What can't be a key is not worth a question.
    for bad in ["", "x", "usk_short", "uck_0123456789012345678901234567890123456789012 34"] {
        edge.with(bad).get("/sdk/v1/ruleset").await.expect(401);
    }
    let token = edge.with("uat_test-administrator-0123456789").get("/sdk/v1/ruleset").await;
    token.problem(403, "forbidden");
    assert_eq!(line.times(QUESTION), 1);
    tokio::time::sleep(Duration::from_secs(5)).await;
    api.get("/sdk/v1/ruleset").await.problem(401, "unauthorized");
    assert_eq!(line.times(QUESTION), 2, "it may have been made meanwhile");
    // A known one is one question too, however many come with it.
    let client_key = server.key("client").await;
    let api = edge.with(&client_key);
    let all = join_all((0..20).map(|_| ofrep(&api, "always"))).await;
    assert!(all.into_iter().all(|value| value == Some(true)));
    assert_eq!(line.times(QUESTION), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_tells_about_itself_and_nothing_secret() {
    let server = server().await;
    let new = json!({"name": "phones", "type": "client", "environment": "production", "venues": ["anfield"]});
    let (secret, identity) = server.new_key(new).await;
    let told = server.with(&secret).get("/sdk/v1/key").await.expect(200);
    let expected = json!({"key": identity, "name": "phones", "kind": "client", "environment": "production",
        "venues": ["anfield"], "createdAt": told.json()["createdAt"]});
    assert_eq!(told.json(), expected);
    server.with(&stranger(1)).get("/sdk/v1/key").await.problem(401, "unauthorized");
    server.with(support::kit::ADMIN).get("/sdk/v1/key").await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_loses_its_streams_within_the_time_of_a_check() {
    let server = server().await;
    let key = server.key("server").await;
    let edge = Edge::ready(&url(&server), &key).await;
    let new = json!({"name": "phones", "type": "client", "environment": "production"});
    let (client_key, identity) = server.new_key(new).await;
    let context = json!({"context": {"targetingKey": "u-1", "venue": "anfield"}});
    let mut stream = Socket::said_at(&edge.address(), &client_key, "values", context).await;
    stream.all_values().await;
    let revoked = server.admin().post(&format!("/api/v1/keys/{identity}/revoke"), &json!({})).await;
    assert!(matches!(revoked.status, 200 | 204), "{revoked:?}");
    stream.refused("unauthorized").await;
    edge.with(&client_key).get("/sdk/v1/ruleset").await.problem(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_upstream_known_keys_go_on_and_unknown_ones_come_again() {
    let server = server().await;
    let (key, client_key) = (server.key("server").await, server.key("client").await);
    let line = Line::to(&server.address()).await;
    let edge = Edge::ready(&line.url(), &key).await;
    assert_eq!(ofrep(&edge.with(&client_key), "always").await, Some(true));
    line.set(State::Cut);
    // Longer than the time of a check.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(ofrep(&edge.with(&client_key), "always").await, Some(true));
    let api = edge.with(&stranger(3));
    let answer = api.get("/sdk/v1/ruleset").await;
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    answer.problem(503, "upstream_unreachable");
    line.set(State::Open);
    eventually("it can be asked again", async || api.get("/sdk/v1/ruleset").await.status == 401).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_what_is_not_relayed_are_sent_elsewhere() {
    let server = server().await;
    let key = server.key("server").await;
    let edge = Edge::ready(&url(&server), &key).await;
    let (staging, _) = server.new_key(json!({"name": "s", "type": "server", "environment": "staging"})).await;
    let problem = edge.with(&staging).get("/sdk/v1/ruleset").await.problem(421, "not_relayed");
    assert!(problem["detail"].as_str().unwrap().contains("staging"), "{problem}");
    // An edge of an edge hears the same.
    let far = Edge::start(&edge.url(), &staging).await;
    eventually("it says that it is refused", async || {
        far.readyz().await.json()["refused"].as_array().is_some_and(|all| !all.is_empty())
    })
    .await;
    assert_eq!(far.readyz().await.status, 503);
    // With a key for each, both are served.
    let both = Edge::start_with(&url(&server), &key, |settings| {
        settings.keys.push(usher_server::Secret::from(staging.clone()));
    })
    .await;
    both.is_ready().await;
    both.with(&staging).get("/sdk/v1/ruleset").await.expect(200);
    both.with(&key).get("/sdk/v1/ruleset").await.expect(200);
    assert_eq!(both.readyz().await.json()["environments"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_for_who_has_one_of_the_edges_own_keys() {
    let server = server().await;
    let (key, client_key) = (server.key("server").await, server.key("client").await);
    let edge = Edge::ready(&url(&server), &key).await;
    edge.nobody().get("/metrics").await.problem(401, "unauthorized");
    edge.with(&client_key).get("/metrics").await.problem(401, "unauthorized");
    assert_eq!(ofrep(&edge.with(&client_key), "always").await, Some(true));
    let text = edge.with(&key).get("/metrics").await.expect(200).body;
    for line in [
        "usher_edge_live{environment=\"production\"} 1",
        "usher_edge_key_checks_total{answer=\"live\"} 1",
        "usher_evaluations_total{reason=\"STATIC\"} 1",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}
