//! What a client gets that was away for long: bounded frames, and the names of nobody else's venues.

use crate::support::{Server, Socket};
use serde_json::{Value, json};
use usher_core::protocol::MAX_SNAPSHOT_PART_BYTES;

/// More than a stream keeps single deltas of.
async fn many_commits(server: &Server) {
    for n in 0..40 {
        for action in ["kill", "revive"] {
            let path = format!("/api/v1/flags/always/environments/production/{action}");
            server.admin().post(&path, &json!({"message": n.to_string()})).await.expect(200);
        }
    }
}

#[tokio::test]
async fn who_lacks_more_than_a_frame_may_hold_gets_a_snapshot_in_parts() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let (ready, _) = Socket::ruleset(&server, &key, json!({})).await.snapshot().await;
    let keys: Vec<String> = (0..2_000).map(|n| format!("a-holder-of-a-season-ticket-{n:06}")).collect();
    let changes: Vec<Value> = (0..6)
        .map(|n| json!({"put": {"kind": "cohort", "key": format!("large-{n}"), "name": "Large", "keys": keys}}))
        .collect();
    server
        .admin()
        .post("/api/v1/commits", &json!({"message": "Large", "changes": changes}))
        .await
        .expect(201);
    many_commits(&server).await;
    let resume = json!({"resume": {"epoch": ready["epoch"], "seq": ready["seq"]}});
    let (ready, documents) = Socket::ruleset(&server, &key, resume).await.snapshot().await;
    assert_eq!(ready["seq"], server.seq());
    assert!(Value::from(documents).to_string().len() > MAX_SNAPSHOT_PART_BYTES);
}

#[tokio::test]
async fn a_narrowed_key_is_not_told_which_other_venues_are_gone() {
    let server = Server::seeded().await;
    let key = json!({"name": "n", "type": "server", "environment": "production", "venues": ["anfield"]});
    let (key, _) = server.new_key(key).await;
    server
        .admin()
        .put("/api/v1/venues/secret-gig", &json!({"key": "secret-gig", "name": "Gig"}))
        .await
        .expect(201);
    let (ready, _) = Socket::ruleset(&server, &key, json!({})).await.snapshot().await;
    server.admin().delete("/api/v1/venues/secret-gig").await.expect(200);
    many_commits(&server).await;
    let resume = json!({"resume": {"epoch": ready["epoch"], "seq": ready["seq"]}});
    let mut stream = Socket::ruleset(&server, &key, resume).await;
    assert_eq!(stream.expect("ready").await["intent"], "delta");
    let delta = stream.expect("delta").await;
    assert_eq!((&delta["put"][0]["key"], &delta["delete"]), (&json!("always"), &json!([])));
}
