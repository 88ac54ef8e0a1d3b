//! A venue's edge and its gates on a host of their own, and a link to the server on which packets are lost and late, or
//! that carries in one direction only, or nothing. Gates always have an answer, and never an older one than before; the
//! edge says how old it is; and once the link is good, all have what is newest.
//!
//! `USHER_LINK_ROUNDS` troubles (one of each without it).

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use usher_core::Context;
use usher_sdk::{Client, Mode};
use usher_testkit::hosts::{Host, Hosts, Impairment};

use crate::support::{
    ADMIN, PATIENCE, Server,
    abroad::asked,
    eventually,
    fleet::{BEACON, beacon, under_fire::number},
    http, usher,
};

/// For how long a trouble lasts: longer than two heartbeats, after which a silent line counts as dead.
const TROUBLE: Duration = Duration::from_millis(3_000);
/// Between two changes.
const BETWEEN: Duration = Duration::from_millis(150);

const TROUBLES: [(&str, Impairment); 7] = [
    ("a tenth is lost", Impairment { loss: 0.1, ..Impairment::NONE }),
    ("a third is lost", Impairment { loss: 0.33, ..Impairment::NONE }),
    ("lost and late", Impairment { loss: 0.05, delay: Duration::from_millis(250), ..Impairment::NONE }),
    ("a second late", Impairment { delay: Duration::from_secs(1), ..Impairment::NONE }),
    ("nothing comes to the venue", Impairment { to_far: false, ..Impairment::NONE }),
    ("nothing comes from the venue", Impairment { to_near: false, ..Impairment::NONE }),
    ("parted", Impairment::PARTED),
];

/// A server on one host, an edge on the other.
struct Venue {
    hosts: Hosts,
    server: Server,
    edge: Server,
    keys: [String; 2],
    _folders: [TempDir; 2],
}

fn on(hosts: &Hosts, host: Host, arguments: &[&str], data: &Path, settings: &[(&str, &str)]) -> Server {
    let mut command = usher(arguments);
    command.arg("--data").arg(data).args(["--output", "json"]).envs(settings.iter().copied());
    Server::spawn(&mut hosts.command(host, &command))
}

impl Venue {
    fn open(seed: u64) -> Self {
        let hosts = Hosts::new(seed);
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let listen = format!("{}:0", Host::Near.address());
        let settings = [("USHER_ADMIN_TOKEN", ADMIN), ("USHER_HEARTBEAT_SECONDS", "1")];
        let server = on(&hosts, Host::Near, &["serve", "--listen", &listen], folders[0].path(), &settings);
        let url = server.url().to_owned();
        let keys = ["server", "client"].map(|kind| {
            let key = json!({"name": kind, "type": kind, "environment": "production"});
            asked(&hosts, &url, "POST", "/api/v1/keys", key)["secret"].as_str().unwrap().to_owned()
        });
        let settings = [("USHER_EDGE_KEYS", keys[0].as_str()), ("USHER_EDGE_HEARTBEAT_SECONDS", "1")];
        let arguments = ["edge", "--listen", "127.0.0.1:0", "--upstream", &url];
        let edge = on(&hosts, Host::Far, &arguments, folders[1].path(), &settings);
        Self { hosts, server, edge, keys, _folders: folders }
    }

    /// Writes the next number at the server; nobody but the link is in trouble.
    fn write(&self, n: u64) {
        let mut flag = beacon(&n.to_string());
        flag.as_object_mut().unwrap().remove("kind");
        asked(&self.hosts, self.server.url(), "PUT", &format!("/api/v1/flags/{BEACON}"), flag);
    }
}

/// What a gate has seen.
#[derive(Default)]
struct Seen {
    /// The newest number by each way to read it: rules, values, OFREP.
    newest: [AtomicU64; 3],
    /// How old the edge says that its answer is, in milliseconds.
    age: AtomicU64,
    reads: AtomicU64,
    ends: AtomicBool,
}

/// A gate that reads all the time, in each way, and takes nothing that is older than what it had.
fn gate(venue: &Venue) -> (Arc<Seen>, JoinHandle<()>) {
    let seen = Arc::<Seen>::default();
    let (url, keys, own) = (venue.edge.url().to_owned(), venue.keys.clone(), Arc::clone(&seen));
    let read = move || {
        let attendee = Context::new("u-1");
        let runtime = Runtime::new().unwrap();
        let _inside = runtime.enter();
        let [rules, values] = [(Mode::Ruleset, &keys[0]), (Mode::Values, &keys[1])].map(|(mode, key)| {
            Client::builder(&url, key).mode(mode).context(attendee.clone()).build().unwrap()
        });
        let http = http();
        let note = |way: usize, text: &str| {
            let Ok(number) = text.parse() else { return };
            let before = own.newest[way].fetch_max(number, Ordering::Relaxed);
            assert!(before <= number, "way {way} went back from {before} to {number}");
            own.reads.fetch_add(1, Ordering::Relaxed);
        };
        while !own.ends.load(Ordering::Relaxed) {
            note(0, &rules.string(BEACON, &attendee, "none"));
            note(1, &values.string(BEACON, &attendee, "none"));
            runtime.block_on(async {
                let request = http.post(format!("{url}/ofrep/v1/evaluate/flags/{BEACON}"));
                let answer = request.bearer_auth(&keys[1]).json(&json!({"context": {"targetingKey": "u-1"}}));
                let answer = answer.timeout(PATIENCE).send().await.unwrap();
                // The edge may not have heard of the flag yet.
                if let Some(age) = answer.headers().get("usher-age-ms") {
                    own.age.store(age.to_str().unwrap().parse().unwrap(), Ordering::Relaxed);
                }
                assert!(answer.status() == 200 || own.newest[2].load(Ordering::Relaxed) == 0, "{answer:?}");
                let body: Value = answer.json().await.unwrap();
                note(2, body["value"].as_str().unwrap_or_default());
                tokio::time::sleep(Duration::from_millis(5)).await;
            });
        }
    };
    (seen, venue.hosts.spawn(Host::Far, read))
}

#[test]
fn a_venue_is_parted_from_its_server() {
    let rounds = usize::try_from(number("USHER_LINK_ROUNDS").unwrap_or(TROUBLES.len() as u64)).unwrap();
    let venue = Venue::open(number("USHER_LINK_SEED").unwrap_or(7));
    let mut written = 1;
    venue.write(written);
    let (seen, gate) = gate(&venue);
    let all_have = |n: u64| {
        let begun = Instant::now();
        eventually("the gate has what is newest", || {
            assert!(!gate.is_finished(), "the gate gave up");
            seen.newest.iter().all(|newest| newest.load(Ordering::Relaxed) == n).then_some(())
        });
        begun.elapsed()
    };
    all_have(written);
    for round in 0..rounds {
        let (trouble, impairment) = TROUBLES[round % TROUBLES.len()];
        venue.hosts.set(impairment);
        let begun = Instant::now();
        while begun.elapsed() < TROUBLE {
            written += 1;
            venue.write(written);
            std::thread::sleep(BETWEEN);
        }
        if !impairment.to_far {
            let (age, lasted) = (seen.age.load(Ordering::Relaxed), begun.elapsed());
            // An answer may be on its way for a moment.
            assert!(age + 1_000 >= u64::try_from(lasted.as_millis()).unwrap(), "{trouble}: {age} ms old");
            assert!(
                seen.newest[0].load(Ordering::Relaxed) < written,
                "{trouble}: nothing was to come through"
            );
        }
        venue.hosts.set(Impairment::NONE);
        println!("{trouble}: all had what is newest {:?} after it", all_have(written));
    }
    seen.ends.store(true, Ordering::Relaxed);
    gate.join().unwrap();
    assert!(seen.reads.load(Ordering::Relaxed) > 1_000);
    let (status, said) = venue.edge.stop();
    assert!(status.success(), "{said}");
}
