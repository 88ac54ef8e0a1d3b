//! What a backend has signed reaches the server as it is, and an app hears when another is needed.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use serde_json::json;
use usher_ffi::{Config, ConnectionState, FlagsClient, FlagsListener, ListenerError, Obstacle, StatusReport};
use usher_sdk::{
    Context,
    signed_context::{Signer, signed_context},
};

use crate::{
    config, live,
    support::{Server, eventually, server},
};

async fn client(server: &Server) -> (FlagsClient, String) {
    let phones = json!({"name": "phones", "type": "client", "environment": "production", "signedContexts": "required"});
    let backend = json!({"name": "backend", "type": "context", "environment": "production"});
    let (phones, backend) = (server.new_key(phones).await.0, server.new_key(backend).await.0);
    (FlagsClient::new(config(&format!("http://{}", server.address()), &phones)).unwrap(), backend)
}

fn signed(secret: &str, cohorts: &[&str]) -> Option<String> {
    let fan = Context::new("u-7").with("venue", "anfield");
    Some(signed_context(secret, &fan, cohorts, Duration::from_secs(3_600)).unwrap())
}

#[tokio::test]
async fn an_app_is_told_that_a_signature_is_needed_and_passes_it_on() {
    let server = server().await;
    let (client, backend) = client(&server).await;
    eventually("it is told", async || client.status().wants_signed_context).await;
    let status = client.status();
    assert_eq!((status.state, status.obstacle), (ConnectionState::Offline, Some(Obstacle::Refused)));
    client.set_signed_context(signed(&backend, &[]));
    live(&client).await;
    assert!(!client.status().wants_signed_context);
    assert!(!client.boolean("for-staff", true));
    client.set_context_signed(crate::at("anfield", "u-7"), signed(&backend, &["staff"])).unwrap();
    eventually("they are of the staff", async || client.boolean("for-staff", false)).await;
    // Altered on the way: it still says of whom it speaks.
    let (says, signature) = signed(&backend, &["staff"])
        .unwrap()
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    client.set_signed_context(Some(format!("{says}.{other}{}", &signature[1..])));
    eventually("it is told again", async || client.status().wants_signed_context).await;
    assert!(client.boolean("for-staff", false), "values stay");
}

/// Signed so that another is asked for as soon as the server sees it, each time by another text that says the same.
fn short(secret: &str, round: u64) -> Option<String> {
    let fan = Context::new("u-7").with("venue", "anfield");
    let lasts = Duration::from_secs(30 + round);
    Some(Signer::new(secret).unwrap().sign_from(&fan, &[], lasts, SystemTime::now()).unwrap())
}

/// Keeps what it hears of.
#[derive(Default)]
struct Ear(Mutex<Vec<StatusReport>>);

impl FlagsListener for Ear {
    fn on_change(&self, _: Vec<String>) -> Result<(), ListenerError> {
        Ok(())
    }

    fn on_status(&self, status: StatusReport) -> Result<(), ListenerError> {
        self.0.lock().unwrap().push(status);
        Ok(())
    }
}

#[tokio::test]
async fn each_renewal_is_another_status_than_the_one_before() {
    let server = server().await;
    let (client, backend) = client(&server).await;
    client.set_signed_context(short(&backend, 0));
    let ear = Arc::new(Ear::default());
    client.add_listener(Arc::clone(&ear) as Arc<dyn FlagsListener>).unwrap();
    let asked = client.status().renewals;
    for round in 1..=3 {
        let wanted = |status: &StatusReport| status.wants_signed_context && status.renewals >= asked + round;
        eventually("it is told", async || ear.0.lock().unwrap().iter().any(wanted)).await;
        ear.0.lock().unwrap().clear();
        client.set_signed_context(short(&backend, round));
        // Nothing else about the client has changed by it.
        eventually("that it is done is told, too", async || {
            ear.0.lock().unwrap().iter().any(|status| !status.wants_signed_context)
        })
        .await;
    }
    assert_eq!(client.status().state, ConnectionState::Live);
}

#[tokio::test]
async fn it_can_be_there_from_the_start() {
    let server = server().await;
    let (_, backend) = client(&server).await;
    let key = server.key("client").await;
    let own = config(&format!("http://{}", server.address()), &key);
    let client = FlagsClient::new(Config { signed_context: signed(&backend, &["staff"]), ..own }).unwrap();
    live(&client).await;
    assert!(client.boolean("for-staff", false));
}
