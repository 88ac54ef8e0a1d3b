//! The evaluation context: who asks, where, and with what attributes.
//!
//! Everything that costs is done when a context is made: names and texts are hashed, versions parsed,
//! nested objects flattened to dotted names. Evaluating with it then compares numbers and allocates nothing,
//! so a context that is used more than once should be kept.

use std::fmt;

use semver::Version;
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    limits::{MAX_CONTEXT_ATTRIBUTES, MAX_CONTEXT_DEPTH},
    model::Timestamp,
    problem::{Problem, Problems},
};

/// A text with what comparisons need of it.
#[derive(Clone, PartialEq)]
pub struct Text {
    text: Box<str>,
    hash: u64,
    version: Option<Box<Version>>,
    time: Option<Timestamp>,
}

impl Text {
    /// The text itself.
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

/// An attribute's name with its hash: how attributes are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    hash: u64,
    pub(crate) text: Box<str>,
}

impl Name {
    /// Its xxh3 hash.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self { hash: xxh3_64(text.as_bytes()), text: text.into() }
    }
}

/// Attributes by name. Contexts and venues have few, so a look-up goes through the hashes of their names, which
/// lie side by side, each with that of its value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attributes {
    /// Of the name, and [`AttributeValue::hash`].
    hashes: Vec<(u64, u64)>,
    /// Name and value, in the order of `hashes`.
    entries: Vec<(Box<str>, AttributeValue)>,
}

impl Attributes {
    const NONE: Self = Self { hashes: Vec::new(), entries: Vec::new() };

    /// By the hash alone, of 64 bits: the texts would have to be fetched from elsewhere in memory. Who makes a
    /// name that collides with another gains nothing by it, for they could have used that other name.
    #[inline]
    pub(crate) fn get(&self, name: &Name) -> Option<&AttributeValue> {
        let n = self.hashes.iter().position(|(hash, _)| *hash == name.hash)?;
        self.entries.get(n).map(|(_, value)| value)
    }

    /// [`AttributeValue::hash`] of what has a name with this hash, without a look at the value itself.
    #[inline]
    fn value_hash(&self, name: u64) -> Option<u64> {
        self.hashes.iter().find(|(hash, _)| *hash == name).map(|(_, value)| *value)
    }

    /// Whether it is there, or something within it: nested ones are kept under their dotted names.
    pub(crate) fn has(&self, name: &Name) -> bool {
        let within = |own: &str| own.strip_prefix(&*name.text).is_some_and(|rest| rest.starts_with('.'));
        self.get(name).is_some() || self.entries.iter().any(|(own, _)| within(own))
    }

    pub(crate) fn set(&mut self, name: &str, value: AttributeValue) {
        let Name { hash, text } = Name::from(name);
        let hashes = (hash, value.hash());
        match self.entries.iter().position(|(own, _)| **own == *name) {
            Some(n) => {
                self.hashes[n] = hashes;
                self.entries[n].1 = value;
            }
            None => {
                self.hashes.push(hashes);
                self.entries.push((text, value));
            }
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(n) = self.entries.iter().position(|(own, _)| **own == *name) {
            self.hashes.remove(n);
            self.entries.remove(n);
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.entries.iter().map(|(name, value)| (&**name, value))
    }
}

/// Who asks, where, and with what attributes.
///
/// ```
/// use usher_core::Context;
/// let context = Context::new("u-17").with("venue", "wembley-stadium").with("appVersion", "3.2.0");
/// assert_eq!(context.targeting_key(), Some("u-17"));
/// assert_eq!(context.venue(), Some("wembley-stadium"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    targeting_key: Option<AttributeValue>,
    venue: Option<AttributeValue>,
    attributes: Attributes,
}

impl Context {
    /// A context with a targeting key: the person, device or order that is asked about.
    #[must_use]
    pub fn new(targeting_key: &str) -> Self {
        Self { targeting_key: Some(targeting_key.into()), ..Self::default() }
    }

    /// A context that says nothing.
    pub const ANONYMOUS: Self = Self { targeting_key: None, venue: None, attributes: Attributes::NONE };

    /// A context without a targeting key. Splits by it then give the off variant.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::ANONYMOUS
    }

    /// Sets an attribute; `targetingKey` and `venue` are attributes like others.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<AttributeValue>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: &str, value: impl Into<AttributeValue>) {
        let value = value.into();
        match name {
            "targetingKey" => self.targeting_key = Some(value),
            "venue" => self.venue = Some(value),
            _ => self.attributes.set(name, value),
        }
    }

    /// Takes an attribute away.
    pub fn unset(&mut self, name: &str) {
        match name {
            "targetingKey" => self.targeting_key = None,
            "venue" => self.venue = None,
            _ => self.attributes.remove(name),
        }
    }

    /// The targeting key.
    #[must_use]
    pub fn targeting_key(&self) -> Option<&str> {
        text_of(self.targeting_key.as_ref()).map(Text::as_str)
    }

    /// The key of the venue.
    #[must_use]
    pub fn venue(&self) -> Option<&str> {
        self.venue_text().map(Text::as_str)
    }

    /// How many attributes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.attributes.entries.len()
            + usize::from(self.targeting_key.is_some())
            + usize::from(self.venue.is_some())
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn venue_text(&self) -> Option<&Text> {
        text_of(self.venue.as_ref())
    }

    pub(crate) fn targeting_key_value(&self) -> Option<&AttributeValue> {
        self.targeting_key.as_ref()
    }

    pub(crate) fn venue_value(&self) -> Option<&AttributeValue> {
        self.venue.as_ref()
    }

    /// Whether an attribute's name begins with `prefix`, which ends in a dot: nested objects are kept by their
    /// dotted names.
    pub(crate) fn has_within(&self, prefix: &str) -> bool {
        self.attributes.iter().any(|(name, _)| name.starts_with(prefix))
    }

    /// [`AttributeValue::hash`] of the attribute whose name has this hash.
    #[inline]
    pub(crate) fn attribute_hash(&self, name: u64) -> Option<u64> {
        self.attributes.value_hash(name)
    }

    pub(crate) fn attribute(&self, name: &Name) -> Option<&AttributeValue> {
        self.attributes.get(name)
    }

    pub(crate) fn has(&self, name: &Name) -> bool {
        self.attributes.has(name)
    }

    /// Reads a context as OpenFeature and OFREP write it: one flat or nested object. Nested objects become
    /// dotted names; `null` counts as missing; a whole number beyond 64 bits is kept as a float.
    ///
    /// # Errors
    /// Not an object, too many attributes, nested too deeply, or a `targetingKey` or `venue` that is not a text.
    pub fn from_json(value: &Value) -> Result<Self, Problems> {
        let Value::Object(fields) = value else {
            let mend = "Send an object such as {\"targetingKey\": \"u-17\", \"venue\": \"wembley-stadium\"}.";
            return Err(Problem::new("context", value, "the context is not an object", mend).into());
        };
        let mut context = Self::default();
        for name in ["targetingKey", "venue"] {
            match fields.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => context.set(name, text.as_str()),
                Some(other) => {
                    let field = format!("context.{name}");
                    return Err(
                        Problem::new(field, other, "this must be a text", "Send it as a string.").into()
                    );
                }
            }
        }
        context.flatten("", fields, 1)?;
        Ok(context)
    }

    /// The context as JSON, nested attributes under their dotted names.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        let own = [("targetingKey", &self.targeting_key), ("venue", &self.venue)];
        for (name, value) in own.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            fields.insert(name.to_owned(), to_json(value));
        }
        fields.extend(self.attributes.iter().map(|(name, value)| (name.to_owned(), to_json(value))));
        Value::Object(fields)
    }

    fn flatten(&mut self, prefix: &str, fields: &Map<String, Value>, depth: usize) -> Result<(), Problems> {
        if depth > MAX_CONTEXT_DEPTH {
            let mend = format!("Nest at most {MAX_CONTEXT_DEPTH} deep.");
            return Err(
                Problem::new(format!("context.{prefix}"), "…", "the context nests too deeply", mend).into()
            );
        }
        for (key, value) in fields {
            if depth == 1 && matches!(key.as_str(), "targetingKey" | "venue") {
                continue;
            }
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                Value::Object(inner) => self.flatten(&name, inner, depth + 1)?,
                other => {
                    if let Some(value) = attribute_value(other) {
                        self.attributes.set(&name, value);
                    }
                }
            }
            if self.len() > MAX_CONTEXT_ATTRIBUTES {
                let mend = format!("Send at most {MAX_CONTEXT_ATTRIBUTES}.");
                return Err(Problem::new(
                    "context",
                    fields.len(),
                    "the context has too many attributes",
                    mend,
                )
                .into());
            }
        }
        Ok(())
    }
}

fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Bool(value) => (*value).into(),
        AttributeValue::Integer(value) => (*value).into(),
        AttributeValue::Float(value) => (*value).into(),
        AttributeValue::Text(text) => text.as_str().into(),
        AttributeValue::List(values) => values.iter().map(to_json).collect(),
    }
}

fn text_of(value: Option<&AttributeValue>) -> Option<&Text> {
    match value {
        Some(AttributeValue::Text(text)) => Some(text),
        _ => None,
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_objects_become_dotted_names() {
        let context = Context::from_json(&json!({
            "targetingKey": "u", "device": {"os": "ios", "model": {"year": 2024}}, "gone": null, "tags": ["a", 1]
        }))
        .unwrap();
        assert_eq!(context.attribute(&"device.os".into()), Some(&"ios".into()));
        assert_eq!(context.attribute(&"device.model.year".into()), Some(&AttributeValue::Integer(2024)));
        assert_eq!(context.attribute(&"gone".into()), None);
        assert_eq!(context.len(), 4);
    }

    #[test]
    fn a_bad_context_names_the_field() {
        let found = Context::from_json(&json!({"targetingKey": 7})).unwrap_err();
        assert_eq!(found.0[0].field, "context.targetingKey");
        assert!(Context::from_json(&json!([])).is_err());
        let many: Map<String, Value> = (0..300).map(|n| (format!("a{n}"), n.into())).collect();
        assert!(Context::from_json(&Value::Object(many)).is_err());
        let deep = (0..20).fold(json!(1), |inner, _| json!({"a": inner}));
        assert!(Context::from_json(&deep).is_err());
    }

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
