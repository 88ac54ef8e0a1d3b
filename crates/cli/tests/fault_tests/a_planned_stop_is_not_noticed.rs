//! A server that is asked to stop sends its streams away one by one, finishes requests that are under way, and the
//! next process takes over. Whoever evaluates meanwhile gets right answers all the time.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::LocalSet,
    time::{Instant, sleep, timeout},
};
use usher_bench::load::{Fleet, Node, Plan, Workspace};
use usher_core::Context;
use usher_sdk::{Client, Mode, Status};

/// Longer than any of this takes, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PLAN: Plan = Plan { clients: 100, values_percent: 50, slow_percent: 0, flapping_percent: 0, seed: 7 };

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "it never came about: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Asks for something whose body comes in two halves.
struct HalfSent(TcpStream);

const BODY: &str = r#"{"context":{"targetingKey":"u-1"}}"#;

impl HalfSent {
    async fn start(node: &Node) -> Self {
        let mut stream = TcpStream::connect(node.address()).await.unwrap();
        let head = format!(
            "POST /ofrep/v1/evaluate/flags/express-checkout HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
            node.server_key(),
            BODY.len(),
            &BODY[..10]
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self(stream)
    }

    async fn finish(mut self) -> String {
        self.0.write_all(&BODY.as_bytes()[10..]).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut answer)).await.unwrap().unwrap();
        String::from_utf8(answer).unwrap()
    }
}

#[tokio::test]
async fn a_planned_stop_leaves_nobody_without_a_right_answer() {
    LocalSet::new()
        .run_until(async {
            let workspace = Workspace::demo(50).unwrap();
            let mut node = Node::start(Path::new(env!("CARGO_BIN_EXE_usher")), &workspace).await.unwrap();
            let fleet = Fleet::connect(&node, &workspace, &PLAN);
            fleet.all_have(1, PATIENCE).await.unwrap();
            let client = Client::builder(&format!("http://{}", node.address()), node.server_key());
            let client = Arc::new(client.mode(Mode::Ruleset).build().unwrap());
            assert!(client.wait_until_live(PATIENCE).await);

            // Somebody asks all the time, on a thread of their own.
            let (done, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
            let asking = std::thread::spawn({
                let (client, done, asked) = (Arc::clone(&client), Arc::clone(&done), Arc::clone(&asked));
                move || {
                    let context = Context::new("u-1");
                    let mut wrong = 0;
                    while !done.load(Ordering::Relaxed) {
                        // The code's default is off; only with data it is on.
                        wrong += u64::from(!client.boolean("express-checkout", &context, false));
                        asked.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_micros(200));
                    }
                    wrong
                }
            });

            let under_way = HalfSent::start(&node).await;
            sleep(Duration::from_millis(100)).await;
            fleet.lose();
            node.ask_to_stop().unwrap();
            // First it is not ready any more, while streams still stand.
            eventually("it is not ready", async || !node.is_ready().await.unwrap_or(true)).await;
            assert!(fleet.live() > 0, "streams go one by one");
            let answer = under_way.finish().await;
            assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"value\":true"), "{answer}");
            node.ended(PATIENCE).await.unwrap();
            node.start_again().unwrap();
            fleet.all_have(1, PATIENCE).await.unwrap();
            let away = fleet.away();
            assert_eq!((away.gaps, away.times.len()), (0, PLAN.clients), "{away:?}");
            eventually("it is live again", async || matches!(client.status(), Status::Live)).await;
            done.store(true, Ordering::Relaxed);
            assert_eq!(asking.join().unwrap(), 0, "wrong answers");
            assert!(asked.load(Ordering::Relaxed) > 100);
            // And all hear of what happens now.
            let seq = node.turn(true).await.unwrap();
            fleet.all_got(seq, Instant::now(), PATIENCE).await.unwrap();
            eventually("it is off", async || !client.boolean("express-checkout", &Context::new("u-1"), true))
                .await;
        })
        .await;
}
