//! LaunchDarkly's flags and segments: each of their parts is mapped, or told and refused.

use crate::imports::{bears_odd_values_everywhere, entry, gives, notes, options, read, read_with, ruleset};
use serde_json::{Value, json};
use usher_core::{
    import::{Format, Outcome},
    model::{Condition, FlagType, HashAlgorithm, Serve},
};

const FORMAT: Format = Format::LaunchDarkly;

/// A boolean flag that is true for whom the clauses hold.
fn with_clauses(clauses: &Value) -> Value {
    json!({
        "key": "f", "version": 1, "on": true, "salt": "s", "variations": [true, false], "offVariation": 1,
        "fallthrough": {"variation": 1}, "targets": [], "prerequisites": [],
        "rules": [{"id": "r", "variation": 0, "clauses": clauses}]
    })
}

fn flag(changes: &Value) -> Value {
    let mut flag = with_clauses(&json!([]));
    flag["rules"] = json!([]);
    for (name, value) in changes.as_object().unwrap() {
        flag[name] = value.clone();
    }
    flag
}

fn one(flag: Value) -> Value {
    json!({"flags": {"f": flag}, "segments": {}})
}

#[test]
fn every_operator_and_edge_of_a_clause() {
    // Attribute, operator, values, negated; whom it holds for, and whom it does not.
    let table: &[(&str, &str, Value, bool, Value, Value)] = &[
        (
            "country",
            "in",
            json!(["GB", 1, true]),
            false,
            json!(["GB", 1, 1.0, true, ["x", "GB"]]),
            json!(["gb", "1", false, [["GB"]], null]),
        ),
        (
            "country",
            "in",
            json!(["GB"]),
            true,
            json!(["FR", 1, [], ["FR"], {"a": 1}]),
            json!(["GB", ["FR", "GB"], null]),
        ),
        ("country", "in", json!([]), false, json!([]), json!(["GB", null])),
        ("country", "in", json!([]), true, json!(["GB"]), json!([null])),
        ("email", "startsWith", json!(["a", 5]), false, json!(["ab", ["x", "a"]]), json!(["ba", 5])),
        ("email", "endsWith", json!(["@x.com"]), false, json!(["a@x.com"]), json!(["a@X.com"])),
        ("email", "contains", json!(["@x"]), false, json!(["a@x.com", ["a@x.com"]]), json!(["a@y.com", 1])),
        ("email", "contains", json!(["@x"]), true, json!(["a@y.com", 1]), json!(["a@x.com", null])),
        ("email", "matches", json!(["^a.*com$"]), false, json!(["a@x.com"]), json!(["b@x.com"])),
        ("age", "lessThan", json!([18]), false, json!([17.9, [20, 17]]), json!([18, "17"])),
        ("age", "lessThanOrEqual", json!([18]), false, json!([18]), json!([18.1])),
        ("age", "greaterThan", json!([18, "x"]), false, json!([19]), json!([18])),
        ("age", "greaterThanOrEqual", json!([18]), true, json!([17, "19"]), json!([18, null])),
        ("age", "lessThan", json!(["x"]), false, json!([]), json!([1, "a"])),
        (
            "since",
            "before",
            json!(["2026-01-01T00:00:00Z"]),
            false,
            json!([0, "2025-12-31T23:59:59.999999999Z"]),
            json!(["2026-01-01T00:00:00Z", "2025-01-01"]),
        ),
        (
            "since",
            "after",
            json!([1_000, "no time"]),
            false,
            json!([1_001, "2026-01-01T00:00:00Z"]),
            json!([1_000, "1001"]),
        ),
        (
            "version",
            "semVerEqual",
            json!(["2.0.0"]),
            false,
            json!(["2", "2.0", "2.0.0+b"]),
            json!(["v2", "2.0.0-rc", 2]),
        ),
        (
            "version",
            "semVerLessThan",
            json!(["2.0.0", "v9"]),
            false,
            json!(["1.9", "2.0.0-rc.1"]),
            json!(["2.0.0", "v1"]),
        ),
        ("version", "semVerGreaterThan", json!(["2.0.0"]), false, json!(["2.0.1"]), json!(["2.0.0"])),
        ("anonymous", "in", json!([false]), false, json!([false, null]), json!([true])),
        ("anonymous", "in", json!([true]), true, json!([false, null]), json!([true])),
        ("/address/city", "in", json!(["x"]), false, json!([]), json!(["x"])),
    ];
    for (attribute, operator, values, negate, good, bad) in table {
        // With a kind the attribute is a reference.
        let clause = json!([{"contextKind": "user", "attribute": attribute, "op": operator, "values": values, "negate": negate}]);
        let rules = ruleset(&read(FORMAT, &one(with_clauses(&clause))));
        let all = good
            .as_array()
            .unwrap()
            .iter()
            .map(|v| (v, true))
            .chain(bad.as_array().unwrap().iter().map(|v| (v, false)));
        for (value, expected) in all {
            let context = json!({"key": "u", *attribute: value});
            assert_eq!(gives(&rules, "f", &context).1, json!(expected), "{clause} {context}");
        }
    }
}

#[test]
fn attributes_are_found_where_the_reference_leads() {
    for (attribute, kind, context, expected) in [
        ("/address/city", Some("user"), json!({"address": {"city": "x"}}), true),
        ("/address/city", None, json!({"/address/city": "x", "address": {"city": "y"}}), true),
        ("/a~1b/~0", Some("user"), json!({"a/b": {"~": "x"}}), true),
        ("a/b", Some("user"), json!({"a/b": "x"}), true),
        ("plan", Some("org"), json!({"org": {"key": "o", "plan": "x"}}), true),
        ("plan", Some("org"), json!({"plan": "x"}), false),
        ("key", Some("org"), json!({"org": {"key": "x"}}), true),
        ("key", None, json!({"key": "x"}), true),
        ("key", None, json!({"targetingKey": "x"}), true),
        ("key", None, json!({"org": {"key": "x"}}), false),
    ] {
        let mut clause = json!({"attribute": attribute, "op": "in", "values": ["x"]});
        if let Some(kind) = kind {
            clause["contextKind"] = json!(kind);
        }
        let rules = ruleset(&read(FORMAT, &one(with_clauses(&json!([clause])))));
        assert_eq!(gives(&rules, "f", &context).1, json!(expected), "{clause} {context}");
    }
}

#[test]
fn the_kinds_of_a_context_can_be_asked_for() {
    let rules = |negate: bool| {
        ruleset(&read(
            FORMAT,
            &one(with_clauses(
                &json!([{"attribute": "kind", "op": "in", "values": ["org", "user", 7], "negate": negate}]),
            )),
        ))
    };
    for (context, expected) in [
        (json!({"key": "u"}), true),
        (json!({"targetingKey": "u"}), true),
        (json!({"org": {"key": "o"}}), true),
        (json!({"device": {"key": "d"}}), false),
    ] {
        assert_eq!(gives(&rules(false), "f", &context).1, json!(expected));
        assert_eq!(gives(&rules(true), "f", &context).1, json!(!expected));
    }
}

#[test]
fn segments_become_cohorts() {
    let segments = json!({
        "beta users!": {"key": "beta users!", "included": ["in", "both"], "excluded": ["both", "out"], "salt": "s", "version": 3,
            "includedContexts": [{"contextKind": "org", "values": ["acme"]}],
            "excludedContexts": [{"contextKind": "device", "values": ["d"]}],
            "rules": [{"id": "r", "clauses": [{"attribute": "country", "op": "in", "values": ["GB"]}]}]},
        "nested": {"key": "nested", "included": [], "excluded": [], "salt": "s",
            "rules": [{"clauses": [{"attribute": "", "op": "segmentMatch", "values": ["beta users!", "nowhere"], "negate": true}]}]}
    });
    let matching =
        |keys: Value| with_clauses(&json!([{"attribute": "x", "op": "segmentMatch", "values": keys}]));
    let source = json!({"segments": segments, "flags": {"f": matching(json!(["beta users!", 7])), "g": matching(json!(["nested"])), "h": matching(json!(["nowhere"]))}});
    let imported = read(FORMAT, &source);
    let keys: Vec<&str> = imported.cohorts.iter().map(|cohort| &*cohort.key).collect();
    assert_eq!(keys, ["beta-users-", "nested"]);
    assert_eq!(imported.cohorts[0].keys, ["in", "both"]);
    let rules = ruleset(&imported);
    for (context, expected) in [
        (json!({"key": "in"}), true),
        (json!({"targetingKey": "both"}), true),
        (json!({"key": "out", "country": "GB"}), false),
        (json!({"key": "x", "country": "GB"}), true),
        (json!({"key": "x", "country": "GB", "device": {"key": "d"}}), false),
        (json!({"key": "out", "org": {"key": "acme"}}), true),
        (json!({"key": "x"}), false),
    ] {
        assert_eq!(gives(&rules, "f", &context).1, json!(expected), "{context}");
        assert_eq!(gives(&rules, "g", &context).1, json!(!expected), "{context}");
        assert_eq!(gives(&rules, "h", &context).1, json!(false));
    }
    assert_eq!(
        notes(entry(&imported, "h"), Outcome::Mapped)[1],
        "rules[0].clauses[0].values: there is no segment `nowhere`, so nobody is in it"
    );
}

#[test]
fn long_lists_become_several_documents() {
    let keys: Vec<String> = (0..40_000).map(|n| format!("00000000-0000-0000-0000-{n:012}")).collect();
    let segments = json!({"big": {"key": "big", "included": keys, "excluded": keys[..5_000], "salt": "s",
        "rules": [{"clauses": [{"attribute": "all", "op": "in", "values": [true]}]}]}});
    let mut flag = with_clauses(&json!([{"attribute": "", "op": "segmentMatch", "values": ["big"]}]));
    flag["targets"] = json!([{"variation": 1, "values": keys[..11_000]}]);
    let imported = read(FORMAT, &json!({"flags": {"f": flag}, "segments": segments}));
    assert_eq!(entry(&imported, "f").outcome, Outcome::Mapped, "{:?}", entry(&imported, "f"));
    assert!(imported.cohorts.len() > 4);
    let rules = ruleset(&imported);
    for name in ["key", "targetingKey"] {
        assert_eq!(gives(&rules, "f", &json!({name: keys[39_999]})).1, json!(true));
        assert_eq!(gives(&rules, "f", &json!({name: keys[10_999]})).1, json!(false));
        assert_eq!(gives(&rules, "f", &json!({name: "other"})).1, json!(false));
    }
    // As a segment that nobody can take apart, it would be too large: a rule has to stay whole.
    let too_many: Vec<String> = (0..60_000).map(|n| format!("a value that is somewhat longer {n}")).collect();
    let flag = with_clauses(&json!([{"attribute": "x", "op": "in", "values": too_many}]));
    let refused = notes(entry(&read(FORMAT, &one(flag)), "f"), Outcome::Refused);
    assert!(refused[0].contains("a document has at most 1048576"), "{refused:?}");
}

#[test]
fn targets_are_tried_in_their_order() {
    let source = one(flag(&json!({
        "variations": ["a", "b", "c"],
        "targets": [{"variation": 0, "values": ["u"]}, {"variation": 1, "values": ["v"]}, {"variation": 2, "values": ["w"]}],
        "contextTargets": [
            {"contextKind": "org", "variation": 2, "values": ["acme"]},
            {"contextKind": "user", "variation": 0, "values": []},
            {"contextKind": "user", "variation": 1, "values": ["x"]}]
    })));
    let imported = read(FORMAT, &source);
    let rules = ruleset(&imported);
    for (context, expected) in [
        (json!({"key": "u"}), "0"),
        (json!({"targetingKey": "u"}), "0"),
        (json!({"key": "u", "org": {"key": "acme"}}), "2"),
        (json!({"key": "x"}), "1"),
        // No context target stands for these.
        (json!({"key": "v"}), "1"),
        (json!({"key": "w"}), "1"),
    ] {
        assert_eq!(gives(&rules, "f", &context).0, expected, "{context}");
    }
    assert_eq!(
        notes(entry(&imported, "f"), Outcome::Mapped)
            .iter()
            .filter(|note| note.contains("no context target"))
            .count(),
        2
    );
}

#[test]
fn off_flags_give_the_off_variation_or_the_code_s_default() {
    let mut off = flag(&json!({"on": false}));
    assert_eq!(
        gives(&ruleset(&read(FORMAT, &one(off.clone()))), "f", &json!({})),
        ("false".to_owned(), json!(false))
    );
    off.as_object_mut().unwrap().shift_remove("offVariation");
    let imported = read(FORMAT, &one(off));
    assert_eq!(gives(&ruleset(&imported), "f", &json!({})), ("code-default".to_owned(), Value::Null));
    assert_eq!(entry(&imported, "f").outcome, Outcome::Mapped);
}

#[test]
fn variations_keep_type_and_order() {
    for (values, flag_type, names) in [
        (json!([false, true]), FlagType::Boolean, ["false", "true"]),
        (json!([true, true]), FlagType::Boolean, ["0", "1"]),
        (json!([true, null]), FlagType::Boolean, ["true", "1"]),
        (json!(["a", ""]), FlagType::String, ["0", "1"]),
        (json!([1, 2]), FlagType::Integer, ["0", "1"]),
        (json!([1, 2.5]), FlagType::Float, ["0", "1"]),
        (json!([[1], {"a": null}]), FlagType::Object, ["0", "1"]),
    ] {
        let imported = read(FORMAT, &one(flag(&json!({"variations": values}))));
        let own = &imported.flags[0];
        assert_eq!(own.flag_type, flag_type);
        assert_eq!(own.variants.keys().map(|key| key.as_str()).collect::<Vec<_>>(), names);
        assert_eq!(own.variants.values().cloned().collect::<Vec<_>>(), *values.as_array().unwrap());
    }
}

#[test]
fn prerequisites_have_to_be_on_and_give_their_variation() {
    let needs = |key: &str, variation: usize| json!({"prerequisites": [{"key": key, "variation": variation}], "fallthrough": {"variation": 0}});
    let source = json!({"flags": {
        "off": flag(&json!({"on": false, "offVariation": 0})),
        "base": flag(&json!({"targets": [{"variation": 0, "values": ["u"]}]})),
        "middle": flag(&needs("base", 0)),
        "on-base": flag(&needs("base", 0)),
        "on-off": flag(&needs("off", 0)),
        // What holds `middle` back makes it give this very variation.
        "on-held-back": flag(&needs("middle", 1)),
    }});
    let imported = read(FORMAT, &source);
    let rules = ruleset(&imported);
    for (flag, user, expected) in [
        ("on-base", "u", true),
        ("on-base", "v", false),
        ("on-off", "u", false),
        ("on-held-back", "u", false),
        ("on-held-back", "v", true),
    ] {
        assert_eq!(gives(&rules, flag, &json!({"key": user})).1, json!(expected), "{flag} {user}");
    }
}

#[test]
fn rollouts_keep_seed_and_attribute() {
    let weights = json!([{"variation": 0, "weight": 60_000}, {"variation": 1, "weight": 40_000}]);
    let rollout = |changes: Value| {
        let mut rollout = json!({"variations": weights});
        for (name, value) in changes.as_object().unwrap() {
            rollout[name] = value.clone();
        }
        let source =
            one(flag(&json!({"key": "hashKey", "salt": "saltyA", "fallthrough": {"rollout": rollout}})));
        read(FORMAT, &source)
    };
    for (changes, by, fallback, seed) in [
        (json!({}), "key", &["targetingKey"][..], "hashKey.saltyA"),
        (json!({"seed": 61}), "key", &["targetingKey"], "61"),
        (json!({"bucketBy": "/intAttr"}), "/intAttr", &[], "hashKey.saltyA"),
        (json!({"bucketBy": "/a/b", "contextKind": "user"}), "a.b", &[], "hashKey.saltyA"),
        (json!({"contextKind": "org"}), "org.key", &[], "hashKey.saltyA"),
        (json!({"kind": "experiment", "bucketBy": "name", "seed": 61}), "key", &["targetingKey"], "61"),
    ] {
        let imported = rollout(changes.clone());
        let Some(Serve::Split(split)) = &imported.flags[0].environments["production"].default else {
            panic!("{changes}")
        };
        assert_eq!(
            (&*split.by[0], &split.seed[..], split.hash),
            (by, seed, HashAlgorithm::Sha1LaunchDarkly),
            "{changes}"
        );
        assert_eq!(split.fallback, fallback);
    }
    // Published examples of LaunchDarkly's consistency tests.
    let rules = ruleset(&rollout(json!({})));
    for (key, expected) in [("userKeyA", true), ("userKeyB", false), ("userKeyC", true)] {
        assert_eq!(gives(&rules, "f", &json!({"key": key})).1, json!(expected), "{key}");
        assert_eq!(gives(&rules, "f", &json!({"targetingKey": key})).1, json!(expected), "{key}");
    }
    // Without a key, everybody is at the beginning of the line.
    assert_eq!(gives(&rules, "f", &json!({})).1, json!(true));
}

#[test]
fn of_weights_that_are_all_zero_the_last_variation_is_left() {
    let zero =
        json!({"rollout": {"variations": [{"variation": 1, "weight": 0}, {"variation": 0, "weight": 0}]}});
    let imported = read(FORMAT, &one(flag(&json!({"fallthrough": zero}))));
    assert_eq!(gives(&ruleset(&imported), "f", &json!({"key": "u"})).1, json!(true));
}

#[test]
fn a_payload_may_be_wrapped_or_give_values_alone() {
    let own = one(flag(&json!({})));
    for source in [own.clone(), json!({"data": own}), json!({"path": "/", "data": own})] {
        assert_eq!(read(FORMAT, &source).flags.len(), 1);
    }
    let imported = read(
        FORMAT,
        &json!({"flagValues": {"a": "x", "b": true, "c": {"d": 1}, "f": 1}, "flags": own["flags"]}),
    );
    let rules = ruleset(&imported);
    assert_eq!(gives(&rules, "a", &json!({})), ("0".to_owned(), json!("x")));
    assert_eq!(gives(&rules, "b", &json!({})), ("true".to_owned(), json!(true)));
    assert_eq!(gives(&rules, "c", &json!({})).1, json!({"d": 1}));
    assert_eq!(gives(&rules, "f", &json!({})).1, json!(false));
    for bad in [json!({}), json!([]), json!({"flags": []}), json!({"items": []})] {
        assert!(usher_core::import::import(FORMAT, bad.to_string().as_bytes(), &options()).is_err(), "{bad}");
    }
}

#[test]
fn what_has_no_counterpart_is_refused_by_name() {
    let clause = |clause: Value| with_clauses(&json!([clause]));
    let ok = json!({"attribute": "a", "op": "in", "values": ["x"]});
    let with = |name: &str, value: Value| {
        let mut changed = ok.clone();
        changed[name] = value;
        clause(changed)
    };
    for (flag, at) in [
        (with("op", json!("near")), "rules[0].clauses[0].op"),
        (with("attribute", json!("")), "rules[0].clauses[0].attribute"),
        (with("values", json!("x")), "rules[0].clauses[0].values"),
        (with("values", json!([["x"]])), "rules[0].clauses[0].values"),
        (with("contextKind", json!("kind")), "rules[0].clauses[0].contextKind"),
        (with("negate", json!("yes")), "rules[0].clauses[0].negate"),
        (with("attribute", json!("venue.country")), "rules[0].clauses[0].attribute"),
        (
            clause(json!({"attribute": "/a//b", "contextKind": "user", "op": "in", "values": []})),
            "rules[0].clauses[0].attribute",
        ),
        (clause(json!({"attribute": "kind", "op": "startsWith", "values": ["o"]})), "rules[0].clauses[0].op"),
        (
            clause(json!({"attribute": "a", "op": "matches", "values": ["(?=x)"]})),
            "rules[0].clauses[0].values",
        ),
        (flag(&json!({"variations": [1, "a"]})), "variations"),
        (flag(&json!({"variations": []})), "variations"),
        (flag(&json!({"offVariation": 2})), "offVariation"),
        (flag(&json!({"fallthrough": {}})), "fallthrough"),
        (flag(&json!({"fallthrough": {"variation": -1}})), "fallthrough.variation"),
        (flag(&json!({"fallthrough": {"rollout": {"variations": []}}})), "fallthrough.rollout.variations"),
        (
            flag(&json!({"fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 0.5}]}}})),
            "fallthrough.rollout.variations[0].weight",
        ),
        (
            flag(
                &json!({"fallthrough": {"rollout": {"kind": "x", "variations": [{"variation": 0, "weight": 1}]}}}),
            ),
            "fallthrough.rollout.kind",
        ),
        (
            flag(
                &json!({"fallthrough": {"rollout": {"bucketBy": "kind", "variations": [{"variation": 0, "weight": 1}]}}}),
            ),
            "fallthrough.rollout.bucketBy",
        ),
        (flag(&json!({"targets": [{"variation": 9, "values": ["u"]}]})), "targets[0].variation"),
        (flag(&json!({"prerequisites": [{"key": "nowhere", "variation": 0}]})), "prerequisites[0]"),
        (flag(&json!({"prerequisites": [{"key": "f", "variation": 0}]})), ""),
        (flag(&json!({"deleted": true})), "deleted"),
        (json!(7), ""),
    ] {
        let imported = read(FORMAT, &one(flag.clone()));
        let entry = entry(&imported, "f");
        assert!(entry.key.is_none() && imported.flags.is_empty(), "{flag}");
        let refused: Vec<&str> = entry
            .notes
            .iter()
            .filter(|note| note.outcome == Outcome::Refused)
            .map(|note| &*note.at)
            .collect();
        assert!(refused.contains(&at), "{at}: {:?}", entry.notes);
    }
}

#[test]
fn a_segment_that_is_refused_takes_its_flags_with_it() {
    let big =
        json!({"key": "big", "included": [], "excluded": [], "rules": [], "salt": "s", "unbounded": true});
    let circle = |of: &str| json!({"key": "c", "included": [], "salt": "s", "rules": [{"clauses": [{"attribute": "", "op": "segmentMatch", "values": [of]}]}]});
    let uses = |key: &str| with_clauses(&json!([{"attribute": "", "op": "segmentMatch", "values": [key]}]));
    let imported = read(
        FORMAT,
        &json!({
            "segments": {"big": big, "a": circle("b"), "b": circle("a")}, "flags": {"f": uses("big"), "g": uses("a")}
        }),
    );
    assert!(imported.flags.is_empty() && imported.cohorts.is_empty());
    assert!(notes(entry(&imported, "big"), Outcome::Refused)[0].contains("this is a big segment"));
    assert_eq!(
        notes(entry(&imported, "f"), Outcome::Refused),
        [": it needs the cohort `big`, which is not imported"]
    );
    assert_eq!(
        notes(entry(&imported, "a"), Outcome::Refused),
        [": it needs the cohort `b`, and that leads in a circle"]
    );
}

#[test]
fn what_differs_or_is_unknown_is_told() {
    let mut changed = with_clauses(
        &json!([{"attribute": "n", "op": "greaterThan", "values": [9_007_199_254_740_993_i64]}]),
    );
    changed["somethingNew"] = json!(1);
    changed["clientSideAvailability"] = json!({"usingEnvironmentId": true, "usingMobileKey": false});
    changed["migration"] = json!({"checkRatio": 2});
    let imported = read(FORMAT, &one(changed));
    let entry = entry(&imported, "f");
    assert_eq!(entry.outcome, Outcome::Approximated);
    let told = notes(entry, Outcome::Approximated);
    assert!(told.iter().any(|note| note.starts_with("somethingNew: ")), "{told:?}");
    assert!(
        told.iter().any(|note| note.starts_with("rules[0].clauses[0].values: numbers beyond")),
        "{told:?}"
    );
    let told = notes(entry, Outcome::Mapped);
    for at in [
        "variations: the variants are named by their values",
        "clientSideAvailability: clients could see it",
        "migration: ",
    ] {
        assert!(told.iter().any(|note| note.starts_with(at)), "{at} {told:?}");
    }
}

#[test]
fn an_attribute_that_stands_where_a_kind_does_is_told() {
    let clauses = json!([
        {"attribute": "plan", "contextKind": "org", "op": "in", "values": ["x"]},
        {"attribute": "/org/plan", "contextKind": "user", "op": "in", "values": ["x"]}]);
    let imported = read(FORMAT, &one(with_clauses(&clauses)));
    let told = notes(entry(&imported, "f"), Outcome::Approximated);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("rules[0].clauses[1].attribute: here the attribute `org` of a user"));
}

#[test]
fn attributes_may_go_by_other_names_here() {
    let mut options = options();
    options.rename =
        [("key".to_owned(), "targetingKey".to_owned()), ("venue.country".to_owned(), "country".to_owned())]
            .into();
    let mut flag = with_clauses(
        &json!([{"attribute": "/venue/country", "contextKind": "user", "op": "in", "values": ["GB"]}]),
    );
    flag["targets"] = json!([{"variation": 0, "values": ["u"]}]);
    let imported = read_with(FORMAT, &one(flag), &options);
    let config = &imported.flags[0].environments["production"];
    assert_eq!(config.targets.len(), 1, "one list is enough where both keys are one");
    assert_eq!(config.targets[0].by, "targetingKey");
    let Some(Condition::Attribute(predicate)) = &config.rules[0].condition else { panic!("{config:?}") };
    assert_eq!(predicate.attribute, "country");
}

#[test]
fn no_source_makes_the_importer_panic() {
    let weights =
        json!([{"variation": 0, "weight": 60_000, "untracked": true}, {"variation": 1, "weight": 40_000}]);
    let segment = json!({"key": "s", "included": ["a"], "excluded": ["b"], "salt": "s", "includedContexts": [{"contextKind": "org", "values": ["o"]}],
        "rules": [{"id": "r", "weight": 5_000, "bucketBy": "/x", "rolloutContextKind": "org", "clauses": [{"attribute": "c", "op": "before", "values": [1]}]}]});
    let mut whole = flag(&json!({
        "targets": [{"variation": 0, "values": ["u"]}], "contextTargets": [{"contextKind": "user", "variation": 0, "values": []}],
        "prerequisites": [{"key": "g", "variation": 0}],
        "fallthrough": {"rollout": {"kind": "experiment", "seed": 3, "contextKind": "org", "bucketBy": "x", "variations": weights}},
        "clientSideAvailability": {"usingMobileKey": true}}));
    whole["rules"] = with_clauses(&json!([
        {"contextKind": "user", "attribute": "/a/b", "op": "semVerLessThan", "values": ["1.0"], "negate": true},
        {"attribute": "", "op": "segmentMatch", "values": ["s"]}]))["rules"].clone();
    bears_odd_values_everywhere(
        FORMAT,
        &json!({"flags": {"f": whole, "g": flag(&json!({}))}, "segments": {"s": segment}, "flagValues": {"v": 1}}),
    );
}
