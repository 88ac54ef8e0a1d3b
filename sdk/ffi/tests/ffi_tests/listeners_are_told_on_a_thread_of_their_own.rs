//! A listener hears what changed, on a thread that nobody waits for: one that hangs, throws or ends the client stops
//! nothing.

use std::{
    sync::{Arc, Mutex, Weak},
    thread::ThreadId,
    time::{Duration, Instant},
};

use usher_ffi::{ConnectionState, FlagsClient, FlagsListener, ListenerError, StatusReport};

use crate::{
    at, config, live,
    support::{Line, State, eventually, kill, server},
};

type OnChange = Box<dyn Fn(&[String]) -> Result<(), ListenerError> + Send + Sync>;

/// Keeps what it hears, and does something.
struct Ear {
    heard: Mutex<Vec<String>>,
    states: Mutex<Vec<ConnectionState>>,
    threads: Mutex<Vec<ThreadId>>,
    then: OnChange,
}

impl Ear {
    fn new(then: impl Fn(&[String]) -> Result<(), ListenerError> + Send + Sync + 'static) -> Arc<Self> {
        let (heard, states, threads) = Default::default();
        Arc::new(Self { heard, states, threads, then: Box::new(then) })
    }

    fn has_heard(&self, flag: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|own| own == flag)
    }
}

impl FlagsListener for Ear {
    fn on_change(&self, flags: Vec<String>) -> Result<(), ListenerError> {
        self.heard.lock().unwrap().extend(flags.iter().cloned());
        self.threads.lock().unwrap().push(std::thread::current().id());
        (self.then)(&flags)
    }

    fn on_status(&self, status: StatusReport) -> Result<(), ListenerError> {
        self.states.lock().unwrap().push(status.state);
        Ok(())
    }
}

#[tokio::test]
async fn changes_and_statuses_are_told_and_failures_are_kept() {
    let server = server().await;
    let line = Line::to(&server.address()).await;
    let client = FlagsClient::new(config(&line.url(), &server.key("client").await)).unwrap();
    let throwing = Ear::new(|_| Err(ListenerError::Failed { reason: "on purpose".to_owned() }));
    let panicking = Ear::new(|_| panic!("on purpose"));
    let good = Ear::new(|_| Ok(()));
    client.add_listener(throwing).unwrap();
    client.add_listener(panicking).unwrap();
    let number = client.add_listener(Arc::clone(&good) as Arc<dyn FlagsListener>).unwrap();
    live(&client).await;
    eventually("all flags are news", async || good.has_heard("always")).await;
    line.set(State::Cut);
    eventually("it is told", async || good.states.lock().unwrap().contains(&ConnectionState::Stale)).await;
    line.set(State::Open);
    live(&client).await;
    good.heard.lock().unwrap().clear();
    kill(&server, "always").await;
    eventually("the kill is told", async || good.has_heard("always")).await;
    assert!(!client.boolean("always", true), "and there");
    let told = client.diagnostics().join("\n");
    assert!(told.contains("on purpose") && told.contains("panicked"), "{told}");
    client.remove_listener(number);
    good.heard.lock().unwrap().clear();
    kill(&server, "resale-guard").await;
    eventually("the kill is there", async || !client.boolean("resale-guard", true)).await;
    assert!(!good.has_heard("resale-guard"), "who left is not called");
    let here = std::thread::current().id();
    assert!(good.threads.lock().unwrap().iter().all(|own| *own != here), "on another thread");
    assert_eq!(Arc::strong_count(&good), 1, "and is let go of");
}

#[tokio::test]
async fn one_that_hangs_holds_nobody_up() {
    let server = server().await;
    let client =
        FlagsClient::new(config(&format!("http://{}", server.address()), &server.key("client").await))
            .unwrap();
    let (go, hangs) = std::sync::mpsc::channel::<()>();
    let hangs = Mutex::new(hangs);
    let ear = Ear::new(move |_| {
        let _ = hangs.lock().unwrap().recv_timeout(Duration::from_secs(60));
        Ok(())
    });
    client.add_listener(Arc::clone(&ear) as Arc<dyn FlagsListener>).unwrap();
    live(&client).await;
    eventually("it hangs", async || ear.has_heard("always")).await;
    kill(&server, "always").await;
    eventually("the kill comes all the same", async || !client.boolean("always", true)).await;
    let begun = Instant::now();
    client.set_context(at("berlin-dome", "u-2")).unwrap();
    eventually("another's values come", async || client.integer("limit", 0) == 4).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(client.status().state, ConnectionState::Live, "pings are answered");
    client.shutdown();
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(!client.wait_for_listeners(10), "it is still in there");
    drop(go);
    assert!(client.wait_for_listeners(10_000));
}

#[tokio::test]
async fn one_may_end_the_client_that_calls_it() {
    let server = server().await;
    let own: Arc<Mutex<Weak<FlagsClient>>> = Arc::default();
    let ear = Ear::new({
        let own = Arc::clone(&own);
        move |_| {
            if let Some(client) = own.lock().unwrap().upgrade() {
                assert_eq!(client.integer("limit", 0), 4);
                client.shutdown();
            }
            Ok(())
        }
    });
    let url = format!("http://{}", server.address());
    let client = Arc::new(FlagsClient::new(config(&url, &server.key("client").await)).unwrap());
    *own.lock().unwrap() = Arc::downgrade(&client);
    client.add_listener(ear).unwrap();
    eventually("it has ended", async || client.status().state == ConnectionState::Closed).await;
    assert!(client.wait_for_listeners(10_000));
}
