//! Listeners hear of the flags that may answer otherwise, and of no others; and none of them can do harm.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use crate::support::{Line, State, eventually, fan, fixtures, kill, live, put, server, stale};
use serde_json::json;
use usher_sdk::{Change, Client, Context, Mode, Status, Subscription};

type Heard = Arc<Mutex<Vec<Vec<String>>>>;

fn listen(client: &Client) -> (Heard, Subscription) {
    let heard = Heard::default();
    let own = Arc::clone(&heard);
    (heard, client.on_change(move |change: &Change| own.lock().unwrap().push(change.flags.clone())))
}

async fn hears(heard: &Heard, flags: &[&str]) {
    eventually("the change is heard", async || !heard.lock().unwrap().is_empty()).await;
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    assert_eq!(heard, [flags]);
}

#[tokio::test]
async fn a_change_names_the_flags_that_it_may_move() {
    let server = server().await;
    put(&server, "needs", json!({"prerequisites": [{"flag": "always", "variants": ["on"]}]})).await;
    for (kind, mode) in [("server", Mode::Ruleset), ("client", Mode::Values)] {
        let line = Line::to(&server.address()).await;
        let client =
            Client::builder(&line.url(), &server.key(kind).await).mode(mode).context(fan()).build().unwrap();
        live(&client).await;
        let (heard, _subscription) = listen(&client);
        let path = "/api/v1/flags/always/environments/production/";
        server.admin().post(&format!("{path}kill"), &json!({})).await.expect(200);
        let moved = &["always", "needs"];
        hears(&heard, moved).await;
        server.admin().post(&format!("{path}revive"), &json!({})).await.expect(200);
        hears(&heard, moved).await;
        // What changed while the line was cut, and nothing else.
        line.set(State::Cut);
        stale(&client).await;
        let cohort = json!({"key": "staff", "name": "Staff", "keys": ["u-1"]});
        server.admin().put("/api/v1/cohorts/staff", &cohort).await.expect(200);
        line.set(State::Open);
        hears(&heard, &["for-staff"]).await;
        let cohort = json!({"key": "staff", "name": "Staff", "keys": ["u-staff"]});
        server.admin().put("/api/v1/cohorts/staff", &cohort).await.expect(200);
        hears(&heard, &["for-staff"]).await;
    }
}

#[tokio::test]
async fn a_snapshot_of_what_is_known_already_names_only_what_differs() {
    let server = server().await;
    let (key, folder) = (server.key("server").await, tempfile::tempdir().unwrap());
    let line = Line::to(&server.address()).await;
    let client = Client::builder(&line.url(), &key).cache_dir(folder.path()).build().unwrap();
    live(&client).await;
    let (heard, _subscription) = listen(&client);
    let left = Arc::new(AtomicBool::new(false));
    let _statuses = client.on_status({
        let left = Arc::clone(&left);
        move |status| {
            left.fetch_or(*status != Status::Live, Ordering::Relaxed);
        }
    });
    line.set(State::NoUpgrades(400));
    // Polls take over within a moment, perhaps.
    eventually("it has lost its stream", async || left.load(Ordering::Relaxed)).await;
    let mut new = fixtures::flag("new", &json!({}));
    new["kind"] = "flag".into();
    let changes = json!([{"delete": {"kind": "flag", "key": "limit"}}, {"put": new}]);
    server.admin().post("/api/v1/commits", &json!({"message": "m", "changes": changes})).await.expect(201);
    // By polling everything comes again.
    hears(&heard, &["limit", "new"]).await;
}

#[tokio::test]
async fn listeners_may_panic_read_flags_and_leave() {
    let server = server().await;
    let key = server.key("server").await;
    let client = Client::builder(&format!("http://{}", server.address()), &key).build().unwrap();
    live(&client).await;
    let _bad = client.on_change(|_| panic!("on purpose"));
    let answers = Arc::new(Mutex::new(Vec::new()));
    let _reader = client.on_change({
        let (client, answers) = (client.clone(), Arc::clone(&answers));
        let held: Mutex<Option<Subscription>> = Mutex::default();
        move |_| {
            // Reading, asking, listening and leaving: all of it from within.
            answers.lock().unwrap().push(client.boolean("always", &fan(), true));
            drop((client.status(), client.diagnostics()));
            *held.lock().unwrap() = Some(client.on_change(|_| {}));
            client.set_context(&Context::new("u-2"));
        }
    });
    let (heard, leaver) = listen(&client);
    kill(&server, "always").await;
    hears(&heard, &["always"]).await;
    assert_eq!(*answers.lock().unwrap(), [false], "what is heard of is already so");
    drop(leaver);
    kill(&server, "resale-guard").await;
    eventually("the others still hear", async || answers.lock().unwrap().len() == 2).await;
    assert!(heard.lock().unwrap().is_empty());
    // From within a listener, too.
    let _closer = client.on_change({
        let client = client.clone();
        move |_| client.close()
    });
    kill(&server, "limit").await;
    eventually("it is closed", async || client.status() == usher_sdk::Status::Offline).await;
}
