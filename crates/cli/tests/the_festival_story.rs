//! A new checkout is released at twelve real venues: in the dark, at one venue, at four. There it breaks. The guard
//! notices and takes it back alone, the last device has that, and the record tells the whole story.
//!
//! Servers are processes, clients are the SDK's, and the checkout is a small service of its own that they call. A binary
//! of its own, because what is counted in a moment needs the machine.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use support::{
    ADMIN, PATIENCE, Server,
    fleet::{self, Member},
    http,
};
use tokio::task::JoinSet;
use usher_core::Context;
use usher_sdk::{Client, Mode, Outcome};
use usher_testkit::redis::RedisServer;

const FLAG: &str = "new-checkout";
const VENUES: usize = 12;
/// Checkouts at one venue: one after the other, with a pause.
const PAUSE: Duration = Duration::from_millis(25);
/// Of so many checkouts of either kind one fails, as cards do.
const USUAL: u64 = 100;
const POLL: Duration = Duration::from_millis(20);

/// The checkout of all venues. The new one may break.
#[derive(Clone, Default)]
struct Checkout {
    broken: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
}

impl Checkout {
    fn start(&self) -> String {
        async fn pay(own: web::Data<Checkout>, new: web::Path<bool>) -> HttpResponse {
            let n = own.served.fetch_add(1, Ordering::Relaxed);
            let breaks = *new && own.broken.load(Ordering::Relaxed) && n.is_multiple_of(2);
            let fails = breaks || n.is_multiple_of(USUAL);
            if fails { HttpResponse::BadGateway().finish() } else { HttpResponse::Ok().finish() }
        }
        let own = self.clone();
        let server = HttpServer::new(move || {
            App::new().app_data(web::Data::new(own.clone())).route("/pay/{new}", web::post().to(pay))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        url
    }
}

/// The venues, as the demo has them too.
fn venues() -> Vec<Value> {
    let rows = include_str!("../assets/venues.csv").lines().skip(1).take(VENUES);
    let venue = |row: &str| {
        let parts: Vec<&str> = row.split(',').collect();
        json!({"kind": "venue", "key": parts[0], "name": parts[1], "city": parts[2], "country": parts[3]})
    };
    rows.map(venue).collect()
}

fn fan_at(venue: &str, key: &str) -> Context {
    Context::new(key).with("venue", venue)
}

fn keys() -> Vec<String> {
    venues().iter().map(|venue| venue["key"].as_str().unwrap().to_owned()).collect()
}

fn plan() -> Value {
    let keys = keys();
    json!({
        "key": "cup-final", "name": "Checkout for the cup final", "flag": FLAG, "environment": "production",
        "variant": "on", "control": "off", "lookEvery": "1s",
        "stages": [
            {"name": "dark", "dark": true, "bake": "2s", "requires": {"exposures": 20}},
            {"name": "canary venue", "venues": &keys[..1], "percent": 50, "bake": "3s", "requires": {"converged": 100}},
            {"name": "four venues", "venues": &keys[..4], "percent": 50, "bake": "1h"},
            {"name": "all"}
        ],
        "guards": [{"name": "Checkout", "check": {"failures": {"metric": "checkout"}}, "minimumSample": 20,
            "unknownAfter": "20s"}],
    })
}

/// Who sells at a venue: asks its flags, calls the checkout, tells how it went.
async fn sell(client: Arc<Client>, venue: String, checkout: String, stop: Arc<AtomicBool>) {
    let service = http();
    for fan in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let context = fan_at(&venue, &format!("{venue}-{fan}"));
        let new = client.boolean(FLAG, &context, false);
        client.expose(FLAG, &context);
        let paid = service.post(format!("{checkout}/pay/{new}")).send().await;
        let outcome =
            if paid.is_ok_and(|answer| answer.status().is_success()) { Outcome::Ok } else { Outcome::Error };
        client.track("checkout", &context, outcome);
        tokio::time::sleep(PAUSE).await;
    }
}

struct Story {
    nodes: Vec<String>,
    sellers: Vec<Arc<Client>>,
    phones: Vec<Client>,
}

impl Story {
    /// Sellers with all the rules and phones with values, spread over the servers.
    async fn begin(nodes: Vec<String>) -> Self {
        let config = json!({"enabled": true, "offVariant": "off", "default": {"variant": "off"}});
        let flag = json!({"kind": "flag", "key": FLAG, "type": "boolean", "variants": {"on": true, "off": false},
            "clientVisible": true, "environments": {"production": config}});
        let changes: Vec<Value> = venues().into_iter().chain([flag]).map(|one| json!({"put": one})).collect();
        let mut story = Self { nodes, sellers: Vec::new(), phones: Vec::new() };
        story.ask("POST", "/api/v1/commits", Some(json!({"message": "Season", "changes": changes}))).await;
        let key = async |kind: &str| {
            let spec = json!({"name": kind, "type": kind, "environment": "production"});
            story.ask("POST", "/api/v1/keys", Some(spec)).await["secret"].as_str().unwrap().to_owned()
        };
        let (server_key, client_key) = (key("server").await, key("client").await);
        for (n, venue) in keys().iter().enumerate() {
            let url = &story.nodes[n % story.nodes.len()];
            let seller = Client::builder(url, &server_key).venue(venue).send_every(Duration::from_secs(1));
            let fan = fan_at(venue, &format!("phone-{n}"));
            let phone = Client::builder(url, &client_key).mode(Mode::Values).context(fan);
            story.sellers.push(Arc::new(seller.build().unwrap()));
            story.phones.push(phone.build().unwrap());
        }
        for client in story.sellers.iter().map(|seller| &**seller).chain(&story.phones) {
            assert!(client.wait_until_live(PATIENCE).await, "{:?}", client.status());
        }
        story
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let body = body.unwrap_or_else(|| json!({}));
        let ask = || http().request(method.parse().unwrap(), format!("{}{path}", self.nodes[0]));
        let mut answer = ask().bearer_auth(ADMIN).json(&body).send().await.unwrap();
        // On a busy machine the server may have given up a connection that was opened ahead: nothing was read of it.
        while answer.status() == 408 {
            answer = ask().bearer_auth(ADMIN).json(&body).send().await.unwrap();
        }
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn release(&self) -> Value {
        self.ask("GET", "/api/v1/releases/cup-final", None).await
    }

    async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let release = self.release().await;
            if holds(&release["progress"]) {
                return release;
            }
            if Instant::now() > end {
                let status = self.ask("GET", "/api/v1/releases/cup-final/status", None).await;
                panic!("it never came to {what}: {status} {}", release["progress"]);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Whether anybody at all is given the new checkout.
    fn is_anywhere(&self) -> bool {
        let fans = |n: usize, venue: &str| {
            (0..20).any(|fan| {
                let context = fan_at(venue, &format!("{venue}-{fan}"));
                self.sellers[n].boolean(FLAG, &context, false)
            }) || self.phones[n].boolean(FLAG, &fan_at(venue, &format!("phone-{n}")), false)
        };
        keys().iter().enumerate().any(|(n, venue)| fans(n, venue))
    }

    async fn tell(self) {
        let (checkout, stop) = (Checkout::default(), Arc::new(AtomicBool::new(false)));
        let service = checkout.start();
        let mut selling = JoinSet::new();
        for (venue, seller) in keys().into_iter().zip(&self.sellers) {
            selling.spawn(sell(Arc::clone(seller), venue, service.clone(), Arc::clone(&stop)));
        }
        self.ask("PUT", "/api/v1/releases/cup-final", Some(plan())).await;
        self.ask("POST", "/api/v1/releases/cup-final/start", Some(json!({"message": "Doors are at six"})))
            .await;
        self.until("its canary venue", |progress| progress["stage"].as_u64() >= Some(1)).await;
        self.until("four venues", |progress| progress["stage"] == 2).await;
        while !self.is_anywhere() {
            tokio::time::sleep(POLL).await;
        }
        checkout.broken.store(true, Ordering::Relaxed);
        let broke = Instant::now();
        self.until("being taken back", |progress| progress["status"] == "rolledBack").await;
        let decided = broke.elapsed();
        while self.is_anywhere() {
            assert!(broke.elapsed() < PATIENCE, "somebody still has it");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let last = broke.elapsed();
        let told =
            |progress: &Value| progress["steps"].as_array().unwrap().last().unwrap()["kind"] == "arrived";
        let release = self.until("an end of the record", told).await;
        stop.store(true, Ordering::Relaxed);
        while let Some(seller) = selling.join_next().await {
            seller.unwrap();
        }
        self.check(&release).await;
        println!(
            "{} servers: broken to decided {:.2} s, to the last device {:.2} s; the record says: {}",
            self.nodes.len(),
            decided.as_secs_f64(),
            last.as_secs_f64(),
            release["progress"]["steps"].as_array().unwrap().last().unwrap()["reasons"]
        );
    }

    /// The record, and what is left of it all.
    async fn check(&self, release: &Value) {
        let steps = release["progress"]["steps"].as_array().unwrap();
        let told: Vec<(&str, &str)> = steps
            .iter()
            .map(|step| (step["kind"].as_str().unwrap(), step["stage"].as_str().unwrap()))
            .collect();
        let four = "four venues";
        assert_eq!(
            told,
            [
                ("started", "dark"),
                ("promoted", "canary venue"),
                ("promoted", four),
                ("rolledBack", four),
                ("arrived", four)
            ],
            "{release}"
        );
        let why = |n: usize| steps[n]["reasons"].to_string();
        assert!(
            why(0).contains("Doors are at six") && why(2).contains("canary venue went well for 3s"),
            "{release}"
        );
        for part in ["Checkout: `checkout` failed", "with the variant", "with the control", "times as often"]
        {
            assert!(why(3).contains(part), "{}", why(3));
        }
        assert!(why(4).contains(&format!("{0} of {0} devices had it", 2 * VENUES)), "{}", why(4));
        let flag = self.ask("GET", &format!("/api/v1/flags/{FLAG}"), None).await;
        let config = &flag["environments"]["production"];
        assert_eq!((config.get("rules"), config.get("measure")), (None, None), "the flag is as it was");
        let commits = self.ask("GET", "/api/v1/commits?limit=100&kind=release&key=cup-final", None).await;
        let messages: Vec<&str> =
            commits["items"].as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap()).collect();
        assert!(messages.contains(&"Release cup-final: is taken back"), "{messages:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_festival_story_on_one_server() {
    let server = Server::start();
    Story::begin(vec![server.url().to_owned()]).await.tell().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_festival_story_on_three_servers() {
    let redis = RedisServer::start();
    let nodes: Vec<Member> =
        ["node-0", "node-1", "node-2"].map(|name| Member::node(name, &redis.url(), "0")).into();
    fleet::level(&nodes).await;
    Story::begin(nodes.iter().map(|node| node.url().to_owned()).collect()).await.tell().await;
}
