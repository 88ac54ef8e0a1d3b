//! What becomes of flagd's flag definitions: which rules they give, what is noted, what is refused.
//! That the rules answer as flagd does is shown in `usher-peers`.

use crate::support::{NOW, document};
use proptest::prelude::*;
use serde_json::{Value, json};
use usher_core::{
    Context, Ruleset,
    import::{Format, Fractional, Imported, Options, Outcome, import},
    model::{Kind, Seq},
};

fn imported(source: &Value, fractional: Fractional) -> Imported {
    let options = Options { fractional, ..Options::new("production".parse().unwrap()) };
    import(Format::Flagd, source.to_string().as_bytes(), &options).unwrap()
}

/// A flag of four texts with this targeting.
fn targeted(targeting: &Value) -> Value {
    json!({"flags": {"f": {"state": "ENABLED", "defaultVariant": "none", "targeting": targeting,
        "variants": {"a": "A", "b": "B", "true": "T", "none": "N"}}}})
}

/// The rules that a targeting gives.
fn rules(targeting: &Value) -> Value {
    let imported = imported(&targeted(targeting), Fractional::V2);
    let flag = imported.flags.first().unwrap_or_else(|| panic!("{:?}", imported.report));
    let flag = serde_json::to_value(flag).unwrap();
    flag["environments"]["production"]["rules"].clone()
}

fn refusal(source: &Value) -> String {
    let imported = imported(source, Fractional::V2);
    assert!(imported.flags.is_empty(), "{:?}", imported.flags);
    let entry = imported.report.last().unwrap();
    assert_eq!((entry.outcome, &entry.key), (Outcome::Refused, &None));
    let note = entry.notes.iter().find(|note| note.outcome == Outcome::Refused).unwrap();
    format!("{}: {}", note.at, note.text)
}

#[test]
fn the_flags_of_the_opentelemetry_demo_come_in_whole() {
    let text =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/otel-demo.flagd.json")).unwrap();
    let source: Value = serde_json::from_slice(&text).unwrap();
    let imported = imported(&source, Fractional::V2);
    let flags = source["flags"].as_object().unwrap();
    assert_eq!(imported.flags.len(), flags.len());
    assert!(imported.report.iter().all(|entry| entry.outcome == Outcome::Mapped), "{:?}", imported.report);
    let documents: Vec<_> = imported
        .flags
        .iter()
        .map(|flag| document(Kind::Flag, &serde_json::to_value(flag).unwrap()))
        .collect();
    let rules = Ruleset::compile("production".parse().unwrap(), Seq(1), &documents);
    assert_eq!(rules.broken().count(), 0);
    let answer = |key: &str, context: &Value| {
        let context = Context::from_json(context).unwrap();
        serde_json::to_value(rules.evaluate(key, &context, NOW)).unwrap()
    };
    for (key, flag) in flags {
        assert_eq!(flag["state"], "ENABLED");
        let given = answer(key, &json!({"targetingKey": "u-17"}));
        if flag.get("targeting").is_none_or(|targeting| *targeting == json!({})) {
            let default = flag["defaultVariant"].as_str().unwrap();
            // As numbers: a flag of fractions holds all of its numbers as such.
            assert_eq!(given["value"].as_f64(), flag["variants"][default].as_f64(), "{key}");
            assert_eq!((&given["variant"], &given["reason"]), (&json!(default), &json!("STATIC")), "{key}");
        }
    }
    // The only one with targeting: one product has a bug once the flag's rule is told to say `on`.
    let given = answer("productCatalogFailure", &json!({"product_id": "OLJCESPC7Z"}));
    assert_eq!(
        given,
        json!({"value": false, "variant": "off", "reason": "TARGETING_MATCH", "metadata": {"rule": "targeting-1"}})
    );
    let given = answer("productCatalogFailure", &json!({"product_id": "66VCHSJNUP"}));
    assert_eq!(given["value"], json!(false));
}

#[test]
fn conditions_are_native_where_they_say_exactly_the_same() {
    let is =
        |op: &str, values: Value| json!({"attribute": "x", "op": op, "values": values, "dialect": "flagd"});
    let x = json!({"var": "x"});
    for (logic, expected) in [
        (json!({"==": [x, "abc"]}), is("equals", json!(["abc"]))),
        (json!({"===": ["abc", {"var": ["x"]}]}), is("equals", json!(["abc"]))),
        (json!({"!=": [x, "abc"]}), json!({"not": is("equals", json!(["abc"]))})),
        (json!({"===": [x, 5]}), is("equals", json!([5]))),
        (json!({"!==": [x, true]}), json!({"not": is("equals", json!([true]))})),
        (json!({"in": [x, ["a", 2, true]]}), is("in", json!(["a", 2, true]))),
        (json!({"in": ["@example.com", x]}), is("contains", json!(["@example.com"]))),
        (json!({"starts_with": [x, "a"]}), is("startsWith", json!(["a"]))),
        (json!({"ends_with": [x, "a"]}), is("endsWith", json!(["a"]))),
        (json!({"sem_ver": [x, ">=", "3.2.0"]}), is("semverGte", json!(["3.2.0"]))),
        (json!({"sem_ver": [x, "^", "v3"]}), is("semverCaret", json!(["v3"]))),
        (
            json!({"and": [{"==": [x, "a"]}, {"!": {"or": [{"===": [x, 1]}, {"in": [x, ["b"]]}]}}]}),
            json!({"all": [is("equals", json!(["a"])),
                {"not": {"any": [is("equals", json!([1])), is("in", json!(["b"]))]}}]}),
        ),
    ] {
        let rule = json!([{"id": "targeting-1", "if": expected, "serve": {"variant": "a"}}]);
        assert_eq!(rules(&json!({"if": [logic, "a"]})), rule, "{logic}");
    }
}

#[test]
fn conditions_across_types_stay_expressions() {
    let x = json!({"var": "x"});
    for logic in [
        json!({"==": [x, 5]}),
        json!({"==": [x, "5"]}),
        json!({"==": [x, ""]}),
        json!({"==": [x, true]}),
        json!({"==": [x, null]}),
        json!({"===": [x, 9_007_199_254_740_993_i64]}),
        json!({"<": [x, 5]}),
        json!({"in": [x, ["a", null]]}),
        json!({"in": [x, "abc"]}),
        json!({"==": [{"var": ["x", "d"]}, "a"]}),
        json!({"==": [{"var": "x.0"}, "a"]}),
        json!({"sem_ver": [x, "=", "1.0-rc"]}),
        json!({"sem_ver": [x, "about", "1.0.0"]}),
        json!({">": [{"var": "$flagd.timestamp"}, 1_735_689_600]}),
        x.clone(),
    ] {
        let rule = json!([{"id": "targeting-1", "if": {"logic": logic}, "serve": {"variant": "a"}}]);
        assert_eq!(rules(&json!({"if": [logic, "a"]})), rule);
    }
    let notes = &imported(&targeted(&json!({"if": [x, "a"]})), Fractional::V2).report[0].notes;
    assert_eq!((notes[0].outcome, notes[0].at.as_str()), (Outcome::Mapped, "targeting.if[0]"));
}

#[test]
fn branches_become_rules_in_order() {
    let is = |value: &str| json!({"==": [{"var": "x"}, value]});
    let x = |value: &str| json!({"attribute": "x", "op": "equals", "values": [value], "dialect": "flagd"});
    let rule = |n: u8, condition: Value, variant: &str| {
        let mut rule = json!({"id": format!("targeting-{n}"), "serve": {"variant": variant}});
        if !condition.is_null() {
            rule["if"] = condition;
        }
        rule
    };
    // Else-if, and another `if` in a branch.
    let nested =
        json!({"if": [is("p"), {"if": [is("q"), "a", "b"]}, is("r"), "b", {"if": [is("s"), "a", "none"]}]});
    let expected = json!([
        rule(1, json!({"all": [x("p"), x("q")]}), "a"),
        rule(2, x("p"), "b"),
        rule(3, x("r"), "b"),
        rule(4, x("s"), "a"),
        rule(5, Value::Null, "none"),
    ]);
    assert_eq!(rules(&nested), expected);
    // Whoever a branch leaves to the default must not meet the rules behind it.
    let leaves = json!({"if": [is("p"), null, is("q"), {"if": [is("r"), "a"]}, "b"]});
    let expected = json!([
        rule(1, json!({"all": [{"not": x("p")}, x("q"), x("r")]}), "a"),
        rule(2, json!({"all": [{"not": x("p")}, {"not": x("q")}]}), "b"),
    ]);
    assert_eq!(rules(&leaves), expected);
    // What is settled needs no condition.
    assert_eq!(rules(&json!({"if": [false, "a", true, "b", "none"]})), json!([rule(1, Value::Null, "b")]));
    // A condition alone gives a boolean.
    assert_eq!(rules(&is("p")), json!([rule(1, x("p"), "true"), rule(2, Value::Null, "code-default")]));
}

#[test]
fn draws_become_splits() {
    let split = |targeting: Value, fractional| {
        let imported = imported(&targeted(&targeting), fractional);
        let flag = serde_json::to_value(&imported.flags[0]).unwrap();
        flag["environments"]["production"]["rules"][0]["serve"]["split"].clone()
    };
    let weights = json!([{"variant": "a", "weight": 1}, {"variant": "b", "weight": 3}]);
    let expected = |by: Value, seed: &str, hash: &str| json!({"by": by, "seed": seed, "weights": weights, "hash": hash, "otherwise": "none"});
    let parts = [json!(["a"]), json!(["b", 3])];
    let draw = |key: Value| json!({"fractional": [key, parts[0], parts[1]]});
    let shorthand = json!({"fractional": parts});
    assert_eq!(
        split(shorthand.clone(), Fractional::V2),
        expected(json!(["targetingKey"]), "f", "murmur3Flagd")
    );
    assert_eq!(
        split(shorthand, Fractional::V3),
        expected(json!(["targetingKey"]), "f", "murmur3FlagdCborPair")
    );
    let var = draw(json!({"var": "email"}));
    assert_eq!(split(var.clone(), Fractional::V2), expected(json!(["email"]), "", "murmur3Flagd"));
    assert_eq!(split(var, Fractional::V3), expected(json!(["email"]), "", "murmur3FlagdCbor"));
    let cat = draw(json!({"cat": [{"var": "$flagd.flagKey"}, "-", {"var": "user.id"}, {"var": "device"}]}));
    let mut by_cat = expected(json!(["user.id", "device"]), "f-", "murmur3Flagd");
    by_cat["whenMissing"] = json!("empty");
    assert_eq!(split(cat, Fractional::V2), by_cat);
    // Weights that depend on the context are a choice between draws.
    let choice = json!({"fractional": [{"var": "email"}, ["a", {"if": [{"===": [{"var": "tier"}, "pro"]}, 100, 0]}], ["b", 10]]});
    let rules = rules(&choice);
    assert_eq!(rules[0]["if"]["attribute"], "tier");
    assert_eq!(rules[0]["serve"]["split"]["weights"][0]["weight"], 100);
    assert_eq!(
        (&rules[1]["if"], &rules[1]["serve"]["split"]["weights"][0]["weight"]),
        (&Value::Null, &json!(0))
    );
}

#[test]
fn a_draw_as_a_condition_is_a_share() {
    let share = json!({"fractional": [{"var": "email"}, [false, 10], [true, 15], ["x", 5], [null, 70]]});
    let expected = json!({"rollout": {"by": ["email"], "percent": 20.0, "from": 10.0, "seed": "", "hash": "murmur3Flagd"}});
    assert_eq!(rules(&json!({"if": [share, "a"]}))[0]["if"], expected);
    // A third is no number of steps.
    let thirds = json!({"fractional": [[true, 1], [false, 2]]});
    let expected = json!({"logic": {"if": [{"var": "targetingKey"},
        {"fractional": [{"cat": ["f", {"var": "targetingKey"}]}, [true, 1], [false, 2]]}, null]}});
    assert_eq!(rules(&json!({"if": [thirds, "a"]}))[0]["if"], expected);
}

#[test]
fn a_flag_without_a_default_or_disabled_gives_the_codes_default() {
    let flag = |state: &str, default: Value| json!({"flags": {"f": {"state": state, "variants": {"on": true, "off": false}, "defaultVariant": default}}});
    let config = |source: &Value| {
        let flag = serde_json::to_value(&imported(source, Fractional::V2).flags[0]).unwrap();
        assert_eq!(flag["variants"], json!({"on": true, "off": false, "code-default": null}));
        flag["environments"]["production"].clone()
    };
    let on = json!({"enabled": true, "offVariant": "code-default", "default": {"variant": "on"}});
    assert_eq!(config(&flag("ENABLED", json!("on"))), on);
    let off = json!({"enabled": false, "offVariant": "code-default", "default": {"variant": "on"}});
    assert_eq!(config(&flag("DISABLED", json!("on"))), off);
    for none in [json!(null), json!("")] {
        assert_eq!(config(&flag("ENABLED", none)), json!({"enabled": true, "offVariant": "code-default"}));
    }
}

#[test]
fn types_come_from_the_variants() {
    let kind = |variants: Value| {
        let source =
            json!({"flags": {"f": {"state": "ENABLED", "variants": variants, "defaultVariant": null}}});
        imported(&source, Fractional::V2).flags.first().map(|flag| flag.flag_type.as_str())
    };
    assert_eq!(kind(json!({"a": 1, "b": -20})), Some("integer"));
    assert_eq!(kind(json!({"a": 1, "b": 0.5})), Some("float"));
    assert_eq!(kind(json!({"a": 0.0, "b": 1.0})), Some("float"));
    assert_eq!(kind(json!({"a": "", "b": "x"})), Some("string"));
    assert_eq!(kind(json!({"a": {}, "b": {"n": [1]}})), Some("object"));
    for mixed in [json!({"a": 1, "b": "1"}), json!({"a": true, "b": null}), json!({})] {
        assert_eq!(kind(mixed), None);
    }
}

#[test]
fn metadata_of_the_set_is_each_flags_too() {
    let source = json!({"metadata": {"flagSetId": "shop", "version": 1, "owner": "web"}, "flags": {"f": {
        "state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on",
        "metadata": {"owner": "payments", "beta": true, "none": null, "deep": {}}}}});
    let imported = imported(&source, Fractional::V2);
    let metadata = serde_json::to_value(&imported.flags[0].metadata).unwrap();
    assert_eq!(metadata, json!({"flagSetId": "shop", "version": 1, "owner": "payments", "beta": true}));
    let entry = &imported.report[0];
    assert_eq!((entry.outcome, entry.notes[0].at.as_str()), (Outcome::Approximated, "metadata.deep"));
}

#[test]
fn evaluators_are_put_in_where_they_are_named() {
    let source = |evaluators: Value, targeting: Value| {
        let mut source = targeted(&targeting);
        source["$evaluators"] = evaluators;
        source
    };
    let evaluators = json!({
        "staff": {"ends_with": [{"var": "email"}, "@example.com"]},
        "testers": {"or": [{"$ref": "staff"}, {"in": [{"var": "targetingKey"}, ["u-1"]]}]},
        "again": {"!": {"$ref": "around"}}, "around": {"and": [true, {"$ref": "again"}]},
        "key": {"var": "$flagd.flagKey"}
    });
    let imported =
        imported(&source(evaluators.clone(), json!({"if": [{"$ref": "testers"}, "a"]})), Fractional::V2);
    let condition =
        serde_json::to_value(&imported.flags[0].environments["production"].rules[0].condition).unwrap();
    assert_eq!(condition["any"][0]["op"], "endsWith");
    assert_eq!(condition["any"][1]["attribute"], "targetingKey");
    let circle = refusal(&source(evaluators.clone(), json!({"if": [{"$ref": "around"}, "a"]})));
    assert_eq!(circle, "$evaluators.around: the evaluator `around` refers to itself");
    let unknown = refusal(&source(evaluators.clone(), json!({"if": [{"$ref": "nobody"}, "a"]})));
    assert_eq!(unknown, "targeting: there is no evaluator `nobody`");
    // A few lines that stand for more than anybody could evaluate.
    let mut many = serde_json::Map::new();
    many.insert("e0".into(), json!({"==": [{"var": "x"}, "y"]}));
    for n in 1..30 {
        let before = json!({"$ref": format!("e{}", n - 1)});
        many.insert(format!("e{n}"), json!({"or": [before, before, before]}));
    }
    let large = refusal(&source(Value::Object(many), json!({"if": [{"$ref": "e29"}, "a"]})));
    assert_eq!(large, "targeting: the targeting is too large or nests too deeply");
}

#[test]
fn what_has_no_counterpart_is_refused_by_name() {
    for (targeting, expected) in [
        (
            json!({"if": [{"map": [{"var": "x"}, 1]}, "a"]}),
            "targeting.if[0].map: the operator `map` is not supported",
        ),
        (
            json!({"if": [{"and": [true, {"==": [{"reduce": []}, 1]}]}, "a"]}),
            "targeting.if[0].and[1].==[0].reduce: the operator `reduce` is not supported",
        ),
        (
            json!({"fractionalEvaluation": ["email", ["a", 50]]}),
            "targeting.===[0].fractionalEvaluation: the operator `fractionalEvaluation` is not supported",
        ),
        (
            json!({"if": [true, ["a"]]}),
            "targeting.if[1]: targeting gives a variant's name, and this is a list or an object",
        ),
    ] {
        assert_eq!(refusal(&targeted(&targeting)), expected);
    }
    let flag = |flag: Value| json!({"flags": {"f": flag}});
    let on = json!({"on": true});
    for (source, expected) in [
        (flag(json!(1)), ": this is no object"),
        (flag(json!({"variants": on, "defaultVariant": "on"})), "state: a state is `ENABLED` or `DISABLED`"),
        (flag(json!({"state": "ENABLED", "defaultVariant": "on"})), "variants: a flag needs variants"),
        (
            flag(json!({"state": "ENABLED", "variants": on, "defaultVariant": "off"})),
            "defaultVariant: the flag has no variant `off`",
        ),
        (
            flag(json!({"state": "ENABLED", "variants": on, "defaultVariant": 1})),
            "defaultVariant: the default variant is a variant's name, or null",
        ),
        (
            flag(json!({"state": "ENABLED", "variants": {"on": true, "off": "off"}, "defaultVariant": "on"})),
            "variants.off: all variants have one type here, and this one is string after boolean",
        ),
        (json!({"flags": [{"state": "ENABLED"}]}), ": a flag of a list needs a `key`"),
    ] {
        assert_eq!(refusal(&source), expected);
    }
    let rules: Vec<Value> =
        (0..202).flat_map(|n| [json!({"==": [{"var": "x"}, format!("v{n}")]}), json!("a")]).collect();
    assert_eq!(refusal(&targeted(&json!({"if": rules}))), "targeting.if[401]: it takes more than 200 rules");
    let options = Options::new("production".parse().unwrap());
    for source in ["[]", "{}", r#"{"flags": 1}"#] {
        assert!(import(Format::Flagd, source.as_bytes(), &options).is_err(), "{source}");
    }
}

#[test]
fn a_list_of_flags_is_read_like_an_object_of_them() {
    let flag =
        |key: &str| json!({"key": key, "state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"});
    let imported = imported(&json!({"flags": [flag("a"), flag("b"), flag("a")]}), Fractional::V2);
    let keys: Vec<&str> = imported.flags.iter().map(|flag| flag.key.as_str()).collect();
    assert_eq!(keys, ["a", "b"]);
    assert_eq!(imported.report[2].outcome, Outcome::Refused);
}

#[test]
fn attributes_can_go_by_another_name() {
    let targeting = json!({"if": [{"==": [{"var": "user"}, "u"]}, "a",
        {"missing": ["user"]}, {"fractional": [{"var": "user"}, ["a", 1], ["b", 1]]},
        {"==": [{"var": "user"}, 7]}, "b"]});
    let mut options = Options::new("production".parse().unwrap());
    options.rename.insert("user".to_owned(), "targetingKey".to_owned());
    let imported = import(Format::Flagd, targeted(&targeting).to_string().as_bytes(), &options).unwrap();
    let text = serde_json::to_string(&imported.flags).unwrap();
    assert!(text.contains("targetingKey") && !text.contains("\"user\""), "{text}");
}

#[test]
fn names_that_mean_something_else_here_are_told() {
    let outcome = |name: &str, rename: Option<(&str, &str)>| {
        let mut options = Options::new("production".parse().unwrap());
        options.rename.extend(rename.map(|(from, to)| (from.to_owned(), to.to_owned())));
        let source = targeted(&json!({"if": [{"==": [{"var": name}, "a"]}, "a"]}));
        let imported = import(Format::Flagd, source.to_string().as_bytes(), &options).unwrap();
        imported.report[0].outcome
    };
    assert_eq!(outcome("venue.city", None), Outcome::Approximated);
    assert_eq!(outcome("venue.city", Some(("venue.city", "place.city"))), Outcome::Mapped);
    assert_eq!(outcome("venue", None), Outcome::Mapped);
}

/// What a targeting may look like, and a little more.
fn any_targeting() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(
        &[
            "if",
            "?:",
            "fractional",
            "and",
            "or",
            "!",
            "!!",
            "==",
            "===",
            "!=",
            "<",
            "in",
            "sem_ver",
            "starts_with",
            "cat",
            "var",
            "missing",
            "$ref",
            "some",
            "merge",
            "map",
        ][..],
    );
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(&[0, 1, 50, -1, i64::MAX][..]).prop_map(Value::from),
        prop::sample::select(&["a", "b", "x", "e", "$flagd.flagKey", "1.2.3", ">="][..])
            .prop_map(Value::from),
        Just(json!({"var": "x"})),
        Just(json!(["a", 50])),
    ];
    leaf.prop_recursive(6, 80, 5, move |inner| {
        prop_oneof![
            (name.clone(), prop::collection::vec(inner.clone(), 0..5))
                .prop_map(|(name, given)| json!({name: given})),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            (name.clone(), inner).prop_map(|(name, given)| json!({name: given})),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whatever_comes_in_can_be_kept_and_asked(targeting in any_targeting(), evaluator in any_targeting(), v3: bool) {
        let mut source = targeted(&targeting);
        source["$evaluators"] = json!({"e": evaluator});
        let imported = imported(&source, if v3 { Fractional::V3 } else { Fractional::V2 });
        prop_assert_eq!(imported.report.len(), 1);
        prop_assert_eq!(imported.flags.is_empty(), imported.report[0].outcome == Outcome::Refused);
        for flag in &imported.flags {
            let flag = document(Kind::Flag, &serde_json::to_value(flag).unwrap());
            let rules = Ruleset::compile("production".parse().unwrap(), Seq(1), [&flag]);
            for context in [Context::anonymous(), Context::new("u-17").with("x", "a"), Context::new("").with("x", 1)] {
                prop_assert_eq!(rules.evaluate("f", &context, NOW).error, None);
            }
        }
    }
}
