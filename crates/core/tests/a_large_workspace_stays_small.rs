//! A ruleset of 5,000 flags, 2,188 venues and 200 cohorts: what it holds, and what a change of it costs. In a test
//! binary of its own, because the allocator counts for all.
#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

#[allow(dead_code)] // Its own part only.
#[path = "core_tests/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::{NOW, document, flag, ruleset, venue};
use usher_core::{
    Context, Ruleset,
    model::{Document, Kind, Seq},
};
use usher_testkit::allocations::{self, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

const FLAGS: usize = 5_000;
const VENUES: usize = 2_188;
const COHORTS: usize = 200;
const MEGABYTE: i64 = 1 << 20;

/// Flags as teams have them: a pilot, a country, an app version, a staged share, a split; some with a list of venues.
fn nth(n: usize) -> Document {
    let venues: Vec<String> = (0..20).map(|k| format!("venue-{}", (n * 7 + k * 31) % VENUES)).collect();
    let overrides: serde_json::Map<String, Value> =
        (0..n % 8).map(|k| (format!("venue-{}", (n + k * 101) % VENUES), "on".into())).collect();
    flag(
        &format!("flag-{n}"),
        &json!({
            "venues": overrides,
            "targets": [{"by": "targetingKey", "values": [format!("u-{n}"), "u-0"], "variant": "on"}],
            "rules": [
                {"id": "pilot", "if": {"attribute": "venue", "op": "in", "values": venues}, "serve": {"variant": "on"}},
                {"id": "staff", "if": {"all": [{"cohort": format!("cohort-{}", n % COHORTS)},
                    {"attribute": "appVersion", "op": "semverGte", "values": ["3.2.0"]}]}, "serve": {"variant": "on"}},
                {"id": "country", "if": {"any": [{"attribute": "venue.country", "op": "in", "values": ["England", "Wales"]},
                    {"attribute": "venue.tags", "op": "in", "values": ["roof"]}]},
                 "rollout": {"by": ["targetingKey"], "percent": 12.5, "seed": "s"}, "serve": {"variant": "on"}}
            ],
            "default": {"split": {"by": ["targetingKey"], "seed": format!("flag-{n}"),
                "weights": [{"variant": "on", "weight": 10}, {"variant": "off", "weight": 90}]}}
        }),
    )
}

fn cohort(n: usize) -> Document {
    let keys: Vec<String> = (0..100).map(|k| format!("u-{}", n * 100 + k)).collect();
    document(
        Kind::Cohort,
        &json!({"key": format!("cohort-{n}"), "name": "C", "keys": keys,
        "if": {"attribute": "tier", "op": "equals", "values": [format!("tier-{n}")]}}),
    )
}

#[test]
fn five_thousand_flags_fit_in_tens_of_megabytes_and_a_change_costs_its_own_flag() {
    let mut documents: Vec<Document> = (0..FLAGS).map(nth).collect();
    documents.extend((0..VENUES).map(|n| venue(&format!("venue-{n}"), "England")));
    documents.extend((0..COHORTS).map(cohort));
    let (rules, held): (Ruleset, i64) = allocations::held_by(|| ruleset(&documents));
    assert_eq!((rules.len(), rules.broken().count()), (FLAGS, 0));
    assert!(held < 64 * MEGABYTE, "{} MB for the whole", held / MEGABYTE);

    let changed = nth(77);
    let (one, of_one) = allocations::held_by(|| ruleset([&changed]));
    let (next, more) = allocations::held_by(|| rules.apply(Seq(2), [&changed], []));
    assert_eq!(next.len(), FLAGS);
    // Besides that flag, the tables that lead to the flags: pointers, but nothing that they point to.
    let tables = i64::try_from((FLAGS + VENUES + COHORTS) * 2 * 32).unwrap();
    assert!(more < of_one + tables, "{more} bytes for a change, {of_one} for the flag alone");
    drop(one);

    let context = Context::new("u-17").with("venue", "venue-3").with("appVersion", "3.2.1");
    assert_eq!(
        next.evaluate("flag-77", &context, NOW).variant(),
        rules.evaluate("flag-77", &context, NOW).variant()
    );
}
