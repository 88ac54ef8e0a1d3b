//! What SDKs ask for over plain HTTP: rulesets, values, a place for their counts; and how the server feels.

use std::collections::BTreeSet;

use crate::support::{Server, Socket, eventually};
use serde_json::{Value, json};

fn names(documents: &Value) -> BTreeSet<String> {
    let documents = documents.as_array().unwrap().iter();
    documents
        .map(|own| format!("{}/{}", own["kind"].as_str().unwrap(), own["key"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_ruleset_is_what_the_stream_gives_and_has_a_tag() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let api = server.with(&key);
    let answer = api.get("/sdk/v1/ruleset").await.expect(200);
    let body = answer.json();
    assert_eq!((&body["schema"], &body["environment"]), (&json!(1), &json!("production")));
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    let (ready, documents) = stream.snapshot().await;
    assert_eq!(body["documents"], Value::Array(documents));
    assert_eq!((&body["epoch"], &body["seq"]), (&ready["epoch"], &ready["seq"]));
    assert!(
        !answer.body.contains("staging") && !answer.body.contains("\"hash\""),
        "its own environment only"
    );
    let tag = answer.header("etag").to_owned();
    let again = api.header("If-None-Match", &tag);
    again.get("/sdk/v1/ruleset").await.expect(304);
    // What does not concern the environment changes nothing.
    let staging = "/api/v1/flags/always/environments/staging/kill";
    server.admin().post(staging, &json!({})).await.expect(200);
    again.get("/sdk/v1/ruleset").await.expect(304);
    let production = "/api/v1/flags/always/environments/production/kill";
    server.admin().post(production, &json!({})).await.expect(200);
    let changed = again.get("/sdk/v1/ruleset").await.expect(200);
    assert_eq!(changed.json()["seq"], server.seq());
}

#[tokio::test]
async fn a_narrowed_key_gets_its_venues_and_its_own_tag() {
    let server = Server::seeded().await;
    let key =
        |venue: &str| json!({"name": "n", "type": "server", "environment": "production", "venues": [venue]});
    let (dome, _) = server.new_key(key("berlin-dome")).await;
    let (anfield, _) = server.new_key(key("anfield")).await;
    let at_dome = server.with(&dome).get("/sdk/v1/ruleset").await.expect(200);
    let names_at_dome = names(&at_dome.json()["documents"]);
    assert!(names_at_dome.contains("venue/berlin-dome") && names_at_dome.contains("cohort/staff"));
    for other in ["venue/anfield", "venue/wembley-stadium", "cohort/gate-staff"] {
        assert!(!names_at_dome.contains(other), "{other}");
    }
    assert!(!at_dome.body.contains("anfield"), "{}", at_dome.body);
    let with_anothers_tag = server.with(&anfield).header("If-None-Match", at_dome.header("etag"));
    let at_anfield = with_anothers_tag.get("/sdk/v1/ruleset").await.expect(200);
    assert!(names(&at_anfield.json()["documents"]).contains("cohort/gate-staff"));
}

#[tokio::test]
async fn client_keys_get_values_and_never_rules() {
    let server = Server::seeded().await;
    let client = server.with(&server.key("client").await);
    client.get("/sdk/v1/ruleset").await.problem(403, "forbidden");
    let context = json!({"context": {"targetingKey": "u-1", "venue": "anfield"}});
    let answer = client.post("/sdk/v1/values", &context).await.expect(200);
    let values = answer.json()["values"].clone();
    assert_eq!(values["resale-guard"]["value"], true);
    assert_eq!(values.get("hidden"), None);
    for word in ["rules\"", "cohort", "wembley", "berlin"] {
        assert!(!answer.body.contains(word), "{word}: {}", answer.body);
    }
    let again = client.header("If-None-Match", answer.header("etag"));
    again.post("/sdk/v1/values", &context).await.expect(304);
    let elsewhere = json!({"context": {"targetingKey": "u-1", "venue": "berlin-dome"}});
    let other = again.post("/sdk/v1/values", &elsewhere).await.expect(200);
    assert_eq!(other.json()["values"]["resale-guard"]["value"], false);
    let server_key = server.with(&server.key("server").await);
    let all = server_key.post("/sdk/v1/values", &context).await.expect(200);
    assert_eq!(all.json()["values"]["hidden"]["value"], true);
    client.post("/sdk/v1/values", &json!({"context": {"targetingKey": 7}})).await.problem(400, "invalid");
    client.post("/sdk/v1/values", &json!([])).await.problem(400, "invalid");
}

#[tokio::test]
async fn counts_are_taken_once_however_often_they_are_sent() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("client").await);
    let batch = json!({"batch": "b-1",
        "exposures": [{"flag": "always", "variant": "on", "venue": "anfield", "count": 3}],
        "metrics": [{"metric": "sold", "venue": "anfield", "count": 2, "sum": 99.5}]});
    let first = api.post("/sdk/v1/events", &batch).await.expect(202).json();
    assert_eq!(first, json!({"accepted": true, "replayed": false}));
    let second = api.post("/sdk/v1/events", &batch).await.expect(202).json();
    assert_eq!(second["replayed"], true);
    assert_eq!(server.running().app().counts.exposures("always", "on"), 3);
    let exposures: Vec<Value> = (0..1_001).map(|_| json!({"flag": "f", "count": 1})).collect();
    let large = json!({"batch": "b-2", "exposures": exposures});
    api.post("/sdk/v1/events", &large).await.problem(413, "too_large");
    for bad in
        [json!({}), json!({"batch": 7}), json!({"batch": "b", "exposures": [{"flag": "f", "count": -1}]})]
    {
        let problem = api.post("/sdk/v1/events", &bad).await.problem(400, "invalid");
        assert!(problem["errors"][0]["mend"].as_str().is_some_and(|mend| !mend.is_empty()), "{problem}");
    }
    let endless =
        json!({"batch": "b-3", "exposures": [{"flag": "always", "variant": "on", "count": u64::MAX}]});
    api.post("/sdk/v1/events", &endless).await.expect(202);
    api.get("/healthz").await.expect(200);
    let more = json!({"batch": "b-4", "exposures": [{"flag": "always", "variant": "on", "count": 1}]});
    api.post("/sdk/v1/events", &more).await.expect(202);
}

#[tokio::test]
async fn one_senders_batch_does_not_hide_anothers_of_the_same_name() {
    let server = Server::seeded().await;
    let batch = json!({"batch": "1", "exposures": [{"flag": "always", "variant": "on", "count": 1}]});
    for kind in ["server", "client"] {
        let api = server.with(&server.key(kind).await);
        assert_eq!(api.post("/sdk/v1/events", &batch).await.expect(202).json()["replayed"], false);
    }
    assert_eq!(server.running().app().counts.exposures("always", "on"), 2);
}

#[tokio::test]
async fn a_server_tells_whether_it_lives_and_is_ready() {
    let server = Server::seeded().await;
    assert_eq!(server.nobody().get("/healthz").await.expect(200).json(), json!({"status": "ok"}));
    let ready = server.nobody().get("/readyz").await.expect(200).json();
    assert_eq!(ready, json!({"status": "ready", "seq": server.seq()}));
    server.running().retire().await;
    let draining = server.nobody().get("/readyz").await.expect(503);
    assert_eq!(draining.header("connection"), "close", "nobody is to ask on this connection again");
    assert_eq!(draining.json()["status"], "draining");
    server.nobody().get("/healthz").await.expect(200);
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let evaluation = json!({"context": {"targetingKey": "u-1"}});
    server.with(&key).post("/ofrep/v1/evaluate/flags/always", &evaluation).await.expect(200);
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    stream.snapshot().await;
    server.admin().post("/api/v1/flags/always/environments/production/kill", &json!({})).await.expect(200);
    let seq = stream.expect("delta").await["seq"].as_u64().unwrap();
    stream.ack(seq).await;
    eventually("it is counted", async || {
        let report = server.admin().get("/api/v1/convergence").await.expect(200).json();
        report["converged"] == 1
    })
    .await;
    server.with(&key).post("/ofrep/v1/evaluate/flags", &evaluation).await.expect(200);
    let text = server.admin().get("/metrics").await.expect(200).body;
    for line in [
        "usher_evaluations_total{reason=\"STATIC\"} 6".to_owned(),
        "usher_evaluations_total{reason=\"DISABLED\"} 2".to_owned(),
        "usher_connections{mode=\"ruleset\"} 1".to_owned(),
        "usher_convergence_seconds_count 1".to_owned(),
        // Ready, the snapshot, and a delta.
        "usher_stream_frames_total 3".to_owned(),
        format!("usher_journal_seq {}", server.seq()),
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    assert!(!text.contains(&key));
}
