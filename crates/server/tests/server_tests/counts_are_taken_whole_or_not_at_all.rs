//! What programs have counted: taken as a whole, once, or refused with a word of what is wrong.

use crate::support::Server;
use serde_json::{Value, json};

const PATH: &str = "/sdk/v1/events";

fn joined(more: &Value) -> Value {
    let mut entry =
        json!({"metric": "checkout", "venue": "anfield", "flag": "always", "variant": "on", "count": 4});
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}

#[tokio::test]
async fn a_batch_counts_by_variant_and_venue_and_once() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("client").await);
    let batch = json!({"batch": "b-1",
        "exposures": [{"flag": "always", "variant": "on", "venue": "anfield", "count": 3},
                      {"flag": "always", "variant": "on", "venue": "anfield", "count": 2, "dark": true}],
        "metrics": [joined(&json!({"failed": 1, "sum": 1.5, "squares": 2.25})),
                    {"metric": "checkout", "venue": "anfield", "count": 4, "failed": 1}]});
    for replayed in [false, true] {
        assert_eq!(api.post(PATH, &batch).await.expect(202).json()["replayed"], replayed);
    }
    // As programs have always sent them.
    let old = json!({"batch": "b-2", "exposures": [{"flag": "always", "variant": "on", "count": 7}],
        "metrics": [{"metric": "orders", "count": 2, "sum": 5.0}, {"metric": "gates", "venue": null, "count": 1}]});
    api.post(PATH, &old).await.expect(202);
    let counts = &server.running().app().counts;
    let mut exposed = counts.exposed("production", "always");
    exposed.sort_by_key(|own| own.count);
    let told: Vec<_> = exposed.iter().map(|own| (own.venue.as_deref(), own.dark, own.count)).collect();
    assert_eq!(told, [(Some("anfield"), true, 2), (Some("anfield"), false, 3), (None, false, 7)]);
    let measured = counts.measured("production", "always");
    assert_eq!(measured.len(), 1, "what belongs to no flag is not among them: {measured:?}");
    let own = &measured[0];
    assert_eq!(
        (own.metric.as_str(), own.variant.as_str(), own.venue.as_deref()),
        ("checkout", "on", Some("anfield"))
    );
    assert_eq!((own.count, own.failed, own.sum, own.squares), (4, 1, 1.5, 2.25));
}

#[tokio::test]
async fn one_bad_entry_and_nothing_of_its_batch_counts() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("server").await);
    let no_variant = json!({"metric": "checkout", "flag": "always", "count": 1});
    let no_flag = json!({"metric": "checkout", "variant": "on", "count": 1});
    let table = [
        (joined(&json!({"failed": 5})), "metrics[1].failed"),
        (joined(&json!({"failed": -1})), "metrics[1].failed"),
        (joined(&json!({"squares": -0.5})), "metrics[1].squares"),
        (joined(&json!({"sum": "much"})), "metrics[1].sum"),
        (joined(&json!({"count": 1.5})), "metrics[1].count"),
        (no_variant, "metrics[1].flag"),
        (no_flag, "metrics[1].variant"),
        (joined(&json!({"flag": "f".repeat(257)})), ""),
    ];
    for (entry, field) in table {
        let batch = json!({"batch": "b-1", "exposures": [{"flag": "always", "variant": "on", "count": 3}],
            "metrics": [joined(&json!({})), entry]});
        let problem = api.post(PATH, &batch).await.expect(400).json();
        let error = &problem["errors"][0];
        assert_eq!(error["field"], field, "{problem}");
        let said = |name: &str| !error[name].as_str().unwrap().is_empty();
        assert!(said("value") && said("detail") && said("mend"), "{problem}");
    }
    // JSON has no infinity, but numbers that are too large for any.
    let infinite = r#"{"batch": "b-1", "metrics": [{"metric": "m", "count": 1, "sum": 1e999}]}"#;
    api.send("POST", PATH, Some(infinite.to_owned())).await.expect(400);
    let counts = &server.running().app().counts;
    assert!(
        counts.measured("production", "always").is_empty()
            && counts.exposed("production", "always").is_empty()
    );
    let good = json!({"batch": "b-1", "metrics": [joined(&json!({"failed": 4}))]});
    assert_eq!(api.post(PATH, &good).await.expect(202).json()["replayed"], false, "its name was not used up");
}
