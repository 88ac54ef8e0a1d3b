//! The board's cells: what they say, and that no evaluation ever contradicts them.

use crate::support::{NOW, document, flag, ruleset, venue};
use proptest::prelude::*;
use serde_json::{Value, json};
use usher_core::{
    Context, Ruleset,
    board::ExposureSource,
    model::{Document, Kind},
};

const VENUES: [(&str, &str); 3] = [("park", "England"), ("dome", "France"), ("arena", "Wales")];

fn workspace(config: &Value) -> Ruleset {
    let mut documents: Vec<Document> = VENUES.iter().map(|(key, country)| venue(key, country)).collect();
    documents.push(document(Kind::Cohort, &json!({"key": "vip", "name": "VIP", "keys": ["u-1", "u-2"]})));
    documents.push(document(
        Kind::Cohort,
        &json!({"key": "local", "name": "L", "keys": ["u-1"], "venues": ["park"]}),
    ));
    documents.push(document(
        Kind::Cohort,
        &json!({"key": "british", "name": "B", "if": {"attribute": "venue.country", "op": "in", "values": ["England", "Wales"]}}),
    ));
    // Listed by venue, or whoever is not known to be a guest: that depends on who asks.
    documents.push(document(
        Kind::Cohort,
        &json!({"key": "inside", "name": "I", "by": "venue", "keys": ["park"],
            "if": {"attribute": "tier", "op": "notIn", "values": [0]}}),
    ));
    documents.push(flag("base", &json!({"venues": {"park": "on"}, "killed": {"cohorts": ["vip"]}})));
    // Enabled for those whom its rule draws, and for nobody else.
    documents.push(flag(
        "bare",
        &json!({"default": null, "rules": [{"id": "r", "serve": {"variant": "off"},
            "if": {"any": [{"cohort": "local"}, {"attribute": "venue", "op": "in", "values": ["dome"]}]}}]}),
    ));
    documents.push(flag("f", config));
    ruleset(&documents)
}

#[test]
fn cells_say_what_decides() {
    let on = json!({"variant": "on"});
    let table = [
        (json!({"enabled": false}), "park", Some("off"), ExposureSource::Off),
        (json!({"killed": {"venues": ["park"]}, "default": on}), "park", Some("off"), ExposureSource::Killed),
        (json!({"killed": {"venues": ["park"]}, "default": on}), "dome", Some("on"), ExposureSource::Default),
        (
            json!({"killed": {"cohorts": ["british"]}, "default": on}),
            "arena",
            Some("off"),
            ExposureSource::Killed,
        ),
        (json!({"venues": {"dome": "on"}}), "dome", Some("on"), ExposureSource::Override),
        (
            json!({"prerequisites": [{"flag": "base", "variants": ["on"]}], "default": on}),
            "dome",
            Some("off"),
            ExposureSource::Prerequisite,
        ),
        (
            json!({"prerequisites": [{"flag": "base", "variants": ["on"]}], "default": on}),
            "park",
            Some("on"),
            ExposureSource::Default,
        ),
        (
            json!({"targets": [{"by": "venue", "values": ["dome"], "variant": "on"}]}),
            "dome",
            Some("on"),
            ExposureSource::Override,
        ),
        (
            json!({"targets": [{"by": "venue.country", "values": ["France"], "variant": "on"}]}),
            "park",
            Some("off"),
            ExposureSource::Default,
        ),
        (
            json!({"rules": [{"id": "r", "if": {"cohort": "british"}, "serve": on}]}),
            "arena",
            Some("on"),
            ExposureSource::Rule,
        ),
        (
            json!({"rules": [{"id": "r", "if": {"cohort": "british"}, "serve": on}]}),
            "dome",
            Some("off"),
            ExposureSource::Default,
        ),
        (
            json!({"rules": [{"id": "r", "if": {"cohort": "vip"}, "serve": on}]}),
            "dome",
            None,
            ExposureSource::Varies,
        ),
        (
            json!({"rules": [{"id": "r", "if": {"cohort": "local"}, "serve": on}]}),
            "dome",
            Some("off"),
            ExposureSource::Default,
        ),
        (
            json!({"rules": [{"id": "r", "rollout": {"by": ["targetingKey"], "percent": 25, "seed": "s"}, "serve": on}]}),
            "dome",
            None,
            ExposureSource::Split,
        ),
    ];
    for (config, venue, variant, source) in table {
        let cell = workspace(&config).exposure("f", venue, NOW);
        assert_eq!((cell.variant.as_deref(), cell.source), (variant, source), "{config} at {venue}");
    }
    assert_eq!(workspace(&json!({})).exposure("missing", "park", NOW).source, ExposureSource::Unknown);
}

#[test]
fn a_cell_that_everybody_shares_has_no_exceptions_and_others_say_so() {
    let needs =
        json!({"prerequisites": [{"flag": "base", "variants": ["on"]}], "default": {"variant": "on"}});
    let by_venue = json!({"targets": [{"by": "venue", "values": ["dome"], "variant": "on"}]});
    let by_person = json!({"targets": [{"by": "targetingKey", "values": ["u-9"], "variant": "on"}]});
    for (config, venue, exceptions) in [
        (&needs, "park", true),
        (&needs, "dome", true),
        (&by_venue, "dome", false),
        (&by_venue, "park", false),
        (&by_person, "park", true),
    ] {
        let cell = workspace(config).exposure("f", venue, NOW);
        assert_eq!(cell.exceptions, exceptions, "{config} at {venue}: {cell:?}");
    }
}

#[test]
fn shares_add_up_where_draws_alone_decide() {
    let rules = workspace(&json!({
        "rules": [{"id": "r", "rollout": {"by": ["targetingKey"], "percent": 20, "seed": "s"}, "serve": {"variant": "on"}}],
        "default": {"split": {"by": ["targetingKey"], "seed": "t", "weights": [{"variant": "on", "weight": 1}, {"variant": "off", "weight": 3}]}}
    }));
    let cell = rules.exposure("f", "park", NOW);
    let shares: Vec<_> = cell.mix.iter().map(|share| (share.variant.as_str(), share.percent)).collect();
    assert_eq!(shares, [("on", Some(40.0)), ("off", Some(60.0))]);
}

fn condition() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["vip", "local", "british", "inside", "nobody"])
            .prop_map(|key| json!({"cohort": key})),
        prop::sample::select(vec!["England", "France"])
            .prop_map(|country| json!({"attribute": "venue.country", "op": "in", "values": [country]})),
        prop::sample::select(vec!["park", "dome"])
            .prop_map(|key| json!({"attribute": "venue", "op": "notIn", "values": [key]})),
        (0..3).prop_map(|tier| json!({"attribute": "tier", "op": "equals", "values": [tier]})),
        (prop::sample::select(vec!["venue", "targetingKey"]), 0..3_u32, 0..3_u32).prop_map(
            |(by, from, share)| json!({"rollout": {"by": [by], "from": from * 20, "percent": share * 25, "seed": "c"}})
        ),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({"all": parts})),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({"any": parts})),
            inner.prop_map(|part| json!({"not": part})),
        ]
    })
}

fn config() -> impl Strategy<Value = Value> {
    let by = || {
        prop::sample::select(vec![
            json!(["venue"]),
            json!(["targetingKey"]),
            json!(["venue", "targetingKey"]),
        ])
    };
    let variant = || prop::sample::select(vec!["on", "off"]);
    let serve = || {
        prop_oneof![
            variant().prop_map(|variant| json!({"variant": variant})),
            (by(), 0..3_u32, 0..3_u32, 0..3_u32, variant()).prop_map(|(by, on, off, gap, otherwise)| {
                let weights = [
                    json!({"variant": "on", "weight": on}),
                    json!({"weight": gap}),
                    json!({"variant": "off", "weight": off}),
                ];
                json!({"split": {"by": by, "seed": "d", "weights": weights, "otherwise": otherwise}})
            }),
        ]
    };
    let rule = (condition(), by(), 0..=4_u32, serve()).prop_map(|(condition, by, quarters, serve)| {
        json!({"if": condition, "rollout": {"by": by, "percent": quarters * 25, "seed": "r"}, "serve": serve})
    });
    let target = (prop::sample::select(vec!["venue", "venue.country", "targetingKey"]), variant()).prop_map(
        |(by, variant)| json!({"by": by, "values": ["dome", "England", "u-2"], "variant": variant}),
    );
    let targets = prop::collection::vec(target, 0..3);
    let needs = prop::sample::select(vec![
        json!([]),
        json!([{"flag": "base", "variants": ["on"]}]),
        json!([{"flag": "base", "enabled": true}]),
        json!([{"flag": "bare", "enabled": false}]),
        json!([{"flag": "bare", "enabled": true, "variants": ["on"]}]),
    ]);
    let default = prop_oneof![4 => serve(), 1 => Just(Value::Null)];
    (prop::collection::vec(rule, 0..4), default, prop::sample::subsequence(vec!["park", "dome"], 0..2), needs, targets).prop_map(
        |(mut rules, default, killed, prerequisites, targets)| {
            for (n, rule) in rules.iter_mut().enumerate() {
                rule["id"] = format!("r{n}").into();
            }
            json!({"rules": rules, "default": default, "killed": {"venues": killed}, "prerequisites": prerequisites, "targets": targets})
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn no_evaluation_contradicts_its_cell(config in config(), person in 0..40_u32, tier in 0..3_i64) {
        let rules = workspace(&config);
        for (venue, _) in VENUES {
            let cell = rules.exposure("f", venue, NOW);
            let context = Context::new(&format!("u-{person}")).with("venue", venue).with("tier", tier);
            let given = rules.evaluate("f", &context, NOW).variant().map(ToOwned::to_owned);
            let allowed = match &cell.variant {
                Some(variant) => given.as_ref() == Some(variant),
                None => cell.mix.iter().any(|share| Some(&share.variant) == given.as_ref()),
            };
            prop_assert!(allowed || cell.exceptions, "{cell:?} but {given:?} at {venue}");
        }
    }
}
