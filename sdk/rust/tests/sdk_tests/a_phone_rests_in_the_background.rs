//! In the background there is no stream, but a poll now and then; in front of somebody changes come as they happen.

use std::time::{Duration, Instant};

use crate::support::{Line, eventually, fan, kill, live, put, server, written};
use serde_json::json;
use usher_sdk::{Client, Context, Mode, Reason, Source, Status};

#[tokio::test]
async fn it_ends_its_stream_polls_and_streams_again_in_front() {
    let server = server().await;
    for (mode, kind, flag, other) in
        [(Mode::Values, "client", "always", "resale-guard"), (Mode::Ruleset, "server", "banner", "limit")]
    {
        let line = Line::to(&server.address()).await;
        let client = Client::builder(&line.url(), &server.key(kind).await)
            .mode(mode)
            .context(fan())
            .poll_in_background_every(Duration::from_secs(1))
            .build()
            .unwrap();
        live(&client).await;
        let streams = || server.running().app().connections.summary(None).total;
        assert_eq!(streams(), 1);
        client.background();
        client.background();
        eventually("its stream has ended", async || streams() == 0).await;
        kill(&server, flag).await;
        eventually("it has asked", async || {
            client.string_details(flag, &fan(), "").reason == Reason::Disabled
                || client.boolean_details(flag, &fan(), true).reason == Reason::Disabled
        })
        .await;
        assert_eq!(streams(), 0, "without a stream");
        // Somebody else signs in, unseen: that is asked for at once.
        if mode == Mode::Values {
            client.set_context(&Context::new("u-staff"));
            eventually("it has asked", async || client.boolean("for-staff", &fan(), false)).await;
            client.set_context(&fan());
        }
        client.foreground();
        client.foreground();
        eventually("it streams", async || streams() == 1).await;
        kill(&server, other).await;
        let reason = || client.integer_details(other, &fan(), 0).reason;
        eventually("the kill has come", async || {
            reason() == Reason::Disabled || !client.boolean(other, &fan(), true)
        })
        .await;
        client.close();
        eventually("it has gone", async || streams() == 0).await;
    }
}

#[tokio::test]
async fn what_it_has_ages_honestly_while_it_rests() {
    let server = server().await;
    let url = format!("http://{}", server.address());
    let client = Client::builder(&url, &server.key("client").await).context(fan()).build().unwrap();
    live(&client).await;
    client.background();
    eventually("it is not called live", async || matches!(client.status(), Status::Stale { .. })).await;
    let details = client.boolean_details("always", &fan(), false);
    assert_eq!((details.value, details.reason, details.source), (true, Reason::Stale, Source::Server));
    client.foreground();
    live(&client).await;
}

#[tokio::test]
async fn who_begins_in_the_background_asks_once_and_opens_no_stream() {
    let server = server().await;
    let url = format!("http://{}", server.address());
    let client =
        Client::builder(&url, &server.key("client").await).context(fan()).in_background().build().unwrap();
    live(&client).await;
    assert!(client.boolean("always", &fan(), false));
    assert_eq!(server.running().app().connections.summary(None).total, 0);
}

#[tokio::test]
async fn what_was_counted_goes_when_it_goes_to_the_background_and_when_it_is_wanted() {
    let server = server().await;
    let url = format!("http://{}", server.address());
    let client = Client::builder(&url, &server.key("client").await)
        .context(fan())
        .send_every(Duration::from_secs(600))
        .build()
        .unwrap();
    live(&client).await;
    let counts = &server.running().app().counts;
    client.expose("always", &fan());
    client.flush();
    eventually("it has come", async || counts.exposures("always", "on") == 1).await;
    client.expose("always", &fan());
    client.background();
    eventually("it has come", async || counts.exposures("always", "on") == 2).await;
}

#[tokio::test]
async fn it_closes_at_once_while_it_rests() {
    let line = Line::to("127.0.0.1:1").await;
    let client = Client::builder(&line.url(), "uck_x").in_background().build().unwrap();
    let begun = Instant::now();
    client.close();
    client.foreground();
    client.background();
    client.flush();
    assert!(begun.elapsed() < Duration::from_millis(500));
    assert_eq!(client.status(), Status::Offline);
}

#[tokio::test]
async fn an_app_that_was_updated_offline_keeps_its_flags_and_has_them_at_once() {
    let server = server().await;
    for n in 0..100 {
        put(&server, &format!("more-{n}"), json!({"default": {"variant": "on"}})).await;
    }
    let (key, folder) = (server.key("client").await, tempfile::tempdir().unwrap());
    let url = format!("http://{}", server.address());
    let build = |version: &str, context: Context| {
        let builder = Client::builder(&url, &key).app_version(version).venue("anfield");
        builder.context(context).cache_dir(folder.path()).build().unwrap()
    };
    let before = build("3.2.0", Context::new("u-staff").with("appVersion", "3.2.0"));
    live(&before).await;
    written(folder.path()).await;
    drop(before);
    server.stop().await;
    let mut took = Vec::new();
    for _ in 0..10 {
        let begun = Instant::now();
        let after = build("4.0.0", Context::new("u-staff").with("appVersion", "4.0.0").with("beta", true));
        assert!(after.boolean("for-staff", &Context::anonymous(), false));
        took.push(begun.elapsed());
        assert_eq!(after.source(), Source::Cache);
    }
    took.sort_unstable();
    println!("first answer from disk, 109 flags: {:?} (median of 10)", took[5]);
    // Unoptimised, and beside other tests; the bindings' tests tell what phones get.
    assert!(took[5] < Duration::from_millis(50), "{took:?}");
}
