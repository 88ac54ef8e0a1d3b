//! Flags that have had their day: found for a reason that holds, and never where something is not known.

use proptest::prelude::*;
use serde_json::{Value, json};
use usher_core::{
    Context, Ruleset,
    model::{Document, Flag, Kind, Seq, Timestamp, parse_strict},
};
use usher_release::stale::{Evaluated, Facts, Finding, Reason, findings, only_answer};

const DAY: i64 = 24 * 60 * 60 * 1000;
/// 2026-05-15.
const NOW: i64 = 20_588 * DAY;

fn document(config: &Value, more: &Value) -> Document {
    let mut whole = json!({"enabled": true, "offVariant": "off", "default": {"variant": "on"}});
    whole.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
    let mut flag = json!({"key": "f", "type": "boolean", "variants": {"on": true, "off": false, "maybe": true},
        "environments": {"production": whole}});
    flag.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    parse_strict(&Kind::Flag, flag.to_string().as_bytes()).unwrap()
}

fn flag(config: &Value, more: &Value) -> Flag {
    document(config, more).parse().unwrap()
}

/// A flag that gives one or the other.
fn split() -> Value {
    json!({"default": {"split": {"by": ["targetingKey"], "seed": "s",
        "weights": [{"variant": "on", "weight": 1}, {"variant": "off", "weight": 1}]}}})
}

fn facts(flag: &Flag) -> Facts<'_> {
    Facts {
        flag,
        changed: days_ago(100),
        counted_since: days_ago(100),
        evaluated: vec![evaluated("production", 0, &["on", "off"])],
        references: None,
        environment: None,
        is_needed: false,
        unused_days: 7,
    }
}

fn days_ago(days: i64) -> Timestamp {
    Timestamp::from_millis(NOW - days * DAY)
}

fn evaluated(environment: &str, ago: i64, variants: &[&str]) -> Evaluated {
    let variants = variants.iter().map(ToString::to_string).collect();
    Evaluated { environment: environment.to_owned(), last: days_ago(ago), variants }
}

fn found(facts: &Facts<'_>) -> Vec<Finding> {
    findings(facts, Timestamp::from_millis(NOW))
}

fn reasons(facts: &Facts<'_>) -> Vec<Reason> {
    found(facts).into_iter().map(|own| own.reason).collect()
}

#[test]
fn a_flag_that_is_used_and_gives_different_answers_is_none() {
    assert_eq!(reasons(&facts(&flag(&split(), &json!({"expires": "2026-05-15"})))), []);
}

#[test]
fn past_its_day_it_is_found_the_day_after() {
    let late = flag(&split(), &json!({"expires": "2026-05-14"}));
    let [own] = &found(&facts(&late))[..] else { panic!() };
    assert_eq!((own.reason, own.since), (Reason::Expired, days_ago(0)));
    assert_eq!(own.detail, "It should have been gone by 2026-05-14.");
}

#[test]
fn nobody_has_asked_only_where_somebody_would_have_been_counted() {
    let own = flag(&split(), &json!({}));
    let silent = Facts { evaluated: Vec::new(), ..facts(&own) };
    let [one] = &found(&silent)[..] else { panic!() };
    assert_eq!((one.reason, one.since), (Reason::NeverEvaluated, days_ago(100)));
    assert!(one.detail.contains("100 days"), "{one:?}");
    for unknown in [
        Facts { counted_since: days_ago(6), ..silent.clone() },
        Facts { changed: days_ago(6), ..silent.clone() },
        Facts { unused_days: 101, ..silent.clone() },
        Facts { is_needed: true, ..silent.clone() },
    ] {
        assert_eq!(reasons(&unknown), [], "{unknown:?}");
    }
    let asked =
        |ago| Facts { evaluated: vec![evaluated("production", ago, &["on", "off"])], ..silent.clone() };
    assert_eq!(reasons(&asked(6)), []);
    let [one] = &found(&asked(8))[..] else { panic!() };
    assert!(one.detail.contains("for 8 days"), "{one:?}");
    assert_eq!(one.since, days_ago(8));
    // Where it is asked for counts, too.
    let there = Facts { environment: Some("staging"), ..asked(0) };
    assert_eq!(reasons(&there), [], "it is not configured there");
    let both = json!({"environments": {
        "production": {"enabled": true, "offVariant": "off", "default": split()["default"]},
        "staging": {"enabled": true, "offVariant": "off", "default": split()["default"]}}});
    let both = flag(&json!({}), &both);
    let there = Facts { flag: &both, ..there };
    assert_eq!(reasons(&there), [Reason::NeverEvaluated]);
    assert_eq!(reasons(&Facts { environment: None, ..there }), []);
}

#[test]
fn what_the_code_says_is_what_to_do() {
    let own = flag(&split(), &json!({}));
    let silent = Facts { evaluated: Vec::new(), ..facts(&own) };
    for (references, word) in
        [(None, "usher refs"), (Some(0), "safe to archive"), (Some(1), "one place"), (Some(3), "3 places")]
    {
        let [one] = &found(&Facts { references, ..silent.clone() })[..] else { panic!() };
        assert!(one.mend.contains(word), "{one:?}");
    }
}

#[test]
fn the_same_for_everybody_is_told_by_rules_or_by_counts() {
    let everybody = flag(&json!({}), &json!({}));
    let [one] = &found(&facts(&everybody))[..] else { panic!() };
    assert_eq!((one.reason, one.since), (Reason::SameAnswer, days_ago(100)));
    assert!(one.detail.contains("“on”") && one.mend.contains("permanent"), "{one:?}");
    assert_eq!(reasons(&Facts { changed: days_ago(6), ..facts(&everybody) }), [], "it was just switched");
    let permanent = flag(&json!({}), &json!({"lifecycle": "permanent"}));
    assert_eq!(reasons(&facts(&permanent)), []);
    let archived = flag(&json!({}), &json!({"lifecycle": "archived", "expires": "2020-01-01"}));
    assert_eq!(reasons(&facts(&archived)), []);

    let own = flag(&split(), &json!({}));
    let only = Facts { evaluated: vec![evaluated("production", 0, &["on"])], ..facts(&own) };
    let [one] = &found(&only)[..] else { panic!() };
    assert!(one.reason == Reason::SameAnswer && one.detail.contains("for 30 days"), "{one:?}");
    for unknown in [
        Facts { counted_since: days_ago(29), ..only.clone() },
        Facts { changed: days_ago(29), ..only.clone() },
        Facts { evaluated: vec![evaluated("production", 0, &[""])], ..only.clone() },
    ] {
        assert_eq!(reasons(&unknown), [], "{unknown:?}");
    }
    // On here and off there is what flags are for.
    let mut two = json!({"enabled": true, "offVariant": "off", "default": {"variant": "on"}});
    let on = two.clone();
    two["enabled"] = false.into();
    let differs = flag(&json!({}), &json!({"environments": {"production": on, "staging": two}}));
    assert_eq!(reasons(&facts(&differs)), []);
    let there = Facts { environment: Some("staging"), ..facts(&differs) };
    assert!(reasons(&there).contains(&Reason::SameAnswer));
}

fn serve() -> impl Strategy<Value = Value> {
    let variant = prop_oneof![Just("on"), Just("off"), Just("maybe")];
    prop_oneof![
        3 => variant.clone().prop_map(|own| json!({"variant": own})),
        1 => (variant, 0..3_u32).prop_map(|(own, weight)| json!({"split": {"by": ["seat"], "seed": "s",
            "weights": [{"variant": own, "weight": weight}, {"variant": if own == "on" { "off" } else { "on" }, "weight": 1}]}})),
    ]
}

fn rule() -> impl Strategy<Value = Value> {
    let condition = prop_oneof![
        Just(Value::Null),
        Just(json!({"attribute": "tier", "op": "equals", "values": ["gold"]})),
    ];
    let rollout =
        prop_oneof![Just(Value::Null), Just(json!({"by": ["seat"], "percent": 50.0, "seed": "r"})),];
    (condition, rollout, serve(), any::<bool>()).prop_map(|(condition, rollout, serve, dark)| {
        let mut rule = json!({"serve": serve, "dark": dark});
        if !condition.is_null() {
            rule["if"] = condition;
        }
        if !rollout.is_null() {
            rule["rollout"] = rollout;
        }
        rule
    })
}

proptest! {
    #[test]
    fn who_is_said_to_get_one_answer_gets_no_other(
        enabled in prop::bool::weighted(0.9),
        rules in prop::collection::vec(rule(), 0..3),
        default in prop::option::weighted(0.8, serve()),
        venue in prop::option::weighted(0.2, prop_oneof![Just("on"), Just("off")]),
        people in prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), 0..50_u32), 20),
    ) {
        let mut config = json!({"enabled": enabled, "offVariant": "off"});
        let rules: Vec<Value> = rules.into_iter().enumerate().map(|(n, mut rule)| {
            rule["id"] = format!("r{n}").into();
            rule
        }).collect();
        config["rules"] = rules.into();
        if let Some(default) = default {
            config["default"] = default;
        }
        if let Some(variant) = venue {
            config["venues"] = json!({"dome": variant});
        }
        let flag = json!({"key": "f", "type": "boolean", "variants": {"on": true, "off": false, "maybe": true},
            "environments": {"production": config}});
        let document = parse_strict(&Kind::Flag, flag.to_string().as_bytes()).unwrap();
        let flag: Flag = document.parse().unwrap();
        let Some(only) = only_answer(&flag.environments["production"]) else { return Ok(()) };
        let ruleset = Ruleset::compile("production".parse().unwrap(), Seq(1), [&document]);
        for (gold, seated, there, n) in people {
            let mut context = Context::new(&format!("u-{n}"));
            if gold {
                context = context.with("tier", "gold");
            }
            if seated {
                context = context.with("seat", n.to_string().as_str());
            }
            if there {
                context = context.with("venue", "dome");
            }
            let given = ruleset.evaluate("f", &context, Timestamp::from_millis(NOW));
            prop_assert_eq!(given.variant(), Some(only.as_str()));
        }
    }
}
