//! No route answers anybody without credentials, nor the wrong ones; the table of rights is whole.

use std::collections::BTreeSet;

use crate::support::{self, Server, Socket, fixtures};
use serde_json::{Value, json};
use usher_core::model::Role;
use usher_server::{
    auth::rights::{Needs, RIGHTS},
    openapi::Api as Described,
};
use utoipa::OpenApi;

/// Method and pattern of every route that the OpenAPI document tells of.
fn described() -> BTreeSet<(String, String)> {
    let document = serde_json::to_value(Described::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    methods
        .filter(|(method, _)| ["GET", "PUT", "POST", "DELETE", "PATCH"].contains(&method.as_str()))
        .collect()
}

/// A pattern with something real for each parameter.
fn filled(pattern: &str) -> String {
    let path =
        pattern.replace("{environment}", "production").replace("{action}", "kill").replace("{seq}", "1");
    let key = if path.starts_with("/api/v1/venues") { "anfield" } else { "always" };
    let path = path.replace("{key}", key).replace("{repository}", "web");
    let needs_environment = path.ends_with("/board") || path.ends_with("/evaluations");
    if needs_environment { format!("{path}?environment=production") } else { path }
}

#[test]
fn the_table_of_rights_and_the_openapi_document_name_the_same_routes() {
    let rights: BTreeSet<(String, String)> =
        RIGHTS.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(rights.len(), RIGHTS.len(), "each once");
    let mut rights = rights;
    assert!(rights.remove(&("GET".to_owned(), "/api/v1/openapi.json".to_owned())));
    assert_eq!(rights, described());
}

#[tokio::test]
async fn without_credentials_every_route_says_401() {
    let server = Server::seeded().await;
    let before = server.seq();
    for (method, pattern, needs) in RIGHTS {
        let path = filled(pattern);
        let bodies = if *method == "GET" { vec![None] } else { vec![None, Some("{}"), Some("not json")] };
        for body in bodies {
            let answer = server.nobody().send(method, &path, body.map(ToOwned::to_owned)).await;
            if *needs == Needs::Nobody {
                assert!([400, 401].contains(&answer.status), "{answer:?}");
            } else {
                let problem = answer.clone().problem(401, "unauthorized");
                assert_eq!(problem.get("errors"), None, "{problem}");
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
    }
    for path in ["/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/flags/a/b/c", "/api/v1/users"] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"] {
            let answer = server.nobody().send(method, path, None).await;
            assert_eq!(answer.status, 401, "{answer:?}");
        }
    }
    assert_eq!(server.seq(), before);
}

#[tokio::test]
async fn a_method_that_a_route_does_not_have_is_refused_even_for_the_administrator() {
    let server = Server::seeded().await;
    for (method, path) in [
        ("PATCH", "/api/v1/flags/always"),
        ("POST", "/api/v1/flags"),
        ("DELETE", "/api/v1/commits/1"),
        ("PUT", "/api/v1/keys"),
        ("POST", "/api/v1/workspace"),
    ] {
        let answer = server.admin().send(method, path, Some("{}".to_owned())).await;
        answer.problem(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn programs_routes_and_metrics_need_their_keys() {
    let server = Server::seeded().await;
    for (method, path) in [
        ("POST", "/ofrep/v1/evaluate/flags"),
        ("POST", "/ofrep/v1/evaluate/flags/always"),
        ("GET", "/ofrep/v1/events"),
        ("GET", "/ofrep/v1/events?token=x"),
    ] {
        for body in [None, Some("{}".to_owned()), Some("not json".to_owned())] {
            let body = body.filter(|_| method == "POST");
            let answer = server.nobody().send(method, path, body).await;
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            answer.refusal(401, "GENERAL");
        }
    }
    for (method, path) in [
        ("GET", "/sdk/v1/ruleset"),
        ("POST", "/sdk/v1/values"),
        ("POST", "/sdk/v1/events"),
        ("GET", "/metrics"),
        ("GET", "/live"),
        ("GET", "/sdk/v1/stream"),
    ] {
        for body in [None, Some("{}".to_owned()), Some("not json".to_owned())] {
            let body = body.filter(|_| method == "POST");
            server.nobody().send(method, path, body).await.problem(401, "unauthorized");
        }
    }
    for path in ["/sdk/v1/stream", "/live"] {
        assert_eq!(Socket::try_open(&server, path, &[]).await.err(), Some(401), "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        server.nobody().get(path).await.expect(200);
    }
}

#[tokio::test]
async fn metrics_are_for_api_tokens_unless_they_are_open() {
    let server = Server::start().await;
    let sdk = server.key("server").await;
    server.with(&sdk).get("/metrics").await.problem(403, "forbidden");
    let text = server.admin().get("/metrics").await.expect(200).body;
    assert!(text.contains("usher_journal_seq 2"), "{text}");
    let open = Server::start_with(|settings| settings.metrics_open = true).await;
    open.nobody().get("/metrics").await.expect(200);
}

#[tokio::test]
async fn an_sdk_key_does_not_open_the_administration_api() {
    let server = Server::seeded().await;
    let before = server.seq();
    for kind in ["server", "client"] {
        let key = server.key(kind).await;
        for (method, pattern, needs) in RIGHTS {
            if *needs != Needs::Nobody {
                let body = (*method != "GET").then(|| "{}".to_owned());
                server.with(&key).send(method, &filled(pattern), body).await.problem(403, "forbidden");
            }
        }
    }
    assert_eq!(server.seq(), before + 2, "only the two keys were written");
}

#[tokio::test]
async fn an_api_token_does_not_open_the_routes_of_sdks() {
    let server = Server::seeded().await;
    for path in ["/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/always"] {
        server.admin().post(path, &json!({})).await.refusal(403, "GENERAL");
    }
    for (method, path) in [("GET", "/sdk/v1/ruleset"), ("POST", "/sdk/v1/values"), ("POST", "/sdk/v1/events")]
    {
        let body = (method == "POST").then(|| "{}".to_owned());
        server.admin().send(method, path, body).await.problem(403, "forbidden");
    }
    let header = [("Authorization", format!("Bearer {}", support::ADMIN))];
    assert_eq!(Socket::try_open(&server, "/sdk/v1/stream", &header).await.err(), Some(403));
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says_and_no_more() {
    let server = Server::seeded().await;
    for role in [Role::Viewer, Role::Operator, Role::Editor] {
        let person = server.signed_in(role).await;
        for (method, pattern, needs) in RIGHTS {
            let Some(needed) = needs.role() else { continue };
            // Signing out would end the test; what is allowed is refused for its body, so that nothing is written.
            if *method == "DELETE" && (pattern.ends_with("/session") || pattern.ends_with("/sessions")) {
                continue;
            }
            let body = (*method != "GET").then(|| "[]".to_owned());
            let before = server.seq();
            let answer = person.send(method, &filled(pattern), body).await;
            if role < needed {
                answer.problem(403, "forbidden");
                assert_eq!(server.seq(), before);
            } else {
                assert!(![401, 403, 500].contains(&answer.status), "{role:?}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_viewer_sees_and_does_not_touch() {
    let server = Server::seeded().await;
    let viewer = server.signed_in(Role::Viewer).await;
    viewer.get("/api/v1/flags/always").await.expect(200);
    let before = server.seq();
    let flag = fixtures::flag("mine", &json!({}));
    viewer.put("/api/v1/flags/mine", &flag).await.problem(403, "forbidden");
    viewer
        .post("/api/v1/flags/always/environments/production/kill", &json!({}))
        .await
        .problem(403, "forbidden");
    viewer.post("/api/v1/commits/2/undo", &json!({})).await.problem(403, "forbidden");
    viewer.get("/api/v1/keys").await.problem(403, "forbidden");
    assert_eq!(server.seq(), before);
    let operator = server.signed_in(Role::Operator).await;
    operator.post("/api/v1/flags/always/environments/production/kill", &json!({})).await.expect(200);
    operator.put("/api/v1/flags/mine", &flag).await.problem(403, "forbidden");
}

#[tokio::test]
async fn no_answer_shows_a_hash() {
    let server = Server::seeded().await;
    server.person(Role::Admin).await;
    let secret = server.key("server").await;
    let listed = server.admin().get("/api/v1/keys").await.expect(200);
    let prefix = listed.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .any(|key| secret.starts_with(key["prefix"].as_str().unwrap()));
    assert!(prefix, "{}", listed.body);
    let mut bodies = vec![listed.body];
    for seq in 1..=server.seq() {
        bodies.push(server.admin().get(&format!("/api/v1/commits/{seq}")).await.expect(200).body);
    }
    for path in ["/api/v1/export", "/api/v1/commits", "/api/v1/session", "/api/v1/workspace", "/metrics"] {
        bodies.push(server.admin().get(path).await.expect(200).body);
    }
    for body in bodies {
        for word in ["\"hash\"", "passwordHash", "argon2", &secret, support::ADMIN] {
            assert!(!body.contains(word), "{word} in {body}");
        }
    }
    let export: Value = server.admin().get("/api/v1/export").await.json();
    let kinds: BTreeSet<&str> = export["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| document["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["cohort", "environment", "flag", "venue"].into());
}
