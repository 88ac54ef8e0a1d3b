//! A kill is carried out however many come at once, and nothing takes it back but who means to.

use crate::support::{Server, fixtures};
use serde_json::{Value, json};

const KILL: &str = "/api/v1/flags/always/environments/production/kill";
const REVIVE: &str = "/api/v1/flags/always/environments/production/revive";

/// Where `always` is killed in production.
async fn killed(server: &Server) -> Value {
    let flag = server.admin().get("/api/v1/flags/always").await.expect(200).json();
    flag["environments"]["production"]["killed"].clone()
}

async fn venues(server: &Server, count: usize) -> Vec<String> {
    let keys: Vec<String> = (0..count).map(|n| format!("ground-{n}")).collect();
    let put = |key: &String| json!({"put": {"kind": "venue", "key": key, "name": key}});
    let changes: Vec<Value> = keys.iter().map(put).collect();
    let commit = json!({"message": "Grounds", "changes": changes});
    server.admin().post("/api/v1/commits", &commit).await.expect(201);
    keys
}

#[tokio::test]
async fn a_league_that_kills_ground_by_ground_at_once_kills_at_every_ground() {
    const GROUNDS: usize = 60;
    let server = Server::seeded().await;
    let keys = venues(&server, GROUNDS).await;
    let targets: Vec<Value> = keys.iter().map(|key| json!({"venues": [key]})).collect();
    let admin = server.admin();
    let kills = targets.iter().map(|target| admin.post(KILL, target));
    for answer in futures_util::future::join_all(kills).await {
        answer.expect(200);
    }
    assert_eq!(killed(&server).await["venues"].as_array().unwrap().len(), GROUNDS);
}

#[tokio::test]
async fn a_rollback_goes_through_while_others_write() {
    let server = Server::seeded().await;
    let before = server.seq();
    let admin = server.admin();
    let flags: Vec<Value> = (0..40)
        .map(|n| {
            let mut flag = fixtures::flag("always", &json!({"default": {"variant": "on"}}));
            flag["name"] = format!("Name {n}").into();
            flag
        })
        .collect();
    let saves = flags.iter().map(|flag| admin.put("/api/v1/flags/always", flag));
    let back = json!({"to": {"seq": before}, "scope": {"flag": "always"}});
    let rollback = admin.post("/api/v1/rollback", &back);
    let (saved, rolled) = tokio::join!(futures_util::future::join_all(saves), rollback);
    rolled.expect(200);
    for answer in saved {
        answer.expect(200);
    }
}

#[tokio::test]
async fn a_killed_flag_is_not_deleted_and_so_not_made_anew_without_its_kill() {
    let server = Server::seeded().await;
    let before = server.seq();
    server.admin().post(KILL, &json!({"venues": ["anfield"]})).await.expect(200);
    let seq = server.seq();
    let problem = server.admin().delete("/api/v1/flags/always").await.problem(409, "killed");
    assert!(problem["detail"].as_str().unwrap().contains("production"), "{problem}");
    let commit = json!({"message": "x", "changes": [{"delete": {"kind": "flag", "key": "always"}}]});
    server.admin().post("/api/v1/commits", &commit).await.problem(409, "killed");
    // Nor by going back to when it was not there, which takes away the rest.
    for scope in [json!({"flag": "always"}), json!({"everything": true})] {
        let back = json!({"to": {"seq": 1}, "scope": scope});
        let answer = server.admin().post("/api/v1/rollback", &back).await;
        assert!(answer.status == 200 || answer.status == 400, "{answer:?}");
    }
    assert_eq!((killed(&server).await["venues"].clone(), server.seq()), (json!(["anfield"]), seq));
    let undo = format!("/api/v1/commits/{before}/undo");
    let answer = server.admin().post(&undo, &json!({"force": true})).await;
    assert!(answer.status == 200 || answer.status == 400, "{answer:?}");
    assert_eq!(killed(&server).await["venues"], json!(["anfield"]));
    server.admin().post(REVIVE, &json!({"venues": ["anfield"]})).await.expect(200);
    server.admin().delete("/api/v1/flags/always").await.expect(200);
}

#[tokio::test]
async fn undoing_an_old_kill_by_force_leaves_a_newer_one_alone() {
    let server = Server::seeded().await;
    let anfield = json!({"venues": ["anfield"]});
    server.admin().post(KILL, &anfield).await.expect(200);
    let old = server.seq();
    server.admin().post(REVIVE, &anfield).await.expect(200);
    server.admin().post(KILL, &anfield).await.expect(200);
    let undo = format!("/api/v1/commits/{old}/undo");
    server.admin().post(&undo, &json!({"force": true})).await.expect(200);
    assert_eq!(killed(&server).await["venues"], json!(["anfield"]));
    // The newer one is undone by its own number.
    let undo = format!("/api/v1/commits/{}/undo", old + 2);
    server.admin().post(&undo, &json!({"force": true})).await.expect(200);
    assert_eq!(killed(&server).await, Value::Null);
}
