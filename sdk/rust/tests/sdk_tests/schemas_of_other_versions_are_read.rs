//! An app goes on with servers of the version before and after its own, and with what an app of either left on disk: in
//! what was recorded of real ones, and with what it does not know put into it.

use std::{fs, path::PathBuf};

use crate::support::{Rogue, eventually, files, live, rogue::Guest, server, written};
use serde_json::{Value, json};
use usher_core::protocol::Mode;
use usher_sdk::{Client, Context, ErrorCode, Reason, Source, parts::CacheFolder};

fn recorded(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../crates/core/tests/payloads");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn fan() -> Context {
    Context::new("u-1").with("venue", "wembley-stadium").with("tier", "season")
}

/// Builds a client, and plays a recorded stream to it, each frame changed by `change`.
async fn played(name: &str, key: &str, change: impl Fn(&mut Value)) -> (Guest, Client) {
    let rogue = Rogue::start().await;
    let client = Client::builder(&rogue.url(), key).context(fan()).build().unwrap();
    let mut guest = rogue.guest().await;
    assert_eq!(guest.hello["schemas"], json!([2, 1]));
    // What was sent before anything was changed.
    for line in recorded(name).lines().filter_map(|line| line.strip_prefix("< ")).take(2) {
        let mut frame: Value = serde_json::from_str(line).unwrap();
        change(&mut frame);
        guest.say(&frame).await;
    }
    live(&client).await;
    (guest, client)
}

#[tokio::test]
async fn a_server_of_the_version_before_is_read() {
    let (_guest, values) = played("schema-1/stream-values.txt", "uck_x", |_| {}).await;
    let (_guest, rules) = played("schema-1/stream-ruleset.txt", "usk_x", |_| {}).await;
    for client in [&values, &rules] {
        assert!(client.boolean("express-checkout", &fan(), false));
        assert_eq!(client.integer("whole", &fan(), 0), 9_007_199_254_740_993);
        assert_eq!(&*client.string("texts", &fan(), ""), "Zürich \"quoted\" ☃");
        assert_eq!(client.object("tree", &fan(), &json!(0))["deep"]["er"]["still"], true);
        assert_eq!(client.boolean_details("killed-all", &fan(), true).reason, Reason::Disabled);
    }
}

#[tokio::test]
async fn a_value_that_it_cant_read_falls_back_and_the_others_stay() {
    for (schema, strange) in [
        (1, json!(["of", "schema", "two"])),
        (1, json!({"value": true})),
        (2, json!({"value": true, "reason": "STATIC"})),
        (2, json!([true, "on", "S", null, {}, "more"])),
        (2, json!([true, "on", "Q"])),
    ] {
        let (_guest, client) = played("schema-1/stream-values.txt", "uck_x", |frame| {
            if frame["type"] == "ready" {
                frame["schema"] = schema.into();
            } else {
                let put = frame["put"].as_object_mut().unwrap();
                if schema == 2 {
                    put.values_mut().for_each(|value| {
                        *value = json!([value["value"], value["variant"], value["reason"]]);
                    });
                }
                put["express-checkout"] = strange.clone();
            }
        })
        .await;
        let details = client.boolean_details("express-checkout", &fan(), true);
        assert_eq!((details.value, details.error), (true, Some(ErrorCode::ParseError)), "{schema} {strange}");
        assert!(!client.boolean("express-checkout", &fan(), false), "the caller's default");
        assert_eq!(client.integer("whole", &fan(), 0), 9_007_199_254_740_993);
        assert!(client.boolean("op-after", &fan(), false));
    }
}

#[tokio::test]
async fn a_server_of_the_version_after_speaks_what_both_know_or_is_not_believed() {
    let (_guest, client) = played("schema-1/stream-values.txt", "uck_x", |frame| {
        // It says more than this version knows of.
        frame["tide"] = json!("high");
        if frame["type"] == "values" {
            frame["put"]["new-sort"] = json!({"value": 1, "reason": "LUNAR", "moon": "full"});
        }
    })
    .await;
    assert!(client.boolean("express-checkout", &fan(), false));
    let rogue = Rogue::start().await;
    let client = Client::builder(&rogue.url(), "uck_x").build().unwrap();
    let mut guest = rogue.guest().await;
    let ready = json!({"type": "ready", "epoch": "01".repeat(16), "seq": 1, "schema": 3, "heartbeatSec": 1, "intent": "delta", "environment": "production"});
    guest.say(&ready).await;
    guest.leaves().await;
    assert_eq!(client.source(), Source::Nothing);
}

#[tokio::test]
async fn what_an_app_of_the_version_before_left_on_disk_is_read() {
    for (mode, key, file, flag) in [
        (Mode::Ruleset, "usk_x", "schema-1/sdk-ruleset.cache", "op-after"),
        (Mode::Values, "uck_x", "schema-1/sdk-values.cache", "op-after"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let url = "http://127.0.0.1:1";
        let place = CacheFolder::new(folder.path(), url, key, mode, None).place(Some("u-1"));
        fs::write(place.path(), recorded(file)).unwrap();
        let client = Client::builder(url, key).context(fan()).cache_dir(folder.path()).build().unwrap();
        assert_eq!(client.source(), Source::Cache, "{:?}", client.diagnostics());
        let context = fan().with("bought", "2026-06-01T12:00:00Z");
        assert!(client.boolean(flag, &context, false));
        assert_eq!(files(folder.path(), "damaged").len(), 0);
    }
}

#[tokio::test]
async fn what_this_version_leaves_on_disk_is_read_by_the_version_before_and_by_itself() {
    let server = server().await;
    let mut asking = crate::support::fixtures::flag("new-map", &json!({"default": {"variant": "on"}}));
    asking["minimumSchema"] = 2.into();
    server.admin().put("/api/v1/flags/new-map", &asking).await.expect(201);
    let url = format!("http://{}", server.address());
    for kind in ["server", "client"] {
        let folder = tempfile::tempdir().unwrap();
        let key = server.key(kind).await;
        let build =
            |url: &str| Client::builder(url, &key).context(fan()).cache_dir(folder.path()).build().unwrap();
        let client = build(&url);
        live(&client).await;
        assert!(client.boolean("new-map", &fan(), false));
        let file = written(folder.path()).await;
        client.close();
        let text = fs::read_to_string(file).unwrap();
        let (head, body) = text.split_once('\n').unwrap();
        let (head, body): (Value, Value) =
            (serde_json::from_str(head).unwrap(), serde_json::from_str(body).unwrap());
        assert_eq!((&head["schema"], &body["schema"]), (&json!(1), &json!(1)), "the version before reads it");
        if kind == "client" {
            assert_eq!(
                body["values"]["new-map"],
                json!({"value": true, "variant": "on", "reason": "STATIC"})
            );
        } else {
            let documents = body["documents"].as_array().unwrap();
            let flag = documents.iter().find(|own| own["key"] == "new-map").unwrap();
            assert_eq!(
                (flag.get("minimumSchema"), &flag["environments"]["production"]["enabled"]),
                (None, &json!(false))
            );
        }
        // The same app, started again without its server: the same key and address.
        server
            .admin()
            .put("/api/v1/flags/always", &crate::support::fixtures::flag("always", &json!({})))
            .await
            .expect(200);
        let again = build(&url);
        assert!(again.boolean("new-map", &fan(), false), "from the disk, before the network");
        eventually("it goes on", async || again.status() == usher_sdk::Status::Live).await;
    }
}
