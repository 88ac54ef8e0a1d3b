//! `usher user`.

use serde_json::{Value, json};

use crate::support::{Server, http, run_with_input};

async fn signs_in(server: &Server, email: &str, password: &str) -> bool {
    let body = json!({"email": email, "password": password});
    let request = http().post(format!("{}/api/v1/session", server.url())).json(&body);
    request.send().await.unwrap().status().is_success()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_let_in_changed_and_removed() {
    let server = Server::start();
    let create = ["user", "create", "ana@example.org", "--name", "Ana Lindqvist", "--role", "editor"];
    let made = server.run(&create).expect(0);
    assert!(made.stderr.contains("shown this once") && made.stdout.lines().count() == 1, "{made:?}");
    let password = made.stdout.trim();
    assert!(signs_in(&server, "ana@example.org", password).await);
    server.run(&["user", "ls"]).ok().says(&["EMAIL", "ana@example.org", "Ana Lindqvist", "editor"]);
    server.run(&create).fails(3, &["email", "there is an account of this address"]);

    let set = ["user", "set", "Ana@example.org", "--role", "viewer", "--password-file", "-"];
    run_with_input(&mut server.usher(&set), "another good password\r\nnot this\n").ok().says(&["is changed"]);
    assert!(!signs_in(&server, "ana@example.org", password).await);
    assert!(signs_in(&server, "ana@example.org", "another good password").await);
    let listed = server.json(&["user", "ls"]);
    assert_eq!((&listed[0]["role"], listed.as_array().map(Vec::len)), (&json!("viewer"), Some(1)));

    server.run(&["user", "rm", "ana@example.org"]).ok().says(&["is removed", "commit"]);
    assert!(!signs_in(&server, "ana@example.org", "another good password").await);
    server.run(&["user", "rm", "ana@example.org"]).fails(1, &["ana@example.org", "usher user ls"]);
}

#[test]
fn a_password_of_ones_own_is_not_shown() {
    let server = Server::start();
    let words = ["user", "create", "mei@example.org", "--name", "Mei", "--role", "admin"];
    let mut command = server.usher(&words);
    let done =
        run_with_input(command.args(["--password-file", "-", "--output", "json"]), "correct horse battery");
    let done = done.ok();
    let made: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(made["email"], "mei@example.org");
    assert!(!done.stdout.contains("correct horse"), "{done:?}");
}

#[test]
fn people_that_make_no_sense_are_refused() {
    let server = Server::start();
    server
        .run(&["user", "create", "nobody", "--name", "N", "--role", "viewer"])
        .fails(3, &["email", "nobody"]);
    server.run(&["user", "create", "a@b", "--name", "N", "--role", "king"]).fails(2, &["king"]);
    let words = ["user", "create", "a@b", "--name", "N", "--role", "viewer", "--password-file", "-"];
    let done = run_with_input(&mut server.usher(&words), "hunter2");
    assert!(!done.fails(3, &["password", "too short"]).stderr.contains("hunter2"));
}

#[test]
fn somebody_is_bound_to_places_and_to_more_of_them() {
    let server = Server::seeded();
    let ben = ["user", "create", "ben@example.org", "--name", "Ben", "--role", "operator"];
    let places = ["--environment", "production", "--venue", "anfield"];
    server.run(&[&ben[..], &places[..]].concat()).expect(0);
    server.run(&["user", "ls"]).ok().says(&["ben@example.org", "viewer; operator of anfield in production"]);
    let set = ["user", "set", "ben@example.org", "--role"];
    let run = |more: &[&str]| server.run(&[&set[..], more].concat());
    run(&["editor", "--environment", "staging", "--add"]).ok();
    let both = "viewer; operator of anfield in production; editor in staging";
    server.run(&["user", "ls"]).ok().says(&[both]);
    server.run(&["user", "set", "ben@example.org", "--name", "Benny"]).ok();
    server.run(&["user", "ls"]).ok().says(&["Benny", both]);
    run(&["operator", "--venue", "moon"]).fails(3, &["moon", "venue"]);
    run(&["operator", "--add"]).fails(2, &["--add", "--venue"]);
    server.run(&["user", "set", "ben@example.org", "--venue", "anfield"]).fails(2, &["--role"]);
    run(&["editor"]).ok();
    let listed = server.json(&["user", "ls"]);
    assert_eq!((&listed[0]["role"], &listed[0]["bindings"]), (&json!("editor"), &json!([])));
}

#[test]
fn somebody_is_invited_by_a_link_that_is_shown_once() {
    let server = Server::start();
    let invite = ["user", "invite", "ana@example.org", "--name", "Ana", "--role", "editor"];
    let invited = server.json(&invite);
    let link = invited["link"].as_str().unwrap();
    assert!(link.starts_with("http://127.0.0.1:") && link.contains("/invitation#"), "{link}");
    server.run(&["user", "ls"]).ok().says(&["ana@example.org", "Ana (invited)", "editor"]);
    server.run(&invite).fails(3, &["there is an account of this address"]);
    let again = server.json(&["user", "invite", "ana@example.org", "--again"]);
    assert_ne!(again["link"], invited["link"]);
    server.run(&["user", "invite", "ben@example.org"]).fails(2, &["--name"]);
    server.run(&["user", "invite", "ben@example.org", "--again"]).fails(1, &["has no account"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_signed_out_everywhere() {
    let server = Server::start();
    let create = ["user", "create", "ana@example.org", "--name", "Ana", "--role", "editor"];
    let password = server.run(&create).expect(0).stdout.trim().to_owned();
    assert!(signs_in(&server, "ana@example.org", &password).await);
    assert!(signs_in(&server, "ana@example.org", &password).await);
    server.run(&["user", "sessions", "ana@example.org"]).ok().says(&["SESSION", "password", "127.0.0.1"]);
    assert_eq!(server.json(&["user", "sessions", "ana@example.org"]).as_array().map(Vec::len), Some(2));
    server.run(&["user", "new-session-key"]).ok().says(&["a new key signs sessions"]);
    server.run(&["user", "sign-out", "ana@example.org"]).ok().says(&["is signed out everywhere"]);
    assert_eq!(server.json(&["user", "sessions", "ana@example.org"]), json!([]));
    server.run(&["user", "sessions", "ben@example.org"]).fails(1, &["has no account"]);
}
