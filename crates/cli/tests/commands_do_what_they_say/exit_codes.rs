//! How commands end.

use crate::support::{ADMIN, Done, Server, fake::answering, run, usher};

fn ask(url: &str, arguments: &[&str]) -> Done {
    run(usher(arguments).env("USHER_URL", url).env("USHER_TOKEN", ADMIN))
}

#[test]
fn done_is_zero() {
    Server::start().run(&["flag", "ls"]).ok();
}

#[test]
fn usage_is_two() {
    run(&mut usher(["flag", "on", "resale-guard"])).fails(2, &["--environment"]);
    run(&mut usher(["flag", "ls", "--output", "xml"])).fails(2, &["xml", "table", "json"]);
    run(&mut usher(["rollback", "--to", "3"])).fails(2, &["--flag KEY", "--everything"]);
    run(&mut usher(["rollback", "--everything", "--to", "yesterday"])).fails(2, &["--to", "yesterday"]);
    let words = ["rollback", "--to", "3", "--flag", "resale-guard", "--environment", "production"];
    run(&mut usher(words)).fails(2, &["--venue"]);
    run(&mut usher::<&str>([])).expect(2);
}

#[test]
fn an_address_that_is_none_is_usage() {
    ask("usher.example", &["flag", "ls"]).fails(2, &["usher.example", "USHER_URL", "https://"]);
    ask("", &["flag", "ls"]).fails(2, &["USHER_URL"]);
}

#[test]
fn a_token_that_is_none_is_usage_and_not_shown() {
    let done = run(usher(["flag", "ls"]).env("USHER_TOKEN", "uat_secret\nuat_secret"));
    let done = done.fails(2, &["USHER_TOKEN"]);
    assert!(!done.stderr.contains("uat_secret"), "{done:?}");
}

#[test]
fn refused_is_three_and_names_field_value_and_mend() {
    let server = Server::seeded();
    let words = ["flag", "on", "resale-guard", "--environment", "moon"];
    server.run(&words).fails(3, &["environment", "moon", "Configure the flag for this environment first"]);
    let words = ["flag", "kill", "resale-guard", "-e", "production", "--venue", "atlantis"];
    server.run(&words).fails(3, &["atlantis"]);
    server.run(&["flag", "get", "no-such-flag"]).fails(3, &["404", "no-such-flag"]);
    let done = run(usher(["flag", "ls"]).env("USHER_URL", server.url()).env("USHER_TOKEN", "uat_wrong"));
    done.fails(3, &["401", "USHER_TOKEN"]);
}

#[test]
fn unreachable_is_four_and_says_why() {
    // No system gives this port to anybody who asks for a free one.
    let url = "http://127.0.0.1:1";
    ask(url, &["flag", "ls"]).fails(4, &[url, "refused", "USHER_URL"]);
    ask(url, &["doctor"]).fails(4, &[url]);
    let done = ask(url, &["flag", "on", "f", "-e", "production"]).fails(4, &[url]);
    assert!(!done.stderr.contains("may have been made"), "{done:?}");
}

#[test]
fn a_change_whose_answer_does_not_come_may_have_been_made() {
    let url = answering(vec!["HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"]).0;
    let done = ask(&url, &["flag", "on", "f", "-e", "production"]);
    done.fails(4, &["may have been made", "usher journal ls"]);
    let url = answering(vec!["HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"]).0;
    let done = ask(&url, &["flag", "ls"]).fails(4, &[&url]);
    assert!(!done.stderr.contains("may have been made"), "{done:?}");
}

#[test]
fn an_answer_that_is_not_ushers_is_a_failure() {
    let url = answering(vec!["HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n<h1>Hello!</h1>"]).0;
    ask(&url, &["flag", "ls"]).fails(1, &[&url, "USHER_URL"]);
    let url = answering(vec!["HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"]).0;
    ask(&url, &["flag", "ls"]).fails(3, &["502"]);
}

#[test]
fn a_redirect_is_told_not_followed() {
    let url = answering(vec![
        "HTTP/1.1 308 Permanent Redirect\r\nlocation: https://usher.example/\r\ncontent-length: 0\r\n\r\n",
    ])
    .0;
    ask(&url, &["flag", "ls"]).fails(3, &[&url, "https://usher.example/", "USHER_URL"]);
}
