//! The evaluation context: who asks, where, and with what attributes.
//!
//! Everything that costs is done when a context is made: names and texts are hashed, versions parsed,
//! nested objects flattened to dotted names. Evaluating with it then compares numbers and allocates nothing,
//! so a context that is used more than once should be kept.

mod attributes;
mod json;
mod quick;
mod signed;
mod value;

pub(crate) use attributes::{Attributes, Name};
use signed::Vouched;
pub(crate) use signed::Word;
pub use signed::{NotText, Signed};
pub use value::AttributeValue;
pub(crate) use value::{Text, UNHASHED, attribute_value, parse_version};

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
    /// Whose word it is.
    vouched: Vouched,
}

impl Context {
    /// A context with a targeting key: the person, device or order that is asked about.
    #[must_use]
    pub fn new(targeting_key: &str) -> Self {
        Self { targeting_key: Some(targeting_key.into()), ..Self::default() }
    }

    /// A context that says nothing.
    pub const ANONYMOUS: Self =
        Self { targeting_key: None, venue: None, attributes: Attributes::NONE, vouched: Vouched::Caller };

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
        self.attributes.len() + usize::from(self.targeting_key.is_some()) + usize::from(self.venue.is_some())
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(crate) fn venue_text(&self) -> Option<&Text> {
        text_of(self.venue.as_ref())
    }

    #[inline]
    pub(crate) fn targeting_key_value(&self) -> Option<&AttributeValue> {
        self.targeting_key.as_ref()
    }

    #[inline]
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

    #[inline]
    pub(crate) fn attribute(&self, name: &Name) -> Option<&AttributeValue> {
        self.attributes.get(name)
    }

    pub(crate) fn has(&self, name: &Name) -> bool {
        self.attributes.has(name)
    }
}

fn text_of(value: Option<&AttributeValue>) -> Option<&Text> {
    match value {
        Some(AttributeValue::Text(text)) => Some(text),
        _ => None,
    }
}
