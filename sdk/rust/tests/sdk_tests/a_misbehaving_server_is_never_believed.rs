//! Whatever a server says, a client has right data or says that it has not, and never hammers.

use std::time::Duration;

use crate::support::{
    Rogue, eventually, fan, live,
    rogue::{Guest, flag},
    stale,
};
use serde_json::{Value, json};
use usher_sdk::{Client, ErrorCode, Reason, Status};

fn client(rogue: &Rogue) -> Client {
    Client::builder(&rogue.url(), "usk_secret-word").build().unwrap()
}

/// A client that is live with one flag, `f`, on.
async fn begun(rogue: &Rogue) -> (Client, Guest) {
    let client = client(rogue);
    let mut guest = rogue.guest().await;
    assert_eq!(guest.hello.get("resume"), None);
    guest.ready(1, 5, "snapshot").await;
    guest.snapshot(5, &[flag("f", true)]).await;
    live(&client).await;
    assert!(client.boolean("f", &fan(), false));
    (client, guest)
}

fn delta(from: u64, seq: u64, put: &[Value]) -> Value {
    json!({"type": "delta", "from": from, "seq": seq, "at": 0, "put": put, "delete": []})
}

#[tokio::test]
async fn a_gap_is_asked_for_and_not_guessed_over() {
    let rogue = Rogue::start().await;
    let (client, mut guest) = begun(&rogue).await;
    guest.say(&delta(6, 7, &[flag("f", false)])).await;
    guest.leaves().await;
    assert!(client.boolean("f", &fan(), false), "it was not applied");
    let mut guest = rogue.guest().await;
    assert_eq!(guest.hello["resume"]["seq"], 5, "what it has is still good");
    guest.ready(1, 7, "delta").await;
    guest.say(&delta(5, 7, &[flag("f", false)])).await;
    eventually("the delta is applied", async || !client.boolean("f", &fan(), true)).await;
    // So is one that it is only told of.
    guest.say(&json!({"type": "ping", "seq": 8})).await;
    guest.leaves().await;
    assert_eq!(rogue.guest().await.hello["resume"]["seq"], 7);
}

#[tokio::test]
async fn half_a_snapshot_is_none() {
    let rogue = Rogue::start().await;
    let (client, guest) = begun(&rogue).await;
    drop(guest);
    let mut guest = rogue.guest().await;
    guest.ready(2, 9, "snapshot").await;
    let part = |part: u32, documents: &[Value]| json!({"type": "snapshot", "seq": 9, "at": 0, "part": part, "parts": 3, "documents": documents});
    guest.say(&part(1, &[flag("f", false)])).await;
    guest.say(&json!({"type": "ping", "seq": 9})).await;
    assert_eq!(guest.next().await.unwrap()["type"], "pong");
    assert!(client.boolean("f", &fan(), false) && client.status() != Status::Live);
    guest.say(&part(3, &[])).await;
    guest.leaves().await;
    assert!(client.boolean("f", &fan(), false));
    let mut guest = rogue.guest().await;
    assert_eq!(guest.hello.get("resume"), None, "all of it, please");
    guest.ready(2, 9, "snapshot").await;
    guest.snapshot(9, &[flag("g", true)]).await;
    live(&client).await;
    assert!(client.boolean("g", &fan(), false));
    assert_eq!(client.boolean_details("f", &fan(), false).error, Some(ErrorCode::FlagNotFound));
}

#[tokio::test]
async fn garbage_makes_it_begin_anew_with_what_it_has() {
    let rogue = Rogue::start().await;
    let (client, mut guest) = begun(&rogue).await;
    for garbage in ["{", r#"{"type":"delta","from":"x"}"#, r#"{"no":"type"}"#] {
        guest.say_text(garbage).await;
        guest.leaves().await;
        assert!(client.boolean("f", &fan(), false));
        guest = rogue.guest().await;
        assert_eq!(guest.hello.get("resume"), None, "{garbage}");
        guest.ready(1, 5, "snapshot").await;
        guest.snapshot(5, &[flag("f", true)]).await;
        live(&client).await;
    }
    // Values were not asked for.
    guest.say(&json!({"type": "values", "seq": 6, "at": 0, "put": {}, "delete": [], "full": true})).await;
    guest.leaves().await;
    assert!(client.boolean("f", &fan(), false));
}

#[tokio::test]
async fn what_only_a_newer_version_knows_breaks_nothing_else() {
    let rogue = Rogue::start().await;
    let (client, mut guest) = begun(&rogue).await;
    guest.say(&json!({"type": "fireworks", "at": "midnight"})).await;
    let mut newer = flag("newer", true);
    newer["environments"]["production"]["rules"] = json!([{"id": "r", "if": {"attribute": "x", "op": "resembles", "values": ["y"]}, "serve": {"variant": "on"}}]);
    let mut field = flag("field", true);
    field["sparkle"] = json!({"much": true});
    let mut kind = flag("kind", true);
    kind["kind"] = "firework".into();
    let mut change = delta(5, 6, &[newer, field, kind, flag("g", true)]);
    change["sparkle"] = 1.into();
    guest.say(&change).await;
    assert_eq!(guest.next().await, Some(json!({"type": "ack", "seq": 6})));
    let newer = client.boolean_details("newer", &fan(), true);
    assert_eq!((newer.value, newer.reason, newer.error), (true, Reason::Error, Some(ErrorCode::ParseError)));
    for flag in ["f", "g"] {
        assert!(client.boolean(flag, &fan(), false), "{flag}");
    }
    let field = client.boolean_details("field", &fan(), true);
    assert_eq!(
        (field.value, field.error),
        (true, Some(ErrorCode::ParseError)),
        "a field may change what it means"
    );
    assert_eq!(client.status(), Status::Live);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_after_two_heartbeats() {
    let rogue = Rogue::start().await;
    let (client, guest) = begun(&rogue).await;
    stale(&client).await;
    assert_eq!(client.boolean_details("f", &fan(), false).reason, Reason::Stale);
    guest.leaves().await;
    // One that takes the connection and never says a word, too: the heartbeat is known by now.
    let guest = rogue.guest().await;
    guest.leaves().await;
    drop(rogue.guest().await);
}

#[tokio::test]
async fn it_comes_again_when_it_is_told_to() {
    let rogue = Rogue::start().await;
    let (client, mut guest) = begun(&rogue).await;
    let last_came = || *rogue.came.lock().unwrap().last().unwrap();
    let now = tokio::time::Instant::now();
    guest.say(&json!({"type": "drain", "reconnectAfterMs": 1_200})).await;
    stale(&client).await;
    let mut guest = rogue.guest().await;
    assert!(last_came() - now >= Duration::from_millis(1_200));
    let now = tokio::time::Instant::now();
    guest.say(&json!({"type": "error", "code": "busy", "message": "Many.", "retry": true, "retryAfterMs": 1_100})).await;
    let mut guest = rogue.guest().await;
    assert!(last_came() - now >= Duration::from_millis(1_100));
    assert_eq!(guest.hello["resume"]["seq"], 5);
    guest.ready(1, 5, "current").await;
    live(&client).await;
}

#[tokio::test]
async fn one_that_breaks_off_again_and_again_is_not_hammered() {
    let rogue = Rogue::start().await;
    let client = client(&rogue);
    let begun = tokio::time::Instant::now();
    let mut streams = 0;
    while begun.elapsed() < Duration::from_secs(2) {
        let Ok(mut guest) = tokio::time::timeout(Duration::from_secs(2), rogue.guest()).await else { break };
        streams += 1;
        guest.ready(1, 5, "snapshot").await;
        guest.say(&json!({"type": "snapshot", "seq": 5, "at": 0, "part": 1, "parts": 1, "documents": [flag("f", true)]})).await;
    }
    // Half a second, one, two, four at most, each time by chance: thirty in these seconds would be hammering.
    assert!((1..30).contains(&streams), "{streams}");
    assert!(client.boolean("f", &fan(), false));
    drop(client);
}

#[tokio::test]
async fn a_refusal_is_told_without_the_key_and_not_asked_again_soon() {
    let rogue = Rogue::start().await;
    let (client, mut guest) = begun(&rogue).await;
    let error =
        json!({"type": "error", "code": "unauthorized", "message": "This key was revoked.", "retry": false});
    guest.say(&error).await;
    eventually("it is offline", async || client.status() == Status::Offline).await;
    let came = rogue.came.lock().unwrap().len();
    assert!(
        tokio::time::timeout(Duration::from_secs(2), rogue.guest()).await.is_err(),
        "nobody comes for a while"
    );
    assert_eq!(rogue.came.lock().unwrap().len(), came);
    let told = client.diagnostics().join("\n");
    assert!(told.contains("revoked") && !told.contains("secret-word"), "{told}");
    assert!(!format!("{client:?}").contains("secret-word"));
    let answer = client.boolean_details("f", &fan(), false);
    assert_eq!((answer.value, answer.reason), (true, Reason::Stale));
    assert!(!client.wait_until_live(Duration::from_millis(200)).await);
}
