//! A schedule is done once, whole, in its time, in one commit with the record of it; or it is said why not.

use crate::support::{self, ADMIN, Server, Socket, eventually, fixtures};
use serde_json::{Value, json};
use usher_core::model::{Role, Timestamp};

/// So many seconds from now.
fn soon(seconds: i64) -> String {
    Timestamp::from_millis(usher_server::now().millis() + seconds * 1_000).to_string()
}

fn off(flag: &str) -> Value {
    json!({"off": {"flag": flag, "environment": "production"}})
}

fn schedule(key: &str, at: impl Into<Value>, plays: Value) -> Value {
    json!({"key": key, "at": at.into(), "plays": plays})
}

async fn put(server: &Server, document: &Value) -> support::Answer {
    let path = format!("/api/v1/schedules/{}", document["key"].as_str().unwrap());
    server.admin().put(&path, document).await
}

async fn get(server: &Server, path: &str) -> Value {
    server.admin().get(&format!("/api/v1/{path}")).await.expect(200).json()
}

/// What became of a schedule, as soon as that is known.
async fn outcome(server: &Server, key: &str) -> Value {
    eventually("the schedule ends", async || {
        get(server, &format!("schedules/{key}")).await.get("outcome").is_some()
    })
    .await;
    get(server, &format!("schedules/{key}")).await["outcome"].clone()
}

async fn is_on(server: &Server, flag: &str) -> bool {
    get(server, &format!("flags/{flag}")).await["environments"]["production"]["enabled"] == true
}

#[tokio::test]
async fn all_of_it_and_its_record_are_one_commit() {
    let server = Server::seeded().await;
    let authorization = ("Authorization", format!("Bearer {ADMIN}"));
    let mut live = Socket::try_open(&server, "/live", &[authorization]).await.unwrap();
    let kill = json!({"kill": {"flag": "banner", "environment": "production", "venues": ["anfield"]}});
    let plays = json!([off("always"), kill, {"notice": {"text": "Doors are open"}}]);
    let due = soon(2);
    put(&server, &schedule("doors", due.as_str(), plays)).await.expect(201);
    assert!(is_on(&server, "always").await, "not before its time");
    let outcome = outcome(&server, "doors").await;
    assert_eq!((&outcome["result"], &outcome["due"]), (&json!("done"), &json!(due)), "{outcome}");
    let commit = get(&server, &format!("commits/{}", outcome["commit"])).await;
    let changed: Vec<&str> =
        commit["changes"].as_array().unwrap().iter().map(|change| change["key"].as_str().unwrap()).collect();
    assert_eq!(changed, ["always", "banner", "doors"], "{commit}");
    assert_eq!(commit["message"], "Schedule doors was done: Doors are open");
    assert_eq!((&commit["actor"]["kind"], &commit["actor"]["name"]), (&json!("system"), &json!("Schedules")));
    assert!(!is_on(&server, "always").await);
    loop {
        let told = live.any().await.unwrap();
        if told["type"] == "notice" {
            assert_eq!((&told["schedule"], &told["text"]), (&json!("doors"), &json!("Doors are open")));
            break;
        }
    }
    // It is over: whoever turns the flag on again is not undone, and a new name is not a new time.
    let on = "/api/v1/flags/always/environments/production/on";
    server.admin().post(on, &json!({})).await.expect(200);
    let mut named = get(&server, "schedules/doors").await;
    named["name"] = json!("Doors");
    named.as_object_mut().unwrap().shift_remove("outcome");
    let written = put(&server, &named).await.expect(200).json();
    assert_eq!(written["document"]["outcome"], outcome, "what became of it stays");
    let history = get(&server, "commits?kind=schedule&key=doors").await;
    assert_eq!(history["items"].as_array().unwrap().len(), 3, "made, done, named: {history}");
    // For a later time it is planned anew.
    named["at"] = json!(soon(1));
    let written = put(&server, &named).await.expect(200).json();
    assert_eq!(written["document"].get("outcome"), None, "{written}");
    self::outcome(&server, "doors").await;
    assert!(!is_on(&server, "always").await);
}

#[tokio::test]
async fn what_was_done_is_not_done_again_when_it_is_undone_or_the_past_is_brought_back() {
    let server = Server::seeded().await;
    put(&server, &schedule("doors", soon(1), json!([off("always")]))).await.expect(201);
    let planned = server.seq();
    let outcome = outcome(&server, "doors").await;
    let undo = format!("/api/v1/commits/{}/undo", outcome["commit"]);
    server.admin().post(&undo, &json!({})).await.expect(200);
    assert!(is_on(&server, "always").await);
    assert_eq!(get(&server, "schedules/doors").await["outcome"], outcome);
    server.admin().delete("/api/v1/schedules/doors").await.expect(200);
    let back = json!({"to": {"seq": planned}, "scope": {"everything": true}});
    server.admin().post("/api/v1/rollback", &back).await.expect(200);
    let now = get(&server, "schedules/doors").await["outcome"].clone();
    assert_eq!(
        (&now["result"], &now["reasons"][0]),
        (&json!("missed"), &json!("An earlier state was brought back."))
    );
    assert!(is_on(&server, "always").await);
    // Over, it is a record of this workspace: an export holds plans only, and nothing is held by it.
    let exported = get(&server, "export").await;
    let kinds = exported["documents"].as_array().unwrap().iter().map(|document| &document["kind"]);
    assert_eq!(kinds.filter(|kind| **kind == "schedule").count(), 0);
    server.admin().delete("/api/v1/flags/always").await.expect(200);
}

#[tokio::test]
async fn a_local_time_is_the_venues_and_a_moment_follows_its_event() {
    let server = Server::seeded().await;
    let wembley = |zone: Value| {
        let mut venue = json!({"key": "wembley-stadium", "name": "Wembley"});
        if !zone.is_null() {
            venue["timeZone"] = zone;
        }
        venue
    };
    let local = json!({"local": "2098-03-30T01:30:00", "venue": "wembley-stadium"});
    let document = schedule("spring", local, json!([off("always")]));
    let problem = put(&server, &document).await.problem(400, "invalid");
    let said = problem["errors"][0].to_string();
    assert!(
        said.contains("at.venue") && said.contains("Europe/London") && said.contains("timeZone"),
        "{said}"
    );
    let path = "/api/v1/venues/wembley-stadium";
    server.admin().put(path, &wembley(json!("Europe/London"))).await.expect(200);
    put(&server, &document).await.expect(201);
    let due = get(&server, "schedules/spring/due").await;
    // The last Sunday of that March: clocks go from one to two.
    assert_eq!(
        due,
        json!({"at": "2098-03-30T01:30:00.000Z", "local": "2098-03-30T02:30:00+01:00[Europe/London]", "turned": "skipped"})
    );
    let listed = get(&server, "schedules").await["items"][0].clone();
    assert_eq!((&listed["due"], &listed["document"]["key"]), (&due, &json!("spring")));
    let problem = server.admin().put(path, &wembley(Value::Null)).await.problem(400, "invalid");
    assert!(problem["detail"].as_str().unwrap().contains("schedule/spring still uses this"), "{problem}");

    let event = |doors: &str| json!({"key": "final", "venue": "wembley-stadium", "doors": doors, "start": doors, "finalScan": "2098-05-20T00:00:00Z"});
    server.admin().put("/api/v1/events/final", &event("2098-05-15T14:00:00Z")).await.expect(201);
    let moment = json!({"event": "final", "moment": "doors-1h"});
    put(&server, &schedule("doors", moment, json!([off("always")]))).await.expect(201);
    let due = get(&server, "schedules/doors/due").await;
    assert_eq!(
        due,
        json!({"at": "2098-05-15T13:00:00.000Z", "local": "2098-05-15T14:00:00+01:00[Europe/London]"})
    );
    server.admin().delete("/api/v1/events/final").await.problem(400, "invalid");
    let mut moved = event(&soon(3_600 + 2));
    moved["finalScan"] = json!(soon(7_200));
    server.admin().put("/api/v1/events/final", &moved).await.expect(200);
    assert_eq!(outcome(&server, "doors").await["result"], "done");
}

#[tokio::test]
async fn a_freeze_refuses_it_with_the_window_named_and_kills_go_through() {
    let server = Server::seeded().await;
    let century = json!({"key": "final", "reason": "Cup final", "environments": ["production"],
        "from": "2026-01-01T00:00:00Z", "until": "2126-01-01T00:00:00Z"});
    server.admin().put("/api/v1/freezes/final", &century).await.expect(201);
    let kill = json!({"kill": {"flag": "always", "environment": "production"}});
    put(&server, &schedule("off", soon(1), json!([kill, off("banner")]))).await.expect(201);
    put(&server, &schedule("kill", soon(1), json!([kill]))).await.expect(201);
    let refused = outcome(&server, "off").await;
    assert_eq!((&refused["result"], refused.get("commit")), (&json!("refused"), None), "{refused}");
    let why = refused["reasons"][0].as_str().unwrap();
    for part in ["flag/banner", "Cup final", "`final`", "2126-01-01"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert!(is_on(&server, "banner").await, "all of it, or nothing");
    assert_eq!(outcome(&server, "kill").await["result"], "done");
}

#[tokio::test]
async fn one_that_makes_no_sense_any_more_says_so_and_does_nothing() {
    let server = Server::seeded().await;
    put(&server, &schedule("off", soon(2), json!([off("banner"), off("always")]))).await.expect(201);
    server.admin().delete("/api/v1/flags/always").await.problem(400, "invalid");
    let mut flag = fixtures::flag("always", &json!({}));
    flag["environments"].as_object_mut().unwrap().shift_remove("production");
    server.admin().put("/api/v1/flags/always", &flag).await.expect(200);
    let failed = outcome(&server, "off").await;
    assert_eq!(failed["result"], "failed", "{failed}");
    assert!(failed["reasons"][0].as_str().unwrap().contains("not configured there"), "{failed}");
    assert!(is_on(&server, "banner").await);
}

#[tokio::test]
async fn a_server_that_was_down_does_it_late_or_says_that_it_was_missed() {
    let server = Server::seeded().await;
    let mut strict = schedule("strict", soon(2), json!([off("always")]));
    strict["latest"] = json!("1s");
    put(&server, &strict).await.expect(201);
    put(&server, &schedule("patient", soon(2), json!([off("banner")]))).await.expect(201);
    let folder = server.stop().await;
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let server = Server::start_in(folder, |_| {}).await;
    assert_eq!(outcome(&server, "patient").await["result"], "done");
    let missed = outcome(&server, "strict").await;
    assert_eq!(missed["result"], "missed", "{missed}");
    assert!(missed["reasons"][0].as_str().unwrap().contains("within 1s"), "{missed}");
    assert!(is_on(&server, "always").await && !is_on(&server, "banner").await);
    let told = get(&server, "commits?kind=schedule&key=strict").await["items"][0]["message"].clone();
    assert!(told.as_str().unwrap().starts_with("Schedule strict was missed: It was due at"), "{told}");
}

#[tokio::test]
async fn before_its_time_it_can_be_moved_and_deleted() {
    let server = Server::seeded().await;
    put(&server, &schedule("gone", soon(2), json!([off("always")]))).await.expect(201);
    put(&server, &schedule("moved", soon(2), json!([off("banner")]))).await.expect(201);
    put(&server, &schedule("last", soon(3), json!([off("limit")]))).await.expect(201);
    server.admin().delete("/api/v1/schedules/gone").await.expect(200);
    put(&server, &schedule("moved", "2098-01-01T00:00:00Z", json!([off("banner")]))).await.expect(200);
    outcome(&server, "last").await;
    assert!(is_on(&server, "always").await && is_on(&server, "banner").await);
    assert_eq!(get(&server, "schedules/moved").await.get("outcome"), None);
}

#[tokio::test]
async fn what_can_never_be_done_is_refused_when_it_is_written() {
    let server = Server::seeded().await;
    let at = "2098-01-01T00:00:00Z";
    let before = server.seq();
    for (bad, field) in [
        (schedule("s", "2020-01-01T00:00:00Z", json!([off("always")])), "at"),
        (
            schedule(
                "s",
                json!({"local": "2020-01-01T00:00:00", "timeZone": "Europe/London"}),
                json!([off("always")]),
            ),
            "at",
        ),
        (
            schedule(
                "s",
                json!({"local": "2098-01-01T00:00:00", "timeZone": "Mars"}),
                json!([off("always")]),
            ),
            "at.timeZone",
        ),
        (
            schedule(
                "s",
                json!({"local": "2098-01-01T00:00:00", "venue": "nowhere"}),
                json!([off("always")]),
            ),
            "at.venue",
        ),
        (schedule("s", json!({"event": "nothing", "moment": "doors"}), json!([off("always")])), "at.event"),
        (schedule("s", at, json!([off("no-such-flag")])), "plays[0].flag"),
        (
            schedule("s", at, json!([{"off": {"flag": "always", "environment": "nowhere"}}])),
            "plays[0].environment",
        ),
        (
            schedule(
                "s",
                at,
                json!([{"off": {"flag": "always", "environment": "production", "venues": ["nowhere"]}}]),
            ),
            "plays[0].venues",
        ),
        (schedule("s", at, json!([])), "plays"),
    ] {
        let problem = put(&server, &bad).await.problem(400, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(server.seq(), before, "nothing was written");
    // What became of it is the server's to say: what somebody writes there counts for nothing.
    let mut forged = schedule("s", at, json!([off("always")]));
    forged["outcome"] = json!({"result": "done", "at": at, "due": at});
    let written = put(&server, &forged).await.expect(201).json();
    assert_eq!(written["document"].get("outcome"), None, "{written}");
    let operator = server.signed_in(Role::Operator).await;
    operator.put("/api/v1/schedules/s", &forged).await.problem(403, "forbidden");
    operator.get("/api/v1/schedules/s/due").await.expect(200);
}
