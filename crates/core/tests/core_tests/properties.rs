//! What holds for every flag and every context.

use crate::support::{NOW, document, flag, ruleset, venue};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use usher_core::{
    Context, Ruleset,
    bucket::bucket,
    model::{Document, Kind, parse_strict},
};

/// Any JSON at all, with the model's own words among its keys and texts so that it gets somewhere.
fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "key",
        "type",
        "boolean",
        "variants",
        "on",
        "off",
        "environments",
        "production",
        "enabled",
        "offVariant",
        "rules",
        "id",
        "if",
        "all",
        "any",
        "not",
        "cohort",
        "attribute",
        "op",
        "in",
        "values",
        "matches",
        "cidr",
        "semverGte",
        "rollout",
        "by",
        "percent",
        "seed",
        "serve",
        "variant",
        "split",
        "weights",
        "weight",
        "default",
        "killed",
        "venues",
        "prerequisites",
        "targets",
        "targetingKey",
        "venue",
        "venue.country",
        "whenStale",
        "6h",
        "name",
        "kind",
        "flag",
        "expires",
        "2026-12-31",
        "(",
        "1.2.3",
        "modulo",
        "exists",
        "string",
        "integer",
    ]);
    let text = prop_oneof![4 => words.prop_map(str::to_owned), 1 => ".{0,12}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// A good flag with one subtree replaced by anything.
fn damaged_flag() -> impl Strategy<Value = Value> {
    (0..12_usize, any_json()).prop_map(|(place, value)| {
        let mut flag = flag(
            "f",
            &json!({
                "prerequisites": [{"flag": "g", "variants": ["on"]}], "venues": {"park": "on"},
                "targets": [{"by": "device", "values": ["d"], "variant": "on"}],
                "rules": [{"id": "r", "if": {"not": {"all": [{"attribute": "x", "op": "in", "values": ["a"]}]}},
                           "rollout": {"by": ["venue"], "percent": 50, "seed": "s"}, "serve": {"variant": "on"}}],
                "default": {"split": {"by": ["targetingKey"], "seed": "s", "weights": [{"variant": "on", "weight": 3}]}}
            }),
        )
        .value();
        let places = [
            "", "/variants", "/environments", "/environments/production", "/environments/production/killed",
            "/environments/production/rules", "/environments/production/rules/0/if",
            "/environments/production/rules/0/if/not/all/0/values", "/environments/production/rules/0/rollout",
            "/environments/production/default", "/environments/production/default/split/weights",
            "/environments/production/targets",
        ];
        if let Some(spot) = flag.pointer_mut(places[place]) {
            *spot = value;
        }
        flag
    })
}

fn any_context() -> impl Strategy<Value = Context> {
    any_json().prop_map(|value| Context::from_json(&value).unwrap_or_default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_document_and_no_context_makes_it_panic(json in prop_oneof![any_json(), damaged_flag()], context in any_context()) {
        let text = json.to_string();
        for kind in [Kind::Flag, Kind::Cohort, Kind::Venue, Kind::Environment, Kind::Key, Kind::User] {
            if let Err(problems) = parse_strict(&kind, text.as_bytes()) {
                prop_assert!(problems.0.iter().all(|problem| !problem.detail.is_empty() && !problem.mend.is_empty()));
            }
        }
        // What is on the wire need not have been checked by us.
        let mut raw = json;
        if let Value::Object(fields) = &mut raw {
            fields.insert("kind".to_owned(), "flag".into());
            fields.insert("key".to_owned(), "f".into());
            let document: Document = serde_json::from_value(raw).unwrap();
            let rules = ruleset(&[document, venue("park", "England")]);
            let (evaluation, trace) = rules.explain("f", &context, NOW);
            prop_assert!(!trace.steps.is_empty());
            prop_assert_eq!(evaluation.error.is_some(), evaluation.variant().is_none() && evaluation.reason == usher_core::Reason::Error);
            let _ = rules.exposure("f", "park", NOW);
        }
    }

    #[test]
    fn the_same_question_has_the_same_answer(flag in damaged_flag(), context in any_context()) {
        let Ok(document) = parse_strict(&Kind::Flag, flag.to_string().as_bytes()) else { return Ok(()) };
        let say = |rules: &Ruleset| {
            let evaluation = rules.evaluate("f", &context, NOW);
            (serde_json::to_string(&evaluation).unwrap(), serde_json::to_string(&rules.explain("f", &context, NOW).0).unwrap())
        };
        let once = say(&ruleset([&document]));
        let read_back: Document = serde_json::from_str(document.json()).unwrap();
        prop_assert_eq!(&once, &say(&ruleset([&read_back])));
        prop_assert_eq!(&once.0, &once.1, "the explanation is of the same answer");
    }

    #[test]
    fn nobody_leaves_a_growing_variant(person in 0..100_000_u32, small in 0..100_u32, more in 0..100_u32) {
        let context = Context::new(&format!("u-{person}"));
        let split = |on: u32| ruleset(&[flag("f", &json!({"default": {"split": {"by": ["targetingKey"], "seed": "s",
            "weights": [{"variant": "on", "weight": on}, {"variant": "off", "weight": 200 - on}]}}}))]);
        let share = |percent: u32| ruleset(&[flag("f", &json!({"rules": [{"id": "r", "serve": {"variant": "on"},
            "rollout": {"by": ["targetingKey"], "percent": f64::from(percent) / 2.0, "seed": "s"}}]}))]);
        for at in [split, share] as [fn(u32) -> Ruleset; 2] {
            if at(small).evaluate("f", &context, NOW).variant() == Some("on") {
                let grown = at(small + more);
                prop_assert_eq!(grown.evaluate("f", &context, NOW).variant(), Some("on"));
            }
        }
    }
}

/// χ² of observed counts against expected shares.
fn chi_squared(counts: &[u32], shares: &[f64], total: f64) -> f64 {
    counts
        .iter()
        .zip(shares)
        .map(|(count, share)| (f64::from(*count) - share * total).powi(2) / (share * total))
        .sum()
}

#[test]
fn splits_keep_their_proportions_over_100_000_keys() {
    // Thresholds at p = 0.001 for 2 and 9 degrees of freedom. The keys are fixed, so this never flickers.
    let weights = [10_u32, 30, 60];
    let variants = json!({"a": "a", "b": "b", "c": "c"});
    let split = json!({"split": {"by": ["targetingKey"], "seed": "proportions", "weights": [
        {"variant": "a", "weight": 10}, {"variant": "b", "weight": 30}, {"variant": "c", "weight": 60}]}});
    let config = json!({"enabled": true, "offVariant": "a", "default": split});
    let rules = ruleset(&[document(
        Kind::Flag,
        &json!({"key": "f", "type": "string", "variants": variants, "environments": {"production": config}}),
    )]);
    for pattern in ["u-%", "%", "device-%-x", "0000%"] {
        let mut counts = [0_u32; 3];
        let mut deciles = [0_u32; 10];
        for n in 0..100_000 {
            let key = pattern.replace('%', &n.to_string());
            let variant = rules.evaluate("f", &Context::new(&key), NOW).variant().unwrap();
            counts[usize::from(variant.as_bytes()[0] - b'a')] += 1;
            deciles[usize::try_from(bucket("uniform", &[&key], 10)).unwrap()] += 1;
        }
        let shares = weights.map(|weight| f64::from(weight) / 100.0);
        assert!(chi_squared(&counts, &shares, 100_000.0) < 13.82, "{pattern}: {counts:?}");
        assert!(chi_squared(&deciles, &[0.1; 10], 100_000.0) < 27.88, "{pattern}: {deciles:?}");
    }
}

#[test]
fn different_seeds_draw_independently() {
    // Of those in the first half of one draw, half are in the first half of another.
    let both = (0..100_000).filter(|n| {
        let key = format!("u-{n}");
        bucket("one", &[&key], 2) == 0 && bucket("two", &[&key], 2) == 0
    });
    let share = both.count() as f64 / 100_000.0;
    assert!((share - 0.25).abs() < 0.006, "{share}");
}

#[test]
fn a_venue_flips_as_a_whole_and_a_pair_draws_anew() {
    let by = |by: Value| {
        ruleset(&[flag(
            "f",
            &json!({"rules": [{"id": "r", "serve": {"variant": "on"},
            "rollout": {"by": by, "percent": 50, "seed": "s"}}]}),
        )])
    };
    let whole = by(json!(["venue"]));
    let pair = by(json!(["venue", "targetingKey"]));
    let mut differs = 0;
    for person in 0..1_000 {
        let at = |venue: &str| Context::new(&format!("u-{person}")).with("venue", venue);
        assert_eq!(
            whole.evaluate("f", &at("park"), NOW).variant(),
            whole.evaluate("f", &Context::new("somebody").with("venue", "park"), NOW).variant()
        );
        let here = pair.evaluate("f", &at("park"), NOW).variant();
        differs += u32::from(here != pair.evaluate("f", &at("dome"), NOW).variant());
    }
    assert!((400..600).contains(&differs), "{differs}");
}
