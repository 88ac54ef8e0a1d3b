//! What OFREP refuses, it refuses in its own form, so that a client can always say why.

use crate::support::{Server, eventually, fixtures};
use serde_json::{Value, json};

const ALL: &str = "/ofrep/v1/evaluate/flags";

fn context(venue: &str) -> Value {
    json!({"context": {"targetingKey": "u-1", "venue": venue}})
}

fn one(key: &str) -> String {
    format!("{ALL}/{key}")
}

#[tokio::test]
async fn without_a_key_or_with_a_wrong_one_it_is_a_401_and_browsers_may_read_it() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    server.nobody().header("X-API-Key", &key).post(ALL, &context("anfield")).await.expect(200);
    for api in [server.nobody(), server.with("uck_wrong"), server.nobody().header("X-API-Key", "uck_wrong")] {
        for path in [ALL.to_owned(), one("always")] {
            let api = api.header("Origin", "https://shop.example");
            let answer = api.post(&path, &context("anfield")).await;
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            answer.refusal(401, "GENERAL");
        }
    }
}

#[tokio::test]
async fn a_bad_context_is_a_400_in_ofreps_words() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("server").await);
    let large = format!("{{\"context\": {{\"x\": \"{}\"}}}}", "x".repeat(70_000));
    for (body, code) in [
        ("{", "PARSE_ERROR"),
        ("", "PARSE_ERROR"),
        ("[]", "INVALID_CONTEXT"),
        ("7", "INVALID_CONTEXT"),
        ("{\"context\": \"u-1\"}", "INVALID_CONTEXT"),
        ("{\"context\": {\"targetingKey\": 7}}", "INVALID_CONTEXT"),
        ("{\"context\": {\"venue\": {}}}", "INVALID_CONTEXT"),
        (large.as_str(), "INVALID_CONTEXT"),
    ] {
        for (path, key) in [(one("always"), Some("always")), (ALL.to_owned(), None)] {
            let answer = api.send("POST", &path, Some(body.to_owned())).await.expect(400).json();
            assert_eq!(
                (answer["errorCode"].as_str(), answer["key"].as_str()),
                (Some(code), key),
                "{body:.40}"
            );
            assert!(answer["errorDetails"].as_str().is_some_and(|text| text.len() > 5));
        }
    }
    // OFREP asks for a context, but an evaluation without one is answered like one with an empty one.
    for body in ["{}", "{\"context\": null}", "{\"context\": {}}"] {
        api.send("POST", &one("always"), Some(body.to_owned())).await.expect(200);
    }
}

#[tokio::test]
async fn an_unknown_flag_is_a_404_in_ofreps_words() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("server").await);
    let answer = api.post(&one("no-such"), &context("anfield")).await.expect(404).json();
    assert_eq!((&answer["key"], &answer["errorCode"]), (&json!("no-such"), &json!("FLAG_NOT_FOUND")));
    assert!(answer["errorDetails"].as_str().unwrap().contains("no-such"));
    assert_eq!(answer.get("value"), None);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_413_in_ofreps_words() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("client").await).header("Origin", "https://shop.example");
    let large = json!({"context": {"targetingKey": "u-1", "x": "x".repeat(2_000_000)}});
    for (path, key) in [(ALL.to_owned(), Value::Null), (one("always"), json!("always"))] {
        let answer = api.post(&path, &large).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.refusal(413, "GENERAL")["key"], key);
    }
    api.post(ALL, &context("anfield")).await.expect(200);
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_ask_again_and_no_other_key_is() {
    // One request a second, and two at once.
    let server = Server::start_with(|settings| settings.ofrep_requests_per_second = 1).await;
    fixtures::seed(&server).await;
    let (wild, calm) = (server.key("client").await, server.key("client").await);
    let api = server.with(&wild).header("Origin", "https://shop.example");
    let mut refused = None;
    for _ in 0..1_000 {
        let answer = api.post(ALL, &context("anfield")).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let answer = refused.unwrap();
    assert_eq!(answer.header("retry-after"), "1");
    assert!(answer.header("access-control-expose-headers").contains("Retry-After"));
    answer.refusal(429, "GENERAL");
    let api = server.with(&calm);
    api.post(ALL, &context("anfield")).await.expect(200);
    let metrics = server.admin().get("/metrics").await.expect(200).body;
    assert!(metrics.contains("usher_ofrep_limited_total 1"), "{metrics}");
    // It is let in again, when it was told.
    eventually("the bucket fills", async || {
        server.with(&wild).post(&one("always"), &context("anfield")).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn nobody_is_slowed_down_where_there_is_no_limit() {
    let server = Server::start_with(|settings| settings.ofrep_requests_per_second = 0).await;
    fixtures::seed(&server).await;
    let api = server.with(&server.key("client").await);
    for _ in 0..100 {
        api.post(&one("always"), &context("anfield")).await.expect(200);
    }
}

#[tokio::test]
async fn what_is_no_part_of_the_protocol_is_refused_in_its_words() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("server").await);
    for path in [ALL.to_owned(), one("always"), one(""), "/ofrep/v1/events".to_owned()] {
        let (allowed, others) = if path.ends_with("events") {
            ("GET, OPTIONS", ["POST", "PUT", "DELETE", "PATCH"])
        } else {
            ("POST, OPTIONS", ["GET", "PUT", "DELETE", "PATCH"])
        };
        for method in others {
            let answer = api.send(method, &path, None).await;
            assert_eq!(answer.header("allow"), allowed);
            answer.refusal(405, "GENERAL");
        }
    }
    for path in ["/ofrep/v1", "/ofrep/v1/", "/ofrep/v1/configuration", "/ofrep/v1/evaluate"] {
        api.get(path).await.refusal(404, "GENERAL");
    }
    api.post(&one("%FF%FE"), &context("anfield")).await.refusal(404, "FLAG_NOT_FOUND");
    let empty = api.post(&one(""), &context("anfield")).await.refusal(404, "FLAG_NOT_FOUND");
    assert_eq!(empty["key"], "");
}
