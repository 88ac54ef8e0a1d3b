//! The reference work: two flags, and a thousand contexts of eight attributes to ask them with.
//!
//! R1: one rule, `venue` in five values and `appVersion` ≥ 3.2.0, gives a quarter of the people `on`.
//! R2: ten rules of two conditions each, of which the last matches and splits three ways.
//! R3: R1 among 1,000 flags, 200 cohorts and 2,188 venues.

use serde_json::{Value, json};
use usher_core::{
    Context, Problems,
    model::{Document, Kind, parse_strict},
};

/// Flags of R3.
pub const R3_FLAGS: usize = 1_000;
/// Contexts of one round.
pub const CONTEXTS: usize = 1_000;
/// Environment of all flags.
pub const ENVIRONMENT: &str = "production";
/// Key of the first reference flag.
pub const R1: &str = "express-checkout";
/// Key of the second.
pub const R2: &str = "seat-map";
/// Seed of both flags' draws.
pub const SEED: &str = "reference";
/// Venues that R1 is for.
pub const R1_VENUES: [&str; 5] =
    ["wembley-stadium", "camp-nou", "old-trafford", "stade-de-france", "allianz-arena"];
/// Versions from which R1 is on.
pub const R1_VERSION: &str = "3.2.0";
/// The part of those people whom R1 is on for.
pub const R1_PERCENT: u32 = 25;
/// Variants of R2.
pub const R2_VARIANTS: [&str; 3] = ["classic", "bowl", "list"];
/// Their weights: a third each.
pub const R2_WEIGHTS: [u32; 3] = [1, 1, 1];

const VENUES: [&str; 8] = [
    "wembley-stadium",
    "camp-nou",
    "old-trafford",
    "stade-de-france",
    "allianz-arena",
    "celtic-park",
    "croke-park",
    "maracana",
];
const VERSIONS: [&str; 4] = ["3.1.4", "3.2.0", "3.3.1", "2.9.0"];
const TIERS: [&str; 4] = ["basic", "season", "family", "founder"];

/// Values of R2's ten rules: the first nine are nobody's.
#[must_use]
pub fn r2_conditions() -> Vec<[(&'static str, String); 2]> {
    let mut rules: Vec<_> =
        (0..9).map(|n| [("tier", format!("tier-{n}")), ("platform", format!("platform-{n}"))]).collect();
    rules.push([("language", "en".to_owned()), ("platform", "android".to_owned())]);
    rules
}

fn document(kind: Kind, value: &Value) -> Result<Document, Problems> {
    parse_strict(&kind, value.to_string().as_bytes())
}

fn boolean(key: &str, rule: Value) -> Value {
    json!({"key": key, "type": "boolean", "variants": {"on": true, "off": false}, "environments": {ENVIRONMENT: {
        "enabled": true, "offVariant": "off", "rules": [rule], "default": {"variant": "off"}}}})
}

fn r1(key: &str, percent: u32) -> Value {
    let venue = json!({"attribute": "venue", "op": "in", "values": R1_VENUES});
    let version = json!({"attribute": "appVersion", "op": "semverGte", "values": [R1_VERSION]});
    boolean(
        key,
        json!({"id": "pilot", "if": {"all": [venue, version]}, "serve": {"variant": "on"},
               "rollout": {"by": ["targetingKey"], "percent": percent, "seed": SEED}}),
    )
}

fn r2(weights: [u32; 3]) -> Value {
    let weights: Vec<Value> = R2_VARIANTS
        .into_iter()
        .zip(weights)
        .map(|(variant, weight)| json!({"variant": variant, "weight": weight}))
        .collect();
    let split = json!({"split": {"by": ["targetingKey"], "seed": SEED, "weights": weights}});
    let rules: Vec<Value> = r2_conditions()
        .into_iter()
        .enumerate()
        .map(|(n, conditions)| {
            let all =
                conditions.map(|(name, value)| json!({"attribute": name, "op": "equals", "values": [value]}));
            let serve = if n == 9 { split.clone() } else { json!({"variant": "classic"}) };
            json!({"id": format!("rule-{n}"), "if": {"all": all}, "serve": serve})
        })
        .collect();
    json!({"key": R2, "type": "string",
        "variants": {"classic": "classic", "bowl": "bowl", "list": "list"},
        "environments": {ENVIRONMENT: {"enabled": true, "offVariant": "classic", "rules": rules,
            "default": {"variant": "classic"}}}})
}

/// The documents of R1 and R2.
///
/// # Errors
/// None, unless the model has changed under them.
pub fn small() -> Result<Vec<Document>, Problems> {
    Ok(vec![document(Kind::Flag, &r1(R1, R1_PERCENT))?, document(Kind::Flag, &r2(R2_WEIGHTS))?])
}

/// The same without their draws: who matches R1 gets `on`, and the last rule of R2 serves its last variant. Engines
/// draw differently, so only here they must give the same to everybody.
///
/// # Errors
/// None, unless the model has changed under them.
pub fn without_draws() -> Result<Vec<Document>, Problems> {
    Ok(vec![document(Kind::Flag, &r1(R1, 100))?, document(Kind::Flag, &r2([0, 0, 1]))?])
}

/// The documents of R3: those of [`small`] among so many flags in all.
///
/// # Errors
/// None, unless the model has changed under them.
pub fn large(flags: usize) -> Result<Vec<Document>, Problems> {
    let mut documents = small()?;
    for n in 2..flags {
        let cohort = json!({"id": "cohort", "if": {"cohort": format!("cohort-{}", n % 200)}, "serve": {"variant": "on"}});
        let key = format!("flag-{n}");
        documents.push(document(
            Kind::Flag,
            &if n % 2 == 0 { r1(&key, R1_PERCENT) } else { boolean(&key, cohort) },
        )?);
    }
    for n in 0..200 {
        let keys: Vec<String> = (0..50).map(|k| format!("u-{n}-{k}")).collect();
        documents.push(document(
            Kind::Cohort,
            &json!({"key": format!("cohort-{n}"), "name": format!("Cohort {n}"), "keys": keys}),
        )?);
    }
    for n in 0..2_188 {
        let key = VENUES.get(n).map_or_else(|| format!("venue-{n}"), |key| (*key).to_owned());
        documents.push(document(
            Kind::Venue,
            &json!({"key": key, "name": format!("Venue {n}"), "city": "City", "country": "Country", "capacity": 20_000}),
        )?);
    }
    Ok(documents)
}

/// The attributes of the `n`th context, besides its targeting key `u-n`.
#[must_use]
pub fn attributes(n: usize) -> [(&'static str, String); 8] {
    let pick = |of: &[&str], step: usize| of[n / step % of.len()].to_owned();
    [
        ("tier", pick(&TIERS, 1)),
        ("appVersion", pick(&VERSIONS, 3)),
        ("platform", "android".to_owned()),
        ("language", "en".to_owned()),
        ("venue", pick(&VENUES, 2)),
        ("device", format!("device-{n}")),
        ("gate", format!("gate-{}", n % 40)),
        ("seatBlock", format!("block-{}", n % 120)),
    ]
}

/// A thousand people.
#[must_use]
pub fn contexts() -> Vec<Context> {
    (0..CONTEXTS)
        .map(|n| {
            let person = Context::new(&format!("u-{n}"));
            attributes(n).into_iter().fold(person, |context, (name, value)| context.with(name, value))
        })
        .collect()
}
