//! `usher export`, `import`, `backup`, `restore`, `doctor`.

use std::fs;

use serde_json::{Value, json};

#[cfg(target_os = "linux")]
use crate::support::full;
use crate::support::{Server, run, run_with_input, usher};

#[test]
fn a_workspace_is_exported_and_imported_elsewhere() {
    let (server, other) = (Server::seeded(), Server::start());
    server.run(&["flag", "kill", "resale-guard", "-e", "production", "--venue", "anfield"]).ok();
    let export = server.run(&["export"]).ok();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("workspace.json");
    fs::write(&file, &export.stdout).unwrap();
    let count = export.json()["documents"].as_array().unwrap().len();
    let done = other.run(&["import", file.to_str().unwrap(), "--message", "A copy"]).ok();
    done.says(&[&format!("{count} documents imported (commit 2)")]);
    assert_eq!(other.run(&["export"]).ok().stdout, export.stdout, "byte for byte");
    assert_eq!(other.json(&["journal", "ls", "--limit", "1"])[0]["message"], "A copy");
    assert!(!export.stdout.contains("hash"), "credentials are not exported");
    // As it was before the kill.
    assert_ne!(server.json(&["export", "--at", "2"])["documents"], export.json()["documents"]);
}

#[test]
fn what_is_no_export_is_refused_and_nothing_is_written() {
    let server = Server::start();
    let import = |text: &str| run_with_input(&mut server.usher(&["import", "-"]), text);
    import("{}").fails(2, &["documents", "usher export"]);
    import("key,name").fails(2, &["not JSON"]);
    let mut bad = json!({"documents": crate::support::fixtures::documents()});
    bad["documents"][0]["capacity"] = "many".into();
    import(&bad.to_string()).fails(3, &["changes[0].put.capacity", "many"]);
    server.run(&["import", "no-such.json"]).fails(1, &["no-such.json"]);
    assert_eq!(server.json(&["journal", "ls"]).as_array().unwrap().len(), 1, "nothing was written");
}

#[test]
fn a_running_server_is_backed_up_and_restored_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, copy, fresh) = (path("data"), path("copy"), path("fresh"));
    let server = Server::start_in(data.as_ref());
    crate::support::fixtures::seed(&server);
    let before: Value = server.json(&["journal", "verify"]);
    run(&mut usher(["backup", "--data", &data, &copy])).ok().says(&["clean: 2 commits"]);
    // What comes after the backup is not in it.
    server.run(&["flag", "off", "resale-guard", "-e", "production"]).ok();

    let done = run(&mut usher(["restore", &copy, "--data", &fresh, "--output", "json"])).ok();
    let restored = Server::start_in(fresh.as_ref());
    let mut after: Value = restored.json(&["journal", "verify"]);
    assert_eq!(done.json(), after);
    assert_ne!(after["epoch"], before["epoch"], "what comes after it is not what came after the original");
    after["epoch"] = before["epoch"].clone();
    assert_eq!(after, before);
    let flag = restored.json(&["flag", "get", "resale-guard"]);
    assert_eq!(flag["environments"]["production"]["enabled"], true);
    // The original has noticed nothing.
    server.run(&["journal", "verify"]).ok().says(&["clean: 3 commits"]);
    assert!(server.stop().0.success());
    run(&mut usher(["backup", "--data", &data, &path("second")])).ok().says(&["clean: 3 commits"]);
}

#[test]
fn nothing_is_written_over_by_a_backup_or_a_restore() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, copy) = (path("data"), path("copy"));
    Server::start_in(data.as_ref()).stop();
    run(&mut usher(["backup", "--data", &data, &copy])).ok();
    run(&mut usher(["backup", "--data", &data, &copy])).fails(2, &[&copy, "name a new folder"]);
    run(&mut usher(["restore", &copy, "--data", &data])).fails(2, &[&data, "name a new folder"]);
    run(&mut usher(["backup", "--data", &path("none"), &path("other")])).fails(2, &[&path("none")]);
    run(&mut usher(["restore", &path("none"), "--data", &path("other")])).fails(2, &[&path("none")]);
    assert!(!folder.path().join("other").exists() && !folder.path().join("none").exists());
}

#[test]
fn a_damaged_backup_becomes_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, copy, fresh) = (path("data"), path("copy"), path("fresh"));
    Server::start_in(data.as_ref()).stop();
    run(&mut usher(["backup", "--data", &data, &copy])).ok();
    let file = folder.path().join("copy/journal.db");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    run(&mut usher(["restore", &copy, "--data", &fresh])).fails(1, &[]);
    assert!(!folder.path().join("fresh").exists());
}

#[test]
fn a_well_server_passes_every_check() {
    let server = Server::seeded();
    server.run(&["doctor"]).ok().says(&[
        "ok  ready",
        "ok  token",
        "ok  workspace  2 flags, 3 venues",
        "ok  journal",
    ]);
    let checks = server.json(&["doctor"]);
    assert!(checks.as_array().unwrap().iter().all(|check| check["good"] == true), "{checks}");
}

#[test]
fn a_check_that_fails_is_told_and_makes_the_command_fail() {
    let server = Server::seeded();
    let mut doctor = usher(["doctor", "--output", "json"]);
    let done = run(doctor.env("USHER_URL", server.url()).env("USHER_TOKEN", "uat_wrong")).expect(1);
    assert!(done.stderr.contains("3 of 4 checks failed"), "{done:?}");
    let checks = done.json();
    assert_eq!((&checks[0]["good"], &checks[1]["good"]), (&true.into(), &false.into()), "{checks}");
    let table = run(usher(["doctor"]).env("USHER_URL", server.url())).expect(1);
    assert!(table.stdout.contains("FAILED  token") && table.stdout.contains("USHER_TOKEN"), "{table:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_is_not_written_is_a_failure() {
    let server = Server::seeded();
    let commands: [&[&str]; 4] = [
        &["export"],
        &["flag", "ls"],
        &["flag", "get", "resale-guard", "--output", "json"],
        &["flag", "kill", "resale-guard", "-e", "production"],
    ];
    for command in commands {
        run(server.usher(command).stdout(full()))
            .fails(1, &["the command has run", "not shown whole", "standard output", "No space left"]);
    }
    let flag = server.json(&["flag", "get", "resale-guard"]);
    assert_eq!(flag["environments"]["production"]["killed"]["all"], true, "it is done all the same");
    // Who has read enough has what it wanted.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    run(server.usher(&["export"]).stdout(writer)).ok();
}
