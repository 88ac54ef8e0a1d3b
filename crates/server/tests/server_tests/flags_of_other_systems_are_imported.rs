//! `POST /api/v1/import/{format}`: what is told, what is written, and what is not.

use crate::support::Server;
use serde_json::{Value, json};
use usher_core::model::Role;

/// Two flags that can be taken over, and one that can't: its variants are of two types.
fn file() -> Value {
    let on = |targeting: Value| json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": targeting});
    json!({"flags": {
        "english": on(json!({"if": [{"==": [{"var": "country"}, "England"]}, "on"]})),
        "half": on(json!({"fractional": [["on", 50], ["off", 50]]})),
        "mixed": {"state": "ENABLED", "variants": {"one": 1, "two": "2"}, "defaultVariant": "one"}
    }})
}

const IMPORT: &str = "/api/v1/import/flagd?environment=production";

async fn given(server: &Server, flag: &str, context: Value) -> Value {
    let key = server.key("server").await;
    let body = json!({"context": context});
    server.with(&key).post(&format!("/ofrep/v1/evaluate/flags/{flag}"), &body).await.json()
}

#[tokio::test]
async fn a_dry_run_tells_of_every_flag_and_writes_nothing() {
    let server = Server::seeded().await;
    let before = server.seq();
    let report = server.admin().post(&format!("{IMPORT}&dryRun=true"), &file()).await.expect(200).json();
    assert_eq!((server.seq(), &report["dryRun"], report.get("seq")), (before, &json!(true), None));
    assert_eq!(
        (&report["counts"]["mapped"], &report["counts"]["refused"]),
        (&json!(2), &json!(1)),
        "{report}"
    );
    let entries = report["entries"].as_array().unwrap();
    let of = |key: &str| entries.iter().find(|entry| entry["source"] == key).unwrap();
    assert_eq!((&of("english")["change"], &of("english")["outcome"]), (&json!("created"), &json!("mapped")));
    assert_eq!((of("mixed").get("change"), of("mixed").get("key")), (None, None));
    assert!(of("mixed")["notes"][0]["text"].as_str().unwrap().len() > 10, "it says why: {}", of("mixed"));
}

#[tokio::test]
async fn an_import_is_one_commit_and_evaluates_as_before() {
    let server = Server::seeded().await;
    let before = server.seq();
    let path = format!("{IMPORT}&message=goodbye&clientVisible=true");
    let report = server.admin().post(&path, &file()).await.expect(200).json();
    assert_eq!((server.seq(), &report["seq"]), (before + 1, &json!(before + 1)));
    let commit = server.admin().get(&format!("/api/v1/commits/{}", before + 1)).await.expect(200).json();
    assert_eq!(commit["message"], "goodbye");
    let english = json!({"targetingKey": "u", "country": "England"});
    assert_eq!(given(&server, "english", english).await["value"], true);
    assert_eq!(given(&server, "english", json!({"targetingKey": "u"})).await["value"], false);
    assert_eq!(given(&server, "half", json!({"targetingKey": "u"})).await["reason"], "SPLIT");
    let client = server.key("client").await;
    let all = server.with(&client).post("/ofrep/v1/evaluate/flags", &json!({})).await.expect(200).json();
    assert!(all["flags"].as_array().unwrap().iter().any(|flag| flag["key"] == "half"), "clients see it");
}

#[tokio::test]
async fn importing_again_changes_nothing_and_revives_nothing() {
    let server = Server::seeded().await;
    server.admin().post(IMPORT, &file()).await.expect(200);
    let once = server.seq();
    let again = server.admin().post(IMPORT, &file()).await.expect(200).json();
    assert_eq!((server.seq(), again.get("seq")), (once, None));
    let changes: Vec<&Value> =
        again["entries"].as_array().unwrap().iter().filter_map(|entry| entry.get("change")).collect();
    assert_eq!(changes, [&json!("unchanged"), &json!("unchanged")]);

    let kill = "/api/v1/flags/english/environments/production/kill";
    server.admin().post(kill, &json!({"venues": ["anfield"]})).await.expect(200);
    let mut changed = file();
    changed["flags"]["english"]["defaultVariant"] = "on".into();
    let report = server.admin().post(IMPORT, &changed).await.expect(200).json();
    assert_eq!(report["entries"][0]["change"], "updated", "{report}");
    assert_eq!(given(&server, "english", json!({"targetingKey": "u"})).await["value"], true);
    let there = json!({"targetingKey": "u", "venue": "anfield"});
    let killed = given(&server, "english", there).await;
    // What is off in flagd is the code's default.
    assert_eq!((killed.get("value"), &killed["reason"]), (None, &json!("DISABLED")));
}

#[tokio::test]
async fn another_environment_of_the_same_flag_stays() {
    let server = Server::seeded().await;
    server.admin().post("/api/v1/import/flagd?environment=staging", &file()).await.expect(200);
    server.admin().post(IMPORT, &file()).await.expect(200);
    let flag = server.admin().get("/api/v1/flags/english").await.expect(200).json();
    let environments: Vec<&String> = flag["environments"].as_object().unwrap().keys().collect();
    assert_eq!(environments, ["staging", "production"]);
    // What would change the other environment's answers is refused, for that flag alone.
    let mut other = file();
    other["flags"]["english"]["variants"] = json!({"on": "yes", "off": "no"});
    let report = server.admin().post(IMPORT, &other).await.expect(200).json();
    assert_eq!(
        (&report["entries"][0]["outcome"], &report["counts"]["refused"]),
        (&json!("refused"), &json!(2))
    );
}

#[tokio::test]
async fn what_can_not_be_done_is_refused_whole_and_says_what_to_mend() {
    let server = Server::seeded().await;
    let operator = server.signed_in(Role::Operator).await;
    let before = server.seq();
    let admin = server.admin();
    for (path, field) in [
        ("/api/v1/import/optimizely?environment=production", "format"),
        ("/api/v1/import/flagd?environment=no/where", "environment"),
        ("/api/v1/import/flagd?environment=production&rename=userId", "rename"),
    ] {
        let problem = admin.post(path, &file()).await.problem(400, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    admin.post("/api/v1/import/flagd?environment=nowhere", &file()).await.problem(404, "not_found");
    admin.post("/api/v1/import/flagd", &file()).await.expect(400);
    admin.post(&format!("{IMPORT}&sort=of"), &file()).await.expect(400);
    admin.post(IMPORT, &json!([])).await.expect(400);
    let strict = admin.post(&format!("{IMPORT}&strict=true"), &file()).await.problem(400, "invalid");
    assert_eq!(strict["errors"][0]["field"], "flag/mixed", "{strict}");
    operator.post(IMPORT, &file()).await.problem(403, "forbidden");
    assert_eq!(server.seq(), before);
}

#[tokio::test]
async fn an_import_sent_again_is_done_once() {
    let server = Server::seeded().await;
    let once = server.admin().header("Idempotency-Key", "import-1");
    let first = once.post(IMPORT, &file()).await.expect(200).json();
    let kill = "/api/v1/flags/half/environments/production/off";
    server.admin().post(kill, &json!({})).await.expect(200);
    let seq = server.seq();
    let again = once.post(IMPORT, &file()).await.expect(200).json();
    assert_eq!((&again["seq"], &again["replayed"], server.seq()), (&first["seq"], &json!(true), seq));
}
