//! How far a change has come is counted from what clients acknowledge, venue by venue, and from nothing else.

use crate::support::{self, Server, Socket, eventually};
use serde_json::{Value, json};

/// A device at a venue that has everything up to now.
async fn device(server: &Server, key: &str, venue: &str) -> Socket {
    let mut stream = Socket::ruleset(server, key, json!({"scope": {"venues": [venue]}})).await;
    stream.snapshot().await;
    stream
}

async fn kill(server: &Server, flag: &str, venue: &str) -> u64 {
    let path = format!("/api/v1/flags/{flag}/environments/production/kill");
    let body = json!({"venues": [venue], "message": "queues at gate C"});
    server.admin().post(&path, &body).await.expect(200).json()["seq"].as_u64().unwrap()
}

async fn kill_everywhere(server: &Server, flag: &str) -> u64 {
    let path = format!("/api/v1/flags/{flag}/environments/production/kill");
    let body = json!({"message": "queues at gate C"});
    server.admin().post(&path, &body).await.expect(200).json()["seq"].as_u64().unwrap()
}

/// Expected, converged and gone, of all or at a venue.
fn counts(report: &Value, venue: Option<&str>) -> (u64, u64, u64) {
    let of = |one: &Value| {
        let count = |name: &str| one[name].as_u64().unwrap();
        (count("expected"), count("converged"), count("left"))
    };
    match venue {
        None => of(report),
        Some(venue) => report["venues"]
            .as_array()
            .unwrap()
            .iter()
            .find(|own| own["venue"] == venue)
            .map_or((0, 0, 0), of),
    }
}

async fn report(server: &Server, seq: u64) -> Value {
    server.admin().get(&format!("/api/v1/convergence?seq={seq}")).await.expect(200).json()
}

#[tokio::test]
async fn devices_count_when_they_have_acknowledged_at_the_venue_where_they_are() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let mut wembley = vec![
        device(&server, &key, "wembley-stadium").await,
        device(&server, &key, "wembley-stadium").await,
        device(&server, &key, "wembley-stadium").await,
    ];
    let mut dome = device(&server, &key, "berlin-dome").await;
    let seq = kill_everywhere(&server, "always").await;
    for stream in wembley.iter_mut().chain([&mut dome]) {
        assert_eq!(stream.expect("delta").await["seq"].as_u64(), Some(seq));
    }
    let sent = report(&server, seq).await;
    assert_eq!((counts(&sent, None), sent["seq"].as_u64()), ((4, 0, 0), Some(seq)), "sent is not applied");
    assert_eq!(sent["laggards"].as_array().unwrap().len(), 4);
    assert_eq!(sent["message"], "queues at gate C");
    // An ack of what was there before moves nothing, and neither does one of what was never sent.
    wembley[0].ack(seq - 1).await;
    wembley[0].ack(seq).await;
    wembley[1].ack(u64::MAX).await;
    eventually("two have it", async || counts(&report(&server, seq).await, None).1 == 2).await;
    let partly = report(&server, seq).await;
    assert_eq!(counts(&partly, Some("wembley-stadium")), (3, 2, 0));
    assert_eq!(counts(&partly, Some("berlin-dome")), (1, 0, 0));
    let next = kill_everywhere(&server, "banner").await;
    assert_eq!(counts(&report(&server, next).await, None), (4, 0, 0), "nobody runs ahead");
    // One goes away without it, the others come in.
    drop(wembley.pop());
    dome.ack(seq).await;
    eventually("all are accounted for", async || counts(&report(&server, seq).await, None) == (4, 3, 1))
        .await;
    let done = report(&server, seq).await;
    assert_eq!(done["laggards"], json!([]));
    assert!(
        done["p50Ms"].as_f64() <= done["p99Ms"].as_f64() && done["p99Ms"].as_f64() <= done["maxMs"].as_f64()
    );
    assert_eq!(counts(&report(&server, next).await, None), (4, 0, 1));
}

#[tokio::test]
async fn a_kill_at_a_venue_is_told_there_and_waited_for_there() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let mut wembley = device(&server, &key, "wembley-stadium").await;
    let mut dome = device(&server, &key, "berlin-dome").await;
    let seq = kill(&server, "always", "wembley-stadium").await;
    assert_eq!(wembley.expect("delta").await["seq"].as_u64(), Some(seq));
    dome.stays_quiet(std::time::Duration::from_millis(300)).await;
    assert_eq!(counts(&report(&server, seq).await, None), (1, 0, 0));
    wembley.ack(seq).await;
    eventually("it has it", async || counts(&report(&server, seq).await, None) == (1, 1, 0)).await;
}

#[tokio::test]
async fn who_comes_later_or_is_not_concerned_is_not_waited_for() {
    let server = Server::seeded().await;
    let here = server.key("server").await;
    let staging = json!({"name": "s", "type": "server", "environment": "staging"});
    let (there, _) = server.new_key(staging).await;
    let _other = device(&server, &there, "anfield").await;
    let mut stream = device(&server, &here, "anfield").await;
    let seq = kill(&server, "always", "anfield").await;
    let _late = device(&server, &here, "anfield").await;
    assert_eq!(counts(&report(&server, seq).await, None), (1, 0, 0));
    stream.expect("delta").await;
    stream.ack(seq).await;
    eventually("it has it", async || counts(&report(&server, seq).await, None) == (1, 1, 0)).await;
    // What no client is told of has no convergence to report.
    let environment = json!({"key": "staging", "name": "Rehearsal"});
    let answer = server.admin().put("/api/v1/environments/staging", &environment).await.expect(200).json();
    let path = format!("/api/v1/convergence?seq={}", answer["seq"]);
    server.admin().get(&path).await.problem(404, "not_found");
    assert_eq!(server.admin().get("/api/v1/convergence").await.expect(200).json()["seq"].as_u64(), Some(seq));
}

#[tokio::test]
async fn a_phone_acknowledges_values_and_counts_where_it_has_gone() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let at = |venue: &str| json!({"targetingKey": "u-1", "venue": venue});
    let mut phone = Socket::values(&server, &key, json!({"context": at("anfield")})).await;
    phone.all_values().await;
    phone.say(&json!({"type": "context", "context": at("berlin-dome")})).await;
    phone.expect("values").await;
    let seq = kill(&server, "always", "berlin-dome").await;
    phone.expect("values").await;
    phone.ack(seq).await;
    eventually("it has it", async || counts(&report(&server, seq).await, Some("berlin-dome")) == (1, 1, 0))
        .await;
}

#[tokio::test]
async fn browsers_are_told_as_it_happens() {
    let server = Server::seeded().await;
    let authorization = ("Authorization", format!("Bearer {}", support::ADMIN));
    let mut live = Socket::try_open(&server, "/live", &[authorization]).await.unwrap();
    live.expect("hello").await;
    let key = server.key("server").await;
    let mut stream = device(&server, &key, "anfield").await;
    let seq = kill(&server, "always", "anfield").await;
    stream.expect("delta").await;
    stream.ack(seq).await;
    // Other news may come in between; the end is what counts.
    loop {
        let news = live.any().await.unwrap();
        if news["type"] == "convergence"
            && news["convergence"]["seq"].as_u64() == Some(seq)
            && counts(&news["convergence"], Some("anfield")) == (1, 1, 0)
        {
            break;
        }
    }
}

/// It was served elsewhere, where the change was earlier, and has nothing to apply here.
#[tokio::test]
async fn who_comes_with_a_change_that_is_still_to_come_here_has_it() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let (epoch, seq) =
        (server.admin().get("/api/v1/workspace").await.json()["epoch"].clone(), server.seq() + 1);
    let resume = json!({"epoch": epoch, "seq": seq});
    let mut stream = Socket::ruleset(&server, &key, json!({"resume": resume})).await;
    eventually("it is expected", async || {
        server.admin().get("/api/v1/connections").await.json()["total"] == 1
    })
    .await;
    assert_eq!(kill_everywhere(&server, "always").await, seq);
    assert_eq!(stream.expect("ready").await["intent"], "current");
    eventually("it counts", async || counts(&report(&server, seq).await, None) == (1, 1, 0)).await;
}
