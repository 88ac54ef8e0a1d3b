//! Releases with guards that are answered from outside, by real servers that answer well, badly, late or not at all.

use std::{net::SocketAddr, time::Duration};

use crate::outside::{BAD, BROKEN, SILENT, World, check};
use crate::support::{Server, eventually, fixtures};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// A server with a release that would be complete within three seconds.
async fn running(checks: &[Value]) -> Server {
    let server = Server::start_with(|settings| {
        settings.secrets.insert("pay".to_owned(), "s3cret".to_owned().into());
    })
    .await;
    fixtures::seed(&server).await;
    let guard =
        |(n, check): (usize, &Value)| json!({"name": format!("g{n}"), "check": check, "unknownAfter": "2s"});
    let guards: Vec<Value> = checks.iter().enumerate().map(guard).collect();
    let plan = json!({
        "key": "r", "flag": "resale-guard", "environment": "production", "variant": "on", "control": "off",
        "lookEvery": "1s", "guards": guards,
        "stages": [{"name": "canary", "venues": ["berlin-dome"], "bake": "1s"}, {"name": "all", "bake": "2s"}],
    });
    server.admin().put("/api/v1/releases/r", &plan).await.expect(201);
    server.admin().post("/api/v1/releases/r/start", &json!({"message": "go"})).await.expect(200);
    server
}

async fn release(server: &Server) -> Value {
    server.admin().get("/api/v1/releases/r").await.expect(200).json()
}

/// Waits until the release is so, and gives back what its record says of that.
async fn becomes(server: &Server, status: &str) -> String {
    eventually(status, async || release(server).await["progress"]["status"] == status).await;
    let release = release(server).await;
    let steps = release["progress"]["steps"].as_array().unwrap();
    let told = steps.iter().rev().find(|step| step["kind"] == status).unwrap_or_else(|| panic!("{release}"));
    told["reasons"].to_string()
}

async fn rules(server: &Server) -> usize {
    let flag = server.admin().get("/api/v1/flags/resale-guard").await.expect(200).json();
    let rules = flag["environments"]["production"]["rules"].as_array().unwrap();
    rules.iter().filter(|rule| rule["id"].as_str().unwrap().starts_with("release-")).count()
}

#[tokio::test]
async fn while_all_is_well_it_goes_on_to_its_end_and_tells_its_story() {
    let at = World::default().start();
    let server = running(&["prometheus", "probe", "webhook"].map(|kind| check(kind, at))).await;
    becomes(&server, "completed").await;
    let release = release(&server).await;
    let steps = release["progress"]["steps"].as_array().unwrap();
    let kinds: Vec<&str> = steps.iter().map(|step| step["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["started", "promoted", "completed"], "{release}");
    let why = steps[1]["reasons"].to_string();
    for part in ["Prometheus says 0.001", "captured", "somebody looked"] {
        assert!(why.contains(part), "{why}");
    }
    assert_eq!(rules(&server).await, 1);
    let commits = server.admin().get("/api/v1/commits?limit=1").await.json();
    assert_eq!(commits["items"][0]["message"], "Release r: is complete", "{commits}");
    assert_eq!(commits["items"][0]["actor"]["kind"], "system", "{commits}");
    assert!(!release.to_string().contains("s3cret"));
}

#[tokio::test]
async fn what_hurts_is_taken_back_by_itself() {
    let cases = [("prometheus", "0.5"), ("probe", "declined"), ("webhook", "somebody looked")];
    join_all(cases.map(async |(kind, said)| {
        let world = World::default();
        world.is(BAD);
        let server = running(&[check(kind, world.start())]).await;
        let why = becomes(&server, "rolledBack").await;
        assert!(why.contains("g0: ") && why.contains(said), "{kind}: {why}");
        assert_eq!(rules(&server).await, 0, "{kind}: the flag is as it was");
    }))
    .await;
}

#[tokio::test]
async fn silence_errors_and_nobody_there_pause_it_with_the_reason() {
    let (silent, broken) = (World::default(), World::default());
    silent.is(SILENT);
    broken.is(BROKEN);
    let (silent, broken, closed) = (silent.start(), broken.start(), SocketAddr::from(([127, 0, 0, 1], 9)));
    let all = ["prometheus", "probe", "webhook"];
    let cases = all.iter().flat_map(|kind| [(*kind, silent), (*kind, broken), (*kind, closed)]);
    // A live endpoint that answers 500 has answered: that is harm.
    let cases = cases.filter(|case| *case != ("probe", broken));
    join_all(cases.map(async |(kind, at)| {
        let server = running(&[check(kind, at)]).await;
        let why = becomes(&server, "paused").await;
        assert!(why.contains("g0: ") && why.len() > 20, "{kind}: {why}");
        let release = release(&server).await;
        assert_eq!(release["progress"]["stage"], 0, "{kind}: it was not promoted: {release}");
        assert_eq!(rules(&server).await, 1, "{kind}: nor taken back");
    }))
    .await;
}

#[tokio::test]
async fn nothing_tracked_pauses_it_too() {
    let server = running(&[json!({"failures": {"metric": "checkout"}})]).await;
    let why = becomes(&server, "paused").await;
    assert!(why.contains("nothing was tracked as `checkout`"), "{why}");
    let status = server.admin().get("/api/v1/releases/r/status").await.expect(200).json();
    assert_eq!(
        (&status["status"], &status["guards"][0]["state"]),
        (&json!("paused"), &json!("unknown")),
        "{status}"
    );
}

#[tokio::test]
async fn a_flag_that_is_killed_or_turned_off_meanwhile_pauses_it() {
    for action in ["kill", "off"] {
        let at = World::default().start();
        let server = running(&[check("webhook", at)]).await;
        let path = format!("/api/v1/flags/resale-guard/environments/production/{action}");
        server.admin().post(&path, &json!({})).await.expect(200);
        let why = becomes(&server, "paused").await;
        assert!(why.contains("`resale-guard` is"), "{why}");
    }
}

#[tokio::test]
async fn people_stop_it_let_it_go_on_and_take_it_back_and_nobody_writes_its_progress() {
    let at = World::default().start();
    let server = running(&[check("webhook", at)]).await;
    let post = async |action: &str| {
        server.admin().post(&format!("/api/v1/releases/r/{action}"), &json!({"message": "by hand"})).await
    };
    post("pause").await.expect(200);
    let mut plan = release(&server).await;
    server.admin().put("/api/v1/releases/r", &plan).await.expect(200);
    plan["stages"][1]["percent"] = json!(10);
    server.admin().put("/api/v1/releases/r", &plan).await.problem(400, "invalid");
    server.admin().delete("/api/v1/releases/r").await.problem(409, "running");
    server.admin().delete("/api/v1/flags/resale-guard").await.problem(400, "invalid");
    plan["progress"]["status"] = json!("running");
    server.admin().put("/api/v1/releases/r", &plan).await.problem(400, "invalid");
    post("start").await.problem(400, "invalid");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(release(&server).await["progress"]["stage"], 0, "it stays where it is");
    post("resume").await.expect(200);
    becomes(&server, "completed").await;
    post("rollback").await.expect(200);
    assert_eq!(rules(&server).await, 0);
    post("resume").await.problem(400, "invalid");
    post("start").await.expect(200);
    let done = json!({"to": {"seq": server.seq()}, "scope": {"everything": true}});
    post("rollback").await.expect(200);
    server.admin().post("/api/v1/rollback", &done).await.expect(200);
    let release = release(&server).await;
    assert_eq!(
        release["progress"]["status"], "paused",
        "what is brought back does not run by itself: {release}"
    );
}
