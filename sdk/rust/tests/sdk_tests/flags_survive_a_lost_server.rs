//! A client that loses its server goes on with what it has, says so, and comes back by itself.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::support::{Line, Server, State, eventually, fan, kill, live, put, server, stale};
use serde_json::json;
use usher_sdk::{Client, Reason, Source, Status};

#[tokio::test]
async fn answers_go_on_from_memory_and_say_so_until_the_server_is_back() {
    let server = server().await;
    let line = Line::to(&server.address()).await;
    let client = Client::builder(&line.url(), &server.key("server").await).build().unwrap();
    live(&client).await;
    let fresh = client.boolean_details("resale-guard", &fan(), false);
    assert_eq!((fresh.value, fresh.reason, fresh.source), (true, Reason::TargetingMatch, Source::Server));
    assert!(fresh.age.unwrap() < Duration::from_secs(5));
    let told = Arc::new(Mutex::new(Vec::new()));
    let _statuses = client.on_status({
        let told = Arc::clone(&told);
        move |status| told.lock().unwrap().push(*status)
    });

    line.set(State::Cut);
    stale(&client).await;
    let Status::Stale { since } = client.status() else { panic!("{:?}", client.status()) };
    let begun = Instant::now();
    for _ in 0..1_000 {
        assert!(client.boolean("resale-guard", &fan(), false));
        assert_eq!(client.integer("limit", &fan(), 0), 4);
        assert_eq!(&*client.string("banner", &fan(), "none"), "Gates open at six");
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "no answer waited for the network");
    let old = client.boolean_details("resale-guard", &fan(), false);
    assert_eq!((old.value, old.reason, old.source), (true, Reason::Stale, Source::Server));
    assert_eq!(old.metadata.rule.as_deref(), Some("england"));
    let unknown = client.boolean_details("nothing", &fan(), true);
    assert_eq!((unknown.value, unknown.reason), (true, Reason::Error));

    kill(&server, "resale-guard").await;
    assert!(client.boolean("resale-guard", &fan(), false), "nobody can know");
    assert_eq!(client.status(), Status::Stale { since }, "since the same time");
    line.set(State::Open);
    live(&client).await;
    let after = client.boolean_details("resale-guard", &fan(), true);
    assert_eq!((after.value, after.reason), (false, Reason::Disabled));
    // It is told a moment after it is so; the first time may have been told before anybody listened.
    eventually("all of it was told", async || {
        matches!(told.lock().unwrap()[..], [.., Status::Stale { .. }, Status::Live])
    })
    .await;
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again_with_what_changed_meanwhile() {
    let server = server().await;
    let address = server.address();
    let client = Client::builder(&format!("http://{address}"), &server.key("server").await).build().unwrap();
    live(&client).await;
    let folder = server.stop().await;
    stale(&client).await;
    assert!(client.boolean("always", &fan(), false));
    let server = Server::start_in(folder, |settings| settings.listen = address).await;
    kill(&server, "always").await;
    eventually("the kill has come", async || !client.boolean("always", &fan(), true)).await;
    live(&client).await;
}

#[tokio::test]
async fn a_flag_that_opens_at_a_time_opens_without_the_server_too() {
    let server = server().await;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let doors = i64::try_from(since.as_millis()).unwrap() + 4_000;
    let open = json!({"id": "doors", "if": {"attribute": "currentTime", "op": "after", "values": [doors]},
        "serve": {"variant": "on"}});
    put(&server, "gates", json!({"rules": [open], "default": {"variant": "off"}})).await;
    let line = Line::to(&server.address()).await;
    let client = Client::builder(&line.url(), &server.key("server").await).build().unwrap();
    live(&client).await;
    line.set(State::Cut);
    assert!(!client.boolean("gates", &fan(), true), "not yet");
    eventually("the gates have opened", async || client.boolean("gates", &fan(), false)).await;
    assert_ne!(client.status(), Status::Live);
}

#[tokio::test]
async fn when_stale_says_what_old_data_is_worth() {
    let server = server().await;
    for (key, then) in [("held", "hold"), ("safe", "off"), ("yours", "default")] {
        put(&server, key, json!({"default": {"variant": "on"}, "whenStale": {"after": "1s", "then": then}}))
            .await;
    }
    put(
        &server,
        "patient",
        json!({"default": {"variant": "on"}, "whenStale": {"after": "6h", "then": "off"}}),
    )
    .await;
    // Rules are evaluated here, values by the server: both grow old alike.
    tokio::join!(grows_old(&server, "server"), grows_old(&server, "client"));
}

async fn grows_old(server: &Server, kind: &str) {
    let line = Line::to(&server.address()).await;
    let key = server.key(kind).await;
    let client = Client::builder(&line.url(), &key).context(fan()).build().unwrap();
    live(&client).await;
    // However long ago the last change was: what the server keeps confirming is not old.
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    eventually("it is not old", async || client.boolean("safe", &fan(), false)).await;
    line.set(State::Cut);
    stale(&client).await;
    eventually("the data is old", async || !client.boolean("safe", &fan(), true)).await;
    let safe = client.boolean_details("safe", &fan(), true);
    assert_eq!((safe.value, safe.variant.as_deref(), safe.reason), (false, Some("off"), Reason::Stale));
    let yours = client.boolean_details("yours", &fan(), true);
    assert_eq!((yours.value, yours.variant, yours.reason, yours.error), (true, None, Reason::Stale, None));
    assert!(!client.boolean("yours", &fan(), false));
    assert!(client.boolean("held", &fan(), false) && client.boolean("patient", &fan(), false));
    line.set(State::Open);
    live(&client).await;
    eventually("all is well", async || {
        client.boolean("safe", &fan(), false) && client.boolean("yours", &fan(), false)
    })
    .await;
}

#[tokio::test]
async fn a_silent_line_is_noticed_after_two_heartbeats() {
    let server = server().await;
    let line = Line::to(&server.address()).await;
    let client = Client::builder(&line.url(), &server.key("server").await).build().unwrap();
    live(&client).await;
    line.set(State::Silent);
    stale(&client).await;
    let age = client.boolean_details("always", &fan(), false).age.unwrap();
    assert!(age >= Duration::from_secs(1), "not before: {age:?}");
    line.set(State::Open);
    live(&client).await;
}

#[tokio::test]
async fn a_client_that_is_kept_from_running_does_not_call_itself_live() {
    let server = server().await;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let url = format!("http://{}", server.address());
    let builder = Client::builder(&url, &server.key("server").await).runtime(runtime.handle().clone());
    let client = builder.build().unwrap();
    live(&client).await;
    // Somebody else blocks its runtime.
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    runtime.spawn(async move {
        let _ = blocked.recv();
    });
    stale(&client).await;
    assert_eq!(client.boolean_details("always", &fan(), false).reason, Reason::Stale);
    drop(release);
    eventually("it goes on", async || client.status() == Status::Live).await;
    runtime.shutdown_background();
}

#[tokio::test]
async fn another_journal_under_the_same_address_replaces_everything() {
    let (first, second) = (server().await, server().await);
    kill(&second, "always").await;
    second.admin().delete("/api/v1/flags/limit").await.expect(200);
    let key = first.key("server").await;
    let line = Line::to(&first.address()).await;
    let client = Client::builder(&line.url(), &key).build().unwrap();
    live(&client).await;
    assert_eq!(client.integer("limit", &fan(), 0), 4);
    let copied = usher_journal_key(&first).await;
    second.running().app().world.append(copied).await.unwrap();
    line.set(State::Cut);
    stale(&client).await;
    line.lead_to(&second.address());
    line.heard();
    line.set(State::Open);
    live(&client).await;
    assert!(line.heard().contains(r#""type":"snapshot""#), "what it had is worth nothing there");
    assert!(!client.boolean("always", &fan(), true));
    assert_eq!(client.integer("limit", &fan(), 0), 0);
}

/// The first server's keys, as a commit for another.
async fn usher_journal_key(server: &Server) -> usher_journal::Append {
    let snapshot = server.running().app().world.snapshot();
    let keys = snapshot.state.entries().map(|entry| &entry.document);
    let keys = keys.filter(|document| {
        *document.kind() == usher_core::model::Kind::Key && document.key() != "admin-token"
    });
    usher_journal::Append {
        expected: Vec::new(),
        idempotency: None,
        actor: usher_journal::Actor::system("test"),
        message: "Keys of another".to_owned(),
        at: usher_core::model::Timestamp::EPOCH,
        changes: keys.cloned().map(usher_journal::Change::Put).collect(),
    }
}
