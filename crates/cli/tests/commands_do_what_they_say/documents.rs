//! `usher cohort`, `usher environment`, and `usher venue` as far as it is like them.

use serde_json::json;

use crate::support::{Server, fake::answering, run_with_input, usher};

#[test]
fn a_cohort_is_written_listed_shown_and_deleted() {
    let server = Server::seeded();
    let stewards = json!({"kind": "cohort", "key": "stewards", "name": "Stewards", "keys": ["u-1"]});
    let set = ["cohort", "set", "stewards", "--file", "-", "--message", "On duty"];
    run_with_input(&mut server.usher(&set), &stewards.to_string())
        .ok()
        .says(&["stewards is written (commit 3)"]);
    server.run(&["cohort", "ls"]).ok().says(&["KEY", "staff", "Stewards"]);
    assert_eq!(server.json(&["cohort", "ls", "stew"])[0]["document"], stewards);
    assert_eq!(server.json(&["cohort", "get", "stewards"]), stewards);
    server.run(&["cohort", "get", "stewards"]).ok().says(&["keys", "u-1"]);
    let done = server.run(&["cohort", "rm", "stewards", "--message", "Season over"]).ok();
    done.says(&["stewards is deleted (commit 4)"]);
    assert_eq!(server.json(&["journal", "show", "4"])["message"], "Season over");
    server.run(&["cohort", "get", "stewards"]).fails(3, &["404", "stewards"]);
}

#[test]
fn a_cohort_that_a_flag_needs_is_not_deleted() {
    let server = Server::seeded();
    server.run(&["cohort", "rm", "staff"]).fails(3, &["resale-guard", "staff"]);
    server.run(&["cohort", "get", "staff"]).ok();
}

#[test]
fn environments_are_there_from_the_start_and_can_be_added() {
    let server = Server::start();
    server.run(&["environment", "ls"]).ok().says(&["production", "Staging"]);
    let training = json!({"key": "training", "name": "Training"}).to_string();
    let set = ["environment", "set", "training", "--file", "-"];
    assert_eq!(
        run_with_input(server.usher(&set).args(["--output", "json"]), &training).ok().json()["seq"],
        2
    );
    assert_eq!(server.json(&["environment", "get", "training"])["name"], "Training");
    server.run(&["environment", "rm", "training"]).ok().says(&["training is deleted"]);
}

#[test]
fn a_venue_is_written_and_shown() {
    let server = Server::seeded();
    let mut venue = server.json(&["venue", "get", "maracana"]);
    venue["region"] = "South-East".into();
    let set = ["venue", "set", "maracana", "--file", "-"];
    run_with_input(&mut server.usher(&set), &venue.to_string()).ok();
    assert_eq!(server.json(&["venue", "get", "maracana"])["region"], "South-East");
    server.run(&["venue", "get", "maracana"]).ok().says(&["South-East"]);
    assert_eq!(server.json(&["venue", "ls", "brazil"]).as_array().unwrap().len(), 1);
    let listed = server.run(&["venue", "ls"]).ok();
    insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("venue_ls", listed.stdout);
    });
}

#[test]
fn a_table_stays_a_table_whatever_people_write() {
    let server = Server::seeded();
    let name = "日産 \u{1b}[31mred\nline";
    let cohort = json!({"key": "odd", "name": name, "keys": ["a"], "description": "last"});
    let set = ["cohort", "set", "odd", "--file", "-", "--message", "two\nlines"];
    run_with_input(&mut server.usher(&set), &cohort.to_string()).ok();
    let table = server.run(&["cohort", "ls"]).ok().stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "a heading and two cohorts: {table}");
    assert!(!table.contains('\u{1b}'));
    // The wide letters take two columns each.
    let column = lines[0].find("DESCRIPTION").unwrap();
    assert_eq!(lines[1].find("last").map(|at| lines[1][..at].chars().count() + 2), Some(column), "{table}");
    assert_eq!(server.run(&["journal", "ls", "--limit", "1"]).ok().stdout.lines().count(), 2);
    assert_eq!(server.json(&["cohort", "get", "odd"])["name"], name, "JSON has it as it is");
}

#[test]
fn whoever_writes_in_between_is_not_written_over() {
    let written = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{\"seq\":8}";
    for (read, belief) in [
        (
            "HTTP/1.1 200 OK\r\netag: \"7\"\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
            "if-match: \"7\"\r\n",
        ),
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
            "if-none-match: *\r\n",
        ),
    ] {
        let (url, asked) = answering(vec![read, written]);
        let mut set = usher(["cohort", "set", "staff", "--file", "-"]);
        run_with_input(set.env("USHER_URL", url), "{}").ok().says(&["commit 8"]);
        let asked: Vec<String> = asked.iter().collect();
        assert!(asked[0].starts_with("get ") && asked[1].starts_with("put "), "{asked:?}");
        assert!(asked[1].contains(belief), "{asked:?}");
    }
}
