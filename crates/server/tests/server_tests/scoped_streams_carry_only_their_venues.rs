//! Whoever asks for venues gets a ruleset specialised to them: no other venue's documents, overrides, kills or bound
//! cohorts, on a stream and by polling, and no more than the key is for.

use std::time::Duration;

use crate::support::{self, Server, Socket, fixtures};
use serde_json::{Value, json};

async fn seeded() -> Server {
    let server = Server::seeded().await;
    let mut flag = fixtures::flag(
        "telling",
        &json!({"venues": {"berlin-dome": "on", "anfield": "on"},
                "killed": {"all": false, "venues": ["wembley-stadium", "anfield"], "cohorts": []}}),
    );
    flag["kind"] = "flag".into();
    let cohort = json!({"kind": "cohort", "key": "crew", "name": "Crew", "keys": ["u"], "venues": ["anfield", "berlin-dome"]});
    let changes = json!({"message": "More", "changes": [{"put": flag}, {"put": cohort}]});
    server.admin().post("/api/v1/commits", &changes).await.expect(201);
    server
}

fn scope(venues: &[&str]) -> Value {
    json!({"scope": {"venues": venues}})
}

fn document<'d>(documents: &'d [Value], kind: &str, key: &str) -> Option<&'d Value> {
    documents.iter().find(|own| own["kind"] == kind && own["key"] == key)
}

#[tokio::test]
async fn a_scoped_stream_says_nothing_of_other_venues() {
    let server = seeded().await;
    let key = server.key("server").await;
    let mut stream = Socket::ruleset(&server, &key, scope(&["anfield"])).await;
    let (ready, documents) = stream.snapshot().await;
    assert_eq!(ready["venues"], json!(["anfield"]));
    let text = json!(documents).to_string();
    assert!(!text.contains("berlin-dome") && !text.contains("wembley-stadium") && !text.contains("London"));
    let telling = &document(&documents, "flag", "telling").unwrap()["environments"]["production"];
    assert_eq!(telling["venues"], json!({"anfield": "on"}));
    assert_eq!(telling["killed"]["venues"], json!(["anfield"]));
    assert_eq!(document(&documents, "cohort", "crew").unwrap()["venues"], json!(["anfield"]));
    assert!(document(&documents, "venue", "anfield").is_some());
    // What happens elsewhere is not told, and what happens here is.
    let kill = |venue: &str| json!({"venues": [venue]});
    let path = "/api/v1/flags/always/environments/production/kill";
    server.admin().post(path, &kill("berlin-dome")).await.expect(200);
    stream.stays_quiet(Duration::from_millis(300)).await;
    server.admin().post(path, &kill("anfield")).await.expect(200);
    let delta = stream.expect("delta").await;
    assert!(!delta.to_string().contains("berlin-dome"), "{delta}");
    // A catch-up tells no more than the stream would have.
    let resume = json!({"scope": {"venues": ["anfield"]},
        "resume": {"epoch": ready["epoch"], "seq": ready["seq"], "view": ready["view"]}});
    let mut late = Socket::ruleset(&server, &key, resume).await;
    assert_eq!(late.expect("ready").await["intent"], "delta");
    let merged = late.expect("delta").await;
    assert!(!merged.to_string().contains("berlin-dome"), "{merged}");
    assert_eq!(merged["seq"], delta["seq"]);
}

#[tokio::test]
async fn polling_is_scoped_the_same() {
    let server = seeded().await;
    let key = server.key("server").await;
    let mut stream = Socket::ruleset(&server, &key, scope(&["anfield"])).await;
    let (ready, mut documents) = stream.snapshot().await;
    let api = server.with(&key);
    let polled = api.get("/sdk/v1/ruleset?venue=anfield").await.expect(200);
    let mut same = polled.json()["documents"].as_array().unwrap().clone();
    let order = |own: &Value| (own["kind"].to_string(), own["key"].to_string());
    same.sort_by_key(order);
    documents.sort_by_key(order);
    assert_eq!((same, &polled.json()["view"]), (documents, &ready["view"]));
    let whole = api.get("/sdk/v1/ruleset").await.expect(200);
    assert_ne!(whole.header("etag"), polled.header("etag"));
    api.get("/sdk/v1/ruleset?venue=a%20b").await.problem(400, "invalid");
}

#[tokio::test]
async fn a_scope_is_within_what_the_key_allows() {
    let server = seeded().await;
    let new = json!({"name": "k", "type": "server", "environment": "production", "venues": ["anfield", "berlin-dome"]});
    let (key, _) = server.new_key(new).await;
    let mut stream = Socket::ruleset(&server, &key, scope(&["berlin-dome"])).await;
    let (ready, documents) = stream.snapshot().await;
    assert_eq!(ready["venues"], json!(["berlin-dome"]));
    assert!(!json!(documents).to_string().contains("anfield"));
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    assert_eq!(stream.snapshot().await.0["venues"], json!(["anfield", "berlin-dome"]));
    let mut stream = Socket::ruleset(&server, &key, scope(&["wembley-stadium"])).await;
    stream.refused("forbidden").await;
    server.with(&key).get("/sdk/v1/ruleset?venue=wembley-stadium").await.problem(403, "forbidden");
    let many: Vec<String> = (0..300).map(|n| format!("v-{n}")).collect();
    let all = server.key("server").await;
    let mut stream = Socket::ruleset(&server, &all, json!({"scope": {"venues": many}})).await;
    stream.refused("forbidden").await;
}

#[tokio::test]
async fn only_an_edge_may_count_for_others() {
    let server = seeded().await;
    let key = server.key("server").await;
    let census = json!({"type": "downstream", "revision": 1, "epoch": "0".repeat(32), "seq": 1,
        "clients": [{"environment": "production", "sdk": "t", "mode": "values", "count": 7},
                    {"environment": "staging", "sdk": "t", "mode": "values", "count": 9}]});
    let mut device = Socket::ruleset(&server, &key, json!({})).await;
    assert_eq!(device.snapshot().await.0["downstream"], true);
    device.say(&census).await;
    device.refused("badFrame").await;
    let mut edge = Socket::ruleset(&server, &key, json!({"edge": "north", "instance": "i-1"})).await;
    edge.snapshot().await;
    edge.say(&census).await;
    let total = async || server.admin().get("/api/v1/connections").await.expect(200).json()["total"].as_u64();
    support::eventually("its own environment counts", async || total().await == Some(7)).await;
    edge.close().await;
    support::eventually("they went with it", async || total().await == Some(0)).await;
}
