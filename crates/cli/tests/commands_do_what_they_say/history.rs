//! `usher journal`, `usher undo`, `usher rollback`.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;
use usher_journal::{Actor, Append, Change, Journal, SqliteJournal};

use crate::support::{Server, run, usher};

const KILL: [&str; 5] = ["flag", "kill", "resale-guard", "-e", "production"];

fn killed(server: &Server) -> bool {
    let flag = server.json(&["flag", "get", "resale-guard"]);
    flag["environments"]["production"]["killed"]["all"] == true
}

#[test]
fn commits_are_listed_newest_first_and_by_what_they_touch() {
    let server = Server::seeded();
    server.run(&[&KILL[..], &["--message", "Queues at gate C"]].concat()).ok();
    server.run(&["flag", "off", "new-checkout", "-e", "staging", "--venue", "anfield"]).ok();
    let table = server.run(&["journal", "ls"]).ok().stdout;
    let commits: Vec<&str> =
        table.lines().skip(1).map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(commits, ["4", "3", "2", "1"], "{table}");
    for told in ["Queues at gate C", "updated flag/resale-guard", "Administrator's token", "and 3 more"] {
        assert!(table.contains(told), "{told}: {table}");
    }
    let seqs = |arguments: &[&str]| -> Vec<u64> {
        let commits = server.json(&[&["journal", "ls"], arguments].concat());
        commits.as_array().unwrap().iter().map(|commit| commit["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs(&["--flag", "resale-guard"]), [3, 2]);
    assert_eq!(seqs(&["--venue", "anfield"]), [4, 2]);
    assert_eq!(seqs(&["--limit", "2"]), [4, 3]);
}

#[tokio::test]
async fn more_commits_than_the_server_gives_at_once_are_listed() {
    /// More than a page, which holds 500.
    const COMMITS: u64 = 600;
    let folder = tempfile::tempdir().unwrap();
    Server::start_in(folder.path()).stop();
    let journal = Arc::new(SqliteJournal::open(folder.path()).unwrap());
    // At once, so that they share a few writes to the disk.
    let mut appends = JoinSet::new();
    for n in 2..=COMMITS {
        let cohort = json!({"kind": "cohort", "key": "staff", "name": n.to_string(), "keys": ["u"]});
        let append = Append {
            expected: Vec::new(),
            idempotency: None,
            actor: Actor::system("test"),
            message: String::new(),
            at: usher_server::now(),
            changes: vec![Change::Put(serde_json::from_value(cohort).unwrap())],
        };
        let journal = Arc::clone(&journal);
        appends.spawn(async move { journal.append(append).await });
    }
    for append in appends.join_all().await {
        append.unwrap();
    }
    drop(journal);

    let server = Server::start_in(folder.path());
    let commits = server.json(&["journal", "ls", "--limit", "5000"]);
    let seqs: Vec<u64> =
        commits.as_array().unwrap().iter().map(|commit| commit["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=COMMITS).rev().collect::<Vec<_>>());
    let commits = server.json(&["journal", "ls", "--limit", "550"]);
    assert_eq!(commits.as_array().unwrap().len(), 550);
}

#[test]
fn a_commit_is_shown_with_what_it_changed() {
    let server = Server::seeded();
    server.run(&["flag", "off", "resale-guard", "-e", "production", "--message", "Queues"]).ok();
    let shown = server.run(&["journal", "show", "3"]).ok();
    shown.says(&[
        "commit 3 at 2",
        "by Administrator's token: Queues",
        "updated flag/resale-guard",
        "environments.production.enabled: true → false",
    ]);
    let commit = server.json(&["journal", "show", "3"]);
    let change = &commit["changes"][0];
    assert_eq!(change["before"]["environments"]["production"]["enabled"], true);
    assert_eq!(change["after"]["environments"]["production"]["enabled"], false);
    server.run(&["journal", "show", "99"]).fails(3, &["99"]);
}

#[test]
fn a_journal_is_verified_while_a_server_uses_it_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_in(folder.path());
    server.run(&["journal", "verify"]).ok().says(&["clean: 1 commits", "epoch "]);
    let online = server.json(&["journal", "verify"]);
    let data = folder.path().to_str().unwrap();
    // One who opens it beside the server would see it change under its hands.
    run(&mut usher(["journal", "verify", "--data", data])).fails(1, &[data, "in use by another process"]);
    server.stop();
    let offline = run(&mut usher(["journal", "verify", "--data", data, "--output", "json"])).ok().json();
    assert_eq!(online, offline);
    run(&mut usher(["journal", "verify", "--data", "no-such-folder"])).fails(2, &["no-such-folder"]);
    assert!(!std::path::Path::new("no-such-folder").exists());
}

#[test]
fn a_damaged_journal_is_told() {
    let folder = tempfile::tempdir().unwrap();
    Server::start_in(folder.path()).stop();
    let file = folder.path().join("journal.db");
    let bytes = std::fs::read(&file).unwrap();
    let text = b"Begin the workspace";
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    let altered = [&bytes[..at], b"Began", &bytes[at + 5..]].concat();
    std::fs::write(&file, altered).unwrap();
    let data = folder.path().to_str().unwrap();
    run(&mut usher(["journal", "verify", "--data", data]))
        .fails(1, &["damaged", "commit 1 is not what was written"]);
    let done = run(&mut usher(["journal", "verify", "--data", data, "--output", "json"])).expect(1);
    assert_eq!(done.json()["problems"].as_array().unwrap().len(), 1);
}

#[test]
fn one_commit_is_undone() {
    let server = Server::seeded();
    server.run(&KILL).ok();
    assert!(killed(&server));
    let done = server.run(&["undo", "3", "--message", "Wrong flag"]).ok();
    done.says(&["commit 3 is undone (commit 4)"]);
    assert!(!killed(&server));
    assert_eq!(server.json(&["journal", "show", "4"])["message"], "Wrong flag");
    // What has changed since is not undone by the way.
    server.run(&["undo", "3"]).fails(3, &["changed again by commit 4"]);
    assert_eq!(server.json(&["undo", "4", "--force"])["seq"], 5);
    assert!(killed(&server));
    server.run(&["undo", "99"]).fails(3, &["99"]);
}

#[test]
fn a_flag_a_venues_share_or_everything_is_rolled_back() {
    let server = Server::seeded();
    let off = ["flag", "off", "resale-guard", "-e", "production"];
    server.run(&[&off[..], &["--venue", "anfield", "--venue", "maracana"]].concat()).ok();
    server.run(&["flag", "off", "new-checkout", "-e", "production"]).ok();
    let config = |flag: &str| server.json(&["flag", "get", flag])["environments"]["production"].clone();

    let share = ["rollback", "--to", "2", "--flag", "resale-guard", "-e", "production", "--venue", "anfield"];
    server.run(&share).ok().says(&["rolled back to 2 (commit 5)"]);
    assert_eq!(config("resale-guard")["venues"], json!({"maracana": "off"}));
    let done = server.json(&["rollback", "--to", "2", "--flag", "resale-guard", "--message", "All of it"]);
    assert_eq!(done["seq"], 6);
    assert_eq!(config("resale-guard").get("venues"), None);
    assert_eq!(config("new-checkout")["enabled"], false, "another flag stays");

    let at = server.json(&["journal", "show", "2"])["at"].as_str().unwrap().to_owned();
    server.run(&["rollback", "--to", &at, "--everything"]).ok();
    assert_eq!(config("new-checkout")["enabled"], true);
    server.run(&["rollback", "--to", "99", "--everything"]).fails(3, &["99"]);
}
