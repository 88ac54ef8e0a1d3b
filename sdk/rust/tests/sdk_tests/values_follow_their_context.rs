//! Values mode: the server evaluates, for one context at a time, and nobody is given what is another's.

use crate::support::{
    Line, PATIENCE, Rogue, Server, State, eventually, fan, files, kill, live, server, stale,
};
use serde_json::json;
use usher_sdk::{Client, Context, ErrorCode, Mode, Reason, Source, Status};

fn at(venue: &str) -> Context {
    Context::new("u-1").with("venue", venue)
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address())
}

#[tokio::test]
async fn both_modes_give_the_same_answers() {
    let server = server().await;
    let rules = Client::builder(&url(&server), &server.key("server").await).build().unwrap();
    let values = Client::builder(&url(&server), &server.key("client").await).context(fan()).build().unwrap();
    live(&rules).await;
    live(&values).await;
    for flag in ["resale-guard", "always", "for-staff", "off"] {
        let (mut one, mut other) =
            (rules.boolean_details(flag, &fan(), true), values.boolean_details(flag, &fan(), true));
        (one.age, other.age) = (None, None);
        assert_eq!(one, other);
    }
    assert_eq!(values.string("banner", &fan(), ""), rules.string("banner", &fan(), ""));
    assert_eq!((values.integer("limit", &fan(), 0), values.float("fee", &fan(), 0.0)), (4, 2.5));
    assert_eq!(values.object("layout", &fan(), &json!(0))["rows"], json!([1, 2]));
    assert_eq!(values.boolean_details("banner", &fan(), true).error, Some(ErrorCode::TypeMismatch));
    assert_eq!(values.boolean_details("hidden", &fan(), false).error, Some(ErrorCode::FlagNotFound));
    assert!(rules.boolean("hidden", &fan(), false), "server keys see all");
    assert!(
        rules.explain("resale-guard", &fan()).is_some() && values.explain("resale-guard", &fan()).is_none()
    );
    kill(&server, "resale-guard").await;
    for client in [&rules, &values] {
        eventually("the kill has come", async || !client.boolean("resale-guard", &fan(), true)).await;
        assert_eq!(client.boolean_details("resale-guard", &fan(), true).reason, Reason::Disabled);
    }
}

#[tokio::test]
async fn a_client_is_counted_and_asked_for_at_its_venue() {
    let server = server().await;
    let client = Client::builder(&url(&server), &server.key("client").await)
        .venue("anfield")
        .context(Context::new("u-1"))
        .app_version("3.2.0")
        .build()
        .unwrap();
    live(&client).await;
    assert!(client.boolean("resale-guard", &Context::anonymous(), false), "it is in England");
    let board = server.running().app().connections.by_venue(None);
    assert_eq!(board.get("anfield"), Some(&1), "{board:?}");
    // A key for one venue is at that venue without saying so, and sees no other.
    let (narrow, _) = server
        .new_key(
            json!({"name": "d", "type": "server", "environment": "production", "venues": ["berlin-dome"]}),
        )
        .await;
    let scanner = Client::builder(&url(&server), &narrow).build().unwrap();
    live(&scanner).await;
    assert!(!scanner.boolean("resale-guard", &at("berlin-dome"), true));
    assert!(!scanner.boolean("resale-guard", &at("anfield"), false), "nothing is known of other venues");
}

#[tokio::test]
async fn a_new_context_is_answered_for_once_its_values_are_there() {
    let server = server().await;
    let line = Line::to(&server.address()).await;
    let key = server.key("client").await;
    let client = Client::builder(&line.url(), &key).context(at("anfield")).build().unwrap();
    live(&client).await;
    assert!(client.boolean("resale-guard", &fan(), false));
    client.set_context(&at("berlin-dome"));
    assert!(matches!(client.status(), Status::Stale { .. } | Status::Live));
    live(&client).await;
    let dome = client.boolean_details("resale-guard", &fan(), true);
    assert_eq!((dome.value, dome.reason), (false, Reason::TargetingMatch));
    // The same while no stream comes through, and while nothing does.
    line.set(State::Cut);
    stale(&client).await;
    client.set_context(&at("anfield"));
    let dome = client.boolean_details("resale-guard", &fan(), true);
    assert_eq!((dome.value, dome.reason), (false, Reason::Stale), "the same person, elsewhere");
    client.set_context(&Context::new("u-staff").with("venue", "anfield"));
    assert_eq!(client.source(), Source::Nothing, "another person");
    assert!(client.boolean("resale-guard", &fan(), true) && !client.boolean("for-staff", &fan(), false));
    line.set(State::Open);
    live(&client).await;
    assert!(client.boolean("for-staff", &fan(), false) && client.boolean("resale-guard", &fan(), false));
}

#[tokio::test]
async fn a_context_is_never_answered_with_what_was_on_its_way_for_another() {
    let rogue = Rogue::start().await;
    let client = Client::builder(&rogue.url(), "uck_x").context(Context::new("a")).build().unwrap();
    let mut guest = rogue.guest().await;
    assert_eq!(guest.hello["context"]["targetingKey"], "a");
    guest.ready(1, 1, "delta").await;
    let values = |seq: u64, on: bool, full: bool| {
        json!({"type": "values", "seq": seq, "at": 0, "full": full, "delete": [],
            "put": {"f": {"value": on, "variant": "v", "reason": "STATIC"}}})
    };
    guest.say(&values(1, true, true)).await;
    live(&client).await;
    assert!(client.boolean("f", &fan(), false));
    client.set_context(&Context::new("b"));
    assert!(!client.boolean("f", &fan(), false), "at once");
    assert_eq!(guest.next().await.unwrap()["type"], "ack");
    assert_eq!(guest.next().await.unwrap()["context"]["targetingKey"], "b");
    guest.say(&values(2, true, false)).await;
    guest.say(&json!({"type": "ping", "seq": 2})).await;
    assert_eq!(guest.next().await.unwrap()["type"], "ack");
    assert_eq!(guest.next().await.unwrap()["type"], "pong");
    assert!(!client.boolean("f", &fan(), false), "it was for the one before");
    assert_ne!(client.status(), Status::Live);
    guest.say(&values(2, true, true)).await;
    live(&client).await;
    assert!(client.boolean("f", &fan(), false));
}

#[tokio::test]
async fn people_who_come_back_find_their_own_values() {
    let server = server().await;
    let (line, folder) = (Line::to(&server.address()).await, tempfile::tempdir().unwrap());
    let staff = || Context::new("u-staff").with("venue", "anfield");
    let client = Client::builder(&line.url(), &server.key("client").await)
        .context(staff())
        .cache_dir(folder.path())
        .build()
        .unwrap();
    live(&client).await;
    client.set_context(&at("berlin-dome"));
    live(&client).await;
    assert!(!client.boolean("for-staff", &fan(), true));
    line.set(State::Cut);
    stale(&client).await;
    eventually("both are on disk", async || files(folder.path(), "cache").len() == 2).await;
    client.set_context(&staff());
    let own = client.boolean_details("for-staff", &fan(), false);
    assert_eq!((own.value, own.reason), (true, Reason::Cached));
    client.set_context(&at("anfield"));
    let own = client.boolean_details("resale-guard", &fan(), true);
    assert_eq!((own.value, own.reason), (false, Reason::Cached), "where this person was last");
}

#[tokio::test]
async fn a_context_that_is_refused_is_told_and_another_one_helps() {
    let server = server().await;
    let (key, _) = server
        .new_key(json!({"name": "d", "type": "client", "environment": "production", "venues": ["anfield"]}))
        .await;
    let client = Client::builder(&url(&server), &key).context(at("berlin-dome")).build().unwrap();
    eventually("it is refused", async || client.status() == Status::Offline).await;
    assert!(
        client.diagnostics().iter().any(|told| told.contains("berlin-dome")),
        "{:?}",
        client.diagnostics()
    );
    client.set_context(&at("anfield"));
    live(&client).await;
    assert!(client.boolean("resale-guard", &fan(), false));
}

#[tokio::test]
async fn in_ruleset_mode_every_call_has_its_own_context() {
    let server = server().await;
    let key = server.key("server").await;
    let client = Client::builder(&url(&server), &key).mode(Mode::Ruleset).build().unwrap();
    live(&client).await;
    client.set_context(&at("berlin-dome"));
    assert!(client.wait_until_live(PATIENCE).await);
    assert!(client.boolean("resale-guard", &at("anfield"), false));
    assert!(!client.boolean("resale-guard", &at("berlin-dome"), true));
    let values = Client::builder(&url(&server), &key).mode(Mode::Values).context(fan()).build().unwrap();
    live(&values).await;
    assert!(values.boolean("hidden", &fan(), false), "a server key may ask for values, too");
}

#[tokio::test]
async fn values_for_one_who_has_left_again_are_nobody_elses() {
    let rogue = Rogue::start().await;
    let who = |name: &str| Context::new(name);
    let client = Client::builder(&rogue.url(), "uck_x").context(who("anna")).build().unwrap();
    let mut guest = rogue.guest().await;
    let values = |seq: u64, name: &str| {
        let own = json!({"value": name, "variant": "v", "reason": "STATIC"});
        json!({"type": "values", "seq": seq, "at": 0, "put": {"name": own}, "delete": [], "full": true})
    };
    let is = |name: &str| client.string("name", &Context::anonymous(), "nobody").to_string() == name;
    guest.ready(1, 5, "delta").await;
    // Asked for before the first have come.
    client.set_context(&who("ben"));
    guest.say(&values(5, "anna")).await;
    assert_eq!(guest.next().await.unwrap()["type"], "ack");
    let told = guest.next().await.unwrap();
    assert_eq!(told["context"]["targetingKey"], "ben", "{told}");
    assert!(is("nobody"), "anna's are not ben's");
    // And two more before those have.
    client.set_context(&who("cleo"));
    client.set_context(&who("dan"));
    guest.say(&values(5, "ben")).await;
    assert_eq!(guest.next().await.unwrap()["type"], "ack");
    let told = guest.next().await.unwrap();
    assert_eq!(told["context"]["targetingKey"], "dan", "{told}");
    assert!(is("nobody") && client.status() != Status::Live);
    guest.say(&values(5, "dan")).await;
    eventually("dan has his own", async || is("dan") && client.status() == Status::Live).await;
}

/// On a server that says nothing else for ten minutes, so that nothing is made up for by its next word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_another_is_live_again_by_the_answer_alone() {
    let server = Server::start_with(|settings| settings.heartbeat_seconds = 600).await;
    let client = Client::builder(&url(&server), &server.key("client").await).context(fan()).build().unwrap();
    live(&client).await;
    for n in 0..200 {
        client.set_context(&Context::new(&format!("u-{n}")).with("venue", "anfield"));
        live(&client).await;
    }
}
