//! A small workspace: three venues, two cohorts, and a flag of each kind.

use serde_json::{Value, json};

use super::Server;

/// A boolean flag that clients may see, configured alike for production and staging.
pub fn flag(key: &str, config: &Value) -> Value {
    let mut whole = json!({"enabled": true, "offVariant": "off", "default": {"variant": "off"}});
    for (name, value) in config.as_object().unwrap() {
        whole[name] = value.clone();
    }
    json!({
        "key": key, "type": "boolean", "variants": {"on": true, "off": false}, "clientVisible": true,
        "environments": {"production": whole, "staging": whole}
    })
}

fn of_type(key: &str, kind: &str, on: &Value, off: &Value) -> Value {
    let mut flag = flag(key, &json!({"default": {"variant": "on"}}));
    flag["type"] = kind.into();
    flag["variants"] = json!({"on": on, "off": off});
    flag
}

pub fn documents() -> Vec<Value> {
    let venue = |key: &str, name: &str, city: &str, country: &str| json!({"kind": "venue", "key": key, "name": name, "city": city, "country": country, "capacity": 50_000});
    let mut all = vec![
        venue("wembley-stadium", "Wembley Stadium", "London", "England"),
        venue("anfield", "Anfield", "Liverpool", "England"),
        venue("berlin-dome", "Dome", "Berlin", "Germany"),
        json!({"kind": "cohort", "key": "staff", "name": "Staff", "keys": ["u-staff"]}),
        json!({"kind": "cohort", "key": "gate-staff", "name": "Gate staff", "keys": ["u-gate"], "venues": ["anfield"]}),
    ];
    let england = json!([{"id": "england", "if": {"attribute": "venue.country", "op": "in", "values": ["England"]},
        "serve": {"variant": "on"}}]);
    let mut hidden = flag("hidden", &json!({"default": {"variant": "on"}}));
    hidden["clientVisible"] = false.into();
    let flags = [
        flag("resale-guard", &json!({"rules": england, "venues": {"berlin-dome": "off"}})),
        flag("always", &json!({"default": {"variant": "on"}})),
        flag(
            "for-staff",
            &json!({"rules": [{"id": "s", "if": {"cohort": "staff"}, "serve": {"variant": "on"}}]}),
        ),
        flag("off", &json!({"enabled": false, "default": {"variant": "on"}})),
        hidden,
        of_type("banner", "string", &json!("Gates open at six"), &json!("")),
        of_type("limit", "integer", &json!(4), &json!(0)),
        of_type("fee", "float", &json!(2.5), &json!(0.0)),
        of_type("layout", "object", &json!({"rows": [1, 2], "name": "bowl"}), &json!({})),
    ];
    all.extend(flags.into_iter().map(|mut flag| {
        flag["kind"] = "flag".into();
        flag
    }));
    all
}

pub async fn seed(server: &Server) {
    let changes: Vec<Value> = documents().into_iter().map(|document| json!({"put": document})).collect();
    server.admin().post("/api/v1/commits", &json!({"message": "Seed", "changes": changes})).await.expect(201);
}
