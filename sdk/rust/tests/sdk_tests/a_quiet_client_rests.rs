//! While nothing happens, a client costs nothing but its answers to pings.

use std::time::Duration;

use crate::support::{Line, State, eventually, live, put, server, stale};
use serde_json::json;
use usher_sdk::Client;

/// The thread of these clients: others have theirs in the same process, which come and go.
const THREAD: &str = "quiet";

/// The hundredths of a second that the clients' thread has computed for.
fn work() -> u64 {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
        // `pid (name) state …`; what is counted is the 14th and 15th field, proc(5).
        if let Some((_, rest)) = stat.split_once(&format!("({THREAD}) ")) {
            ticks += rest.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum::<u64>();
        }
    }
    ticks
}

#[tokio::test]
async fn live_or_stale_with_a_cache_or_without_it_waits_for_the_next_event() {
    let server = server().await;
    let key = server.key("server").await;
    let folder = tempfile::tempdir().unwrap();
    let line = Line::to(&server.address()).await;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).thread_name(THREAD).enable_all().build().unwrap();
    let builder = || Client::builder(&line.url(), &key).runtime(runtime.handle().clone());
    let clients = [builder().build().unwrap(), builder().cache_dir(folder.path()).build().unwrap()];
    for state in [State::Open, State::NoUpgrades(400), State::Cut] {
        line.set(state);
        for client in &clients {
            if state == State::Cut { stale(client).await } else { live(client).await }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let before = work();
        tokio::time::sleep(Duration::from_millis(700)).await;
        let spent = work() - before;
        assert!(spent < 30, "{spent} hundredths of a second in seventy, {state:?}");
    }
    // It is their work that is counted: with enough of it, the clock has ticked.
    line.set(State::Open);
    let mut on = false;
    eventually("their work is counted", async || {
        on = !on;
        put(&server, "busy", json!({"enabled": on})).await;
        work() > 0
    })
    .await;
    // It can't be dropped where others wait.
    runtime.shutdown_background();
}
