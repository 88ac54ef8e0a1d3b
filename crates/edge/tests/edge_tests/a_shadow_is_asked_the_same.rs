//! An edge asks a shadow what clients asked it, and tells where the two differ. Clients notice nothing of it.

use crate::support::{ALL, Edge, Server, eventually, ofrep, server, turn, url};
use serde_json::{Value, json};

/// So many answers had this outcome.
async fn compared(edge: &Edge, key: &str, outcome: &str) -> u64 {
    let metrics = edge.with(key).get("/metrics").await.expect(200);
    let name = format!("usher_edge_shadow_answers_total{{outcome=\"{outcome}\"}} ");
    metrics.body.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

async fn differences(edge: &Edge, key: &str) -> Vec<Value> {
    let said = edge.with(key).get("/shadow").await.expect(200).json();
    said["differences"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_what_it_answers_otherwise_is_told() {
    let first = server().await;
    let (key, client_key) = (first.key("server").await, first.key("client").await);
    let (folder, copy) = (first.stop().await, tempfile::tempdir().unwrap());
    let copied =
        std::process::Command::new("cp").arg("-r").arg(folder.path().join(".")).arg(copy.path()).status();
    assert!(copied.unwrap().success());
    let first = Server::start_in(folder, |settings| settings.heartbeat_seconds = 1).await;
    let shadow = Server::start_in(copy, |settings| settings.heartbeat_seconds = 1).await;
    let edge =
        Edge::start_with(&url(&first), &key, |settings| settings.shadow_url = Some(url(&shadow))).await;
    edge.is_ready().await;
    let phone = edge.with(&client_key);
    edge.nobody().get("/shadow").await.expect(401);
    phone.get("/shadow").await.expect(401);

    let body = json!({"context": {"targetingKey": "u-1", "venue": "anfield"}});
    assert_eq!(ofrep(&phone, "always").await, Some(true));
    phone.post(ALL, &body).await.expect(200);
    phone.post("/sdk/v1/values", &body).await.expect(200);
    eventually("all three were compared", async || compared(&edge, &key, "same").await == 3).await;
    assert_eq!(differences(&edge, &key).await, Vec::<Value>::new());

    // The shadow goes wrong.
    turn(&shadow, "always", "kill").await;
    assert_eq!(ofrep(&phone, "always").await, Some(true), "clients get the edge's own answer");
    eventually("it is told", async || compared(&edge, &key, "different").await == 1).await;
    let told = differences(&edge, &key).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["flag"], &told[0]["own"]["value"], &told[0]["shadow"]["value"]),
        (&json!("always"), &json!(true), &json!(false))
    );

    // A change on its way is no difference: the shadow is only the first to have it.
    turn(&first, "always", "kill").await;
    eventually("the edge has it", async || ofrep(&phone, "always").await == Some(false)).await;
    let before = compared(&edge, &key, "same").await;
    assert_eq!(ofrep(&phone, "always").await, Some(false));
    eventually("they agree again", async || compared(&edge, &key, "same").await > before).await;
    assert_eq!(differences(&edge, &key).await.len(), 1);

    drop(shadow.stop().await);
    assert_eq!(ofrep(&phone, "always").await, Some(false));
    eventually("the shadow is missed", async || compared(&edge, &key, "failed").await > 0).await;
}
