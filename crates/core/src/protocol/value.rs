//! One flag's value, as it goes to clients in values mode.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

use crate::{
    Context, Evaluation, Reason, Ruleset, VariantValue,
    model::{Duration, StaleThen, Timestamp},
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
    /// Metrics that are counted by the variant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measure: Vec<String>,
    /// The variant that a dark rule would serve: it is counted, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dark: Option<String>,
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
pub struct EvaluatedValue<'r> {
    evaluation: Evaluation<'r>,
    dark: Option<&'r str>,
}

impl<'r> EvaluatedValue<'r> {
    /// What `ruleset` gave for `flag` to `context` at `now`, with what a dark rule would.
    #[must_use]
    pub fn new(
        ruleset: &'r Ruleset,
        flag: &str,
        evaluation: Evaluation<'r>,
        context: &Context,
        now: Timestamp,
    ) -> Self {
        let asked = evaluation.has_dark_rules();
        Self { evaluation, dark: asked.then(|| ruleset.dark_variant(flag, context, now)).flatten() }
    }

    /// What was given.
    #[must_use]
    pub fn evaluation(&self) -> &Evaluation<'r> {
        &self.evaluation
    }

    /// The variant that a dark rule would serve.
    #[must_use]
    pub fn dark(&self) -> Option<&'r str> {
        self.dark
    }
}

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
        let Self { evaluation, dark } = self;
        let mut map = serializer.serialize_map(None)?;
        evaluation.serialize_fields(&mut map)?;
        if let Some(rule) = evaluation.when_stale().filter(|rule| rule.then != StaleThen::Hold) {
            let off = (rule.then == StaleThen::Off).then(|| evaluation.turned_off(Reason::Stale));
            let (value, variant) = off.map_or((None, None), |off| (off.value(), off.variant()));
            map.serialize_entry("whenStale", &Old { after: rule.after, value, variant })?;
        }
        let measure = evaluation.measure();
        if measure.len() > 0 {
            map.serialize_entry("measure", &measure.collect::<Vec<_>>())?;
        }
        if let Some(dark) = dark {
            map.serialize_entry("dark", dark)?;
        }
        map.end()
    }
}
