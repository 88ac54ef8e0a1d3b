//! A backup that is served goes on from where it was made, and so does the original: nobody takes the one for the other.

use crate::support::{Server, Socket};
use serde_json::json;

async fn swing(server: &Server, times: usize) {
    for n in 0..times {
        let path = format!("/api/v1/flags/always/environments/production/{}", ["kill", "revive"][n % 2]);
        server.admin().post(&path, &json!({})).await.expect(200);
    }
}

#[tokio::test]
async fn who_has_seen_more_of_the_original_is_given_a_snapshot_however_far_the_copy_has_come() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let elsewhere = tempfile::tempdir().unwrap();
    server.running().app().world.journal().backup(elsewhere.path()).await.unwrap();
    swing(&server, 2).await;
    let (ready, _) = Socket::ruleset(&server, &key, json!({})).await.snapshot().await;
    drop(server.stop().await);
    let copy = Server::start_in(elsewhere, |_| {}).await;
    swing(&copy, 4).await;
    let epoch = copy.admin().get("/api/v1/workspace").await.expect(200).json()["epoch"].clone();
    assert_ne!(epoch, ready["epoch"]);
    // It is renewed once only: who has seen the copy goes on.
    let copy = Server::start_in(copy.stop().await, |_| {}).await;
    assert!(Some(copy.seq()) > ready["seq"].as_u64());
    let resume = |epoch: &serde_json::Value| json!({"resume": {"epoch": epoch, "seq": ready["seq"]}});
    let (given, _) = Socket::ruleset(&copy, &key, resume(&ready["epoch"])).await.snapshot().await;
    assert_eq!((&given["epoch"], given["seq"].as_u64()), (&epoch, Some(copy.seq())));
    let mut stream = Socket::ruleset(&copy, &key, resume(&epoch)).await;
    assert_eq!(stream.expect("ready").await["intent"], "delta");
}
