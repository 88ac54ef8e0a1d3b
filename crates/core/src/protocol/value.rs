//! One flag's value, as it goes to clients in values mode.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

use crate::{
    Evaluation, Reason, VariantValue,
    model::{Duration, StaleThen},
};

/// One flag's value, as a client in values mode reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Value {
    /// The value; missing for the caller's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// The variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The reason.
    pub reason: String,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// What else there is to know.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// What is given instead once the data is too old; missing where the value holds for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_stale: Option<OldValue>,
}

/// What is given instead of a value that has become too old.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OldValue {
    /// How old, counted from the last word of the server.
    pub after: Duration,
    /// The value; missing for the caller's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// The variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// An evaluation, written as a [`Value`].
pub struct EvaluatedValue<'r>(pub Evaluation<'r>);

impl Serialize for EvaluatedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// The same as [`OldValue`], borrowed.
        #[derive(Serialize)]
        struct Old<'a> {
            after: Duration,
            #[serde(skip_serializing_if = "Option::is_none")]
            value: Option<&'a VariantValue>,
            #[serde(skip_serializing_if = "Option::is_none")]
            variant: Option<&'a str>,
        }
        let Self(evaluation) = self;
        let mut map = serializer.serialize_map(None)?;
        evaluation.serialize_fields(&mut map)?;
        if let Some(rule) = evaluation.when_stale().filter(|rule| rule.then != StaleThen::Hold) {
            let off = (rule.then == StaleThen::Off).then(|| evaluation.turned_off(Reason::Stale));
            let (value, variant) = off.map_or((None, None), |off| (off.value(), off.variant()));
            map.serialize_entry("whenStale", &Old { after: rule.after, value, variant })?;
        }
        map.end()
    }
}
