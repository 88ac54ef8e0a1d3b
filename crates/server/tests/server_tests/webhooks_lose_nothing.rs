//! Webhooks, at real receivers that take messages, refuse them, hang, or are not there.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::support::{Server, eventually, fixtures};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use usher_core::model::{Kind, Timestamp, parse_strict};
use usher_journal::{Actor, Append, Change, Journal, RedisJournal, RedisOptions, SqliteJournal};
use usher_server::{Secret, Settings, WebhookSettings, run};
use usher_testkit::redis::{RedisServer, wait};

const SECRET: &str = "a secret of thirty-three bytes...";
const HANGS: usize = usize::MAX;

/// What came to a receiver.
#[derive(Clone, Debug)]
struct Got {
    id: String,
    body: Value,
    taken: bool,
}

/// A receiver that checks every signature, and refuses as many messages as it is told.
#[derive(Clone, Default)]
struct Receiver {
    refuse: Arc<AtomicUsize>,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    /// Starts it on a free port.
    fn start() -> (Self, SocketAddr) {
        let receiver = Self::default();
        let own = receiver.clone();
        let server = HttpServer::new(move || {
            App::new().app_data(web::Data::new(own.clone())).default_service(web::to(take))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        tokio::spawn(server.run());
        (receiver, address)
    }

    fn refuses(&self, count: usize) {
        self.refuse.store(count, Ordering::SeqCst);
    }

    /// All that came.
    fn all(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// What was taken.
    fn taken(&self) -> Vec<Got> {
        self.all().into_iter().filter(|got| got.taken).collect()
    }

    /// The commits of what was taken.
    fn seqs(&self) -> Vec<u64> {
        self.taken().iter().map(|got| got.body["seq"].as_u64().unwrap()).collect()
    }

    fn types(&self) -> Vec<String> {
        self.taken().iter().map(|got| got.body["type"].as_str().unwrap().to_owned()).collect()
    }
}

async fn take(receiver: web::Data<Receiver>, request: HttpRequest, body: String) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).unwrap().to_str().unwrap().to_owned();
    let (id, at, signature) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    mac.verify_slice(&STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap()).unwrap();
    let age = usher_server::now().millis() / 1_000 - at.parse::<i64>().unwrap();
    assert!((-1..60).contains(&age), "{at}");
    let refuse = receiver.refuse.load(Ordering::SeqCst);
    let taken = refuse == 0;
    receiver.got.lock().unwrap().push(Got { id, body: serde_json::from_str(&body).unwrap(), taken });
    if refuse == HANGS {
        tokio::time::sleep(Duration::from_secs(60)).await;
    } else if !taken {
        receiver.refuse.store(refuse - 1, Ordering::SeqCst);
        return HttpResponse::InternalServerError().finish();
    }
    HttpResponse::NoContent().finish()
}

fn hook(name: &str, at: SocketAddr) -> WebhookSettings {
    let url = format!("http://{at}/hook");
    WebhookSettings { name: name.to_owned(), url, secret: SECRET.to_owned().into(), events: Vec::new() }
}

async fn serving(hooks: Vec<WebhookSettings>) -> Server {
    let server = Server::start().await;
    fixtures::seed(&server).await;
    let folder = server.stop().await;
    Server::start_in(folder, |settings| settings.webhooks = hooks).await
}

/// Kills a flag and revives it, so many commits.
async fn change(server: &Server, times: usize) -> Vec<u64> {
    let mut seqs = Vec::new();
    for n in 0..times {
        let path = format!("/api/v1/flags/always/environments/production/{}", ["kill", "revive"][n % 2]);
        let done = server.admin().post(&path, &json!({})).await.expect(200).json();
        seqs.push(done["seq"].as_u64().unwrap());
    }
    seqs
}

#[tokio::test]
async fn a_message_is_signed_and_says_what_happened_and_nothing_of_before() {
    let (receiver, at) = Receiver::start();
    let server = serving(vec![hook("ops", at)]).await;
    let seqs = change(&server, 2).await;
    eventually("both are told", async || receiver.seqs() == seqs).await;
    let taken = receiver.taken();
    let workspace = server.admin().get("/api/v1/workspace").await.expect(200).json();
    let body = &taken[0].body;
    let at: Timestamp = serde_json::from_value(body["at"].clone()).unwrap();
    let (epoch, millis) = (workspace["epoch"].as_str().unwrap(), at.millis());
    assert_eq!(taken[0].id, format!("{epoch}-{}-{millis}-0", seqs[0]));
    assert_eq!((&body["type"], &body["actor"]["kind"]), (&json!("flag.killed"), &json!("token")), "{body}");
    let killed = json!([{"everywhere": true, "venues": [], "cohorts": [], "environment": "production"}]);
    assert_eq!(body["data"], json!({"flag": "always", "killed": killed}));
    let data = json!({"flag": "always", "change": "changed", "environments": ["production"]});
    assert_eq!((&taken[1].body["type"], &taken[1].body["data"]), (&json!("flag.changed"), &data));
    let metrics = server.admin().get("/metrics").await.expect(200).body;
    for line in [
        r#"usher_webhook_deliveries_total{outcome="delivered"} 2"#,
        r#"usher_webhook_deliveries_total{outcome="retried"} 0"#,
        r#"usher_webhook_deliveries_total{outcome="skipped"} 0"#,
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn only_what_was_asked_for_is_told() {
    let (receiver, at) = Receiver::start();
    let kills = WebhookSettings { events: vec!["flag.killed".to_owned()], ..hook("kills", at) };
    let server = serving(vec![kills]).await;
    let seqs = change(&server, 5).await;
    eventually("kills are told", async || receiver.seqs() == [seqs[0], seqs[2], seqs[4]]).await;
}

#[tokio::test]
async fn what_is_not_taken_comes_again_with_the_same_id_and_nothing_overtakes_it() {
    let (receiver, at) = Receiver::start();
    let server = serving(vec![hook("ops", at)]).await;
    receiver.refuses(2);
    let seqs = change(&server, 6).await;
    eventually("all are told", async || receiver.seqs() == seqs).await;
    let all = receiver.all();
    assert_eq!(all.len(), 8, "two were refused: {all:?}");
    for refused in &all[..2] {
        assert_eq!((&refused.id, &refused.body), (&all[2].id, &all[2].body));
    }
    let metrics = server.admin().get("/metrics").await.expect(200).body;
    assert!(metrics.contains(r#"usher_webhook_deliveries_total{outcome="retried"} 2"#), "{metrics}");
    assert!(metrics.contains("usher_webhook_lag_commits 0"), "{metrics}");
}

#[tokio::test]
async fn one_that_hangs_delays_no_other_nor_the_server() {
    let ((hanging, there), (well, here)) = (Receiver::start(), Receiver::start());
    hanging.refuses(HANGS);
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let server = serving(vec![hook("hangs", there), hook("nobody", nobody), hook("well", here)]).await;
    let seqs = change(&server, 20).await;
    eventually("the other is told all", async || well.seqs() == seqs).await;
    eventually("it was asked", async || !hanging.all().is_empty()).await;
    assert!(hanging.taken().is_empty());
    let metrics = server.admin().get("/metrics").await.expect(200).body;
    assert!(metrics.contains("usher_webhook_lag_commits 20"), "{metrics}");
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was_and_loses_nothing() {
    let ((receiver, at), (late, later)) = (Receiver::start(), Receiver::start());
    let server = serving(vec![hook("ops", at)]).await;
    let mut seqs = change(&server, 2).await;
    eventually("they are told", async || receiver.seqs() == seqs).await;
    receiver.refuses(HANGS);
    seqs.extend(change(&server, 4).await);
    eventually("it was asked", async || receiver.all().len() > 2).await;
    let folder = server.stop().await;
    receiver.refuses(0);
    let server = Server::start_in(folder, |settings| {
        settings.webhooks = vec![hook("ops", at), hook("late", later)];
    })
    .await;
    eventually("what was left is told", async || receiver.seqs() == seqs).await;
    let more = change(&server, 1).await;
    seqs.extend(&more);
    eventually("so is what is new", async || receiver.seqs() == seqs).await;
    // One that is new begins at the newest commit.
    eventually("one that is new is told what is new", async || late.seqs() == more).await;
}

#[tokio::test]
async fn a_restart_loses_nothing_of_a_webhook_that_never_answered_yet() {
    let (receiver, at) = Receiver::start();
    receiver.refuses(HANGS);
    let server = serving(vec![hook("ops", at)]).await;
    let seqs = change(&server, 4).await;
    eventually("it was asked", async || !receiver.all().is_empty()).await;
    let folder = server.stop().await;
    receiver.refuses(0);
    let _server = Server::start_in(folder, |settings| settings.webhooks = vec![hook("ops", at)]).await;
    eventually("all is told", async || receiver.seqs() == seqs).await;
}

#[tokio::test]
async fn playbooks_and_broken_freezes_are_told_and_a_message_alone_makes_none() {
    let (receiver, at) = Receiver::start();
    let server = serving(vec![hook("ops", at)]).await;
    let admin = server.admin();
    let playbook = json!({"key": "calm", "name": "Calm", "plays": [{"kill": {"flag": "always", "environment": "production"}}]});
    admin.put("/api/v1/playbooks/calm", &playbook).await.expect(201);
    let freeze = json!({"key": "final", "reason": "Cup final", "environments": ["production"], "venues": ["anfield"], "from": "2020-01-01T00:00:00Z", "until": "2120-01-01T00:00:00Z"});
    admin.put("/api/v1/freezes/final", &freeze).await.expect(201);
    admin.post("/api/v1/playbooks/calm/run", &json!({"message": "now"})).await.expect(200);
    let revive = "/api/v1/flags/always/environments/production/revive";
    let glass = admin.header("Usher-Break-Glass", "gates (all) stuck");
    glass.post(revive, &json!({"message": "Playbook none: said so"})).await.expect(200);
    eventually("all is told", async || receiver.types().len() >= 4).await;
    assert_eq!(receiver.types(), ["playbook.run", "flag.killed", "freeze.broken", "flag.changed"]);
    let taken = receiver.taken();
    assert_eq!(taken[0].body["data"], json!({"playbook": "calm", "changed": ["flag/always"]}));
    assert_eq!(taken[1].id.rsplit_once('-').unwrap().1, "1");
    assert_eq!(taken[2].body["data"]["reason"], "gates (all) stuck");
}

#[tokio::test]
async fn a_release_that_is_taken_back_is_told_with_its_reasons() {
    let (receiver, at) = Receiver::start();
    let server = serving(vec![hook("ops", at)]).await;
    // A guard that asks somebody who is there and says that it hurts.
    let bad = HttpServer::new(|| {
        App::new().default_service(web::to(async || {
            HttpResponse::Ok().json(json!({"verdict": "breach", "reason": "the till is on fire"}))
        }))
    });
    let bad = bad.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", bad.addrs()[0]);
    tokio::spawn(bad.run());
    let plan = json!({
        "key": "r", "flag": "resale-guard", "environment": "production", "variant": "on", "control": "off",
        "lookEvery": "1s", "guards": [{"name": "till", "check": {"webhook": {"url": url}}}],
        "stages": [{"name": "canary", "venues": ["berlin-dome"], "bake": "20s"}],
    });
    server.admin().put("/api/v1/releases/r", &plan).await.expect(201);
    server.admin().post("/api/v1/releases/r/start", &json!({"message": "go"})).await.expect(200);
    let told = |event: &str| receiver.taken().into_iter().find(|got| got.body["type"] == event);
    eventually("it is taken back", async || told("release.rolledBack").is_some()).await;
    assert_eq!(told("release.started").unwrap().body["data"]["stage"], "canary");
    let body = told("release.rolledBack").unwrap().body;
    assert!(body["data"]["reasons"].to_string().contains("the till is on fire"), "{body}");
    assert_eq!((&body["data"]["release"], &body["data"]["flag"]), (&json!("r"), &json!("resale-guard")));
    assert_eq!(body["actor"]["kind"], "system");
}

/// Writes a flag, without a server.
fn put(key: &str, message: &str, default: &str, at: Timestamp) -> Append {
    let flag = fixtures::flag(key, &json!({"default": {"variant": default}}));
    let document = parse_strict(&Kind::Flag, flag.to_string().as_bytes()).unwrap();
    Append {
        expected: Vec::new(),
        idempotency: None,
        actor: Actor::system("test"),
        message: message.to_owned(),
        at,
        changes: vec![Change::Put(document)],
    }
}

#[tokio::test]
async fn what_nobody_took_for_a_day_is_skipped_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(folder.path()).unwrap();
    let yesterday = Timestamp::from_millis(usher_server::now().millis() - 25 * 60 * 60 * 1_000);
    for (message, default) in [("Make it", "on"), ("Turn it", "off"), ("Turn it back", "on")] {
        journal.append(put("old", message, default, yesterday)).await.unwrap();
    }
    let position = json!({"epoch": journal.epoch(), "seq": 1}).to_string();
    std::fs::write(folder.path().join("webhook-ops.json"), position).unwrap();
    drop(journal);
    let (receiver, at) = Receiver::start();
    receiver.refuses(3);
    let server = Server::start_in(folder, |settings| {
        settings.webhooks = vec![hook("ops", at)];
        settings.metrics_open = true;
    })
    .await;
    eventually("what came after it is told", async || receiver.seqs() == [3]).await;
    let tried: Vec<Value> = receiver.all().iter().map(|got| got.body["seq"].clone()).collect();
    assert_eq!(tried, [2, 2, 2, 3], "it was tried all the same");
    let metrics = server.nobody().get("/metrics").await.expect(200).body;
    assert!(metrics.contains(r#"usher_webhook_deliveries_total{outcome="skipped"} 1"#), "{metrics}");
}

/// Longer than it takes until a node that is silent is gone.
async fn in_the_end(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..4 {
        for _ in 0..500 {
            if holds() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    panic!("it never came about: {what}");
}

#[tokio::test]
async fn two_servers_tell_each_message_once_and_one_goes_on_for_the_other() {
    let redis = RedisServer::start();
    let (receiver, at) = Receiver::start();
    let on = async || {
        let url = Secret::from(redis.url());
        Server::start_with(|settings| {
            settings.redis = Some(url);
            settings.webhooks = vec![hook("ops", at)];
        })
        .await
    };
    let (one, two) = tokio::join!(on(), on());
    // A webhook that is new begins where the servers started, so it is told of all flags that come then.
    fixtures::seed(&one).await;
    let flags = fixtures::documents().iter().filter(|document| document["kind"] == "flag").count();
    let mut seqs = vec![one.seq(); flags];
    seqs.extend(change(&one, 4).await);
    in_the_end("all is told", || receiver.seqs() == seqs).await;
    seqs.extend(change(&two, 4).await);
    in_the_end("all is told", || receiver.seqs() == seqs).await;
    // One that comes, and may be the one to deliver from now on, does not make anything come twice.
    let three = on().await;
    for _ in 0..40 {
        seqs.extend(change(&three, 2).await);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    in_the_end("all is told once", || receiver.seqs() == seqs).await;
    // Whichever of them delivered: those that are left go on.
    receiver.refuses(HANGS);
    let seq = change(&three, 2).await;
    seqs.extend(seq);
    one.stop().await;
    three.stop().await;
    receiver.refuses(0);
    seqs.extend(change(&two, 2).await);
    in_the_end("nothing is lost", || seqs.iter().all(|seq| receiver.seqs().contains(seq))).await;
    let (mut told, mut made) = (receiver.seqs(), seqs.clone());
    told.dedup();
    made.dedup();
    assert_eq!(told, made, "in order");
}

#[tokio::test]
async fn what_came_in_the_place_of_a_commit_that_was_dropped_is_told_with_an_id_of_its_own() {
    let mut redis = RedisServer::start();
    let mut replica = redis.replica();
    let (receiver, at) = Receiver::start();
    let url = Secret::from(redis.url());
    let server = Server::start_with(|settings| {
        settings.redis = Some(url);
        settings.redis_replicas = 1;
        settings.webhooks = vec![hook("ops", at)];
    })
    .await;
    let flags = fixtures::documents().iter().filter(|document| document["kind"] == "flag").count();
    fixtures::seed(&server).await;
    let mut seqs = vec![server.seq(); flags];
    in_the_end("all is told", || receiver.seqs() == seqs).await;
    wait("the replica has it on its disk", || {
        replica.says(&["INFO", "persistence"], "aof_rewrite_in_progress:0")
    });
    replica.signal("STOP");
    let kill = "/api/v1/flags/always/environments/production/kill";
    server.admin().post(kill, &json!({})).await.problem(503, "journal_unavailable");
    let dropped = server.seq();
    seqs.push(dropped);
    in_the_end("it is told, for it was shown", || receiver.seqs() == seqs).await;
    // Its server goes, and somebody else writes at the replica that takes its place.
    redis.kill_nine();
    replica.kill_nine();
    let mut elsewhere = RedisServer::start();
    elsewhere.restart_with_files(replica.folder());
    let other = RedisJournal::open(&RedisOptions::new(elsewhere.url())).unwrap();
    let instead = other.append(put("instead", "Make it", "on", usher_server::now())).await.unwrap();
    assert_eq!(instead.seq.0, dropped);
    drop(other);
    elsewhere.kill_nine();
    redis.restart_with_files(elsewhere.folder());
    let _replica = redis.replica();
    seqs.push(dropped);
    in_the_end("what came in its place is told", || receiver.seqs() == seqs).await;
    let taken = receiver.taken();
    let [lost, new] = &taken[taken.len() - 2..] else { panic!("{taken:?}") };
    assert_eq!((&lost.body["type"], &new.body["data"]["flag"]), (&json!("flag.killed"), &json!("instead")));
    assert_ne!(lost.id, new.id, "whoever has seen the one has not seen the other");
}

#[tokio::test]
async fn what_is_set_wrong_stops_the_start_and_says_how_to_mend_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = SocketAddr::from(([127, 0, 0, 1], 9));
    let bad = WebhookSettings { secret: "t00-short".to_owned().into(), ..hook("ops", at) };
    let settings = Settings {
        data: folder.path().join("data"),
        listen: "127.0.0.1:0".to_owned(),
        webhooks: vec![bad],
        ..Settings::default()
    };
    let error = run(settings).await.err().unwrap().to_string();
    assert_eq!(
        error,
        "webhooks[0].secret: this secret is too short (found 9 bytes). Make one of 24 random bytes or more."
    );
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}
