//! What clients count behind an edge arrives at the server, summed up, and once.

use crate::support::{self, Edge, Line, eventually, fixtures, line::State, server};
use serde_json::json;
use usher_sdk::{Client, Context, Mode, Outcome};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_two_edges_and_an_outage() {
    let server = server().await;
    let (key, client_key) = (server.key("server").await, server.key("client").await);
    let line = Line::to(&server.address()).await;
    let near = Edge::ready(&line.url(), &key).await;
    let far = Edge::ready(&near.url(), &key).await;
    let counted = || server.running().app().counts.exposures("always", "on");
    let batch = |name: &str, count: u64| json!({"batch": name, "exposures": [{"flag": "always", "variant": "on", "venue": "anfield", "count": count}]});
    for edge in [&near, &far] {
        let api = edge.with(&client_key);
        let answer = api.post("/sdk/v1/events", &batch("b-1", 3)).await.expect(202).json();
        assert_eq!(answer["replayed"], false);
        let again = api.post("/sdk/v1/events", &batch("b-1", 3)).await.expect(202).json();
        assert_eq!(again["replayed"], true, "sent twice, counted once");
    }
    eventually("all has arrived", async || counted() == 6).await;
    line.set(State::Cut);
    far.with(&client_key).post("/sdk/v1/events", &batch("b-2", 10)).await.expect(202);
    near.with(&client_key).post("/sdk/v1/events", &batch("b-3", 100)).await.expect(202);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(counted(), 6);
    line.set(State::Open);
    eventually("what waited has arrived", async || counted() == 116).await;
    // What is counted last is passed on when the edges stop.
    far.with(&client_key).post("/sdk/v1/events", &batch("b-4", 1_000)).await.expect(202);
    far.stop().await;
    near.stop().await;
    eventually("the last has arrived", async || counted() == 1_116).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_a_variant_and_what_is_dark_stays_that() {
    let server = server().await;
    let flag = json!({"measure": ["checkout"], "default": {"variant": "on"},
        "rules": [{"id": "next", "serve": {"variant": "off"}, "dark": true}]});
    server.admin().put("/api/v1/flags/guard", &fixtures::flag("guard", &flag)).await.expect(201);
    let near = Edge::ready(&support::url(&server), &server.key("server").await).await;
    let context = Context::new("u-1").with("venue", "anfield");
    for (mode, kind) in [(Mode::Ruleset, "server"), (Mode::Values, "client")] {
        let key = server.key(kind).await;
        let client = Client::builder(&near.url(), &key).mode(mode).context(context.clone()).build().unwrap();
        assert!(client.wait_until_live(support::PATIENCE).await, "{:?}", client.diagnostics());
        client.track("checkout", &context, Outcome::Ok);
        client.track("checkout", &context, Outcome::Error);
        client.track("checkout", &context, 2.5);
        client.expose("guard", &context);
        client.close();
    }
    let counts = &server.running().app().counts;
    let total = || counts.measured("production", "guard").iter().map(|own| own.count).sum::<u64>();
    let shown = || counts.exposed("production", "guard").iter().map(|own| own.count).sum::<u64>();
    eventually("all has arrived", async || (total(), shown()) == (6, 4)).await;
    let measured = counts.measured("production", "guard");
    let [own] = &measured[..] else { panic!("{measured:?}") };
    assert_eq!(
        (own.metric.as_str(), own.variant.as_str(), own.venue.as_deref()),
        ("checkout", "on", Some("anfield"))
    );
    assert_eq!((own.failed, own.sum, own.squares), (2, 5.0, 12.5));
    let mut exposed = counts.exposed("production", "guard");
    exposed.sort_by_key(|own| own.dark);
    let told: Vec<_> = exposed.iter().map(|own| (own.variant.as_str(), own.dark, own.count)).collect();
    assert_eq!(told, [("on", false, 2), ("off", true, 2)]);
    // What the edge itself answers counts as evaluated too, and what is shown only once.
    let ask = json!({"context": {"targetingKey": "u-1", "venue": "anfield"}});
    near.with(&server.key("server").await).post("/ofrep/v1/evaluate/flags/guard", &ask).await.expect(200);
    let evaluated = async || {
        let path = "/api/v1/flags/guard/evaluations?environment=production&by=venue";
        let answer = server.admin().get(path).await.expect(200).json();
        (answer["series"][0]["name"].clone(), answer["series"][0]["total"].clone())
    };
    eventually("evaluations too", async || evaluated().await == (json!("anfield"), json!(3))).await;
}
