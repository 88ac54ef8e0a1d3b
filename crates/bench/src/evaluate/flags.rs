//! The reference flags in each peer's own format.

use serde_json::{Value, json};
use usher_bench::reference::{R1, R1_VENUES, R1_VERSION, R2, R2_VARIANTS, SEED, r2_conditions};
use usher_peers::{Datadog, Eppo, Flagd, GrowthBook, LaunchDarkly, Peer, Unleash};

/// A peer that the reference flags have been written for, as its own users would write them.
pub trait ReferenceFlags: Peer {
    /// R1, for this part of those who match.
    fn r1(percent: u32) -> Value;
    /// R2, with these weights of its variants.
    fn r2(weights: [u32; 3]) -> Value;
}

/// What each of R2's rules asks, and whether it is the last, which splits; the others serve the first variant.
fn r2_rules() -> impl Iterator<Item = ([(&'static str, String); 2], bool)> {
    let rules = r2_conditions();
    let last = rules.len() - 1;
    rules.into_iter().enumerate().map(move |(n, conditions)| (conditions, n == last))
}

/// Weights as the ends of shares of `total`.
fn ends(weights: [u32; 3], total: u32) -> [(u32, u32); 3] {
    let sum: u32 = weights.iter().sum();
    let mut before = 0;
    weights.map(|weight| {
        let start = before * total / sum;
        before += weight;
        (start, before * total / sum)
    })
}

impl ReferenceFlags for Unleash {
    fn r1(percent: u32) -> Value {
        let constraints = json!([
            {"contextName": "venue", "operator": "IN", "values": R1_VENUES},
            {"contextName": "appVersion", "operator": "SEMVER_GTE", "value": R1_VERSION}]);
        unleash(R1, vec![unleash_strategy(&constraints, percent, &json!([]))])
    }

    fn r2(weights: [u32; 3]) -> Value {
        // A thousandth is the unit there.
        let variant = |(name, weight)| json!({"name": name, "weight": weight * 333, "stickiness": "userId"});
        let split: Value = R2_VARIANTS.into_iter().zip(weights).map(variant).collect();
        let first = json!([{"name": R2_VARIANTS[0], "weight": 1_000, "stickiness": "userId"}]);
        let strategies = r2_rules().map(|(conditions, last)| {
            let constraints: Vec<Value> = conditions
                .into_iter()
                .map(|(name, value)| json!({"contextName": name, "operator": "IN", "values": [value]}))
                .collect();
            unleash_strategy(&json!(constraints), 100, if last { &split } else { &first })
        });
        unleash(R2, strategies.collect())
    }
}

fn unleash(name: &str, strategies: Vec<Value>) -> Value {
    json!({"version": 2, "features": [{"name": name, "type": "release", "enabled": true, "strategies": strategies}]})
}

fn unleash_strategy(constraints: &Value, percent: u32, variants: &Value) -> Value {
    json!({"name": "flexibleRollout", "constraints": constraints, "variants": variants,
        "parameters": {"rollout": percent.to_string(), "stickiness": "userId", "groupId": SEED}})
}

impl ReferenceFlags for LaunchDarkly {
    fn r1(percent: u32) -> Value {
        let clauses = [
            json!({"attribute": "venue", "op": "in", "values": R1_VENUES, "negate": false}),
            // There is no “at least” for versions.
            json!({"attribute": "appVersion", "op": "semVerLessThan", "values": [R1_VERSION], "negate": true}),
        ];
        let rollout = json!({"variations": [
            {"variation": 1, "weight": percent * 1_000}, {"variation": 0, "weight": 100_000 - percent * 1_000}]});
        let rule = json!({"id": "pilot", "clauses": clauses, "rollout": rollout, "trackEvents": false});
        launchdarkly(R1, &json!([false, true]), vec![rule])
    }

    fn r2(weights: [u32; 3]) -> Value {
        let parts: Vec<Value> = ends(weights, 100_000)
            .into_iter()
            .enumerate()
            .map(|(n, (start, end))| json!({"variation": n, "weight": end - start}))
            .collect();
        let rules = r2_rules().enumerate().map(|(n, (conditions, last))| {
            let clauses: Vec<Value> = conditions
                .into_iter()
                .map(|(name, value)| json!({"attribute": name, "op": "in", "values": [value], "negate": false}))
                .collect();
            let mut rule = json!({"id": format!("rule-{n}"), "clauses": clauses, "trackEvents": false});
            if last {
                rule["rollout"] = json!({"variations": parts});
            } else {
                rule["variation"] = json!(0);
            }
            rule
        });
        launchdarkly(R2, &json!(R2_VARIANTS), rules.collect())
    }
}

fn launchdarkly(key: &str, variations: &Value, rules: Vec<Value>) -> Value {
    json!({"flags": {key: {"key": key, "version": 1, "on": true, "salt": SEED, "targets": [], "prerequisites": [],
        "rules": rules, "fallthrough": {"variation": 0}, "offVariation": 0, "variations": variations}}})
}

impl ReferenceFlags for GrowthBook {
    fn r1(percent: u32) -> Value {
        let condition = json!({"venue": {"$in": R1_VENUES}, "appVersion": {"$vgte": R1_VERSION}});
        let rule = json!({"id": "pilot", "condition": condition, "force": true, "coverage": f64::from(percent) / 100.0,
            "hashAttribute": "id", "hashVersion": 2, "seed": SEED});
        json!({"features": {R1: {"defaultValue": false, "rules": [rule]}}})
    }

    fn r2(weights: [u32; 3]) -> Value {
        let sum: u32 = weights.iter().sum();
        let weights = weights.map(|weight| f64::from(weight) / f64::from(sum));
        let rules = r2_rules().enumerate().map(|(n, (conditions, last))| {
            let condition: serde_json::Map<String, Value> =
                conditions.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
            if last {
                json!({"id": "split", "key": "split", "condition": condition, "variations": R2_VARIANTS,
                    "weights": weights, "hashAttribute": "id", "hashVersion": 2, "seed": SEED})
            } else {
                json!({"id": format!("rule-{n}"), "condition": condition, "force": R2_VARIANTS[0]})
            }
        });
        json!({"features": {R2: {"defaultValue": R2_VARIANTS[0], "rules": rules.collect::<Vec<_>>()}}})
    }
}

impl ReferenceFlags for Flagd {
    fn r1(percent: u32) -> Value {
        let condition = json!({"and": [{"in": [{"var": "venue"}, R1_VENUES]},
            {"sem_ver": [{"var": "appVersion"}, ">=", R1_VERSION]}]});
        let targeting =
            json!({"if": [condition, {"fractional": [["on", percent], ["off", 100 - percent]]}, "off"]});
        flagd(R1, "off", &json!({"on": true, "off": false}), &targeting)
    }

    fn r2(weights: [u32; 3]) -> Value {
        let buckets: Vec<Value> =
            R2_VARIANTS.into_iter().zip(weights).map(|(name, weight)| json!([name, weight])).collect();
        let mut steps = Vec::new();
        for (conditions, last) in r2_rules() {
            let all = conditions.map(|(name, value)| json!({"==": [{"var": name}, value]}));
            steps.push(json!({"and": all}));
            steps.push(if last { json!({"fractional": buckets}) } else { json!(R2_VARIANTS[0]) });
        }
        steps.push(json!(R2_VARIANTS[0]));
        let variants: serde_json::Map<String, Value> =
            R2_VARIANTS.map(|name| (name.to_owned(), json!(name))).into_iter().collect();
        flagd(R2, R2_VARIANTS[0], &json!(variants), &json!({"if": steps}))
    }
}

fn flagd(key: &str, default: &str, variants: &Value, targeting: &Value) -> Value {
    json!({"flags": {key: {"state": "ENABLED", "defaultVariant": default, "variants": variants,
        "targeting": targeting}}})
}

impl ReferenceFlags for Eppo {
    fn r1(percent: u32) -> Value {
        universal_r1(percent, "GTE")
    }

    fn r2(weights: [u32; 3]) -> Value {
        universal_r2(weights)
    }
}

impl ReferenceFlags for Datadog {
    fn r1(percent: u32) -> Value {
        universal_r1(percent, "SEMVER_GTE")
    }

    fn r2(weights: [u32; 3]) -> Value {
        universal_r2(weights)
    }
}

/// Shards of Eppo's and Datadog's flags.
const SHARDS: u32 = 10_000;

fn universal_r1(percent: u32, from_version: &str) -> Value {
    let conditions = [
        json!({"attribute": "venue", "operator": "ONE_OF", "value": R1_VENUES}),
        json!({"attribute": "appVersion", "operator": from_version, "value": R1_VERSION}),
    ];
    let allocations = vec![
        json!({"key": "pilot", "rules": [{"conditions": conditions}], "doLog": false,
            "splits": [universal_split("on", 0, percent * SHARDS / 100)]}),
        json!({"key": "rest", "doLog": false, "splits": [{"variationKey": "off", "shards": []}]}),
    ];
    let variations = json!({"on": {"key": "on", "value": true}, "off": {"key": "off", "value": false}});
    universal(R1, "BOOLEAN", &variations, allocations)
}

fn universal_r2(weights: [u32; 3]) -> Value {
    let splits: Vec<Value> = R2_VARIANTS
        .into_iter()
        .zip(ends(weights, SHARDS))
        .map(|(name, (start, end))| universal_split(name, start, end))
        .collect();
    let allocations = r2_rules().enumerate().map(|(n, (conditions, last))| {
        let conditions =
            conditions.map(|(name, value)| json!({"attribute": name, "operator": "ONE_OF", "value": [value]}));
        let splits =
            if last { splits.clone() } else { vec![json!({"variationKey": R2_VARIANTS[0], "shards": []})] };
        json!({"key": format!("rule-{n}"), "rules": [{"conditions": conditions}], "doLog": false, "splits": splits})
    });
    let variations: serde_json::Map<String, Value> =
        R2_VARIANTS.map(|name| (name.to_owned(), json!({"key": name, "value": name}))).into_iter().collect();
    universal(R2, "STRING", &json!(variations), allocations.collect())
}

fn universal_split(variation: &str, start: u32, end: u32) -> Value {
    let shard = json!({"salt": SEED, "totalShards": SHARDS, "ranges": [{"start": start, "end": end}]});
    json!({"variationKey": variation, "shards": [shard]})
}

fn universal(key: &str, variation_type: &str, variations: &Value, allocations: Vec<Value>) -> Value {
    json!({"createdAt": "2026-11-01T00:00:00.000Z", "format": "SERVER", "environment": {"name": "production"},
        "flags": {key: {"key": key, "enabled": true, "variationType": variation_type, "totalShards": SHARDS,
            "variations": variations, "allocations": allocations}}})
}
