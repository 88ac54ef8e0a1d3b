//! `usher eval`.

use serde_json::json;

use crate::support::Server;

#[test]
fn a_flag_is_evaluated_for_a_context() {
    let server = Server::seeded();
    let ask = ["eval", "resale-guard", "--environment", "production"];
    server.run(&ask).ok().says(&["resale-guard = true  on"]);
    let staff = server.run(&[&ask[..], &["targetingKey=u-staff"]].concat()).ok();
    staff.says(&["resale-guard = false  off  TARGETING_MATCH"]);
    let object = json!({"targetingKey": "u-staff", "venue": "anfield"}).to_string();
    let answer = server.json(&[&ask[..], &[&object]].concat());
    let one = &answer["evaluations"][0];
    assert_eq!(
        (&one["flag"], &one["value"], &one["variant"], &one["rule"]),
        (&json!("resale-guard"), &json!(false), &json!("off"), &json!("staff"))
    );
}

#[test]
fn without_a_flag_all_are_evaluated() {
    let server = Server::seeded();
    let all = server.json(&["eval", "-e", "production", "targetingKey=u-staff", "venue=anfield"]);
    let flags: Vec<&str> =
        all["evaluations"].as_array().unwrap().iter().map(|one| one["flag"].as_str().unwrap()).collect();
    assert_eq!(flags, ["new-checkout", "resale-guard"]);
    server.run(&["eval", "-e", "production"]).ok().says(&["new-checkout = true", "resale-guard = true"]);
    server
        .run(&["eval", "-e", "production", r#"{"targetingKey":"u-staff"}"#])
        .ok()
        .says(&["resale-guard = false"]);
}

#[test]
fn every_step_is_explained() {
    let server = Server::seeded();
    let ask = ["eval", "resale-guard", "-e", "production", "targetingKey=u-staff", "--explain"];
    let told = server.run(&ask).ok();
    insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("eval_explain", told.stdout);
    });
}

#[test]
fn what_somebody_got_then_is_evaluated() {
    let server = Server::seeded();
    server.run(&["flag", "kill", "resale-guard", "-e", "production"]).ok();
    let ask = ["eval", "resale-guard", "-e", "production"];
    server.run(&ask).ok().says(&["resale-guard = false  off  DISABLED"]);
    server.run(&[&ask[..], &["--at", "2"]].concat()).ok().says(&["resale-guard = true"]);
    let at = server.json(&["journal", "show", "2"])["at"].as_str().unwrap().to_owned();
    server.run(&[&ask[..], &["--at", &at]].concat()).ok().says(&["resale-guard = true"]);
    server.run(&[&ask[..], &["--at", "99"]].concat()).fails(3, &["99"]);
    server.run(&[&ask[..], &["--at", "soon"]].concat()).fails(3, &["at", "soon", "Give a commit's number"]);
}

#[test]
fn a_question_that_makes_no_sense_is_told_so() {
    let server = Server::seeded();
    server
        .run(&["eval", "resale-guard", "-e", "production", "u-17"])
        .fails(2, &["`u-17`", "targetingKey=u-17"]);
    server.run(&["eval", "resale-guard", "-e", "production", "{"]).fails(2, &["context", "JSON"]);
    server.run(&["eval", "resale-guard", "-e", "moon"]).fails(3, &["moon"]);
    server.run(&["eval", "no-such-flag", "-e", "production"]).ok().says(&["FLAG_NOT_FOUND"]);
}
