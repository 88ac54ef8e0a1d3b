//! Who listens is told when to ask again: once, of what it may see, and of nothing else.

use std::time::Duration;

use crate::support::{
    Events, Server,
    events::{address, seq},
    eventually, fixtures,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use usher_core::model::{Kind, Timestamp, parse_strict};

const ALL: &str = "/ofrep/v1/evaluate/flags";

fn context() -> Value {
    json!({"context": {"targetingKey": "u-1", "venue": "anfield"}})
}

/// Kills a flag at Anfield, or revives it; the commit that did.
async fn act(server: &Server, flag: &str, action: &str) -> u64 {
    act_at(server, flag, action, "anfield").await
}

async fn act_at(server: &Server, flag: &str, action: &str, venue: &str) -> u64 {
    let path = format!("/api/v1/flags/{flag}/environments/production/{action}");
    server.admin().post(&path, &json!({"venues": [venue]})).await.expect(200);
    server.seq()
}

/// Writes a document; the commit that did.
async fn put(server: &Server, path: &str, document: &Value) -> u64 {
    let answer = server.admin().put(path, document).await;
    assert!([200, 201].contains(&answer.status), "{answer:?}");
    server.seq()
}

#[tokio::test]
async fn a_change_is_told_with_what_to_ask_with() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let api = server.with(&key);
    let before = api.post(ALL, &context()).await.expect(200);
    let mut events = Events::from_now(&server, &key).await;
    let killed = act(&server, "always", "kill").await;
    let first = events.block().await.unwrap();
    assert!(first.data.is_none() && first.retry.is_some_and(|retry| retry >= 1_000), "{first:?}");
    let event = events.event().await;
    assert_eq!(event.event.as_deref(), Some("message"));
    let id = event.id.unwrap();
    assert_eq!(seq(&id), killed);
    let data = event.data.unwrap();
    let now = usher_server::now().millis() / 1000;
    let modified = data["lastModified"].as_i64().unwrap();
    assert!((now - modified).abs() < 60, "{data}");
    let expected =
        json!({"type": "refetchEvaluation", "etag": format!("\"{id}\""), "lastModified": modified});
    assert_eq!(data, expected);
    // As the published provider asks: with what it has, and what it was told.
    let again = api.header("If-None-Match", before.header("etag"));
    let path = format!("{ALL}?flagConfigEtag=%22{id}%22&flagConfigLastModified={modified}");
    let after = again.post(&path, &context()).await.expect(200);
    assert_ne!(after.json()["flags"], before.json()["flags"]);
    // And a second time, when nothing more has happened.
    api.header("If-None-Match", after.header("etag")).post(&path, &context()).await.expect(304);
}

#[tokio::test]
async fn who_was_told_of_what_is_not_here_yet_waits_for_it_and_is_never_given_less() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("client").await);
    let epoch = server.running().app().world.snapshot().epoch;
    let told = |seq: u64| format!("{ALL}?flagConfigEtag=%22{epoch}-{seq}%22");
    let before = api.post(ALL, &context()).await.expect(200).json();
    // What does not come in time, and what is so far away that nobody can have been told of it.
    for ahead in [1, 1_000_000, u64::MAX - server.seq()] {
        let answer = api.post(&told(server.seq() + ahead), &context()).await;
        assert_eq!(answer.header("retry-after"), "1", "{answer:?}");
        answer.refusal(503, "GENERAL");
    }
    let (next, context) = (told(server.seq() + 1), context());
    let (answer, _) = tokio::join!(api.post(&next, &context), async {
        // For it to be asked before: otherwise it is no less right.
        tokio::time::sleep(Duration::from_millis(200)).await;
        act(&server, "always", "kill").await
    });
    assert_ne!(answer.expect(200).json()["flags"], before["flags"]);
}

#[tokio::test]
async fn a_stream_is_for_browsers_and_nobody_keeps_or_holds_it_back() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let events = Events::of(&server, &key).await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("access-control-allow-origin", "*"),
        ("content-encoding", ""),
    ] {
        let found = events.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value);
        assert_eq!(found, value, "{name}");
    }
    let browser = server.nobody().header("Origin", "https://shop.example");
    let asking = browser
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "last-event-id");
    let answer = asking.send("OPTIONS", "/ofrep/v1/events", None).await.expect(204);
    assert!(answer.header("access-control-allow-headers").contains("Last-Event-ID"));
    assert!(answer.header("access-control-allow-methods").contains("GET"));
}

#[tokio::test]
async fn who_is_new_is_told_once_of_what_may_have_changed_since_it_asked() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let address = address(&server.with(&key)).await;
    let killed = act(&server, "always", "kill").await;
    let mut events = Events::open(&server, &address, None).await;
    assert_eq!(events.told().await, killed);
    let revived = act(&server, "always", "revive").await;
    assert_eq!(events.told().await, revived);
}

#[tokio::test]
async fn who_returns_is_told_once_of_what_it_missed() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let address = address(&server.with(&key)).await;
    let last = Events::of(&server, &key).await.began().await;
    for action in ["kill", "revive", "kill"] {
        act(&server, "always", action).await;
    }
    let newest = server.seq();
    let mut events = Events::open(&server, &address, Some(&last)).await;
    assert_eq!(events.told().await, newest);
    let last = events.last_id.clone();
    drop(events);
    // Now it is current, and hears of what comes next only.
    let mut events = Events::open(&server, &address, Some(&last)).await;
    let next = act(&server, "always", "revive").await;
    assert_eq!(events.told().await, next);
}

#[tokio::test]
async fn who_returns_from_another_journal_is_told_to_ask() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let address = address(&server.with(&key)).await;
    let current = Events::of(&server, &key).await.began().await;
    let number = seq(&current);
    let (epoch, _) = current.split_once('-').unwrap();
    for last in [
        format!("{}-{number}", "0".repeat(32)),
        format!("{epoch}-{}", number + 1_000),
        number.to_string(),
        "evt-1234".to_owned(),
    ] {
        let mut events = Events::open(&server, &address, Some(&last)).await;
        let event = events.block().await.unwrap();
        assert_eq!(event.id.as_ref(), Some(&current), "{last}");
        assert_eq!(event.data.unwrap()["type"], "refetchEvaluation", "{last}");
    }
}

#[tokio::test]
async fn a_restart_makes_nobody_ask_who_is_current() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let address = address(&server.with(&key)).await;
    let last = Events::of(&server, &key).await.began().await;
    // Keys and people are no part of what it sees.
    server.key("server").await;
    let server = Server::start_in(server.stop().await, |_| {}).await;
    let mut events = Events::open(&server, &address, Some(&last)).await;
    assert_eq!(events.block().await.unwrap().data, None, "the same address opens it, and nothing is new");
    drop(events);
    let killed = act(&server, "always", "kill").await;
    let server = Server::start_in(server.stop().await, |_| {}).await;
    let mut events = Events::open(&server, &address, Some(&last)).await;
    assert_eq!(events.told().await, killed);
}

#[tokio::test]
async fn only_what_a_key_may_see_is_told_to_it() {
    let server = Server::seeded().await;
    let key = async |kind: &str, environment: &str, venues: Value| {
        let wanted = json!({"name": "n", "type": kind, "environment": environment, "venues": venues});
        server.new_key(wanted).await.0
    };
    let all = key("server", "production", json!([])).await;
    let client = key("client", "production", json!([])).await;
    let berlin = key("server", "production", json!(["berlin-dome"])).await;
    let staging = key("client", "staging", json!([])).await;
    // From the first kill on, a flag says that it has kills, if none at Berlin.
    act_at(&server, "hidden", "kill", "wembley-stadium").await;
    act_at(&server, "always", "kill", "wembley-stadium").await;
    let (mut all, mut client, mut berlin, mut staging) = (
        Events::from_now(&server, &all).await,
        Events::from_now(&server, &client).await,
        Events::from_now(&server, &berlin).await,
        Events::from_now(&server, &staging).await,
    );
    let only = |config: Value, environment: &str| {
        let mut flag = fixtures::flag("safe", &config);
        flag["environments"].as_object_mut().unwrap().retain(|own, _| own == environment);
        flag
    };
    // Seen by nobody: keys, and venues and cohorts that no flag of theirs asks for.
    server.key("server").await;
    // A flag that clients may not see.
    let hidden = act(&server, "hidden", "kill").await;
    assert_eq!(all.told().await, hidden);
    // Another venue's.
    let venue = act(&server, "always", "kill").await;
    assert_eq!((all.told().await, client.told().await), (venue, venue));
    // Another environment's.
    let other = put(&server, "/api/v1/flags/safe", &only(json!({}), "staging")).await;
    // For clients a flag without a configuration here is none.
    assert_eq!([all.told().await, berlin.told().await, staging.told().await], [other; 3]);
    let changed =
        put(&server, "/api/v1/flags/safe", &only(json!({"default": {"variant": "on"}}), "staging")).await;
    assert_eq!(staging.told().await, changed);
    // All are told of what all may see; what was not theirs came before, and they were not told of it.
    let everywhere = put(&server, "/api/v1/flags/always", &fixtures::flag("always", &json!({}))).await;
    for events in [&mut all, &mut client, &mut berlin, &mut staging] {
        assert_eq!(events.told().await, everywhere);
    }
}

#[tokio::test]
async fn clients_are_told_of_what_their_flags_lean_on_and_of_flags_that_they_lose() {
    let server = Server::seeded().await;
    let needs_hidden =
        json!({"default": {"variant": "on"}, "prerequisites": [{"flag": "hidden", "variants": ["on"]}]});
    put(&server, "/api/v1/flags/needs-hidden", &fixtures::flag("needs-hidden", &needs_hidden)).await;
    let key = server.key("client").await;
    let mut events = Events::from_now(&server, &key).await;
    let prerequisite = act(&server, "hidden", "kill").await;
    assert_eq!(events.told().await, prerequisite);
    let cohort = json!({"key": "staff", "name": "Staff", "keys": ["u-1"]});
    let cohort = put(&server, "/api/v1/cohorts/staff", &cohort).await;
    assert_eq!(events.told().await, cohort);
    let mut flag = fixtures::flag("always", &json!({}));
    flag["clientVisible"] = false.into();
    let lost = put(&server, "/api/v1/flags/always", &flag).await;
    assert_eq!(events.told().await, lost);
    // Now it is none of theirs.
    act(&server, "always", "kill").await;
    server.admin().delete("/api/v1/flags/banner").await.expect(200);
    assert_eq!(events.told().await, server.seq(), "deleted");
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_sent_the_newest_and_keeps_nobody_waiting() {
    const CHANGES: u64 = 200;
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let address = address(&server.with(&key)).await;
    let mut slow = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    slow.write_all(format!("GET {address} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut quick = Events::from_now(&server, &key).await;
    eventually("both are there", async || server.running().app().ofrep.event_streams() >= 2).await;
    let world = &server.running().app().world;
    let change = |n: u64| {
        let mut flag = fixtures::flag("always", &json!({}));
        flag["description"] = n.to_string().into();
        usher_journal::Append {
            expected: Vec::new(),
            idempotency: None,
            actor: usher_journal::Actor::system("test"),
            message: "One of many".to_owned(),
            at: Timestamp::EPOCH,
            changes: vec![usher_journal::Change::Put(
                parse_strict(&Kind::Flag, flag.to_string().as_bytes()).unwrap(),
            )],
        }
    };
    for written in join_all((0..CHANGES).map(|n| world.append(change(n)))).await {
        written.unwrap();
    }
    let newest = server.seq();
    let mut told = 0;
    while quick.told().await != newest {
        told += 1;
    }
    assert!(told < CHANGES, "what follows closely is told as one");
    let mut text = String::new();
    let id = format!("-{newest}\n");
    while !text.contains(&id) {
        let mut bytes = vec![0; 4096];
        let read =
            tokio::time::timeout(Duration::from_secs(10), slow.read(&mut bytes)).await.unwrap().unwrap();
        assert!(read > 0, "{text}");
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    assert!(text.matches("refetchEvaluation").count() < usize::try_from(CHANGES).unwrap(), "{text}");
}

#[tokio::test]
async fn a_revoked_or_rotated_key_loses_its_streams_at_once_and_no_other_does() {
    let server = Server::seeded().await;
    let wanted = json!({"name": "n", "type": "client", "environment": "production"});
    let other = server.key("client").await;
    let mut other = Events::from_now(&server, &other).await;
    for (action, body) in [("revoke", json!({})), ("rotate", json!({"overlapSeconds": 0}))] {
        let (secret, key) = server.new_key(wanted.clone()).await;
        let address = address(&server.with(&secret)).await;
        let mut events = Events::open(&server, &address, None).await;
        events.event().await;
        server.admin().post(&format!("/api/v1/keys/{key}/{action}"), &body).await;
        events.ends().await;
        let refused = Events::try_open(&server, &address, None).await.err().unwrap();
        refused.refusal(401, "GENERAL");
    }
    let killed = act(&server, "always", "kill").await;
    assert_eq!(other.told().await, killed);
}

#[tokio::test]
async fn a_key_that_expires_loses_its_streams() {
    let server = Server::start_with(|settings| settings.heartbeat_seconds = 1).await;
    fixtures::seed(&server).await;
    let now = usher_server::now();
    let end = Timestamp::from_millis(now.millis() + 2_000).to_string();
    let wanted = json!({"name": "n", "type": "client", "environment": "production", "expiresAt": end});
    let (key, _) = server.new_key(wanted).await;
    let mut events = Events::of(&server, &key).await;
    events.event().await;
    events.ends().await;
    eventually("it is gone", async || server.running().app().ofrep.event_streams() == 0).await;
}

#[tokio::test]
async fn an_address_opens_a_stream_for_minutes_and_nothing_else() {
    let server = Server::start_with(|settings| settings.ofrep_token_seconds = 1).await;
    fixtures::seed(&server).await;
    let key = server.key("client").await;
    let address = address(&server.with(&key)).await;
    let token = address.split_once("token=").unwrap().1;
    let mut open = Events::open(&server, &address, None).await;
    open.event().await;
    for api in [server.with(token), server.nobody().header("X-API-Key", token)] {
        api.post(ALL, &context()).await.refusal(401, "GENERAL");
        api.get("/sdk/v1/ruleset").await.problem(401, "unauthorized");
        api.get("/api/v1/workspace").await.problem(401, "unauthorized");
    }
    server
        .nobody()
        .header("Cookie", &format!("usher_session={token}"))
        .get("/api/v1/workspace")
        .await
        .problem(401, "unauthorized");
    let path = format!("{ALL}?token={token}");
    server.nobody().post(&path, &context()).await.refusal(401, "GENERAL");
    eventually("it runs out", async || match Events::try_open(&server, &address, None).await {
        Ok(_) => false,
        Err(refused) => {
            refused.refusal(401, "GENERAL");
            true
        }
    })
    .await;
    // What was opened with it lives on.
    let killed = act(&server, "always", "kill").await;
    assert_eq!(open.told().await, killed);
}

#[tokio::test]
async fn what_is_no_token_of_this_server_opens_nothing() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let elsewhere = Server::seeded().await;
    let foreign = address(&elsewhere.with(&elsewhere.key("client").await)).await;
    let own = address(&server.with(&key)).await;
    let events = "/ofrep/v1/events";
    for address in [
        events.to_owned(),
        format!("{events}?token="),
        format!("{events}?token={key}"),
        format!("{events}?token=%FF"),
        format!("{events}?Token={}", own.split_once('=').unwrap().1),
        own[..own.len() - 1].to_owned(),
        format!("{own}x"),
        foreign,
    ] {
        let refused = Events::try_open(&server, &address, None).await.err().unwrap();
        assert_eq!(refused.header("access-control-allow-origin"), "*");
        refused.refusal(401, "GENERAL");
    }
    server.with(&key).get(events).await.refusal(401, "GENERAL");
}

#[tokio::test]
async fn streams_have_a_limit_and_a_place_that_was_left_is_free() {
    let server = Server::start_with(|settings| {
        settings.ofrep_event_streams = 2;
        settings.heartbeat_seconds = 1;
    })
    .await;
    fixtures::seed(&server).await;
    let key = server.key("client").await;
    let address = address(&server.with(&key)).await;
    let first = Events::open(&server, &address, None).await;
    let _second = Events::open(&server, &address, None).await;
    let refused = Events::try_open(&server, &address, None).await.err().unwrap();
    assert_eq!(refused.header("retry-after"), "30");
    refused.refusal(503, "GENERAL");
    let metrics = server.admin().get("/metrics").await.expect(200).body;
    for line in [
        "usher_ofrep_event_streams 2",
        "usher_ofrep_event_streams_refused_total 1",
        "usher_ofrep_events_total 2",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    // Who is gone is noticed with the next sign of life.
    drop(first);
    eventually("a place is free", async || Events::try_open(&server, &address, None).await.is_ok()).await;
}

#[tokio::test]
async fn without_places_no_stream_is_offered() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let address = address(&server.with(&key)).await;
    let server = Server::start_in(server.stop().await, |settings| settings.ofrep_event_streams = 0).await;
    let answer = server.with(&key).post(ALL, &context()).await.expect(200).json();
    assert_eq!(answer.get("eventStreams"), None);
    let refused = Events::try_open(&server, &address, None).await.err().unwrap();
    refused.refusal(503, "GENERAL");
}

#[tokio::test]
async fn a_stream_gives_signs_of_life() {
    let server = Server::start_with(|settings| settings.heartbeat_seconds = 1).await;
    fixtures::seed(&server).await;
    let key = server.key("client").await;
    let mut events = Events::from_now(&server, &key).await;
    events.began().await;
    let sign = events.block().await.unwrap();
    assert!(sign.is_comment && sign.data.is_none() && sign.id.is_none(), "{sign:?}");
}

#[tokio::test]
async fn a_server_that_stops_tells_its_streams_when_to_come_again() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let mut all = Vec::new();
    for _ in 0..3 {
        let mut events = Events::from_now(&server, &key).await;
        events.began().await;
        all.push(events);
    }
    let stopping = tokio::spawn(server.stop());
    let mut times = Vec::new();
    for events in &mut all {
        times.push(events.block().await.unwrap().retry.unwrap());
        assert_eq!(events.block().await, None);
    }
    times.dedup();
    assert_eq!(times.len(), 3, "not all at once: {times:?}");
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_stream_ends_with_its_environment() {
    let server = Server::start_with(|settings| settings.heartbeat_seconds = 1).await;
    fixtures::seed(&server).await;
    let environment = json!({"key": "rehearsal", "name": "Rehearsal"});
    server.admin().put("/api/v1/environments/rehearsal", &environment).await.expect(201);
    let wanted = json!({"name": "n", "type": "client", "environment": "rehearsal"});
    let (secret, _) = server.new_key(wanted).await;
    let mut events = Events::of(&server, &secret).await;
    events.block().await.unwrap();
    // By a restored backup, perhaps: the API refuses to delete an environment that has keys.
    let append = usher_journal::Append {
        expected: Vec::new(),
        idempotency: None,
        actor: usher_journal::Actor::system("test"),
        message: "Gone".to_owned(),
        at: Timestamp::EPOCH,
        changes: vec![usher_journal::Change::Delete(usher_core::model::DocumentId::new(
            Kind::Environment,
            "rehearsal",
        ))],
    };
    server.running().app().world.append(append).await.unwrap();
    events.ends().await;
    server.with(&secret).post(ALL, &context()).await.refusal(403, "GENERAL");
}
