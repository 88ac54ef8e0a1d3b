//! A process that starts without a server begins with what the one before has left, else with what it brings
//! along, else with its caller's defaults; and every answer says which.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::support::{self, Line, Server, State, eventually, fan, files, kill, live, put, server, written};
use serde_json::json;
use tempfile::TempDir;
use usher_sdk::{Bootstrap, BuildError, Client, Context, ErrorCode, Mode, Reason, Source, Status};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

fn client(url: &str, key: &str, folder: &Path) -> Client {
    Client::builder(url, key).cache_dir(folder).build().unwrap()
}

/// A folder with the flags of a server that is reached by a line, now cut.
async fn left_behind(server: &Server, key: &str) -> (TempDir, Line) {
    let folder = tempfile::tempdir().unwrap();
    let line = Line::to(&server.address()).await;
    let before = client(&line.url(), key, folder.path());
    live(&before).await;
    written(folder.path()).await;
    before.close();
    line.set(State::Cut);
    (folder, line)
}

#[tokio::test]
async fn it_begins_from_disk_and_goes_live_by_what_it_missed() {
    let server = server().await;
    let key = server.key("server").await;
    let (folder, line) = left_behind(&server, &key).await;
    let after = client(&line.url(), &key, folder.path());
    let first = after.boolean_details("resale-guard", &fan(), false);
    assert_eq!((first.value, first.reason, first.source), (true, Reason::Cached, Source::Cache));
    assert!(first.age.unwrap() < Duration::from_secs(60));
    assert_eq!((after.status(), after.source()), (Status::Connecting, Source::Cache));
    assert_eq!(after.boolean_details("nothing", &fan(), true).error, Some(ErrorCode::FlagNotFound));
    kill(&server, "resale-guard").await;
    line.heard();
    line.set(State::Open);
    live(&after).await;
    let said = line.heard();
    assert!(said.contains(r#""type":"delta""#) && !said.contains(r#""type":"snapshot""#), "{said}");
    let live = after.boolean_details("resale-guard", &fan(), true);
    assert_eq!((live.value, live.reason, live.source), (false, Reason::Disabled, Source::Server));
    assert!(files(folder.path(), "cache").iter().all(|path| !path.to_string_lossy().contains(&key)));
}

#[tokio::test]
async fn values_for_a_person_are_on_disk_too() {
    let server = server().await;
    let (key, folder) = (server.key("client").await, tempfile::tempdir().unwrap());
    let url = format!("http://{}", server.address());
    let build = |who: &str| {
        let context = Context::new(who).with("venue", "anfield");
        Client::builder(&url, &key).context(context).cache_dir(folder.path()).build().unwrap()
    };
    let before = build("u-staff");
    live(&before).await;
    written(folder.path()).await;
    drop(before);
    server.stop().await;
    let again = build("u-staff").boolean_details("for-staff", &fan(), false);
    assert_eq!(
        (again.value, again.reason, again.metadata.rule.as_deref()),
        (true, Reason::Cached, Some("s"))
    );
    let another = build("u-2").boolean_details("for-staff", &fan(), false);
    assert_eq!((another.value, another.error), (false, Some(ErrorCode::ProviderNotReady)), "not another's");
}

#[tokio::test]
async fn flags_that_were_confirmed_up_to_the_end_are_not_old_after_it() {
    let server = server().await;
    let (key, folder) = (server.key("server").await, tempfile::tempdir().unwrap());
    let line = Line::to(&server.address()).await;
    let before = client(&line.url(), &key, folder.path());
    live(&before).await;
    written(folder.path()).await;
    let since = Instant::now();
    // Nothing changes, and the server keeps saying so.
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    before.close();
    line.set(State::Cut);
    eventually("it is noted", async || !files(folder.path(), "heard").is_empty()).await;
    let after = client(&line.url(), &key, folder.path());
    let answer = after.boolean_details("always", &fan(), false);
    assert_eq!((answer.value, answer.reason), (true, Reason::Cached));
    let age = answer.age.unwrap();
    assert!(age + Duration::from_millis(1_500) < since.elapsed(), "{age:?} of {:?}", since.elapsed());
}

#[tokio::test]
async fn when_stale_counts_from_before_the_restart() {
    let server = server().await;
    put(&server, "safe", json!({"default": {"variant": "on"}, "whenStale": {"after": "1s", "then": "off"}}))
        .await;
    let key = server.key("server").await;
    let (folder, line) = left_behind(&server, &key).await;
    let after = client(&line.url(), &key, folder.path());
    eventually("it gets old", async || !after.boolean("safe", &fan(), true)).await;
    let safe = after.boolean_details("safe", &fan(), true);
    assert_eq!((safe.value, safe.variant.as_deref(), safe.reason), (false, Some("off"), Reason::Cached));
}

#[tokio::test]
async fn the_very_first_start_has_the_bootstrap() {
    let documents = json!({"documents": [support::rogue::flag("always", true)]}).to_string();
    let documents = Bootstrap::from_json("production", &documents).unwrap();
    let values =
        json!({"values": {"always": {"value": true, "variant": "on", "reason": "STATIC"}}}).to_string();
    let values = Bootstrap::from_json("production", &values).unwrap();
    for (mode, bootstrap) in [(Mode::Ruleset, &documents), (Mode::Values, &values)] {
        let folder = tempfile::tempdir().unwrap();
        let client = Client::builder(NOWHERE, "usk_x")
            .mode(mode)
            .bootstrap(bootstrap.clone())
            .cache_dir(folder.path())
            .build()
            .unwrap();
        let first = client.boolean_details("always", &fan(), false);
        assert_eq!((first.value, first.reason, first.source), (true, Reason::Default, Source::Bootstrap));
        assert_eq!((first.age, client.status()), (None, Status::Connecting));
        client.close();
        assert!(files(folder.path(), "cache").is_empty(), "what was brought along is no server's word");
    }
    for (mode, bootstrap) in [(Mode::Ruleset, values), (Mode::Values, documents)] {
        let built = Client::builder(NOWHERE, "usk_x").mode(mode).bootstrap(bootstrap).build();
        let Err(BuildError::Bootstrap(why)) = built else { panic!("{built:?}") };
        assert!(why.contains("take what"), "{why}");
    }
}

#[tokio::test]
async fn the_server_wins_over_the_bootstrap_and_so_does_the_disk() {
    let server = server().await;
    let key = server.key("server").await;
    let (folder, line) = left_behind(&server, &key).await;
    let bootstrap = json!({"documents": [support::rogue::flag("always", false)]}).to_string();
    let bootstrap = Bootstrap::from_json("production", &bootstrap).unwrap();
    let builder = || Client::builder(&line.url(), &key).bootstrap(bootstrap.clone());
    let from_disk = builder().cache_dir(folder.path()).build().unwrap();
    assert_eq!(from_disk.source(), Source::Cache);
    assert!(from_disk.boolean("always", &fan(), false));
    let fresh = builder().build().unwrap();
    assert!(!fresh.boolean("always", &fan(), true));
    line.set(State::Open);
    live(&fresh).await;
    assert!(fresh.boolean("always", &fan(), false));
}

#[tokio::test]
async fn with_nothing_at_all_the_callers_defaults_apply() {
    for key in ["usk_x", "uck_x"] {
        let client = Client::builder(NOWHERE, key).build().unwrap();
        let answer = client.boolean_details("always", &fan(), true);
        assert_eq!((answer.value, answer.reason, answer.source), (true, Reason::Error, Source::Nothing));
        assert_eq!((answer.error, answer.age), (Some(ErrorCode::ProviderNotReady), None));
        assert_eq!(&*client.string("banner", &fan(), "mine"), "mine");
        assert_eq!(*client.object("layout", &fan(), &json!([1])), json!([1]));
        assert!(client.explain("always", &fan()).is_none());
        eventually("it says why", async || !client.diagnostics().is_empty()).await;
    }
    assert!(matches!(Client::builder("flags.example.org", "k").build(), Err(BuildError::Url(_))));
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_told_and_the_client_works() {
    let server = server().await;
    let key = server.key("server").await;
    let (folder, line) = left_behind(&server, &key).await;
    let path = written(folder.path()).await;
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    let middle = good.len() / 2;
    flipped[middle] ^= 0x10;
    let newer = String::from_utf8_lossy(&good).replacen(r#""usherCache":1"#, r#""usherCache":2"#, 1);
    let cases: [(&str, &[u8]); 5] = [
        ("truncated", &good[..middle]),
        ("checksum", &flipped),
        ("form 2", newer.as_bytes()),
        ("first line", b"\n"),
        ("first line", b"not one of ours"),
    ];
    for (why, bytes) in cases {
        fs::write(&path, bytes).unwrap();
        let client = client(&line.url(), &key, folder.path());
        let answer = client.boolean_details("always", &fan(), false);
        assert_eq!((answer.value, answer.error), (false, Some(ErrorCode::ProviderNotReady)), "{why}");
        let told = client.diagnostics();
        assert!(told[0].contains(why) && told[0].contains("set aside"), "{told:?}");
        assert!(!path.exists() && path.with_extension("damaged").exists());
    }
    line.set(State::Open);
    let client = client(&line.url(), &key, folder.path());
    live(&client).await;
    eventually("there is a good file again", async || path.exists()).await;
}

#[tokio::test]
async fn a_folder_that_can_not_be_written_is_told_and_the_client_works() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let url = format!("http://{}", server.address());
    let client = client(&url, &server.key("server").await, &file.join("cache"));
    live(&client).await;
    assert!(client.boolean("always", &fan(), false));
    eventually("it is told", async || client.diagnostics().iter().any(|told| told.contains("written"))).await;
}

#[tokio::test]
async fn two_clients_can_share_a_folder() {
    let server = server().await;
    let (key, folder) = (server.key("server").await, tempfile::tempdir().unwrap());
    let url = format!("http://{}", server.address());
    let clients = [client(&url, &key, folder.path()), client(&url, &key, folder.path())];
    for client in &clients {
        live(client).await;
    }
    for n in 0..5 {
        put(&server, &format!("new-{n}"), json!({"default": {"variant": "on"}})).await;
    }
    for client in &clients {
        eventually("it has all", async || client.boolean("new-4", &fan(), false)).await;
        client.close();
    }
    written(folder.path()).await;
    eventually("nothing half written stays", async || files(folder.path(), "new").is_empty()).await;
    server.stop().await;
    let after = client(&url, &key, folder.path());
    assert_eq!((after.source(), after.diagnostics()), (Source::Cache, Vec::new()));
}
