//! What a program counts arrives at its server, once, however often it had to be sent.

use crate::support::{Line, State, eventually, fan, live, server};
use serde_json::json;
use usher_sdk::{Client, Context, Mode};

#[tokio::test]
async fn what_was_counted_is_sent_when_the_client_is_closed() {
    let server = server().await;
    let url = format!("http://{}", server.address());
    let client = Client::builder(&url, &server.key("server").await).venue("anfield").build().unwrap();
    live(&client).await;
    for _ in 0..3 {
        client.expose("always", &Context::anonymous());
        client.expose("off", &fan());
        client.expose("nothing", &fan());
        client.track("orders", &fan(), 2.5);
    }
    client.close();
    let counts = &server.running().app().counts;
    eventually("they have come", async || counts.exposures("always", "on") == 3).await;
    assert_eq!((counts.exposures("off", "off"), counts.exposures("nothing", "on")), (3, 0));
}

#[tokio::test]
async fn a_server_that_is_away_loses_nothing() {
    let server = server().await;
    let line = Line::to(&server.address()).await;
    let client = Client::builder(&line.url(), &server.key("server").await).build().unwrap();
    live(&client).await;
    line.set(State::Cut);
    client.expose("always", &fan());
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    client.expose("always", &fan());
    line.set(State::Open);
    drop(client);
    let counts = &server.running().app().counts;
    eventually("they have come", async || counts.exposures("always", "on") == 2).await;
}

#[tokio::test]
async fn what_a_program_only_reads_is_known_and_counts_nought_times() {
    for mode in [Mode::Ruleset, Mode::Values] {
        let server = server().await;
        let url = format!("http://{}", server.address());
        let client =
            Client::builder(&url, &server.key("server").await).mode(mode).context(fan()).build().unwrap();
        live(&client).await;
        assert!(client.boolean("always", &fan(), false));
        let _ = client.integer_details("limit", &fan(), 0);
        client.track("orders", &fan(), 2.5);
        client.close();
        let known = async |flag: &str| {
            let path = format!("/api/v1/flags/{flag}/evaluations?environment=production");
            let answer = server.admin().get(&path).await.expect(200).json();
            assert_eq!(answer["series"], json!([]));
            answer["last"].is_string()
        };
        eventually("it is told", async || known("always").await && known("limit").await).await;
        assert!(!known("banner").await, "nobody has read it");
    }
}
