//! A guard that runs a playbook: its plays and the release's own step are one commit, or the release is taken back alone
//! and its record says why.

use crate::outside::{BAD, World, check};
use crate::support::{ADMIN, Server, Socket, eventually, fixtures};
use serde_json::{Value, json};

const BOOK: &str = "kill-checkout";

fn plan(world: &World) -> Value {
    json!({
        "key": "r", "flag": "resale-guard", "environment": "production", "variant": "on", "control": "off",
        "lookEvery": "1s", "stages": [{"name": "canary", "venues": ["berlin-dome"], "bake": "1h"}],
        "guards": [{"name": "payments", "check": check("webhook", world.start()), "then": {"playbook": BOOK}}],
    })
}

fn kill_always() -> Value {
    json!({"kill": {"flag": "always", "environment": "production", "venues": ["anfield"]}})
}

/// A server with the playbook and the release, which runs.
async fn running(world: &World, plays: &Value) -> Server {
    let server = Server::seeded().await;
    let (book, plan) = (json!({"key": BOOK, "plays": plays}), plan(world));
    server.admin().put(&format!("/api/v1/playbooks/{BOOK}"), &book).await.expect(201);
    server.admin().put("/api/v1/releases/r", &plan).await.expect(201);
    server.admin().post("/api/v1/releases/r/start", &json!({})).await.expect(200);
    server
}

async fn document(server: &Server, path: &str) -> Value {
    server.admin().get(&format!("/api/v1/{path}")).await.expect(200).json()
}

/// Waits until it is taken back, and gives back the step and the commit that did it.
async fn taken_back(server: &Server) -> (Value, Value) {
    eventually("it is taken back", async || {
        document(server, "releases/r").await["progress"]["status"] == "rolledBack"
    })
    .await;
    let release = document(server, "releases/r").await;
    let steps = release["progress"]["steps"].as_array().unwrap();
    let back: Vec<&Value> =
        steps.iter().filter(|step| step["kind"] == "rolledBack" || step["kind"] == "killed").collect();
    assert_eq!(back.len(), 1, "it is taken back once: {release}");
    let commits = document(server, "commits?limit=100&kind=release&key=r").await;
    let commit = commits["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|commit| commit["message"].as_str().unwrap().contains("is taken back"))
        .unwrap_or_else(|| panic!("{commits}"));
    (back[0].clone(), document(server, &format!("commits/{}", commit["seq"])).await)
}

fn rules(flag: &Value) -> usize {
    let rules = flag["environments"]["production"]["rules"].as_array().unwrap();
    rules.iter().filter(|rule| rule["id"].as_str().unwrap().starts_with("release-")).count()
}

#[tokio::test]
async fn a_breach_does_all_of_it_in_one_commit_through_a_freeze_and_people_are_told() {
    let world = World::default();
    let plays = json!([
        kill_always(),
        {"off": {"flag": "for-staff", "environment": "production"}},
        {"rollBack": {"release": "r"}},
        {"notice": {"text": "Sell at the counter"}}
    ]);
    let server = running(&world, &plays).await;
    let freeze = json!({"key": "finals", "reason": "Finals", "from": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"});
    server.admin().put("/api/v1/freezes/finals", &freeze).await.expect(201);
    let authorization = ("Authorization", format!("Bearer {ADMIN}"));
    let mut live = Socket::try_open(&server, "/live", &[authorization]).await.unwrap();
    live.expect("hello").await;
    world.is(BAD);
    let (step, commit) = taken_back(&server).await;
    assert_eq!((&step["kind"], &step["playbooks"]), (&json!("rolledBack"), &json!([BOOK])), "{step}");
    assert!(step["reasons"][0].as_str().unwrap().starts_with("payments: "), "{step}");
    assert_eq!(
        commit["message"],
        format!("Release r: is taken back, with playbook {BOOK} · Sell at the counter"),
        "{commit}"
    );
    assert_eq!(commit["actor"]["kind"], "system", "{commit}");
    let seq = &commit["seq"];
    for (id, what) in [
        ("flags/always", "/environments/production/killed/venues"),
        ("flags/for-staff", "/environments/production/enabled"),
        ("releases/r", "/progress/status"),
    ] {
        let now = document(&server, &format!("{id}?at={seq}")).await;
        let wanted = match id {
            "flags/always" => json!(["anfield"]),
            "flags/for-staff" => json!(false),
            _ => json!("rolledBack"),
        };
        assert_eq!(now.pointer(what).cloned().unwrap_or(json!(false)), wanted, "{id} at {seq}: {now}");
    }
    assert_eq!(rules(&document(&server, "flags/resale-guard").await), 0);
    let notice = loop {
        let news = live.any().await.unwrap();
        if news["type"] == "notice" {
            break news;
        }
    };
    assert_eq!(
        (&notice["playbook"], &notice["text"], &notice["by"]),
        (&json!(BOOK), &json!("Sell at the counter"), &json!("Releases"))
    );
}

#[tokio::test]
async fn a_playbook_that_makes_no_sense_now_leaves_the_plain_rollback_and_the_reason() {
    let world = World::default();
    let server = running(&world, &json!([kill_always(), kill_always()])).await;
    // Meanwhile the flag of its plays is not configured there any more.
    let mut flag = document(&server, "flags/always").await;
    flag["environments"].as_object_mut().unwrap().shift_remove("production");
    server.admin().put("/api/v1/flags/always", &flag).await.expect(200);
    world.is(BAD);
    let (step, _) = taken_back(&server).await;
    assert_eq!(step.get("playbooks"), None, "{step}");
    let why = step["reasons"].to_string();
    assert!(
        why.contains("payments: ") && why.contains(&format!("The playbook {BOOK} was not run: ")),
        "{why}"
    );
    assert_eq!(rules(&document(&server, "flags/resale-guard").await), 0, "it is taken back all the same");
}

#[tokio::test]
async fn a_playbook_that_is_gone_leaves_the_plain_rollback_and_the_reason() {
    use usher_core::model::{DocumentId, Kind, Timestamp};
    use usher_journal::{Actor, Append, Change};
    let world = World::default();
    let server = running(&world, &json!([kill_always()])).await;
    server.admin().delete(&format!("/api/v1/playbooks/{BOOK}")).await.problem(400, "invalid");
    // What the API refuses, an older version may have done.
    let append = Append {
        expected: Vec::new(),
        idempotency: None,
        actor: Actor::system("test"),
        message: "Gone".to_owned(),
        at: Timestamp::EPOCH,
        changes: vec![Change::Delete(DocumentId::new(Kind::Playbook, BOOK))],
    };
    server.running().app().world.append(append).await.unwrap();
    world.is(BAD);
    let (step, _) = taken_back(&server).await;
    assert!(step["reasons"].to_string().contains(&format!("The playbook {BOOK} was not run: ")), "{step}");
    assert_eq!(rules(&document(&server, "flags/resale-guard").await), 0);
}

#[tokio::test]
async fn a_plan_names_a_playbook_that_is_there_or_comes_with_it() {
    let server = Server::start().await;
    fixtures::seed(&server).await;
    let plan = plan(&World::default());
    let refused = server.admin().put("/api/v1/releases/r", &plan).await.problem(400, "invalid");
    assert_eq!(refused["errors"][0]["field"], "guards[0].then.playbook", "{refused}");
    let document = |kind: &str, document: &Value| {
        let mut document = document.clone();
        document["kind"] = json!(kind);
        json!({"put": document})
    };
    let book = json!({"key": BOOK, "plays": [kill_always()]});
    let both = [document("release", &plan), document("playbook", &book)];
    server.admin().post("/api/v1/commits", &json!({"message": "Both", "changes": both})).await.expect(201);
    let read = server.admin().get("/api/v1/releases/r").await.expect(200).json();
    assert_eq!(read["guards"][0]["then"], json!({"playbook": BOOK}), "{read}");
}
