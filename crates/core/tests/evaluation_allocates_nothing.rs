//! Evaluation never touches the heap. In a test binary of its own, because the allocator counts for all.
#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

#[allow(dead_code)] // Its own part only.
#[path = "core_tests/support/mod.rs"]
mod support;

use serde_json::json;
use support::{NOW, document, flag, ruleset, venue};
use usher_core::{
    Context,
    model::{Kind, Seq},
};
use usher_testkit::allocations::{self, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

#[test]
fn not_one_allocation_whatever_decides() {
    assert!(allocations::during(|| drop(Box::new(1))) == 1, "the counter counts");
    let split = json!({"split": {"by": ["targetingKey", "venue", "seat"], "seed": "s", "weights": [
        {"variant": "on", "weight": 1}, {"variant": "off", "weight": 1}]}});
    let rule = |id: &str, condition: serde_json::Value| json!({"id": id, "if": condition, "serve": {"variant": "on"}});
    let test = |op: &str, values: serde_json::Value| json!({"attribute": "x", "op": op, "values": values});
    let many: Vec<String> = (0..1_000).map(|n| format!("v-{n}")).collect();
    let none_matches = json!({"rules": [
        rule("in", test("in", json!(many))),
        rule("contains", test("contains", json!(["zzz"]))),
        rule("version", json!({"attribute": "appVersion", "op": "semverGte", "values": ["9.0.0"]})),
        rule("time", test("before", json!(["1970-01-01T00:00:00Z"]))),
        rule("network", test("cidr", json!(["10.0.0.0/8"]))),
        rule("number", test("lt", json!([3]))),
        rule("cohort", json!({"cohort": "vip"})),
        rule("flag", json!({"prerequisite": {"flag": "folded", "variants": ["on"]}})),
        rule("text", json!({"attribute": "x", "op": "contains", "values": ["ä"], "dialect": "launchDarkly"})),
        rule("instant", json!({"attribute": "x", "op": "after", "values": [1], "dialect": "launchDarkly"})),
        rule("order", json!({"attribute": "x", "op": "lt", "values": ["0"], "dialect": "growthBook"})),
        rule("padded", json!({"attribute": "appVersion", "op": "semverGt", "values": ["9"], "dialect": "growthBook"})),
        rule("lower", json!({"attribute": "x", "op": "in", "values": ["É"], "ignoreCase": true, "dialect": "growthBook"})),
        rule("small-letters", json!({"attribute": "x", "op": "contains", "values": ["é"], "ignoreCase": true, "dialect": "unleash"})),
        rule("written", json!({"attribute": "number", "op": "in", "values": ["1", "2"], "dialect": "unleash"})),
        rule("spelled", json!({"attribute": "x", "op": "equals", "values": [5], "dialect": "unleash"})),
        rule("date", json!({"attribute": "currentTime", "op": "before", "values": [0], "dialect": "unleash"})),
        rule("whole", json!({"attribute": "appVersion", "op": "semverGt", "values": ["9.0.0"], "dialect": "unleash"})),
        rule("country", json!({"attribute": "venue.country", "op": "in", "values": ["Wales"]})),
    ], "default": split});
    let mut folded = test("equals", json!(["ZZZ"]));
    folded["ignoreCase"] = true.into();
    let foreign = |hash: &str| {
        let share = json!({"rollout": {"by": ["targetingKey"], "percent": 0, "seed": "s", "hash": hash}});
        let split = json!({"split": {"by": ["nobody"], "fallback": ["targetingKey"], "seed": "s", "hash": hash,
            "weights": [{"variant": "on", "weight": 1}, {"weight": 1}]}});
        json!({"rules": [rule("share", share)], "default": split})
    };
    let foreign: Vec<_> = [
        "murmur3Unleash",
        "murmur3Flagd",
        "murmur3FlagdCbor",
        "murmur3FlagdCborPair",
        "sha1LaunchDarkly",
        "fnv1aGrowthbook",
        "fnv1aGrowthbook2",
    ]
    .map(|hash| flag(hash, &foreign(hash)))
    .into();
    let logic = json!({"rules": [
        rule("order", json!({"logic": {"<": [1, {"var": ["y", "3"]}, {"%": [{"var": "$flagd.timestamp"}, 7]}]}})),
        rule("choice", json!({"logic": {"if": [{"!": {"var": "x"}}, {"==": [{"var": "x"}, 5]}, {"and": [{"var": "seat"}, null]}]}})),
        rule("texts", json!({"logic": {"or": [{"starts_with": [{"var": "x"}, "zz"]}, {"in": ["zz", {"var": "x"}]},
            {"in": [{"var": "seat"}, ["a", 1, {"var": "y"}]]}, {"==": [{"substr": [{"var": "x"}, 1, -1]}, "zz"]}]}})),
        rule("version", json!({"logic": {"sem_ver": [{"var": "appVersion"}, "<", "1.2.3-beta.12345678901"]}})),
        rule("missing", json!({"logic": {"!": {"!": {"missing": ["x", "venue.country"]}}}})),
        rule("some", json!({"logic": {"some": [{"var": "tags"}, {"===": [{"var": ""}, "z"]}]}})),
        rule("draw", json!({"logic": {"===": [{"fractional": [{"var": "targetingKey"}, ["a", 1], ["b", {"+": [1, 1]}]]}, "c"]}})),
    ]});
    let rules = ruleset(foreign.iter().chain(&[
        flag("long", &none_matches),
        flag("folded", &json!({"rules": [rule("r", folded)]})),
        flag("logic", &logic),
        flag("killed", &json!({"killed": {"venues": ["park"], "cohorts": ["vip"]}})),
        flag(
            "needs",
            &json!({"prerequisites": [{"flag": "long", "variants": ["on", "off"]}], "default": {"variant": "on"}}),
        ),
        flag("override", &json!({"venues": {"park": "on"}})),
        venue("park", "England"),
        document(Kind::Cohort, &json!({"key": "vip", "name": "V", "keys": ["u-1"]})),
    ]));
    let newer = json!({"kind": "cohort", "key": "vip", "name": "V", "if": {"attribute": "x", "op": "feels", "values": [1]}});
    let broken = rules.apply(Seq(2), [&serde_json::from_value(newer).unwrap()], []);
    // A seat so long that the draw does not fit its stack buffer, too.
    for seat in [json!(12), json!("A12"), json!("s".repeat(1_000))] {
        let context = json!({"targetingKey": "u-17", "venue": "park", "appVersion": "3.2.0-rc.12345678901", "x": "10.77.0.1x",
            "tags": ["a", 1], "number": 1.5e300, "seat": seat});
        let context = Context::from_json(&context).unwrap();
        let foreign = foreign.iter().map(|flag| flag.key());
        for key in
            ["long", "folded", "logic", "killed", "needs", "override", "missing"].into_iter().chain(foreign)
        {
            let mut variant = None;
            let count = allocations::during(|| variant = rules.evaluate(key, &context, NOW).variant());
            assert_eq!(count, 0, "{key} gave {variant:?}");
            let count = allocations::during(|| variant = broken.evaluate(key, &context, NOW).variant());
            assert_eq!(count, 0, "with a broken cohort, {key} gave {variant:?}");
        }
    }
}

#[test]
fn expressions_allocate_only_to_put_texts_together() {
    let text = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/json-logic-js.json")).unwrap();
    let cases: Vec<(serde_json::Value, serde_json::Value, bool, serde_json::Value)> =
        serde_json::from_slice(&text).unwrap();
    let mut asked = 0;
    for (logic, context, truthy, _) in &cases {
        if ["cat", "substr"].iter().any(|operator| logic.to_string().contains(operator)) {
            continue;
        }
        asked += 1;
        let rule = json!({"id": "r", "if": {"logic": logic}, "serve": {"variant": "on"}});
        let rules = ruleset(&[flag("f", &json!({"rules": [rule]}))]);
        let context = Context::from_json(context).unwrap();
        let mut on = None;
        let count = allocations::during(|| on = rules.evaluate("f", &context, NOW).boolean().unwrap());
        assert_eq!((count, on), (0, Some(*truthy)), "{logic}");
    }
    assert!(asked > 500, "{asked}");
}
