//! What attributes can be, and texts with what comparisons need of them.

use std::fmt;

use semver::Version;
use serde_json::Value;
use smol_str::SmolStr;
use xxhash_rust::xxh3::xxh3_64;

use crate::model::Timestamp;

/// A text with what comparisons need of it. Most are short, and take nothing from the heap.
#[derive(Clone, PartialEq)]
pub struct Text {
    text: SmolStr,
    hash: u64,
    version: Option<Box<Version>>,
    time: Option<Timestamp>,
}

impl Text {
    /// The text itself.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its xxh3 hash.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The semantic version it spells, if it does.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        self.version.as_deref()
    }

    /// The time it spells, if it does.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.time
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self {
            text: text.into(),
            hash: xxh3_64(text.as_bytes()),
            version: parse_version(text).map(Box::new),
            time: parse_time(text),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// Reads a semantic version as apps write them: a leading `v` and missing minor or patch numbers are allowed.
pub(crate) fn parse_version(text: &str) -> Option<Version> {
    let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
    if !bare.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let core_end = bare.find(['-', '+']).unwrap_or(bare.len());
    let missing = match bare[..core_end].bytes().filter(|b| *b == b'.').count() {
        0 => ".0.0",
        1 => ".0",
        2 => return Version::parse(bare).ok(),
        _ => return None,
    };
    Version::parse(&format!("{}{missing}{}", &bare[..core_end], &bare[core_end..])).ok()
}

/// Reads a time, when the text begins like one: most texts are none, and errors cost more than answers.
fn parse_time(text: &str) -> Option<Timestamp> {
    let looks_like_one = text.bytes().take(4).all(|b| b.is_ascii_digit() || b == b'-') && !text.is_empty();
    if looks_like_one { text.parse().ok() } else { None }
}

/// Stands where the hash of a text would, for values that are none; a text may happen to have it too.
pub(crate) const UNHASHED: u64 = u64::MAX;

/// The value of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(Text),
    /// Several values.
    List(Vec<AttributeValue>),
}

impl AttributeValue {
    /// The hash of a text, or [`UNHASHED`].
    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        match self {
            Self::Text(text) => text.hash(),
            _ => UNHASHED,
        }
    }
}

impl From<bool> for AttributeValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for AttributeValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for AttributeValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for AttributeValue {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for AttributeValue {
    fn from(value: String) -> Self {
        Self::Text(value.as_str().into())
    }
}

impl<V: Into<AttributeValue>> From<Vec<V>> for AttributeValue {
    fn from(values: Vec<V>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => value.as_str().fmt(f),
            Self::List(values) => {
                for (n, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if n == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}

/// A JSON value as an attribute; `None` for null and for objects (which are flattened, or have no meaning
/// inside a list).
pub(crate) fn attribute_value(value: &Value) -> Option<AttributeValue> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::Bool(value) => Some((*value).into()),
        Value::Number(number) => number
            .as_i64()
            .map(AttributeValue::Integer)
            .or_else(|| number.as_f64().map(AttributeValue::Float)),
        Value::String(text) => Some(text.as_str().into()),
        Value::Array(values) => {
            Some(AttributeValue::List(values.iter().filter_map(attribute_value).collect()))
        }
    }
}

/// An attribute as JSON.
pub(super) fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Bool(value) => (*value).into(),
        AttributeValue::Integer(value) => (*value).into(),
        AttributeValue::Float(value) => (*value).into(),
        AttributeValue::Text(text) => text.as_str().into(),
        AttributeValue::List(values) => values.iter().map(to_json).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_apps_write_them() {
        for (text, version) in
            [("3.2.0", "3.2.0"), ("v3", "3.0.0"), ("3.2-rc.1", "3.2.0-rc.1"), ("1.2.3+b", "1.2.3+b")]
        {
            assert_eq!(parse_version(text), Version::parse(version).ok(), "{text}");
        }
        for text in ["", "x", "1.2.3.4", "1..2", "v", "1.a"] {
            assert_eq!(parse_version(text), None, "{text}");
        }
    }
}
