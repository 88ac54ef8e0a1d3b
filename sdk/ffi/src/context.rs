//! Who asks, where, and with what attributes, as phones say it.

use std::collections::HashMap;

use serde_json::{Map, Value};
use usher_sdk::Context;

use crate::error::FlagsError;

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, uniffi::Enum)]
pub enum AttributeValue {
    /// True or false.
    Boolean {
        /// The value.
        value: bool,
    },
    /// A whole number.
    Integer {
        /// The value.
        value: i64,
    },
    /// A number; what is not finite is left out.
    Number {
        /// The value.
        value: f64,
    },
    /// A text: a name, a version, a time as RFC 3339.
    Text {
        /// The value.
        value: String,
    },
    /// Several texts.
    Texts {
        /// The values.
        values: Vec<String>,
    },
    /// Anything else, as JSON. An object's fields become attributes with dotted names.
    Json {
        /// The text.
        text: String,
    },
}

/// Who asks, where, and with what attributes.
#[derive(Clone, Debug, Default, PartialEq, uniffi::Record)]
pub struct FlagContext {
    /// The person or device that is asked about. Values are kept on disk for each: keep it the same over updates of the
    /// app and of other attributes.
    #[uniffi(default = None)]
    pub targeting_key: Option<String>,
    /// The key of the venue; without it that of the configuration.
    #[uniffi(default = None)]
    pub venue: Option<String>,
    /// Everything else that rules ask for.
    #[uniffi(default)]
    pub attributes: HashMap<String, AttributeValue>,
}

impl AttributeValue {
    fn to_json(&self, name: &str) -> Result<Value, FlagsError> {
        Ok(match self {
            Self::Boolean { value } => (*value).into(),
            Self::Integer { value } => (*value).into(),
            Self::Number { value } => (*value).into(),
            Self::Text { value } => value.as_str().into(),
            Self::Texts { values } => values.as_slice().into(),
            Self::Json { text } => serde_json::from_str(text).map_err(|error| {
                FlagsError::Invalid(format!("the attribute `{name}` is no JSON: {error}"))
            })?,
        })
    }

    /// A value of a flag's metadata.
    pub(crate) fn from_json(value: Value) -> Self {
        match value {
            Value::Bool(value) => Self::Boolean { value },
            Value::String(value) => Self::Text { value },
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Self::Integer { value },
                (None, Some(value)) => Self::Number { value },
                (None, None) => Self::Json { text: number.to_string() },
            },
            other => Self::Json { text: other.to_string() },
        }
    }
}

impl FlagContext {
    pub(crate) fn to_sdk(&self) -> Result<Context, FlagsError> {
        let mut all = Map::new();
        // A map of the other language has no order; equal contexts are to be equal.
        let mut attributes: Vec<_> = self.attributes.iter().collect();
        attributes.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in attributes {
            all.insert(name.clone(), value.to_json(name)?);
        }
        for (name, value) in [("targetingKey", &self.targeting_key), ("venue", &self.venue)] {
            if let Some(value) = value {
                all.insert(name.to_owned(), value.as_str().into());
            }
        }
        from_json(&Value::Object(all))
    }
}

/// A context from JSON, as OpenFeature writes it.
pub(crate) fn from_json(value: &Value) -> Result<Context, FlagsError> {
    Context::from_json(value).map_err(|problems| FlagsError::Invalid(format!("the context: {problems}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_what_openfeature_would_write() {
        let attributes = [
            ("beta", AttributeValue::Boolean { value: true }),
            ("visits", AttributeValue::Integer { value: 3 }),
            ("score", AttributeValue::Number { value: 0.5 }),
            ("plan", AttributeValue::Text { value: "season".to_owned() }),
            ("blocks", AttributeValue::Texts { values: vec!["101".to_owned(), "102".to_owned()] }),
            ("device", AttributeValue::Json { text: r#"{"os": "android", "api": 34}"#.to_owned() }),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value)).into();
        let (targeting_key, venue) = (Some("u-1".to_owned()), Some("anfield".to_owned()));
        let context = FlagContext { targeting_key, venue, attributes };
        let expected = serde_json::json!({"targetingKey": "u-1", "venue": "anfield", "beta": true,
            "blocks": ["101", "102"], "device": {"os": "android", "api": 34}, "plan": "season", "score": 0.5, "visits": 3});
        assert_eq!(context.to_sdk().unwrap(), Context::from_json(&expected).unwrap());
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        let broken = AttributeValue::Json { text: "{".to_owned() };
        let context =
            FlagContext { attributes: [("device".to_owned(), broken)].into(), ..Default::default() };
        let error = context.to_sdk().unwrap_err().to_string();
        assert!(error.contains("`device`"), "{error}");
        let error = from_json(&serde_json::json!({"venue": 7})).unwrap_err().to_string();
        assert!(error.contains("venue"), "{error}");
    }
}
