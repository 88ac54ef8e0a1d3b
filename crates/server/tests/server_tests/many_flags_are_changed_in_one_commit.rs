//! `POST /api/v1/actions/{action}`: the same done with many flags, all of it or nothing, in one commit.

use crate::support::Server;
use serde_json::{Value, json};
use usher_core::model::Role;

async fn flag(server: &Server, key: &str) -> Value {
    server.admin().get(&format!("/api/v1/flags/{key}")).await.expect(200).json()["environments"]["production"]
        .clone()
}

fn chosen(flags: &Value) -> Value {
    json!({"environment": "production", "flags": flags})
}

#[tokio::test]
async fn what_is_done_with_many_is_one_commit_and_undone_as_one() {
    let server = Server::seeded().await;
    let operator = server.signed_in(Role::Operator).await;
    let before = server.seq();
    let flags = json!([{"key": "always", "venues": ["anfield"]}, {"key": "resale-guard", "venues": ["anfield", "berlin-dome"]}]);
    let done = operator.post("/api/v1/actions/off", &chosen(&flags)).await.expect(200).json();
    assert_eq!((done["seq"].as_u64(), server.seq()), (Some(before + 1), before + 1));
    assert_eq!(flag(&server, "always").await["venues"]["anfield"], "off");
    assert_eq!(flag(&server, "resale-guard").await["venues"]["anfield"], "off");
    let commit = server.admin().get(&format!("/api/v1/commits/{}", before + 1)).await.expect(200).json();
    assert_eq!(commit["message"], "Turn off always, resale-guard in production");
    assert_eq!(commit["changes"].as_array().map(Vec::len), Some(2));
    operator.post(&format!("/api/v1/commits/{}/undo", before + 1), &json!({})).await.expect(200);
    assert_eq!(flag(&server, "always").await.get("venues"), None);
    // A kill of many, and what is killed already is left as it is.
    let all = json!([{"key": "always"}, {"key": "banner"}]);
    let kill = operator.post("/api/v1/actions/kill", &chosen(&all)).await.expect(200).json();
    let again = operator.post("/api/v1/actions/kill", &chosen(&all)).await.expect(200).json();
    assert_eq!((kill["seq"].as_u64(), &again["seq"]), (Some(server.seq()), &kill["seq"]));
    assert_eq!(flag(&server, "banner").await["killed"]["all"], true);
    // With a key that is remembered, too, and answered again.
    let named = operator.header("Idempotency-Key", "kill-them");
    let first = named.post("/api/v1/actions/kill", &chosen(&all)).await.expect(200).json();
    let second = named.post("/api/v1/actions/kill", &chosen(&all)).await.expect(200).json();
    assert_eq!((&second["seq"], &second["replayed"]), (&first["seq"], &json!(true)));
    assert_eq!(flag(&server, "always").await["killed"]["all"], true);
    // Sent again, it is done once.
    let sent = operator.header("Idempotency-Key", "revive-them");
    let first = sent.post("/api/v1/actions/revive", &chosen(&all)).await.expect(200).json();
    let second = sent.post("/api/v1/actions/revive", &chosen(&all)).await.expect(200).json();
    assert_eq!(
        (&first["seq"], &second["seq"], &second["replayed"]),
        (&json!(server.seq()), &first["seq"], &json!(true))
    );
}

#[tokio::test]
async fn where_one_can_not_be_changed_none_is() {
    let server = Server::seeded().await;
    let before = server.seq();
    let refused = async |action: &str, body: Value, field: &str, words: &str| {
        let path = format!("/api/v1/actions/{action}");
        let problem = server.admin().post(&path, &body).await.problem(400, "invalid");
        let error = &problem["errors"][0];
        assert!(error["field"].as_str().unwrap().starts_with(field), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    };
    let two = |key: &str, venues: Value| json!([{"key": "always", "venues": ["anfield"]}, {"key": key, "venues": venues}]);
    refused("off", chosen(&two("banner", json!(["moon"]))), "", "moon").await;
    refused("clear", chosen(&two("banner", json!([]))), "flags[1].", "banner").await;
    refused("off", chosen(&json!([])), "flags", "at once").await;
    refused("off", chosen(&two("always", json!([]))), "flags", "named twice").await;
    refused("explode", chosen(&two("banner", json!([]))), "action", "can't be done").await;
    refused(
        "on",
        json!({"environment": "moon", "flags": two("banner", json!([]))}),
        "flags[0].environment",
        "always",
    )
    .await;
    let nobody = chosen(&two("nothing-like-it", json!([])));
    server.admin().post("/api/v1/actions/off", &nobody).await.problem(404, "not_found");
    assert_eq!(server.seq(), before);
    // Who may not change one of them changes none.
    let bound = json!([{"role": "operator", "environments": ["production"], "venues": ["anfield"]}]);
    let gate = server.signed_in_bound("gate", bound).await;
    let before = server.seq();
    gate.post("/api/v1/actions/kill", &chosen(&two("banner", json!(["berlin-dome"]))))
        .await
        .problem(403, "not_in_scope");
    assert_eq!(server.seq(), before);
    gate.post("/api/v1/actions/kill", &chosen(&two("banner", json!(["anfield"])))).await.expect(200);
}
