//! A release goes by what is its own: not by counts of what it has taken back already, nor by commits of somebody else,
//! nor by time in which nobody watched it.

use std::collections::BTreeSet;

use crate::support::{Server, Socket, eventually, fixtures};
use serde_json::{Value, json};
use usher_server::Secret;
use usher_testkit::redis::RedisServer;

const FLAG: &str = "resale-guard";

/// A server with a release that runs, and is looked at every second.
async fn running(server: &Server, plan: &Value) -> u64 {
    let mut whole = json!({"key": "r", "flag": FLAG, "environment": "production", "variant": "on", "control": "off",
        "lookEvery": "1s"});
    whole.as_object_mut().unwrap().extend(plan.as_object().unwrap().clone());
    server.admin().put("/api/v1/releases/r", &whole).await.expect(201);
    post(server, "start").await["seq"].as_u64().unwrap()
}

async fn post(server: &Server, action: &str) -> Value {
    server.admin().post(&format!("/api/v1/releases/r/{action}"), &json!({})).await.expect(200).json()
}

async fn get(server: &Server, path: &str) -> Value {
    server.admin().get(&format!("/api/v1/{path}")).await.expect(200).json()
}

async fn progress(server: &Server) -> Value {
    get(server, "releases/r").await["progress"].clone()
}

/// Programs at two venues, which tell again and again how many of 200 failed with the variant at one of them.
struct Programs {
    key: String,
    batches: u64,
    looked: BTreeSet<String>,
}

impl Programs {
    async fn count(&mut self, server: &Server, failed: u64) {
        self.batches += 1;
        let metric = |venue: &str, variant: &str, failed: u64| {
            json!({"metric": "checkout", "flag": FLAG, "venue": venue, "variant": variant, "count": 200,
                "failed": failed, "sum": 0.0})
        };
        let metrics = [
            metric("anfield", "on", failed),
            metric("anfield", "off", 2),
            metric("wembley-stadium", "on", 2),
            metric("wembley-stadium", "off", 2),
        ];
        let batch = json!({"batch": format!("b-{}", self.batches), "metrics": metrics});
        server.with(&self.key).post("/sdk/v1/events", &batch).await.expect(202);
    }

    /// Counts once for each look, until something holds. How often it was looked at meanwhile.
    async fn count_until(&mut self, server: &Server, failed: u64, holds: impl Fn(&Value, usize) -> bool) {
        self.looked.clear();
        eventually("it comes about while programs count", async || {
            let looked = get(server, "releases/r/status").await["lookedAt"].to_string();
            if self.looked.insert(looked) {
                self.count(server, failed).await;
            }
            holds(&progress(server).await, self.looked.len())
        })
        .await;
    }
}

#[tokio::test]
async fn a_venue_that_hurts_is_taken_back_and_the_other_goes_on() {
    let server = Server::seeded().await;
    let mut programs = Programs { key: server.key("server").await, batches: 0, looked: BTreeSet::new() };
    let stages = json!([
        {"name": "two", "venues": ["anfield", "wembley-stadium"], "percent": 50},
        {"name": "all", "bake": "1h"}
    ]);
    let guards =
        json!([{"name": "checkout", "check": {"failures": {"metric": "checkout"}}, "minimumSample": 100}]);
    running(&server, &json!({"stages": stages, "guards": guards, "rollback": "venue"})).await;
    programs.count_until(&server, 150, |progress, _| progress["status"] == "paused").await;
    assert_eq!(progress(&server).await["withdrawn"], json!(["anfield"]));
    // What programs there have seen before goes on coming, and it is looked at three times after that.
    programs.count_until(&server, 150, |_, looks| looks > 4).await;
    assert_eq!(progress(&server).await["status"], "paused", "{}", progress(&server).await);
    let flag = get(&server, &format!("flags/{FLAG}")).await;
    let rule = &flag["environments"]["production"]["rules"][0];
    assert_eq!(rule["id"], "release-r-1", "the other venue still has it: {flag}");
    assert!(rule["if"].to_string().contains("notIn"), "{rule}");
    post(&server, "resume").await;
    programs.count_until(&server, 150, |progress, _| progress["stage"] == 1).await;
    programs.count_until(&server, 150, |_, looks| looks > 3).await;
    let after = progress(&server).await;
    let steps = after["steps"].as_array().unwrap().iter().map(|step| step["kind"].as_str().unwrap());
    let steps: Vec<&str> = steps.filter(|kind| *kind != "arrived").collect();
    assert_eq!(steps, ["started", "withdrawn", "resumed", "promoted"], "{after}");
    assert_eq!(after["status"], "running");
}

#[tokio::test]
async fn a_stage_has_converged_when_its_own_commit_has() {
    let server = Server::seeded().await;
    let (here, there) =
        (server.key("server").await, json!({"name": "s", "type": "server", "environment": "staging"}));
    let (there, _) = server.new_key(there).await;
    let mut here = Socket::ruleset(&server, &here, json!({})).await;
    here.snapshot().await;
    let mut there = Socket::ruleset(&server, &there, json!({})).await;
    there.snapshot().await;
    let stages = json!([
        {"name": "half", "percent": 50, "requires": {"converged": 100, "approval": true}},
        {"name": "all", "bake": "1h"}
    ]);
    let began = running(&server, &json!({"stages": stages})).await;
    assert_eq!(here.expect("delta").await["seq"].as_u64(), Some(began));
    // The client keeps what it thinks of that to itself, and elsewhere something else arrives.
    let path = "/api/v1/flags/always/environments/staging/kill";
    let other = server.admin().post(path, &json!({})).await.expect(200).json()["seq"].as_u64().unwrap();
    assert_eq!(there.expect("delta").await["seq"].as_u64(), Some(other));
    there.ack(other).await;
    let path = format!("convergence?seq={other}");
    eventually("it has arrived there", async || get(&server, &path).await["converged"] == 1).await;
    post(&server, "approve").await;
    let mut looked = BTreeSet::new();
    eventually("it is looked at three times", async || {
        looked.insert(get(&server, "releases/r/status").await["lookedAt"].to_string());
        looked.len() > 4
    })
    .await;
    let status = get(&server, "releases/r/status").await;
    assert_eq!((&status["stage"], &status["converged"]), (&json!(1), &json!(0.0)), "{status}");
    assert!(status["reasons"].to_string().contains("0.0 % of 100 % of the devices"), "{status}");
    here.ack(began).await;
    eventually("the next stage begins", async || progress(&server).await["stage"] == 1).await;
}

#[tokio::test]
async fn a_server_that_starts_again_knows_who_has_the_stage_by_what_they_come_with() {
    let server = Server::seeded().await;
    let key = server.key("server").await;
    let stages = json!([
        {"name": "half", "percent": 50, "requires": {"converged": 100, "approval": true}},
        {"name": "all", "bake": "1h"}
    ]);
    running(&server, &json!({"stages": stages})).await;
    let mut device = Socket::ruleset(&server, &key, json!({})).await;
    let (ready, _) = device.snapshot().await;
    let resume = json!({"resume": {"epoch": ready["epoch"], "seq": ready["seq"]}});
    drop(device);
    let server = Server::start_in(server.stop().await, |_| {}).await;
    let mut device = Socket::ruleset(&server, &key, resume).await;
    // It is sent nothing, so there is nothing that it would acknowledge.
    assert_eq!(device.expect("ready").await["intent"], "current");
    post(&server, "approve").await;
    eventually("the next stage begins", async || progress(&server).await["stage"] == 1).await;
}

#[tokio::test]
async fn in_a_fleet_too_time_in_which_no_server_watched_is_no_baking() {
    let redis = RedisServer::start();
    let on = async || Server::start_with(|settings| settings.redis = Some(Secret::from(redis.url()))).await;
    let waits = async |server: &Server| {
        // At its first look a server knows nothing yet.
        eventually("it is looked at", async || {
            let reasons = &get(server, "releases/r/status").await["reasons"];
            reasons.as_array().is_some_and(|all| !all.is_empty())
        })
        .await;
        get(server, "releases/r/status").await["reasons"].to_string()
    };
    let one = on().await;
    fixtures::seed(&one).await;
    running(&one, &json!({"stages": [{"name": "half", "percent": 50, "bake": "1h"}, {"name": "all"}]})).await;
    assert!(!waits(&one).await.contains("nobody watched"), "{}", waits(&one).await);
    let two = on().await;
    waits(&two).await;
    eventually("one has watched for two", async || !waits(&two).await.contains("nobody watched")).await;
    one.stop().await;
    assert!(!waits(&two).await.contains("nobody watched"), "that it has watched stays so");
    two.stop().await;
    let three = on().await;
    assert!(waits(&three).await.contains("nobody watched for"), "{}", waits(&three).await);
}
