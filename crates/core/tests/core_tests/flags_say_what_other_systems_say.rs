//! What the model has for flags that were imported: each thing by itself, in the words of the model.

use crate::support::{NOW, answer, document, flag, ruleset};
use proptest::prelude::*;
use serde_json::{Value, json};
use usher_core::{
    Context, Ruleset,
    model::{Kind, Timestamp, parse_strict},
};

const HASHES: [&str; 8] = [
    "xxh3",
    "murmur3Unleash",
    "murmur3Flagd",
    "murmur3FlagdCbor",
    "murmur3FlagdCborPair",
    "sha1LaunchDarkly",
    "fnv1aGrowthbook",
    "fnv1aGrowthbook2",
];

fn of(config: &Value) -> Ruleset {
    ruleset(&[flag("f", config)])
}

fn is_on(rules: &Ruleset, context: &Context) -> bool {
    rules.evaluate("f", context, NOW).boolean() == Ok(Some(true))
}

fn people() -> impl Iterator<Item = Context> {
    (0..2_000).map(|n| Context::new(&format!("u-{n}")))
}

#[test]
fn every_hash_draws_its_share_and_a_growing_share_loses_nobody() {
    for hash in HASHES {
        let share = |percent: u32| {
            of(&json!({"rules": [{"id": "r", "serve": {"variant": "on"}, "rollout":
                {"by": ["targetingKey"], "percent": percent, "seed": "g", "hash": hash}}]}))
        };
        let split = |on: u32| {
            of(&json!({"default": {"split": {"by": ["targetingKey"], "seed": "g", "hash": hash, "weights": [
                {"variant": "on", "weight": on * 1_000}, {"variant": "off", "weight": (100 - on) * 1_000}]}}}))
        };
        for at in [&share as &dyn Fn(u32) -> Ruleset, &split] {
            let (small, large, none, all) = (at(20), at(60), at(0), at(100));
            let within = people().filter(|own| is_on(&small, own)).count();
            assert!((300..500).contains(&within), "{hash}: {within} of 2,000 are 20 %");
            assert!(people().all(|own| !is_on(&small, &own) || is_on(&large, &own)), "{hash} lost somebody");
            assert!(people().all(|own| !is_on(&none, &own) && is_on(&all, &own)), "{hash} at its ends");
        }
    }
}

#[test]
fn shares_that_do_not_overlap_have_nobody_in_common() {
    let share = |from: u32, percent: u32| {
        of(&json!({"rules": [{"id": "r", "serve": {"variant": "on"},
            "if": {"rollout": {"by": ["targetingKey"], "from": from, "percent": percent, "seed": "ns"}}}]}))
    };
    let (first, second, rest) = (share(0, 30), share(30, 50), share(80, 20));
    for own in people() {
        let count = [&first, &second, &rest].into_iter().filter(|rules| is_on(rules, &own)).count();
        assert_eq!(count, 1, "{own:?}");
    }
    let beyond = json!({"key": "f", "type": "boolean", "variants": {"on": true}, "environments": {"production": {
        "offVariant": "on", "rules": [{"id": "r", "serve": {"variant": "on"},
            "rollout": {"by": ["u"], "from": 60, "percent": 50, "seed": "s"}}]}}});
    let found = parse_strict(&Kind::Flag, beyond.to_string().as_bytes()).unwrap_err();
    assert_eq!(found.0[0].field, "environments.production.rules[0].rollout.percent");
}

#[test]
fn who_is_in_a_gap_goes_on_to_the_next_rule_and_from_a_default_to_otherwise() {
    let weights = json!([{"variant": "on", "weight": 1}, {"weight": 1}]);
    let split =
        json!({"split": {"by": ["targetingKey"], "seed": "s", "weights": weights, "otherwise": "on"}});
    let rule = json!([{"id": "a", "serve": split}, {"id": "b", "serve": {"variant": "off"}}]);
    let rules = of(&json!({"rules": rule, "default": {"variant": "on"}}));
    let given: Vec<_> = people().map(|own| rules.evaluate("f", &own, NOW).rule.unwrap().to_owned()).collect();
    let in_gap = given.iter().filter(|rule| *rule == "b").count();
    assert!((900..1_100).contains(&in_gap), "{in_gap}");
    let default = of(&json!({"default": split}));
    assert!(people().all(|own| is_on(&default, &own)));
    let reasons: Vec<_> = people().map(|own| default.evaluate("f", &own, NOW).reason.as_str()).collect();
    assert!(reasons.contains(&"SPLIT") && reasons.contains(&"DEFAULT"));
}

#[test]
fn without_a_split_key_a_stand_in_draws_or_what_the_flag_says_happens() {
    let split = |more: Value| {
        let mut split = json!({"by": ["userId"], "seed": "s", "hash": "murmur3Unleash",
            "weights": [{"variant": "on", "weight": 50}, {"variant": "off", "weight": 50}]});
        split.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        of(&json!({"default": {"split": split}}))
    };
    let stand_in = split(json!({"fallback": ["sessionId"]}));
    for n in 0..200 {
        let by_session = Context::anonymous().with("sessionId", format!("s-{n}"));
        let by_user = Context::anonymous().with("userId", format!("s-{n}")).with("sessionId", "other");
        assert_eq!(answer(&stand_in, "f", &by_session), answer(&stand_in, "f", &by_user));
    }
    assert_eq!(answer(&stand_in, "f", &Context::anonymous()), "off DEFAULT");
    assert_eq!(answer(&split(json!({"otherwise": "on"})), "f", &Context::anonymous()), "on DEFAULT");
    assert_eq!(answer(&split(json!({"whenMissing": "first"})), "f", &Context::anonymous()), "on SPLIT");
    // A draw by the time: half of all milliseconds, and the same one twice alike.
    let random = split(json!({"whenMissing": "random"}));
    let at = |millis: i64| {
        random
            .evaluate("f", &Context::anonymous(), Timestamp::from_millis(millis))
            .boolean()
            .unwrap()
            .unwrap()
    };
    let on = (0..2_000).filter(|millis| at(*millis)).count();
    assert!((900..1_100).contains(&on), "{on}");
    assert!((0..100).all(|millis| at(millis) == at(millis)));
}

#[test]
fn all_weights_zero_give_otherwise() {
    let split = json!({"split": {"by": ["targetingKey"], "seed": "s", "otherwise": "on",
        "weights": [{"variant": "off", "weight": 0}]}});
    assert_eq!(answer(&of(&json!({"default": split})), "f", &Context::new("u")), "on DEFAULT");
}

#[test]
fn without_a_default_a_flag_is_enabled_only_for_whom_it_matches() {
    let rules = of(&json!({"default": null, "offVariant": "off", "rules": [
        {"id": "r", "if": {"attribute": "tier", "op": "equals", "values": ["gold"]}, "serve": {"variant": "off"}}]}));
    let say = |tier: &str| {
        let context = Context::anonymous().with("tier", tier);
        serde_json::to_value(rules.evaluate("f", &context, NOW)).unwrap()
    };
    // The same variant, and yet not the same.
    assert_eq!(
        say("gold"),
        json!({"value": false, "variant": "off", "reason": "TARGETING_MATCH", "metadata": {"enabled": true, "rule": "r"}})
    );
    assert_eq!(
        say("basic"),
        json!({"value": false, "variant": "off", "reason": "DEFAULT", "metadata": {"enabled": false}})
    );
}

#[test]
fn a_prerequisite_may_ask_whether_a_flag_is_enabled() {
    let parent = flag(
        "parent",
        &json!({"default": null, "rules": [
        {"id": "r", "if": {"attribute": "tier", "op": "equals", "values": ["gold"]}, "serve": {"variant": "off"}}]}),
    );
    let needs = |key: &str, asked: Value| {
        let mut prerequisite = asked;
        prerequisite["flag"] = "parent".into();
        flag(key, &json!({"prerequisites": [prerequisite], "default": {"variant": "on"}}))
    };
    let rules = ruleset(&[
        parent,
        needs("if-enabled", json!({"enabled": true})),
        needs("if-not", json!({"enabled": false})),
        needs("if-both", json!({"enabled": true, "variants": ["on"]})),
    ]);
    let at = |key: &str, tier: &str| {
        rules.evaluate(key, &Context::anonymous().with("tier", tier), NOW).variant().unwrap().to_owned()
    };
    assert_eq!([at("if-enabled", "gold"), at("if-enabled", "basic")], ["on", "off"]);
    assert_eq!([at("if-not", "gold"), at("if-not", "basic")], ["off", "on"]);
    assert_eq!([at("if-both", "gold"), at("if-both", "basic")], ["off", "off"]);
    let nothing = json!({"key": "f", "type": "boolean", "variants": {"on": true}, "environments": {"production": {
        "offVariant": "on", "prerequisites": [{"flag": "parent"}]}}});
    let found = parse_strict(&Kind::Flag, nothing.to_string().as_bytes()).unwrap_err();
    assert_eq!(found.0[0].field, "environments.production.prerequisites[0]");
}

#[test]
fn a_flags_own_metadata_goes_out_with_its_answers_and_says_nothing_in_our_name() {
    let flag = document(
        Kind::Flag,
        &json!({"key": "f", "type": "boolean", "variants": {"on": true},
            "metadata": {"team": "payments", "level": 3, "rule": "forged"},
            "environments": {"production": {"enabled": true, "offVariant": "on", "rules": [
                {"id": "real", "serve": {"variant": "on"}}]}}}),
    );
    let given = serde_json::to_value(ruleset([&flag]).evaluate("f", &Context::new("u"), NOW)).unwrap();
    assert_eq!(given["metadata"], json!({"team": "payments", "level": 3, "enabled": true, "rule": "real"}));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn no_split_key_and_no_seed_makes_a_draw_fail(hash in prop::sample::select(HASHES.to_vec()), seed in ".{0,300}", value in prop_oneof![
        ".{0,300}".prop_map(Value::from), any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), any::<bool>().prop_map(Value::from)
    ], weights in prop::collection::vec(0..4_000_000_u32, 1..5)) {
        let weights: Vec<Value> = weights.into_iter().map(|weight| json!({"variant": "on", "weight": weight})).collect();
        let rules = of(&json!({"default": {"split": {"by": ["x"], "seed": seed, "hash": hash, "weights": weights}}}));
        let context = Context::from_json(&json!({"x": value})).unwrap();
        // Somewhere on the line there is always a variant: the draw never falls beyond its end.
        let evaluation = rules.evaluate("f", &context, NOW);
        prop_assert!(evaluation.variant() == Some("on") || evaluation.reason.as_str() == "DEFAULT");
    }
}
