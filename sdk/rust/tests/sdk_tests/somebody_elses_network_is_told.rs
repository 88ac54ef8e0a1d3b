//! On a network that answers in the server's place a client says that it is offline, and why; it believes nothing that
//! it is told there, loses nothing, and goes on as soon as the server is there again.

use crate::support::{Line, Portal, Server, State, eventually, fan, live, portal, server};
use serde_json::json;
use usher_sdk::{Bootstrap, Client, Mode, Obstacle, Status};
use usher_testkit::authority::Authority;

async fn offline(client: &Client, obstacle: Obstacle) {
    eventually("it is offline", async || {
        client.status() == Status::Offline && client.obstacle() == Some(obstacle)
    })
    .await;
}

#[tokio::test]
async fn a_captive_portal_is_offline_and_gone_when_it_lets_through() {
    let server = server().await;
    for (mode, kind) in [(Mode::Values, "client"), (Mode::Ruleset, "server")] {
        let (line, portal) = (Line::to(&server.address()).await, Portal::start().await);
        let client = Client::builder(&line.url(), &server.key(kind).await).mode(mode).context(fan()).build();
        let client = client.unwrap();
        live(&client).await;
        assert_eq!(client.obstacle(), None);
        for answer in [portal::PAGE, portal::REDIRECT, portal::FORBIDDEN] {
            portal.answers(answer);
            line.lead_to(portal.address());
            line.set(State::Cut);
            eventually("it has lost its server", async || client.status() != Status::Live).await;
            line.set(State::Open);
            offline(&client, Obstacle::Portal).await;
            assert!(client.boolean("always", &fan(), false), "the last good values stay");
            line.lead_to(&server.address());
            live(&client).await;
            assert_eq!(client.obstacle(), None);
        }
    }
}

#[tokio::test]
async fn what_was_counted_is_not_given_to_a_portal() {
    let server = server().await;
    let (line, portal) = (Line::to(&server.address()).await, Portal::start().await);
    let client = Client::builder(&line.url(), &server.key("client").await).context(fan()).build().unwrap();
    live(&client).await;
    client.expose("always", &fan());
    line.lead_to(portal.address());
    line.set(State::Cut);
    eventually("it has lost its server", async || client.status() != Status::Live).await;
    line.set(State::Open);
    client.flush();
    offline(&client, Obstacle::Portal).await;
    line.lead_to(&server.address());
    live(&client).await;
    let counts = &server.running().app().counts;
    client.flush();
    eventually("it has come", async || counts.exposures("always", "on") == 1).await;
}

#[tokio::test]
async fn a_certificate_of_somebody_elses_is_never_taken() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let server = Server::start_with(|settings| {
        settings.tls_certificate = Some(authority.server.clone());
        settings.tls_key = Some(authority.key.clone());
    })
    .await;
    let bootstrap = json!({"values": {"always": {"value": true, "variant": "on", "reason": "STATIC"}}});
    let client = Client::builder(&format!("https://{}", server.address()), "uck_x")
        .bootstrap(Bootstrap::from_json("production", &bootstrap.to_string()).unwrap())
        .build()
        .unwrap();
    offline(&client, Obstacle::Intercepted).await;
    assert!(client.boolean("always", &fan(), false));
    let told = client.diagnostics().join("\n");
    assert!(told.contains("certificate") && !told.contains("uck_x"), "{told}");
}

#[tokio::test]
async fn a_server_that_is_being_replaced_is_no_portal() {
    let portal = Portal::start().await;
    portal.answers(portal::UNAVAILABLE);
    let client = Client::builder(&format!("http://{}", portal.address()), "uck_x").build().unwrap();
    eventually("it knows", async || client.obstacle() == Some(Obstacle::Unwell)).await;
    assert_eq!(client.status(), Status::Connecting);
}

#[tokio::test]
async fn no_network_is_no_portal() {
    let client = Client::builder("http://127.0.0.1:1", "uck_x").build().unwrap();
    eventually("it knows", async || client.obstacle() == Some(Obstacle::Unreachable)).await;
    assert_eq!(client.status(), Status::Connecting);
    let client = Client::builder("http://no.such.host.invalid", "uck_x").build().unwrap();
    eventually("it knows", async || client.obstacle() == Some(Obstacle::Unreachable)).await;
    client.close();
    assert!(client.is_closed() && client.status() == Status::Offline);
}
