//! An edge whose upstream is away goes on with what it has, says how old that is and no less, and is whole again when
//! the upstream is back, without anybody's help.
//!
//! `USHER_OUTAGE_SECONDS` is how long it is away (3 without it).

use std::time::Duration;

use crate::support::{
    ALL, Edge, Line, client, counts, eventually, fan, files, line::State, live, ofrep, report, server, turn,
};
use serde_json::json;
use usher_core::model::Timestamp;
use usher_sdk::Status;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gates_go_on_through_an_outage_and_all_have_converged_after_it() {
    let server = server().await;
    let (key, client_key) = (server.key("server").await, server.key("client").await);
    let line = Line::to(&server.address()).await;
    let edge = Edge::ready(&line.url(), &key).await;
    let gate = client(&edge.url(), &key, "anfield");
    let phone = client(&edge.url(), &client_key, "anfield");
    live(&gate).await;
    live(&phone).await;
    let api = edge.with(&client_key);
    assert_eq!(ofrep(&api, "always").await, Some(true));
    assert_eq!(edge.standing().await["stale"], false);

    line.set(State::Cut);
    for client in [&gate, &phone] {
        eventually("it says that it is stale", async || matches!(client.status(), Status::Stale { .. }))
            .await;
    }
    let killed = turn(&server, "always", "kill").await;
    let outage = std::env::var("USHER_OUTAGE_SECONDS").map_or(3, |text| text.parse().unwrap());
    tokio::time::sleep(Duration::from_secs(outage)).await;
    let outage = Duration::from_secs(outage);
    let outage_millis = i64::try_from(outage.as_millis()).unwrap();
    // They answer, they say how old the answer is, and they do not get younger.
    let standing = edge.standing().await;
    assert!(edge.is_stale().await && edge.readyz().await.expect(200).json()["status"] == "stale");
    let as_of = time(standing["asOf"].as_str().unwrap());
    assert!(usher_server::now().since(as_of) >= outage_millis, "{standing}");
    let body = json!({"context": {"targetingKey": "u-1", "venue": "anfield"}});
    let answer = api.post(&format!("{ALL}/always"), &body).await.expect(200);
    assert_eq!(answer.json()["value"], true);
    assert_eq!(time(answer.json()["metadata"]["asOf"].as_str().unwrap()), as_of);
    assert_eq!((time(answer.header("usher-as-of")), answer.header("usher-stale")), (as_of, "true"));
    let bulk = api.post(ALL, &body).await.expect(200);
    assert_eq!(time(bulk.json()["metadata"]["asOf"].as_str().unwrap()), as_of);
    for (path, method) in [("/sdk/v1/ruleset", "GET"), ("/sdk/v1/values", "POST")] {
        let sent = (method == "POST").then(|| body.to_string());
        let answer = edge.with(&key).send(method, path, sent).await.expect(200);
        assert_eq!(
            (time(answer.header("usher-as-of")), answer.header("usher-stale")),
            (as_of, "true"),
            "{path}"
        );
    }
    for client in [&gate, &phone] {
        let details = client.boolean_details("always", &fan(), false);
        assert!(details.value && details.age.unwrap() >= outage, "{details:?}");
        let Status::Stale { since } = client.status() else { panic!("{:?}", client.status()) };
        assert!(usher_server::now().since(since) >= outage_millis);
    }
    // One that comes only now is served, and is not told that this is the newest.
    let late = client(&edge.url(), &key, "anfield");
    eventually("it has flags", async || late.boolean("always", &fan(), false)).await;
    eventually("it knows that they are old", async || matches!(late.status(), Status::Stale { .. })).await;
    assert!(late.boolean_details("always", &fan(), false).age.unwrap() >= outage);

    line.set(State::Open);
    let back = std::time::Instant::now();
    for client in [&gate, &phone, &late] {
        eventually("the kill has arrived", async || !client.boolean("always", &fan(), true)).await;
        live(client).await;
        let age = client.boolean_details("always", &fan(), true).age.unwrap();
        assert!(age < Duration::from_secs(3), "{age:?}");
    }
    eventually("all three have converged", async || {
        counts(&report(&server, killed).await, Some("anfield")) == [3, 3, 0]
    })
    .await;
    println!("all converged {} ms after {outage:?} without the upstream", back.elapsed().as_millis());
    assert!(!edge.is_stale().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_of_an_edge_says_how_old_the_oldest_link_is() {
    let server = server().await;
    let key = server.key("server").await;
    let line = Line::to(&server.address()).await;
    let near = Edge::ready(&line.url(), &key).await;
    let far = Edge::ready(&near.url(), &key).await;
    let gate = client(&far.url(), &key, "anfield");
    live(&gate).await;
    // Silence is noticed as well as an end.
    line.set(State::Silent);
    eventually("the near one knows", async || near.is_stale().await).await;
    eventually("the far one knows", async || far.is_stale().await).await;
    assert_eq!(far.standing().await["asOf"], near.standing().await["asOf"]);
    eventually("the gate knows", async || matches!(gate.status(), Status::Stale { .. })).await;
    line.set(State::Open);
    live(&gate).await;
    assert!(!far.is_stale().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_without_its_upstream_from_the_disk_and_serves_whom_it_knows() {
    let server = server().await;
    let (key, client_key) = (server.key("server").await, server.key("client").await);
    let line = Line::to(&server.address()).await;
    let edge = Edge::ready(&line.url(), &key).await;
    assert_eq!(ofrep(&edge.with(&client_key), "always").await, Some(true));
    eventually("it has confirmed data", async || edge.standing().await["stale"] == false).await;
    let before = time(edge.standing().await["asOf"].as_str().unwrap());
    let folder = edge.stop().await;
    let stopped = usher_server::now();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let text = String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned();
        assert!(!text.contains(&key) && !text.contains(&client_key), "a secret is on disk");
    }

    line.set(State::Cut);
    let edge = Edge::start_in(folder, &line.url(), &key, |_| {}).await;
    assert_eq!(edge.readyz().await.expect(200).json()["status"], "stale");
    let as_of = time(edge.standing().await["asOf"].as_str().unwrap());
    assert!(as_of >= before && stopped.since(as_of) >= 0, "{as_of}, stopped at {stopped}");
    let api = edge.with(&client_key);
    let body = json!({"context": {"targetingKey": "u-1", "venue": "anfield"}});
    let answer = api.post(&format!("{ALL}/always"), &body).await.expect(200);
    assert_eq!((&answer.json()["value"], time(answer.header("usher-as-of"))), (&json!(true), as_of));
    // Its own key, and nobody else's, was never shown to it by a client: it can't be checked now.
    let gate = edge.with(&key).get("/sdk/v1/ruleset").await;
    gate.problem(503, "upstream_unreachable");
    line.set(State::Open);
    eventually("it is whole again", async || !edge.is_stale().await).await;
    eventually("the key can be checked again", async || {
        edge.with(&key).get("/sdk/v1/ruleset").await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_not_ready_without_data_and_says_so() {
    let server = server().await;
    let key = server.key("server").await;
    let line = Line::to(&server.address()).await;
    line.set(State::Cut);
    let edge = Edge::start(&line.url(), &key).await;
    assert_eq!(edge.readyz().await.expect(503).json()["status"], "empty");
    edge.nobody().get("/healthz").await.expect(200);
    let answer = edge.with(&key).get("/sdk/v1/ruleset").await.expect(503);
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    edge.with(&key).post(&format!("{ALL}/always"), &json!({})).await.refusal(503, "GENERAL");
    line.set(State::Open);
    edge.is_ready().await;
    edge.nobody().get("/api/v1/flags").await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_damaged_is_set_aside_and_fetched_anew() {
    let server = server().await;
    let key = server.key("server").await;
    let line = Line::to(&server.address()).await;
    let folder = Edge::ready(&line.url(), &key).await.stop().await;
    let copy =
        files(folder.path(), "cache").into_iter().find(|path| path.to_string_lossy().contains("mirror"));
    let copy = copy.unwrap();
    let mut bytes = std::fs::read(&copy).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&copy, bytes).unwrap();
    line.set(State::Cut);
    let edge = Edge::start_in(folder, &line.url(), &key, |_| {}).await;
    assert_eq!(
        edge.readyz().await.expect(503).json()["status"],
        "empty",
        "nothing that is damaged is served"
    );
    assert_eq!(files(edge.folder(), "damaged").len(), 1);
    line.set(State::Open);
    edge.is_ready().await;
    eventually("there is a good copy", async || copy.exists()).await;
}
