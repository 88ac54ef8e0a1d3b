//! A release is rehearsed where nobody is served: stage by stage, with real devices, and nothing is left of it but its
//! record.

use crate::support::{self, Server, Socket, fixtures};
use serde_json::{Value, json};

fn plan() -> Value {
    json!({"key": "r", "flag": "resale-guard", "environment": "production", "variant": "on", "control": "off",
        "guards": [{"name": "checkout", "check": {"failures": {"metric": "checkout"}}}],
        "stages": [{"name": "canary", "venues": ["berlin-dome"], "percent": 10, "bake": "1h"},
            {"name": "half", "percent": 50, "bake": "6h", "requires": {"approval": true}}, {"name": "all"}]})
}

/// A server with the plan, and an environment for rehearsals.
async fn planned() -> Server {
    let server = Server::start_with(|settings| settings.heartbeat_seconds = 2).await;
    fixtures::seed(&server).await;
    let stage = json!({"key": "stage", "name": "Rehearsals", "rehearsal": true});
    server.admin().put("/api/v1/environments/stage", &stage).await.expect(201);
    server.admin().put("/api/v1/releases/r", &plan()).await.expect(201);
    server
}

/// A device in an environment that takes all it is sent, as long as there is a server.
async fn device(server: &Server, environment: &str) {
    let key = server.new_key(json!({"name": "k", "type": "server", "environment": environment})).await.0;
    let mut device = Socket::ruleset(server, &key, json!({})).await;
    device.snapshot().await;
    tokio::spawn(async move {
        while let Some(frame) = device.any().await {
            match frame["type"].as_str() {
                Some("delta") => device.ack(frame["seq"].as_u64().unwrap()).await,
                Some("ping") => device.say(&json!({"type": "pong"})).await,
                _ => {}
            }
        }
    });
}

async fn read(server: &Server, path: &str) -> Value {
    server.admin().get(&format!("/api/v1/{path}")).await.expect(200).json()
}

#[tokio::test]
async fn each_stage_and_the_rollback_reach_real_devices_and_nothing_is_left_but_the_record() {
    let server = planned().await;
    // It is there already, in its own way, and shall be so again.
    let mut flag = read(&server, "flags/resale-guard").await;
    flag["environments"]["stage"] =
        json!({"enabled": false, "offVariant": "off", "default": {"variant": "off"}});
    server.admin().put("/api/v1/flags/resale-guard", &flag).await.expect(200);
    device(&server, "stage").await;
    device(&server, "stage").await;
    let before = read(&server, "flags/resale-guard").await["environments"].clone();
    let from = server.seq();
    let body = json!({"environment": "stage"});
    let ran = server.admin().post("/api/v1/releases/r/rehearse", &body).await.expect(200).json();
    let rehearsal = &ran["rehearsal"];
    let steps = rehearsal["steps"].as_array().unwrap();
    let told: Vec<(&str, &str)> =
        steps.iter().map(|step| (step["kind"].as_str().unwrap(), step["stage"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [("started", "canary"), ("promoted", "half"), ("promoted", "all"), ("rolledBack", "all")],
        "{ran}"
    );
    for step in steps {
        assert_eq!((&step["devices"], &step["converged"]), (&json!(2), &json!(2)), "{ran}");
        assert!(step["lastMillis"].as_u64().is_some(), "{ran}");
    }
    assert_eq!(rehearsal.get("leftOut"), None, "{ran}");
    assert_eq!(server.seq(), from + 5, "four steps, and one commit that puts everything back");
    assert_eq!(ran["seq"].as_u64(), Some(from + 5));
    assert_eq!(read(&server, "flags/resale-guard").await["environments"], before);
    for seq in from..=from + 5 {
        let then = read(&server, &format!("flags/resale-guard?at={seq}")).await;
        assert_eq!(then["environments"]["production"], before["production"], "commit {seq}");
    }
    let release = read(&server, "releases/r").await;
    assert_eq!(release["rehearsals"], json!([rehearsal]), "{release}");
    assert_eq!((release.get("rehearsing"), release.get("progress")), (None, None), "{release}");
    // What people write says nothing about rehearsals, and takes none away.
    let mut forged = release.clone();
    forged["rehearsals"] = json!([]);
    forged["name"] = json!("Another name");
    server.admin().put("/api/v1/releases/r", &forged).await.expect(200);
    assert_eq!(read(&server, "releases/r").await["rehearsals"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn it_is_refused_where_people_are_served_and_while_it_runs() {
    let server = planned().await;
    let rehearse = async |environment: &str| {
        let body = json!({"environment": environment});
        server.admin().post("/api/v1/releases/r/rehearse", &body).await
    };
    let before = server.seq();
    rehearse("staging").await.problem(400, "invalid");
    rehearse("production").await.problem(400, "invalid");
    rehearse("nowhere").await.problem(404, "not_found");
    let body = json!({"environment": "stage"});
    server.admin().post("/api/v1/releases/none/rehearse", &body).await.problem(404, "not_found");
    assert_eq!(server.seq(), before, "nothing was changed");
    server.admin().post("/api/v1/releases/r/start", &json!({})).await.expect(200);
    rehearse("stage").await.problem(409, "running");
}

#[tokio::test]
async fn one_at_a_time_and_meanwhile_the_plan_stays_and_does_not_begin() {
    let server = planned().await;
    let body = json!({"environment": "stage"});
    let (api, other) = (server.admin(), server.admin());
    let first = api.post("/api/v1/releases/r/rehearse", &body);
    let meanwhile = async {
        support::eventually("it is being rehearsed", async || {
            read(&server, "releases/r").await.get("rehearsing").is_some()
        })
        .await;
        other.post("/api/v1/releases/r/rehearse", &body).await.problem(409, "rehearsing");
        other.post("/api/v1/releases/r/start", &json!({})).await.problem(400, "invalid");
        other.delete("/api/v1/releases/r").await.problem(409, "rehearsing");
        let mut changed = plan();
        changed["flag"] = json!("always");
        other.put("/api/v1/releases/r", &changed).await.problem(400, "invalid");
        // Whoever works on the flag elsewhere goes on doing so.
        let kill = "/api/v1/flags/resale-guard/environments/production/kill";
        other.post(kill, &json!({})).await.expect(200);
    };
    let (ran, ()) = tokio::join!(first, meanwhile);
    let ran = ran.expect(200).json();
    assert_eq!(ran["rehearsal"]["steps"].as_array().unwrap().len(), 4, "{ran}");
    let flag = read(&server, "flags/resale-guard").await;
    assert_eq!(flag["environments"]["production"]["killed"]["all"], true, "{flag}");
    assert_eq!(flag["environments"].get("stage"), None, "{flag}");
}
