//! A kill at the server reaches every device behind an edge, and behind an edge of an edge, whichever way it is
//! served; and the server counts each of them where it is, as if it were its own.

use crate::support::{
    self, ALL, Edge, Socket, client, counts, eventually, fan, live, ofrep, report, server, turn, url,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_one_edge_and_behind_two_in_both_modes_and_over_ofrep() {
    let server = server().await;
    let (server_key, client_key) = (server.key("server").await, server.key("client").await);
    let near = Edge::ready(&url(&server), &server_key).await;
    let far = Edge::ready(&near.url(), &server_key).await;
    let mut clients = Vec::new();
    for edge in [&near, &far] {
        for key in [&server_key, &client_key] {
            let client = client(&edge.url(), key, "anfield");
            live(&client).await;
            assert!(client.boolean("always", &fan(), false));
            clients.push(client);
        }
        assert_eq!(ofrep(&edge.with(&client_key), "always").await, Some(true));
    }
    for (action, value) in [("kill", false), ("revive", true)] {
        turn(&server, "always", action).await;
        for (n, client) in clients.iter().enumerate() {
            eventually(&format!("{action} reaches client {n}"), async || {
                client.boolean("always", &fan(), !value) == value
            })
            .await;
        }
        for edge in [&near, &far] {
            let api = edge.with(&client_key);
            eventually("OFREP tells it", async || ofrep(&api, "always").await == Some(value)).await;
        }
    }
    // Edges are no devices, and count those of other edges once.
    eventually("all four are counted", async || {
        let all = server.admin().get("/api/v1/connections").await.expect(200).json();
        all["total"] == 4
            && all["byVenue"] == json!([{"venue": "anfield", "count": 4}])
            && all["byMode"] == json!([{"mode": "ruleset", "count": 2}, {"mode": "values", "count": 2}])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn convergence_counts_devices_behind_edges_by_venue_until_all_are_accounted_for() {
    let server = server().await;
    let key = server.key("server").await;
    let client_key = server.key("client").await;
    let near = Edge::ready(&url(&server), &key).await;
    let far = Edge::ready(&near.url(), &key).await;
    let at = |venue: &str| json!({"context": {"targetingKey": "u", "venue": venue}});
    let mut direct = Socket::values(&server, &client_key, at("anfield")).await;
    direct.all_values().await;
    let mut behind = Vec::new();
    for (edge, venue) in
        [(&near, "anfield"), (&near, "wembley-stadium"), (&far, "anfield"), (&far, "berlin-dome")]
    {
        let mut device = Socket::said_at(&edge.address(), &client_key, "values", at(venue)).await;
        device.all_values().await;
        behind.push(device);
    }
    eventually("all are counted", async || {
        server.admin().get("/api/v1/connections").await.json()["total"] == 5
    })
    .await;
    let seq = turn(&server, "always", "kill").await;
    assert_eq!(
        counts(&report(&server, seq).await, None),
        [5, 0, 0],
        "at once, before any edge has said anything"
    );
    direct.expect("values").await;
    direct.ack(seq).await;
    for device in &mut behind {
        device.expect("values").await;
    }
    behind[0].ack(seq).await;
    behind[2].ack(seq).await;
    eventually("three have it", async || counts(&report(&server, seq).await, None) == [5, 3, 0]).await;
    let partly = report(&server, seq).await;
    assert_eq!(counts(&partly, Some("anfield")), [3, 3, 0]);
    assert_eq!(counts(&partly, Some("wembley-stadium")), [1, 0, 0]);
    let laggards = partly["laggards"].as_array().unwrap();
    assert_eq!((laggards.len(), &laggards[0]["connection"]), (1, &json!("edge-north")), "{partly}");
    assert_eq!(laggards[0]["devices"], 2, "one of its own, one of the edge behind it");
    // One goes without it, the other comes in.
    drop(behind.remove(1));
    behind[2].ack(seq).await;
    eventually("all are accounted for", async || counts(&report(&server, seq).await, None) == [5, 4, 1])
        .await;
    let done = report(&server, seq).await;
    assert_eq!(counts(&done, Some("wembley-stadium")), [1, 0, 1]);
    assert_eq!(done["laggards"], json!([]));
    assert!(done["p50Ms"].as_f64().unwrap() <= done["maxMs"].as_f64().unwrap());
    // The server lists the edge that has its stream there, with the devices of the one behind it.
    let fleet = server.admin().get("/api/v1/fleet").await.expect(200).json();
    let edges = fleet["nodes"][0]["edges"].as_array().unwrap();
    let told = ["name", "environment", "devices", "seq", "head"].map(|field| edges[0][field].clone());
    assert_eq!(
        (edges.len(), told),
        (1, [json!("edge-north"), json!("production"), json!(3), json!(seq), json!(seq)]),
        "{fleet}"
    );
    // An edge that goes takes its devices along.
    far.stop().await;
    eventually("they are gone", async || {
        server.admin().get("/api/v1/connections").await.json()["total"] == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_tells_listeners_of_ofrep_when_to_ask_again() {
    let server = server().await;
    let (key, client_key) = (server.key("server").await, server.key("client").await);
    let edge = Edge::ready(&url(&server), &key).await;
    let api = edge.with(&client_key);
    let body = json!({"context": {"targetingKey": "u-1", "venue": "anfield"}});
    let bulk = api.post(ALL, &body).await.expect(200);
    let tag = bulk.header("etag").to_owned();
    let again = || api.header("If-None-Match", &tag);
    again().post(ALL, &body).await.expect(304);
    let address = bulk.json()["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap().to_owned();
    let mut response = api.response("GET", &address, None).await;
    assert_eq!(response.status(), 200);
    let mut text = String::new();
    // Its first event tells of what was there before it.
    let seq = turn(&server, "always", "kill").await;
    while !text.contains(&format!("-{seq}\nevent: message")) {
        let chunk = tokio::time::timeout(support::PATIENCE, response.chunk()).await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
    let changed = again().post(ALL, &body).await.expect(200);
    let flags = changed.json()["flags"].as_array().unwrap().clone();
    assert!(flags.iter().any(|flag| flag["key"] == "always" && flag["value"] == false));
    assert!(changed.json()["metadata"]["asOf"].is_string() && !changed.header("usher-as-of").is_empty());
}
