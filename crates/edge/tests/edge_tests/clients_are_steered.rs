//! A share of clients, venue by venue, is sent to a pool of edges and back, without anybody losing a flag on the way.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::support::{Edge, Server, client, eventually, fan, live, server, turn, url};
use serde_json::{Value, json};
use usher_sdk::{Client, Status, Subscription};

/// Sends so many of a hundred clients at Anfield to an address.
async fn steer(server: &Server, to: &str, percent: u32) {
    let steering: Value = json!([{"pool": "canary", "url": to, "percent": percent, "venues": ["anfield"]}]);
    let environment =
        json!({"kind": "environment", "key": "production", "name": "Production", "steering": steering});
    let commit = json!({"message": "steer", "changes": [{"put": environment}]});
    server.admin().post("/api/v1/commits", &commit).await.expect(201);
}

/// Waits until so many clients are served by the edge, and so many by the server itself.
async fn are_served(edge: &Edge, by_edge: usize, server: &Server, by_server: usize) {
    let counted = || {
        // The edge itself is one of the server's.
        let direct = server.running().app().surface.connections.all().len() - 1;
        (edge.running().surface().connections.all().len(), direct)
    };
    eventually("clients are where they should be", async || counted() == (by_edge, by_server)).await;
}

fn reads(clients: &[Client], expected: bool) -> bool {
    clients.iter().all(|client| client.boolean("always", &fan(), !expected) == expected)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_a_pool_and_back_and_none_loses_a_flag() {
    let server = server().await;
    let (key, client_key) = (server.key("server").await, server.key("client").await);
    let edge = Edge::ready(&url(&server), &key).await;
    let here: Vec<Client> = [&key, &client_key, &key, &client_key]
        .iter()
        .map(|key| client(&url(&server), key, "anfield"))
        .collect();
    let elsewhere = client(&url(&server), &key, "maracana");
    for client in here.iter().chain([&elsewhere]) {
        live(client).await;
    }
    are_served(&edge, 0, &server, 5).await;
    let lost = Arc::new(AtomicUsize::new(0));
    let watching = here.iter().map(|client| {
        let lost = Arc::clone(&lost);
        // That it is live may be told a moment after it can be seen.
        client.on_status(move |status| {
            lost.fetch_add(usize::from(*status != Status::Live), Ordering::Relaxed);
        })
    });
    let _watching: Vec<Subscription> = watching.collect();

    steer(&server, &edge.url(), 100).await;
    are_served(&edge, 4, &server, 1).await;
    assert!(reads(&here, true));
    turn(&server, "always", "kill").await;
    eventually("the kill arrives through the pool", async || reads(&here, false)).await;
    // Who comes new goes there, too.
    let late = client(&url(&server), &client_key, "anfield");
    are_served(&edge, 5, &server, 1).await;
    live(&late).await;

    // Taken back: it is the edge that knows.
    steer(&server, &edge.url(), 0).await;
    are_served(&edge, 0, &server, 6).await;
    turn(&server, "always", "revive").await;
    eventually("and at home", async || reads(&here, true)).await;
    assert!(here.iter().all(|client| client.status() == Status::Live));
    assert_eq!(lost.load(Ordering::Relaxed), 0, "nobody was anything but live on the way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_goes_down_sends_nobody_into_the_dark() {
    let server = server().await;
    let (key, client_key) = (server.key("server").await, server.key("client").await);
    let edge = Edge::ready(&url(&server), &key).await;
    let here = [client(&url(&server), &key, "anfield"), client(&url(&server), &client_key, "anfield")];
    steer(&server, &edge.url(), 100).await;
    are_served(&edge, 2, &server, 0).await;
    edge.stop().await;
    // At home they are told to go again, and stay for a while.
    for client in &here {
        let home = async || server.running().app().surface.connections.all().len() == 2;
        eventually("they are at home", home).await;
        live(client).await;
    }
    turn(&server, "always", "kill").await;
    eventually("the kill arrives", async || reads(&here, false)).await;
    // Nobody is sent where nobody is.
    steer(&server, "http://127.0.0.1:1", 100).await;
    let late = client(&url(&server), &key, "anfield");
    live(&late).await;
    eventually("it has flags", async || reads(std::slice::from_ref(&late), false)).await;
}
