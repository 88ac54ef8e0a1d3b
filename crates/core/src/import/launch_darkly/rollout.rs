//! Rollouts: what a rule serves by percentage, and whom a segment's rule takes.

use serde_json::{Map, Value};

use super::{
    Source,
    attribute::{Attribute, Kind, checked_names},
    field, list, text,
};
use crate::{
    import::report::Notes,
    model::{
        Condition, HashAlgorithm, Percent, Rollout, Serve, Split, VariantKey, WeightedVariant, WhenMissing,
    },
    problem::join,
};

/// What contexts are drawn by: the attribute, and what stands in for it.
struct Drawn {
    by: Vec<String>,
    fallback: Vec<String>,
}

/// What a rollout or an experiment serves. `prefix` is the seed of those that have no seed of their own.
pub(super) fn serve(
    source: &Source<'_>,
    rollout: &Value,
    variants: &[VariantKey],
    prefix: &str,
    at: &str,
    notes: &mut Notes,
) -> Option<Serve> {
    let Value::Object(fields) = rollout else {
        notes.refused(at, "this is not a rollout");
        return None;
    };
    super::note_unknown(fields, &["kind", "contextKind", "bucketBy", "variations", "seed"], at, notes);
    let is_experiment = match text(fields, "kind", &join(at, "kind"), notes) {
        "" | "rollout" => false,
        "experiment" => true,
        other => {
            notes.refused(join(at, "kind"), format!("the kind of rollout `{other}` is not known"));
            return None;
        }
    };
    let seed = match field(fields, "seed") {
        None => prefix.to_owned(),
        Some(Value::Number(number)) if number.is_i64() => number.to_string(),
        Some(_) => {
            notes.refused(join(at, "seed"), "a seed is a whole number");
            return None;
        }
    };
    let drawn = drawn(source, fields, "contextKind", !is_experiment, at, notes);
    let weights = weights(fields, variants, at, notes);
    let (drawn, weights) = (drawn?, weights?);
    let last = weights.last().and_then(|last| last.variant.clone());
    let Some(last) = last else {
        notes.refused(join(at, "variations"), "a rollout without variations makes the flag give an error");
        return None;
    };
    // The last variation gets what the others leave, and that is everybody.
    if weights.iter().all(|own| own.weight == 0) {
        return Some(Serve::Variant(last));
    }
    Some(Serve::Split(Split {
        by: drawn.by,
        seed,
        weights,
        hash: HashAlgorithm::Sha1LaunchDarkly,
        fallback: drawn.fallback,
        when_missing: WhenMissing::First,
        otherwise: None,
    }))
}

fn weights(
    fields: &Map<String, Value>,
    variants: &[VariantKey],
    at: &str,
    notes: &mut Notes,
) -> Option<Vec<WeightedVariant>> {
    let at = join(at, "variations");
    let mut weights = Some(Vec::new());
    for (n, weighted) in list(fields, "variations", &at, notes).iter().enumerate() {
        let at = format!("{at}[{n}]");
        if let Value::Object(weighted) = weighted {
            super::note_unknown(weighted, &["variation", "weight", "untracked"], &at, notes);
        }
        let variant = variant(weighted.get("variation"), variants, &join(&at, "variation"), notes);
        let weight = weight(weighted.get("weight"), &join(&at, "weight"), notes);
        weights = weights.zip(variant.zip(weight)).map(|(mut all, (variant, weight)): (Vec<_>, _)| {
            all.push(WeightedVariant { variant: Some(variant), weight });
            all
        });
    }
    weights
}

/// The variant that an index stands for.
pub(super) fn variant(
    index: Option<&Value>,
    variants: &[VariantKey],
    at: &str,
    notes: &mut Notes,
) -> Option<VariantKey> {
    let found = index.and_then(Value::as_u64).and_then(|index| variants.get(usize::try_from(index).ok()?));
    if found.is_none() {
        notes.refused(at, "there is no such variation, so the flag gives an error");
    }
    found.cloned()
}

fn weight(weight: Option<&Value>, at: &str, notes: &mut Notes) -> Option<u32> {
    // A whole number may be written as a float.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Within range, by the check.
    let whole = weight
        .and_then(Value::as_f64)
        .filter(|own| own.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(own))
        .map(|own| own as u32);
    if whole.is_none() {
        notes.refused(at, "a weight is a whole number of at least 0");
    }
    whole
}

/// The share of contexts that a segment's rule takes; none when it takes all.
pub(super) fn share(
    source: &Source<'_>,
    rule: &Map<String, Value>,
    seed: String,
    at: &str,
    notes: &mut Notes,
) -> Option<Option<Condition>> {
    let Some(own) = field(rule, "weight") else { return Some(None) };
    let drawn = drawn(source, rule, "rolloutContextKind", true, at, notes);
    // Less than nothing is not looked at.
    if own.as_f64().is_some_and(|own| own < 0.0) {
        return drawn.map(|_| None);
    }
    let weight = weight(Some(own), &join(at, "weight"), notes);
    let (drawn, weight) = (drawn?, weight?);
    if weight > Percent::STEPS {
        return Some(None);
    }
    Some(Some(Condition::Rollout(Box::new(Rollout {
        by: drawn.by,
        percent: Percent::from_steps(weight),
        from: Percent::default(),
        seed,
        hash: HashAlgorithm::Sha1LaunchDarkly,
        fallback: drawn.fallback,
        when_missing: WhenMissing::First,
    }))))
}

/// What a draw goes by. An experiment goes by the key, whatever else it names.
fn drawn(
    source: &Source<'_>,
    fields: &Map<String, Value>,
    kind_field: &str,
    may_choose: bool,
    at: &str,
    notes: &mut Notes,
) -> Option<Drawn> {
    let kind = Kind::read(field(fields, kind_field), &join(at, kind_field), notes)?;
    let at = join(at, "bucketBy");
    let attribute = match field(fields, "bucketBy").filter(|_| may_choose) {
        None => Ok(Attribute::Key(kind.clone())),
        Some(Value::String(reference)) => {
            Attribute::read(reference, field(fields, kind_field).is_none(), &kind)
        }
        Some(_) => Err("this is not a text"),
    };
    let attribute = match attribute {
        Ok(Attribute::Kinds) => {
            notes.refused(at, "a draw can't go by the kind of a context here");
            return None;
        }
        Ok(attribute) => attribute,
        Err(why) => {
            notes.refused(at, format!("{why}, so the flag gives an error"));
            return None;
        }
    };
    let mut names = checked_names(source, &attribute, &kind, &at, notes)?;
    let fallback = names.split_off(1.min(names.len()));
    Some(Drawn { by: names, fallback })
}
