//! A key of one environment and one venue reads nothing of another, by no route and in no mode; one that is of no
//! account any more reads nothing at all.

use crate::support::{Answer, Api, Server, Socket};
use serde_json::{Value, json};

/// What stands in the flags of the other environment, and of the other venue.
const OF_STAGING: &str = "the secret of staging";
const OF_WEMBLEY: &str = "the secret of wembley";

/// A flag whose answers tell where they were given.
fn telling() -> Value {
    let everywhere = json!({"enabled": true, "offVariant": "nothing", "default": {"variant": "nothing"}});
    let mut production = everywhere.clone();
    production["venues"] = json!({"wembley-stadium": "wembley"});
    let mut staging = everywhere;
    staging["default"] = json!({"variant": "staging"});
    json!({
        "key": "telling", "type": "string", "clientVisible": true,
        "variants": {"nothing": "nothing", "staging": OF_STAGING, "wembley": OF_WEMBLEY},
        "environments": {"production": production, "staging": staging}
    })
}

async fn server() -> Server {
    let server = Server::seeded().await;
    server.admin().put("/api/v1/flags/telling", &telling()).await.expect(201);
    server
}

/// A key of production, narrowed to Anfield.
async fn key(server: &Server, kind: &str) -> (String, String) {
    let key = json!({"name": kind, "type": kind, "environment": "production", "venues": ["anfield"]});
    server.new_key(key).await
}

/// Every way to ask for something with a key, each trying to be elsewhere.
async fn everything(api: &Api) -> Vec<Answer> {
    let wembley = json!({"targetingKey": "u-1", "venue": "wembley-stadium"});
    let mut answers = Vec::new();
    for query in
        ["", "?environment=staging", "?venue=wembley-stadium", "?venues=wembley-stadium&environment=staging"]
    {
        for flag in ["", "/telling"] {
            for context in [
                wembley.clone(),
                json!({"targetingKey": "u-1", "venue": "anfield", "environment": "staging"}),
                json!({"targetingKey": "u-1"}),
            ] {
                let body = json!({"context": context, "environment": "staging"});
                answers.push(api.post(&format!("/ofrep/v1/evaluate/flags{flag}{query}"), &body).await);
                answers.push(api.post(&format!("/sdk/v1/values{query}"), &body).await);
                answers.push(api.post(&format!("/sdk/v1/values{query}"), &json!({"context": context})).await);
            }
        }
        answers.push(api.get(&format!("/sdk/v1/ruleset{query}")).await);
        answers.push(api.get(&format!("/sdk/v1/key{query}")).await);
    }
    answers
}

#[tokio::test]
async fn whatever_is_asked_for() {
    let server = server().await;
    for kind in ["client", "server"] {
        let (secret, _) = key(&server, kind).await;
        let api = server.with(&secret);
        for other in ["staging", "wembley"] {
            for name in ["X-Environment", "X-Venue", "X-Usher-Environment"] {
                let api = api.header(name, other);
                api.post("/ofrep/v1/evaluate/flags/telling", &json!({"context": {"venue": "anfield"}}))
                    .await
                    .expect(200);
            }
        }
        let mut answered = 0;
        for answer in everything(&api).await {
            assert!([200, 400, 403, 404].contains(&answer.status), "{answer:?}");
            // A ruleset has the variants of its flags, and says of other venues nothing.
            let rules = answer.asked.contains("/ruleset") && answer.status == 200;
            assert!(rules || !answer.body.contains(OF_WEMBLEY), "{answer:?}");
            assert!(rules || !answer.body.contains(OF_STAGING), "{answer:?}");
            for word in ["wembley-stadium\":", "Wembley Stadium"] {
                assert!(!answer.body.contains(word), "{word}: {answer:?}");
            }
            answered += u32::from(answer.status == 200);
        }
        assert!(answered > 10, "{answered} were answered");
    }
}

#[tokio::test]
async fn whatever_is_said_on_a_stream() {
    let server = server().await;
    let (client, _) = key(&server, "client").await;
    let (program, _) = key(&server, "server").await;
    for (mode, secret) in
        [("values", &client), ("values", &program), ("ruleset", &program), ("ruleset", &client)]
    {
        for more in [
            json!({"context": {"targetingKey": "u-1", "venue": "wembley-stadium"}}),
            json!({"context": {"targetingKey": "u-1"}, "environment": "staging"}),
            json!({"context": {"targetingKey": "u-1"}, "scope": {"venues": ["wembley-stadium"]}}),
            json!({"context": {"targetingKey": "u-1"}, "scope": {"venues": ["anfield", "wembley-stadium"]}}),
            json!({"context": {"targetingKey": "u-1"}, "scope": {"venues": []}}),
        ] {
            let mut socket = Socket::said_at(&server.address(), secret, mode, more.clone()).await;
            // Until it is refused, or has been sent all that there is and is asked for a sign of life.
            let mut told = String::new();
            while let Some(frame) = socket.any().await {
                told.push_str(&frame.to_string());
                let is_last = frame["type"] == "values"
                    || frame["type"] == "snapshot" && frame["part"] == frame["parts"]
                    || frame["type"] == "error";
                if is_last {
                    break;
                }
            }
            assert!(!told.is_empty(), "{mode} {more}");
            assert!(!told.contains("Wembley Stadium"), "{mode} {more}: {told}");
            if mode == "values" {
                assert!(!told.contains(OF_WEMBLEY) && !told.contains(OF_STAGING), "{more}: {told}");
            }
        }
    }
}

#[tokio::test]
async fn and_nothing_once_it_is_of_no_account() {
    let server = server().await;
    let (revoked, id) = key(&server, "server").await;
    server.admin().post(&format!("/api/v1/keys/{id}/revoke"), &json!({})).await.expect(200);
    let expires = json!({"name": "Short", "type": "server", "environment": "production", "expiresAt": "2020-01-01T00:00:00Z"});
    let expired = server.admin().post("/api/v1/keys", &expires).await;
    // One that has expired already is not made at all, or opens nothing.
    let expired = expired.json()["secret"].as_str().unwrap_or("usk_expired").to_owned();
    let (good, _) = key(&server, "server").await;
    let mut bad =
        vec![revoked, expired, String::new(), "usk_".to_owned(), "usk_".to_owned() + &"0".repeat(43)];
    bad.extend([
        good[..good.len() - 1].to_owned(),
        format!("{good}A"),
        good.to_uppercase(),
        good.replace("usk_", "uat_"),
        good.replace("usk_", "uck_"),
    ]);
    bad.push("x".repeat(7_000));
    for secret in bad {
        for answer in everything(&server.with(&secret)).await {
            assert_eq!(answer.status, 401, "{answer:?}");
            assert!(
                !answer.body.contains("secret of") && (secret.len() < 10 || !answer.body.contains(&secret)),
                "{answer:?}"
            );
        }
        let headers = [
            ("Authorization", format!("Bearer {secret}")),
            ("Sec-WebSocket-Protocol", "usher.v1".to_owned()),
        ];
        assert_eq!(Socket::try_open(&server, "/sdk/v1/stream", &headers).await.err(), Some(401));
        server.with(&secret).get("/api/v1/export").await.problem(401, "unauthorized");
        server.with(&secret).get("/metrics").await.expect(401);
    }
    // Guessing says no more than being wrong does.
    for answer in everything(&server.with(&good)).await {
        assert_ne!(answer.status, 401, "{answer:?}");
    }
}
