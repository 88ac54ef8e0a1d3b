//! Reading a flag through the client never touches the heap, whatever it is answered from. In a test binary of
//! its own, because the allocator counts for all.
#![allow(unsafe_code)] // A global allocator can't be written without.
#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use serde_json::{Value, json};
use support::{Line, State, fan, live, put, server, stale, written};
use usher_sdk::{Bootstrap, Client, Context, Mode, Source};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Counts what this thread allocates.
struct Counting;

// SAFETY: passes everything on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

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
    assert_eq!(allocations(|| read_all(client, &context, &tree)), 0, "{what}");
}

#[tokio::test]
async fn not_one_allocation_whatever_it_is_answered_from() {
    assert_eq!(allocations(|| drop(Box::new(1))), 1, "the counter counts");
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
