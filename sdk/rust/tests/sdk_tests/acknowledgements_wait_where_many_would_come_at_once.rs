//! A server with many clients has them spread what they acknowledge, and learns when each really had it.

use crate::support::{Rogue, eventually, fan, live, rogue::flag};
use serde_json::json;
use usher_sdk::Client;

#[tokio::test]
async fn a_client_waits_as_long_as_it_is_asked_to_and_answers_once() {
    let rogue = Rogue::start().await;
    let client = Client::builder(&rogue.url(), "usk_secret-word").build().unwrap();
    let mut guest = rogue.guest().await;
    guest.ready(1, 5, "snapshot").await;
    guest.snapshot(5, &[flag("f", true)]).await;
    live(&client).await;
    guest.say(&json!({"type": "ping", "seq": 5, "ackWithinMs": 1_000})).await;
    assert_eq!(guest.next().await.unwrap()["type"], "pong");
    let delta = |from: u64, on: bool| json!({"type": "delta", "from": from, "seq": from + 1, "at": 0, "put": [flag("f", on)], "delete": []});
    guest.say(&delta(5, true)).await;
    guest.say(&delta(6, false)).await;
    eventually("it is applied", async || !client.boolean("f", &fan(), true)).await;
    let ack = guest.next().await.unwrap();
    assert_eq!((&ack["type"], &ack["seq"]), (&json!("ack"), &json!(7)), "both with one");
    assert!(ack["heldMs"].as_u64().is_some_and(|held| (1..=60_000).contains(&held)), "{ack}");
    // The next connection knows nothing of that.
    drop(guest);
    let mut guest = rogue.guest().await;
    guest.ready(1, 8, "delta").await;
    guest.say(&delta(7, true)).await;
    assert_eq!(guest.next().await, Some(json!({"type": "ack", "seq": 8})));
}
