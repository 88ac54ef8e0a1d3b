//! Apps of the version before and of the one after are served, each in a schema that it knows: on streams and by
//! polling; and a flag that asks for a newer schema is off for those that are older.

use std::sync::Arc;

use crate::support::{Server, Socket, eventually, fixtures};
use serde_json::{Value, json};
use usher_core::{
    Context,
    model::{Seq, Timestamp},
    protocol::View,
    schema::Form,
};
use usher_server::world::{Asker, StreamState};

/// A flag that is on for everybody, but not for apps of this schema and before.
fn asking(minimum: u32) -> Value {
    let mut flag = fixtures::flag("new-map", &json!({"default": {"variant": "on"}}));
    flag["minimumSchema"] = minimum.into();
    flag["description"] = "for people".into();
    flag["owner"] = "maps".into();
    flag
}

/// Leans on the other, and is on where that is.
fn leaning() -> Value {
    let needs = json!([{"flag": "new-map", "variants": ["on"]}]);
    fixtures::flag("map-legend", &json!({"prerequisites": needs, "default": {"variant": "on"}}))
}

async fn server() -> Server {
    let server = Server::seeded().await;
    server.admin().put("/api/v1/flags/new-map", &asking(2)).await.expect(201);
    server.admin().put("/api/v1/flags/map-legend", &leaning()).await.expect(201);
    server
}

fn hello(schemas: &Value) -> Value {
    json!({"schemas": schemas, "context": {"targetingKey": "u-1", "venue": "anfield"}, "version": format!("app-{schemas}")})
}

/// A value in either schema: what it is, and why.
fn value(value: &Value) -> (Value, Value) {
    match value {
        Value::Array(list) => (list[0].clone(), list[2].clone()),
        object => (object["value"].clone(), object["reason"].clone()),
    }
}

#[tokio::test]
async fn every_app_is_served_in_the_newest_schema_that_both_know() {
    let server = server().await;
    let (client, program) = (server.key("client").await, server.key("server").await);
    for (offered, spoken) in
        [(json!([1]), 1), (json!([2]), 2), (json!([1, 2]), 2), (json!([3, 2]), 2), (json!([1, 7]), 1)]
    {
        let mut values = Socket::values(&server, &client, hello(&offered)).await;
        let (ready, all) = values.all_values().await;
        assert_eq!(ready["schema"], spoken, "{offered}");
        assert_eq!(all["always"].is_array(), spoken == 2, "{all}");
        let mut documents = Socket::ruleset(&server, &program, hello(&offered)).await;
        let (ready, all) = documents.snapshot().await;
        assert_eq!(ready["schema"], spoken, "{offered}");
        let flag = all.iter().find(|own| own["key"] == "new-map").unwrap();
        assert_eq!(flag.get("owner"), None, "people's matters go to nobody here");
        assert_eq!(flag.get("minimumSchema").is_some(), spoken == 2, "{flag}");
        let turned = flag["environments"]["production"]["enabled"].clone();
        assert_eq!(turned, spoken == 2, "{flag}");
        // The same by polling.
        let listed = offered.to_string();
        let query = format!("?schemas={}", listed.trim_matches(['[', ']']));
        let body = json!({"context": {"targetingKey": "u-1"}});
        let polled =
            server.with(&client).post(&format!("/sdk/v1/values{query}"), &body).await.expect(200).json();
        assert_eq!((&polled["schema"], polled["values"]["always"].is_array()), (&json!(spoken), spoken == 2));
        let polled = server.with(&program).get(&format!("/sdk/v1/ruleset{query}")).await.expect(200).json();
        assert_eq!((&polled["schema"], &polled["documents"]), (&json!(spoken), &Value::Array(all)));
    }
    // Who does not know of schemas by polling, reads the first one.
    let polled = server.with(&program).get("/sdk/v1/ruleset").await.expect(200);
    assert_eq!(polled.json()["schema"], 1);
    let newer = server.with(&program).get("/sdk/v1/ruleset?schemas=1,2").await.expect(200);
    assert_ne!(polled.header("etag"), newer.header("etag"));
    server
        .with(&program)
        .header("If-None-Match", polled.header("etag"))
        .get("/sdk/v1/ruleset?schemas=2")
        .await
        .expect(200);
    server
        .with(&program)
        .header("If-None-Match", newer.header("etag"))
        .get("/sdk/v1/ruleset?schemas=2")
        .await
        .expect(304);
}

#[tokio::test]
async fn who_has_no_schema_in_common_is_told_what_to_update() {
    let server = server().await;
    let key = server.key("client").await;
    for (offered, mend) in
        [(json!([3]), "update the server"), (json!([0]), "update the app"), (json!([]), "offer some")]
    {
        let mut stream = Socket::values(&server, &key, hello(&offered)).await;
        let error = stream.refused("unsupportedSchema").await;
        assert!(error["message"].as_str().unwrap().contains(mend) && error["retry"] == false, "{error}");
    }
    let api = server.with(&key);
    let problem = api.post("/sdk/v1/values?schemas=3,4", &json!({})).await.problem(406, "unsupported_schema");
    assert!(
        problem["detail"].as_str().unwrap().contains("3, 4 are offered, and 2, 1 are spoken here"),
        "{problem}"
    );
    api.post("/sdk/v1/values?schemas=two", &json!({})).await.expect(400);
}

#[tokio::test]
async fn a_flag_that_asks_for_more_is_off_for_older_apps_and_for_what_leans_on_it_there() {
    let server = server().await;
    let key = server.key("client").await;
    let mut old = Socket::values(&server, &key, hello(&json!([1]))).await;
    let mut new = Socket::values(&server, &key, hello(&json!([1, 2]))).await;
    let (_, of_old) = old.all_values().await;
    let (_, of_new) = new.all_values().await;
    let on = |reason: &str| (json!(true), json!(reason));
    let off = (json!(false), json!("DISABLED"));
    assert_eq!((value(&of_old["new-map"]), value(&of_new["new-map"])), (off.clone(), on("S")));
    assert_eq!((value(&of_old["map-legend"]), value(&of_new["map-legend"])), (off.clone(), on("D")));
    assert_eq!(of_old["map-legend"]["metadata"], json!({"prerequisiteFailed": "new-map"}));
    // Others don't move.
    assert_eq!((value(&of_old["always"]), value(&of_new["always"])), (on("STATIC"), on("S")));
    let polled = server.with(&key).post("/sdk/v1/values", &json!({"context": {}})).await.expect(200).json();
    assert_eq!(value(&polled["values"]["new-map"]), off);
    // OFREP has a form of its own, whichever app asks.
    let ofrep =
        server.with(&key).post("/ofrep/v1/evaluate/flags/new-map", &json!({})).await.expect(200).json();
    assert_eq!(ofrep["value"], true);

    // It comes and goes with the flag's word.
    server.admin().put("/api/v1/flags/new-map", &asking(1)).await.expect(200);
    let change = old.expect("values").await;
    assert_eq!(
        (value(&change["put"]["new-map"]), value(&change["put"]["map-legend"])),
        (on("STATIC"), on("DEFAULT"))
    );
    assert_eq!(new.expect("values").await["put"], json!({}), "nothing has changed for it");
    server.admin().put("/api/v1/flags/new-map", &asking(2)).await.expect(200);
    assert_eq!(value(&old.expect("values").await["put"]["map-legend"]), off);
    server.admin().put("/api/v1/flags/new-map", &asking(3)).await.expect(400);
    server.admin().put("/api/v1/flags/new-map", &asking(0)).await.expect(400);
}

#[tokio::test]
async fn changes_come_in_each_apps_schema_and_whoever_resumes_goes_on_in_its_own() {
    let server = server().await;
    let key = server.key("server").await;
    let mut all = Vec::new();
    for schemas in [json!([1]), json!([2]), json!([1])] {
        let mut stream = Socket::ruleset(&server, &key, hello(&schemas)).await;
        let (ready, _) = stream.snapshot().await;
        all.push((schemas, ready, stream));
    }
    let mut changed = asking(2);
    changed["description"] = "for people, still".into();
    changed["environments"]["production"]["venues"] = json!({"anfield": "off"});
    server.admin().put("/api/v1/flags/new-map", &changed).await.expect(200);
    let mut seen = Vec::new();
    for (schemas, _, stream) in &mut all {
        let delta = stream.expect("delta").await;
        let flag = &delta["put"][0];
        assert_eq!((flag.get("description"), flag.get("owner")), (None, None), "{schemas}");
        assert_eq!(
            flag["environments"]["production"].get("venues").is_some(),
            *schemas == json!([2]),
            "{flag}"
        );
        stream.ack(delta["seq"].as_u64().unwrap()).await;
        seen.push(delta);
    }
    assert_eq!(seen[0], seen[2]);
    // One that comes back in another schema than anybody read meanwhile is led on all the same.
    let (_, ready, _) = &all[0];
    let resume = json!({"epoch": ready["epoch"], "seq": ready["seq"], "view": ready["view"]});
    for schemas in [json!([1]), json!([1, 2])] {
        let mut more = hello(&schemas);
        more["resume"] = resume.clone();
        let mut stream = Socket::ruleset(&server, &key, more).await;
        assert_eq!(stream.expect("ready").await["intent"], "delta");
        let delta = stream.expect("delta").await;
        assert_eq!(
            delta["put"][0]["environments"]["production"].get("venues").is_some(),
            schemas != json!([1])
        );
    }
    // What came in schema 1 lacks what only schema 2 says: nothing leads on from it there.
    let newest = seen[1]["seq"].clone();
    for (came_in, offered, intent) in [
        (1, json!([2, 1]), "snapshot"),
        (2, json!([2, 1]), "current"),
        (1, json!([1]), "current"),
        (2, json!([1]), "snapshot"),
    ] {
        let mut more = hello(&offered);
        more["resume"] =
            json!({"epoch": ready["epoch"], "seq": newest, "view": ready["view"], "schema": came_in});
        let mut stream = Socket::ruleset(&server, &key, more).await;
        assert_eq!(stream.expect("ready").await["intent"], intent, "{came_in}, then {offered}");
    }
    // A schema that nobody read here when the change was made.
    let fresh = server.key("server").await;
    let mut stream =
        Socket::ruleset(&server, &fresh, json!({"schemas": [2], "scope": {"venues": ["anfield"]}})).await;
    let (ready, _) = stream.snapshot().await;
    server.admin().put("/api/v1/flags/new-map", &asking(2)).await.expect(200);
    stream.expect("delta").await;
    let more = json!({"schemas": [1], "scope": {"venues": ["anfield"]},
        "resume": {"epoch": ready["epoch"], "seq": ready["seq"], "view": ready["view"]}});
    let mut old = Socket::ruleset(&server, &fresh, more).await;
    assert_eq!(old.expect("ready").await["schema"], 1);
    let delta = old.expect("delta").await;
    assert_eq!(delta["put"][0]["environments"]["production"]["enabled"], false, "{delta}");
}

#[tokio::test]
async fn a_change_is_written_once_for_each_mode_and_schema_and_shared() {
    let server = server().await;
    let world = &server.running().app().world;
    let streams = world.hub().streams();
    let view = || View::new("production".parse().unwrap(), []);
    let readers =
        [Form::One, Form::Two, Form::One, Form::Two].map(|form| (form, streams.subscribe_in(view(), form)));
    let before = server.seq();
    server.admin().post("/api/v1/flags/always/environments/production/kill", &json!({})).await.expect(200);
    eventually("it is applied", async || server.seq() > before).await;
    let frame = |(form, reader): &(Form, tokio::sync::watch::Receiver<_>)| {
        let state: Arc<StreamState> = Arc::clone(&reader.borrow());
        let delta = state.since(Seq(before)).unwrap().next().cloned().unwrap();
        assert_eq!(delta.frame(Form::OneOfEdges), None, "nobody reads that here");
        delta.frame(*form).cloned().unwrap()
    };
    let [one, two, one_again, two_again] = [0, 1, 2, 3].map(|n| frame(&readers[n]));
    assert!(one.shares(&one_again) && two.shares(&two_again) && !one.shares(&two));
    // Values are shared by all who are given the same in the same schema, whoever they are.
    let state: Arc<StreamState> = Arc::clone(&readers[0].1.borrow());
    let values = |person: &str, schema| {
        let context = Context::new(person).with("venue", "anfield");
        state.all_values(Asker { context: &context, clients: true, now: Timestamp::EPOCH, schema }).0
    };
    assert!(values("u-1", 1).shares(&values("u-2", 1)) && values("u-1", 2).shares(&values("u-2", 2)));
    assert!(!values("u-1", 1).shares(&values("u-1", 2)));
    assert!(values("u-1", 2).len() < values("u-1", 1).len());
}

#[tokio::test]
async fn an_old_edge_is_not_given_a_cohort_that_it_would_open() {
    let server = server().await;
    let cohort = json!({"key": "staff", "name": "Staff", "keys": ["u-staff"], "claims": "signed"});
    server.admin().put("/api/v1/cohorts/staff", &cohort).await.expect(200);
    let key = server.key("server").await;
    for (more, told) in [
        (json!({"schemas": [1]}), None),
        (json!({"schemas": [1], "edge": "old"}), Some("signed")),
        (json!({"schemas": [1, 2], "edge": "new"}), Some("signed")),
    ] {
        let mut stream = Socket::ruleset(&server, &key, more.clone()).await;
        let (_, documents) = stream.snapshot().await;
        let staff = documents.iter().find(|own| own["key"] == "staff").unwrap();
        assert_eq!(staff.get("claims").and_then(Value::as_str), told, "{more}");
    }
}

#[tokio::test]
async fn who_speaks_which_schema_is_told() {
    let server = server().await;
    let key = server.key("client").await;
    let mut open = Vec::new();
    for schemas in [json!([1]), json!([1, 2]), json!([2])] {
        let mut stream =
            Socket::values(&server, &key, json!({"schemas": schemas, "version": "3.1.0", "context": {}}))
                .await;
        stream.all_values().await;
        open.push(stream);
    }
    let connections = server.admin().get("/api/v1/connections").await.expect(200).json();
    let expected = json!([
        {"sdk": "test/1.0", "version": "3.1.0", "schema": 1, "count": 1},
        {"sdk": "test/1.0", "version": "3.1.0", "schema": 2, "count": 2},
    ]);
    assert_eq!(connections["bySdk"], expected, "{connections}");
    // And as it happens.
    let headers = [("Authorization", format!("Bearer {}", crate::support::ADMIN))];
    let mut live = Socket::try_open(&server, "/live", &headers).await.unwrap();
    let mut stream =
        Socket::values(&server, &key, json!({"schemas": [1], "version": "3.0.0", "context": {}})).await;
    stream.all_values().await;
    loop {
        let news = live.any().await.unwrap();
        if news["type"] == "connections" && news["total"] == 4 {
            assert!(
                news["apps"]
                    .as_array()
                    .unwrap()
                    .contains(&json!({"sdk": "test/1.0", "version": "3.0.0", "schema": 1, "count": 1})),
                "{news}"
            );
            break;
        }
    }
}
