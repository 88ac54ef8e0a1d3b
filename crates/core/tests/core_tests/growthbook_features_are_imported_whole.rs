//! GrowthBook's features and saved groups: each of their parts is mapped, or told and refused.

use crate::imports::{bears_odd_values_everywhere, entry, gives, notes, options, read, ruleset};
use serde_json::{Value, json};
use usher_core::{
    import::{Format, Outcome, import},
    model::{FlagType, HashAlgorithm, Serve},
};

const FORMAT: Format = Format::GrowthBook;

fn with_condition(condition: &Value) -> Value {
    json!({"features": {"f": {"defaultValue": false, "rules": [{"condition": condition, "force": true}]}}, "savedGroups": {
        "old": ["a", 5], "list": {"type": "list", "attributeKey": "x", "values": ["a"]}, "no-list": {"type": "list", "values": 7},
        "condition": {"type": "condition", "condition": {"x": {"$gt": 5}}}, "new": {"type": "oracle"}}})
}

fn with_rule(rule: &Value) -> Value {
    json!({"features": {"f": {"defaultValue": "none", "rules": [rule]}}})
}

#[test]
fn every_operator_and_edge_of_a_condition() {
    // What is asked of x; for which values of x it holds, and for which not. Null is what is missing.
    let table: &[(Value, Value, Value)] = &[
        (json!("a"), json!(["a"]), json!(["A", ["a"], null, 1])),
        (json!(5), json!([5, 5.0]), json!(["5", [5], null])),
        (json!(true), json!([true]), json!([1, "true", false])),
        (json!(null), json!([null]), json!([0, "", false, [], {"y": 1}])),
        (json!({}), json!([1, null, "a"]), json!([])),
        (json!({"$eq": "a"}), json!(["a"]), json!([["a"], null])),
        (json!({"$eq": null}), json!([null]), json!([0])),
        (json!({"$eq": [1]}), json!([]), json!([[1], null])),
        (json!({"$ne": "a"}), json!(["b", ["a"], null]), json!(["a"])),
        (json!({"$ne": null}), json!([0, {"y": 1}]), json!([null])),
        (json!({"$in": ["a", 5, [1]]}), json!(["a", 5, ["z", "a"]]), json!(["A", "5", [1], [["a"]], null])),
        (json!({"$in": ["a", null]}), json!(["a", null, ["a"]]), json!(["b"])),
        (json!({"$in": "a"}), json!([]), json!(["a"])),
        (json!({"$nin": ["a"]}), json!(["b", null, ["b"]]), json!(["a", ["b", "a"]])),
        (json!({"$nin": "a"}), json!([]), json!(["b", null])),
        (json!({"$ini": ["É"]}), json!(["é", ["É"]]), json!(["e", null])),
        (json!({"$nini": ["É"]}), json!(["e", null]), json!(["é"])),
        (json!({"$gt": 5}), json!([5.1]), json!([5, "8", [8], true, null])),
        (json!({"$gte": "b"}), json!(["b", "c"]), json!(["a", 9, ["c"]])),
        (json!({"$lt": "10"}), json!(["1", ""]), json!(["9", 5])),
        (json!({"$lte": 5}), json!([5]), json!([5.1, "4"])),
        (json!({"$gt": null}), json!([]), json!([1, "a", null])),
        (json!({"$gt": 1, "$lt": 3}), json!([2]), json!([1, 3])),
        (json!({"$regex": "^a"}), json!(["ab"]), json!(["Ab", ["ab"], 1, null])),
        (json!({"$regexi": "^a"}), json!(["Ab"]), json!(["ba"])),
        (json!({"$regex": 5}), json!([]), json!(["5", 5])),
        (json!({"$notRegex": "^a"}), json!(["b", null, ["a"]]), json!(["a"])),
        (json!({"$notRegexi": "^a"}), json!(["b"]), json!(["A"])),
        (json!({"$not": "a"}), json!(["b", null]), json!(["a"])),
        (json!({"$not": {"$gt": 5}}), json!([5, "a", null]), json!([6])),
        (json!({"$exists": true}), json!([0, "", [], {"y": 1}]), json!([null])),
        (json!({"$exists": false}), json!([null]), json!([0])),
        (json!({"$type": "string"}), json!(["", "a"]), json!([1, ["a"], null])),
        (json!({"$type": "number"}), json!([0, -1e300, 1.5]), json!(["1", [1], true, null])),
        (json!({"$type": "boolean"}), json!([true, false]), json!(["true", 1, null])),
        (json!({"$type": "null"}), json!([null]), json!([0])),
        (json!({"$type": "undefined"}), json!([]), json!([null, 0])),
        (json!({"$all": ["a", 5]}), json!([["a", 5, "z"]]), json!(["a", ["a"], [5], null])),
        (json!({"$all": ["a", {"$gt": 5}]}), json!([["a", 6]]), json!([["a", 5]])),
        (json!({"$all": "a"}), json!([]), json!([["a"], "a"])),
        (json!({"$alli": ["É"]}), json!([["é"]]), json!([["e"], "é"])),
        (json!({"$elemMatch": {"$gt": 5}}), json!([[1, 6]]), json!([6, ["6"], [5], null])),
        (json!({"$elemMatch": {"$in": ["a"]}}), json!([["b", "a"]]), json!(["a", []])),
        (json!({"$elemMatch": "a"}), json!([]), json!([["a"]])),
        (json!({"$veq": "1.2.3"}), json!(["v1.2.3", "1.2.3+b"]), json!(["1.2", 1, null])),
        (json!({"$vne": "1.2.3"}), json!(["1.2", 1, null]), json!(["1.2.3"])),
        (
            json!({"$vgt": "1.9.0"}),
            json!(["1.10.0", "1.9.1-rc.1"]),
            json!(["1.9.0", "1.9.0-rc.1", ["2.0.0"]]),
        ),
        (json!({"$vgte": "1.9.0"}), json!(["1.9.0"]), json!(["1.9"])),
        (json!({"$vlt": "1.9.0"}), json!(["1.9.0-rc.1", "1.9"]), json!(["1.9.0", null])),
        (json!({"$vlte": "1.9.0"}), json!(["1.9.0"]), json!(["1.10.0"])),
        (json!({"$vlt": true}), json!([]), json!(["1.0.0", null])),
        (json!({"$inGroup": "old"}), json!(["a", 5, ["a"]]), json!(["b", "5", null])),
        (json!({"$inGroup": "list"}), json!(["a"]), json!(["b"])),
        (json!({"$inGroup": "nowhere"}), json!([]), json!(["a", null])),
        (json!({"$inGroup": "condition"}), json!([]), json!([6])),
        (json!({"$notInGroup": "old"}), json!(["b", null]), json!(["a"])),
        (json!({"$notInGroup": "nowhere"}), json!(["a", null]), json!([])),
        (json!({"$notInGroup": "condition"}), json!([]), json!([6, 1])),
        (json!({"$notInGroup": "no-list"}), json!([]), json!(["a"])),
    ];
    for (asked, good, bad) in table {
        let imported = read(FORMAT, &with_condition(&json!({"x": asked})));
        assert_eq!(imported.flags.len(), 1, "{asked} {:?}", entry(&imported, "f"));
        let rules = ruleset(&imported);
        let all = good
            .as_array()
            .unwrap()
            .iter()
            .map(|v| (v, true))
            .chain(bad.as_array().unwrap().iter().map(|v| (v, false)));
        for (value, expected) in all {
            assert_eq!(gives(&rules, "f", &json!({"x": value})).1, json!(expected), "{asked} {value}");
        }
    }
}

#[test]
fn conditions_combine_as_in_mongo() {
    for (condition, context, expected) in [
        (json!({}), json!({}), true),
        (json!({"x": 1, "y": 2}), json!({"x": 1}), false),
        (json!({"a.b": 1}), json!({"a": {"b": 1}}), true),
        (json!({"$or": []}), json!({}), true),
        (json!({"$nor": []}), json!({}), false),
        (json!({"$and": []}), json!({}), true),
        (json!({"$or": [{"x": 1}, {"x": 2}]}), json!({"x": 2}), true),
        (json!({"$nor": [{"x": 1}, {"x": 2}]}), json!({"x": 2}), false),
        (json!({"$and": [{"x": 1}, {"y": {"$exists": false}}]}), json!({"x": 1}), true),
        (json!({"$not": {"x": 1, "y": 2}}), json!({"x": 1}), true),
        (json!({"$savedGroup": {"id": "list"}}), json!({"x": "a"}), true),
        (json!({"$savedGroup": {"id": "list", "attributeKey": "y"}}), json!({"y": "a"}), true),
        (json!({"$savedGroup": {"id": "condition"}}), json!({"x": 6}), true),
        (json!({"$savedGroup": {"id": "old"}}), json!({"x": "a"}), false),
        (json!({"$not": {"$savedGroup": {"id": "nowhere"}}}), json!({}), true),
    ] {
        let rules = ruleset(&read(FORMAT, &with_condition(&condition)));
        assert_eq!(gives(&rules, "f", &context).1, json!(expected), "{condition} {context}");
    }
}

#[test]
fn saved_groups_become_cohorts() {
    let imported = read(
        FORMAT,
        &with_condition(
            &json!({"x": {"$inGroup": "old"}, "y": {"$inGroup": "old"}, "$savedGroup": {"id": "condition"}}),
        ),
    );
    let keys: Vec<&str> = imported.cohorts.iter().map(|cohort| &*cohort.key).collect();
    assert_eq!(keys, ["old.x", "old.y", "list.x", "condition"]);
    for (id, why) in
        [("no-list", "this makes no sense as a group"), ("new", "this type of group is not known")]
    {
        assert!(notes(entry(&imported, id), Outcome::Refused)[0].contains(why));
    }
    let unused = read(FORMAT, &json!({"features": {}, "savedGroups": {"old": ["a"]}}));
    assert!(notes(entry(&unused, "old"), Outcome::Refused)[0].contains("does not say of which attribute"));
    // Tens of thousands of them.
    let ids: Vec<String> = (0..40_000).map(|n| format!("00000000-0000-0000-0000-{n:012}")).collect();
    let source = json!({"features": {"f": {"defaultValue": false, "rules": [{"condition": {"id": {"$notInGroup": "big"}}, "force": true}]}}, "savedGroups": {"big": ids}});
    let imported = read(FORMAT, &source);
    assert!(imported.cohorts.len() > 1);
    let rules = ruleset(&imported);
    assert_eq!(gives(&rules, "f", &json!({"id": ids[39_999]})).1, json!(false));
    assert_eq!(gives(&rules, "f", &json!({"id": "other"})).1, json!(true));
}

#[test]
fn groups_that_lead_in_a_circle_are_refused_with_their_features() {
    let group = |of: &str| json!({"type": "condition", "condition": {"$savedGroup": {"id": of}}});
    let source = json!({"features": {"f": {"defaultValue": 1, "rules": [{"condition": {"$savedGroup": {"id": "a"}}, "force": 2}]}},
        "savedGroups": {"a": group("b"), "b": group("a")}});
    let imported = read(FORMAT, &source);
    assert!(imported.flags.is_empty() && imported.cohorts.is_empty());
    assert!(notes(entry(&imported, "a"), Outcome::Refused)[0].contains("leads in a circle"));
}

#[test]
fn percentages_are_whole_places() {
    for (rule, from, percent, hash) in [
        (json!({"coverage": 0.5}), 0, 50_000, HashAlgorithm::Fnv1aGrowthbook),
        (json!({"coverage": 0.5, "hashVersion": 0}), 0, 50_000, HashAlgorithm::Fnv1aGrowthbook),
        // 0.3 is a place of its own, and 0.1 + 0.2 is beyond it.
        (json!({"coverage": 0.3}), 0, 30_000, HashAlgorithm::Fnv1aGrowthbook),
        (json!({"coverage": 0.1 + 0.2}), 0, 30_100, HashAlgorithm::Fnv1aGrowthbook),
        (json!({"coverage": 0.000_05, "hashVersion": 2}), 0, 10, HashAlgorithm::Fnv1aGrowthbook2),
        (json!({"coverage": 2}), 0, 100_000, HashAlgorithm::Fnv1aGrowthbook),
        (json!({"coverage": 0}), 0, 0, HashAlgorithm::Fnv1aGrowthbook),
        (
            json!({"coverage": 0, "range": [0.25, 0.75], "hashVersion": 2}),
            25_000,
            50_000,
            HashAlgorithm::Fnv1aGrowthbook2,
        ),
        (json!({"range": [0.75, 0.25]}), 75_000, 0, HashAlgorithm::Fnv1aGrowthbook),
    ] {
        let mut whole = rule.clone();
        whole["force"] = json!("x");
        let imported = read(FORMAT, &with_rule(&whole));
        let rollout = imported.flags[0].environments["production"].rules[0].rollout.clone().unwrap();
        assert_eq!(
            (rollout.from.steps(), rollout.percent.steps(), rollout.hash),
            (from, percent, hash),
            "{rule}"
        );
        assert_eq!((&*rollout.by[0], &*rollout.seed), ("id", "f"));
    }
    // Who is exactly at the edge: this is told where there is such a place.
    let told = |coverage: f64| {
        let imported = read(FORMAT, &with_rule(&json!({"force": "x", "coverage": coverage})));
        notes(entry(&imported, "f"), Outcome::Mapped).iter().any(|note| note.contains("exactly at this"))
    };
    assert!(told(0.5) && !told(0.500_5) && !told(1.0) && !told(0.0));
}

#[test]
fn experiments_become_splits_with_gaps() {
    let weights = |rule: &Value| -> Vec<(Option<String>, u32)> {
        let imported = read(FORMAT, &with_rule(rule));
        let Serve::Split(split) = &imported.flags[0].environments["production"].rules[0].serve else {
            panic!("{rule}")
        };
        split
            .weights
            .iter()
            .map(|part| (part.variant.as_ref().map(ToString::to_string), part.weight))
            .collect()
    };
    let named = |name: &str, weight| (Some(name.to_owned()), weight);
    let two = json!({"variations": ["a", "b"]});
    let with = |changes: Value| {
        let mut rule = two.clone();
        for (name, value) in changes.as_object().unwrap() {
            rule[name] = value.clone();
        }
        rule
    };
    assert_eq!(weights(&two), [named("a", 500), named("b", 500)]);
    assert_eq!(
        weights(&with(json!({"coverage": 0.5}))),
        [named("a", 250), (None, 250), named("b", 250), (None, 250)]
    );
    assert_eq!(
        weights(&with(json!({"weights": [0.1, 0.9], "hashVersion": 2}))),
        [named("a", 1_000), named("b", 9_000)]
    );
    // Weights that are not what they should be count as equal ones.
    assert_eq!(weights(&with(json!({"weights": [0.1, 0.1]}))), [named("a", 500), named("b", 500)]);
    assert_eq!(weights(&with(json!({"weights": [1]}))), [named("a", 500), named("b", 500)]);
    assert_eq!(
        weights(&with(json!({"ranges": [[0.5, 0.75], [0.0, 0.6], [0.8, 0.9]]}))),
        [named("b", 500), named("a", 250), (None, 250)]
    );
    // A holdout: who passes through goes on to the next rule.
    let holdout = with(
        json!({"weights": [0.1, 0.9], "meta": [{"key": "held", "name": "Held out"}, {"key": "1", "passthrough": true}]}),
    );
    assert_eq!(weights(&holdout), [named("Held out", 100), (None, 900)]);
    // Who can't be drawn goes on, too.
    let imported =
        read(FORMAT, &json!({"features": {"f": {"defaultValue": "c", "rules": [two, {"force": "d"}]}}}));
    let rules = ruleset(&imported);
    for id in [json!(null), json!(""), json!(0), json!(true), json!(["u"])] {
        assert_eq!(gives(&rules, "f", &json!({"id": id})).1, json!("d"), "{id}");
    }
    assert_ne!(gives(&rules, "f", &json!({"id": 7})).1, json!("d"));
}

#[test]
fn filters_take_the_place_of_namespaces() {
    let rule = |changes: Value| {
        let mut rule = json!({"variations": ["a", "b"], "namespace": ["ns", 0, 0]});
        for (name, value) in changes.as_object().unwrap() {
            rule[name] = value.clone();
        }
        ruleset(&read(FORMAT, &with_rule(&rule)))
    };
    let user = json!({"id": "u"});
    assert_eq!(gives(&rule(json!({})), "f", &user).1, json!("none"));
    assert_ne!(gives(&rule(json!({"namespace": ["ns", 0, 1]})), "f", &user).1, json!("none"));
    let filter = |ranges: Value| json!({"filters": [{"seed": "s", "ranges": ranges}]});
    assert_ne!(gives(&rule(filter(json!([[0, 1]]))), "f", &user).1, json!("none"));
    assert_eq!(gives(&rule(filter(json!([]))), "f", &user).1, json!("none"));
    assert_eq!(
        gives(
            &rule(json!({"filters": [{"seed": "s", "attribute": "device", "ranges": [[0, 1]]}]})),
            "f",
            &user
        )
        .1,
        json!("none")
    );
}

#[test]
fn prerequisites_gate_a_feature_or_a_rule() {
    let base = json!({"defaultValue": "red", "rules": [{"condition": {"vip": true}, "force": "green"}, {"condition": {"gone": true}, "force": null}]});
    let parent = |condition: Value, gate: bool| json!({"id": "base", "condition": condition, "gate": gate});
    let green = json!({"value": "green"});
    let source = json!({"features": {
        "base": base,
        "gated": {"defaultValue": true, "rules": [{"parentConditions": [parent(green.clone(), true)]}]},
        "ruled": {"defaultValue": false, "rules": [{"parentConditions": [parent(green.clone(), false)], "force": true}]},
        "late": {"defaultValue": 1, "rules": [{"condition": {"first": true}, "force": 2}, {"parentConditions": [parent(green, true)], "force": 3}]},
        "missing": {"defaultValue": 1, "rules": [{"parentConditions": [parent(json!({"value": {"$exists": false}}), false)], "force": 2}]},
        "never": {"defaultValue": 1, "rules": [{"parentConditions": [parent(json!({"value": "blue"}), false)], "force": 2}]},
    }});
    let imported = read(FORMAT, &source);
    assert_eq!(imported.flags.len(), 6, "{:?}", imported.report);
    let gated = imported.flags.iter().find(|flag| &*flag.key == "gated").unwrap();
    assert_eq!(gated.environments["production"].prerequisites[0].variants[0].as_str(), "green");
    let rules = ruleset(&imported);
    let (vip, other, gone) = (json!({"vip": true}), json!({}), json!({"gone": true}));
    for (flag, context, expected) in [
        ("gated", &vip, json!(true)),
        ("gated", &other, json!(null)),
        ("ruled", &vip, json!(true)),
        ("ruled", &other, json!(false)),
        ("late", &vip, json!(3)),
        ("late", &other, json!(null)),
        ("late", &json!({"first": true}), json!(2)),
        ("missing", &gone, json!(2)),
        ("missing", &other, json!(1)),
        ("never", &vip, json!(1)),
    ] {
        assert_eq!(gives(&rules, flag, context).1, expected, "{flag} {context}");
    }
}

#[test]
fn values_keep_their_type() {
    for (feature, flag_type, expected) in [
        (json!({"defaultValue": true}), FlagType::Boolean, json!(true)),
        (json!({"defaultValue": ""}), FlagType::String, json!("")),
        (
            json!({"defaultValue": 1, "rules": [{"condition": {"x": 1}, "force": 2.5}]}),
            FlagType::Float,
            json!(1.0),
        ),
        (json!({"defaultValue": 7}), FlagType::Integer, json!(7)),
        (json!({"defaultValue": {"a": 1}}), FlagType::Object, json!({"a": 1})),
        (json!({}), FlagType::Object, json!(null)),
        (
            json!({"defaultValue": null, "rules": [{"condition": {"x": 1}, "force": "a"}]}),
            FlagType::String,
            json!(null),
        ),
    ] {
        let imported = read(FORMAT, &json!({"features": {"f": feature}}));
        assert_eq!(imported.flags[0].flag_type, flag_type);
        assert_eq!(gives(&ruleset(&imported), "f", &json!({})).1, expected);
    }
}

#[test]
fn features_alone_will_do_and_encrypted_ones_will_not() {
    assert_eq!(read(FORMAT, &json!({"f": {"defaultValue": 1}, "g": {"rules": []}})).flags.len(), 2);
    for (bad, field) in [
        (json!({"features": {}, "encryptedFeatures": "abc.def"}), "encryptedFeatures"),
        (json!({"features": {}, "encryptedSavedGroups": "abc.def"}), "encryptedSavedGroups"),
        (json!({"features": []}), "features"),
        (json!({}), "features"),
        (json!({"a": 1}), "features"),
        (json!([]), ""),
    ] {
        let found = import(FORMAT, bad.to_string().as_bytes(), &options()).unwrap_err();
        assert_eq!(found.0[0].field, field, "{bad}");
    }
}

#[test]
fn what_has_no_counterpart_is_refused_by_name() {
    let condition = |condition: Value| with_condition(&condition);
    let forced = json!({"features": {"f": {"defaultValue": 1, "rules": [{"key": "exp", "variations": [1, 2]}]}}, "forcedVariations": {"exp": 1}});
    for (source, at) in [
        (condition(json!({"x": {"$size": 1}})), "rules[0].condition.x.$size"),
        (condition(json!({"x": {"$regx": "a"}})), "rules[0].condition.x.$regx"),
        (condition(json!({"$xor": []})), "rules[0].condition.$xor"),
        (condition(json!({"x": [1]})), "rules[0].condition.x"),
        (condition(json!({"x": {"y": 1}})), "rules[0].condition.x"),
        (condition(json!({"x": {"$type": "array"}})), "rules[0].condition.x.$type"),
        (condition(json!({"x": {"$all": []}})), "rules[0].condition.x.$all"),
        (condition(json!({"x": {"$elemMatch": {"y": 1}}})), "rules[0].condition.x.$elemMatch"),
        (condition(json!({"x": {"$elemMatch": {"$gt": 1, "$lt": 3}}})), "rules[0].condition.x.$elemMatch"),
        (condition(json!({"x": {"$elemMatch": {"$ne": 1}}})), "rules[0].condition.x.$elemMatch.$ne"),
        (condition(json!({"x": {"$regex": "(?=a)"}})), "rules[0].condition.x.$regex"),
        (condition(json!({"x": {"$veq": 2}})), "rules[0].condition.x.$veq"),
        (condition(json!({"x": {"$exists": 1}})), "rules[0].condition.x.$exists"),
        (condition(json!({"x": {"$inGroup": "new"}})), "rules[0].condition.x.$inGroup"),
        (condition(json!({"tags.0": "a"})), "rules[0].condition.tags.0"),
        (condition(json!({"tags.length": 1})), "rules[0].condition.tags.length"),
        (condition(json!({"venue.country": "GB"})), "rules[0].condition.venue.country"),
        (condition(json!({"$or": null})), "rules[0].condition.$or"),
        (condition(json!({"$and": [7]})), "rules[0].condition.$and[0]"),
        (condition(json!([])), "rules[0].condition"),
        (with_rule(&json!({"force": "a", "urlPatterns": []})), "rules[0].urlPatterns"),
        (
            with_rule(&json!({"contextualVariations": ["a"], "contextualBanditRef": "b"})),
            "rules[0].contextualBanditRef",
        ),
        (with_rule(&json!({"force": 1})), ""),
        (with_rule(&json!({"force": "a", "coverage": "x"})), "rules[0].coverage"),
        (with_rule(&json!({"force": "a", "range": [1]})), "rules[0].range"),
        (with_rule(&json!({"variations": ["a", "b"], "ranges": [[0, "x"]]})), "rules[0].ranges"),
        (with_rule(&json!({"variations": ["a", "b"], "namespace": ["x"]})), "rules[0].namespace"),
        (with_rule(&json!({"force": "a", "filters": [{"ranges": []}]})), "rules[0].filters[0].seed"),
        (
            with_rule(&json!({"force": "a", "parentConditions": [{"id": "nowhere"}]})),
            "rules[0].parentConditions[0]",
        ),
        (forced, "rules[0]"),
        (json!({"features": {"f": 7}}), ""),
    ] {
        let imported = read(FORMAT, &source);
        let entry = entry(&imported, "f");
        assert!(entry.key.is_none() && imported.flags.is_empty(), "{source}");
        let refused: Vec<&str> = entry
            .notes
            .iter()
            .filter(|note| note.outcome == Outcome::Refused)
            .map(|note| &*note.at)
            .collect();
        assert!(refused.contains(&at), "{at}: {:?}", entry.notes);
    }
    let pages = read(
        FORMAT,
        &json!({"features": {}, "experiments": [{"key": "home-page", "variations": [{}, {"css": "x"}]}]}),
    );
    assert_eq!(entry(&pages, "home-page").outcome, Outcome::Refused);
}

#[test]
fn what_differs_or_is_unknown_is_told() {
    let rule = json!({"variations": ["a", "b"], "fallbackAttribute": "device", "minBucketVersion": 2, "somethingNew": 1, "hashVersion": 1});
    let imported = read(FORMAT, &with_rule(&rule));
    let told = notes(entry(&imported, "f"), Outcome::Approximated);
    for at in ["rules[0].fallbackAttribute: ", "rules[0].minBucketVersion: ", "rules[0].somethingNew: "] {
        assert!(told.iter().any(|note| note.starts_with(at)), "{at} {told:?}");
    }
    let quiet = json!({"variations": ["a", "b"], "fallbackAttribute": "device", "minBucketVersion": 2, "disableStickyBucketing": true});
    assert_eq!(entry(&read(FORMAT, &with_rule(&quiet)), "f").outcome, Outcome::Mapped);
    for (rule, said) in [
        (json!({"variations": ["a"]}), "less than two variations"),
        (json!({"force": "a", "coverage": 1, "hashVersion": 3}), "there is no version 3 of the hash"),
        (json!({"variations": ["a", "b"], "weights": [0.2, 0.2]}), "all weigh the same"),
    ] {
        let imported = read(FORMAT, &with_rule(&rule));
        assert!(
            notes(entry(&imported, "f"), Outcome::Mapped).iter().any(|note| note.contains(said)),
            "{rule}"
        );
    }
}

#[test]
fn no_source_makes_the_importer_panic() {
    let rule = json!({"id": "fr_1", "condition": {"$or": [{"a.b": {"$in": ["x", 1]}}, {"v": {"$vgt": "1.0.0", "$not": {"$elemMatch": {"$gt": 1}}}}],
            "$savedGroup": {"id": "g", "attributeKey": "x"}, "y": {"$inGroup": "h"}},
        "parentConditions": [{"id": "g", "condition": {"value": {"$exists": true}}, "gate": true}],
        "filters": [{"seed": "s", "attribute": "id", "hashVersion": 2, "ranges": [[0, 0.5]]}],
        "variations": ["a", "b"], "weights": [0.5, 0.5], "coverage": 0.5, "ranges": [[0, 0.3], [0.5, 0.8]],
        "hashAttribute": "id", "hashVersion": 2, "seed": "s", "key": "k", "namespace": ["n", 0, 1],
        "meta": [{"key": "0", "name": "Control"}, {"key": "1", "passthrough": true}], "fallbackAttribute": "d", "minBucketVersion": 1});
    bears_odd_values_everywhere(
        FORMAT,
        &json!({
            "features": {"f": {"defaultValue": "a", "rules": [rule, {"force": "c", "coverage": 0.1, "range": [0, 0.5]}]}, "g": {"defaultValue": true}},
            "savedGroups": {"g": {"type": "list", "attributeKey": "x", "values": ["a"]}, "h": ["b", 1], "i": {"type": "condition", "condition": {"x": 1}}},
            "forcedVariations": {}, "experiments": []
        }),
    );
}
