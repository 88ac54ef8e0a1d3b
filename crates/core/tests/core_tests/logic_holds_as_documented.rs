//! JSONLogic conditions: what flagd adds to the reference, where its engines differ from it, and what is refused.

use crate::support::{document, flag, ruleset, venue};
use proptest::prelude::*;
use serde_json::{Value, json};
use usher_core::{
    Context, Ruleset,
    model::{Flag, Kind, Model, Timestamp, parse_strict},
    problem::Problems,
};

/// 2026-06-01T00:00:00.500Z.
const NOW: i64 = 1_780_272_000_500;

fn rules(logic: &Value) -> Ruleset {
    let rule =
        json!({"rules": [{"id": "r", "name": "Rule", "if": {"logic": logic}, "serve": {"variant": "on"}}]});
    ruleset(&[flag("f", &rule), venue("park", "England")])
}

fn holds(logic: &Value, context: &Value) -> bool {
    let context = Context::from_json(context).unwrap();
    rules(logic).evaluate("f", &context, Timestamp::from_millis(NOW)).boolean() == Ok(Some(true))
}

fn refused(logic: &Value) -> Problems {
    let flag = json!({"key": "f", "type": "boolean", "variants": {"on": true, "off": false},
        "environments": {"production": {"enabled": true, "offVariant": "off", "default": {"variant": "off"},
            "rules": [{"id": "r", "if": {"logic": logic}, "serve": {"variant": "on"}}]}}});
    parse_strict(&Kind::Flag, flag.to_string().as_bytes()).unwrap_err()
}

#[test]
fn values_are_what_flagd_makes_of_them() {
    let context = json!({"targetingKey": "u-17", "venue": "park", "email": "kim@example.com", "age": 30, "beta": true,
        "score": 1.5, "empty": "", "tags": ["a", "7", 7, ["in", 3]], "none": [], "device": {"os": {"name": "ios"}},
        "appVersion": "3.2.0", "word": "smörgåsbord"});
    let var = |name: &str| json!({"var": name});
    let table: &[(Value, Value)] = &[
        // Variables.
        (var("device.os.name"), json!("ios")),
        (json!({"var": ["gone"]}), json!(null)),
        (json!({"var": ["gone", "x"]}), json!("x")),
        (json!({"var": ["gone", {"var": "age"}]}), json!(30)),
        (json!({"var": ["empty", "x"]}), json!("")),
        (var("tags.1"), json!("7")),
        (var("tags.3.0"), json!("in")),
        (var("tags.9"), json!(null)),
        (var("tags.01"), json!(null)),
        (var("$flagd.timestamp"), json!(1_780_272_000)),
        (var("venue.country"), json!("England")),
        // Objects are there, and equal nothing.
        (json!({"!!": var("device")}), json!(true)),
        (json!({"!!": var("device.os")}), json!(true)),
        (json!({"!!": var("dev")}), json!(false)),
        (json!({"!!": var("")}), json!(true)),
        (json!({"==": [var("device"), var("device")]}), json!(false)),
        (json!({"!!": {"missing": ["device", "device.os.name"]}}), json!(false)),
        // Equality: null equals null only, booleans and texts compare as numbers, lists not at all.
        (json!({"==": [var("gone"), null]}), json!(true)),
        (json!({"==": [var("gone"), false]}), json!(false)),
        (json!({"==": [var("gone"), 0]}), json!(false)),
        (json!({"==": [var("empty"), 0]}), json!(true)),
        (json!({"==": [var("beta"), 1]}), json!(true)),
        (json!({"==": [var("beta"), "true"]}), json!(false)),
        (json!({"==": [["a"], "a"]}), json!(false)),
        (json!({"!=": [var("age"), "abc"]}), json!(true)),
        (json!({"===": [var("age"), 30.0]}), json!(true)),
        (json!({"===": [var("age"), "30"]}), json!(false)),
        // Order: what is missing counts as 0, what is no number compares with nothing.
        (json!({"<": [var("gone"), 5]}), json!(true)),
        (json!({">=": [var("gone"), 5]}), json!(false)),
        (json!({"<": ["abc", 5]}), json!(false)),
        (json!({">=": ["abc", 5]}), json!(false)),
        (json!({"<": ["a", "b", "c"]}), json!(true)),
        (json!({"<=": [30, var("age"), 30]}), json!(true)),
        (json!({"<": [1, var("age"), 30]}), json!(false)),
        // Texts: nothing for what is missing, code points counted.
        (json!({"cat": ["a", var("gone"), null, var("score"), var("beta"), 2.0]}), json!("a1.5true2")),
        (json!({"cat": [1e21]}), json!("1000000000000000000000")),
        (json!({"substr": [var("word"), 2, 3]}), json!("örg")),
        (json!({"substr": [var("word"), -4]}), json!("bord")),
        (json!({"substr": [var("word"), 1, -4]}), json!("mörgås")),
        (json!({"substr": [var("gone"), 0]}), json!("")),
        (json!({"substr": [1234, 1, 2]}), json!("23")),
        (json!({"substr": ["abc", 9]}), json!("")),
        (json!({"starts_with": [var("email"), "kim@"]}), json!(true)),
        (json!({"ends_with": [var("email"), "@example.com"]}), json!(true)),
        (json!({"starts_with": [var("age"), "3"]}), json!(null)),
        (json!({"ends_with": [var("gone"), ""]}), json!(null)),
        // In: strictly among values, and texts only in texts.
        (json!({"in": ["@example.com", var("email")]}), json!(true)),
        (json!({"in": ["", ""]}), json!(true)),
        (json!({"in": [var("gone"), "null"]}), json!(false)),
        (json!({"in": [3, "123"]}), json!(false)),
        (json!({"in": ["x", var("gone")]}), json!(false)),
        (json!({"in": [7, var("tags")]}), json!(true)),
        (json!({"in": ["8", var("tags")]}), json!(false)),
        (json!({"in": [var("age"), ["30", 31]]}), json!(false)),
        (json!({"in": [var("age"), [{"+": [15, 15]}]]}), json!(true)),
        (json!({"in": [null, [var("gone")]]}), json!(true)),
        // Arithmetic.
        (json!({"+": ["3 apples", 1, "0.5"]}), json!(4.5)),
        (json!({"-": ["5", 2]}), json!(3)),
        (json!({"-": ["5"]}), json!(-5)),
        (json!({"%": [-7, 3]}), json!(-1)),
        (json!({"/": [1, 4]}), json!(0.25)),
        (json!({"max": [1, "5", true]}), json!(5)),
        (json!({"==": [{"+": [var("gone"), 1]}, {"+": [var("gone"), 1]}]}), json!(false)),
        (json!({"!!": {"/": [0, 0]}}), json!(false)),
        (json!({"!!": {"/": [1, 0]}}), json!(true)),
        // Choices.
        (json!({"if": [false, 1]}), json!(null)),
        (json!({"if": [false, 1, 2]}), json!(2)),
        (json!({"if": ["x"]}), json!("x")),
        (json!({"if": [0, 1, "", 2, [], 3, "0", 4]}), json!(4)),
        (json!({"and": [1, "x", 0, 2]}), json!(0)),
        (json!({"or": ["", null, "x"]}), json!("x")),
        (json!({"or": [0, false]}), json!(false)),
        // Missing: an empty text is there.
        (json!({"!!": {"missing": ["empty", "email"]}}), json!(false)),
        (json!({"!!": {"missing": ["email", "phone"]}}), json!(true)),
        (json!({"!!": {"missing": [["email", "phone"]]}}), json!(true)),
        (json!({"in": ["phone", {"missing": ["email", "phone"]}]}), json!(true)),
        (json!({"!!": {"missing_some": [1, ["email", "phone"]]}}), json!(false)),
        (json!({"!!": {"missing_some": [2, ["email", "phone"]]}}), json!(true)),
        // Lists.
        (json!({"in": [2, {"merge": [1, [2, 3]]}]}), json!(true)),
        (json!({"some": [var("tags"), {"===": [var(""), 7]}]}), json!(true)),
        (json!({"all": [var("tags"), {"!!": var("")}]}), json!(true)),
        (json!({"all": [var("none"), true]}), json!(false)),
        (json!({"none": [var("gone"), true]}), json!(true)),
        // Draws, as flagd's testbed has them: 4-way by "shared-seed" and a name.
        (
            json!({"fractional": [{"cat": ["shared-seed", "seven"]}, ["clubs", 25], ["diamonds", 25], ["hearts", 25], ["spades", 25]]}),
            json!("hearts"),
        ),
        (
            json!({"fractional": [{"cat": ["shared-seed", "nine"]}, ["clubs", 25], ["diamonds", 25], ["hearts", 25], ["spades", 25]]}),
            json!("clubs"),
        ),
        (json!({"fractional": [var("gone"), ["a"], ["b"]]}), json!(null)),
        (json!({"fractional": [var("age"), ["a"], ["b"]]}), json!(null)),
        (json!({"fractional": ["k", ["a", 0], ["b", 0]]}), json!(null)),
        (json!({"fractional": ["k", ["a", -5], ["b", 1]]}), json!("b")),
        (json!({"fractional": ["k", ["a", 0.5], ["b", 1]]}), json!(null)),
        (json!({"fractional": ["k", ["a", 2_147_483_647], ["b", 1]]}), json!(null)),
        (json!({"fractional": ["k", [{"if": [var("beta"), "yes", "no"]}, {"*": [2, 3]}]]}), json!("yes")),
    ];
    for (logic, value) in table {
        assert!(holds(&json!({"===": [logic, value]}), &context), "{logic} is not {value}");
    }
}

#[test]
fn versions_compare_as_flagd_compares_them() {
    let table: &[(&str, &str, &str, Option<bool>)] = &[
        ("2.0.0", "=", "2.0.0", Some(true)),
        ("2.0.0", "!=", "2.0.1", Some(true)),
        ("2.0.0-alpha", "<", "2.0.0", Some(true)),
        ("v1.0.0", "=", "1.0.0", Some(true)),
        ("1.5.0", "^", "1", Some(true)),
        ("1.0.0", "=", "v1", Some(true)),
        ("1.2", ">=", "1.2.0", Some(true)),
        ("1.0.0+build", "=", "1.0.0+other", Some(true)),
        ("3.0.1", "~", "3.0.0", Some(true)),
        ("3.1.0", "~", "3.0.0", Some(false)),
        ("3.1.0-rc.1", "^", "3.0.0", Some(true)),
        ("1.10.0", ">", "1.9.0", Some(true)),
        ("2.0.0.0", "=", "2.0.0", None),
        ("3.2-rc.1", "=", "3.2.0-rc.1", None),
        ("01.0.0", "=", "1.0.0", None),
        ("myVersion_1", "=", "1.0.0", None),
        ("1.0.0", "===", "1.0.0", None),
        ("", "=", "1.0.0", None),
    ];
    for (version, how, other, expected) in table {
        let logic = json!({"===": [{"sem_ver": [{"var": "v"}, how, other]}, expected]});
        assert!(holds(&logic, &json!({"v": version})), "{version} {how} {other} is not {expected:?}");
        let put_together = json!({"===": [{"sem_ver": [{"cat": [{"var": "v"}]}, how, other]}, expected]});
        assert!(holds(&put_together, &json!({"v": version})), "{version} {how} {other}, put together");
    }
    assert!(holds(&json!({"===": [{"sem_ver": [{"var": "v"}, "=", "1.0.0"]}, null]}), &json!({"v": 1})));
}

#[test]
fn what_is_not_supported_is_named() {
    for (logic, word) in [
        (json!({"map": [[1], {"var": ""}]}), "`map`"),
        (json!({"and": [true, {"reduce": [[1], 1, 0]}]}), "`reduce`"),
        (json!({"log": "x"}), "`log`"),
        (json!({"fractionalEvaluation": ["email", ["a", 50]]}), "`fractionalEvaluation`"),
        (json!({"==": [1]}), "`==`"),
        (json!({">": [1, 2, 3]}), "`>`"),
        (json!({"var": {"var": "x"}}), "name of a variable"),
        (json!({"var": "$flagd.flagKey"}), "$flagd.flagKey"),
        (json!({"missing": [{"merge": []}]}), "`missing`"),
        (json!({"some": [{"var": "x"}, {"var": "y"}]}), "lists of plain values"),
        (json!({"some": [{"var": "x"}, {"all": [{"var": ""}, true]}]}), "`all`"),
        (json!({"a": 1, "b": 2}), "exactly one key"),
        (json!({"fractional": ["k", "a"]}), "a part of a draw"),
        ((0..40).fold(json!(1), |inner, _| json!({"!": [inner]})), "too deeply"),
        (json!({"and": vec![json!({"!": [1]}); 1_001]}), "too many operations"),
    ] {
        let problems = refused(&logic);
        assert!(problems.to_string().contains(word), "{problems}");
        assert!(problems.0[0].field.starts_with("environments.production.rules[0].if.logic"), "{problems}");
    }
    let inner = refused(&json!({"and": [true, {"if": [{"map": []}, 1]}]}));
    assert_eq!(inner.0[0].field, "environments.production.rules[0].if.logic.and[1].if[0].map");
}

#[test]
fn explanations_are_words() {
    let said = |logic: Value, context: Value| {
        let context = Context::from_json(&context).unwrap();
        let rules = rules(&logic);
        let (_, trace) = rules.explain("f", &context, Timestamp::from_millis(NOW));
        trace.steps.iter().find(|step| step.step == "rule").unwrap().details.join("\n")
    };
    for (logic, context, expected) in [
        (
            json!({"and": [{"==": [{"var": "beta"}, true]}, {"<": [{"var": "$flagd.timestamp"}, 1_800_000_000]}]}),
            json!({"beta": true}),
            "✓ (beta equals true) and (the time in seconds is below 1800000000) — beta is “true”",
        ),
        (
            json!({"or": [{"in": [{"var": "plan"}, ["pro", "team"]]}, {"!": {"var": "age"}}]}),
            json!({"plan": "free", "age": 3}),
            "✗ (plan is one of “pro”, “team”) or not age — plan is “free”, age is “3”",
        ),
        (
            json!({"sem_ver": [{"var": "appVersion"}, ">=", "3.2.0"]}),
            json!({}),
            "✗ appVersion is at least version “3.2.0” — appVersion is missing",
        ),
        (
            json!({"==": [{"cat": [{"var": "a"}, "-", {"var": "b"}]}, "x-y"]}),
            json!({"a": "x", "b": "y"}),
            "✓ (a followed by “-” followed by b) equals “x-y” — a is “x”, b is “y”",
        ),
        (
            json!({"if": [{"missing": ["email"]}, false, {"<=": [1, {"%": [{"var": "n"}, 10]}, 3]}]}),
            json!({"email": "e", "n": 12}),
            "✓ if one of email is missing then false, else ((n modulo 10) is from 1 to 3) — email is “e”, n is “12”",
        ),
        (
            json!({"==": [{"fractional": [{"var": "email"}, ["a", 1], ["b", 1]]}, "a"]}),
            json!({}),
            "✗ (the draw by email of “a”, 1; “b”, 1) equals “a” — email is missing",
        ),
    ] {
        let said = said(logic, context);
        assert_eq!(said.trim(), expected);
    }
    let long = json!({"or": vec![json!({"==": [{"var": "x"}, "y".repeat(40)]}); 100]});
    assert!(said(long, json!({})).chars().count() < 450);
}

fn any_json() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(
        &[
            "var",
            "missing",
            "missing_some",
            "if",
            "?:",
            "==",
            "===",
            "!=",
            "!==",
            "!",
            "!!",
            "and",
            "or",
            "<",
            "<=",
            ">",
            ">=",
            "min",
            "max",
            "+",
            "-",
            "*",
            "/",
            "%",
            "in",
            "cat",
            "substr",
            "merge",
            "all",
            "none",
            "some",
            "starts_with",
            "ends_with",
            "sem_ver",
            "fractional",
            "fractionalCbor",
            "map",
            "$ref",
            "x",
        ][..],
    );
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        prop::sample::select(&["", "x", "x.0", "a.b", "$flagd.timestamp", "1", "1.2.3", "é", "="][..])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            (name.clone(), prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(name, given)| json!({name: given})),
            (name.clone(), inner).prop_map(|(name, given)| json!({name: given})),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_expression_makes_reading_or_asking_fail(logic in any_json(), context in any_json()) {
        let flag = json!({"key": "f", "type": "boolean", "variants": {"on": true, "off": false},
            "environments": {"production": {"enabled": true, "offVariant": "off", "default": {"variant": "off"},
                "rules": [{"id": "r", "if": {"logic": logic}, "serve": {"variant": "on"}}]}}});
        if let Ok(flag) = serde_json::from_value::<Flag>(flag.clone()) && flag.validate().is_empty() {
            let rules = ruleset(&[document(Kind::Flag, &serde_json::to_value(&flag).unwrap())]);
            let context = Context::from_json(&json!({"x": context, "a": {"b": [1, "é"]}})).unwrap_or_default();
            let asked = rules.evaluate("f", &context, Timestamp::from_millis(NOW));
            prop_assert!(asked.boolean().is_ok());
            let (explained, _) = rules.explain("f", &context, Timestamp::from_millis(NOW));
            prop_assert_eq!(explained.variant(), asked.variant());
        }
    }
}
