//! `usher converge`, with clients that are really connected.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use usher_core::Context;
use usher_sdk::{Client, Mode, Status};

use crate::support::{Server, eventually, signal, usher};

fn connect(server: &Server, key: &str, mode: Mode, venue: &str) -> Client {
    let client = Client::builder(server.url(), key).mode(mode).venue(venue).build().unwrap();
    eventually("the client is live", || (client.status() == Status::Live).then_some(()));
    client
}

#[test]
fn a_change_is_followed_until_all_have_it() {
    let server = Server::seeded();
    let (rules, values) = (server.key("server"), server.key("client"));
    let clients = [
        connect(&server, &rules, Mode::Ruleset, "wembley-stadium"),
        connect(&server, &rules, Mode::Ruleset, "anfield"),
        connect(&server, &values, Mode::Values, "wembley-stadium"),
    ];
    let killed =
        server.json(&["flag", "kill", "resale-guard", "-e", "production", "--venue", "wembley-stadium"]);
    let seq = killed["seq"].as_u64().unwrap();

    server.run(&["converge", "--watch"]).ok().says(&[
        &format!("commit {seq}"),
        "VENUE",
        "DEVICES",
        "wembley-stadium",
    ]);
    let report = server.json(&["converge", &seq.to_string()]);
    // The gate at Anfield is sent nothing of Wembley.
    assert_eq!((&report["converged"], &report["expected"]), (&2.into(), &2.into()), "{report}");
    assert!(report["maxMs"].is_number(), "{report}");
    let context = Context::new("u-1").with("venue", "wembley-stadium");
    for client in &clients {
        let is_at_wembley = !std::ptr::eq(client, &raw const clients[1]);
        let context =
            if is_at_wembley { context.clone() } else { Context::new("u-1").with("venue", "anfield") };
        assert_eq!(client.boolean("resale-guard", &context, true), !is_at_wembley);
    }
}

/// Two devices in a process of their own, until it is dropped.
struct Devices(Child);

impl Devices {
    fn connect(server: &Server) -> Self {
        let devices = usher(["demo-devices", "--at", server.url(), "--count", "2"])
            .env("USHER_DEMO_SERVER_KEY", server.key("server"))
            .env("USHER_DEMO_CLIENT_KEY", server.key("client"))
            .stdin(Stdio::piped())
            .spawn();
        let devices = Self(devices.unwrap());
        let connected = || server.run(&["doctor"]).ok().stdout.contains("2 clients connected").then_some(());
        eventually("the devices are connected", connected);
        devices
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn watching_goes_on_until_the_last_one_has_it() {
    let server = Server::seeded();
    let devices = Devices::connect(&server);
    // They are connected, and can't do anything.
    signal(devices.0.id(), "STOP");
    server.run(&["flag", "off", "resale-guard", "-e", "production"]).ok();
    server.run(&["converge"]).ok().says(&["0 of 2"]);
    let mut watch = server.usher(&["converge", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("all ") && line.contains("0 of 2")));
    assert!(watch.try_wait().unwrap().is_none(), "it has not ended");
    signal(devices.0.id(), "CONT");
    let lines: Vec<String> = lines.collect();
    assert!(watch.wait().unwrap().success());
    assert!(lines.last().unwrap().starts_with("wembley-stadium  2 of 2"), "{lines:?}");
}

#[test]
fn a_commit_that_no_client_was_told_of_is_refused() {
    let server = Server::start();
    server.run(&["converge"]).fails(3, &["404", "sent to clients"]);
    server.run(&["converge", "99"]).fails(3, &["404"]);
    server.run(&["converge", "latest"]).fails(2, &["latest"]);
}
