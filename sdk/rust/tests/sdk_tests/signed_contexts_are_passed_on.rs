//! A phone passes on what its backend has signed, renews it without anybody noticing, and keeps its values when it can't.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use crate::support::{Line, PATIENCE, Rogue, Server, State, eventually, kill, live, server, written};
use serde_json::json;
use tokio::time::timeout;
use usher_sdk::{
    Client, Context, Mode, Refusal, RenewalNeeded, Source, Status,
    signed_context::{SignError, Signer, signed_context},
};

const HOUR: Duration = Duration::from_secs(3_600);

fn url(server: &Server) -> String {
    format!("http://{}", server.address())
}

/// A client key that requires signed contexts, and a key that signs them.
async fn keys(server: &Server) -> (String, String) {
    let phones = json!({"name": "phones", "type": "client", "environment": "production", "signedContexts": "required"});
    let backend = json!({"name": "backend", "type": "context", "environment": "production"});
    (server.new_key(phones).await.0, server.new_key(backend).await.0)
}

fn fan() -> Context {
    Context::new("u-7").with("venue", "anfield")
}

/// Signed so that it is taken for so many seconds more.
fn lasting(secret: &str, seconds: u64) -> String {
    let from = SystemTime::now() - Duration::from_secs(120 - seconds);
    Signer::new(secret).unwrap().sign_from(&fan(), &["staff"], Duration::from_secs(60), from).unwrap()
}

#[tokio::test]
async fn what_is_signed_is_what_counts_and_is_renewed_unnoticed() {
    let server = server().await;
    let (phones, backend) = keys(&server).await;
    let said = Context::new("u-staff").with("venue", "berlin-dome").with("platform", "ios");
    let token = signed_context(&backend, &fan(), &[], HOUR).unwrap();
    let client =
        Client::builder(&url(&server), &phones).context(said.clone()).signed_context(token).build().unwrap();
    live(&client).await;
    assert!(!client.boolean("for-staff", &said, true), "the backend says who they are");
    assert!(client.boolean("resale-guard", &said, false), "and that they are in England");
    assert_eq!(client.refusal(), None);
    // Another signature under the same changes nothing, and nobody sees the client out of date for it.
    let statuses = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&statuses);
    let _statuses = client.on_status(move |status| seen.lock().unwrap().push(*status));
    client.set_signed_context(Some(&signed_context(&backend, &fan(), &[], HOUR * 2).unwrap()));
    assert_eq!(client.status(), Status::Live);
    kill(&server, "resale-guard").await;
    eventually("changes go on", async || !client.boolean("resale-guard", &said, true)).await;
    // That it is live may be told a moment after it can be seen.
    assert!(statuses.lock().unwrap().iter().all(|status| *status == Status::Live));
    // One that says more does.
    client.set_signed_context(Some(&signed_context(&backend, &fan(), &["staff"], HOUR).unwrap()));
    eventually("they are of the staff now", async || client.boolean("for-staff", &said, false)).await;
    live(&client).await;
    // Somebody else signs in: with their context comes their signature.
    let token = signed_context(&backend, &Context::new("u-8").with("venue", "anfield"), &[], HOUR).unwrap();
    client.set_context_signed(&Context::new("u-8"), Some(&token));
    live(&client).await;
    assert!(!client.boolean("for-staff", &said, true));
}

#[tokio::test]
async fn another_is_asked_for_in_time_and_again_once_it_has_run_out() {
    let server = server().await;
    let (phones, backend) = keys(&server).await;
    let builder = Client::builder(&url(&server), &phones).signed_context(lasting(&backend, 5));
    let client = builder.build().unwrap();
    let asked: Arc<Mutex<Vec<RenewalNeeded>>> = Arc::default();
    let notes = Arc::clone(&asked);
    let _renewals = client.on_renewal_needed(move |needed| notes.lock().unwrap().push(needed.clone()));
    live(&client).await;
    eventually("it is asked for", async || !asked.lock().unwrap().is_empty()).await;
    let in_time = asked.lock().unwrap()[0].expires_in.unwrap();
    assert!(in_time <= Duration::from_secs(5), "{in_time:?}");
    // Nobody renews it: the server takes it no more, and says so. The values stay.
    eventually("it has run out", async || client.status() == Status::Offline).await;
    let Some(Refusal::SignedContext(why)) = client.refusal() else { panic!("{:?}", client.refusal()) };
    assert!(why.contains("ask your backend for a new one"), "{why}");
    assert!(client.boolean("for-staff", &Context::anonymous(), false), "the last values stay");
    assert_eq!(client.source(), Source::Server);
    eventually("it is asked for again", async || {
        asked.lock().unwrap().iter().any(|own| own.expires_in.is_none())
    })
    .await;
    // Whoever listens later is told as well.
    let late: Arc<Mutex<u32>> = Arc::default();
    let count = Arc::clone(&late);
    let _late = client.on_renewal_needed(move |_| *count.lock().unwrap() += 1);
    assert!(*late.lock().unwrap() > 0);
    client.set_signed_context(Some(&signed_context(&backend, &fan(), &["staff"], HOUR).unwrap()));
    live(&client).await;
    assert_eq!(client.refusal(), None);
    assert!(
        !format!("{:?}", client.diagnostics()).contains(&lasting(&backend, 5)[..40]),
        "no token in reports"
    );
}

#[tokio::test]
async fn values_are_kept_for_whom_they_are_signed_and_polled_where_no_stream_comes_through() {
    let server = server().await;
    let (phones, backend) = keys(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let token = signed_context(&backend, &fan(), &["staff"], HOUR).unwrap();
    let build = |url: &str, version: &str| {
        let said = Context::anonymous().with("appVersion", version);
        let builder = Client::builder(url, &phones).context(said).signed_context(&*token);
        builder.cache_dir(folder.path()).build().unwrap()
    };
    let line = Line::to(&server.address()).await;
    let first = build(&line.url(), "1.0.0");
    live(&first).await;
    written(folder.path()).await;
    first.close();
    drop(first);
    // Offline after an upgrade of the app: who is signed is still the same.
    line.set(State::Cut);
    let second = build(&line.url(), "2.0.0");
    assert_eq!(second.source(), Source::Cache);
    assert!(second.boolean("for-staff", &Context::anonymous(), false));
    second.close();
    drop(second);
    // Another person's values are not these.
    let other = signed_context(&backend, &Context::new("u-9"), &[], HOUR).unwrap();
    let third =
        Client::builder(&line.url(), &phones).signed_context(other).cache_dir(folder.path()).build().unwrap();
    assert_eq!(third.source(), Source::Nothing);
    third.close();
    // By plain HTTP the refusal is the same.
    line.set(State::NoUpgrades(502));
    let polling = Client::builder(&line.url(), &phones).context(Context::new("u-staff")).build().unwrap();
    eventually("it is refused", async || matches!(polling.refusal(), Some(Refusal::SignedContext(_)))).await;
    polling.set_signed_context(Some(&token));
    assert!(polling.wait_until_live(PATIENCE).await, "{:?}", polling.diagnostics());
    assert!(polling.boolean("for-staff", &Context::anonymous(), false));
}

#[test]
fn what_the_server_would_refuse_is_not_signed() {
    let secret = format!("usx_app~{}~production", "A".repeat(43));
    let sign = |context: &Context, cohorts: &[&str], lasts| signed_context(&secret, context, cohorts, lasts);
    assert!(sign(&fan(), &[], HOUR).is_ok());
    for lasts in [Duration::ZERO, HOUR * 25, Duration::MAX] {
        assert!(matches!(sign(&fan(), &[], lasts), Err(SignError::Unfit(_))), "{lasts:?}");
    }
    assert!(matches!(sign(&fan(), &["c"; 65], HOUR), Err(SignError::Unfit(_))));
    let long = fan().with("note", "x".repeat(9_000).as_str());
    assert!(matches!(sign(&long, &[], HOUR), Err(SignError::TooLong(_))));
    assert!(matches!(sign(&fan().with("cohorts", "staff"), &[], HOUR), Err(SignError::Unfit(_))));
    for bad in ["", "uck_x", &secret[..40], &secret.replace("AAAA", "AAA!")] {
        let error = signed_context(bad, &fan(), &[], HOUR).unwrap_err();
        assert!(matches!(error, SignError::Secret(_)), "{bad}");
        assert!(bad.is_empty() || !error.to_string().contains(bad), "a secret is not repeated");
    }
    assert!(!format!("{:?}", Signer::new(&secret).unwrap()).contains("AAAA"));
}

/// A refused client waits for half a minute at least. This one need not: what was refused is not what it asks for.
#[tokio::test]
async fn one_that_is_set_while_the_one_before_is_being_refused_is_tried_at_once() {
    let rogue = Rogue::start().await;
    let client =
        Client::builder(&rogue.url(), "uck_x").mode(Mode::Values).signed_context("old").build().unwrap();
    let refusal = json!({"type": "error", "code": "signedContext", "message": "expired", "retry": true});
    // Set before it is refused, and then by whoever is told that it was.
    let mut guest = rogue.guest().await;
    client.set_signed_context(Some("newer"));
    guest.say(&refusal).await;
    let soon = Duration::from_secs(20);
    let mut guest = timeout(soon, rogue.guest()).await.expect("tried at once");
    assert_eq!(guest.hello["context"]["signedContext"], "newer");
    let own = client.clone();
    let _renewals = client.on_renewal_needed(move |_| own.set_signed_context(Some("newest")));
    guest.say(&refusal).await;
    let guest = timeout(soon, rogue.guest()).await.expect("tried at once");
    assert_eq!(guest.hello["context"]["signedContext"], "newest");
}
