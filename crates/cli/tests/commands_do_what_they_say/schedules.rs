//! `usher schedule`, and `--at`.

use serde_json::json;

use crate::support::{Server, eventually, run_with_input};

/// A server whose Wembley goes by London's clocks.
fn server() -> Server {
    let server = Server::seeded();
    let venue = json!({"key": "wembley-stadium", "name": "Wembley", "timeZone": "Europe/London"}).to_string();
    run_with_input(&mut server.usher(&["venue", "set", "wembley-stadium", "--file", "-"]), &venue).ok();
    server
}

#[test]
fn schedules_are_written_listed_shown_and_deleted() {
    let server = server();
    let off = json!({"off": {"flag": "resale-guard", "environment": "production"}});
    let schedule = json!({"key": "doors", "name": "Doors", "plays": [off],
        "at": {"local": "2098-05-15T18:00", "venue": "wembley-stadium"}});
    let set = ["schedule", "set", "doors", "--file", "-"];
    run_with_input(&mut server.usher(&set), &schedule.to_string()).ok().says(&["doors is written"]);
    server.run(&["schedule", "ls"]).ok().says(&[
        "doors",
        "planned",
        "2098-05-15T17:00:00.000Z",
        "2098-05-15T18:00:00+01:00[Europe/London]",
        "Doors",
    ]);
    let shown = server.json(&["schedule", "get", "doors"]);
    assert_eq!((&shown["at"]["local"], &shown["latest"]), (&json!("2098-05-15T18:00:00"), &json!("15m")));
    // As it was shown, it is taken back.
    run_with_input(&mut server.usher(&set), &shown.to_string()).ok();
    server.run(&["schedule", "rm", "doors"]).ok().says(&["doors is deleted"]);
    assert_eq!(server.json(&["schedule", "ls"]), json!([]));
}

#[test]
fn with_a_time_a_flag_is_changed_then_and_not_now() {
    let server = server();
    let at = |action: &str, more: &[&str]| {
        let command = ["flag", action, "resale-guard", "--environment", "production"];
        server.run(&[&command[..], more].concat())
    };
    let wembley = ["--venue", "wembley-stadium", "--at", "2098-05-15T18:00"];
    let key = "2098-05-15T18-00-off-resale-guard-production-wembley-stadium";
    at("off", &wembley).ok().says(&[
        key,
        "resale-guard is off at wembley-stadium in production from 2098-05-15T17:00:00.000Z",
        "2098-05-15T18:00:00+01:00[Europe/London]",
    ]);
    let flag = server.json(&["flag", "get", "resale-guard"]);
    assert_eq!(flag["environments"]["production"].get("venues"), None, "not now");
    let schedule = server.json(&["schedule", "get", key]);
    assert_eq!(schedule["at"], json!({"local": "2098-05-15T18:00:00", "venue": "wembley-stadium"}));
    let off = json!({"flag": "resale-guard", "environment": "production", "venues": ["wembley-stadium"]});
    assert_eq!(schedule["plays"], json!([{"off": off}]));
    // The same once more is not done twice.
    at("off", &wembley).fails(3, &["schedule/"]);

    let zone = ["--at", "2098-05-15T18:00:00", "--time-zone", "America/New_York", "--schedule", "ny"];
    at("kill", &[&zone[..], &["--cohort", "staff"]].concat()).ok().says(&[
        "schedule ny",
        "killed at staff",
        "22:00:00.000Z",
    ]);
    let instant = ["--at", "2098-05-15T18:00:00+02:00", "--variant", "on", "--venue", "anfield"];
    at("on", &instant).ok().says(&["on at anfield", "2098-05-15T16:00:00.000Z"]);
    at("revive", &["--at", "2098-05-15T18:00:00Z"]).ok();
    assert_eq!(server.json(&["schedule", "ls"]).as_array().unwrap().len(), 4);

    at("off", &["--at", "2098-05-15T18:00"]).fails(2, &["--venue", "--time-zone"]);
    let both = ["--at", "2098-05-15T18:00", "--venue", "anfield", "--venue", "maracana"];
    at("off", &both).fails(2, &["one --venue"]);
    at("off", &["--at", "2098-05-15T18:00", "--venue", "anfield"]).fails(3, &["at.venue", "timeZone"]);
    at("off", &["--at", "tomorrow"]).fails(2, &["tomorrow", "2027-05-15T18:00"]);
    at("off", &["--at", "2098-05-15T18:00:00Z", "--time-zone", "Europe/London"]).fails(2, &["instant"]);
    at("off", &["--at", "2020-05-15T18:00:00Z"]).fails(3, &["this time is over"]);
    at("off", &["--time-zone", "Europe/London"]).fails(2, &["--at"]);
}

#[test]
fn a_flag_is_changed_when_its_time_comes() {
    let server = server();
    let soon = usher_server::now().millis() + 1_500;
    let off = ["flag", "off", "resale-guard", "--environment", "production", "--schedule", "soon"];
    server.run(&[&off[..], &["--at", &soon.to_string()]].concat()).ok();
    eventually("it is done", || server.run(&["schedule", "ls"]).ok().stdout.contains("done").then_some(()));
    let flag = server.json(&["flag", "get", "resale-guard"]);
    assert_eq!(flag["environments"]["production"]["enabled"], false);
}
