//! A small workspace: three venues, a cohort and two flags.

use serde_json::{Value, json};

use super::{Server, run_with_input};

/// A boolean flag that clients may see, on for everybody in production and staging.
pub fn flag(key: &str) -> Value {
    let config = json!({"enabled": true, "offVariant": "off", "default": {"variant": "on"}});
    json!({
        "kind": "flag", "key": key, "name": "Résalé guard", "type": "boolean", "owner": "payments",
        "variants": {"on": true, "off": false}, "clientVisible": true,
        "environments": {"production": config, "staging": config}
    })
}

pub fn documents() -> Vec<Value> {
    let venue = |key: &str, name: &str, city: &str, country: &str| {
        json!({"kind": "venue", "key": key, "name": name, "city": city, "country": country,
               "capacity": 50_000, "tags": ["football"]})
    };
    let mut guarded = flag("resale-guard");
    guarded["environments"]["production"]["rules"] = json!([
        {"id": "staff", "if": {"cohort": "staff"}, "serve": {"variant": "off"}}
    ]);
    vec![
        venue("wembley-stadium", "Wembley Stadium", "London", "England"),
        venue("anfield", "Anfield", "Liverpool", "England"),
        venue("maracana", "Maracanã", "Rio de Janeiro", "Brazil"),
        json!({"kind": "cohort", "key": "staff", "name": "Staff", "keys": ["u-staff"]}),
        guarded,
        flag("new-checkout"),
    ]
}

/// Writes them in one commit: number 2, after the one that begins the workspace.
pub fn seed(server: &Server) {
    let export = json!({"documents": documents()}).to_string();
    run_with_input(&mut server.usher(&["import", "-", "--message", "Seed"]), &export).expect(0);
}
