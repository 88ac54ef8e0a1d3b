//! The condition language: each operator, with values that fit, values that don't, and none.

use crate::support::{NOW, document, flag, ruleset, venue};
use serde_json::{Value, json};
use usher_core::{Context, Ruleset, model::Kind};

fn rules(condition: &Value) -> Ruleset {
    let rule = json!({"rules": [{"id": "r", "if": condition, "serve": {"variant": "on"}}]});
    ruleset(&[
        flag("f", &rule),
        venue("park", "England"),
        document(Kind::Cohort, &json!({"key": "vip", "name": "VIP", "keys": ["u-1"]})),
        document(
            Kind::Cohort,
            &json!({"key": "local", "name": "Local", "keys": ["u-1"], "venues": ["park"]}),
        ),
        document(Kind::Cohort, &json!({"key": "scanner", "name": "S", "by": "device", "keys": ["d-1"]})),
        document(
            Kind::Cohort,
            &json!({"key": "nested", "name": "N", "if": {"all": [{"cohort": "vip"}, {"attribute": "x", "op": "exists"}]}}),
        ),
    ])
}

fn holds(condition: &Value, context: &Value) -> bool {
    let context = Context::from_json(context).unwrap();
    rules(condition).evaluate("f", &context, NOW).boolean() == Ok(Some(true))
}

#[test]
fn every_operator() {
    // (operator, values, what holds, what does not)
    let table: &[(&str, Value, &[Value], &[Value])] = &[
        (
            "in",
            json!(["a", 2, true]),
            &[json!("a"), json!(2), json!(2.0), json!(true), json!(["z", "a"])],
            &[json!("A"), json!("2"), json!(false), json!(3), json!([["a"]])],
        ),
        (
            "notIn",
            json!(["a"]),
            &[json!("b"), json!(1), json!(null), json!(["b"]), json!([["a"]])],
            &[json!("a"), json!(["b", "a"])],
        ),
        ("equals", json!([1.5]), &[json!(1.5)], &[json!(1), json!("1.5")]),
        (
            "contains",
            json!(["ell"]),
            &[json!("hello"), json!(["ell"])],
            &[json!("HELLO"), json!(["hello"]), json!(1)],
        ),
        ("startsWith", json!(["he"]), &[json!("hello"), json!(["x", "he"])], &[json!("ohe"), json!(1)]),
        ("endsWith", json!(["lo"]), &[json!("hello")], &[json!("lot")]),
        ("matches", json!(["^u-[0-9]+$"]), &[json!("u-17")], &[json!("u-x"), json!(17)]),
        ("lt", json!([5]), &[json!(4.9), json!(-1)], &[json!(5), json!("4")]),
        ("lte", json!([5]), &[json!(5), json!(5.0)], &[json!(5.1)]),
        (
            "gt",
            json!([9_007_199_254_740_992_i64]),
            &[json!(9_007_199_254_740_993_i64)],
            &[json!(9_007_199_254_740_992_i64)],
        ),
        ("gte", json!([0]), &[json!(0), json!(-0.0)], &[json!(-1)]),
        (
            "before",
            json!(["2026-06-01T00:00:00Z"]),
            &[json!("2026-05-31T23:59:59Z"), json!(0)],
            &[json!("2026-06-01T00:00:00Z"), json!("soon")],
        ),
        ("after", json!([1_000]), &[json!(1_001), json!("1970-01-01T00:00:02Z")], &[json!(1_000)]),
        (
            "semverEq",
            json!(["3.2.0"]),
            &[json!("3.2.0"), json!("v3.2"), json!("3.2.0+build")],
            &[json!("3.2.1"), json!("3.2.0-rc.1")],
        ),
        (
            "semverLt",
            json!(["3.2.0"]),
            &[json!("3.2.0-rc.1"), json!("3.1.9")],
            &[json!("3.2.0"), json!("no")],
        ),
        ("semverLte", json!(["3.2.0"]), &[json!("3.2.0")], &[json!("3.2.1")]),
        ("semverGt", json!(["3.2.0"]), &[json!("3.10.0")], &[json!("3.2.0")]),
        ("semverGte", json!(["3.2.0"]), &[json!("3.2.0"), json!("4")], &[json!("3.2.0-rc.1"), json!(4)]),
        (
            "semverTilde",
            json!(["1.2.3"]),
            &[json!("1.2.3"), json!("1.2.9")],
            &[json!("1.3.0"), json!("1.3.0-rc.1"), json!("1.2.2")],
        ),
        ("semverCaret", json!(["1.2.3"]), &[json!("1.9.0")], &[json!("2.0.0"), json!("2.0.0-rc.1")]),
        ("semverCaret", json!(["0.2.3"]), &[json!("0.2.9")], &[json!("0.3.0")]),
        (
            "cidr",
            json!(["10.1.0.0/16", "2001:db8::/32", "192.0.2.7"]),
            &[json!("10.1.255.255"), json!("2001:db8::1"), json!("192.0.2.7")],
            &[json!("10.2.0.0"), json!("gate")],
        ),
        ("exists", json!([]), &[json!(0), json!(""), json!([]), json!({"y": 1})], &[json!(null)]),
        ("exists", json!([false]), &[json!(null)], &[json!(0)]),
        ("modulo", json!([10, 3, -7]), &[json!(13), json!(-7)], &[json!(4), json!("13"), json!(3.0)]),
    ];
    for (operator, values, good, bad) in table {
        let condition = json!({"attribute": "x", "op": operator, "values": values});
        for (value, expected) in good.iter().map(|v| (v, true)).chain(bad.iter().map(|v| (v, false))) {
            assert_eq!(holds(&condition, &json!({"x": value})), expected, "{value} {operator} {values}");
        }
        let missing = matches!(*operator, "notIn") || (*operator == "exists" && *values == json!([false]));
        assert_eq!(holds(&condition, &json!({})), missing, "missing {operator}");
        assert_eq!(holds(&json!({"not": condition}), &json!({})), !missing, "not missing {operator}");
    }
}

#[test]
fn upper_and_lower_case_can_be_ignored() {
    for (operator, value, found) in [
        ("in", "ÄRGER", "ärger"),
        ("contains", "ELL", "Hello"),
        ("startsWith", "HE", "hello"),
        ("endsWith", "LO", "hello"),
        ("matches", "^HEL+O$", "hello"),
    ] {
        let condition = json!({"attribute": "x", "op": operator, "values": [value]});
        assert!(!holds(&condition, &json!({"x": found})), "{operator}");
        let mut folded = condition;
        folded["ignoreCase"] = true.into();
        assert!(holds(&folded, &json!({"x": found})), "{operator}");
    }
}

#[test]
fn conditions_combine() {
    let yes = json!({"attribute": "x", "op": "equals", "values": [1]});
    let no = json!({"attribute": "x", "op": "equals", "values": [2]});
    for (condition, expected) in [
        (json!({"all": [yes, yes]}), true),
        (json!({"all": [yes, no]}), false),
        (json!({"all": []}), true),
        (json!({"any": [no, yes]}), true),
        (json!({"any": []}), false),
        (json!({"not": {"any": [no, {"not": yes}]}}), true),
    ] {
        assert_eq!(holds(&condition, &json!({"x": 1})), expected, "{condition}");
    }
}

#[test]
fn a_venue_answers_for_its_attributes() {
    let at = |venue: &str| json!({"venue": venue, "venue.country": "Atlantis"});
    for (attribute, operator, value) in [
        ("venue.country", "in", json!("England")),
        ("venue.tags", "contains", json!("roof")),
        ("venue.capacity", "gte", json!(90_000)),
        ("venue.gates", "equals", json!(12)),
        ("venue.cashless", "equals", json!(true)),
        ("venue.key", "equals", json!("park")),
    ] {
        let condition = json!({"attribute": attribute, "op": operator, "values": [value]});
        assert!(holds(&condition, &at("park")), "{attribute}");
        assert!(!holds(&condition, &at("nowhere")), "{attribute} of an unknown venue");
    }
    let claimed = json!({"attribute": "venue.country", "op": "in", "values": ["Atlantis"]});
    assert!(!holds(&claimed, &at("park")), "a context can't claim what its venue is");
}

#[test]
fn cohorts_list_keys_hold_conditions_and_are_bound_to_venues() {
    let cohort = |key: &str| json!({"cohort": key});
    for (key, context, expected) in [
        ("vip", json!({"targetingKey": "u-1"}), true),
        ("vip", json!({"targetingKey": "u-2"}), false),
        ("vip", json!({}), false),
        ("local", json!({"targetingKey": "u-1"}), false),
        ("local", json!({"targetingKey": "u-1", "venue": "park"}), true),
        ("scanner", json!({"targetingKey": "u-2", "device": "d-1"}), true),
        ("nested", json!({"targetingKey": "u-1", "x": 1}), true),
        ("nested", json!({"targetingKey": "u-1"}), false),
        ("nobody", json!({"targetingKey": "u-1"}), false),
    ] {
        assert_eq!(holds(&cohort(key), &context), expected, "{key} {context}");
    }
}

#[test]
fn flagds_dialect_compares_single_values() {
    let condition =
        |op: &str, value: Value| json!({"attribute": "x", "op": op, "values": [value], "dialect": "flagd"});
    for (op, value, single) in [
        ("equals", json!("a"), json!("a")),
        ("in", json!(3), json!(3.0)),
        ("startsWith", json!("a"), json!("ab")),
        ("endsWith", json!("b"), json!("ab")),
        ("gte", json!(3), json!(3)),
        ("semverGte", json!("1.0.0"), json!("1.2.0")),
    ] {
        let condition = condition(op, value);
        assert!(holds(&condition, &json!({"x": single})), "{op}");
        assert!(!holds(&condition, &json!({"x": [single]})), "{op}");
        assert!(!holds(&condition, &json!({})), "{op}");
    }
    assert!(holds(&condition("notIn", json!("a")), &json!({"x": ["a"]})));
    assert!(!holds(&condition("notIn", json!("a")), &json!({"x": "a"})));
    for (x, expected) in [
        (json!("a7c"), true),
        (json!(["7"]), true),
        (json!([7]), false),
        (json!(["a7"]), false),
        (json!(7), false),
    ] {
        assert_eq!(holds(&condition("contains", json!("7")), &json!({"x": x})), expected, "{x}");
    }
    for (op, value, version, expected) in [
        ("semverEq", "3.2", "v3.2.0", true),
        ("semverGte", "3", "3.2-rc.1", false),
        ("semverGte", "3", "3.2.0-rc.1", true),
        ("semverCaret", "0.2.3", "0.9.0", true),
        ("semverCaret", "1.2.3", "1.0.0-alpha", true),
        ("semverCaret", "1.2.3", "2.0.0-alpha", false),
        ("semverTilde", "1.2.3", "1.2.0", true),
        ("semverTilde", "1.2.3", "1.3.0-alpha", false),
        ("semverCaret", "18446744073709551615.0.0", "18446744073709551615.1.0", true),
    ] {
        assert_eq!(
            holds(&condition(op, json!(value)), &json!({"x": version})),
            expected,
            "{version} {op} {value}"
        );
    }
    for (wrong, field) in [
        (json!({"attribute": "x", "op": "semverGte", "values": ["3-rc"], "dialect": "flagd"}), "values[0]"),
        (json!({"attribute": "x", "op": "contains", "values": [1], "dialect": "flagd"}), "values[0]"),
        (
            json!({"attribute": "x", "op": "in", "values": ["a"], "ignoreCase": true, "dialect": "flagd"}),
            "ignoreCase",
        ),
    ] {
        let flag = json!({"key": "f", "type": "boolean", "variants": {"on": true}, "environments": {"production": {
            "offVariant": "on", "rules": [{"id": "r", "if": wrong, "serve": {"variant": "on"}}]}}});
        let problems = usher_core::model::parse_strict(&Kind::Flag, flag.to_string().as_bytes()).unwrap_err();
        assert_eq!(problems.0[0].field, format!("environments.production.rules[0].if.{field}"));
    }
}

#[test]
fn unleashs_dialect_reads_texts_by_the_letter() {
    let condition = |op: &str, value: &Value, more: Value| {
        let mut own = json!({"attribute": "x", "op": op, "values": [value], "dialect": "unleash"});
        own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        own
    };
    // (operator, value, for what it holds, for what it does not)
    let table = [
        ("in", json!("5"), json!(["5", 5]), json!(["5.0", 5.5, ["5"], "", true])),
        ("in", json!("5.0"), json!(["5.0", 5.0]), json!(["5", 5])),
        ("notIn", json!("true"), json!([false, ["true"], "True"]), json!([true, "true"])),
        ("startsWith", json!("1"), json!(["12", 12, 1.5]), json!([[1], 21])),
        ("contains", json!(""), json!(["", "a", 1, false]), json!([[], ["a"]])),
        ("matches", json!("^[0-9]+$"), json!(["12", 12]), json!([1.5, ["1"]])),
        (
            "equals",
            json!(0.3),
            json!(["0.30000000000000004", 0.3, "3e-1"]),
            json!(["0.3000000000000009", " 0.3", [0.3]]),
        ),
        (
            "equals",
            json!(9_007_199_254_740_992_i64),
            json!(["9007199254740993", 9_007_199_254_740_993_i64]),
            json!(["9007199254740994"]),
        ),
        ("gt", json!(5), json!(["5.5", 6, "inf"]), json!(["5", "NaN", "", true, [6]])),
        (
            "semverGte",
            json!("1.2.0"),
            json!(["1.2.0", "1.3.0-rc.1", "1.2.0+b"]),
            json!(["v1.3.0", "1.3", "1", 2, ["1.3.0"]]),
        ),
        (
            "after",
            json!("2026-01-01T00:00:00Z"),
            json!(["2026-01-01T00:00:00.0001Z", "2026-01-01 01:00:00+00:30"]),
            json!([
                "2026-01-01T00:00:00Z",
                "2026-01-02",
                "2026-01-02T00:00Z",
                "1893456000000",
                1_893_456_000_000_i64
            ]),
        ),
        (
            "before",
            json!("2026-01-01T00:00:00Z"),
            json!(["2025-12-31T23:59:59.9999Z"]),
            json!(["2026-01-01T00:00:00.0000Z", 0]),
        ),
        ("cidr", json!("10.0.0.0/8"), json!(["10.1.2.3"]), json!(["11.1.2.3", ["10.1.2.3"], 10])),
    ];
    for (op, value, yes, no) in table {
        let condition = condition(op, &value, json!({}));
        for (values, expected) in [(yes, true), (no, false)] {
            for x in values.as_array().unwrap() {
                assert_eq!(holds(&condition, &json!({"x": x})), expected, "{x} {op} {value}");
            }
        }
        assert_eq!(holds(&condition, &json!({})), op == "notIn", "{op}");
    }
    for (op, value, text, expected) in [
        ("contains", "STRASSE", "Straße 1", false),
        ("contains", "STRAẞE", "Die Straße", true),
        ("startsWith", "É", "école", true),
        ("endsWith", "ΟΔΟΣ", "η οδος", true),
        ("endsWith", "οδοσ", "Η ΟΔΟΣ", false),
        ("in", "ΟΔΟΣ", "οδος", true),
        ("in", "s", "ſ", false),
        ("in", "K", "\u{212A}", true),
        ("in", "TRUE", "true", true),
        ("matches", "ss$", "SS", true),
    ] {
        let condition = condition(op, &json!(value), json!({"ignoreCase": true}));
        assert_eq!(holds(&condition, &json!({"x": text})), expected, "{text} {op} {value}");
    }
    for (wrong, field) in [
        (condition("semverGte", &json!("3.2"), json!({})), "values[0]"),
        (condition("in", &json!(5), json!({})), "values[0]"),
        (condition("gt", &json!("5"), json!({})), "values[0]"),
        (condition("modulo", &json!(5), json!({})), "op"),
        (condition("gt", &json!(5), json!({"ignoreCase": true})), "ignoreCase"),
    ] {
        let flag = json!({"key": "f", "type": "boolean", "variants": {"on": true}, "environments": {"production": {
            "offVariant": "on", "rules": [{"id": "r", "if": wrong, "serve": {"variant": "on"}}]}}});
        let problems = usher_core::model::parse_strict(&Kind::Flag, flag.to_string().as_bytes()).unwrap_err();
        assert_eq!(problems.0[0].field, format!("environments.production.rules[0].if.{field}"));
    }
}

#[test]
fn the_time_of_the_evaluation_can_be_asked_for() {
    let far = |op: &str, value: &str, dialect: &str| json!({"attribute": "currentTime", "op": op, "values": [value], "dialect": dialect});
    for dialect in ["usher", "unleash"] {
        assert!(holds(&far("after", "1960-01-01T00:00:00Z", dialect), &json!({})));
        assert!(!holds(&far("before", "1960-01-01T00:00:00Z", dialect), &json!({})));
        // A context may say otherwise.
        let own = json!({"currentTime": "1959-12-31T23:59:59Z"});
        assert!(holds(&far("before", "1960-01-01T00:00:00Z", dialect), &own));
        assert!(!holds(&far("after", "1960-01-01T00:00:00Z", dialect), &own));
        assert!(!holds(&far("after", "1960-01-01T00:00:00Z", dialect), &json!({"currentTime": "soon"})));
    }
    let other = json!({"attribute": "joined", "op": "after", "values": ["1960-01-01T00:00:00Z"]});
    assert!(!holds(&other, &json!({})));
}

#[test]
fn a_draw_can_do_without_a_part_of_its_key() {
    let rollout = |when: &str| json!({"rollout": {"by": ["a", "b"], "percent": 50.0, "seed": "s", "hash": "murmur3Flagd", "whenMissing": when}});
    let (mut within, mut differs) = (0, false);
    for n in 0..200 {
        // A number counts as it is written, and what is missing for nothing at all.
        let as_written = json!({"a": n, "b": ""});
        let missing = json!({"a": n.to_string()});
        let holds_empty = holds(&rollout("empty"), &missing);
        assert_eq!(holds(&rollout("empty"), &as_written), holds_empty, "{n}");
        assert!(!holds(&rollout("outside"), &missing));
        within += u32::from(holds_empty);
        differs |= holds(&rollout("empty"), &json!({"a": n.to_string(), "b": "x"})) != holds_empty;
    }
    assert!((70..130).contains(&within) && differs);
}
