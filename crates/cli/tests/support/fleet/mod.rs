//! Servers on one Redis, edges behind them, and programs that read flags from each: all of them real processes but
//! the programs, which are the SDK's clients in the test itself.

pub mod under_fire;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use usher_core::Context;
use usher_sdk::{Client, Mode, Status};

use super::{ADMIN, PATIENCE, Server, fixtures, http, usher};

/// How often servers and edges speak, in seconds: as often as can be, so that what is lost is noticed soon.
const HEARTBEAT: &str = "1";
const POLL: Duration = Duration::from_millis(20);

/// The flag by which it is seen who has what: its value is the text that was written last.
pub const BEACON: &str = "beacon";

/// That flag, with a text.
pub fn beacon(text: &str) -> Value {
    let config = json!({"enabled": true, "offVariant": "now", "default": {"variant": "now"}});
    json!({"kind": "flag", "key": BEACON, "name": "Beacon", "type": "string", "variants": {"now": text},
           "clientVisible": true, "environments": {"production": config}})
}

/// A server or an edge that is started again and again, at one address.
pub struct Member {
    pub name: String,
    command: Box<dyn Fn(&str) -> std::process::Command + Send + Sync>,
    server: Option<Server>,
    url: String,
}

impl Member {
    fn start(name: String, command: impl Fn(&str) -> std::process::Command + Send + Sync + 'static) -> Self {
        let server = Server::spawn(&mut command("127.0.0.1:0"));
        let url = server.url().to_owned();
        Self { name, command: Box::new(command), server: Some(server), url }
    }

    /// A server whose journal is in this Redis.
    pub fn node(name: &str, redis: &str, replicas: &str) -> Self {
        Self::node_with(name, redis, replicas, |_| ())
    }

    /// The same, with something else about its process.
    pub fn node_with(
        name: &str,
        redis: &str,
        replicas: &str,
        with: impl Fn(&mut std::process::Command) + Send + Sync + 'static,
    ) -> Self {
        let (redis, replicas) = (redis.to_owned(), replicas.to_owned());
        Self::start(name.to_owned(), move |listen| {
            let mut command = usher(["serve", "--output", "json", "--listen", listen, "--redis", &redis]);
            command
                .env("USHER_ADMIN_TOKEN", ADMIN)
                .env("USHER_HEARTBEAT_SECONDS", HEARTBEAT)
                .env("USHER_REDIS_REPLICAS", &replicas);
            with(&mut command);
            command
        })
    }

    /// A server whose clock is off by what this file says.
    pub fn off_time(name: &str, redis: &str, clock: &Path) -> Self {
        let (library, file) = (faketime(), clock.to_owned());
        Self::node_with(name, redis, "0", move |command| {
            command.env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", &file);
            // The clock that only goes forward stays as it is, as on a machine whose time is set.
            command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        })
    }

    /// An edge behind this address, with a folder that it keeps.
    pub fn edge(name: &str, upstream: &str, key: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (own, upstream, key) = (name.to_owned(), upstream.to_owned(), key.to_owned());
        Self::start(name.to_owned(), move |listen| {
            let mut command =
                usher(["edge", "--output", "json", "--listen", listen, "--upstream", &upstream]);
            command.args(["--name", &own, "--data"]).arg(folder.path());
            command.env("USHER_EDGE_KEYS", &key).env("USHER_EDGE_HEARTBEAT_SECONDS", HEARTBEAT);
            command
        })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it as a power cut would.
    pub fn kill_nine(&mut self) {
        self.server.take().unwrap().kill_nine();
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) {
        let (status, said) = self.server.take().unwrap().stop();
        assert!(status.success(), "{} ended badly: {status} {said}", self.name);
    }

    /// Starts it again where it was.
    pub fn start_again(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.server = Some(Server::spawn(&mut (self.command)(&address)));
    }

    /// What it answers to its administrator, if it does and does not refuse.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        id: Option<&str>,
    ) -> Option<Value> {
        let request = http().request(method.parse().unwrap(), format!("{}{path}", self.url));
        let mut request = request.bearer_auth(ADMIN).timeout(PATIENCE);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        if let Some(id) = id {
            request = request.header("Idempotency-Key", id);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status();
        // A refusal of what is right would not go away by itself.
        assert!(!status.is_client_error(), "{method} {path} at {}: {status}", self.name);
        status.is_success().then_some(())?;
        answer.json().await.ok()
    }

    /// What it has, once it can look: what is long ago is read from Redis, which may change its master once more.
    pub async fn get(&self, path: &str) -> Value {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.ask("GET", path, None, None).await {
                return found;
            }
            assert!(tokio::time::Instant::now() < end, "GET {path} at {} has no answer", self.name);
            tokio::time::sleep(POLL).await;
        }
    }

    /// Why it is not ready, and the last that it has written: for whoever looks into a failure.
    async fn tells(&self) -> String {
        let answer = http().get(format!("{}/readyz", self.url)).timeout(PATIENCE).send().await;
        let ready = match answer {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(error) => format!("{error:?}"),
        };
        let said = self.server.as_ref().map(Server::said).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(40).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        format!("== {}: {ready}\n{}", self.name, last.join("\n"))
    }

    /// The secret of a new key of production.
    pub async fn key(&self, kind: &str) -> String {
        let spec = json!({"name": kind, "type": kind, "environment": "production"});
        let made = self.ask("POST", "/api/v1/keys", Some(&spec), None).await.unwrap();
        made["secret"].as_str().unwrap().to_owned()
    }
}

/// Three servers on this Redis.
pub fn nodes(redis: &str, replicas: &str) -> Vec<Member> {
    (0..3).map(|n| Member::node(&format!("node-{n}"), redis, replicas)).collect()
}

/// The library by which a process sees another time: its own clock stays what it is.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok);
    let mut libraries = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.exists()).expect("the Debian package `libfaketime` is missing")
}

/// A program that reads flags.
#[derive(Debug)]
pub struct Reader {
    name: String,
    client: Client,
}

impl Reader {
    /// One with all the rules, and one that is given values.
    pub fn both(of: &Member, server_key: &str, client_key: &str) -> [Self; 2] {
        Self::both_of(&of.name, of.url(), server_key, client_key)
    }

    /// The same, of what has this address.
    pub fn both_of(of: &str, url: &str, server_key: &str, client_key: &str) -> [Self; 2] {
        [(Mode::Ruleset, server_key), (Mode::Values, client_key)].map(|(mode, key)| {
            let builder = Client::builder(url, key).mode(mode).context(Context::new("u-1"));
            Self { name: format!("{mode:?} at {of}"), client: builder.build().unwrap() }
        })
    }

    /// Whether it takes what it has for the newest.
    pub fn is_live(&self) -> bool {
        self.client.status() == Status::Live
    }

    /// What the beacon says here.
    pub fn beacon(&self) -> String {
        self.client.string(BEACON, &Context::new("u-1"), "nothing").to_string()
    }

    /// Waits until the beacon says this.
    pub async fn sees(&self, text: &str) {
        let end = tokio::time::Instant::now() + PATIENCE;
        while self.beacon() != text {
            let (now, status) = (self.beacon(), self.client.status());
            assert!(
                tokio::time::Instant::now() < end,
                "{} is left behind: {now}, not {text}; {status:?}",
                self.name
            );
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Waits until all these servers answer that they are ready and at the same commit; which.
pub async fn level(nodes: &[Member]) -> u64 {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let mut heads = Vec::new();
        for node in nodes {
            let said = node.ask("GET", "/readyz", None, None).await;
            heads.push(said.filter(|said| said["status"] == "ready").and_then(|said| said["seq"].as_u64()));
        }
        if let [Some(first), ..] = heads[..]
            && heads.iter().all(|head| *head == Some(first))
        {
            return first;
        }
        if tokio::time::Instant::now() > end {
            let mut said = Vec::new();
            for node in nodes {
                said.push(node.tells().await);
            }
            panic!("the servers do not agree: {heads:?}\n{}", said.join("\n"));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The documents that a fleet begins with.
pub fn documents() -> Vec<Value> {
    let mut documents = fixtures::documents();
    documents.push(beacon("start"));
    documents
}
