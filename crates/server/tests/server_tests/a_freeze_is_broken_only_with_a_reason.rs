//! While a freeze holds, nothing is changed that reaches its venues; kills go through, and whoever breaks the glass is
//! in the history with the reason.

use crate::support::{self, Api, Server, fixtures};
use serde_json::{Value, json};

async fn freeze(server: &Server, key: &str, more: Value) {
    let mut freeze = json!({"key": key, "reason": "Cup final", "environments": ["production"]});
    for (name, value) in more.as_object().unwrap() {
        freeze[name] = value.clone();
    }
    server.admin().put(&format!("/api/v1/freezes/{key}"), &freeze).await.expect(201);
}

/// A server at whose Anfield nothing is changed in production, for a century.
async fn frozen() -> Server {
    let server = Server::seeded().await;
    let century =
        json!({"venues": ["anfield"], "from": "2026-01-01T00:00:00Z", "until": "2126-01-01T00:00:00Z"});
    freeze(&server, "final", century).await;
    server
}

async fn act(api: &Api, flag: &str, action: &str, environment: &str, body: Value) -> support::Answer {
    api.post(&format!("/api/v1/flags/{flag}/environments/{environment}/{action}"), &body).await
}

#[tokio::test]
async fn what_reaches_a_frozen_venue_is_refused_with_the_window_named() {
    let server = frozen().await;
    let before = server.seq();
    for (action, body) in [
        ("off", json!({})),
        ("on", json!({"venues": ["anfield"]})),
        ("on", json!({"venues": ["wembley-stadium", "anfield"]})),
    ] {
        let problem = act(&server.admin(), "always", action, "production", body).await.problem(409, "frozen");
        let said = problem["detail"].as_str().unwrap();
        for part in ["flag/always", "at anfield", "2126-01-01", "Cup final", "`final`", "Usher-Break-Glass"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    let edited = fixtures::flag("always", &json!({"default": {"variant": "off"}}));
    server.admin().put("/api/v1/flags/always", &edited).await.problem(409, "frozen");
    server.admin().delete("/api/v1/flags/always").await.problem(409, "frozen");
    let cohort = json!({"key": "staff", "name": "Staff", "keys": ["u-other"]});
    server.admin().put("/api/v1/cohorts/staff", &cohort).await.problem(409, "frozen");
    let everything = json!({"to": {"seq": 1}, "scope": {"everything": true}});
    server.admin().post("/api/v1/rollback", &everything).await.problem(409, "frozen");
    assert_eq!(server.seq(), before, "nothing was written");
}

#[tokio::test]
async fn what_does_not_reach_it_and_what_stops_harm_goes_through() {
    let server = frozen().await;
    act(&server.admin(), "always", "off", "staging", json!({})).await.expect(200);
    act(&server.admin(), "always", "off", "production", json!({"venues": ["wembley-stadium"]}))
        .await
        .expect(200);
    let mut named: Value = server.admin().get("/api/v1/flags/always").await.json();
    named["name"] = json!("Always");
    named["environments"]["production"]["rules"] = json!([{"id": "w", "serve": {"variant": "off"},
        "if": {"attribute": "venue", "op": "in", "values": ["wembley-stadium"]}}]);
    server.admin().put("/api/v1/flags/always", &named).await.expect(200);
    let off = fixtures::flag("later", &json!({"enabled": false}));
    server.admin().put("/api/v1/flags/later", &off).await.expect(201);
    act(&server.admin(), "always", "kill", "production", json!({"venues": ["anfield"]})).await.expect(200);
    act(&server.admin(), "always", "kill", "production", json!({})).await.expect(200);
    act(&server.admin(), "always", "revive", "production", json!({})).await.problem(409, "frozen");
    freeze(&server, "past", json!({"from": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"})).await;
    act(&server.admin(), "off", "on", "production", json!({"venues": ["berlin-dome"]})).await.expect(200);
}

#[tokio::test]
async fn around_an_event_it_holds_while_that_is_on_and_follows_it() {
    let server = Server::seeded().await;
    freeze(&server, "doors", json!({"around": {"from": "doors-2h", "until": "finalScan+30m"}})).await;
    let event = async |doors: &str, last: &str| {
        let event =
            json!({"key": "derby", "venue": "anfield", "doors": doors, "start": doors, "finalScan": last});
        let answer = server.admin().put("/api/v1/events/derby", &event).await;
        assert!(answer.status < 300, "{}", answer.body);
    };
    let on = async || act(&server.admin(), "off", "on", "production", json!({"venues": ["anfield"]})).await;
    event("2100-05-01T18:00:00Z", "2100-05-01T20:00:00Z").await;
    on().await.expect(200);
    let now = usher_server::now().millis();
    let at = |hours: i64| usher_core::model::Timestamp::from_millis(now + hours * 3_600_000).to_string();
    event(&at(1), &at(4)).await;
    let clear = act(&server.admin(), "off", "clear", "production", json!({"venues": ["anfield"]})).await;
    clear.problem(409, "frozen");
    event(&at(5), &at(8)).await;
    act(&server.admin(), "off", "clear", "production", json!({"venues": ["anfield"]})).await.expect(200);
}

#[tokio::test]
async fn breaking_the_glass_works_and_shows_in_the_history() {
    let server = frozen().await;
    let glass = server.admin().header("Usher-Break-Glass", "gate 4 does not scan");
    act(&glass, "always", "off", "production", json!({"message": "Back to paper"})).await.expect(200);
    let commits = server.admin().get("/api/v1/commits?limit=1").await.expect(200).json();
    let message = commits["items"][0]["message"].as_str().unwrap_or_else(|| panic!("{commits}"));
    assert_eq!(message, "Break glass (gate 4 does not scan): Back to paper");
    for nothing in ["", "   "] {
        let empty = server.admin().header("Usher-Break-Glass", nothing);
        act(&empty, "always", "on", "production", json!({})).await.problem(400, "invalid");
    }
}
