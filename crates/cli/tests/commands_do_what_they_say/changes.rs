//! `usher change`.

use std::process::Command;

use serde_json::json;

use crate::support::{Server, run, run_with_input};

/// A server whose production asks for an approval, and Ben's password.
fn guarded() -> (Server, String) {
    let server = Server::seeded();
    let ben = ["user", "create", "ben@example.org", "--name", "Ben", "--role", "editor"];
    let password = server.run(&ben).expect(0).stdout.trim().to_owned();
    let mut production = server.json(&["environment", "get", "production"]);
    production["approvals"] = json!(1);
    let set = ["environment", "set", "production", "--file", "-"];
    run_with_input(&mut server.usher(&set), &production.to_string()).ok();
    (server, password)
}

fn ben(server: &Server, password: &str, arguments: &[&str]) -> Command {
    let mut command = server.usher(arguments);
    command.args(["--email", "ben@example.org"]).env("USHER_PASSWORD", password);
    command
}

#[test]
fn a_change_is_opened_looked_at_approved_by_somebody_and_made() {
    let (server, password) = guarded();
    let off = ["flag", "off", "resale-guard", "--environment", "production"];
    server.run(&off).fails(3, &["production asks for 1 approval", "usher change open"]);
    let mut flag = server.json(&["flag", "get", "resale-guard"]);
    flag["environments"]["production"]["enabled"] = json!(false);
    let open =
        ["change", "open", "--key", "queues", "--title", "Queues", "--message", "gate C", "--file", "-"];
    run_with_input(&mut server.usher(&open), &flag.to_string()).ok().says(&["queues is open"]);
    server.run(&["change", "ls"]).ok().says(&["queues", "open", "Queues"]);
    server.run(&["change", "merge", "queues"]).fails(3, &["somebody else"]);
    server.run(&["change", "approve", "queues"]).fails(3, &["A program is nobody's second person"]);
    server.run(&["change", "comment", "queues", "what about Anfield?"]).ok();
    let seen = server.run(&["change", "get", "queues"]).ok().says(&[
        "gate C",
        "0 of 1",
        "somebody else",
        "flag/resale-guard",
        "environments.production.enabled: true → false",
        "what about Anfield?",
    ]);
    let version = server.json(&["change", "get", "queues"])["version"].to_string();
    assert!(seen.stdout.contains(&version), "{seen:?}");
    let approve = ["change", "approve", "queues", "--seen"];
    run(&mut ben(&server, &password, &[&approve[..], &["1"]].concat())).fails(3, &["changeRequest/queues"]);
    run(&mut ben(&server, &password, &[&approve[..], &[&version]].concat()))
        .ok()
        .says(&["queues is approved"]);
    run(&mut ben(&server, "wrong", &["change", "merge", "queues"])).fails(3, &["401", "USHER_PASSWORD"]);
    let mut silent = server.usher(&["change", "merge", "queues", "--email", "ben@example.org"]);
    run(&mut silent).fails(2, &["USHER_PASSWORD"]);
    server.run(&["change", "merge", "queues"]).ok().says(&["queues is made"]);
    let now = server.json(&["flag", "get", "resale-guard"]);
    assert_eq!(now["environments"]["production"]["enabled"], false);
    let told = server.json(&["journal", "ls", "--limit", "1"])[0]["message"].clone();
    assert_eq!(told, "Queues (change request queues)");
    server.run(&["change", "close", "queues"]).fails(3, &["was merged"]);
}

#[test]
fn a_change_is_made_at_a_time_changed_and_closed() {
    let (server, _) = guarded();
    let flag = server.json(&["flag", "get", "new-checkout"]);
    let delete = json!([{"delete": {"kind": "flag", "key": "new-checkout"}}, {"put": flag}]);
    let open = ["change", "open", "--key", "c", "--title", "Later", "--file", "-"];
    run_with_input(&mut server.usher(&open), &delete.to_string()).fails(3, &["changes[1]"]);
    let later = ["--at", "2098-05-15T18:00", "--time-zone", "Europe/London"];
    let file = flag.to_string();
    run_with_input(&mut server.usher(&[&open[..], &later].concat()), &file).ok();
    server.run(&["change", "get", "c"]).ok().says(&["Later", "2098-05-15T17:00:00.000Z"]);
    run_with_input(&mut server.usher(&open), &file).ok().says(&["c is open"]);
    assert_eq!(server.json(&["change", "get", "c"])["document"].get("applyAt"), None);
    server.run(&["change", "close", "c", "--message", "not this season"]).ok().says(&["c is closed"]);
    let told = server.json(&["journal", "ls", "--limit", "1"])[0]["message"].clone();
    assert_eq!(told, "Change request c is closed: not this season");
}
