//! A crowd of phones at a venue, on a host of their own, whose network loses packets, is late, comes and goes, carries in
//! one direction only, or finds no names. None of them ever has a value that is wrong or older than one that it had, or
//! calls itself live with what is old; and once the network is good, all have what is newest.
//!
//! `USHER_PHONES` phones (20 without it) for about `USHER_NETWORK_SECONDS` (30).

use std::{
    collections::VecDeque,
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use usher_core::Context;
use usher_sdk::{Client, Status};
use usher_testkit::hosts::{Host, Hosts, Impairment};

use crate::support::{
    ADMIN, PATIENCE, Server,
    abroad::asked,
    fleet::{BEACON, beacon, under_fire::number},
    usher,
};

/// How the phones call the server.
const NAME: &str = "flags.stadium.test";
/// A flag whose value tells each phone where it is.
const PLACE: &str = "place";
/// Between two changes.
const BETWEEN: Duration = Duration::from_millis(500);
/// Between two looks at a phone.
const LOOK: Duration = Duration::from_millis(100);
/// How long the network is away, and there, where it comes and goes; less in a short run.
const COMES_AND_GOES: Duration = Duration::from_secs(10);

/// What is wrong with the network.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    Link(&'static str, Impairment),
    ComesAndGoes,
    NoNames,
}

const TROUBLES: [Trouble; 5] = [
    Trouble::Link("a third is lost", Impairment { loss: 0.3, ..Impairment::NONE }),
    Trouble::Link("two seconds late", Impairment { delay: Duration::from_secs(2), ..Impairment::NONE }),
    Trouble::ComesAndGoes,
    Trouble::Link("half open", Impairment { to_far: false, ..Impairment::NONE }),
    Trouble::NoNames,
];

/// What the server has been told, and when: the numbers that a phone may show.
#[derive(Default)]
struct Written(Mutex<VecDeque<(Instant, u64)>>);

impl Written {
    fn add(&self, n: u64) {
        self.0.lock().unwrap().push_back((Instant::now(), n));
    }

    /// The newest number that was there that long ago.
    fn ago(&self, age: Duration) -> u64 {
        let then = Instant::now().checked_sub(age);
        let written = self.0.lock().unwrap();
        written.iter().rev().find(|(at, _)| Some(*at) <= then).map_or(0, |(_, n)| *n)
    }
}

/// What the phones have seen, together.
#[derive(Default)]
struct Crowd {
    /// How many have what is newest.
    level: AtomicU64,
    newest: AtomicU64,
    looks: AtomicU64,
    /// Looks at a phone that called itself live.
    live: AtomicU64,
    ends: AtomicBool,
}

/// One phone.
struct Phone {
    client: Client,
    place: String,
    has: u64,
}

impl Phone {
    fn start(url: &str, key: &str, n: usize, folder: PathBuf) -> Self {
        let place = format!("stand-{}", n % 3);
        let context = Context::new(&format!("fan-{n}")).with("stand", place.as_str());
        let client = Client::builder(url, key).context(context).cache_dir(folder).build().unwrap();
        Self { client, place, has: 0 }
    }

    /// What it shows is right, is not older than before, and is new where it says so.
    fn look(&mut self, crowd: &Crowd, written: &Written, live_for: Duration) {
        let anybody = Context::anonymous();
        let before = self.client.status();
        // Read first: what is written meanwhile can't make it old.
        let at_least = written.ago(live_for);
        let shown = self.client.string(BEACON, &anybody, "0").parse().unwrap();
        let place = self.client.string(PLACE, &anybody, "").to_string();
        let after = self.client.status();
        assert!(
            place == self.place || (place.is_empty() && self.has == 0),
            "a phone at {} is told {place}",
            self.place
        );
        assert!(shown >= self.has, "a phone went back from {} to {shown}", self.has);
        self.has = shown;
        crowd.looks.fetch_add(1, Ordering::Relaxed);
        if before == Status::Live && after == Status::Live {
            crowd.live.fetch_add(1, Ordering::Relaxed);
            assert!(
                shown >= at_least,
                "a phone calls itself live with {shown}, and {at_least} is old already"
            );
        }
    }
}

/// Starts the phones, and looks at each of them all the time.
fn watch(url: &str, key: &str, phones: usize, crowd: &Crowd, written: &Written, live_for: Duration) {
    // One runtime for all of them would be enough; each has its thread, as a phone has.
    let folders: Vec<TempDir> = (0..phones).map(|_| tempfile::tempdir().unwrap()).collect();
    let start = |(n, folder): (usize, &TempDir)| Phone::start(url, key, n, folder.path().to_owned());
    let mut phones: Vec<Phone> = folders.iter().enumerate().map(start).collect();
    while !crowd.ends.load(Ordering::Relaxed) {
        let begun = Instant::now();
        phones.iter_mut().for_each(|phone| phone.look(crowd, written, live_for));
        let newest = crowd.newest.load(Ordering::Relaxed);
        let level = phones.iter().filter(|phone| phone.has == newest).count();
        crowd.level.store(level as u64, Ordering::Relaxed);
        std::thread::sleep(LOOK.saturating_sub(begun.elapsed()));
    }
}

/// A flag that tells everybody where they are.
fn place() -> Value {
    let rule = |n: usize| {
        let stand = format!("stand-{n}");
        json!({"id": stand, "if": [[{"attribute": "stand", "op": "in", "values": [stand]}]], "serve": {"variant": stand}})
    };
    let variants: Value = (0..3)
        .map(|n| (format!("stand-{n}"), json!(format!("stand-{n}"))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let config = json!({"enabled": true, "offVariant": "stand-0", "rules": [rule(1), rule(2)], "default": {"variant": "stand-0"}});
    json!({"key": PLACE, "name": "Place", "type": "string", "variants": variants, "clientVisible": true,
           "environments": {"production": config}})
}

#[test]
fn phones_have_a_bad_network() {
    let phones = usize::try_from(number("USHER_PHONES").unwrap_or(20)).unwrap();
    let seconds = number("USHER_NETWORK_SECONDS").unwrap_or(30);
    let each = Duration::from_secs(seconds) / u32::try_from(TROUBLES.len()).unwrap();
    let swing = COMES_AND_GOES.min(each / 4);
    let heartbeat = Duration::from_secs(usher_core::protocol::HEARTBEAT_SECONDS.into());
    // What is on its way when a status is true may be as late as the network.
    let live_for = heartbeat * 2 + Duration::from_secs(5);

    let hosts = Hosts::new(number("USHER_LINK_SEED").unwrap_or(11));
    let (data, names) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let mut command = usher(["serve", "--listen", &format!("{}:0", Host::Near.address())]);
    command.arg("--data").arg(data.path()).args(["--output", "json"]).env("USHER_ADMIN_TOKEN", ADMIN);
    let server = Server::spawn(&mut hosts.command(Host::Near, &command));
    let ask = |method, path: &str, body| asked(&hosts, server.url(), method, path, body);
    let key = json!({"name": "phones", "type": "client", "environment": "production"});
    let key = ask("POST", "/api/v1/keys", key)["secret"].as_str().unwrap().to_owned();
    ask("PUT", "/api/v1/flags/place", place());
    let written = Arc::<Written>::default();
    let mut last = 0;
    let mut write = |written: &Written| {
        last += 1;
        let mut flag = beacon(&last.to_string());
        flag.as_object_mut().unwrap().remove("kind");
        ask("PUT", &format!("/api/v1/flags/{BEACON}"), flag);
        written.add(last);
        last
    };
    write(&written);

    let known = format!("{} {NAME}\n", Host::Near.address());
    fs::write(names.path(), &known).unwrap();
    let port = server.url().rsplit_once(':').unwrap().1.to_owned();
    let crowd = Arc::<Crowd>::default();
    crowd.newest.store(1, Ordering::Relaxed);
    let (own, says) = (Arc::clone(&crowd), Arc::clone(&written));
    let watching = hosts.spawn_with_names(Host::Far, names.path(), move || {
        watch(&format!("http://{NAME}:{port}"), &key, phones, &own, &says, live_for);
    });
    let all_have_it = |what: &str| {
        let begun = Instant::now();
        while crowd.level.load(Ordering::Relaxed) != phones as u64 {
            assert!(!watching.is_finished(), "the phones gave up: {what}");
            assert!(
                begun.elapsed() < PATIENCE,
                "{what}: {} of {phones} have it",
                crowd.level.load(Ordering::Relaxed)
            );
            std::thread::sleep(LOOK);
        }
        begun.elapsed()
    };
    all_have_it("before any trouble");

    let (begun, carried) = (Instant::now(), hosts.carried_to(Host::Far) + hosts.carried_to(Host::Near));
    for trouble in TROUBLES {
        let since = Instant::now();
        while since.elapsed() < each {
            let away = (since.elapsed().as_millis() / swing.as_millis().max(1)).is_multiple_of(2);
            match trouble {
                Trouble::Link(_, impairment) => hosts.set(impairment),
                Trouble::ComesAndGoes => hosts.set(if away { Impairment::PARTED } else { Impairment::NONE }),
                // Who is connected needs no name: the line is cut now and then.
                Trouble::NoNames => {
                    fs::write(names.path(), "").unwrap();
                    hosts.set(if away { Impairment::PARTED } else { Impairment::NONE });
                }
            }
            write(&written);
            std::thread::sleep(BETWEEN);
        }
    }
    crowd.newest.store(write(&written), Ordering::Relaxed);
    fs::write(names.path(), &known).unwrap();
    hosts.set(Impairment::NONE);
    crowd.level.store(0, Ordering::Relaxed);
    let took = all_have_it("after it");
    let lasted = begun.elapsed();
    let bytes = hosts.carried_to(Host::Far) + hosts.carried_to(Host::Near) - carried;
    crowd.ends.store(true, Ordering::Relaxed);
    watching.join().unwrap();
    let (looks, live) = (crowd.looks.load(Ordering::Relaxed), crowd.live.load(Ordering::Relaxed));
    let an_hour = bytes as f64 / phones as f64 / lasted.as_secs_f64() * 3600.0 / 1e6;
    println!(
        "{phones} phones for {lasted:.0?}, {last} changes: all had what is newest {took:.1?} after it; {live} of {looks} looks \
         found them live; {an_hour:.2} MB a phone and hour"
    );
    assert!(live > 0 && live < looks, "they were live now and then: {live} of {looks}");
    assert!(took <= heartbeat * 2, "it took {took:?}, more than two heartbeats");
    let (status, said) = server.stop();
    assert!(status.success(), "{said}");
}
