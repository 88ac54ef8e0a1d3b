//! Whoever may not have a stream, or does not keep to the protocol, is told why, in one frame, and let go.

use crate::support::{self, Server, Socket, eventually};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// The stream ends with this error, and nobody is counted any more.
async fn ends(server: &Server, mut stream: Socket, code: &str, retry: bool) -> Value {
    let error = stream.expect("error").await;
    assert_eq!((&error["code"], &error["retry"]), (&code.into(), &retry.into()), "{error}");
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    assert!(stream.any().await.is_none(), "nothing after an error");
    eventually("it is gone", async || server.running().app().connections.is_empty()).await;
    error
}

fn hello(more: Value) -> Value {
    let mut hello = json!({"type": "hello", "sdk": "test/1.0", "mode": "ruleset", "schemas": [1]});
    for (name, value) in more.as_object().unwrap() {
        hello[name] = value.clone();
    }
    hello
}

#[tokio::test]
async fn frames_that_are_none_are_refused() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let deep = "[".repeat(100_000);
    let long = format!(r#"{{"type": "{}"}}"#, "x".repeat(100_000));
    for text in [
        "{",
        "[]",
        "7",
        "null",
        "\"hello\"",
        "{}",
        r#"{"type": 7}"#,
        r#"{"type": "surprise"}"#,
        r#"{"type": "ack", "seq": 1}"#,
        r#"{"type": "pong"}"#,
        r#"{"type": "hello"}"#,
        r#"{"type": "hello", "sdk": "t", "mode": "everything", "schemas": [1]}"#,
        r#"{"type": "hello", "sdk": "t", "mode": "ruleset", "schemas": "1"}"#,
        r#"{"type": "hello", "sdk": "t", "mode": "ruleset", "schemas": [1], "resume": {"epoch": "x", "seq": 1}}"#,
        r#"{"type": "hello", "sdk": "t", "mode": "ruleset", "schemas": [1], "scope": {"venues": ["a b"]}}"#,
        &deep,
        &long,
    ] {
        let mut stream = Socket::open(&server, &key).await;
        stream.say_text(text.to_owned()).await;
        let error = ends(&server, stream, "badFrame", true).await;
        assert!(error.to_string().len() < 1_000, "an error does not repeat what it is about");
    }
}

#[tokio::test]
async fn binary_and_oversized_frames_are_refused() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let mut binary = Socket::open(&server, &key).await;
    binary.say_raw(Message::binary(vec![1, 2, 3])).await;
    ends(&server, binary, "badFrame", true).await;
    let mut large = Socket::open(&server, &key).await;
    large.say_raw(Message::text(" ".repeat(2 * 1024 * 1024))).await;
    // What is refused in the middle of a frame may find nobody who still reads.
    while large.any().await.is_some() {}
    eventually("it is gone", async || server.running().app().connections.is_empty()).await;
}

#[tokio::test]
async fn hello_is_said_once() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    stream.snapshot().await;
    stream.say(&hello(json!({}))).await;
    ends(&server, stream, "badFrame", true).await;
}

#[tokio::test]
async fn a_schema_that_the_server_does_not_speak_is_refused_for_good() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    for schemas in [json!([]), json!([99])] {
        let mut stream = Socket::open(&server, &key).await;
        stream.say(&hello(json!({"schemas": schemas}))).await;
        ends(&server, stream, "unsupportedSchema", false).await;
    }
    let mut stream = Socket::open(&server, &key).await;
    stream.say(&hello(json!({"schemas": [99, 1]}))).await;
    assert_eq!(stream.snapshot().await.0["schema"], 1);
}

#[tokio::test]
async fn a_client_key_never_gets_rules() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let stream = Socket::ruleset(&server, &key, json!({})).await;
    ends(&server, stream, "forbidden", false).await;
}

#[tokio::test]
async fn a_narrowed_key_opens_no_other_venue() {
    let server = Server::seeded().await;
    for (kind, mode) in [("server", "ruleset"), ("server", "values"), ("client", "values")] {
        let key = json!({"name": "n", "type": kind, "environment": "production", "venues": ["anfield"]});
        let (key, _) = server.new_key(key).await;
        let mut stream = Socket::open(&server, &key).await;
        stream.say(&hello(json!({"mode": mode, "scope": {"venues": ["berlin-dome"]}}))).await;
        ends(&server, stream, "forbidden", false).await;
    }
    let key = json!({"name": "n", "type": "client", "environment": "production", "venues": ["anfield"]});
    let (key, _) = server.new_key(key).await;
    let elsewhere = json!({"targetingKey": "u-1", "venue": "berlin-dome"});
    let stream = Socket::values(&server, &key, json!({"context": elsewhere})).await;
    ends(&server, stream, "forbidden", false).await;
    // Nor later.
    let mut stream = Socket::values(&server, &key, json!({"context": {"targetingKey": "u-1"}})).await;
    stream.all_values().await;
    stream.say(&json!({"type": "context", "context": elsewhere})).await;
    ends(&server, stream, "forbidden", false).await;
}

#[tokio::test]
async fn a_context_that_is_none_is_refused() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let many: serde_json::Map<_, _> = (0..300).map(|n| (format!("a{n}"), Value::from(n))).collect();
    for context in
        [json!([]), json!("u-1"), json!({"venue": 7}), Value::Object(many), json!({"a": "x".repeat(70_000)})]
    {
        let stream = Socket::values(&server, &key, json!({"context": context})).await;
        ends(&server, stream, "invalidContext", true).await;
    }
}

#[tokio::test]
async fn without_a_good_key_there_is_no_socket() {
    let server = Server::seeded().await;
    let protocol = ("Sec-WebSocket-Protocol", "usher.v1".to_owned());
    let api = ("Authorization", format!("Bearer {}", support::ADMIN));
    let wrong = ("Authorization", "Bearer usk_wrong".to_owned());
    for (headers, status) in
        [(vec![protocol.clone()], 401), (vec![protocol.clone(), wrong], 401), (vec![protocol, api], 403)]
    {
        let refused = Socket::try_open(&server, "/sdk/v1/stream", &headers).await;
        assert_eq!(refused.err(), Some(status));
    }
}

#[tokio::test]
async fn a_browser_sends_its_key_as_a_second_protocol() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let protocols = ("Sec-WebSocket-Protocol", format!("usher.v1, usher.key.{key}"));
    let mut stream = Socket::try_open(&server, "/sdk/v1/stream", &[protocols]).await.unwrap();
    stream.say(&hello(json!({"mode": "values", "context": {"targetingKey": "u-1"}}))).await;
    stream.all_values().await;
}

#[tokio::test]
async fn revoking_a_key_closes_its_streams_and_no_others() {
    let server = Server::seeded().await;
    let spec = json!({"name": "n", "type": "server", "environment": "production"});
    let (key, id) = server.new_key(spec).await;
    let mut stays = Socket::ruleset(&server, &server.key("server").await, json!({})).await;
    stays.snapshot().await;
    let mut goes = Socket::ruleset(&server, &key, json!({})).await;
    goes.snapshot().await;
    server.admin().post(&format!("/api/v1/keys/{id}/revoke"), &json!({})).await.expect(200);
    let error = goes.expect("error").await;
    assert_eq!((&error["code"], &error["retry"]), (&json!("unauthorized"), &json!(false)));
    server.admin().post("/api/v1/flags/always/environments/production/kill", &json!({})).await.expect(200);
    stays.expect("delta").await;
    assert_eq!(server.running().app().connections.len(), 1);
}

#[tokio::test]
async fn a_client_that_says_nothing_for_two_heartbeats_is_let_go() {
    let server = Server::start_with(|settings| settings.heartbeat_seconds = 1).await;
    support::fixtures::seed(&server).await;
    let key = server.key("server").await;
    let mut silent = Socket::ruleset(&server, &key, json!({})).await;
    let mut alive = Socket::ruleset(&server, &key, json!({})).await;
    silent.snapshot().await;
    alive.snapshot().await;
    let answers = async {
        loop {
            alive.expect("ping").await;
            alive.say(&json!({"type": "pong"})).await;
        }
    };
    let ended = async {
        assert_eq!(silent.expect("error").await["code"], "tooSlow");
        eventually("it is gone", async || server.running().app().connections.len() == 1).await;
    };
    tokio::select! {
        () = answers => {}
        () = ended => {}
    }
}

#[tokio::test]
async fn before_a_planned_stop_streams_are_told_when_to_come_back() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let mut stream = Socket::ruleset(&server, &key, json!({})).await;
        stream.snapshot().await;
        streams.push(stream);
    }
    let folder = server.stop().await;
    let mut waits = Vec::new();
    for mut stream in streams {
        waits.push(stream.expect("drain").await["reconnectAfterMs"].as_u64().unwrap());
    }
    waits.dedup();
    assert!(waits.len() > 1 && waits.iter().all(|wait| *wait < 5_000), "spread: {waits:?}");
    drop(folder);
}

#[tokio::test]
async fn a_stream_that_has_grown_old_is_made_anew() {
    let server = Server::start_with(|settings| {
        settings.heartbeat_seconds = 1;
        // The least that can be set: a quarter less, for this one.
        settings.max_connection_minutes = 1;
    })
    .await;
    support::fixtures::seed(&server).await;
    let key = server.key("server").await;
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    let (ready, _) = stream.snapshot().await;
    let mut pings = 0;
    let drain = loop {
        let frame = stream.any().await.unwrap();
        if frame["type"] != "ping" {
            break frame;
        }
        pings += 1;
        stream.say(&json!({"type": "pong"})).await;
    };
    assert!(drain["reconnectAfterMs"].as_u64().unwrap() < 1_000 && pings > 10, "{drain} after {pings} pings");
    assert!(stream.any().await.is_none(), "it is closed then");
    // And goes on where it was.
    let resume = json!({"epoch": ready["epoch"], "seq": ready["seq"], "view": ready["view"]});
    let mut again = Socket::ruleset(&server, &key, json!({"resume": resume})).await;
    assert_eq!(again.expect("ready").await["intent"], "current");
}
