//! `usher flag`.

use serde_json::{Value, json};

use crate::support::{Server, run_with_input};

fn production(server: &Server, flag: &str) -> Value {
    server.json(&["flag", "get", flag])["environments"]["production"].clone()
}

#[test]
fn flags_are_listed_and_searched() {
    let server = Server::seeded();
    let listed = server.run(&["flag", "ls"]).ok();
    insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("flag_ls", listed.stdout);
    });
    let found = server.json(&["flag", "ls", "resale"]);
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["document"]["key"], "resale-guard");
    server.run(&["flag", "ls", "nothing-like-it"]).ok().says(&["KEY"]);
}

#[test]
fn a_flag_is_read_changed_and_written_back() {
    let server = Server::seeded();
    let mut flag = server.json(&["flag", "get", "resale-guard"]);
    server
        .run(&["flag", "get", "resale-guard"])
        .ok()
        .says(&["FIELD", "environments.production.rules[0].if.cohort      staff"]);
    flag["description"] = "Stops resale".into();
    let set = ["flag", "set", "resale-guard", "--file", "-", "--message", "Describe it"];
    let done = run_with_input(&mut server.usher(&set), &flag.to_string()).ok();
    done.says(&["resale-guard is written (commit 3)"]);
    assert_eq!(server.json(&["flag", "get", "resale-guard"]), flag);
    assert_eq!(server.json(&["journal", "ls", "--limit", "1"])[0]["message"], "Describe it");
    // As it was, by commit and by time.
    let before = server.json(&["flag", "get", "resale-guard", "--at", "2"]);
    assert_eq!(before.get("description"), None);
    let at = server.json(&["journal", "show", "2"])["at"].as_str().unwrap().to_owned();
    assert_eq!(server.json(&["flag", "get", "resale-guard", "--at", &at]), before);
    let done = run_with_input(server.usher(&set).args(["--output", "json"]), &flag.to_string()).ok();
    assert_eq!(done.json()["seq"], 3, "the same once more is no commit");
}

#[test]
fn a_bad_flag_is_refused_by_field_value_and_mend() {
    let server = Server::seeded();
    let set = ["flag", "set", "resale-guard", "--file", "-"];
    let mut flag = server.json(&["flag", "get", "resale-guard"]);
    flag["environments"]["production"]["offVariant"] = "maybe".into();
    let done = run_with_input(&mut server.usher(&set), &flag.to_string());
    done.fails(3, &["environments.production.offVariant", "maybe"]);
    run_with_input(&mut server.usher(&set), "{").fails(2, &["not JSON", "line 1"]);
    server.run(&["flag", "set", "resale-guard", "--file", "no-such.json"]).fails(1, &["no-such.json"]);
    let other = json!({"key": "other", "type": "boolean", "variants": {"on": true, "off": false}});
    run_with_input(&mut server.usher(&set), &other.to_string()).fails(3, &["key", "other"]);
    assert_eq!(server.json(&["journal", "ls"]).as_array().unwrap().len(), 2, "nothing was written");
}

#[test]
fn on_and_off_are_for_an_environment_or_for_venues() {
    let server = Server::seeded();
    let done = server.run(&["flag", "off", "resale-guard", "-e", "production", "-m", "Queues"]).ok();
    done.says(&["resale-guard is off in production (commit 3)"]);
    assert_eq!(production(&server, "resale-guard")["enabled"], false);
    let done = server.json(&["flag", "on", "resale-guard", "--environment", "production"]);
    assert_eq!((&done["seq"], &done["document"]["key"]), (&json!(4), &json!("resale-guard")));
    assert_eq!(production(&server, "resale-guard")["enabled"], true);
    assert_eq!(server.json(&["flag", "get", "resale-guard"])["environments"]["staging"]["enabled"], true);

    let venues = ["--venue", "wembley-stadium", "--venue", "anfield"];
    let off = [&["flag", "off", "resale-guard", "-e", "production"], &venues[..]].concat();
    server.run(&off).ok().says(&["resale-guard is off at wembley-stadium, anfield in production"]);
    let overrides = json!({"wembley-stadium": "off", "anfield": "off"});
    assert_eq!(production(&server, "resale-guard")["venues"], overrides);
    let on = ["flag", "on", "resale-guard", "--environment", "production", "--venue", "anfield"];
    server.run(&[&on[..], &["--variant", "on"]].concat()).ok();
    assert_eq!(production(&server, "resale-guard")["venues"]["anfield"], "on");
    let clear = [&["flag", "clear", "resale-guard", "-e", "production"], &venues[..]].concat();
    server.run(&clear).ok();
    assert_eq!(production(&server, "resale-guard").get("venues"), None);
    server
        .run(&["flag", "clear", "resale-guard", "-e", "production"])
        .fails(3, &["venues", "Name the venues"]);
}

#[test]
fn a_kill_stays_until_it_is_revived() {
    let server = Server::seeded();
    let kill = ["flag", "kill", "resale-guard", "-e", "production", "--message", "Gate C"];
    let places = ["--venue", "anfield", "--cohort", "staff"];
    let done = server.run(&[&kill[..], &places].concat()).ok();
    done.says(&["resale-guard is killed at anfield, staff in production"]);
    let killed = production(&server, "resale-guard")["killed"].clone();
    assert_eq!((&killed["venues"], &killed["cohorts"]), (&json!(["anfield"]), &json!(["staff"])));
    server.run(&["flag", "ls"]).ok().says(&["production: on, killed in 2 places"]);
    let revive = ["flag", "revive", "resale-guard", "-e", "production"];
    server.run(&[&revive[..], &places].concat()).ok().says(&["revived at anfield, staff"]);
    assert_eq!(production(&server, "resale-guard").get("killed"), None);

    server.run(&kill).ok().says(&["resale-guard is killed in production"]);
    // Turning it on does not bring it back, and says so.
    let done = server.run(&["flag", "on", "resale-guard", "-e", "production"]).expect(0);
    assert!(done.stderr.contains("killed everywhere") && done.stderr.contains("revive"), "{done:?}");
    assert_eq!(production(&server, "resale-guard")["killed"]["all"], true);
    server.run(&revive).ok();
    assert_eq!(production(&server, "resale-guard").get("killed"), None);
}

#[test]
fn an_archived_flag_is_off_and_keeps_its_history() {
    let server = Server::seeded();
    let done = server.run(&["flag", "archive", "new-checkout", "--message", "Everywhere now"]).ok();
    done.says(&["new-checkout is archived (commit 3)"]);
    assert_eq!(server.json(&["flag", "get", "new-checkout"])["lifecycle"], "archived");
    let eval = server.json(&["eval", "new-checkout", "-e", "production"]);
    assert_ne!(eval["evaluations"][0]["value"], true, "{eval}");
    assert_eq!(server.json(&["journal", "ls", "--flag", "new-checkout"]).as_array().unwrap().len(), 2);
    server.run(&["flag", "archive", "no-such-flag"]).fails(3, &["no-such-flag"]);
}
