//! Looking into expressions for what they may give, and taking draws with choices in them apart.

use serde_json::{Value, json};

use super::{draws, operation};

/// How deep choices are followed.
const MAX_DEPTH: usize = 64;

/// The name that a literal gives.
pub(super) fn name(value: &Value) -> Option<String> {
    match value {
        Value::String(name) => Some(name.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => {
            Some(number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Which part of a draw is first to have a choice for its variant (0) or weight (1), and in how many ways all choices
/// of the draw can be made together.
pub(super) fn first_choice(parts: &[Value]) -> Option<(usize, usize, usize)> {
    let mut found = None;
    let mut all = 1_usize;
    for (n, part) in parts.iter().enumerate() {
        for (m, value) in part.as_array().into_iter().flatten().take(2).enumerate() {
            if let Some(ways) = ways(value) {
                all = all.saturating_mul(ways);
                found = found.or(Some((n, m)));
            }
        }
    }
    found.map(|(n, m)| (n, m, all))
}

/// In how many ways a choice can be made, those within it included; `None` for what is none.
fn ways(value: &Value) -> Option<usize> {
    let ("if" | "?:", parts @ [_, ..]) = operation(value)? else { return None };
    let thens = parts.chunks(2).filter_map(<[Value]>::last).map(|then| ways(then).unwrap_or(1));
    let otherwise = usize::from(parts.len().is_multiple_of(2));
    Some(thens.fold(otherwise, usize::saturating_add))
}

/// A draw with a choice in it, as a choice between draws.
pub(super) fn taken_apart(given: &[Value], n: usize, m: usize) -> Value {
    let with = |outcome: &Value| {
        let mut given = given.to_vec();
        if let Some(place) = given.get_mut(n).and_then(|part| part.get_mut(m)) {
            *place = outcome.clone();
        }
        json!({"fractional": given})
    };
    let choice = given.get(n).and_then(|part| part.get(m)).and_then(operation);
    let parts = choice.map_or(&[][..], |(_, parts)| parts);
    let mut apart: Vec<Value> = Vec::with_capacity(parts.len() + 1);
    for pair in parts.chunks(2) {
        match pair {
            [condition, then] => apart.extend([condition.clone(), with(then)]),
            [otherwise] => apart.push(with(otherwise)),
            _ => {}
        }
    }
    if parts.len().is_multiple_of(2) {
        apart.push(with(&Value::Null));
    }
    json!({"if": apart})
}

/// All names that an expression may give, when they are written out in it.
pub(super) fn outcomes(value: &Value) -> Option<Vec<String>> {
    let mut names = Vec::new();
    add_outcomes(value, &mut names, 0).then_some(names)
}

fn add_outcomes(value: &Value, names: &mut Vec<String>, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match operation(value) {
        Some(("if" | "?:", parts)) => {
            let thens = parts.chunks(2).filter_map(<[Value]>::last);
            thens.into_iter().all(|then| add_outcomes(then, names, depth + 1))
        }
        Some(("fractional", given)) => {
            let (_, parts) = draws::arguments(given);
            let drawn = parts.iter().map(|part| part.get(0));
            drawn.into_iter().all(|drawn| drawn.is_some_and(|drawn| add_outcomes(drawn, names, depth + 1)))
        }
        Some(_) => false,
        None => match name(value) {
            Some(name) => {
                if !names.contains(&name) {
                    names.push(name);
                }
                true
            }
            None => value.is_null(),
        },
    }
}
