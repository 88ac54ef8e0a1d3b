//! What one route refuses, no other route gives; and what is private stays so.

use crate::support::{self, Server, Socket};
use serde_json::json;
use usher_core::model::Role;

#[tokio::test]
async fn environments_are_the_administrators_by_every_way() {
    let server = Server::seeded().await;
    let editor = server.signed_in(Role::Editor).await;
    let put = json!({"put": {"kind": "environment", "key": "mine", "name": "Mine"}});
    let commit = |change| json!({"message": "x", "changes": [change]});
    let before = server.seq();
    editor.post("/api/v1/commits", &commit(put.clone())).await.problem(403, "forbidden");
    let gone = json!({"delete": {"kind": "environment", "key": "staging"}});
    editor.post("/api/v1/commits", &commit(gone)).await.problem(403, "forbidden");
    assert_eq!(server.seq(), before);
    server.admin().post("/api/v1/commits", &commit(put)).await.expect(201);
    let undo = format!("/api/v1/commits/{}/undo", server.seq());
    editor.post(&undo, &json!({})).await.problem(403, "forbidden");
    let back = json!({"to": {"seq": before}, "scope": {"everything": true}});
    editor.post("/api/v1/rollback", &back).await.problem(403, "forbidden");
    // An import brings along those that there are already, as they are.
    let same = server.admin().get("/api/v1/environments/staging").await.expect(200).json();
    let venue = json!({"put": {"kind": "venue", "key": "new", "name": "New"}});
    let import = json!({"message": "x", "changes": [{"put": same}, venue]});
    editor.post("/api/v1/commits", &import).await.expect(201);
}

#[tokio::test]
async fn history_tells_a_viewer_of_accounts_and_keys_only_that_they_changed() {
    let server = Server::seeded().await;
    server.new_key(json!({"name": "Gate 3", "type": "server", "environment": "production"})).await;
    let key = server.seq();
    let viewer = server.signed_in(Role::Viewer).await;
    for seq in [key, server.seq()] {
        let path = format!("/api/v1/commits/{seq}");
        let seen = viewer.get(&path).await.expect(200).json()["changes"][0].clone();
        assert_eq!((seen.get("before"), seen.get("after")), (None, None), "{seen}");
        let all = server.admin().get(&path).await.expect(200).json()["changes"][0].clone();
        assert!(all["after"].is_object(), "{all}");
        assert_eq!((&seen["kind"], &seen["action"]), (&all["kind"], &all["action"]));
    }
}

#[tokio::test]
async fn no_answer_of_the_administration_is_kept_by_a_cache() {
    let server = Server::seeded().await;
    for path in ["/api/v1/flags", "/api/v1/commits", "/api/v1/export", "/api/v1/nothing"] {
        let answer = server.admin().get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let answer = server.nobody().get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path} for nobody");
    }
}

#[tokio::test]
async fn news_end_with_the_account_that_listens() {
    let server = Server::start_with(|settings| settings.heartbeat_seconds = 1).await;
    let email = server.person(Role::Viewer).await;
    let body = json!({"email": email, "password": support::PASSWORD});
    let answer = server.nobody().post("/api/v1/session", &body).await.expect(200);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let origin = format!("http://{}", server.address());
    let mut live =
        Socket::try_open(&server, "/live", &[("Cookie", cookie), ("Origin", origin)]).await.unwrap();
    live.expect("hello").await;
    live.expect("ping").await;
    server.admin().delete("/api/v1/users/viewer-1").await.expect(200);
    let ended = async { while live.any().await.is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), ended).await.unwrap();
}

#[tokio::test]
async fn a_condition_that_cant_be_read_is_not_passed_over() {
    let server = Server::seeded().await;
    let path = "/api/v1/cohorts/staff";
    let mine = json!({"key": "staff", "name": "Mine"});
    let before = server.seq();
    for (name, value) in [
        ("If-Match", "\"é\""),
        ("If-Match", "\"2\", \"3\""),
        ("If-None-Match", "\"2\""),
        ("If-None-Match", "é"),
    ] {
        let conditional = server.admin().header(name, value);
        conditional.put(path, &mine).await.problem(400, "invalid");
        conditional.delete(path).await.problem(400, "invalid");
    }
    assert_eq!(server.seq(), before);
}

#[tokio::test]
async fn a_rollback_whose_scope_is_wider_than_it_looks_is_refused() {
    let server = Server::seeded().await;
    let before = server.seq();
    for scope in [
        json!({"flag": "always", "environment": "production"}),
        json!({"flag": "always", "kind": "cohort"}),
        json!({"kind": "flag", "key": "always", "environment": "production"}),
        json!({"kind": "venue", "key": "anfield", "venue": "anfield"}),
        json!({"flag": "always", "venue": "anfield", "environment": "production", "key": "x"}),
    ] {
        let back = json!({"to": {"seq": 1}, "scope": scope});
        server.admin().post("/api/v1/rollback", &back).await.problem(400, "invalid");
    }
    assert_eq!(server.seq(), before);
}
