//! `usher release`, `usher event` and `usher freeze`.

use serde_json::{Value, json};

use crate::support::{Server, run_with_input};

const TEMPLATE: &[&str] = &[
    "release",
    "template",
    "festival",
    "spring",
    "--flag",
    "new-checkout",
    "--environment",
    "production",
    "--variant",
    "on",
    "--control",
    "off",
    "--venue",
    "anfield",
    "--venue",
    "wembley-stadium",
];

fn set(server: &Server, what: &str, key: &str, document: &Value) -> String {
    let command = [what, "set", key, "--file", "-"];
    run_with_input(&mut server.usher(&command), &document.to_string()).ok().stdout
}

/// A server with a release that waits for an approval in its first stage.
fn planned() -> Server {
    let server = Server::seeded();
    let mut plan = server.json(TEMPLATE);
    plan["guards"] = json!([]);
    plan["lookEvery"] = json!("1s");
    plan["stages"][0]["bake"] = json!("0s");
    plan["stages"][0]["requires"] = json!({"approval": true});
    set(&server, "release", "spring", &plan);
    server
}

#[test]
fn a_template_is_a_plan_that_can_be_written_as_it_is() {
    let server = Server::seeded();
    for kind in ["festival", "arena-league", "checkout"] {
        let mut template = TEMPLATE.to_vec();
        (template[2], template[3]) = (kind, kind);
        let plan = server.json(&template);
        assert!(set(&server, "release", kind, &plan).contains(&format!("{kind} is written")));
        assert_eq!(server.json(&["release", "get", kind])["stages"], plan["stages"]);
    }
    let mut wrong = TEMPLATE.to_vec();
    wrong[3] = "-";
    server.run(&wrong).fails(2, &["a key starts with a letter"]);
    server.run(&["release", "ls"]).ok().says(&[
        "arena-league",
        "planned",
        "– of 4",
        "new-checkout",
        "production",
    ]);
    assert_eq!(server.json(&["release", "ls"]).as_array().unwrap().len(), 3);
}

#[test]
fn a_release_is_rehearsed_where_nobody_is_served_and_preflight_knows() {
    let server = planned();
    server.run(&["release", "preflight", "spring"]).ok().says(&["It was never rehearsed"]);
    let rehearse = ["release", "rehearse", "spring", "--environment"];
    server
        .run(&[&rehearse[..], &["staging"]].concat())
        .fails(3, &["nothing is rehearsed where people are served"]);
    set(
        &server,
        "environment",
        "rehearsal",
        &json!({"key": "rehearsal", "name": "Rehearsals", "rehearsal": true}),
    );
    server.run(&[&rehearse[..], &["rehearsal"]].concat()).ok().says(&[
        "spring is rehearsed in rehearsal",
        "STEP",
        "rolledBack",
        "canary venue",
        "0 of 0",
    ]);
    let kept = server.json(&["release", "get", "spring"])["rehearsals"].clone();
    assert_eq!(kept[0]["steps"].as_array().unwrap().len(), 6, "{kept}");
    server
        .run(&["release", "preflight", "spring"])
        .ok()
        .says(&["No device took part in its last rehearsal."]);
}

#[test]
fn a_release_is_started_approved_paused_resumed_and_taken_back() {
    let server = planned();
    server.run(&["release", "watch", "spring"]).ok().says(&["spring: planned"]);
    let found = server.run(&["release", "preflight", "spring"]).ok();
    found.says(&[
        "well",
        "`new-checkout` is on in production",
        "warning",
        "Nothing is watched",
        "at anfield, wembley",
    ]);
    server.run(&["flag", "kill", "new-checkout", "--environment", "production"]).ok();
    let found = server.run(&["release", "preflight", "spring"]).expect(1);
    assert!(found.stdout.contains("blocker") && found.stderr.contains("spring can't begin so"), "{found:?}");
    server.run(&["flag", "revive", "new-checkout", "--environment", "production"]).ok();
    server
        .run(&["release", "start", "spring", "--message", "doors are far"])
        .ok()
        .says(&["spring has begun"]);
    server.run(&["release", "start", "spring"]).fails(3, &["running", "take it back first"]);
    let wait = |part: &str| {
        crate::support::eventually(part, || {
            server.run(&["release", "watch", "spring", "--once"]).ok().stdout.contains(part).then_some(())
        });
    };
    wait("Somebody has to approve");
    server.run(&["release", "approve", "spring"]).ok().says(&["spring may go on"]);
    wait("stage 2 of 5 (canary venue)");
    server.run(&["release", "pause", "spring"]).ok().says(&["spring is paused"]);
    server.run(&["release", "resume", "spring"]).ok().says(&["spring goes on"]);
    server.run(&["release", "promote", "spring"]).ok().says(&["next stage"]);
    server.run(&["release", "ls"]).ok().says(&["running", "3 of 5"]);
    server.run(&["release", "rm", "spring"]).fails(3, &["take it back first"]);
    server
        .run(&["release", "rollback", "spring", "--message", "queues"])
        .ok()
        .says(&["spring is taken back"]);
    let seen = server.json(&["release", "watch", "spring"]);
    assert_eq!(
        (&seen["status"], &seen["stageName"]),
        (&json!("rolledBack"), &json!("a few venues")),
        "{seen}"
    );
    let told = server.json(&["journal", "ls", "--limit", "1"])[0]["message"].clone();
    assert_eq!(told, "Release spring: is taken back: queues");
    server.run(&["release", "rm", "spring"]).ok().says(&["spring is deleted"]);
}

#[test]
fn a_freeze_around_an_event_refuses_and_a_reason_breaks_it() {
    let server = Server::seeded();
    let event = json!({"key": "final", "name": "Cup final", "venue": "anfield", "doors": "2020-01-01T00:00:00Z",
        "start": "2020-01-01T01:00:00Z", "finalScan": "2020-01-02T00:00:00Z"});
    set(&server, "event", "final", &event);
    server.run(&["event", "ls"]).ok().says(&["final", "Cup final", "anfield", "2020-01-01T00:00:00.000Z"]);
    let freeze = json!({"key": "season", "reason": "The season", "around": {"from": "doors", "until": "doors+36500d"}});
    set(&server, "freeze", "season", &freeze);
    server.run(&["freeze", "ls"]).ok().says(&["season", "The season"]);
    let off = ["flag", "off", "new-checkout", "--environment", "production", "--venue", "anfield"];
    server.run(&off).fails(3, &["at anfield", "The season", "`season`"]);
    server.run(&[&off[..], &["--break-glass", "it burns"]].concat()).ok();
    let told = server.json(&["journal", "ls", "--limit", "1"])[0]["message"].clone();
    assert_eq!(told, "Break glass (it burns): Turn off new-checkout at anfield in production");
    server.run(&["freeze", "rm", "season"]).ok();
    server.run(&["event", "rm", "final"]).ok();
}
