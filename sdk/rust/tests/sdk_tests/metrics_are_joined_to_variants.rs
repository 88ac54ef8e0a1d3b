//! What a program tracks lands by the variant that was served, at the venue where it happened, for every flag that
//! measures it; and what a dark rule would have served is counted apart.

use crate::support::{Server, eventually, live, put, server};
use serde_json::{Value, json};
use usher_sdk::{Client, Context, Mode, Outcome};
use usher_server::sdk::events::{ExposedSum, MeasuredSum};

fn at(venue: &str) -> Context {
    Context::new("u-1").with("venue", venue)
}

/// On in Anfield, off elsewhere; in Berlin, it is dark.
fn guard(measure: &[&str]) -> Value {
    json!({"measure": measure, "rules": [
        {"id": "next", "if": {"attribute": "venue", "op": "in", "values": ["berlin-dome"]},
         "serve": {"variant": "on"}, "dark": true},
        {"id": "pilot", "if": {"attribute": "venue", "op": "in", "values": ["anfield"]}, "serve": {"variant": "on"}}]})
}

/// A client that is to be used for one venue, in either mode.
async fn client(server: &Server, mode: Mode, venue: &str) -> Client {
    let url = format!("http://{}", server.address());
    let kind = if mode == Mode::Ruleset { "server" } else { "client" };
    let builder = Client::builder(&url, &server.key(kind).await).mode(mode).context(at(venue));
    let client = builder.build().unwrap();
    live(&client).await;
    client
}

/// Metric, variant, venue, and count, failed, sum and squares.
fn told(sums: &[MeasuredSum]) -> Vec<String> {
    let one = |own: &MeasuredSum| {
        let MeasuredSum { metric, variant, venue, count, failed, sum, squares } = own;
        format!("{metric} {variant} {} {count} {failed} {sum} {squares}", venue.as_deref().unwrap_or("-"))
    };
    let mut told: Vec<String> = sums.iter().map(one).collect();
    told.sort_unstable();
    told
}

fn shown(sums: &[ExposedSum]) -> Vec<String> {
    let one = |own: &ExposedSum| {
        let dark = if own.dark { " dark" } else { "" };
        format!("{} {} {}{dark}", own.variant, own.venue.as_deref().unwrap_or("-"), own.count)
    };
    let mut told: Vec<String> = sums.iter().map(one).collect();
    told.sort_unstable();
    told
}

async fn lands_by_variant_and_venue(mode: Mode) {
    let server = server().await;
    put(&server, "guard", guard(&["checkout", "seconds"])).await;
    put(&server, "other", json!({"measure": ["seconds"]})).await;
    put(&server, "unmeasured", json!({})).await;
    for venue in ["anfield", "berlin-dome"] {
        let client = client(&server, mode, venue).await;
        assert_eq!(
            client.boolean("guard", &at(venue), false),
            venue == "anfield",
            "nobody is served in the dark"
        );
        for outcome in [Outcome::Ok, Outcome::Error, Outcome::Ok] {
            client.track("checkout", &at(venue), outcome);
        }
        client.track("seconds", &at(venue), 1.5);
        client.track("seconds", &at(venue), 0.5);
        client.track("nobody-measures", &at(venue), 1.0);
        client.expose("guard", &at(venue));
        client.expose("guard", &at(venue));
        client.expose("unmeasured", &at(venue));
        client.close();
    }
    let counts = &server.running().app().counts;
    eventually("all has come", async || counts.measured("production", "guard").len() == 4).await;
    assert_eq!(
        told(&counts.measured("production", "guard")),
        [
            "checkout off berlin-dome 3 1 0 0",
            "checkout on anfield 3 1 0 0",
            "seconds off berlin-dome 2 0 2 2.5",
            "seconds on anfield 2 0 2 2.5",
        ]
    );
    assert_eq!(
        told(&counts.measured("production", "other")),
        ["seconds off anfield 2 0 2 2.5", "seconds off berlin-dome 2 0 2 2.5"]
    );
    assert_eq!(
        shown(&counts.exposed("production", "guard")),
        ["off berlin-dome 2", "on anfield 2", "on berlin-dome 2 dark"]
    );
    assert!(counts.measured("production", "unmeasured").is_empty());
    assert!(counts.measured("staging", "guard").is_empty());
}

#[tokio::test]
async fn in_ruleset_mode() {
    lands_by_variant_and_venue(Mode::Ruleset).await;
}

#[tokio::test]
async fn in_values_mode() {
    lands_by_variant_and_venue(Mode::Values).await;
}

/// Counted once more, of which nothing comes before a sum has grown by it.
async fn follows_its_flag(mode: Mode) {
    let server = server().await;
    put(&server, "guard", guard(&[])).await;
    let client = client(&server, mode, "anfield").await;
    let (news, heard) = std::sync::mpsc::channel();
    let _subscription = client.on_change(move |change| drop(news.send(change.flags.clone())));
    client.track("checkout", &at("anfield"), Outcome::Error);
    put(&server, "guard", guard(&["checkout"])).await;
    eventually("the change has come", async || heard.try_iter().flatten().any(|flag| flag == "guard")).await;
    client.track("checkout", &at("anfield"), Outcome::Ok);
    let path = "/api/v1/flags/guard/environments/production/kill";
    server.admin().post(path, &json!({})).await.expect(200);
    eventually("the kill has come", async || !client.boolean("guard", &at("anfield"), true)).await;
    client.track("checkout", &at("anfield"), Outcome::Error);
    client.expose("guard", &at("berlin-dome"));
    client.close();
    let counts = &server.running().app().counts;
    eventually("all has come", async || counts.measured("production", "guard").len() == 2).await;
    let told = told(&counts.measured("production", "guard"));
    assert_eq!(
        told,
        ["checkout off anfield 1 1 0 0", "checkout on anfield 1 0 0 0"],
        "as it was given at the time"
    );
    assert_eq!(
        shown(&counts.exposed("production", "guard")),
        ["off berlin-dome 1"],
        "a killed flag would serve nothing"
    );
}

#[tokio::test]
async fn a_metric_follows_its_flag_in_ruleset_mode() {
    follows_its_flag(Mode::Ruleset).await;
}

#[tokio::test]
async fn a_metric_follows_its_flag_in_values_mode() {
    follows_its_flag(Mode::Values).await;
}
