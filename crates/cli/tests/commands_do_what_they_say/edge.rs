//! `usher edge`, as a process of its own between a server and its clients.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::support::{Done, Server, eventually, http, run, usher};

/// What starts an edge on a free port.
fn command(folder: &Path, upstream: &str, key: &str) -> Command {
    let mut command =
        usher(["edge", "--listen", "127.0.0.1:0", "--output", "json", "--name", "edge-wembley"]);
    command.args(["--upstream", upstream, "--data"]).arg(folder).env("USHER_EDGE_KEYS", key);
    command
}

fn doctor(edge: &Server) -> Done {
    run(usher(["doctor"]).env("USHER_URL", edge.url()))
}

/// What a flag is for a fan, and since when that has been so.
async fn flag(edge: &Server, key: &str) -> (Value, String) {
    let url = format!("{}/ofrep/v1/evaluate/flags/resale-guard", edge.url());
    let body = json!({"context": {"targetingKey": "u-1", "venue": "wembley-stadium"}});
    let answer = http().post(url).bearer_auth(key).json(&body).send().await.unwrap();
    let as_of = answer.headers()["usher-as-of"].to_str().unwrap().to_owned();
    (answer.json::<Value>().await.unwrap()["value"].clone(), as_of)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_is_killed_starts_again_without_its_server_and_serves_what_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::seeded();
    let (key, client_key) = (server.key("server"), server.key("client"));
    let url = server.url().to_owned();
    let start = || Server::spawn(command(folder.path(), &url, &key).env("USHER_LOG", "trace"));
    let edge = start();
    eventually("the edge is well", || (doctor(&edge).code == Some(0)).then_some(()));
    doctor(&edge).ok().says(&["edge edge-wembley", "production at commit", "confirmed"]);
    let (before, _) = flag(&edge, &client_key).await;
    assert!(before.is_boolean(), "{before}");
    // What is known of keys is on disk a moment later.
    eventually("keys are on disk", || folder.path().join("usher-keys.cache").exists().then_some(()));
    edge.kill_nine();
    server.kill_nine();

    let edge = start();
    let (value, as_of) = flag(&edge, &client_key).await;
    assert_eq!(value, before);
    assert!(!as_of.is_empty());
    doctor(&edge).expect(1).says(&["upstream is lost", &as_of]);
    let (status, said) = edge.stop();
    assert!(status.success(), "{said}");
    for secret in [&key, &client_key] {
        assert!(!said.contains(secret.as_str()), "a secret is logged");
        for file in fs::read_dir(folder.path()).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains(secret.as_str()), "a secret is on disk");
        }
    }
}

#[test]
fn settings_come_from_the_file_then_variables_then_flags() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let config = path("edge.toml");
    let file = format!(
        "listen = '127.0.0.1:0'\nupstream = 'http://127.0.0.1:1'\nkeys = ['usk_0123456789']\nname = 'by-file'\n\
         venues = ['anfield']\ndata = '{}'\n",
        path("by-file")
    );
    fs::write(&config, file).unwrap();
    let edge = ["edge", "--output", "json", "--config", &config];
    let uses = |command: &mut Command, name: &str| {
        let edge = Server::spawn(command);
        assert!(folder.path().join(name).exists(), "not {name}");
        edge.stop();
        fs::remove_dir_all(folder.path().join(name)).unwrap();
    };
    uses(&mut usher(edge), "by-file");
    uses(usher(edge).env("USHER_DATA", path("by-variable")), "by-variable");
    uses(usher(edge).env("USHER_DATA", path("no")).env("USHER_EDGE_DATA", path("by-own")), "by-own");
    uses(usher(edge).args(["--data", &path("by-flag")]).env("USHER_EDGE_DATA", path("no")), "by-flag");
}

#[test]
fn what_is_wrong_is_said_and_no_key_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let start = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = usher(["edge", "--listen", "127.0.0.1:0", "--data"]);
        run(command.arg(folder.path()).args(arguments).envs(variables.iter().copied()))
    };
    let secret = "uck_a-key-of-a-phone-0123456789";
    let nowhere = ["--upstream", "http://127.0.0.1:1"];
    start(&["--key", "usk_x"], &[]).fails(2, &["is not the address"]);
    start(&nowhere, &[]).fails(2, &["needs a server key"]);
    start(&[nowhere[0], nowhere[1], "--key", secret], &[]).fails(2, &["usk_"]).hides(secret);
    start(&nowhere, &[("USHER_EDGE_KEYZ", secret)]).fails(2, &["USHER_EDGE_KEYZ"]).hides(secret);
    start(&[nowhere[0], nowhere[1], "--key", "usk_x", "--venue", "a b"], &[]).fails(2, &["VENUES"]);
}
