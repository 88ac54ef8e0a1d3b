//! flagd's draw as a part of an expression: what a split can't say (computed weights, a draw as a condition).
//!
//! Source: flagd's specification of `fractional`, its decision records on precision (weights up to 2³¹ - 1, laid out
//! over `hash · W >> 32`) and on keys that are no text (CBOR).

use super::{Fractional, evaluate::At, value::Value};
use crate::{
    bucket::FlagdKey,
    limits::{MAX_TOTAL_WEIGHT, MAX_VARIANTS},
    model::HashAlgorithm,
};

impl Fractional {
    /// What is drawn; `null` when it can't be drawn.
    pub(super) fn value<'v>(&'v self, at: &At<'v, '_, '_>) -> Value<'v> {
        self.drawn(at).unwrap_or(Value::Null)
    }

    fn drawn<'v>(&'v self, at: &At<'v, '_, '_>) -> Option<Value<'v>> {
        let key = self.key.value(at);
        // Each weight is asked for once: it may be an expression that holds another draw.
        let mut ends = [0_u64; MAX_VARIANTS];
        let mut total = 0_u64;
        for ((_, weight), end) in self.parts.iter().zip(&mut ends) {
            total += match weight {
                Some(weight) => self::weight(&weight.value(at))?,
                None => 1,
            };
            *end = total;
        }
        if total == 0 || total > MAX_TOTAL_WEIGHT {
            return None;
        }
        let mut line = FlagdKey::default();
        match (self.hash, &key) {
            (_, Value::Null) => return None,
            (HashAlgorithm::Murmur3FlagdCbor, key) => add(&mut line, key)?,
            (_, Value::Text(text)) => line.bare(text.as_str()),
            _ => return None,
        }
        let place = line.place(total);
        let ((part, _), _) = self.parts.iter().zip(&ends).find(|(_, end)| place < **end)?;
        match part.value(at) {
            Value::List(_) | Value::Object => None,
            value => Some(value),
        }
    }
}

/// A whole number; one below 0, as a computed one may become, counts as 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // Within range.
fn weight(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Number(number) if number.fract() == 0.0 && *number <= MAX_TOTAL_WEIGHT as f64 => {
            Some(number.max(0.0) as u64)
        }
        _ => None,
    }
}

/// Adds a value with its type. `None` for what can't be a key.
fn add(key: &mut FlagdKey, value: &Value<'_>) -> Option<()> {
    match value {
        Value::Null => key.null(),
        Value::Bool(value) => key.bool(*value),
        Value::Number(number) if number.is_finite() => key.number(*number),
        Value::Text(text) => key.text(text.as_str()),
        Value::List(values) => {
            key.list(values.len());
            return values.clone().into_items().try_for_each(|value| add(key, &value));
        }
        Value::Number(_) | Value::Object => return None,
    }
    Some(())
}
