//! scratch
#![allow(clippy::unwrap_used, missing_docs)]
use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};
use usher_core::model::{Document, Timestamp};
use usher_journal::*;
use usher_testkit::redis::RedisServer;

fn append(n: u64) -> Append {
    let text = "x".repeat(600);
    let document: Document = serde_json::from_value(
        serde_json::json!({"kind": "flag", "key": format!("f{}", n % 200), "number": n, "text": text}),
    )
    .unwrap();
    Append {
        expected: vec![],
        idempotency: Some(Idempotency { key: format!("k{n}"), fingerprint: [1; 32] }),
        actor: Actor::system("bench"),
        message: "m".into(),
        at: Timestamp::from_millis(1_700_000_000_000 + n as i64),
        changes: vec![Change::Put(document)],
    }
}
fn show(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |p: usize| times[(times.len() - 1) * p / 100].as_secs_f64() * 1e3;
    println!("{name:45} p50 {:7.3} ms  p99 {:7.3} ms", at(50), at(99));
}
async fn one_by_one(name: &str, journal: &dyn Journal, base: u64) {
    let mut times = vec![];
    for n in 0..1000 {
        let t = Instant::now();
        journal.append(append(base + n)).await.unwrap();
        times.push(t.elapsed());
    }
    show(name, times);
}
async fn many(name: &str, nodes: &[Arc<dyn Journal>], base: u64) {
    let t = Instant::now();
    let mut set = tokio::task::JoinSet::new();
    for w in 0..64_u64 {
        let node = Arc::clone(&nodes[w as usize % nodes.len()]);
        set.spawn(async move {
            let mut v = vec![];
            for n in 0..100 {
                let t = Instant::now();
                node.append(append(base + w * 1000 + n)).await.unwrap();
                v.push(t.elapsed());
            }
            v
        });
    }
    let times: Vec<Duration> = set.join_all().await.into_iter().flatten().collect();
    println!("{name:45} {:.0} commits/s", times.len() as f64 / t.elapsed().as_secs_f64());
    show("", times);
}
fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let mut file = std::fs::File::create(folder.path().join(format!("f{round}"))).unwrap();
        let mut times = vec![];
        for _ in 0..1000 {
            let t = Instant::now();
            file.write_all(&[1; 900]).unwrap();
            file.sync_data().unwrap();
            times.push(t.elapsed());
        }
        show("write 900 bytes + fdatasync", times);
        let server = RedisServer::start();
        runtime.block_on(async {
            let client = redis::Client::open(server.url()).unwrap();
            let mut c = client.get_multiplexed_async_connection().await.unwrap();
            let mut times = vec![];
            let value = "x".repeat(900);
            for n in 0..1000 {
                let t = Instant::now();
                redis::cmd("SET").arg(format!("k{n}")).arg(&value).query_async::<()>(&mut c).await.unwrap();
                times.push(t.elapsed());
            }
            show("bare SET, appendfsync always", times);
            let sqlite: Arc<dyn Journal> =
                Arc::new(SqliteJournal::open(&folder.path().join(format!("s{round}"))).unwrap());
            one_by_one("SQLite, one at a time", &*sqlite, 0).await;
            let nodes: Vec<Arc<dyn Journal>> = (0..3)
                .map(|_| {
                    Arc::new(RedisJournal::open(&RedisOptions::new(server.url())).unwrap())
                        as Arc<dyn Journal>
                })
                .collect();
            one_by_one("Redis, one at a time (3 nodes open)", &*nodes[0], 0).await;
            many("SQLite, 64 at once", &[sqlite], 1_000_000).await;
            many("Redis, 64 at once, one node", &nodes[..1], 1_000_000).await;
            many("Redis, 64 at once over three nodes", &nodes, 2_000_000).await;
        });
    }
}
