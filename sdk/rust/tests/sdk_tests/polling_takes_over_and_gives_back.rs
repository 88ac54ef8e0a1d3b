//! Where no WebSocket comes through, a client polls; it is as live by that as by a stream, and returns to one.

use std::sync::{Arc, Mutex};

use crate::support::{Line, State, eventually, fan, kill, live, server};
use usher_sdk::{Client, Context, Mode, Reason, Source, Status};

#[tokio::test]
async fn it_polls_while_streams_are_refused_and_streams_again_when_they_are_not() {
    let server = server().await;
    for (kind, mode, status, flag, other) in [
        ("server", Mode::Ruleset, 403, "always", "hidden"),
        ("client", Mode::Values, 502, "resale-guard", "for-staff"),
    ] {
        let line = Line::to(&server.address()).await;
        let client =
            Client::builder(&line.url(), &server.key(kind).await).mode(mode).context(fan()).build().unwrap();
        live(&client).await;
        let told = Arc::new(Mutex::new(Vec::new()));
        let _statuses = client.on_status({
            let told = Arc::clone(&told);
            move |status| told.lock().unwrap().push(*status)
        });
        line.set(State::NoUpgrades(status));
        eventually("it loses the stream, and polls", async || {
            matches!(told.lock().unwrap()[..], [.., Status::Stale { .. }, Status::Live])
        })
        .await;
        assert_eq!(client.source(), Source::Server);
        // From here on it stays live, poll by poll, while it tries to stream all the time.
        told.lock().unwrap().clear();
        kill(&server, flag).await;
        eventually("the kill is polled", async || !client.boolean(flag, &fan(), true)).await;
        assert_eq!(client.boolean_details(flag, &fan(), true).reason, Reason::Disabled);
        if mode == Mode::Ruleset {
            let opened = line.opened();
            eventually("streams are tried", async || line.opened() > opened).await;
        }
        assert_eq!(*told.lock().unwrap(), []);
        if mode == Mode::Values {
            client.set_context(&Context::new("u-staff"));
            live(&client).await;
            assert!(client.boolean("for-staff", &fan(), false));
        }
        line.heard();
        line.set(State::Open);
        eventually("it streams again", async || line.heard().contains(r#""type":"ready""#)).await;
        kill(&server, other).await;
        eventually("by stream", async || {
            client.boolean_details(other, &fan(), true).reason == Reason::Disabled
        })
        .await;
        assert!(server.running().app().connections.summary(None).total >= 1);
        client.close();
    }
}

#[tokio::test]
async fn a_client_that_never_had_a_stream_gets_live_by_polling() {
    let server = server().await;
    let line = Line::to(&server.address()).await;
    line.set(State::NoUpgrades(400));
    let client = Client::builder(&line.url(), &server.key("server").await).build().unwrap();
    live(&client).await;
    assert!(client.boolean("always", &fan(), false));
    assert!(client.diagnostics().iter().any(|told| told.contains("no stream comes through")));
    // What polls can not reach any more is not live.
    let line_opened = line.opened();
    line.set(State::Cut);
    eventually("it tries", async || line.opened() > line_opened).await;
}

#[tokio::test]
async fn every_poll_says_what_there_is_already() {
    let server = server().await;
    let line = Line::to(&server.address()).await;
    line.set(State::NoUpgrades(403));
    let client = Client::builder(&line.url(), &server.key("server").await).build().unwrap();
    live(&client).await;
    // Nobody can say that who asks has more than there is, but by that.
    eventually("it is said", async || line.asked().contains("have=")).await;
}
