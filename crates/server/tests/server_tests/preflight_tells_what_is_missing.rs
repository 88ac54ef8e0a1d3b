//! Before a release begins it is told what stands in its way and what one should know: of programs, people and guards.

use std::time::{Duration, Instant};

use crate::outside::{BAD, BROKEN, SILENT, World, check};
use crate::support::{Server, Socket, fixtures};
use serde_json::{Value, json};

async fn planned(guards: &Value) -> Server {
    let server = Server::start_with(|settings| {
        settings.secrets.insert("pay".to_owned(), "s3cret".to_owned().into());
    })
    .await;
    fixtures::seed(&server).await;
    let plan = json!({"key": "r", "flag": "resale-guard", "environment": "production", "variant": "on",
        "control": "off", "guards": guards, "stages": [{"name": "dark", "dark": true}, {"name": "all"}]});
    server.admin().put("/api/v1/releases/r", &plan).await.expect(201);
    server
}

/// What was found about something: weight and sentence.
async fn found(server: &Server, about: &str) -> Vec<(String, String)> {
    let found = server.admin().get("/api/v1/releases/r/preflight").await.expect(200).json();
    let all = found["findings"].as_array().unwrap().iter().filter(|own| own["about"] == about);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.map(|own| (text(&own["weight"]), text(&own["detail"]))).collect()
}

#[tokio::test]
async fn guards_that_ask_outside_are_asked_once_all_at_the_same_time() {
    let worlds = [World::default(), World::default(), World::default(), World::default()];
    for (world, what) in worlds.iter().zip([0, BAD, BROKEN, SILENT]) {
        world.is(what);
    }
    let kinds = ["webhook", "probe", "prometheus", "webhook"];
    let mut guards: Vec<Value> = kinds
        .iter()
        .zip(&worlds)
        .enumerate()
        .map(|(n, (kind, world))| json!({"name": format!("g{n}"), "check": check(kind, world.start())}))
        .collect();
    // Many that hang: one after the other they would take a minute.
    let silent = worlds[3].start();
    guards.extend((4..16).map(|n| json!({"name": format!("g{n}"), "check": check("webhook", silent)})));
    let server = planned(&json!(guards)).await;
    let began = Instant::now();
    let told = found(&server, "guards").await;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(told.len(), 16, "{told:?}");
    for (n, weight, said) in [
        (0, "well", "g0: The webhook says ok"),
        (1, "warning", "g1: answers, but what it says would be a breach: The probe found"),
        (2, "warning", "g2: Prometheus answered 500"),
        (3, "warning", "g3: No answer: "),
        (15, "warning", "g15: No answer: "),
    ] {
        assert!(told[n].0 == weight && told[n].1.starts_with(said), "{:?}", told[n]);
    }
    assert!(!format!("{told:?}").contains("s3cret"));
}

#[tokio::test]
async fn sdks_that_lack_what_the_flag_needs_and_strangers_are_told() {
    let server = planned(&json!([])).await;
    assert_eq!(found(&server, "sdks").await, [], "nobody is connected");
    let key = server.key("server").await;
    let mut own = Socket::ruleset(&server, &key, json!({"sdk": "usher-rust/0.1.0"})).await;
    own.snapshot().await;
    let all = found(&server, "sdks").await;
    assert_eq!(all, [("well".to_owned(), "All 1 devices know dark rules.".to_owned())]);
    let mut old = Socket::ruleset(&server, &key, json!({"sdk": "usher-rust/0.0.9"})).await;
    old.snapshot().await;
    let mut stranger = Socket::values(&server, &key, json!({"sdk": "gate-firmware/7", "context": {}})).await;
    stranger.all_values().await;
    let all = found(&server, "sdks").await;
    let told = format!("{all:?}");
    assert!(all.iter().all(|(weight, _)| weight == "warning"), "{told}");
    assert!(told.contains("1 devices have usher-rust/0.0.9, which does not know dark rules"), "{told}");
    assert!(told.contains("1 devices have gate-firmware/7, of which it can't be told"), "{told}");
}

#[tokio::test]
async fn rehearsals_and_playbooks_that_are_missing_are_told_until_they_are_there() {
    let server = planned(&json!([])).await;
    assert!(found(&server, "rehearsal").await[0].1.contains("never rehearsed"));
    assert!(found(&server, "playbooks").await[0].1.contains("No playbook names `resale-guard`"));
    let book = json!({"key": "back", "plays": [{"rollBack": {"release": "r"}}]});
    server.admin().put("/api/v1/playbooks/back", &book).await.expect(201);
    let told = found(&server, "playbooks").await;
    assert_eq!(told, [("well".to_owned(), "The playbook `back` is about it.".to_owned())]);
    let stage = json!({"key": "stage", "name": "Rehearsals", "rehearsal": true});
    server.admin().put("/api/v1/environments/stage", &stage).await.expect(201);
    let key = server.new_key(json!({"name": "k", "type": "server", "environment": "stage"})).await.0;
    let mut device = Socket::ruleset(&server, &key, json!({})).await;
    device.snapshot().await;
    let device = tokio::spawn(async move {
        // Two stages, the rollback, and what puts it back.
        for _ in 0..4 {
            let delta = device.expect("delta").await;
            device.ack(delta["seq"].as_u64().unwrap()).await;
        }
    });
    let body = json!({"environment": "stage"});
    server.admin().post("/api/v1/releases/r/rehearse", &body).await.expect(200);
    device.await.unwrap();
    let told = found(&server, "rehearsal").await;
    assert!(told[0].0 == "well" && told[0].1.starts_with("It was rehearsed with 1 devices"), "{told:?}");
    let off = "/api/v1/flags/resale-guard/environments/production/off";
    server.admin().post(off, &json!({"venues": ["anfield"]})).await.expect(200);
    let told = found(&server, "rehearsal").await;
    assert!(told[0].0 == "warning" && told[0].1.contains("was changed since"), "{told:?}");
}
