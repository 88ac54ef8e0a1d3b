//! Several servers on one Redis: any of them takes changes, all of them serve the same.

use std::time::Duration;

use crate::support::{Api, Events, PASSWORD, Server, Socket, events::address, eventually, fixtures};
use futures_util::future::join_all;
use serde_json::{Value, json};
use usher_core::model::Role;
use usher_server::Secret;
use usher_testkit::{
    line::{Line, State},
    redis::RedisServer,
};

async fn on(redis: &RedisServer) -> Server {
    let url = Secret::from(redis.url());
    Server::start_with(|settings| settings.redis = Some(url)).await
}

async fn two(redis: &RedisServer) -> (Server, Server) {
    let (one, two) = tokio::join!(on(redis), on(redis));
    fixtures::seed(&one).await;
    same(&one, &two).await;
    (one, two)
}

/// Waits until the second has all that the first has.
async fn same(one: &Server, two: &Server) {
    eventually("the other has it too", async || two.seq() >= one.seq()).await;
}

async fn kill(server: &Server, flag: &str) -> u64 {
    let path = format!("/api/v1/flags/{flag}/environments/production/kill");
    server.admin().post(&path, &json!({})).await.expect(200).json()["seq"].as_u64().unwrap()
}

#[tokio::test]
async fn servers_that_start_at_once_on_an_empty_redis_begin_one_workspace() {
    let redis = RedisServer::start();
    let servers = join_all((0..3).map(|_| on(&redis))).await;
    for server in &servers {
        let workspace = server.admin().get("/api/v1/workspace").await.expect(200).json();
        assert_eq!(workspace["seq"], 1, "{workspace}");
        assert_eq!(workspace["journal"]["health"], "well", "{workspace}");
        assert_eq!(workspace["journal"]["durability"]["sync"], "always", "{workspace}");
        assert!(
            workspace["journal"]["durability"]["engine"].as_str().unwrap().starts_with("Redis"),
            "{workspace}"
        );
    }
}

#[tokio::test]
async fn a_change_at_one_server_is_pushed_to_the_clients_of_the_other() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    let key = one.key("server").await;
    same(&one, &two).await;
    let mut stream = Socket::ruleset(&two, &key, json!({})).await;
    let (ready, _) = stream.snapshot().await;
    for n in 0..10_u64 {
        let (writer, action) = (if n % 2 == 0 { &one } else { &two }, ["kill", "revive"][n as usize % 2]);
        let path = format!("/api/v1/flags/always/environments/production/{action}");
        let seq = writer.admin().post(&path, &json!({})).await.expect(200).json()["seq"].clone();
        let delta = stream.expect("delta").await;
        assert_eq!(delta["seq"], seq);
        stream.ack(seq.as_u64().unwrap()).await;
    }
    // A client that changes servers goes on where it was: they have the same journal.
    let resume = json!({"resume": {"epoch": ready["epoch"], "seq": two.seq()}});
    let mut elsewhere = Socket::ruleset(&one, &key, resume).await;
    assert_eq!(elsewhere.expect("ready").await["intent"], "current");
}

#[tokio::test]
async fn what_one_server_has_signed_the_other_takes() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    let (email, key) = (one.person(Role::Editor).await, one.key("client").await);
    same(&one, &two).await;
    let body = json!({"email": email, "password": PASSWORD});
    let answer = one.nobody().post("/api/v1/session", &body).await.expect(200);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let there = two.nobody().header("Cookie", &cookie).header("Origin", &format!("http://{}", two.address()));
    assert_eq!(there.get("/api/v1/session").await.expect(200).json()["user"]["email"], email.as_str());
    // The address of an OFREP stream is signed too.
    let address = address(&one.with(&key)).await;
    let mut events = Events::open(&two, &address, None).await;
    events.began().await;
}

/// Behind a balancer, who listens at one server asks another.
#[tokio::test]
async fn who_was_told_of_a_change_by_one_server_is_answered_with_it_by_the_other() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    let key = one.key("server").await;
    same(&one, &two).await;
    let epoch = two.running().app().world.snapshot().epoch;
    let path = format!("/ofrep/v1/evaluate/flags?flagConfigEtag=%22{epoch}-{}%22", one.seq() + 1);
    let (api, who) = (two.with(&key), json!({"context": {"targetingKey": "u-1"}}));
    let (answer, _) = tokio::join!(api.post(&path, &who), async {
        // For it to be asked before: otherwise it is no less right.
        tokio::time::sleep(Duration::from_millis(200)).await;
        kill(&one, "always").await
    });
    let answer = answer.expect(200).json();
    let always = answer["flags"].as_array().unwrap().iter().find(|flag| flag["key"] == "always").unwrap();
    assert_eq!((&always["value"], &always["reason"]), (&json!(false), &json!("DISABLED")), "{answer}");
}

#[tokio::test]
async fn a_key_that_is_revoked_at_one_server_closes_its_streams_at_the_other() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    let kept = one.key("server").await;
    let new = json!({"name": "gates", "type": "server", "environment": "production"});
    let (secret, key) = one.new_key(new).await;
    same(&one, &two).await;
    let mut stream = Socket::ruleset(&two, &secret, json!({})).await;
    let mut other = Socket::ruleset(&two, &kept, json!({})).await;
    stream.snapshot().await;
    other.snapshot().await;
    one.admin().post(&format!("/api/v1/keys/{key}/revoke"), &json!({})).await.expect(200);
    stream.refused("unauthorized").await;
    let seq = kill(&one, "always").await;
    assert_eq!(other.expect("delta").await["seq"], seq, "others stay");
}

#[tokio::test]
async fn without_redis_servers_go_on_answering_say_so_and_refuse_changes() {
    let mut redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    let key = one.key("client").await;
    same(&one, &two).await;
    let mut stream = Socket::values(&two, &key, json!({"context": {"targetingKey": "u-1"}})).await;
    stream.all_values().await;
    redis.kill_nine();
    for server in [&one, &two] {
        eventually("it says so", async || {
            server.nobody().get("/readyz").await.json()["status"] == "degraded"
        })
        .await;
        let ready = server.nobody().get("/readyz").await.expect(200).json();
        assert!(ready["reason"].as_str().unwrap().contains("Redis"), "{ready}");
        server.nobody().get("/healthz").await.expect(200);
        let refused =
            server.admin().post("/api/v1/flags/always/environments/production/kill", &json!({})).await;
        let problem = refused.expect(503).json();
        assert_eq!(problem["code"], "journal_unavailable", "{problem}");
        let who = json!({"context": {"targetingKey": "u-1"}});
        let evaluated = server.with(&key).post("/ofrep/v1/evaluate/flags/always", &who).await.expect(200);
        assert_eq!(evaluated.json()["value"], true);
    }
    redis.restart();
    for server in [&one, &two] {
        eventually("it is well again", async || {
            server.nobody().get("/readyz").await.json()["status"] == "ready"
        })
        .await;
    }
    let seq = kill(&one, "always").await;
    let values = stream.expect("values").await;
    assert_eq!(values["seq"], seq, "the stream was never lost");
}

/// It answers, and is ready: so clients come to it who have more than it has.
#[tokio::test]
async fn a_server_that_has_lost_redis_leads_nobody_back() {
    let redis = RedisServer::start();
    let one = on(&redis).await;
    fixtures::seed(&one).await;
    let line = Line::to(&format!("127.0.0.1:{}", redis.port())).await;
    let url = Secret::from(format!("redis://127.0.0.1:{}", line.port()));
    let two = Server::start_with(|settings| settings.redis = Some(url)).await;
    let (key, client) = (one.key("server").await, one.key("client").await);
    same(&one, &two).await;
    line.set(State::Cut);
    eventually("it has noticed", async || {
        two.nobody().get("/readyz").await.expect(200).json()["status"] == "degraded"
    })
    .await;
    let seq = kill(&one, "always").await;
    let (ready, _) = Socket::ruleset(&one, &key, json!({})).await.snapshot().await;
    let place = json!({"epoch": ready["epoch"], "seq": seq});
    let who = json!({"targetingKey": "u-1"});
    for mut stream in [
        Socket::ruleset(&two, &key, json!({"resume": place})).await,
        Socket::values(&two, &client, json!({"resume": place, "context": who})).await,
    ] {
        let told = stream.refused("busy").await;
        assert!(told["retry"] == true && told["retryAfterMs"].as_u64().is_some(), "{told}");
    }
    let have = format!("have={}-{seq}", ready["epoch"].as_str().unwrap());
    let body = json!({"context": who});
    let polled = [
        two.with(&key).get(&format!("/sdk/v1/ruleset?{have}")).await,
        two.with(&client).post(&format!("/sdk/v1/values?{have}"), &body).await,
    ];
    for answer in polled {
        let answer = answer.expect(503);
        assert_eq!((&answer.json()["code"], answer.header("retry-after")), (&json!("behind"), "5"));
    }
    two.with(&key).get("/sdk/v1/ruleset").await.expect(200);
    line.set(State::Open);
    eventually("it is served once it knows as much", async || {
        let mut stream = Socket::ruleset(&two, &key, json!({"resume": place})).await;
        stream.any().await.is_some_and(|frame| frame["intent"] == "current")
    })
    .await;
    two.with(&key).get(&format!("/sdk/v1/ruleset?{have}")).await.expect(200);
}

/// A server that has not heard of the revival yet must not find that there is nothing to do.
#[tokio::test]
async fn a_kill_right_after_a_revival_at_another_server_kills() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    let path = |action: &str| format!("/api/v1/flags/always/environments/production/{action}");
    kill(&one, "always").await;
    for n in 0..40 {
        let (reviver, killer) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let revived = reviver.admin().post(&path("revive"), &json!({})).await.expect(200).json();
        let killed = killer.admin().post(&path("kill"), &json!({})).await.expect(200).json();
        assert!(killed["seq"].as_u64() > revived["seq"].as_u64(), "{revived} {killed}");
        same(killer, reviver).await;
    }
}

/// A server that has not heard of the last change yet must not find that the document is as wanted already.
#[tokio::test]
async fn a_document_that_another_server_has_just_changed_is_changed_back() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    let path = "/api/v1/cohorts/swings";
    let cohort = |name: &str| json!({"key": "swings", "name": name});
    let (by_one, by_two) = (one.admin(), two.admin());
    let mut last = by_one.put(path, &cohort("One")).await.expect(201).json()["seq"].as_u64();
    same(&one, &two).await;
    for _ in 0..40 {
        for (by, name) in [(&by_two, "Two"), (&by_one, "One")] {
            let done = by.put(path, &cohort(name)).await.expect(200).json();
            assert!(done["seq"].as_u64() > last, "{name} after {last:?}: {done}");
            last = done["seq"].as_u64();
        }
    }
    same(&one, &two).await;
    assert_eq!(by_two.get(path).await.expect(200).json()["name"], "One");
}

/// A request whose answer did not come goes to the next server, which may not have heard of the commit yet.
#[tokio::test]
async fn a_request_that_is_sent_again_to_another_server_gets_its_answer() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    let (by_one, by_two) = (one.admin(), two.admin());
    for n in 0..40 {
        let (first, second) = if n % 2 == 0 { (&by_one, &by_two) } else { (&by_two, &by_one) };
        let path = format!("/api/v1/cohorts/again-{n}");
        let cohort = json!({"key": format!("again-{n}"), "name": "Again"});
        let send =
            async |by: &Api| by.header("Idempotency-Key", &path).put(&path, &cohort).await.expect(201).json();
        let (mut made, again) = (send(first).await, send(second).await);
        assert_eq!(again["replayed"], true, "{again}");
        made["replayed"] = true.into();
        assert_eq!(again, made);
    }
}

/// What one server refers to, the other may delete at that moment; each alone makes sense.
#[tokio::test]
async fn changes_that_make_sense_alone_are_not_made_together_by_two_servers() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    for n in 0..15 {
        let cohort = format!("c{n}");
        let path = format!("/api/v1/cohorts/{cohort}");
        let document = json!({"kind": "cohort", "key": cohort, "name": "Short-lived", "keys": ["u-1"]});
        one.admin().put(&path, &document).await.expect(201);
        same(&one, &two).await;
        let rule = json!({"rules": [{"id": "r", "if": {"cohort": cohort}, "serve": {"variant": "on"}}]});
        let flag_path = format!("/api/v1/flags/f{n}");
        let flag = fixtures::flag(&format!("f{n}"), &rule);
        let (by_one, by_two) = (one.admin(), two.admin());
        let (put, deleted) = tokio::join!(by_one.put(&flag_path, &flag), by_two.delete(&path));
        let statuses = (put.status, deleted.status);
        assert!(matches!(statuses, (201, 400 | 409) | (400, 200 | 204)), "{put:?} {deleted:?}");
    }
}

/// Whoever deletes a flag knows what is killed; a kill that comes in between at another server counts.
#[tokio::test]
async fn a_flag_that_is_killed_at_one_server_is_not_deleted_at_the_other() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    for n in 0..15 {
        let path = format!("/api/v1/flags/d{n}");
        one.admin().put(&path, &fixtures::flag(&format!("d{n}"), &json!({}))).await.expect(201);
        same(&one, &two).await;
        let kill = format!("{path}/environments/production/kill");
        let (by_one, by_two) = (one.admin(), two.admin());
        let nowhere = json!({});
        let (killed, deleted) = tokio::join!(by_one.post(&kill, &nowhere), by_two.delete(&path));
        let statuses = (killed.status, deleted.status);
        assert!(matches!(statuses, (200, 409) | (404, 200)), "{killed:?} {deleted:?}");
    }
}

/// Kills from both servers, with edits in between: each edit starts from what its server knew.
#[tokio::test]
async fn kills_at_both_servers_outlive_edits_at_both() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    let venues = ["wembley-stadium", "anfield", "berlin-dome"];
    for n in 0..12_usize {
        let flag = format!("k{n}");
        let path = format!("/api/v1/flags/{flag}");
        let mut document = fixtures::flag(&flag, &json!({}));
        one.admin().put(&path, &document).await.expect(201);
        same(&one, &two).await;
        document["description"] = "edited".into();
        let act = async |server: &Server, venue: &str| {
            let path = format!("/api/v1/flags/{flag}/environments/production/kill");
            server.admin().post(&path, &json!({"venues": [venue]})).await.expect(200);
        };
        let edit = async |server: &Server| {
            server.admin().put(&path, &document).await.expect(200);
        };
        tokio::join!(
            act(&one, venues[0]),
            act(&two, venues[1]),
            act(&one, venues[2]),
            edit(&one),
            edit(&two)
        );
        same(&one, &two).await;
        same(&two, &one).await;
        let now: Value = two.admin().get(&path).await.expect(200).json();
        let killed = &now["environments"]["production"]["killed"]["venues"];
        let mut killed: Vec<&str> =
            killed.as_array().unwrap().iter().map(|venue| venue.as_str().unwrap()).collect();
        killed.sort_unstable();
        assert_eq!(killed, ["anfield", "berlin-dome", "wembley-stadium"], "{now}");
    }
}

/// Whoever is asked tells how each of them stands.
#[tokio::test]
async fn each_server_tells_of_all_and_of_one_that_is_gone_no_more() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis).await;
    let told = async |server: &Server| server.admin().get("/api/v1/fleet").await.expect(200).json();
    let names = |told: &Value| -> Vec<String> {
        told["nodes"].as_array().unwrap().iter().map(|node| node["name"].to_string()).collect()
    };
    for server in [&one, &two] {
        eventually("it tells of both", async || names(&told(server).await).len() == 2).await;
    }
    let key = one.key("server").await;
    same(&one, &two).await;
    let _stream = Socket::ruleset(&two, &key, json!({})).await;
    eventually("one knows of the stream at two", async || {
        let told = told(&one).await;
        let nodes = told["nodes"].as_array().unwrap();
        nodes[0]["streams"] == 0 && nodes[1]["streams"] == 1 && nodes[1]["seq"] == one.seq()
    })
    .await;
    let (first, second) = (told(&one).await, told(&two).await);
    let mut turned = names(&second);
    turned.reverse();
    assert_eq!(names(&first), turned, "its own name comes first: {first} {second}");
    for node in first["nodes"].as_array().unwrap() {
        assert_eq!((&node["status"], &node["edges"]), (&json!("ready"), &json!([])), "{first}");
        assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
    }
    two.stop().await;
    eventually("it is gone", async || names(&told(&one).await).len() == 1).await;
}
