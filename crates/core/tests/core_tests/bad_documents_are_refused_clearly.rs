//! Strict parsing: each error names the field, the value and the mend.

use serde_json::{Value, json};
use usher_core::model::{Kind, parse_strict};

/// A good flag, with one place made bad.
fn bad_flag(pointer: &str, value: Value) -> Value {
    let mut flag = json!({
        "key": "f", "type": "boolean", "variants": {"on": true, "off": false},
        "environments": {"production": {
            "enabled": true, "offVariant": "off",
            "rules": [{"id": "r", "if": {"all": [{"attribute": "x", "op": "in", "values": ["a"]}]}, "serve": {"variant": "on"},
                       "rollout": {"by": ["venue"], "percent": 25, "seed": "s"}}],
            "default": {"split": {"by": ["targetingKey"], "seed": "s", "weights": [{"variant": "on", "weight": 1}]}}
        }}
    });
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match flag.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.insert(name.to_owned(), value)),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        other => panic!("{other}"),
    }
    flag
}

#[test]
fn a_flag_with_one_bad_place() {
    let deep = (0..20).fold(json!({"all": []}), |inner, _| json!({"not": inner}));
    let table: &[(&str, Value, &str, &str)] = &[
        ("/key", json!("a\u{7}"), "key", "control characters"),
        ("/key", json!("x".repeat(1 << 20)), "", "too large"),
        ("/nonsense", json!(1), "nonsense", "unknown field"),
        ("/type", json!("quantum"), "type", "unknown variant"),
        ("/variants", json!({}), "variants", "number of variants"),
        ("/variants/on", json!("yes"), "variants.on", "not of the flag's type"),
        (
            "/environments/production/offVariant",
            json!("of"),
            "environments.production.offVariant",
            "no such variant",
        ),
        (
            "/environments/production/venues",
            json!({"wembley": "blue"}),
            "environments.production.venues.wembley",
            "no such variant",
        ),
        (
            "/environments/production/venues",
            json!({"no good": "on"}),
            "environments.production.venues.no good",
            "a key starts with",
        ),
        (
            "/environments/production/rules/0/rollout/percent",
            json!(101),
            "environments.production.rules[0].rollout.percent",
            "percentage",
        ),
        (
            "/environments/production/rules/0/rollout/by",
            json!([]),
            "environments.production.rules[0].rollout.by",
            "split key",
        ),
        (
            "/environments/production/rules/0/if/all/0/op",
            json!("feels"),
            "environments.production.rules[0].if.all[0].op",
            "unknown variant",
        ),
        (
            "/environments/production/rules/0/if/all/0",
            json!({"attribute": "x", "op": "matches", "values": ["(a"]}),
            "environments.production.rules[0].if.all[0].values[0]",
            "regular expression",
        ),
        (
            "/environments/production/rules/0/if/all/0",
            json!({"attribute": "x", "op": "matches", "values": ["(a{1000}){1000}"]}),
            "environments.production.rules[0].if.all[0].values[0]",
            "regular expression",
        ),
        (
            "/environments/production/rules/0/if/all/0",
            json!({"attribute": "x", "op": "cidr", "values": ["10.0.0.0/99"]}),
            "environments.production.rules[0].if.all[0].values[0]",
            "not a network",
        ),
        (
            "/environments/production/rules/0/if/all/0",
            json!({"attribute": "x", "op": "semverGte", "values": ["three"]}),
            "environments.production.rules[0].if.all[0].values[0]",
            "semantic version",
        ),
        (
            "/environments/production/rules/0/if/all/0",
            json!({"attribute": "x", "op": "before", "values": ["soon"]}),
            "environments.production.rules[0].if.all[0].values[0]",
            "not a time",
        ),
        (
            "/environments/production/rules/0/if/all/0",
            json!({"attribute": "x", "op": "modulo", "values": [0, 1]}),
            "environments.production.rules[0].if.all[0].values",
            "divisor",
        ),
        (
            "/environments/production/rules/0/if/all/0",
            json!({"attribute": "x", "op": "lt", "values": []}),
            "environments.production.rules[0].if.all[0].values",
            "at least one value",
        ),
        (
            "/environments/production/rules/0/if/all/0",
            json!({"attribute": "x", "op": "lt", "values": [1], "ignoreCase": true}),
            "environments.production.rules[0].if.all[0].ignoreCase",
            "case",
        ),
        (
            "/environments/production/rules/0/if/all/0",
            json!({"cohort": "c", "op": "in"}),
            "environments.production.rules[0].if.all[0]",
            "exactly one of",
        ),
        ("/environments/production/rules/0/if", deep, "environments.production.rules[0].if", "too deeply"),
        (
            "/environments/production/default/split/weights",
            json!([]),
            "environments.production.default.split.weights",
            "needs weights",
        ),
        (
            "/environments/production/default/split/weights/0/weight",
            json!(-1),
            "environments.production.default.split.weights[0].weight",
            "invalid value",
        ),
        (
            "/environments/production/default/split/weights/0/weight",
            json!(4_000_000_000_u64),
            "environments.production.default.split.weights",
            "too much",
        ),
        (
            "/environments/production/whenStale",
            json!({"after": "soon", "then": "hold"}),
            "environments.production.whenStale.after",
            "duration",
        ),
        ("/expires", json!("next year"), "expires", ""),
    ];
    for (pointer, value, field, detail) in table {
        let text = bad_flag(pointer, value.clone()).to_string();
        let problems = parse_strict(&Kind::Flag, text.as_bytes()).expect_err(pointer);
        let problem = &problems.0[0];
        assert_eq!(problem.field, *field, "{pointer}: {problem}");
        assert!(problem.detail.contains(detail), "{pointer}: {problem}");
        assert!(
            !problem.mend.is_empty() && !problem.value.is_empty() && problem.value.len() < 300,
            "{pointer}: {problem}"
        );
    }
}

#[test]
fn text_that_is_not_a_document() {
    let nested = "[".repeat(100_000);
    for text in ["", "{", "[]", "null", "\"flag\"", "{\"key\": 1}", "\u{feff}{}", &nested] {
        assert!(parse_strict(&Kind::Flag, text.as_bytes()).is_err(), "{text:.20}");
    }
    assert!(parse_strict(&Kind::Flag, &[0xFF, 0xFE]).is_err());
    let venue = br#"{"kind": "venue", "key": "f", "type": "boolean", "variants": {"on": true}}"#;
    assert_eq!(parse_strict(&Kind::Flag, venue).unwrap_err().0[0].field, "kind");
}

#[test]
fn every_problem_of_a_flag_is_told_at_once() {
    let mut flag = bad_flag("/environments/production/offVariant", json!("of"));
    flag["environments"]["production"]["rules"][0]["serve"]["variant"] = "onn".into();
    let problems = parse_strict(&Kind::Flag, flag.to_string().as_bytes()).unwrap_err();
    let fields: Vec<&str> = problems.0.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(
        fields,
        ["environments.production.offVariant", "environments.production.rules[0].serve.variant"]
    );
}

#[test]
fn other_documents_are_checked_too() {
    for (kind, json, field) in [
        (Kind::Venue, json!({"key": "v", "name": ""}), "name"),
        (Kind::Venue, json!({"key": "v", "name": "V", "timeZone": "Europe/Atlantis"}), "timeZone"),
        (Kind::Venue, json!({"key": "v", "name": "V", "capacity": -1}), "capacity"),
        (Kind::Venue, json!({"key": "v", "name": "V", "attributes": {"a": [1]}}), "attributes.a"),
        (
            Kind::Cohort,
            json!({"key": "c", "name": "C", "if": {"attribute": "x", "op": "matches", "values": ["["]}}),
            "if.values[0]",
        ),
        (Kind::Environment, json!({"key": "a b", "name": "E"}), "key"),
        (
            Kind::User,
            json!({"key": "u", "name": "U", "email": "Ana", "passwordHash": "x", "role": "admin", "createdAt": 0}),
            "email",
        ),
        (
            Kind::Key,
            json!({"key": "k", "name": "K", "type": "server", "hash": "h", "prefix": "p", "createdAt": 0, "createdBy": "u"}),
            "environment",
        ),
    ] {
        let problems = parse_strict(&kind, json.to_string().as_bytes()).expect_err(field);
        assert_eq!(problems.0[0].field, field, "{problems}");
    }
}

#[test]
fn a_document_survives_a_round_trip_byte_for_byte() {
    let text = bad_flag("/name", json!("F")).to_string();
    let once = parse_strict(&Kind::Flag, text.as_bytes()).unwrap();
    let twice = parse_strict(&Kind::Flag, once.json().as_bytes()).unwrap();
    assert_eq!(once.json(), twice.json());
    let read: usher_core::model::Document = serde_json::from_str(once.json()).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), once.json());
}
