//! `usher key`.

use serde_json::json;

#[cfg(target_os = "linux")]
use crate::support::full;
use crate::support::{Server, http, run, usher};

async fn status(server: &Server, secret: &str) -> u16 {
    let request = http().get(format!("{}/sdk/v1/ruleset", server.url())).bearer_auth(secret);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_listed_rotated_and_revoked() {
    let server = Server::seeded();
    let made = server.json(&[
        "key",
        "create",
        "gates",
        "--environment",
        "production",
        "--kind",
        "server",
        "--venue",
        "anfield",
    ]);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("usk_"), "{made}");
    assert_eq!(made["key"]["venues"], json!(["anfield"]));
    assert_eq!(status(&server, secret).await, 200);

    let id = made["key"]["key"].as_str().unwrap();
    server.run(&["key", "ls"]).ok().says(&["ID", id, "server", "production", "gates", "live"]);
    let listed = server.run(&["key", "ls", "--output", "json"]).ok();
    assert!(!listed.stdout.contains(secret) && !listed.stdout.contains("hash"), "{listed:?}");

    let rotated = server.json(&["key", "rotate", id, "--overlap-seconds", "3600"]);
    let second = rotated["secret"].as_str().unwrap();
    assert_ne!(second, secret);
    assert_eq!((status(&server, secret).await, status(&server, second).await), (200, 200));
    let id = rotated["key"]["key"].as_str().unwrap();
    server.run(&["key", "revoke", id]).ok().says(&[&format!("{id} is revoked")]);
    assert_eq!((status(&server, secret).await, status(&server, second).await), (200, 401));
    server.run(&["key", "ls"]).ok().says(&["revoked 2", "until 2"]);
    server.run(&["key", "rotate", id]).fails(3, &[id, "Create a new one"]);
}

#[test]
fn a_secret_can_be_caught_from_standard_output() {
    let server = Server::seeded();
    let done = server.run(&["key", "create", "phones", "-e", "production", "--kind", "client"]).expect(0);
    assert!(done.stdout.starts_with("uck_") && done.stdout.lines().count() == 1, "{done:?}");
    assert!(done.stderr.contains("shown this once"), "{done:?}");
    assert!(!done.stderr.contains(done.stdout.trim()), "{done:?}");
}

#[test]
fn a_context_key_signs_and_client_keys_ask_for_it() {
    let server = Server::seeded();
    let backend = server.json(&["key", "create", "backend", "-e", "production", "--kind", "context"]);
    let secret = backend["secret"].as_str().unwrap();
    let identity = backend["key"]["key"].as_str().unwrap();
    assert!(secret.starts_with(&format!("usx_{identity}~")) && secret.ends_with("~production"), "{backend}");
    server.run(&["key", "ls"]).ok().says(&["context", "backend"]);
    let create =
        ["key", "create", "phones", "-e", "production", "--kind", "client", "--signed-contexts", "required"];
    let phones = server.json(&create);
    assert_eq!(phones["key"]["signedContexts"], "required");
    let phones = phones["key"]["key"].as_str().unwrap();
    let told = format!("signed contexts are optional for {phones}");
    server.run(&["key", "signed-contexts", phones, "optional"]).ok().says(&[&told]);
    server.run(&["key", "signed-contexts", identity, "required"]).fails(3, &["only a client key"]);
    server.run(&["key", "create", "b", "--kind", "context"]).fails(3, &["environment"]);
}

#[test]
fn an_api_token_opens_the_api() {
    let server = Server::start();
    let made = server.json(&["key", "create", "ci", "--kind", "api"]);
    let token = made["secret"].as_str().unwrap();
    run(usher(["flag", "ls"]).env("USHER_URL", server.url()).env("USHER_TOKEN", token)).ok();
    server.run(&["key", "revoke", made["key"]["key"].as_str().unwrap()]).ok();
    let done = run(usher(["flag", "ls"]).env("USHER_URL", server.url()).env("USHER_TOKEN", token));
    assert!(!done.fails(3, &["401"]).stderr.contains(token));
}

#[test]
fn a_key_that_makes_no_sense_is_refused() {
    let server = Server::seeded();
    server.run(&["key", "create", "x", "--kind", "server", "-e", "moon"]).fails(3, &["moon"]);
    server.run(&["key", "create", "x", "--kind", "server"]).fails(3, &["environment"]);
    server.run(&["key", "create", "x", "--kind", "master"]).fails(2, &["master"]);
    server.run(&["key", "revoke", "no-such-key"]).fails(3, &["no-such-key"]);
}

#[test]
fn a_token_does_what_it_was_made_for_and_is_shown_once() {
    let server = Server::seeded();
    let create = ["token", "create", "control-room", "--role", "operator", "-e", "production"];
    let made = server.run(&[&create[..], &["--venue", "anfield", "--expires", "30d"]].concat()).expect(0);
    let secret = made.stdout.trim();
    assert!(secret.starts_with("uat_") && made.stdout.lines().count() == 1, "{made:?}");
    assert!(made.stderr.contains("This is token") && !made.stderr.contains(secret), "{made:?}");
    let with = |words: &[&str]| run(usher(words).env("USHER_URL", server.url()).env("USHER_TOKEN", secret));
    let kill = ["flag", "kill", "resale-guard", "-e", "production"];
    with(&[&kill[..], &["--venue", "anfield"]].concat()).ok();
    with(&kill).fails(3, &["flag/resale-guard", "operator", "all venues in production"]);
    with(&["token", "ls"]).fails(3, &["admin"]);
    let told = ["control-room", "viewer; operator of anfield in production", "until 2"];
    let listed = server.run(&["token", "ls"]).ok().says(&told);
    assert!(!listed.stdout.contains(secret), "{listed:?}");
    let all = server.json(&["token", "ls"]);
    let own = all.as_array().unwrap().iter().find(|own| own["name"] == "control-room").unwrap();
    server.run(&["token", "revoke", own["key"].as_str().unwrap()]).ok().says(&["is revoked"]);
    with(&["flag", "ls"]).fails(3, &["401"]);
    let late = [&create[..], &["--expires", "2020-01-01T00:00:00Z"]].concat();
    server.run(&late).fails(2, &["--expires", "is over"]);
    server.run(&[&create[..], &["--expires", "soon"]].concat()).fails(2, &["--expires", "30d"]);
}

#[test]
#[cfg(target_os = "linux")]
fn who_loses_a_secret_is_told_how_to_go_on() {
    let server = Server::seeded();
    let lose = |arguments: &[&str], parts: &[&str]| {
        let done = run(server.usher(arguments).stdout(full())).fails(1, &["is lost", "No space left"]);
        let done = done.fails(1, parts).hides("usk_").hides("uat_");
        assert!(!done.stderr.contains("shown this once"), "{done:?}");
    };
    let id = |name: &str| {
        let keys = server.json(&["key", "ls"]);
        let found = keys.as_array().unwrap().iter().find(|key| key["name"] == name).unwrap();
        found["key"].as_str().unwrap().to_owned()
    };
    for shown in ["json", "table"] {
        let name = format!("gates-{shown}");
        let create = ["key", "create", &name, "-e", "production", "--kind", "server", "--output", shown];
        let done = run(server.usher(&create).stdout(full())).fails(1, &["No space left"]).hides("usk_");
        let id = id(&name);
        let told = format!(
            "key {id} ({name}) is made, but its secret is lost: `usher key rotate {id}` gives it another, `usher key revoke {id}` ends it"
        );
        assert!(done.stderr.contains(&told), "{done:?}");
        lose(&["key", "rotate", &id, "--output", shown], &["usher key revoke"]);
    }
    lose(
        &["token", "create", "robot", "--role", "viewer"],
        &["(robot) is made", "make another", "usher token revoke"],
    );
    let account = ["user", "create", "ana@example.org", "--name", "Ana", "--role", "viewer"];
    lose(&account, &["ana@example.org has an account", "usher user set ana@example.org --password-file"]);
    let invitation = ["user", "invite", "ben@example.org", "--name", "Ben", "--role", "viewer"];
    lose(&invitation, &["ben@example.org is invited", "usher user invite ben@example.org --again"]);
}
