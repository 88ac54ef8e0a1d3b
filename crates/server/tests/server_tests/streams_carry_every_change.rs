//! What a stream carries: everything that concerns its client, in order, without a gap, and nothing else.

use std::{collections::BTreeMap, time::Duration};

use crate::support::{Server, Socket, fixtures};
use serde_json::{Value, json};
use usher_core::model::Timestamp;

const A_WHILE: Duration = Duration::from_millis(300);

async fn act(server: &Server, flag: &str, environment: &str, action: &str, target: Value) -> u64 {
    let path = format!("/api/v1/flags/{flag}/environments/{environment}/{action}");
    server.admin().post(&path, &target).await.expect(200).json()["seq"].as_u64().unwrap()
}

async fn kill(server: &Server, flag: &str) -> u64 {
    act(server, flag, "production", "kill", json!({})).await
}

async fn revive(server: &Server, flag: &str) -> u64 {
    act(server, flag, "production", "revive", json!({})).await
}

/// A client's documents, as it has them after some frames.
#[derive(Default)]
struct Replica {
    seq: u64,
    documents: BTreeMap<String, Value>,
}

impl Replica {
    fn of(ready: &Value, documents: Vec<Value>) -> Self {
        let mut replica = Self { seq: ready["seq"].as_u64().unwrap(), ..Self::default() };
        documents.into_iter().for_each(|document| replica.put(document));
        replica
    }

    fn put(&mut self, document: Value) {
        let id = format!("{}/{}", document["kind"].as_str().unwrap(), document["key"].as_str().unwrap());
        self.documents.insert(id, document);
    }

    /// Applies a delta, which must go on from where this is.
    #[track_caller]
    fn apply(&mut self, delta: &Value) {
        assert_eq!(delta["from"], self.seq, "no gap: {delta:.200}");
        assert!(delta["seq"].as_u64().unwrap() > self.seq, "forwards only");
        self.seq = delta["seq"].as_u64().unwrap();
        for id in delta["delete"].as_array().unwrap() {
            self.documents.remove(&format!(
                "{}/{}",
                id["kind"].as_str().unwrap(),
                id["key"].as_str().unwrap()
            ));
        }
        delta["put"].as_array().unwrap().iter().for_each(|document| self.put(document.clone()));
    }

    /// It is what polling gives.
    async fn is_right(&self, server: &Server, key: &str) {
        let body = server.with(key).get("/sdk/v1/ruleset").await.expect(200).json();
        let polled = Self::of(&body, body["documents"].as_array().unwrap().clone());
        assert_eq!(self.seq, polled.seq);
        assert_eq!(self.documents, polled.documents);
    }
}

#[tokio::test]
async fn documents_come_as_a_snapshot_and_then_as_deltas() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    let (ready, documents) = stream.snapshot().await;
    assert_eq!(
        (&ready["schema"], &ready["heartbeatSec"], &ready["environment"]),
        (&json!(1), &json!(15), &json!("production"))
    );
    assert_eq!(ready["epoch"].as_str().unwrap().len(), 32);
    let mut replica = Replica::of(&ready, documents);
    replica.is_right(&server, &key).await;
    assert!(
        replica
            .documents
            .keys()
            .all(|id| ["flag/", "cohort/", "venue/"].iter().any(|kind| id.starts_with(kind)))
    );
    assert!(replica.documents.values().all(|document| !document.to_string().contains("staging")));
    let seq = kill(&server, "always").await;
    let delta = stream.expect("delta").await;
    assert_eq!((delta["seq"].as_u64(), delta["put"].as_array().unwrap().len()), (Some(seq), 1));
    assert_eq!(delta["put"][0]["environments"]["production"]["killed"]["all"], true);
    assert!(delta["at"].as_str().unwrap().ends_with('Z'));
    replica.apply(&delta);
    server.admin().delete("/api/v1/flags/hidden").await.expect(200);
    let delta = stream.expect("delta").await;
    assert_eq!((&delta["put"], &delta["delete"]), (&json!([]), &json!([{"kind": "flag", "key": "hidden"}])));
    replica.apply(&delta);
    replica.is_right(&server, &key).await;
}

#[tokio::test]
async fn values_come_whole_and_then_as_they_change() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let context = json!({"targetingKey": "u-1", "venue": "anfield"});
    let mut stream = Socket::values(&server, &key, json!({"context": context})).await;
    let (ready, values) = stream.all_values().await;
    assert_eq!(ready["intent"], "delta");
    assert_eq!(
        values["resale-guard"],
        json!({"value": true, "variant": "on", "reason": "TARGETING_MATCH", "metadata": {"rule": "england"}})
    );
    assert_eq!((values.get("hidden"), values.as_object().unwrap().len()), (None, 8));
    let seq = kill(&server, "always").await;
    let changed = stream.expect("values").await;
    assert_eq!(changed["put"], json!({"always": {"value": false, "variant": "off", "reason": "DISABLED"}}));
    assert_eq!((changed["seq"].as_u64(), changed.get("full")), (Some(seq), None));
    // What concerns another venue, or what clients may not see, still moves the place on the stream.
    let seq = act(&server, "always", "production", "kill", json!({"venues": ["berlin-dome"]})).await;
    let nothing = stream.expect("values").await;
    assert_eq!(
        (nothing["seq"].as_u64(), &nothing["put"], &nothing["delete"]),
        (Some(seq), &json!({}), &json!([]))
    );
    kill(&server, "hidden").await;
    let hidden = stream.expect("values").await;
    assert!(!hidden.to_string().contains("hidden"), "{hidden}");
    // A flag that becomes visible comes, and goes again.
    let mut flag = server.admin().get("/api/v1/flags/hidden").await.json();
    flag["clientVisible"] = true.into();
    server.admin().put("/api/v1/flags/hidden", &flag).await.expect(200);
    assert_eq!(stream.expect("values").await["put"]["hidden"]["value"], false);
    flag["clientVisible"] = false.into();
    server.admin().put("/api/v1/flags/hidden", &flag).await.expect(200);
    assert_eq!(stream.expect("values").await["delete"], json!(["hidden"]));
    server.admin().delete("/api/v1/flags/off").await.expect(200);
    assert_eq!(stream.expect("values").await["delete"], json!(["off"]));
}

#[tokio::test]
async fn a_value_says_what_is_given_once_it_is_old() {
    let server = Server::seeded().await;
    for (key, then) in [("held", "hold"), ("safe", "off"), ("yours", "default")] {
        let config = json!({"default": {"variant": "on"}, "whenStale": {"after": "6h", "then": then}});
        let flag = fixtures::flag(key, &config);
        server.admin().put(&format!("/api/v1/flags/{key}"), &flag).await.expect(201);
    }
    let key = server.key("client").await;
    let mut phone = Socket::values(&server, &key, json!({"context": {"targetingKey": "u-1"}})).await;
    let (_, values) = phone.all_values().await;
    assert_eq!(values["safe"]["whenStale"], json!({"after": "6h", "value": false, "variant": "off"}));
    assert_eq!(values["yours"]["whenStale"], json!({"after": "6h"}));
    assert_eq!((values["held"].get("whenStale"), values["always"].get("whenStale")), (None, None));
    // What is asked once, over OFREP, does not grow old.
    let answer = server.with(&key).post("/ofrep/v1/evaluate/flags/safe", &json!({})).await.expect(200);
    assert!(!answer.body.contains("whenStale"), "{}", answer.body);
}

#[tokio::test]
async fn a_client_key_is_not_told_of_a_hidden_flag_that_another_needs() {
    let server = Server::seeded().await;
    let mut flag = server.admin().get("/api/v1/flags/always").await.json();
    flag["environments"]["production"]["prerequisites"] = json!([{"flag": "hidden", "variants": ["off"]}]);
    server.admin().put("/api/v1/flags/always", &flag).await.expect(200);
    let context = json!({"context": {"targetingKey": "u-1"}});
    let disabled = json!({"value": false, "variant": "off", "reason": "DISABLED"});
    let mut phone = Socket::values(&server, &server.key("client").await, context.clone()).await;
    assert_eq!(phone.all_values().await.1["always"], disabled);
    let mut backend = Socket::values(&server, &server.key("server").await, context).await;
    assert_eq!(backend.all_values().await.1["always"]["metadata"]["prerequisiteFailed"], "hidden");
    // Nor when it changes.
    flag["environments"]["production"]["offVariant"] = "on".into();
    server.admin().put("/api/v1/flags/always", &flag).await.expect(200);
    let changed = phone.expect("values").await;
    assert_eq!(changed["put"]["always"], json!({"value": true, "variant": "on", "reason": "DISABLED"}));
}

#[tokio::test]
async fn a_cohort_and_a_venue_that_change_move_the_values_that_lean_on_them() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let context = json!({"targetingKey": "u-new", "venue": "berlin-dome"});
    let mut stream = Socket::values(&server, &key, json!({"context": context})).await;
    let (_, values) = stream.all_values().await;
    assert_eq!(values["for-staff"]["value"], false);
    let staff = json!({"key": "staff", "name": "Staff", "keys": ["u-staff", "u-new"]});
    server.admin().put("/api/v1/cohorts/staff", &staff).await.expect(200);
    assert_eq!(stream.expect("values").await["put"]["for-staff"]["value"], true);
    act(&server, "resale-guard", "production", "clear", json!({"venues": ["berlin-dome"]})).await;
    assert_eq!(stream.expect("values").await["put"]["resale-guard"]["reason"], "DEFAULT");
    let moved =
        json!({"key": "berlin-dome", "name": "Dome", "city": "London", "country": "England", "capacity": 1});
    server.admin().put("/api/v1/venues/berlin-dome", &moved).await.expect(200);
    assert_eq!(stream.expect("values").await["put"]["resale-guard"]["value"], true);
}

#[tokio::test]
async fn a_client_that_comes_back_gets_only_what_it_lacks() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    let (ready, documents) = stream.snapshot().await;
    let mut replica = Replica::of(&ready, documents);
    stream.close().await;
    let resume = |seq: u64| json!({"resume": {"epoch": ready["epoch"], "seq": seq}});
    let mut stream = Socket::ruleset(&server, &key, resume(replica.seq)).await;
    assert_eq!(stream.expect("ready").await["intent"], "current");
    stream.stays_quiet(A_WHILE).await;
    stream.close().await;
    kill(&server, "always").await;
    kill(&server, "banner").await;
    server.admin().delete("/api/v1/flags/hidden").await.expect(200);
    let mut stream = Socket::ruleset(&server, &key, resume(replica.seq)).await;
    let now = stream.expect("ready").await;
    assert_eq!((&now["intent"], now["seq"].as_u64()), (&json!("delta"), Some(server.seq())));
    while replica.seq < server.seq() {
        replica.apply(&stream.expect("delta").await);
    }
    replica.is_right(&server, &key).await;
    // And what comes then goes on from there.
    revive(&server, "always").await;
    replica.apply(&stream.expect("delta").await);
    replica.is_right(&server, &key).await;
}

#[tokio::test]
async fn a_client_from_long_ago_gets_one_delta_over_it_all() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    let (ready, documents) = stream.snapshot().await;
    let mut replica = Replica::of(&ready, documents);
    stream.close().await;
    server.admin().delete("/api/v1/flags/hidden").await.expect(200);
    for _ in 0..50 {
        kill(&server, "always").await;
        revive(&server, "always").await;
    }
    let resume = json!({"resume": {"epoch": ready["epoch"], "seq": replica.seq}});
    let mut stream = Socket::ruleset(&server, &key, resume.clone()).await;
    assert_eq!(stream.expect("ready").await["intent"], "delta");
    let delta = stream.expect("delta").await;
    assert_eq!(delta["seq"].as_u64(), Some(server.seq()));
    replica.apply(&delta);
    replica.is_right(&server, &key).await;
    // A restart forgets what was sent, not what was changed.
    let server = Server::start_in(server.stop().await, |_| {}).await;
    let mut stream = Socket::ruleset(&server, &key, resume).await;
    assert_eq!(stream.expect("ready").await["intent"], "delta");
    let mut late = Replica { seq: ready["seq"].as_u64().unwrap(), ..Replica::default() };
    late.apply(&stream.expect("delta").await);
    assert_eq!(late.seq, server.seq());
    assert_eq!(late.documents.keys().collect::<Vec<_>>(), ["flag/always"]);
}

#[tokio::test]
async fn a_client_of_another_journal_or_from_the_future_gets_a_snapshot() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let epoch = server.admin().get("/api/v1/workspace").await.json()["epoch"].clone();
    for resume in [
        json!({"epoch": "0123456789abcdef0123456789abcdef", "seq": server.seq()}),
        json!({"epoch": epoch, "seq": server.seq() + 1}),
        json!({"epoch": epoch, "seq": u64::MAX}),
    ] {
        let mut stream = Socket::ruleset(&server, &key, json!({"resume": resume})).await;
        let (ready, documents) = stream.snapshot().await;
        Replica::of(&ready, documents).is_right(&server, &key).await;
    }
}

/// A failover of the journal can take a commit away, and the server that had shown it can end before it says so.
#[tokio::test]
async fn a_client_that_was_shown_what_never_was_gets_a_snapshot() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    let (ready, _) = stream.snapshot().await;
    let mut told = Vec::new();
    for flag in ["always", "banner"] {
        kill(&server, flag).await;
        told.push(stream.expect("delta").await);
    }
    stream.close().await;
    let resume = |seq: &Value, at: &Value| json!({"epoch": ready["epoch"], "seq": seq, "at": at});
    for (delta, intent) in told.iter().zip(["delta", "current"]) {
        let resume = resume(&delta["seq"], &delta["at"]);
        let mut stream = Socket::ruleset(&server, &key, json!({"resume": resume})).await;
        assert_eq!(stream.expect("ready").await["intent"], intent, "{resume}");
    }
    for delta in &told {
        let resume = resume(&delta["seq"], &json!(1));
        let mut stream = Socket::ruleset(&server, &key, json!({"resume": resume})).await;
        let (ready, documents) = stream.snapshot().await;
        Replica::of(&ready, documents).is_right(&server, &key).await;
    }
    // One that has just started knows where it is.
    let server = Server::start_in(server.stop().await, |_| {}).await;
    let newest = &told[1];
    for (at, intent) in [(&newest["at"], "current"), (&json!(1), "snapshot")] {
        let resume = resume(&newest["seq"], at);
        let mut stream = Socket::ruleset(&server, &key, json!({"resume": resume})).await;
        assert_eq!(stream.expect("ready").await["intent"], intent);
    }
}

#[tokio::test]
async fn a_large_workspace_comes_in_bounded_parts() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let mut changes = Vec::new();
    for n in 0..12 {
        let keys: Vec<String> = (0..8_000).map(|k| format!("user-{n}-{k}")).collect();
        changes
            .push(json!({"put": {"kind": "cohort", "key": format!("c{n}"), "name": "Many", "keys": keys}}));
    }
    server.admin().post("/api/v1/commits", &json!({"message": "many", "changes": changes})).await.expect(201);
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    stream.expect("ready").await;
    let first = stream.expect("snapshot").await;
    let parts = first["parts"].as_u64().unwrap();
    assert!(parts > 3 && first["part"] == 1, "{parts}");
    let mut documents = first["documents"].as_array().unwrap().clone();
    for n in 2..=parts {
        let part = stream.expect("snapshot").await;
        assert_eq!((part["part"].as_u64(), &part["seq"]), (Some(n), &first["seq"]));
        assert!(part.to_string().len() < 600 * 1024);
        documents.extend(part["documents"].as_array().unwrap().clone());
    }
    Replica::of(&first, documents).is_right(&server, &key).await;
}

#[tokio::test]
async fn two_hundred_rapid_commits_arrive_in_order_and_a_slow_reader_skips_to_the_end() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let mut quick = Socket::ruleset(&server, &key, json!({})).await;
    let mut slow = Socket::ruleset(&server, &key, json!({})).await;
    let (ready, documents) = quick.snapshot().await;
    let mut up_to_date = Replica::of(&ready, documents);
    let (ready, documents) = slow.snapshot().await;
    let mut behind = Replica::of(&ready, documents);
    let writing = async {
        for n in 0..200 {
            // Large enough that what waits between two sockets is no place for all of them.
            let text = format!("{n} {}", "x".repeat(200_000));
            let mut flag = fixtures::flag("large", &json!({"default": {"variant": "on"}}));
            flag["type"] = "string".into();
            flag["variants"] = json!({"on": text, "off": ""});
            server.admin().put("/api/v1/flags/large", &flag).await;
        }
    };
    let reading = async {
        let mut frames = 0;
        while up_to_date
            .documents
            .get("flag/large")
            .is_none_or(|flag| !flag["variants"]["on"].as_str().unwrap().starts_with("199 "))
        {
            up_to_date.apply(&quick.expect("delta").await);
            quick.ack(up_to_date.seq).await;
            frames += 1;
        }
        frames
    };
    let ((), _) = tokio::join!(writing, reading);
    up_to_date.is_right(&server, &key).await;
    let mut frames = 0;
    while behind.seq < server.seq() {
        behind.apply(&slow.expect("delta").await);
        frames += 1;
    }
    behind.is_right(&server, &key).await;
    assert!(frames < 200, "a slow reader was sent everything: {frames} frames");
}

#[tokio::test]
async fn an_environment_that_a_commit_does_not_concern_hears_nothing() {
    let server = Server::seeded().await;
    let production = server.key("server").await;
    let staging = json!({"name": "s", "type": "server", "environment": "staging"});
    let (staging, _) = server.new_key(staging).await;
    let mut here = Socket::ruleset(&server, &production, json!({})).await;
    let mut there = Socket::ruleset(&server, &staging, json!({})).await;
    let (ready, documents) = here.snapshot().await;
    let mut replica = Replica::of(&ready, documents);
    there.snapshot().await;
    act(&server, "always", "staging", "kill", json!({})).await;
    server.new_key(json!({"name": "n", "type": "api"})).await;
    let environment = json!({"key": "staging", "name": "Rehearsal"});
    server.admin().put("/api/v1/environments/staging", &environment).await.expect(200);
    assert_eq!(there.expect("delta").await["put"][0]["key"], "always");
    here.stays_quiet(A_WHILE).await;
    there.stays_quiet(A_WHILE).await;
    // The next one that does goes on from where the stream was.
    kill(&server, "banner").await;
    replica.apply(&here.expect("delta").await);
    replica.is_right(&server, &production).await;
}

#[tokio::test]
async fn a_narrowed_key_hears_of_its_venues_only() {
    let server = Server::seeded().await;
    let key = json!({"name": "n", "type": "server", "environment": "production", "venues": ["anfield"]});
    let (key, _) = server.new_key(key).await;
    let mut stream = Socket::ruleset(&server, &key, json!({})).await;
    let (ready, documents) = stream.snapshot().await;
    let mut replica = Replica::of(&ready, documents);
    assert!(
        replica.documents.contains_key("cohort/gate-staff")
            && !replica.documents.contains_key("venue/berlin-dome")
    );
    act(&server, "always", "production", "kill", json!({"venues": ["berlin-dome"]})).await;
    let dome = json!({"key": "berlin-dome", "name": "The Dome", "city": "Berlin", "country": "Germany"});
    server.admin().put("/api/v1/venues/berlin-dome", &dome).await.expect(200);
    act(&server, "always", "production", "kill", json!({"venues": ["anfield"]})).await;
    // The first kill touched the flag, though nothing that is seen of it, but for an empty list perhaps.
    loop {
        let delta = stream.expect("delta").await;
        assert!(!delta.to_string().contains("berlin"), "{delta}");
        replica.apply(&delta);
        if delta["put"].to_string().contains("anfield") {
            break;
        }
    }
    replica.is_right(&server, &key).await;
    stream.close().await;
    // A cohort that is bound elsewhere meanwhile is gone for it, however it hears of that.
    let elsewhere =
        json!({"key": "gate-staff", "name": "Gate staff", "keys": ["u-gate"], "venues": ["berlin-dome"]});
    server.admin().put("/api/v1/cohorts/gate-staff", &elsewhere).await.expect(200);
    for _ in 0..40 {
        kill(&server, "always").await;
        revive(&server, "always").await;
    }
    let resume = json!({"resume": {"epoch": ready["epoch"], "seq": replica.seq}});
    let mut stream = Socket::ruleset(&server, &key, resume).await;
    stream.expect("ready").await;
    replica.apply(&stream.expect("delta").await);
    replica.is_right(&server, &key).await;
}

#[tokio::test]
async fn a_phone_that_moves_gets_the_values_of_where_it_is() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let context =
        |venue: &str| json!({"type": "context", "context": {"targetingKey": "u-1", "venue": venue}});
    let mut stream = Socket::values(&server, &key, context("anfield")["context"].clone()).await;
    stream.all_values().await;
    stream.say(&context("anfield")).await;
    assert_eq!(stream.expect("values").await["put"]["resale-guard"]["value"], true);
    stream.say(&context("berlin-dome")).await;
    let there = stream.expect("values").await;
    assert_eq!((&there["full"], &there["put"]["resale-guard"]["value"]), (&json!(true), &json!(false)));
    let summary = server.admin().get("/api/v1/connections").await.json();
    assert_eq!(summary["byVenue"], json!([{"venue": "berlin-dome", "count": 1}]));
    act(&server, "always", "production", "kill", json!({"venues": ["berlin-dome"]})).await;
    assert_eq!(stream.expect("values").await["put"]["always"]["value"], false);
}

/// A client that has asked for another person meanwhile must not take it for theirs: only an answer to that is all values.
#[tokio::test]
async fn however_far_behind_a_client_is_its_values_are_amended() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let mut stream = Socket::values(&server, &key, json!({"context": {"targetingKey": "u-1"}})).await;
    let (ready, all) = stream.all_values().await;
    assert!(all["hidden"].is_null() && !all["banner"].is_null());
    // It reads nothing, and more comes than lies between: the server waits for it, while more changes than it keeps apart.
    let mut large = fixtures::flag("poster", &json!({"default": {"variant": "on"}}));
    large["type"] = "string".into();
    for letter in 'a'..='p' {
        large["variants"] = json!({"on": letter.to_string().repeat(900_000), "off": ""});
        let answer = server.admin().put("/api/v1/flags/poster", &large).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.status);
    }
    server.admin().delete("/api/v1/flags/banner").await.expect(200);
    for _ in 0..40 {
        kill(&server, "always").await;
        revive(&server, "always").await;
    }
    let last = kill(&server, "always").await;
    let (mut seq, mut gone) = (ready["seq"].as_u64().unwrap(), Vec::new());
    let mut frames = 0;
    while seq < last {
        let values = stream.expect("values").await;
        assert_eq!(values.get("full"), None, "after {seq}");
        gone.extend(values["delete"].as_array().cloned().unwrap_or_default());
        seq = values["seq"].as_u64().unwrap();
        frames += 1;
        if seq == last {
            assert_eq!(values["put"]["always"]["value"], false);
        }
    }
    assert_eq!(gone, ["banner"]);
    assert!(frames < 60, "it was behind: {frames}");
}

#[tokio::test]
async fn values_change_when_their_time_comes_though_nobody_changes_anything() {
    let server = Server::start_with(|settings| settings.heartbeat_seconds = 1).await;
    fixtures::seed(&server).await;
    let soon = Timestamp::from_millis(usher_server::now().millis() + 5_000);
    let rule = json!({"id": "later", "serve": {"variant": "on"},
        "if": {"attribute": "currentTime", "op": "after", "values": [soon.to_string()]}});
    let timed = fixtures::flag("doors", &json!({"rules": [rule]}));
    let leaning = fixtures::flag(
        "queue",
        &json!({"prerequisites": [{"flag": "doors", "variants": ["on"]}], "default": {"variant": "on"}}),
    );
    for flag in [timed, leaning] {
        let path = format!("/api/v1/flags/{}", flag["key"].as_str().unwrap());
        server.admin().put(&path, &flag).await.expect(201);
    }
    let key = server.key("client").await;
    let mut stream = Socket::values(&server, &key, json!({"context": {"targetingKey": "u-1"}})).await;
    let (ready, all) = stream.all_values().await;
    assert_eq!((&all["doors"]["value"], &all["queue"]["value"]), (&json!(false), &json!(false)));
    let values = loop {
        let frame = stream.any().await.unwrap();
        if frame["type"] != "ping" {
            break frame;
        }
        stream.say(&json!({"type": "pong"})).await;
    };
    assert_eq!(values["type"], "values", "{values}");
    assert_eq!(values["seq"], ready["seq"], "of the same commit");
    assert_eq!(values.get("full"), None);
    let put = &values["put"];
    assert_eq!((&put["doors"]["value"], &put["queue"]["value"]), (&json!(true), &json!(true)), "{put}");
    assert_eq!(put.as_object().unwrap().len(), 2);
}
