//! `fractional`: draws by weight.

use serde_json::{Map, Value, json};

use super::{Fractional, attribute, operation};
use crate::{
    import::any_of,
    limits::{MAX_TOTAL_WEIGHT, MAX_VARIANTS},
    model::{Condition, HashAlgorithm, Percent, Rollout, WhenMissing},
};

/// Whom a draw keeps together, where Usher's draws say it exactly.
pub(super) struct Key {
    pub(super) by: Vec<String>,
    pub(super) seed: String,
    pub(super) hash: HashAlgorithm,
    pub(super) when_missing: WhenMissing,
}

/// The arguments of a draw: its key, unless it goes by flag and targeting key, and its parts.
pub(super) fn arguments(given: &[Value]) -> (Option<&Value>, &[Value]) {
    match given {
        [Value::Array(_), ..] | [] => (None, given),
        [key, parts @ ..] => (Some(key), parts),
    }
}

/// The key as Usher draws by it; `None` for one that is only an expression.
pub(super) fn key(flag: &str, key: Option<&Value>, fractional: Fractional) -> Option<Key> {
    let plain = match fractional {
        Fractional::V2 => HashAlgorithm::Murmur3Flagd,
        Fractional::V3 => HashAlgorithm::Murmur3FlagdCbor,
    };
    let outside = |by: &str, seed: &str, hash| Key {
        by: vec![by.to_owned()],
        seed: seed.to_owned(),
        hash,
        when_missing: WhenMissing::Outside,
    };
    let Some(key) = key else {
        return Some(match fractional {
            Fractional::V2 => outside("targetingKey", flag, plain),
            Fractional::V3 => outside("targetingKey", flag, HashAlgorithm::Murmur3FlagdCborPair),
        });
    };
    if let Some(name) = attribute(key) {
        return Some(outside(name, "", plain));
    }
    let ("cat", parts) = operation(key)? else { return None };
    let literals = parts.iter().take_while(|part| part.is_string()).count();
    let seed: String = parts[..literals].iter().filter_map(Value::as_str).collect();
    let by: Vec<String> =
        parts[literals..].iter().map(|part| attribute(part).map(str::to_owned)).collect::<Option<_>>()?;
    // Alone and without a seed, a number would be drawn by as a number.
    let is_text = !by.is_empty() && (by.len() > 1 || !seed.is_empty());
    is_text.then_some(Key { by, seed, hash: plain, when_missing: WhenMissing::Empty })
}

/// What a weight that is written out counts for.
pub(super) enum Weight {
    Some(u32),
    /// It makes the whole draw give nothing.
    Wrong,
    /// It is an expression.
    Computed,
}

/// The weight of a part; without one, 1. A negative one counts as 0.
pub(super) fn weight(part: &[Value]) -> Weight {
    match part.get(1) {
        None => Weight::Some(1),
        Some(Value::Number(number)) => {
            let number = number.as_f64().filter(|number| number.fract() == 0.0).map(|number| number.max(0.0));
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Whole, and within range.
            match number.filter(|number| *number <= f64::from(i32::MAX)) {
                Some(number) => Weight::Some(number as u32),
                None => Weight::Wrong,
            }
        }
        Some(value) if operation(value).is_some() => Weight::Computed,
        Some(_) => Weight::Wrong,
    }
}

/// All parts of a draw with their weights, when each is written out; `Err` when that makes it give nothing.
pub(super) fn weighted(parts: &[Value]) -> Option<Result<Vec<(&Value, u32)>, ()>> {
    let mut weighted = Vec::with_capacity(parts.len());
    let mut wrong = parts.len() > MAX_VARIANTS;
    for part in parts {
        match part.as_array().map(Vec::as_slice) {
            Some(part @ [drawn, ..]) => match weight(part) {
                Weight::Some(weight) => weighted.push((drawn, weight)),
                Weight::Wrong => wrong = true,
                Weight::Computed => return None,
            },
            _ => wrong = true,
        }
    }
    let total: u64 = weighted.iter().map(|(_, weight)| u64::from(*weight)).sum();
    wrong |= total == 0 || total > MAX_TOTAL_WEIGHT;
    Some(if wrong { Err(()) } else { Ok(weighted) })
}

/// A draw as a condition: the parts of the line where it gives what is truthy, as shares. Only where those begin and
/// end on steps of a share is that exact.
pub(super) fn share(
    flag: &str,
    operator: &str,
    given: &[Value],
    fractional: Fractional,
) -> Option<Condition> {
    if operator != "fractional" {
        return None;
    }
    let (by, parts) = arguments(given);
    let weighted = match weighted(parts)? {
        Ok(weighted) => weighted,
        Err(()) => return Some(Condition::Any(Vec::new())),
    };
    let key = key(flag, by, fractional)?;
    let total: u64 = weighted.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let step = |place: u64| {
        let steps = place * u64::from(Percent::STEPS);
        steps.is_multiple_of(total).then(|| u32::try_from(steps / total).ok()).flatten()
    };
    let mut shares: Vec<(u32, u32)> = Vec::new();
    let mut place = 0;
    for (drawn, weight) in weighted {
        let truthy = match drawn {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::String(text) => !text.is_empty(),
            Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
            _ => return None,
        };
        let from = place;
        place += u64::from(weight);
        if !truthy || weight == 0 {
            continue;
        }
        let (from, to) = (step(from)?, step(place)?);
        match shares.last_mut() {
            Some((_, end)) if *end == from => *end = to,
            _ => shares.push((from, to)),
        }
    }
    let rollouts = shares.into_iter().map(|(from, to)| {
        Condition::Rollout(Box::new(Rollout {
            by: key.by.clone(),
            percent: Percent::from_steps(to - from),
            from: Percent::from_steps(from),
            seed: key.seed.clone(),
            hash: key.hash,
            fallback: Vec::new(),
            when_missing: key.when_missing,
        }))
    });
    Some(any_of(rollouts.collect()))
}

/// An expression in which every draw names its key and its form, as Usher's expressions have it.
pub(super) fn explicit(flag: &str, value: &Value, fractional: Fractional) -> Value {
    let each = |values: &[Value]| values.iter().map(|value| explicit(flag, value, fractional)).collect();
    match value {
        Value::Array(values) => Value::Array(each(values)),
        Value::Object(fields) => {
            if let Some(("fractional", given)) = operation(value) {
                let (key, parts) = arguments(given);
                return draw(flag, key.map(|key| explicit(flag, key, fractional)), each(parts), fractional);
            }
            let fields = fields.iter().map(|(name, value)| (name.clone(), explicit(flag, value, fractional)));
            Value::Object(fields.collect())
        }
        scalar => scalar.clone(),
    }
}

fn draw(flag: &str, key: Option<Value>, parts: Vec<Value>, fractional: Fractional) -> Value {
    let targeting_key = json!({"var": "targetingKey"});
    let operator = match fractional {
        Fractional::V2 => "fractional",
        Fractional::V3 => "fractionalCbor",
    };
    let by = |key: Value| {
        let given = std::iter::once(key).chain(parts).collect();
        Value::Object(Map::from_iter([(operator.to_owned(), Value::Array(given))]))
    };
    match (key, fractional) {
        (Some(key), _) => by(key),
        // Without a targeting key, or with an empty one, there is no draw.
        (None, Fractional::V2) => {
            json!({"if": [targeting_key, by(json!({"cat": [flag, targeting_key]})), null]})
        }
        (None, Fractional::V3) => json!({"if": [targeting_key, by(json!([flag, targeting_key])), null]}),
    }
}
