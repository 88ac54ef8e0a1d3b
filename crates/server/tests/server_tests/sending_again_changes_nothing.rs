//! A request with an idempotency key is carried out once, whatever has happened in between.

use crate::support::{Answer, Api, Server, fixtures};
use serde_json::{Value, json};

/// Sends a request twice, with something else in between; the second answer is the first, given again.
async fn twice(
    server: &Server,
    method: &str,
    path: &str,
    body: Value,
    between: (&str, &str, Value),
) -> Answer {
    let named = server.admin().header("Idempotency-Key", &format!("{method} {path}"));
    let send = async |api: &Api| api.send(method, path, Some(body.to_string())).await;
    let first = send(&named).await;
    assert!([200, 201].contains(&first.status), "{first:?}");
    let (other_method, other_path, other_body) = between;
    let other = server.admin().send(other_method, other_path, Some(other_body.to_string())).await;
    assert!([200, 201].contains(&other.status), "{other:?}");
    let before = server.seq();
    let second = send(&named).await;
    assert_eq!((second.status, server.seq()), (first.status, before), "{second:?}");
    assert_eq!(second.header("etag"), first.header("etag"));
    let (mut one, two) = (first.json(), second.json());
    assert_eq!(two["replayed"], true, "{two}");
    one["replayed"] = true.into();
    assert_eq!(one, two);
    first
}

#[tokio::test]
async fn every_write_is_answered_again_as_it_was() {
    let server = Server::seeded().await;
    let path = "/api/v1/flags/again";
    let flag = fixtures::flag("again", &json!({}));
    let mut renamed = flag.clone();
    renamed["name"] = "Renamed".into();
    twice(&server, "PUT", path, flag, ("PUT", path, renamed)).await.expect(201);
    let kill = format!("{path}/environments/production/kill");
    let revive = format!("{path}/environments/production/revive");
    twice(&server, "POST", &kill, json!({}), ("POST", &revive, json!({}))).await;
    twice(&server, "POST", &format!("{path}/archive"), json!({}), ("POST", &kill, json!({}))).await;
    let undo = format!("/api/v1/commits/{}/undo", server.seq());
    twice(&server, "POST", &undo, json!({}), ("POST", &kill, json!({}))).await;
    let rollback = json!({"to": {"seq": 3}, "scope": {"flag": "again"}});
    let note = json!({"key": "new", "name": "New"});
    twice(&server, "POST", "/api/v1/rollback", rollback, ("PUT", "/api/v1/cohorts/new", note.clone())).await;
    let gone = json!({"message": "x", "changes": [{"delete": {"kind": "cohort", "key": "new"}}]});
    twice(&server, "POST", "/api/v1/commits", gone, ("PUT", "/api/v1/cohorts/new", note.clone())).await;
    twice(&server, "DELETE", "/api/v1/cohorts/new", json!({}), ("PUT", "/api/v1/cohorts/new", note)).await;
}

/// Else it would take back what somebody has done since.
#[tokio::test]
async fn what_found_nothing_to_do_is_not_done_when_it_is_sent_again() {
    let server = Server::seeded().await;
    let admin = server.admin();
    let path = "/api/v1/flags/always";
    let mut edited = admin.get(path).await.expect(200).json();
    let mut edit = |name: &str| {
        edited["name"] = name.into();
        ("PUT", path, edited.clone())
    };
    for scope in [
        json!({"flag": "always"}),
        json!({"everything": true}),
        json!({"flag": "always", "venue": "anfield", "environment": "production"}),
        json!({"kind": "cohort", "key": "never-was"}),
    ] {
        let between = edit(&scope.to_string());
        let rollback = json!({"to": {"seq": server.seq()}, "scope": scope, "message": scope.to_string()});
        let named = format!("/api/v1/rollback?{}", server.seq());
        twice(&server, "POST", &named, rollback, between).await;
    }
    // A commit that changed nothing itself.
    let same = admin.header("Idempotency-Key", "same").post(&format!("{path}/archive"), &json!({})).await;
    drop(same.expect(200));
    let same =
        admin.header("Idempotency-Key", "same again").post(&format!("{path}/archive"), &json!({})).await;
    let undo = format!("/api/v1/commits/{}/undo", same.expect(200).json()["seq"]);
    let cohort = json!({"key": "new", "name": "New"});
    twice(&server, "POST", &undo, json!({}), ("PUT", "/api/v1/cohorts/new", cohort)).await;

    let kill = json!({"kill": {"flag": "off", "environment": "production"}});
    let playbook = json!({"key": "calm", "name": "Calm", "plays": [kill]});
    admin.put("/api/v1/playbooks/calm", &playbook).await.expect(201);
    let run = "/api/v1/playbooks/calm/run";
    admin.post(run, &json!({})).await.expect(200);
    let revive = "/api/v1/flags/off/environments/production/revive";
    let ran = twice(&server, "POST", run, json!({}), ("POST", revive, json!({}))).await.json();
    assert_eq!(ran["changed"], json!([]));

    let import = "/api/v1/import/flagd?environment=production";
    let file = json!({"flags": {"taken": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}}});
    admin.post(import, &file).await.expect(200);
    let named = admin.header("Idempotency-Key", "import");
    let first = named.post(import, &file).await.expect(200).json();
    assert_eq!((&first["entries"][0]["change"], &first["seq"]), (&json!("unchanged"), &json!(server.seq())));
    admin.post("/api/v1/flags/taken/environments/production/off", &json!({})).await.expect(200);
    let before = server.seq();
    let second = named.post(import, &file).await.expect(200).json();
    assert_eq!((&second["replayed"], &second["seq"]), (&json!(true), &first["seq"]), "{second}");
    assert_eq!(server.seq(), before);
}

#[tokio::test]
async fn a_change_request_is_opened_and_made_once() {
    let server = Server::seeded().await;
    let all = "/api/v1/change-requests";
    let cohort = |key: &str| json!({"title": key, "changes": [{"put": {"kind": "cohort", "key": key, "name": "New"}}]});
    let opened = twice(&server, "POST", all, cohort("new"), ("POST", all, cohort("other"))).await.expect(201);
    let path = format!("{all}/{}", opened.json()["document"]["key"].as_str().unwrap());
    let said = json!({"text": "Looks well"});
    let note = json!({"key": "note", "name": "Note"});
    let between = ("PUT", "/api/v1/cohorts/note", note);
    twice(&server, "POST", &format!("{path}/comments"), said, between).await;
    let between = ("DELETE", "/api/v1/cohorts/note", json!({}));
    let merged = twice(&server, "POST", &format!("{path}/merge"), json!({}), between).await.json();
    assert_eq!(merged["changed"], json!(["cohort/new"]));
}

#[tokio::test]
async fn an_answer_stands_even_if_the_same_request_would_be_refused_now() {
    let server = Server::seeded().await;
    let put = json!({"kind": "cohort", "key": "short-lived", "name": "Short-lived"});
    server.admin().put("/api/v1/cohorts/short-lived", &put).await.expect(201);
    let rules = json!([{"id": "s", "if": {"cohort": "short-lived"}, "serve": {"variant": "on"}}]);
    let flag = fixtures::flag("leaning", &json!({"rules": rules}));
    let gone = json!({"message": "gone", "changes": [
        {"delete": {"kind": "flag", "key": "leaning"}}, {"delete": {"kind": "cohort", "key": "short-lived"}}]});
    twice(&server, "PUT", "/api/v1/flags/leaning", flag, ("POST", "/api/v1/commits", gone)).await.expect(201);
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let server = Server::seeded().await;
    let named = server.admin().header("Idempotency-Key", "k-1");
    let cohort = |name: &str| json!({"key": "c", "name": name});
    named.put("/api/v1/cohorts/c", &cohort("One")).await.expect(201);
    let before = server.seq();
    named.put("/api/v1/cohorts/c", &cohort("Two")).await.problem(422, "idempotency_key_reused");
    named.put("/api/v1/cohorts/c?message=other", &cohort("One")).await.problem(422, "idempotency_key_reused");
    named.delete("/api/v1/cohorts/c").await.problem(422, "idempotency_key_reused");
    for bad in ["", &"k".repeat(257)] {
        let named = server.admin().header("Idempotency-Key", bad);
        named.put("/api/v1/cohorts/c", &cohort("Three")).await.problem(400, "invalid");
    }
    assert_eq!(server.seq(), before);
    assert_eq!(server.admin().get("/api/v1/cohorts/c").await.json()["name"], "One");
}

#[tokio::test]
async fn two_people_may_use_the_same_key() {
    let server = Server::seeded().await;
    let editor = server.signed_in(usher_core::model::Role::Editor).await.header("Idempotency-Key", "k");
    let token = server.admin().header("Idempotency-Key", "k");
    editor.put("/api/v1/cohorts/a", &json!({"key": "a", "name": "A"})).await.expect(201);
    token.put("/api/v1/cohorts/b", &json!({"key": "b", "name": "B"})).await.expect(201);
}

#[tokio::test]
async fn of_many_at_the_same_time_one_is_carried_out() {
    let server = Server::seeded().await;
    let before = server.seq();
    let named = server.admin().header("Idempotency-Key", "burst");
    let body =
        json!({"message": "x", "changes": [{"put": {"kind": "cohort", "key": "burst", "name": "Burst"}}]});
    let sends = (0..20).map(|_| named.post("/api/v1/commits", &body));
    let answers = futures_util::future::join_all(sends).await;
    assert_eq!(server.seq(), before + 1);
    for answer in answers {
        match answer.status {
            201 => assert_eq!(answer.json()["seq"], before + 1),
            _ => drop(answer.problem(409, "idempotency_in_progress")),
        }
    }
}

#[tokio::test]
async fn a_secret_is_shown_once_and_a_second_sending_makes_no_second_key() {
    let server = Server::seeded().await;
    let named = server.admin().header("Idempotency-Key", "key");
    let key = json!({"name": "x", "type": "server", "environment": "production"});
    let made = named.post("/api/v1/keys", &key).await.expect(201).json();
    let before = server.seq();
    let problem = named.post("/api/v1/keys", &key).await.problem(409, "secret_shown_once");
    assert!(!problem.to_string().contains("usk_"), "{problem}");
    let rotate = format!("/api/v1/keys/{}/rotate", made["key"]["key"].as_str().unwrap());
    let named = server.admin().header("Idempotency-Key", "rotation");
    let second = named.post(&rotate, &json!({})).await.expect(201).json();
    named.post(&rotate, &json!({})).await.problem(409, "secret_shown_once");
    assert_eq!(server.seq(), before + 1);
    server.with(second["secret"].as_str().unwrap()).get("/sdk/v1/ruleset").await.expect(200);
}

#[tokio::test]
async fn a_key_outlives_a_restart() {
    let server = Server::seeded().await;
    let cohort = json!({"key": "c", "name": "C"});
    let named = server.admin().header("Idempotency-Key", "k");
    named.put("/api/v1/cohorts/c", &cohort).await.expect(201);
    let server = Server::start_in(server.stop().await, |_| {}).await;
    let before = server.seq();
    let named = server.admin().header("Idempotency-Key", "k");
    assert_eq!(named.put("/api/v1/cohorts/c", &cohort).await.expect(201).json()["replayed"], true);
    assert_eq!(server.seq(), before);
}
