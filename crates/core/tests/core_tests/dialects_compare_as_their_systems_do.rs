//! Comparisons in other systems' ways, where they differ from Usher's own.

use crate::support::{NOW, document, flag, ruleset};
use serde_json::{Value, json};
use usher_core::{
    Context,
    model::{Flag, Kind, Model},
};

fn holds(condition: &Value, context: &Value) -> bool {
    let rule = json!({"rules": [{"id": "r", "if": condition, "serve": {"variant": "on"}}]});
    let rules = ruleset(&[flag("f", &rule)]);
    rules.evaluate("f", &Context::from_json(context).unwrap(), NOW).boolean() == Ok(Some(true))
}

/// Operator, values, what holds, what does not.
type Row = (&'static str, Value, &'static [&'static str], &'static [&'static str]);

fn check(dialect: &str, ignore_case: bool, table: &[Row]) {
    for (operator, values, good, bad) in table {
        let condition = json!({
            "attribute": "x", "op": operator, "values": values, "dialect": dialect, "ignoreCase": ignore_case
        });
        for (value, expected) in good.iter().map(|v| (v, true)).chain(bad.iter().map(|v| (v, false))) {
            let value: Value = serde_json::from_str(value).unwrap();
            assert_eq!(holds(&condition, &json!({"x": value})), expected, "{value} {operator} {values}");
        }
        assert!(!holds(&condition, &json!({})), "missing {operator}");
    }
}

#[test]
fn launch_darkly_looks_into_lists_and_is_strict_about_times_and_versions() {
    check(
        "launchDarkly",
        false,
        &[
            (
                "contains",
                json!(["el", "x"]),
                &[r#""hello""#, r#"["no", "hello"]"#],
                &[r#""HEL""#, "[[\"hello\"]]", "1"],
            ),
            (
                "before",
                json!(["2026-06-01T00:00:00.000000001Z"]),
                &[r#""2026-06-01T00:00:00Z""#, r#""2026-06-01 02:00:00+02:00""#, "0", "0.9", r#"["x", 5]"#],
                &[
                    r#""2026-06-01T00:00:00.000000001Z""#,
                    r#""5""#,
                    r#""2026-05-01""#,
                    r#""2026-05-01T00:00Z""#,
                    "1e300",
                ],
            ),
            (
                "after",
                json!([1_000.9]),
                &["1001", r#""1970-01-01T00:00:01.0000001Z""#],
                &["1000", "1000.5", "9100000000000000"],
            ),
            (
                "semverEq",
                json!(["2.0"]),
                &[r#""2.0.0""#, r#""2""#, r#""2.0+b""#],
                &[r#""v2.0.0""#, r#""V2""#, "2"],
            ),
            ("semverLt", json!(["2.0.0"]), &[r#""2.0.0-rc.1""#, r#"["v1", "1.9"]"#], &[r#""v1""#]),
            // As Usher does it.
            ("startsWith", json!(["he"]), &[r#""hello""#], &["1"]),
        ],
    );
}

#[test]
fn growth_book_takes_a_list_for_one_value_and_orders_texts() {
    check(
        "growthBook",
        false,
        &[
            (
                "equals",
                json!(["a", 5, true]),
                &[r#""a""#, "5", "5.0", "true"],
                &[r#"["a"]"#, r#""5""#, "1", r#""A""#],
            ),
            ("in", json!(["a", 5]), &[r#""a""#, r#"["z", 5]"#], &[r#"[["a"]]"#, r#""5""#]),
            ("gt", json!([5]), &["5.1"], &["5", r#""8""#, "[8]", "true"]),
            ("lte", json!(["b"]), &[r#""a""#, r#""b""#, r#""""#], &[r#""ba""#, "1", r#"["a"]"#]),
            // By UTF-16 units an emoji comes before this letter; by code points, after it.
            ("lt", json!(["\u{FB01}"]), &[r#""😀""#], &[r#""\uFB02""#]),
            ("matches", json!(["^a"]), &[r#""ab""#], &[r#"["ab"]"#, r#""ba""#]),
            ("semverEq", json!(["1.2.3"]), &[r#""v1.2.3+b""#], &[r#""1.2.3-rc""#, r#""1.2""#, "1"]),
            (
                "semverLt",
                json!(["1.2.0"]),
                &[r#""1.2""#, r#""1.2.0-rc.1""#, r#""1.1.9""#],
                &[r#""1.10.0""#, r#""x""#],
            ),
            (
                "semverGte",
                json!(["1.9.0"]),
                &[r#""1.10.0""#, r#""1.9.0""#, r#""x""#],
                &[r#""1.9""#, r#"["2.0.0"]"#],
            ),
        ],
    );
    check(
        "growthBook",
        true,
        &[
            ("in", json!(["É", 1]), &[r#""é""#, r#"["x", "É"]"#, "1"], &[r#""e""#, r#"[["é"]]"#]),
            ("equals", json!(["SS"]), &[r#""ss""#], &[r#""ß""#, r#"["ss"]"#]),
            ("matches", json!(["^A"]), &[r#""ab""#], &["1"]),
        ],
    );
}

#[test]
fn growth_book_asks_single_elements_of_lists_only() {
    check(
        "growthBookElement",
        false,
        &[
            ("equals", json!(["a"]), &[r#"["b", "a"]"#], &[r#""a""#, r#"[["a"]]"#, "[]"]),
            ("gt", json!([5]), &["[1, 6]"], &["6", r#"["6"]"#]),
            ("in", json!(["a", 2]), &["[2]", r#"[["a"]]"#], &["2"]),
            ("semverGt", json!(["1.0.0"]), &[r#"["0.1.0", "1.0.1"]"#], &[r#""1.0.1""#]),
        ],
    );
}

#[test]
fn what_a_dialect_does_not_have_is_refused() {
    for condition in [
        json!({"attribute": "x", "op": "cidr", "values": ["10.0.0.0/8"], "dialect": "growthBook"}),
        json!({"attribute": "x", "op": "notIn", "values": ["a"], "dialect": "growthBookElement"}),
        json!({"attribute": "x", "op": "lt", "values": [true], "dialect": "growthBook"}),
        json!({"attribute": "x", "op": "semverEq", "values": ["v2"], "dialect": "launchDarkly"}),
        json!({"attribute": "x", "op": "before", "values": ["2026"], "dialect": "launchDarkly"}),
    ] {
        let flag: Flag = serde_json::from_value(json!({
            "key": "f", "type": "boolean", "variants": {"on": true},
            "environments": {"production": {"enabled": true, "offVariant": "on", "rules": [
                {"id": "r", "if": condition, "serve": {"variant": "on"}}]}}
        }))
        .unwrap();
        assert!(!flag.validate().is_empty(), "{condition}");
    }
}

#[test]
fn a_condition_can_ask_what_another_flag_gives() {
    let wanted = json!({"prerequisite": {"flag": "base", "variants": ["on"]}});
    let rule =
        |condition: &Value| json!({"rules": [{"id": "r", "if": condition, "serve": {"variant": "on"}}]});
    let base = json!({"targets": [{"by": "targetingKey", "values": ["u-1"], "variant": "on"}]});
    let circle = json!({"prerequisite": {"flag": "circle", "variants": ["off"]}});
    let rules = ruleset(&[
        flag("base", &base),
        flag("asks", &rule(&wanted)),
        flag("asks-not", &rule(&json!({"not": wanted}))),
        flag("circle", &rule(&circle)),
        flag("missing", &rule(&json!({"prerequisite": {"flag": "nowhere", "variants": ["on"]}}))),
    ]);
    let gives = |flag: &str, key: &str| rules.evaluate(flag, &Context::new(key), NOW).boolean();
    assert_eq!(gives("asks", "u-1"), Ok(Some(true)));
    assert_eq!(gives("asks", "u-2"), Ok(Some(false)));
    assert_eq!(gives("asks-not", "u-2"), Ok(Some(true)));
    assert_eq!(gives("missing", "u-1"), Ok(Some(false)));
    // A circle is refused when it is written, and comes to an end all the same.
    assert!(gives("circle", "u-1").is_ok());
    assert_eq!(rules.exposure("circle", "park", NOW).rule, None);
    assert_eq!(
        rules.affected_by(&[document(
            Kind::Flag,
            &json!({"key": "base", "type": "boolean", "variants": {"on": true}})
        )
        .id()
        .clone()]),
        ["asks", "asks-not", "base"]
    );
    let (_, trace) = rules.explain("asks", &Context::new("u-2"), NOW);
    assert!(trace.to_string().contains("✗ flag `base` is to give `on`; it gives `off`"), "{trace}");
}

#[test]
fn a_cohort_can_not_ask_what_a_flag_gives() {
    let cohort: usher_core::model::Cohort = serde_json::from_value(
        json!({"key": "c", "name": "C", "if": {"prerequisite": {"flag": "base", "variants": ["on"]}}}),
    )
    .unwrap();
    assert!(!cohort.validate().is_empty());
}
