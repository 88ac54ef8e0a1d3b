//! Values on the way through an expression: borrowed wherever they can be.

use std::{borrow::Cow, slice, vec};

use semver::Version;

use super::{Constant, Order, numbers};
use crate::{
    context::{AttributeValue, Text, parse_version},
    ruleset::dialect::flagd,
};

/// What an operation gives.
#[derive(Clone, Debug)]
pub(super) enum Value<'v> {
    Null,
    Bool(bool),
    Number(f64),
    Text(Str<'v>),
    List(List<'v>),
    /// An object of the context. All that can be told is that it is there.
    Object,
}

/// A text, with what is known of it where it comes from a context or is written out.
#[derive(Clone, Debug)]
pub(super) enum Str<'v> {
    Known(&'v Text),
    Other(Cow<'v, str>),
}

/// Several values.
#[derive(Clone, Debug)]
pub(super) enum List<'v> {
    Attribute(&'v [AttributeValue]),
    Constant(&'v [Constant]),
    Made(Vec<Value<'v>>),
}

impl<'v> From<&'v Constant> for Value<'v> {
    fn from(constant: &'v Constant) -> Self {
        match constant {
            Constant::Null => Self::Null,
            Constant::Bool(value) => Self::Bool(*value),
            Constant::Number(number) => Self::Number(*number),
            Constant::Text(text) => Self::Text(Str::Known(text)),
            Constant::List(values) => Self::List(List::Constant(values)),
        }
    }
}

impl<'v> From<&'v AttributeValue> for Value<'v> {
    #[allow(clippy::cast_precision_loss)] // JSONLogic knows no other numbers.
    fn from(attribute: &'v AttributeValue) -> Self {
        match attribute {
            AttributeValue::Bool(value) => Self::Bool(*value),
            AttributeValue::Integer(number) => Self::Number(*number as f64),
            AttributeValue::Float(number) => Self::Number(*number),
            AttributeValue::Text(text) => Self::Text(Str::Known(text)),
            AttributeValue::List(values) => Self::List(List::Attribute(values)),
        }
    }
}

impl Str<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Known(text) => text.as_str(),
            Self::Other(text) => text,
        }
    }

    /// The version it spells, as flagd reads one: with or without a `v`, minor and patch may be missing, but not from
    /// one with a suffix.
    pub(super) fn version(&self) -> Option<Cow<'_, Version>> {
        match self {
            Self::Known(text) => flagd::version(text).map(Cow::Borrowed),
            Self::Other(text) if flagd::is_whole_or_plain(text) => parse_version(text).map(Cow::Owned),
            Self::Other(_) => None,
        }
    }
}

impl<'v> List<'v> {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Attribute(values) => values.len(),
            Self::Constant(values) => values.len(),
            Self::Made(values) => values.len(),
        }
    }

    pub(super) fn into_items(self) -> Items<'v> {
        match self {
            Self::Attribute(values) => Items::Attribute(values.iter()),
            Self::Constant(values) => Items::Constant(values.iter()),
            Self::Made(values) => Items::Made(values.into_iter()),
        }
    }
}

/// The values of a list, one after the other.
pub(super) enum Items<'v> {
    Attribute(slice::Iter<'v, AttributeValue>),
    Constant(slice::Iter<'v, Constant>),
    Made(vec::IntoIter<Value<'v>>),
}

impl<'v> Iterator for Items<'v> {
    type Item = Value<'v>;

    fn next(&mut self) -> Option<Value<'v>> {
        match self {
            Self::Attribute(values) => values.next().map(Value::from),
            Self::Constant(values) => values.next().map(Value::from),
            Self::Made(values) => values.next(),
        }
    }
}

impl<'v> Value<'v> {
    pub(super) fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::Text(text) => !text.as_str().is_empty(),
            Self::List(values) => !values.is_empty(),
            Self::Object => true,
        }
    }

    /// Its number; NaN for what has none.
    pub(super) fn number(&self) -> f64 {
        match self {
            Self::Null => 0.0,
            Self::Bool(value) => f64::from(u8::from(*value)),
            Self::Number(number) => *number,
            Self::Text(text) => numbers::number(text.as_str()),
            Self::List(_) | Self::Object => f64::NAN,
        }
    }

    /// What `+` and `*` take it for.
    pub(super) fn leading_number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => numbers::leading_number(text.as_str()),
            _ => f64::NAN,
        }
    }

    pub(super) fn equals(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Self::Null, other) => matches!(other, Value::Null),
            (_, Value::Null) => false,
            (Self::Text(a), Value::Text(b)) => a.as_str() == b.as_str(),
            (Self::List(_) | Self::Object, _) | (_, Value::List(_) | Value::Object) => false,
            (a, b) => same(a.number(), b.number()),
        }
    }

    pub(super) fn equals_strictly(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(a), Value::Bool(b)) => a == b,
            (Self::Number(a), Value::Number(b)) => same(*a, *b),
            (Self::Text(a), Value::Text(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }

    pub(super) fn is(&self, order: Order, other: &Value<'_>) -> bool {
        if let (Self::Text(a), Value::Text(b)) = (self, other) {
            return order.holds(&a.as_str(), &b.as_str());
        }
        order.holds(&self.number(), &other.number())
    }

    /// Writes it as `cat` does.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Null => {}
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => numbers::write(*number, out),
            Self::Text(text) => out.push_str(text.as_str()),
            Self::List(values) => {
                for (n, value) in values.clone().into_items().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    value.write(out);
                }
            }
            Self::Object => out.push_str("[object Object]"),
        }
    }

    /// It as a text.
    pub(super) fn into_text(self) -> Str<'v> {
        match self {
            Self::Text(text) => text,
            other => {
                let mut text = String::new();
                other.write(&mut text);
                Str::Other(Cow::Owned(text))
            }
        }
    }
}

impl Order {
    fn holds<T: PartialOrd>(self, a: &T, b: &T) -> bool {
        match self {
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
        }
    }
}

#[allow(clippy::float_cmp)] // Equality of numbers is exact in JavaScript.
fn same(a: f64, b: f64) -> bool {
    a == b
}
