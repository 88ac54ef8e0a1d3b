//! How often flags were evaluated: by variant, venue and reason, over time, the same after a restart and on every server.

use crate::support::{Answer, Server, eventually, fixtures};
use serde_json::{Value, json};
use usher_server::Secret;
use usher_testkit::redis::RedisServer;

async fn asked(server: &Server, flag: &str, query: &str) -> Answer {
    let path = format!("/api/v1/flags/{flag}/evaluations?environment=production{query}");
    server.admin().get(&path).await
}

/// Names and totals of the lines.
async fn lines(server: &Server, flag: &str, by: &str) -> Vec<(String, u64)> {
    let answer = asked(server, flag, &format!("&by={by}")).await.expect(200).json();
    let series = answer["series"].as_array().unwrap().iter();
    series
        .map(|own| {
            let counts = own["counts"].as_array().unwrap();
            let total = own["total"].as_u64().unwrap();
            assert_eq!(counts.len(), answer["times"].as_array().unwrap().len());
            assert_eq!(counts.iter().filter_map(Value::as_u64).sum::<u64>(), total);
            (own["name"].as_str().unwrap_or("none").to_owned(), total)
        })
        .collect()
}

fn line(name: &str, total: u64) -> (String, u64) {
    (name.to_owned(), total)
}

fn shown(flag: &str, venue: Option<&str>, reason: Option<&str>, count: u64) -> Value {
    json!({"flag": flag, "variant": "on", "venue": venue, "reason": reason, "count": count})
}

#[tokio::test]
async fn what_programs_show_and_what_is_answered_is_counted_by_variant_venue_and_reason() {
    let server = Server::seeded().await;
    let program = server.with(&server.key("server").await);
    let mut dark = shown("always", Some("anfield"), None, 100);
    dark["dark"] = true.into();
    let batch = json!({"batch": "b-1", "exposures": [
        shown("always", Some("anfield"), Some("STATIC"), 5),
        shown("always", Some("anfield"), Some("CACHED"), 2),
        // As programs have always said it.
        shown("always", None, None, 1),
        dark,
        {"flag": "always", "venue": "berlin-dome", "count": 3},
    ]});
    for _ in 0..2 {
        program.post("/sdk/v1/events", &batch).await.expect(202);
    }
    let context = json!({"context": {"targetingKey": "u-1", "venue": "berlin-dome"}});
    for _ in 0..4 {
        program.post("/ofrep/v1/evaluate/flags/always", &context).await.expect(200);
        program.post("/ofrep/v1/evaluate/flags", &context).await.expect(200);
    }
    program.post("/ofrep/v1/evaluate/flags/no-such-flag", &context).await.expect(404);
    assert_eq!(lines(&server, "always", "variant").await, [line("on", 12), line("none", 3)]);
    assert_eq!(
        lines(&server, "always", "venue").await,
        [line("anfield", 7), line("berlin-dome", 7), line("none", 1)]
    );
    assert_eq!(
        lines(&server, "always", "reason").await,
        [line("STATIC", 9), line("UNKNOWN", 4), line("CACHED", 2)]
    );
    let none = asked(&server, "hidden", "").await.expect(200).json();
    assert_eq!(
        (&none["series"], none.get("last")),
        (&json!([]), None),
        "one answer with all is none of each"
    );
    assert_eq!(asked(&server, "always", "&step=day").await.expect(200).json()["series"][0]["total"], 12);
    let answer = asked(&server, "always", "").await.expect(200).json();
    assert!(answer["last"].is_string() && answer["since"].is_string(), "{answer}");
    assert_eq!(answer["times"].as_array().unwrap().len(), 25, "a day, and the hour that is not over");
}

#[tokio::test]
async fn what_can_not_be_asked_is_refused_with_a_word() {
    let server = Server::seeded().await;
    asked(&server, "no-such-flag", "").await.problem(404, "not_found");
    server
        .admin()
        .get("/api/v1/flags/always/evaluations?environment=nowhere")
        .await
        .problem(404, "not_found");
    asked(&server, "always", "&by=colour").await.problem(400, "invalid");
    asked(&server, "always", "&from=yesterday").await.problem(400, "invalid");
    let problem = asked(&server, "always", "&from=2099-01-01T00:00:00Z").await.problem(400, "invalid");
    assert_eq!(problem["errors"][0]["field"], "from");
    // However much is asked for, no more than what is kept is told.
    let all = asked(&server, "always", "&from=1970-01-01T00:00:00Z").await.expect(200).json();
    assert_eq!(all["times"].as_array().unwrap().len(), 721);
}

#[tokio::test]
async fn a_server_that_starts_again_goes_on_with_what_it_had() {
    let server = Server::seeded().await;
    let program = server.with(&server.key("server").await);
    let batch = |n: u64| json!({"batch": format!("b-{n}"), "exposures": [shown("always", Some("anfield"), Some("STATIC"), n)]});
    program.post("/sdk/v1/events", &batch(5)).await.expect(202);
    let before = asked(&server, "always", "").await.expect(200).json();
    let folder = server.stop().await;
    let server = Server::start_in(folder, |_| {}).await;
    let after = asked(&server, "always", "").await.expect(200).json();
    assert_eq!((&after["series"], &after["last"]), (&before["series"], &before["last"]));
    assert_eq!(after["since"], before["since"]);
    let program = server.with(&server.key("server").await);
    program.post("/sdk/v1/events", &batch(2)).await.expect(202);
    assert_eq!(lines(&server, "always", "venue").await, [line("anfield", 7)]);
}

#[tokio::test]
async fn every_server_of_a_fleet_answers_for_all() {
    let redis = RedisServer::start();
    let on = || {
        let url = Secret::from(redis.url());
        Server::start_with(|settings| settings.redis = Some(url))
    };
    let (one, two) = tokio::join!(on(), on());
    fixtures::seed(&one).await;
    let key = one.key("server").await;
    eventually("the other has it too", async || two.seq() >= one.seq()).await;
    for (n, server) in [(1, &one), (10, &two)] {
        let batch =
            json!({"batch": format!("b-{n}"), "exposures": [shown("always", None, Some("STATIC"), n)]});
        server.with(&key).post("/sdk/v1/events", &batch).await.expect(202);
    }
    for server in [&one, &two] {
        let mut said = Vec::new();
        for _ in 0..40 {
            said = lines(server, "always", "variant").await;
            if said == [line("on", 11)] {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        assert_eq!(said, [line("on", 11)]);
    }
    // Who has gone is counted all the same.
    drop(two.stop().await);
    assert_eq!(lines(&one, "always", "variant").await, [line("on", 11)]);
}
