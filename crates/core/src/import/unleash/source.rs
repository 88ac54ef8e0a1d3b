//! What Unleash sends, as far as it bears on evaluation.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A feature, or toggle.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Feature {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) enabled: bool,
    #[serde(default)]
    pub(super) strategies: Option<Vec<Strategy>>,
    #[serde(default)]
    pub(super) variants: Option<Vec<Variant>>,
    #[serde(default)]
    pub(super) dependencies: Option<Vec<Dependency>>,
}

/// One way to be enabled.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Strategy {
    pub(super) name: String,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) disabled: Option<bool>,
    #[serde(default)]
    pub(super) parameters: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    pub(super) constraints: Option<Vec<Constraint>>,
    #[serde(default)]
    pub(super) segments: Option<Vec<i64>>,
    #[serde(default)]
    pub(super) variants: Option<Vec<Variant>>,
}

impl Strategy {
    /// A parameter as text: numbers are sent as either.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        match self.parameters.as_ref()?.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// A comparison with a field of the context.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Constraint {
    pub(super) context_name: String,
    pub(super) operator: String,
    #[serde(default)]
    pub(super) inverted: bool,
    #[serde(default)]
    pub(super) case_insensitive: bool,
    #[serde(default)]
    pub(super) values: Option<Vec<String>>,
    #[serde(default)]
    pub(super) value: Option<Value>,
}

/// A variant.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Variant {
    pub(super) name: String,
    #[serde(default)]
    pub(super) weight: u32,
    #[serde(default)]
    pub(super) stickiness: Option<String>,
    #[serde(default)]
    pub(super) payload: Option<Payload>,
    #[serde(default)]
    pub(super) overrides: Option<Vec<Override>>,
}

/// What a variant carries.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Payload {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) value: String,
}

/// Who is given a variant whatever the draw.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Override {
    pub(super) context_name: String,
    pub(super) values: Vec<String>,
}

/// Another feature that decides first.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) feature: String,
    #[serde(default)]
    pub(super) enabled: Option<bool>,
    #[serde(default)]
    pub(super) variants: Option<Vec<String>>,
}

/// Constraints that strategies share.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Segment {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) constraints: Option<Vec<Constraint>>,
}
