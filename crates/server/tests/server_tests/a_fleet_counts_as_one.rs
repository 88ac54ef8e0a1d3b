//! Whoever asks one server how far a change has come, is told of the clients of all.

use crate::support::{Server, Socket, eventually, fixtures};
use serde_json::{Value, json};
use usher_server::Secret;
use usher_testkit::redis::RedisServer;

async fn on(redis: &RedisServer) -> Server {
    let url = Secret::from(redis.url());
    Server::start_with(|settings| settings.redis = Some(url)).await
}

async fn device(server: &Server, key: &str, venue: &str) -> Socket {
    let mut stream = Socket::ruleset(server, key, json!({"scope": {"venues": [venue]}})).await;
    stream.snapshot().await;
    stream
}

async fn asked(server: &Server, path: &str) -> Value {
    server.admin().get(path).await.expect(200).json()
}

/// Expected, converged and gone.
async fn counts(server: &Server, seq: u64) -> [u64; 3] {
    let report = asked(server, &format!("/api/v1/convergence?seq={seq}")).await;
    ["expected", "converged", "left"].map(|name| report[name].as_u64().unwrap())
}

async fn all_count(servers: &[&Server], seq: u64, wanted: [u64; 3]) {
    for server in servers {
        eventually(&format!("{wanted:?} of commit {seq}"), async || counts(server, seq).await == wanted)
            .await;
    }
}

async fn all_see(servers: &[&Server], total: u64) {
    for server in servers {
        let seen = async || asked(server, "/api/v1/connections").await["total"] == total;
        eventually(&format!("{total} clients are seen"), seen).await;
    }
}

#[tokio::test]
async fn every_server_knows_how_far_a_change_has_come_among_the_clients_of_all() {
    let redis = RedisServer::start();
    let (one, two) = tokio::join!(on(&redis), on(&redis));
    let servers = [&one, &two];
    fixtures::seed(&one).await;
    let key = one.key("server").await;
    eventually("the other has it too", async || two.seq() >= one.seq()).await;
    let mut at_one = device(&one, &key, "wembley-stadium").await;
    let mut at_two = device(&two, &key, "berlin-dome").await;
    let leaves = device(&two, &key, "berlin-dome").await;
    all_see(&servers, 3).await;

    let kill = json!({"message": "queues at gate C"});
    let kill = one.admin().post("/api/v1/flags/always/environments/production/kill", &kill).await;
    let seq = kill.expect(200).json()["seq"].as_u64().unwrap();
    for stream in [&mut at_one, &mut at_two] {
        assert_eq!(stream.expect("delta").await["seq"], seq);
    }
    all_count(&servers, seq, [3, 0, 0]).await;
    at_two.ack(seq).await;
    all_count(&servers, seq, [3, 1, 0]).await;
    drop(leaves);
    at_one.ack(seq).await;
    all_count(&servers, seq, [3, 2, 1]).await;
    all_see(&servers, 2).await;
    let venues = asked(&one, &format!("/api/v1/convergence?seq={seq}")).await["venues"].clone();
    let dome = venues.as_array().unwrap().iter().find(|own| own["venue"] == "berlin-dome").unwrap();
    assert_eq!((&dome["expected"], &dome["converged"]), (&json!(2), &json!(1)), "{venues}");

    // Its clients are gone with it, once it has not been heard for a while.
    two.stop().await;
    all_see(&[&one], 1).await;
}
