//! Values of every type, defaults, contexts, the disk, the background, and an end that takes no time.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use usher_ffi::{
    AttributeValue, Config, ConnectionState, FlagContext, FlagErrorCode, FlagSource, FlagsClient, FlagsError,
    Obstacle,
};

use crate::{
    at, config, live,
    support::{Line, State, eventually, kill, put, server, written},
};
use serde_json::json;

#[tokio::test]
async fn values_of_every_type_come_with_all_that_is_known() {
    let server = server().await;
    let client =
        FlagsClient::new(config(&format!("http://{}", server.address()), &server.key("client").await))
            .unwrap();
    live(&client).await;
    assert!(client.boolean("resale-guard", false));
    assert_eq!((client.integer("limit", 0), client.float("fee", 0.0)), (4, 2.5));
    assert_eq!(client.string("banner", String::new()), "Gates open at six");
    let layout: serde_json::Value = serde_json::from_str(&client.object("layout", String::new())).unwrap();
    assert_eq!(layout, json!({"rows": [1, 2], "name": "bowl"}));

    let details = client.boolean_details("resale-guard", false);
    assert_eq!(
        (details.value, details.variant.as_deref(), &*details.reason),
        (true, Some("on"), "TARGETING_MATCH")
    );
    assert_eq!((details.error_code, details.source), (None, FlagSource::Server));
    assert_eq!(details.metadata["rule"], AttributeValue::Text { value: "england".to_owned() });
    assert!(details.age_ms.unwrap() < 10_000 && details.as_of_ms.unwrap() > 1_700_000_000_000);
    assert_eq!(client.integer_details("limit", 0).value, 4);
    assert!((client.float_details("fee", 0.0).value - 2.5).abs() < f64::EPSILON);
    assert_eq!(client.string_details("banner", String::new()).variant.as_deref(), Some("on"));
    assert!(client.object_details("layout", "{}".to_owned()).value.contains("bowl"));
}

#[tokio::test]
async fn what_does_not_fit_gives_the_callers_default_and_says_why() {
    let server = server().await;
    let client =
        FlagsClient::new(config(&format!("http://{}", server.address()), &server.key("client").await))
            .unwrap();
    live(&client).await;
    assert!(client.boolean("nothing", true) && client.boolean("banner", true));
    assert_eq!(
        (client.integer("banner", 7), client.string("limit", "mine".to_owned())),
        (7, "mine".to_owned())
    );
    assert_eq!(client.object("banner", "[1]".to_owned()), "[1]");
    let missing = client.boolean_details("hidden", true);
    assert_eq!((missing.value, missing.error_code), (true, Some(FlagErrorCode::FlagNotFound)));
    assert!(missing.error_message.unwrap().contains("`hidden`"));
    let other = client.object_details("banner", "[1]".to_owned());
    assert_eq!((&*other.value, other.error_code), ("[1]", Some(FlagErrorCode::TypeMismatch)));
    for (url, bootstrap) in [("flags.example.org", None), ("http://127.0.0.1:1", Some("{}".to_owned()))] {
        let made = FlagsClient::new(Config { bootstrap, ..config(url, "uck_x") });
        assert!(matches!(made, Err(FlagsError::Invalid(_))));
    }
}

#[tokio::test]
async fn another_person_gets_their_own_and_a_context_that_is_none_changes_nothing() {
    let server = server().await;
    let client =
        FlagsClient::new(config(&format!("http://{}", server.address()), &server.key("client").await))
            .unwrap();
    live(&client).await;
    assert!(!client.boolean("for-staff", false));
    client.set_context(at("berlin-dome", "u-staff")).unwrap();
    assert!(!client.boolean("resale-guard", false), "not the other person's");
    eventually("theirs have come", async || client.boolean("for-staff", false)).await;
    assert!(!client.boolean("resale-guard", true), "off at the dome");
    let broken = AttributeValue::Json { text: "{".to_owned() };
    let broken = FlagContext { attributes: [("device".to_owned(), broken)].into(), ..at("anfield", "u-1") };
    assert!(client.set_context(broken).unwrap_err().to_string().contains("`device`"));
    assert!(client.boolean("for-staff", false));
}

#[tokio::test]
async fn what_is_on_disk_is_there_before_the_network() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let line = Line::to(&server.address()).await;
    let key = server.key("client").await;
    let build = |version: &str| {
        let cache_dir = Some(folder.path().to_string_lossy().into_owned());
        let app_version = Some(version.to_owned());
        FlagsClient::new(Config { cache_dir, app_version, ..config(&line.url(), &key) }).unwrap()
    };
    let before = build("3.2.0");
    live(&before).await;
    written(folder.path()).await;
    before.shutdown();
    line.set(State::Cut);
    let after = build("4.0.0");
    let first = after.boolean_details("resale-guard", false);
    assert_eq!((first.value, &*first.reason, first.source), (true, "CACHED", FlagSource::Cache));
    eventually("it knows why", async || after.status().obstacle == Some(Obstacle::Unreachable)).await;
    line.set(State::Open);
    live(&after).await;
}

#[tokio::test]
async fn what_the_app_brings_along_is_there_before_the_network() {
    let bootstrap = json!({"environment": "staging", "schema": 1,
        "values": {"always": {"value": true, "variant": "on", "reason": "STATIC"}}});
    let bootstrap = Some(bootstrap.to_string());
    let client = FlagsClient::new(Config { bootstrap, ..config("http://127.0.0.1:1", "uck_x") }).unwrap();
    let first = client.boolean_details("always", false);
    assert_eq!((first.value, &*first.reason, first.source), (true, "DEFAULT", FlagSource::Bootstrap));
    assert_eq!((first.age_ms, first.as_of_ms), (None, None));
}

#[tokio::test]
async fn it_rests_in_the_background_and_counts_what_it_is_told() {
    let server = server().await;
    let setup = Config {
        background_poll_seconds: Some(1),
        send_seconds: Some(600),
        ..config(&format!("http://{}", server.address()), &server.key("client").await)
    };
    let client = FlagsClient::new(setup).unwrap();
    live(&client).await;
    let streams = || server.running().app().connections.summary(None).total;
    client.expose("always");
    client.track("checkout-seconds", 1.5);
    client.track_result("checkout", false);
    client.flush();
    let counts = &server.running().app().counts;
    eventually("they have come", async || counts.exposures("always", "on") == 1).await;
    client.background();
    eventually("its stream has ended", async || streams() == 0).await;
    kill(&server, "always").await;
    eventually("it has asked", async || !client.boolean("always", true)).await;
    client.foreground();
    eventually("it streams", async || streams() == 1).await;
}

#[tokio::test]
async fn it_ends_at_once_whatever_it_is_doing_and_goes_on_answering() {
    let server = server().await;
    let key = server.key("client").await;
    let line = Line::to(&server.address()).await;
    let client = FlagsClient::new(config(&line.url(), &key)).unwrap();
    live(&client).await;
    let at_once = |client: &FlagsClient| {
        let begun = Instant::now();
        client.shutdown();
        client.shutdown();
        assert!(begun.elapsed() < Duration::from_millis(500));
        assert_eq!((client.status().state, client.status().obstacle), (ConnectionState::Closed, None));
    };
    at_once(&client);
    assert!(client.boolean("always", false));
    line.set(State::Silent);
    at_once(&FlagsClient::new(config(&line.url(), &key)).unwrap());
    at_once(&FlagsClient::new(config("http://no.such.host.invalid", &key)).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_threads_read_while_values_change() {
    let server = server().await;
    put(&server, "both", json!({"default": {"variant": "on"}})).await;
    let client =
        FlagsClient::new(config(&format!("http://{}", server.address()), &server.key("client").await))
            .unwrap();
    live(&client).await;
    let (client, stop) = (std::sync::Arc::new(client), std::sync::Arc::new(AtomicBool::new(false)));
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let (client, stop) = (std::sync::Arc::clone(&client), std::sync::Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut reads = 0_u64;
                // At least once, however late it begins on a busy machine.
                loop {
                    assert_eq!(client.integer("limit", 0), 4);
                    assert!(matches!(&*client.string("banner", String::new()), "Gates open at six"));
                    let _ = client.boolean("both", false);
                    reads += 1;
                    if stop.load(Ordering::Relaxed) {
                        return reads;
                    }
                }
            })
        })
        .collect();
    for n in 0..20 {
        let variant = if n % 2 == 0 { "off" } else { "on" };
        put(&server, "both", json!({"default": {"variant": variant}})).await;
    }
    eventually("the last one has come", async || client.boolean("both", false)).await;
    stop.store(true, Ordering::Relaxed);
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() > 0));
}
