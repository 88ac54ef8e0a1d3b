//! How `usher serve` begins and ends.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use usher_sdk::{Client, Status};

use crate::support::{Server, eventually, http, run, signal, usher};

#[test]
fn a_server_says_where_it_listens() {
    let server = Server::start();
    assert!(server.url().starts_with("http://127.0.0.1:"), "{}", server.ready);
    let folder = tempfile::tempdir().unwrap();
    let mut command = usher(["serve", "--listen", "127.0.0.1:0", "--data"]);
    let child = command.arg(folder.path()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("usher listens on http://127.0.0.1:"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_stops_cleanly_with_clients_connected() {
    for name in ["TERM", "INT"] {
        let server = Server::seeded();
        let keys = [server.key("server"), server.key("client")];
        let clients = keys.map(|key| Client::builder(server.url(), &key).venue("anfield").build().unwrap());
        for client in &clients {
            eventually("the client is live", || (client.status() == Status::Live).then_some(()));
        }
        // One that holds its connection and says nothing more.
        let request = http().get(format!("{}/healthz", server.url()));
        assert_eq!(request.send().await.unwrap().status(), 200);
        let idle = std::net::TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
        signal(server.id(), name);
        let (status, said) = server.wait();
        assert_eq!(status.code(), Some(0), "{name}: {said}");
        for client in &clients {
            eventually("the client notices", || (client.status() != Status::Live).then_some(()));
        }
        drop(idle);
    }
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_in(folder.path());
    crate::support::fixtures::seed(&server);
    let before = server.json(&["journal", "verify"]);
    assert!(server.stop().0.success());
    let server = Server::start_in(folder.path());
    assert_eq!(server.json(&["journal", "verify"]), before);
}

#[test]
fn what_is_no_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    run(&mut Server::command(&file)).fails(1, &["journal"]);
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/journal.db"), "not a database, but long enough to be one")
        .unwrap();
    run(&mut Server::command(&folder.path().join("data"))).fails(1, &["journal.db", "not a journal"]);
    assert!(std::fs::read_to_string(folder.path().join("data/journal.db")).unwrap().starts_with("not a"));
}
