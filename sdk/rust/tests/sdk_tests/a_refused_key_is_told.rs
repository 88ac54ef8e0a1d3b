//! A key that the server does not take is told to whoever operates the program, and is not tried all the time.

use std::time::Duration;

use crate::support::{Line, eventually, fan, live, server};
use serde_json::json;
use usher_sdk::{Client, Mode, Reason, Status};

async fn refused(client: &Client, line: &Line, secret: &str) {
    eventually("it is offline", async || client.status() == Status::Offline).await;
    let told = client.diagnostics().join("\n");
    assert!(told.contains("refuse") && !told.contains(secret), "{told}");
    let opened = line.opened();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(line.opened(), opened, "nobody tries again so soon");
}

#[tokio::test]
async fn a_key_that_never_was_and_one_of_the_wrong_kind_are_refused() {
    let server = server().await;
    let line = Line::to(&server.address()).await;
    let client = Client::builder(&line.url(), "usk_nobody-has-this").build().unwrap();
    refused(&client, &line, "nobody-has-this").await;
    assert_eq!(client.boolean_details("always", &fan(), true).reason, Reason::Error);
    client.close();
    let line = Line::to(&server.address()).await;
    let key = server.key("client").await;
    let client = Client::builder(&line.url(), &key).mode(Mode::Ruleset).build().unwrap();
    refused(&client, &line, &key).await;
    assert!(client.diagnostics().join("\n").contains("values mode"), "it says what would help");
}

#[tokio::test]
async fn a_key_that_is_revoked_takes_nothing_away() {
    let server = server().await;
    let key = json!({"name": "k", "type": "server", "environment": "production"});
    let (secret, name) = server.new_key(key).await;
    let line = Line::to(&server.address()).await;
    let client = Client::builder(&line.url(), &secret).build().unwrap();
    live(&client).await;
    server.admin().post(&format!("/api/v1/keys/{name}/revoke"), &json!({})).await.expect(200);
    refused(&client, &line, &secret).await;
    let answer = client.boolean_details("always", &fan(), false);
    assert_eq!((answer.value, answer.reason), (true, Reason::Stale));
}
