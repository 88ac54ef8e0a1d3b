//! Whatever is wrong with a request: it is told clearly what and how to mend it, nothing is written, and
//! nothing is given away.

use crate::support::{ADMIN, Server, fixtures};
use serde_json::{Value, json};

/// The problem for a bad document, with the field that it is about.
async fn refused(server: &Server, method: &str, path: &str, body: impl Into<String>) -> Value {
    let before = server.seq();
    let answer = server.admin().send(method, path, Some(body.into())).await;
    let problem = answer.problem(400, "invalid");
    for error in problem["errors"].as_array().unwrap_or_else(|| panic!("{problem}")) {
        for part in ["detail", "mend", "value"] {
            assert!(error[part].as_str().is_some_and(|text| !text.is_empty()), "{part} of {problem}");
        }
        assert!(error["value"].as_str().unwrap().chars().count() <= 81, "values are shortened: {problem}");
    }
    assert_eq!(server.seq(), before, "nothing was written: {method} {path}");
    assert!(!problem.to_string().contains(ADMIN));
    assert!(problem.to_string().len() < 8_000, "an error does not repeat what it is about");
    problem
}

async fn bad_flag(server: &Server, config: Value) -> (String, String) {
    let flag = fixtures::flag("bad", &config);
    let problem = refused(server, "PUT", "/api/v1/flags/bad", flag.to_string()).await;
    let error = &problem["errors"][0];
    (error["field"].as_str().unwrap().to_owned(), error["value"].as_str().unwrap().to_owned())
}

fn rule(condition: &Value) -> Value {
    json!({"rules": [{"id": "r", "if": condition, "serve": {"variant": "on"}}]})
}

#[tokio::test]
async fn what_is_no_json_or_of_another_shape_is_refused_everywhere() {
    let server = Server::seeded().await;
    for (method, path) in [
        ("PUT", "/api/v1/flags/bad"),
        ("PUT", "/api/v1/venues/bad"),
        ("PUT", "/api/v1/cohorts/bad"),
        ("PUT", "/api/v1/environments/bad"),
        ("POST", "/api/v1/flags/always/environments/production/kill"),
        ("POST", "/api/v1/flags/always/archive"),
        ("POST", "/api/v1/commits"),
        ("POST", "/api/v1/commits/2/undo"),
        ("POST", "/api/v1/rollback"),
        ("POST", "/api/v1/reach"),
        ("POST", "/api/v1/evaluate"),
        ("POST", "/api/v1/keys"),
    ] {
        for body in ["{", "[]", "7", "\"text\"", "null", "{\"surprise\": 1}", "\u{0}", "{\"a\": \"\\ud800\"}"]
        {
            refused(&server, method, path, body).await;
        }
    }
}

#[tokio::test]
async fn a_bad_document_is_refused_with_field_value_and_mend() {
    let server = Server::seeded().await;
    let at = |field: &str| format!("environments.production.{field}");
    let cases = [
        (json!({"enabled": "yes"}), at("enabled"), "\"yes\""),
        (json!({"offVariant": "none"}), at("offVariant"), "none"),
        (json!({"default": {"variant": "none"}}), at("default"), "none"),
        (json!({"default": {"split": {"by": [], "seed": "s", "weights": []}}}), at("default"), ""),
        (json!({"venues": {"wembly": "on"}}), at("venues.wembly"), "wembly"),
        (json!({"venues": {"anfield": "none"}}), at("venues"), "none"),
        (json!({"killed": {"venues": ["wembly"]}}), at("killed.venues[0]"), "wembly"),
        (json!({"killed": {"cohorts": ["nobody"]}}), at("killed.cohorts[0]"), "nobody"),
        (
            json!({"prerequisites": [{"flag": "nothing", "variants": ["on"]}]}),
            at("prerequisites[0]"),
            "nothing",
        ),
        (
            json!({"prerequisites": [{"flag": "always", "variants": ["x"]}]}),
            at("prerequisites[0].variants"),
            "x",
        ),
        (json!({"surprise": 1}), at("surprise"), "1"),
        (json!({"whenStale": {"after": "soon", "then": "hold"}}), at("whenStale.after"), "soon"),
    ];
    for (config, field, value) in cases {
        let (found_field, found_value) = bad_flag(&server, config.clone()).await;
        assert!(found_field.starts_with(&field), "{config}: {found_field}");
        assert!(found_value.contains(value), "{config}: {found_value}");
    }
}

#[tokio::test]
async fn a_bad_condition_is_refused_with_its_place() {
    let server = Server::seeded().await;
    let attribute = |op: &str, values: Value| json!({"attribute": "x", "op": op, "values": values});
    let mut deep = attribute("exists", json!([true]));
    for _ in 0..16 {
        deep = json!({"not": deep});
    }
    let many: Vec<u32> = (0..10_001).collect();
    for (condition, value) in [
        (attribute("resembles", json!(["a"])), "resembles"),
        (attribute("matches", json!(["("])), "("),
        (attribute("matches", json!(["(((a{1000}){1000}){1000})"])), "a{1000}"),
        (attribute("cidr", json!(["10.0.0.0/99"])), "10.0.0.0/99"),
        (attribute("semverGt", json!(["one"])), "one"),
        (attribute("before", json!(["tomorrow"])), "tomorrow"),
        (attribute("lt", json!(["many"])), "many"),
        (attribute("in", json!([{"a": 1}])), ""),
        (attribute("in", json!(many)), ""),
        (json!({"cohort": "nobody"}), "nobody"),
        (json!({"all": [{"not": {"cohort": "nobody"}}]}), "nobody"),
        (json!({"all": [], "any": []}), ""),
        (json!({}), ""),
        (deep, ""),
    ] {
        let (field, found) = bad_flag(&server, rule(&condition)).await;
        assert!(field.starts_with("environments.production.rules[0]"), "{condition}: {field}");
        assert!(found.contains(value), "{condition}: {found}");
    }
}

#[tokio::test]
async fn json_that_nests_without_end_is_refused() {
    let server = Server::seeded().await;
    for depth in [200, 100_000] {
        let body = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let problem = refused(&server, "PUT", "/api/v1/flags/deep", body).await;
        assert!(problem["detail"].as_str().unwrap().contains("too deeply"), "{problem}");
        let body = format!("{}1{}", "{\"not\":".repeat(depth), "}".repeat(depth));
        refused(&server, "POST", "/api/v1/commits", body).await;
    }
}

#[tokio::test]
async fn keys_are_checked_however_long_they_are() {
    let server = Server::seeded().await;
    let long = "k".repeat(1024 * 1024);
    let surprise = json!({"key": "bad", &long[..900_000]: 1}).to_string();
    refused(&server, "PUT", "/api/v1/flags/bad", surprise).await;
    let flag = |key: &str| fixtures::flag(key, &json!({})).to_string();
    let answer = server.admin().send("PUT", "/api/v1/flags/long", Some(flag(&long))).await;
    assert!([400, 413].contains(&answer.status) && answer.body.len() < 4_000, "{}", answer.status);
    refused(&server, "PUT", "/api/v1/flags/long", flag(&"k".repeat(257))).await;
    refused(&server, "PUT", "/api/v1/flags/a", flag("b")).await;
    refused(&server, "PUT", "/api/v1/venues/-x", json!({"key": "-x", "name": "X"}).to_string()).await;
    for key in [long.as_str(), "k\nk"] {
        let put = json!({"put": {"kind": "cohort", "key": key, "name": "x"}});
        let commit = json!({"message": "long", "changes": [put]});
        let problem = refused(&server, "POST", "/api/v1/commits", commit.to_string()).await;
        assert!(problem["errors"][0]["field"].as_str().unwrap().starts_with("changes[0].put"), "{problem}");
        let commit = json!({"message": "long", "changes": [{"delete": {"kind": "cohort", "key": key}}]});
        server.admin().post("/api/v1/commits", &commit).await;
    }
    let path = format!("/ofrep/v1/evaluate/flags/{}", "k".repeat(300));
    let key = server.key("server").await;
    let refusal = server.with(&key).post(&path, &json!({})).await.refusal(400, "GENERAL");
    assert_eq!(refusal["key"], "k".repeat(300));
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused() {
    let server = Server::seeded().await;
    let before = server.seq();
    let mut flag = fixtures::flag("large", &json!({}));
    flag["description"] = "x".repeat(1_100_000).into();
    server.admin().put("/api/v1/flags/large", &flag).await.problem(400, "invalid");
    flag["description"] = "x".repeat(3_000_000).into();
    server.admin().put("/api/v1/flags/large", &flag).await.problem(413, "too_large");
    let body = json!({"email": "a@b", "password": "x".repeat(3_000_000)});
    server.nobody().post("/api/v1/session", &body).await.problem(413, "too_large");
    let key = server.key("server").await;
    for path in ["/sdk/v1/values", "/sdk/v1/events"] {
        let body = json!({"context": {"targetingKey": "x".repeat(3_000_000)}});
        server.with(&key).post(path, &body).await.problem(413, "too_large");
    }
    assert_eq!(server.seq(), before + 1, "only the key was written");
    // A commit of many documents may be larger than one document.
    let changes: Vec<Value> = (0..3)
        .map(|n| {
            let keys: Vec<String> = (0..60_000).map(|k| format!("user-{k}")).collect();
            json!({"put": {"kind": "cohort", "key": format!("c{n}"), "name": "Many", "keys": keys}})
        })
        .collect();
    server.admin().post("/api/v1/commits", &json!({"message": "many", "changes": changes})).await.expect(201);
}

#[tokio::test]
async fn circles_and_what_is_still_in_use_are_refused() {
    let server = Server::seeded().await;
    let needs = |key: &str, other: &str| {
        let config = json!({"prerequisites": [{"flag": other, "variants": ["on"]}]});
        let mut flag = fixtures::flag(key, &config);
        flag["kind"] = "flag".into();
        flag
    };
    let changes = json!([{"put": needs("a", "b")}, {"put": needs("b", "a")}]);
    let commit = json!({"message": "circle", "changes": changes});
    let problem = refused(&server, "POST", "/api/v1/commits", commit.to_string()).await;
    assert!(problem["detail"].as_str().unwrap().contains("a → b → a"), "{problem}");
    refused(&server, "PUT", "/api/v1/flags/a", needs("a", "a").to_string()).await;
    let around = json!({"key": "staff", "name": "Staff", "if": {"cohort": "staff"}});
    refused(&server, "PUT", "/api/v1/cohorts/staff", around.to_string()).await;
    for used in ["/api/v1/cohorts/staff", "/api/v1/venues/berlin-dome", "/api/v1/environments/production"] {
        let before = server.seq();
        let problem = server.admin().delete(used).await.problem(400, "invalid");
        assert!(problem["detail"].as_str().unwrap().contains("still uses this"), "{problem}");
        assert_eq!(server.seq(), before);
    }
}

#[tokio::test]
async fn one_bad_document_in_a_commit_keeps_the_others_out() {
    let server = Server::seeded().await;
    let good = json!({"put": {"kind": "cohort", "key": "fine", "name": "Fine"}});
    let venue =
        |capacity: Value| json!({"put": {"kind": "venue", "key": "v", "name": "V", "capacity": capacity}});
    let commit = |changes: Value| json!({"message": "half", "changes": changes}).to_string();
    let problem =
        refused(&server, "POST", "/api/v1/commits", commit(json!([good, venue(json!("many"))]))).await;
    assert_eq!(problem["errors"][0]["field"], "changes[1].put.capacity");
    for change in [
        json!({"put": {"kind": "wish", "key": "w"}}),
        json!({"put": {"key": "w"}}),
        json!({"put": {"kind": "user", "key": "u", "email": "a@b", "name": "A", "passwordHash": "x", "role": "admin", "createdAt": 0}}),
        json!({"put": {"kind": "key", "key": "k", "name": "K", "type": "api", "hash": "00", "prefix": "x", "createdAt": 0, "createdBy": "me"}}),
        json!({"delete": {"kind": "key", "key": "admin-token"}}),
        json!({"delete": {"kind": "flag"}}),
        json!({"remove": {"kind": "flag", "key": "always"}}),
    ] {
        refused(&server, "POST", "/api/v1/commits", commit(json!([good, change]))).await;
    }
    for nothing in [json!([]), json!([good, good])] {
        let before = server.seq();
        server.admin().send("POST", "/api/v1/commits", Some(commit(nothing))).await.problem(400, "invalid");
        assert_eq!(server.seq(), before);
    }
    server.admin().get("/api/v1/cohorts/fine").await.problem(404, "not_found");
}

#[tokio::test]
async fn points_pages_and_paths_that_are_none_are_refused() {
    let server = Server::seeded().await;
    for path in [
        "/api/v1/flags?at=yesterday",
        "/api/v1/flags/always?at=-",
        "/api/v1/board?environment=production&at=2026-13-01",
        "/api/v1/export?at=1e9",
        "/api/v1/flags?limit=all",
        "/api/v1/flags?limit=-1",
        "/api/v1/commits?before=first",
        "/api/v1/commits/first",
        "/api/v1/commits/-1",
        "/api/v1/commits/18446744073709551616",
        "/api/v1/board",
        "/api/v1/convergence?seq=x",
    ] {
        server.admin().get(path).await.problem(400, "invalid");
    }
    for path in [
        "/api/v1/flags/nothing",
        "/api/v1/flags?at=999999",
        "/api/v1/commits/0",
        "/api/v1/commits/999999",
        "/api/v1/commits/18446744073709551615",
        "/api/v1/convergence?seq=18446744073709551615",
        "/api/v1/board?environment=nowhere",
        "/api/v1/nothing",
        "/api/v1/flags/a%00b",
    ] {
        server.admin().get(path).await.problem(404, "not_found");
    }
    // Any text is a place among keys: what comes after it is shown, which may be nothing.
    let page = server.admin().get("/api/v1/flags?cursor=zzz%FF").await;
    assert!([200, 400].contains(&page.status), "{page:?}");
    let page = server.admin().get("/api/v1/flags?cursor=zzz").await.expect(200).json();
    assert_eq!((page["items"].as_array().unwrap().len(), page["nextCursor"].clone()), (0, Value::Null));
}

#[tokio::test]
async fn evaluations_and_rollbacks_that_make_no_sense_are_refused() {
    let server = Server::seeded().await;
    let evaluate = "/api/v1/evaluate";
    let context = |context: Value| json!({"environment": "production", "context": context}).to_string();
    let many: Value = (0..300).map(|n| (format!("a{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    let mut deep = json!(1);
    for _ in 0..20 {
        deep = json!({"a": deep});
    }
    for bad in [json!("u-1"), json!([]), json!({"targetingKey": 7}), json!({"venue": []}), many, deep] {
        let problem = refused(&server, "POST", evaluate, context(bad)).await;
        assert!(problem["errors"][0]["field"].as_str().unwrap().starts_with("context"), "{problem}");
    }
    let nowhere = json!({"environment": "nowhere"});
    server.admin().post(evaluate, &nowhere).await.problem(404, "not_found");
    for bad in [
        json!({"to": {}, "scope": {"everything": true}}),
        json!({"to": {"seq": 1, "at": "2026-01-01T00:00:00Z"}, "scope": {"everything": true}}),
        json!({"to": {"at": "then"}, "scope": {"everything": true}}),
        json!({"to": {"seq": 1}, "scope": {}}),
        json!({"to": {"seq": 1}, "scope": {"everything": true, "flag": "always"}}),
        json!({"to": {"seq": 1}, "scope": {"flag": "always", "venue": "anfield"}}),
        json!({"to": {"seq": 1}, "scope": {"flag": "always", "venue": "-", "environment": "production"}}),
        json!({"to": {"seq": 1}, "scope": {"kind": "flag"}}),
        json!({"to": {"seq": 1}, "scope": {"kind": "key", "key": "admin-token"}}),
    ] {
        refused(&server, "POST", "/api/v1/rollback", bad.to_string()).await;
    }
    let future = json!({"to": {"seq": 999}, "scope": {"everything": true}});
    server.admin().post("/api/v1/rollback", &future).await.problem(404, "not_found");
}

#[tokio::test]
async fn actions_that_make_no_sense_are_refused() {
    let server = Server::seeded().await;
    let act = |rest: &str| format!("/api/v1/flags/{rest}");
    for (path, body) in [
        ("always/environments/production/explode", json!({})),
        ("always/environments/nowhere/kill", json!({})),
        ("always/environments/production/kill", json!({"venues": ["wembly"]})),
        ("always/environments/production/kill", json!({"cohorts": ["nobody"]})),
        ("always/environments/production/kill", json!({"venues": "anfield"})),
        ("always/environments/production/on", json!({"cohorts": ["staff"]})),
        ("always/environments/production/on", json!({"venues": ["anfield"], "variant": "purple"})),
        ("always/environments/production/clear", json!({})),
        ("always/environments/production/kill", json!({"message": "x".repeat(5_000)})),
    ] {
        refused(&server, "POST", &act(path), body.to_string()).await;
    }
    server
        .admin()
        .post(&act("nothing/environments/production/kill"), &json!({}))
        .await
        .problem(404, "not_found");
    let flag = fixtures::flag("m", &json!({}));
    let long = format!("/api/v1/flags/m?message={}", "x".repeat(5_000));
    refused(&server, "PUT", &long, flag.to_string()).await;
}

#[tokio::test]
async fn credentials_that_make_no_sense_are_refused() {
    let server = Server::seeded().await;
    for bad in [
        json!({"name": "x", "type": "server"}),
        json!({"name": "x", "type": "api", "environment": "production"}),
        json!({"name": "", "type": "server", "environment": "production"}),
        json!({"name": "x", "type": "server", "environment": "nowhere"}),
        json!({"name": "x", "type": "server", "environment": "production", "venues": ["wembly"]}),
        json!({"name": "x", "type": "master", "environment": "production"}),
        json!({"name": "x", "type": "server", "environment": "production", "hash": "mine"}),
        json!({"name": "x", "type": "server", "environment": "production", "expiresAt": "soon"}),
    ] {
        refused(&server, "POST", "/api/v1/keys", bad.to_string()).await;
    }
    let (_, id) = server.new_key(json!({"name": "x", "type": "server", "environment": "production"})).await;
    let rotate = format!("/api/v1/keys/{id}/rotate");
    refused(&server, "POST", &rotate, json!({"overlapSeconds": 99_999_999}).to_string()).await;
    refused(&server, "POST", &rotate, json!({"overlapSeconds": -1}).to_string()).await;
    server.admin().post("/api/v1/keys/nobody/revoke", &json!({})).await.problem(404, "not_found");
    server.admin().post(&format!("/api/v1/keys/{id}/revoke"), &json!({})).await.expect(200);
    refused(&server, "POST", &rotate, "{}").await;
}

#[tokio::test]
async fn keys_that_are_wrong_revoked_or_expired_open_nothing_and_are_not_told_apart() {
    let server = Server::seeded().await;
    let key = |expires: &str| json!({"name": "x", "type": "server", "environment": "production", "expiresAt": expires});
    let (expired, _) = server.new_key(key("2020-01-01T00:00:00Z")).await;
    let (revoked, id) = server.new_key(key("2099-01-01T00:00:00Z")).await;
    server.with(&revoked).get("/sdk/v1/ruleset").await.expect(200);
    server.admin().post(&format!("/api/v1/keys/{id}/revoke"), &json!({})).await.expect(200);
    let mut details = Vec::new();
    for secret in [expired.as_str(), &revoked, "usk_wrong", "x", "' OR 1=1 --", &"x".repeat(10_000)] {
        for (method, path) in
            [("GET", "/sdk/v1/ruleset"), ("POST", "/sdk/v1/values"), ("GET", "/api/v1/workspace")]
        {
            let body = (method == "POST").then(|| "{}".to_owned());
            let answer = server.with(secret).send(method, path, body).await;
            assert!(!answer.body.contains(secret) || secret == "x");
            details.push(answer.problem(401, "unauthorized")["detail"].clone());
        }
        let answer = server.with(secret).post("/ofrep/v1/evaluate/flags", &json!({})).await;
        assert!(!answer.body.contains(secret) || secret == "x");
        details.push(answer.refusal(401, "GENERAL")["errorDetails"].clone());
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
    for header in ["Basic dXNlcjpwYXNz", "Bearer", "", "usk_x"] {
        let api = server.nobody().header("Authorization", header);
        api.get("/api/v1/workspace").await.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_stale_version_is_refused_with_who_was_faster() {
    let server = Server::seeded().await;
    let path = "/api/v1/flags/always";
    let read = server.admin().get(path).await.expect(200);
    let stale = read.header("etag").to_owned();
    assert_eq!(stale, "\"2\"");
    server.admin().post(&format!("{path}/environments/production/kill"), &json!({})).await.expect(200);
    let mut flag = read.json();
    flag["name"] = "Mine".into();
    let before = server.seq();
    let problem = server.admin().header("If-Match", &stale).put(path, &flag).await.problem(412, "conflict");
    assert_eq!(problem["current"]["document"], "flag/always");
    assert_eq!(problem["current"]["version"], before);
    assert_eq!(problem["current"]["by"], "Administrator's token");
    server.admin().header("If-Match", &stale).delete(path).await.problem(412, "conflict");
    server.admin().header("If-Match", "yesterday").put(path, &flag).await.problem(400, "invalid");
    server.admin().header("If-None-Match", "*").put(path, &flag).await.problem(412, "conflict");
    let absent = fixtures::flag("new", &json!({}));
    server
        .admin()
        .header("If-Match", "\"2\"")
        .put("/api/v1/flags/new", &absent)
        .await
        .problem(412, "conflict");
    let expected = json!({"message": "x", "expected": {"flag/always": 2}, "changes": [{"delete": {"kind": "flag", "key": "always"}}]});
    server.admin().post("/api/v1/commits", &expected).await.problem(412, "conflict");
    let expected = json!({"message": "x", "expected": {"always": 2}, "changes": [{"delete": {"kind": "flag", "key": "always"}}]});
    server.admin().post("/api/v1/commits", &expected).await.problem(400, "invalid");
    assert_eq!(server.seq(), before);
    let fresh = format!("\"{before}\"");
    server.admin().header("If-Match", &fresh).put(path, &flag).await.expect(200);
}
