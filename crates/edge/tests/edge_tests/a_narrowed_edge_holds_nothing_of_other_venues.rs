//! An edge that is for a venue holds nothing of others: not in what comes to it, not on its disk, not in what it says.

use crate::support::{ALL, Edge, Line, Socket, eventually, files, fixtures, server, url};
use serde_json::{Value, json};

/// A flag that says something of each venue.
fn telling() -> Value {
    let mut flag = fixtures::flag(
        "telling",
        &json!({"default": {"variant": "on"}, "venues": {"berlin-dome": "off", "anfield": "on"},
                "killed": {"all": false, "venues": ["wembley-stadium"], "cohorts": []}}),
    );
    flag["kind"] = "flag".into();
    flag
}

/// What tells of venues other than Anfield, in any form.
fn foreign(text: &str) -> Option<&'static str> {
    ["berlin-dome", "wembley-stadium", "Berlin", "London", "berlin-staff"]
        .into_iter()
        .find(|word| text.contains(word))
}

async fn everything_in(folder: &std::path::Path) -> String {
    let mut all = String::new();
    for file in std::fs::read_dir(folder).unwrap() {
        all.push_str(&String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_on_its_stream_nor_on_disk_nor_in_what_it_serves() {
    let server = server().await;
    let put = |document: Value| json!({"put": document});
    let cohort = json!({"kind": "cohort", "key": "berlin-staff", "name": "B", "keys": ["x"], "venues": ["berlin-dome"]});
    let changes = json!({"message": "More", "changes": [put(telling()), put(cohort)]});
    server.admin().post("/api/v1/commits", &changes).await.expect(201);
    let key = server.key("server").await;
    let line = Line::to(&server.address()).await;
    let edge =
        Edge::start_with(&line.url(), &key, |settings| settings.venues = vec!["anfield".parse().unwrap()])
            .await;
    edge.is_ready().await;
    // What happens elsewhere later does not come here either.
    let kill = json!({"venues": ["berlin-dome"]});
    let path = "/api/v1/flags/always/environments/production/kill";
    server.admin().post(path, &kill).await.expect(200);
    let seen = server.admin().post(path, &json!({"venues": ["anfield"]})).await.expect(200).json();
    let api = edge.with(&key);
    eventually("the kill at Anfield is here", async || {
        let ruleset = api.get("/sdk/v1/ruleset").await.expect(200).json();
        ruleset["seq"] == seen["seq"]
    })
    .await;
    let heard = line.heard();
    assert!(heard.contains("telling") && heard.contains("gate-staff"), "it has what it needs");
    assert_eq!(foreign(&heard), None, "on its stream");
    let served = api.get("/sdk/v1/ruleset").await.expect(200).body;
    assert_eq!(foreign(&served), None, "in what it serves");
    let mut stream = Socket::said_at(&edge.address(), &key, "ruleset", json!({})).await;
    let (ready, documents) = stream.snapshot().await;
    assert_eq!(ready["venues"], json!(["anfield"]));
    assert_eq!(foreign(&json!(documents).to_string()), None);
    let folder = edge.stop().await;
    let on_disk = everything_in(folder.path()).await;
    assert!(on_disk.contains("telling"));
    assert_eq!(foreign(&on_disk), None, "on disk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_answers_for_its_venues_and_for_no_others() {
    let server = server().await;
    let changes = json!({"message": "More", "changes": [{"put": telling()}]});
    server.admin().post("/api/v1/commits", &changes).await.expect(201);
    let (key, client_key) = (server.key("server").await, server.key("client").await);
    let edge = Edge::start_with(&url(&server), &key, |settings| {
        settings.venues = vec!["anfield".parse().unwrap(), "berlin-dome".parse().unwrap()];
    })
    .await;
    edge.is_ready().await;
    let at = |venue: &str| json!({"context": {"targetingKey": "u-1", "venue": venue}});
    for (venue, value) in [("anfield", true), ("berlin-dome", false)] {
        for api in [edge.with(&client_key), server.with(&client_key)] {
            let answer = api.post(&format!("{ALL}/telling"), &at(venue)).await.expect(200).json();
            assert_eq!(answer["value"], value, "{venue}");
        }
    }
    // Of Wembley it knows no kill: it would be wrong, so it does not answer.
    edge.with(&client_key).post(&format!("{ALL}/telling"), &at("wembley-stadium")).await.expect(403);
    edge.with(&client_key).post("/sdk/v1/values", &at("wembley-stadium")).await.expect(403);
    edge.with(&client_key)
        .post("/sdk/v1/values", &json!({"context": {"targetingKey": "u-1"}}))
        .await
        .expect(400);
    let (wembley, _) = server
        .new_key(json!({"name": "w", "type": "server", "environment": "production", "venues": ["wembley-stadium"]}))
        .await;
    edge.with(&wembley).get("/sdk/v1/ruleset").await.problem(421, "not_relayed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_is_narrowed_later_throws_away_what_it_had() {
    let server = server().await;
    let key = server.key("server").await;
    let edge = Edge::ready(&url(&server), &key).await;
    let folder = edge.stop().await;
    assert!(everything_in(folder.path()).await.contains("berlin-dome"));
    let edge = Edge::start_in(folder, &url(&server), &key, |settings| {
        settings.venues = vec!["anfield".parse().unwrap()];
    })
    .await;
    edge.is_ready().await;
    eventually("it is on disk", async || !files(edge.folder(), "cache").is_empty()).await;
    let folder = edge.stop().await;
    assert_eq!(foreign(&everything_in(folder.path()).await), None);
}
