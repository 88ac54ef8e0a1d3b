//! What `usher serve` is told: by a file, by variables, by flags.

use std::{fs, net::TcpListener, process::Command};

use crate::support::{ADMIN, Server, run, usher};

/// `usher serve` that will not come up.
fn refused(amend: impl FnOnce(&mut Command)) -> crate::support::Done {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Server::command(&folder.path().join("data"));
    amend(&mut command);
    run(&mut command)
}

#[test]
fn flags_come_before_variables_and_variables_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let config = path("usher.toml");
    let file = format!("listen = '127.0.0.1:0'\nadmin_token = '{ADMIN}'\ndata = '{}'\n", path("by-file"));
    fs::write(&config, file).unwrap();
    let serve = ["serve", "--output", "json", "--config", &config];
    let uses = |command: &mut Command, name: &str| {
        let server = Server::spawn(command);
        server.run(&["doctor"]).ok();
        assert!(folder.path().join(name).join("journal.db").exists(), "not {name}");
        server.stop();
        fs::remove_dir_all(folder.path().join(name)).unwrap();
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["usher.toml"], "nothing but {name}");
    };
    uses(&mut usher(serve), "by-file");
    uses(usher(serve).env("USHER_DATA", path("by-variable")), "by-variable");
    let data = path("by-flag");
    uses(usher(serve).args(["--data", &data]).env("USHER_DATA", path("by-variable")), "by-flag");
}

#[test]
fn a_text_is_a_text_whatever_it_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    let token = "123456789012345678901234";
    let server = Server::spawn(Server::command(folder.path()).env("USHER_ADMIN_TOKEN", token));
    run(usher(["flag", "ls"]).env("USHER_URL", server.url()).env("USHER_TOKEN", token)).ok();
}

#[test]
fn an_unknown_setting_is_named_with_the_known_ones() {
    refused(|command| {
        command.env("USHER_LISTNE", "x");
    })
    .fails(2, &["USHER_LISTNE", "listen", "heartbeat_seconds"]);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("usher.toml");
    fs::write(&config, "workerz = 3\n").unwrap();
    refused(|command| {
        command.arg("--config").arg(&config);
    })
    .fails(2, &["workerz", "workers", "usher.toml"]);
}

#[test]
fn a_setting_of_the_wrong_kind_is_named() {
    refused(|command| {
        command.env("USHER_WORKERS", "many");
    })
    .fails(2, &["USHER_WORKERS", "many"]);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("usher.toml");
    fs::write(&config, "admin_token = 987654321\n").unwrap();
    let mut command = usher(["serve", "--listen", "127.0.0.1:0", "--config", config.to_str().unwrap()]);
    let done =
        run(command.arg("--data").arg(folder.path())).fails(2, &["admin_token", "quotes", "usher.toml"]);
    assert!(!done.stderr.contains("987654321"), "{done:?}");
    fs::write(&config, "listen = \n").unwrap();
    refused(|command| {
        command.arg("--config").arg(&config);
    })
    .fails(2, &["usher.toml", "line 1"]);
    refused(|command| {
        command.args(["--config", "no-such.toml"]);
    })
    .fails(2, &["no-such.toml can't be read"]);
    refused(|command| {
        command.env("USHER_LOG", "a=b=c");
    })
    .fails(2, &["USHER_LOG", "a=b=c"]);
}

#[test]
fn a_short_administrators_token_is_refused_and_not_shown() {
    let done = refused(|command| {
        command.env("USHER_ADMIN_TOKEN", "hunter2");
    });
    let done = done.fails(2, &["USHER_ADMIN_TOKEN", "24"]);
    assert!(!done.stderr.contains("hunter2"), "{done:?}");
}

#[test]
fn webhooks_are_read_from_the_file_and_a_bad_one_is_named_with_its_mend() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("usher.toml");
    let hook = |url: &str, secret: &str| {
        let events = "events = ['flag.killed']";
        let text = format!("[[webhooks]]\nname = 'ops'\nurl = '{url}'\nsecret = {secret}\n{events}\n");
        fs::write(&config, text).unwrap();
    };
    let start = || {
        refused(|command| {
            command.arg("--config").arg(&config);
        })
    };
    let secret = "'twenty-four bytes and more'";
    hook("ops.example.org", secret);
    start().fails(2, &["webhooks[0].url", "ops.example.", "https://"]);
    hook("https://ops.example.org", "'hunter2'");
    let done = start().fails(2, &["webhooks[0].secret", "7 bytes", "24 random bytes"]);
    assert!(!done.stderr.contains("hunter2"), "{done:?}");
    hook("https://ops.example.org", "987654321");
    let done = start().fails(2, &["secret", "quotes", "usher.toml"]);
    assert!(!done.stderr.contains("987654321"), "{done:?}");
    hook("http://127.0.0.1:9/", secret);
    let data = folder.path().join("data");
    let server = Server::spawn(Server::command(&data).arg("--config").arg(&config));
    let kept = data.join("webhook-ops.json");
    for _ in 0..500 {
        if kept.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(kept.exists(), "its position is kept");
    server.stop();
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(|command| {
        command.args(["--listen", &address]);
    })
    .expect(2);
    let folder = tempfile::tempdir().unwrap();
    let mut command = usher(["serve", "--listen", &address, "--data"]);
    run(command.arg(folder.path())).fails(1, &[&address, "can't be listened on", "in use"]);
    let mut command = usher(["serve", "--listen", "nowhere", "--data"]);
    run(command.arg(folder.path())).fails(1, &["nowhere", "can't be listened on"]);
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = Server::start_in(folder.path());
    let second = run(&mut Server::command(folder.path()));
    second.fails(1, &[folder.path().to_str().unwrap(), "in use by another process", "stop that one first"]);
    first.run(&["doctor"]).ok();
    // A server that was killed has not locked anybody out.
    first.kill_nine();
    Server::start_in(folder.path()).run(&["doctor"]).ok();
}

#[test]
fn the_administrators_token_is_for_a_first_start_only() {
    let folder = tempfile::tempdir().unwrap();
    Server::start_in(folder.path()).stop();
    let other = "uat_another-token-0123456789";
    let server = Server::spawn(Server::command(folder.path()).env("USHER_ADMIN_TOKEN", other));
    server.run(&["flag", "ls"]).ok();
    run(usher(["flag", "ls"]).env("USHER_URL", server.url()).env("USHER_TOKEN", other)).fails(3, &["401"]);
}
