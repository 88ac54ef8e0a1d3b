//! Reading a flag through the client never touches the heap, whatever it is answered from. In a test binary of
//! its own, because the allocator counts for all.
#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

#[allow(dead_code, unused_imports)] // Its own part only.
#[path = "sdk_tests/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::{Line, State, fan, live, put, server, stale, written};
use usher_sdk::{Bootstrap, Client, Context, Mode, Source};
use usher_testkit::allocations::{self, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// Reads flags of every type, one that is missing and one of another type.
fn read_all(client: &Client, context: &Context, tree: &Value) {
    for flag in ["always", "resale-guard", "off", "split", "old", "nothing", "banner"] {
        std::hint::black_box(client.boolean(flag, context, true));
    }
    for flag in ["banner", "nothing"] {
        std::hint::black_box(client.string(flag, context, "mine"));
    }
    for flag in ["layout", "nothing"] {
        std::hint::black_box(client.object(flag, context, tree));
    }
    std::hint::black_box((client.integer("limit", context, 1), client.float("fee", context, 1.0)));
    std::hint::black_box((client.status(), client.source()));
}

fn reads_for_nothing(client: &Client, what: &str) {
    let (context, tree) = (fan().with("appVersion", "3.2.0"), json!({}));
    // The first call of a thread may make itself at home.
    read_all(client, &context, &tree);
    assert_eq!(allocations::during(|| read_all(client, &context, &tree)), 0, "{what}");
}

#[tokio::test]
async fn not_one_allocation_whatever_it_is_answered_from() {
    assert_eq!(allocations::during(|| drop(Box::new(1))), 1, "the counter counts");
    let server = server().await;
    let split = json!({"default": {"split": {"by": ["targetingKey"], "seed": "s", "weights": [
        {"variant": "on", "weight": 1}, {"variant": "off", "weight": 1}]}}});
    put(&server, "split", split).await;
    put(&server, "old", json!({"whenStale": {"after": "1s", "then": "off"}})).await;
    let line = Line::to(&server.address()).await;
    for (kind, mode) in [("server", Mode::Ruleset), ("client", Mode::Values)] {
        line.set(State::Cut);
        let (key, folder) = (server.key(kind).await, tempfile::tempdir().unwrap());
        let build = || {
            let builder = Client::builder(&line.url(), &key).mode(mode).context(fan());
            builder.cache_dir(folder.path()).build().unwrap()
        };
        let client = build();
        assert_eq!(client.source(), Source::Nothing);
        reads_for_nothing(&client, "nothing");
        line.set(State::Open);
        live(&client).await;
        reads_for_nothing(&client, "live");
        line.set(State::Cut);
        stale(&client).await;
        reads_for_nothing(&client, "stale");
        written(folder.path()).await;
        let cached = build();
        assert_eq!(cached.source(), Source::Cache);
        reads_for_nothing(&cached, "cached");
        client.close();
        reads_for_nothing(&client, "closed");
    }
    let flags = json!({"documents": [support::rogue::flag("always", true)]}).to_string();
    let flags = Bootstrap::from_json("production", &flags).unwrap();
    let client = Client::builder("http://127.0.0.1:1", "usk_x").bootstrap(flags).build().unwrap();
    reads_for_nothing(&client, "bootstrap");
}
