//! Evaluating: a walk over the tree that never fails.

use std::borrow::Cow;

use super::{
    Arithmetic, Node, Place, Quantifier, Sought, Variable,
    value::{List, Str, Value},
};
use crate::{
    context::{AttributeValue, Text},
    evaluate::Scope,
};

/// What an expression can look at.
pub(super) struct At<'v, 'r, 'c> {
    scope: &'v Scope<'r, 'c>,
    element: Option<Value<'v>>,
}

impl<'v, 'r, 'c> At<'v, 'r, 'c> {
    pub(super) fn new(scope: &'v Scope<'r, 'c>) -> Self {
        Self { scope, element: None }
    }
}

impl Node {
    /// Whether its value is truthy, without making the value where that would take memory.
    pub(super) fn is_truthy<'v>(&'v self, at: &At<'v, '_, '_>) -> bool {
        match self {
            Self::If(parts) => match chosen(parts, at) {
                Some(part) => part.is_truthy(at),
                None => false,
            },
            Self::And(parts) => parts.iter().all(|part| part.is_truthy(at)),
            Self::Or(parts) => parts.iter().any(|part| part.is_truthy(at)),
            Self::Truth { node, wanted } => node.is_truthy(at) == *wanted,
            Self::Missing(names) => names.iter().any(|sought| !sought.place.is_there(at)),
            Self::MissingSome { names, needed } => lacks_some(names, *needed, at),
            Self::List(parts) => !parts.is_empty(),
            other => other.value(at).is_truthy(),
        }
    }

    pub(super) fn value<'v>(&'v self, at: &At<'v, '_, '_>) -> Value<'v> {
        match self {
            Self::Constant(constant) => constant.into(),
            Self::Variable(variable) => variable.value(at),
            Self::Element => at.element.clone().unwrap_or(Value::Null),
            Self::Now => Value::Number(seconds(at)),
            Self::Context => Value::Object,
            Self::List(parts) => Value::List(List::Made(parts.iter().map(|part| part.value(at)).collect())),
            Self::If(parts) => chosen(parts, at).map_or(Value::Null, |part| part.value(at)),
            Self::And(parts) => until(parts, at, |value| !value.is_truthy()),
            Self::Or(parts) => until(parts, at, Value::is_truthy),
            Self::Truth { node, wanted } => Value::Bool(node.is_truthy(at) == *wanted),
            Self::Equal { sides, strict, wanted } => {
                let [a, b] = &**sides;
                let (a, b) = (a.value(at), b.value(at));
                let equal = if *strict { a.equals_strictly(&b) } else { a.equals(&b) };
                Value::Bool(equal == *wanted)
            }
            Self::Order { parts, order } => {
                let mut values = parts.iter().map(|part| part.value(at));
                let Some(mut before) = values.next() else { return Value::Bool(true) };
                Value::Bool(values.all(|value| {
                    let holds = before.is(*order, &value);
                    before = value;
                    holds
                }))
            }
            Self::Arithmetic { parts, how } => how.of(parts, at),
            Self::In(sides) => Value::Bool(is_in(sides, at)),
            Self::Cat(parts) => {
                let mut text = String::new();
                parts.iter().for_each(|part| part.value(at).write(&mut text));
                Value::Text(Str::Other(Cow::Owned(text)))
            }
            Self::Substr(parts) => substr(parts, at),
            Self::Affix { sides, at_end } => {
                let [text, affix] = &**sides;
                match (text.value(at), affix.value(at)) {
                    (Value::Text(text), Value::Text(affix)) if *at_end => {
                        Value::Bool(text.as_str().ends_with(affix.as_str()))
                    }
                    (Value::Text(text), Value::Text(affix)) => {
                        Value::Bool(text.as_str().starts_with(affix.as_str()))
                    }
                    _ => Value::Null,
                }
            }
            Self::SemVer(parts) => sem_ver(parts, at).map_or(Value::Null, Value::Bool),
            Self::Missing(names) => lacking(names, at),
            Self::MissingSome { names, needed } if lacks_some(names, *needed, at) => lacking(names, at),
            Self::MissingSome { .. } => Value::List(List::Constant(&[])),
            Self::Merge(parts) => {
                let mut merged = Vec::new();
                for part in parts {
                    match part.value(at) {
                        Value::List(values) => merged.extend(values.into_items()),
                        single => merged.push(single),
                    }
                }
                Value::List(List::Made(merged))
            }
            Self::Quantifier { list, test, which } => Value::Bool(which.holds(list, test, at)),
            Self::Fractional(fractional) => fractional.value(at),
        }
    }
}

/// The part of an `if` whose turn it is.
fn chosen<'v>(parts: &'v [Node], at: &At<'v, '_, '_>) -> Option<&'v Node> {
    parts.chunks(2).find_map(|pair| match pair {
        [condition, then] => condition.is_truthy(at).then_some(then),
        [otherwise] => Some(otherwise),
        _ => None,
    })
}

/// The first value that `ends` it, or the last.
fn until<'v>(parts: &'v [Node], at: &At<'v, '_, '_>, ends: impl Fn(&Value<'v>) -> bool) -> Value<'v> {
    let mut value = Value::Null;
    for part in parts {
        value = part.value(at);
        if ends(&value) {
            break;
        }
    }
    value
}

/// Whole seconds since 1970.
#[allow(clippy::cast_precision_loss)] // Exact for the next 285 million years.
fn seconds(at: &At<'_, '_, '_>) -> f64 {
    at.scope.clock.now().millis().div_euclid(1000) as f64
}

impl Variable {
    fn value<'v>(&'v self, at: &At<'v, '_, '_>) -> Value<'v> {
        match self.place.find(at) {
            Some(found) => found.into(),
            None if self.place.is_object(at) => Value::Object,
            None => self.default.as_ref().map_or(Value::Null, |default| default.value(at)),
        }
    }
}

impl Place {
    fn find<'v>(&'v self, at: &At<'v, '_, '_>) -> Option<&'v AttributeValue> {
        at.scope.find(&self.source).or_else(|| {
            self.lists.iter().find_map(|(name, indices)| {
                let list = at.scope.context.attribute(name)?;
                indices.iter().try_fold(list, |value, index| match value {
                    AttributeValue::List(values) => values.get(*index),
                    _ => None,
                })
            })
        })
    }

    fn is_object(&self, at: &At<'_, '_, '_>) -> bool {
        at.scope.context.has_within(&self.within)
    }

    fn is_there<'v>(&'v self, at: &At<'v, '_, '_>) -> bool {
        self.find(at).is_some() || self.is_object(at)
    }
}

/// The names that are missing.
fn lacking<'v>(names: &'v [Sought], at: &At<'v, '_, '_>) -> Value<'v> {
    let text = |name: &'v Text| Value::Text(Str::Known(name));
    let lacking = names.iter().filter(|sought| !sought.place.is_there(at));
    Value::List(List::Made(lacking.map(|sought| text(&sought.name)).collect()))
}

/// Whether fewer than `needed` are there, and at least one is not.
#[allow(clippy::cast_precision_loss)] // There are few names.
fn lacks_some<'v>(names: &'v [Sought], needed: f64, at: &At<'v, '_, '_>) -> bool {
    let there = names.iter().filter(|sought| sought.place.is_there(at)).count();
    (there as f64) < needed && there < names.len()
}

fn is_in<'v>(sides: &'v [Node; 2], at: &At<'v, '_, '_>) -> bool {
    let [needle, haystack] = sides;
    let needle = needle.value(at);
    if let Node::List(parts) = haystack {
        return parts.iter().any(|part| part.value(at).equals_strictly(&needle));
    }
    match (haystack.value(at), needle) {
        (Value::Text(text), Value::Text(part)) => text.as_str().contains(part.as_str()),
        (Value::List(values), needle) => values.into_items().any(|value| value.equals_strictly(&needle)),
        _ => false,
    }
}

/// Characters of a text from a start on, counted from the end when it is negative, as many as asked for; a negative
/// number leaves so many out at the end.
#[allow(clippy::cast_possible_truncation)] // It saturates, which is what is wanted.
fn substr<'v>(parts: &'v [Node], at: &At<'v, '_, '_>) -> Value<'v> {
    let whole = |node: &'v Node| node.value(at).number() as i64;
    let text = parts.first().map_or(Value::Null, |text| text.value(at)).into_text();
    let count = i64::try_from(text.as_str().chars().count()).unwrap_or(i64::MAX);
    let start = match parts.get(1).map_or(0, whole) {
        start if start < 0 => start.saturating_add(count).max(0),
        start => start.min(count),
    };
    let end = match parts.get(2).map(whole) {
        None => count,
        Some(length) if length < 0 => count.saturating_add(length).max(start),
        Some(length) => start.saturating_add(length).min(count),
    };
    let byte = |text: &str, at: i64| {
        let nth = usize::try_from(at).unwrap_or(usize::MAX);
        text.char_indices().nth(nth).map_or(text.len(), |(byte, _)| byte)
    };
    let (from, to) = (byte(text.as_str(), start), byte(text.as_str(), end));
    Value::Text(Str::Other(match text {
        Str::Known(text) => Cow::Borrowed(&text.as_str()[from..to]),
        Str::Other(Cow::Borrowed(text)) => Cow::Borrowed(&text[from..to]),
        Str::Other(Cow::Owned(text)) => Cow::Owned(text[from..to].to_owned()),
    }))
}

/// `None` for what is no version, or no operator.
fn sem_ver<'v>(parts: &'v [Node; 3], at: &At<'v, '_, '_>) -> Option<bool> {
    let [a, operator, b] = parts;
    let (Value::Text(a), Value::Text(operator), Value::Text(b)) =
        (a.value(at), operator.value(at), b.value(at))
    else {
        return None;
    };
    let (a, b) = (a.version()?, b.version()?);
    let ordering = a.cmp_precedence(&b);
    Some(match operator.as_str() {
        "=" => ordering.is_eq(),
        "!=" => ordering.is_ne(),
        "<" => ordering.is_lt(),
        "<=" => ordering.is_le(),
        ">" => ordering.is_gt(),
        ">=" => ordering.is_ge(),
        "^" => a.major == b.major,
        "~" => (a.major, a.minor) == (b.major, b.minor),
        _ => return None,
    })
}

impl Arithmetic {
    fn of<'v>(self, parts: &'v [Node], at: &At<'v, '_, '_>) -> Value<'v> {
        // JavaScript's `min` and `max` are NaN when any of their values is.
        let extreme = |start: f64, choose: fn(f64, f64) -> f64| {
            parts.iter().map(|part| part.value(at).number()).fold(start, |best, number| {
                if best.is_nan() || number.is_nan() { f64::NAN } else { choose(best, number) }
            })
        };
        let leading = |part: &'v Node| part.value(at).leading_number();
        Value::Number(match (self, parts) {
            (Self::Add, parts) => parts.iter().map(leading).fold(0.0, |sum, number| sum + number),
            (Self::Multiply, [only]) => return only.value(at),
            (Self::Multiply, parts) => parts.iter().map(leading).product(),
            (Self::Min, _) => extreme(f64::INFINITY, f64::min),
            (Self::Max, _) => extreme(f64::NEG_INFINITY, f64::max),
            (Self::Subtract, [only]) => -only.value(at).number(),
            (_, [a, b]) => {
                let (a, b) = (a.value(at).number(), b.value(at).number());
                match self {
                    Self::Subtract => a - b,
                    Self::Divide => a / b,
                    _ => a % b,
                }
            }
            _ => f64::NAN,
        })
    }
}

impl Quantifier {
    fn holds<'v>(self, list: &'v Node, test: &'v Node, at: &At<'v, '_, '_>) -> bool {
        let values = match list.value(at) {
            Value::List(values) if !values.is_empty() => values,
            // Of nothing, `all` is false too.
            _ => return self == Self::None,
        };
        let mut holds = values.into_items().map(|element| {
            let at = At { scope: at.scope, element: Some(element) };
            test.is_truthy(&at)
        });
        match self {
            Self::All => holds.all(|holds| holds),
            Self::Some => holds.any(|holds| holds),
            Self::None => !holds.any(|holds| holds),
        }
    }
}
