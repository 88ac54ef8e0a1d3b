//! An edge speaks to each app in a schema that the app knows, whichever it speaks to its upstream.

use crate::support::{Edge, Socket, eventually, fixtures, server, url};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apps_of_both_schemas_get_what_the_server_would_give_them() {
    let server = server().await;
    let mut asking = fixtures::flag("new-map", &json!({"default": {"variant": "on"}}));
    (asking["minimumSchema"], asking["description"]) = (2.into(), "for people".into());
    server.admin().put("/api/v1/flags/new-map", &asking).await.expect(201);
    let (key, client) = (server.key("server").await, server.key("client").await);
    let near = Edge::ready(&url(&server), &key).await;
    let far = Edge::ready(&near.url(), &key).await;
    for edge in [&near, &far] {
        for (offered, spoken) in [(json!([1]), 1), (json!([2, 1]), 2), (json!([3, 2]), 2)] {
            let more = json!({"schemas": offered, "version": "3.1.0", "context": {"targetingKey": "u-1", "venue": "anfield"}});
            let mut stream = Socket::said_at(&edge.address(), &client, "values", more.clone()).await;
            let (ready, values) = stream.all_values().await;
            assert_eq!(ready["schema"], spoken);
            let expected = if spoken == 1 {
                json!({"value": false, "variant": "off", "reason": "DISABLED"})
            } else {
                json!([true, "on", "S"])
            };
            assert_eq!(values["new-map"], expected);
            let listed = offered.to_string();
            let query = format!("schemas={}", listed.trim_matches(['[', ']']));
            let at = |api: crate::support::Api, path: String| async move {
                api.get(&path).await.expect(200).json()
            };
            let path = format!("/sdk/v1/ruleset?{query}");
            let [here, there] = [at(edge.with(&key), path.clone()).await, at(server.with(&key), path).await];
            assert_eq!(here["schema"], spoken);
            let flag = |body: &Value| {
                let all = body["documents"].as_array().unwrap().clone();
                let mut flag = all.into_iter().find(|own| own["key"] == "new-map").unwrap();
                // An edge was never told what only people read.
                flag.as_object_mut().unwrap().shift_remove("description");
                flag
            };
            assert_eq!(flag(&here), flag(&there));
        }
        let mut none = Socket::said_at(&edge.address(), &client, "values", json!({"schemas": [3]})).await;
        none.refused("unsupportedSchema").await;
    }
    // The server knows which schema those behind its edges speak.
    let mut old = Socket::said_at(
        &far.address(),
        &client,
        "values",
        json!({"schemas": [1], "version": "3.0.0", "context": {}}),
    )
    .await;
    old.all_values().await;
    let told = json!({"sdk": "test/1.0", "version": "3.0.0", "schema": 1, "count": 1});
    eventually("it is counted", async || {
        let connections = server.admin().get("/api/v1/connections").await.json();
        connections["bySdk"].as_array().unwrap().contains(&told)
    })
    .await;
}
