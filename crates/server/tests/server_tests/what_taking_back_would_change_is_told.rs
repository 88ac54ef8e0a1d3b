//! `POST /api/v1/rollback/preview`: what taking something back would change, and nothing changed by asking.

use crate::support::{Server, fixtures};
use serde_json::{Value, json};
use usher_core::model::Role;

const PREVIEW: &str = "/api/v1/rollback/preview";

async fn rename(server: &Server, flag: &str, name: &str) -> u64 {
    let mut flag = fixtures::flag(flag, &json!({"default": {"variant": "on"}}));
    flag["name"] = name.into();
    let path = format!("/api/v1/flags/{}", flag["key"].as_str().unwrap());
    server.admin().put(&path, &flag).await.expect(200).json()["seq"].as_u64().unwrap()
}

async fn preview(server: &Server, restoration: Value) -> Value {
    let before = server.seq();
    let viewer = server.signed_in_as(&format!("v{before}"), Role::Viewer).await;
    let before = server.seq();
    let told = viewer.post(PREVIEW, &restoration).await.expect(200).json();
    assert_eq!(server.seq(), before, "asking changes nothing");
    told
}

#[tokio::test]
async fn what_is_told_is_what_is_done() {
    let server = Server::seeded().await;
    let start = server.seq();
    let first = rename(&server, "always", "One").await;
    let second = rename(&server, "always", "Two").await;
    let cases = [
        (json!({"undo": {"seq": second}}), format!("/api/v1/commits/{second}/undo"), json!({}), json!("One")),
        (
            json!({"rollback": {"to": {"seq": start}, "scope": {"flag": "always"}}}),
            "/api/v1/rollback".to_owned(),
            json!({"to": {"seq": start}, "scope": {"flag": "always"}}),
            Value::Null,
        ),
    ];
    for (restoration, path, body, name) in cases {
        let told = preview(&server, restoration).await;
        let version = server.admin().get("/api/v1/flags/always").await.expect(200);
        let version = version.header("etag").trim_matches('"').parse::<u64>().unwrap();
        assert_eq!(told["expected"], json!({"flag/always": version}));
        let put = &told["changes"][0]["put"];
        assert_eq!((&put["key"], &put["name"]), (&json!("always"), &name), "{told}");
        let detail = &told["details"][0];
        assert_eq!((&detail["action"], &detail["after"]["name"]), (&json!("updated"), &name), "{told}");
        server.admin().post(&path, &body).await.expect(200);
        let mut now = server.admin().get("/api/v1/flags/always").await.expect(200).json();
        now["kind"] = "flag".into();
        assert_eq!(&now, put, "and that is what was done");
    }
    // There is nothing left to do.
    let told =
        preview(&server, json!({"rollback": {"to": {"seq": first - 1}, "scope": {"flag": "always"}}})).await;
    assert_eq!(told, json!({"changes": [], "expected": {}, "details": []}));
}

#[tokio::test]
async fn what_has_changed_since_it_was_told_is_not_done_unseen() {
    let server = Server::seeded().await;
    let start = server.seq();
    rename(&server, "always", "One").await;
    let back = json!({"to": {"seq": start}, "scope": {"everything": true}});
    let told = async || preview(&server, json!({"rollback": back})).await["expected"].clone();
    let as_seen = async |expected: &Value| {
        let mut body = back.clone();
        body["expected"] = expected.clone();
        server.admin().post("/api/v1/rollback", &body).await
    };
    let moved = |problem: Value, document: &str| {
        assert_eq!(problem["current"]["document"], document, "{problem}");
    };
    let seen = told().await;
    rename(&server, "always", "Two").await;
    moved(as_seen(&seen).await.problem(412, "conflict"), "flag/always");
    // Nor what would be changed besides.
    let seen = told().await;
    let cohort = json!({"key": "new", "name": "New"});
    server.admin().put("/api/v1/cohorts/new", &cohort).await.expect(201);
    moved(as_seen(&seen).await.problem(412, "conflict"), "cohort/new");
    let seen = told().await;
    as_seen(&seen).await.expect(200);
    server.admin().get("/api/v1/cohorts/new").await.problem(404, "not_found");
    // It was done, so there is nothing left of what was seen.
    as_seen(&seen).await.problem(412, "conflict");
    as_seen(&json!({"always": 1})).await.problem(400, "invalid");
    as_seen(&json!({})).await.expect(200);
}

#[tokio::test]
async fn what_is_told_can_be_asked_for_where_somebody_else_looks_first() {
    let server = Server::seeded().await;
    let seq = rename(&server, "always", "Renamed").await;
    let mut flag = fixtures::flag("always", &json!({"default": {"variant": "off"}}));
    flag["name"] = "Off".into();
    server.admin().put("/api/v1/flags/always", &flag).await.expect(200);
    let mut production = server.admin().get("/api/v1/environments/production").await.expect(200).json();
    production["approvals"] = 1.into();
    server.admin().put("/api/v1/environments/production", &production).await.expect(200);
    let editor = server.signed_in(Role::Editor).await;
    let back = json!({"to": {"seq": seq}, "scope": {"flag": "always"}});
    editor.post("/api/v1/rollback", &back).await.problem(403, "approval_needed");
    let told = editor.post(PREVIEW, &json!({"rollback": back})).await.expect(200).json();
    let request = json!({"title": "Back", "changes": told["changes"], "expected": told["expected"]});
    let asked = editor.post("/api/v1/change-requests", &request).await.expect(201).json();
    let key = asked["document"]["key"].as_str().unwrap();
    let other = server.signed_in_as("second", Role::Editor).await;
    other.post(&format!("/api/v1/change-requests/{key}/approve"), &json!({})).await.expect(200);
    other.post(&format!("/api/v1/change-requests/{key}/merge"), &json!({})).await.expect(200);
    let now = server.admin().get("/api/v1/flags/always").await.expect(200).json();
    assert_eq!(now["name"], "Renamed");
}

#[tokio::test]
async fn what_is_never_brought_back_is_not_told_either() {
    let server = Server::seeded().await;
    server.key("server").await;
    let made = server.seq();
    let viewer = server.signed_in(Role::Viewer).await;
    for seq in [made, made + 1] {
        let told =
            viewer.post(PREVIEW, &json!({"undo": {"seq": seq, "force": true}})).await.expect(200).json();
        assert_eq!(told["changes"], json!([]));
    }
    for restoration in [
        json!({"undo": {"seq": 1}, "rollback": {"to": {"seq": 1}, "scope": {"everything": true}}}),
        json!({"rollback": {"to": {"seq": 1}, "scope": {"kind": "key", "key": "x"}}}),
        json!({"rollback": {"to": {}, "scope": {"everything": true}}}),
        json!({"rollback": {"to": {"seq": 1, "at": "2020-01-01T00:00:00Z"}, "scope": {"everything": true}}}),
        json!({"rollback": {"to": {"seq": 1}, "scope": {}}}),
        json!({"undo": {}}),
        json!({}),
    ] {
        let refused = viewer.post(PREVIEW, &restoration).await.problem(400, "invalid");
        assert!(!refused.to_string().contains("hash"), "{refused}");
    }
    viewer.post(PREVIEW, &json!({"undo": {"seq": 999}})).await.problem(404, "not_found");
    let told = viewer
        .post(PREVIEW, &json!({"rollback": {"to": {"seq": 1}, "scope": {"everything": true}}}))
        .await
        .expect(200)
        .body;
    for word in ["argon2", "\"hash\"", "example.org"] {
        assert!(!told.contains(word), "{word}: {told}");
    }
}
