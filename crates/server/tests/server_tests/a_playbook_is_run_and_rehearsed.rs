//! A playbook does all it says in one commit, or nothing; a rehearsal does it where nobody is served, with real devices.

use crate::support::{Server, Socket};
use serde_json::{Value, json};
use usher_core::model::Role;

async fn with(plays: Value) -> Server {
    let server = Server::seeded().await;
    let book = json!({"key": "gates", "name": "Gates fail", "plays": plays});
    server.admin().put("/api/v1/playbooks/gates", &book).await.expect(201);
    server
}

async fn flag(server: &Server, key: &str) -> Value {
    server.admin().get(&format!("/api/v1/flags/{key}")).await.expect(200).json()["environments"].clone()
}

fn kill(flag: &str, venues: &[&str]) -> Value {
    json!({"kill": {"flag": flag, "environment": "production", "venues": venues}})
}

#[tokio::test]
async fn all_of_it_is_one_commit_by_whoever_may_operate() {
    let plays = json!([
        kill("always", &["anfield"]),
        kill("resale-guard", &[]),
        {"on": {"flag": "banner", "environment": "production", "venues": ["anfield"], "variant": "on"}},
        {"notice": {"text": "Scan by hand at Anfield"}}
    ]);
    let server = with(plays).await;
    let before = server.seq();
    let operator = server.signed_in(Role::Operator).await;
    let before = before.max(server.seq());
    let ran =
        operator.post("/api/v1/playbooks/gates/run", &json!({"message": "gate C"})).await.expect(200).json();
    assert_eq!(ran["seq"].as_u64(), Some(before + 1), "{ran}");
    assert_eq!(ran["notices"], json!(["Scan by hand at Anfield"]));
    assert_eq!(ran["changed"].as_array().unwrap().len(), 3, "{ran}");
    assert_eq!(flag(&server, "always").await["production"]["killed"]["venues"], json!(["anfield"]));
    assert_eq!(flag(&server, "resale-guard").await["production"]["killed"]["all"], true);
    assert_eq!(flag(&server, "always").await["staging"].get("killed"), None);
    let told = server.admin().get("/api/v1/commits?limit=1").await.json()["items"][0]["message"].clone();
    assert_eq!(told, "Playbook gates: gate C · Scan by hand at Anfield");
    let again = operator.post("/api/v1/playbooks/gates/run", &json!({})).await.expect(200).json();
    assert_eq!((&again["seq"], &again["changed"]), (&ran["seq"], &json!([])), "there was nothing to do");
    let viewer = server.signed_in(Role::Viewer).await;
    viewer.post("/api/v1/playbooks/gates/run", &json!({})).await.problem(403, "forbidden");
}

#[tokio::test]
async fn sent_again_under_its_key_it_is_run_once() {
    let server = with(json!([kill("always", &[])])).await;
    let api = server.admin().header("Idempotency-Key", "tap-1");
    let first = api.post("/api/v1/playbooks/gates/run", &json!({})).await.expect(200).json();
    let path = "/api/v1/flags/always/environments/production/revive";
    server.admin().post(path, &json!({})).await.expect(200);
    let again = api.post("/api/v1/playbooks/gates/run", &json!({})).await.expect(200).json();
    assert_eq!((&again["seq"], &again["replayed"]), (&first["seq"], &json!(true)));
    assert_eq!(flag(&server, "always").await["production"].get("killed"), None, "two taps are not two runs");
}

#[tokio::test]
async fn a_play_that_makes_no_sense_leaves_everything_as_it_was() {
    let server = Server::seeded().await;
    let third = json!({"key": "third", "name": "A third one"});
    server.admin().put("/api/v1/environments/third", &third).await.expect(201);
    let there = json!({"kill": {"flag": "always", "environment": "third"}});
    let book = json!({"key": "gates", "plays": [kill("always", &[]), there]});
    server.admin().put("/api/v1/playbooks/gates", &book).await.expect(201);
    let before = server.seq();
    server.admin().post("/api/v1/playbooks/gates/run", &json!({})).await.problem(400, "invalid");
    assert_eq!(server.seq(), before);
    server.admin().delete("/api/v1/flags/always").await.problem(400, "invalid");
    for bad in [
        json!([]),
        json!([{"notice": {"text": " "}}]),
        json!([{"off": {"flag": "always", "environment": "production", "cohorts": ["staff"]}}]),
        json!([{"kill": {"flag": "always", "environment": "nowhere"}}]),
        json!([{"explode": {}}]),
    ] {
        let book = json!({"key": "bad", "plays": bad});
        server.admin().put("/api/v1/playbooks/bad", &book).await.problem(400, "invalid");
    }
}

#[tokio::test]
async fn flags_are_restored_and_releases_taken_back() {
    let server = Server::seeded().await;
    let point = server.seq();
    let path = "/api/v1/flags/resale-guard/environments/production/off";
    server.admin().post(path, &json!({"venues": ["anfield"]})).await.expect(200);
    let plan = json!({"key": "r", "flag": "always", "environment": "production", "variant": "on", "control": "off",
        "stages": [{"name": "one", "venues": ["anfield"], "bake": "1h"}, {"name": "all"}]});
    server.admin().put("/api/v1/releases/r", &plan).await.expect(201);
    let plays = json!([{"restore": {"flag": "resale-guard", "to": point}}, {"rollBack": {"release": "r"}}]);
    let book = json!({"key": "back", "plays": plays});
    server.admin().put("/api/v1/playbooks/back", &book).await.expect(201);
    server.admin().post("/api/v1/releases/r/start", &json!({})).await.expect(200);
    let ran = server.admin().post("/api/v1/playbooks/back/run", &json!({})).await.expect(200).json();
    assert_eq!(ran["changed"].as_array().unwrap().len(), 3, "two flags and the release: {ran}");
    assert_eq!(flag(&server, "resale-guard").await["production"]["venues"], json!({"berlin-dome": "off"}));
    let release = server.admin().get("/api/v1/releases/r").await.json();
    assert_eq!(release["progress"]["status"], "rolledBack", "{release}");
    let again = server.admin().post("/api/v1/playbooks/back/run", &json!({})).await.expect(200).json();
    assert_eq!(again["leftOut"], json!(["plays[1]: the release r does not run."]), "{again}");
}

#[tokio::test]
async fn a_rehearsal_measures_real_devices_and_touches_nobody_else() {
    let server = with(json!([kill("always", &["anfield"]), {"rollBack": {"release": "none"}}])).await;
    let body = json!({"of": "production", "environment": "staging"});
    let rehearse = async |body: &Value| server.admin().post("/api/v1/playbooks/gates/rehearse", body).await;
    rehearse(&body).await.problem(400, "invalid");
    let stage = json!({"key": "stage", "name": "Rehearsals", "rehearsal": true});
    server.admin().put("/api/v1/environments/stage", &stage).await.expect(201);
    let key = server.new_key(json!({"name": "k", "type": "server", "environment": "stage"})).await.0;
    let live = server.key("server").await;
    let mut device = Socket::ruleset(&server, &key, json!({})).await;
    device.snapshot().await;
    let device = tokio::spawn(async move {
        for _ in 0..2 {
            let delta = device.expect("delta").await;
            device.ack(delta["seq"].as_u64().unwrap()).await;
        }
        device
    });
    let mut elsewhere = Socket::ruleset(&server, &live, json!({})).await;
    elsewhere.snapshot().await;
    let body = json!({"of": "production", "environment": "stage"});
    let ran = rehearse(&body).await.expect(200).json();
    assert_eq!((&ran["devices"], &ran["converged"]), (&json!(1), &json!(1)), "{ran}");
    assert!(ran["lastMillis"].as_u64().is_some() && ran["leftOut"].as_array().unwrap().len() == 1, "{ran}");
    drop(device.await.unwrap());
    let now = flag(&server, "always").await;
    assert_eq!(now["stage"]["killed"]["venues"], json!(["anfield"]), "{now}");
    assert_eq!(now["production"].get("killed"), None, "{now}");
    let book = server.admin().get("/api/v1/playbooks/gates").await.json();
    assert_eq!(
        (&book["rehearsals"][0]["environment"], &book["rehearsals"][0]["converged"]),
        (&json!("stage"), &json!(1))
    );
    // What people write says nothing about rehearsals, and takes none away.
    let mut forged = book.clone();
    forged["rehearsals"] = json!([]);
    forged["name"] = json!("Gates fail again");
    server.admin().put("/api/v1/playbooks/gates", &forged).await.expect(200);
    let book = server.admin().get("/api/v1/playbooks/gates").await.json();
    assert_eq!(book["rehearsals"].as_array().unwrap().len(), 1, "{book}");
    rehearse(&body).await.expect(200);
}
