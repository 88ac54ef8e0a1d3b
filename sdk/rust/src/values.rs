//! Values that the server has evaluated, as a client in values mode answers from them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::value::RawValue;
use usher_core::{
    ErrorCode, Mark, Reason, VariantValue,
    model::{Duration, FlagType},
    protocol::{OldValue, Value, ValueMap},
};

use crate::{details::Metadata, snapshot::Answer};

/// The values of all flags, for one context.
#[derive(Clone, Default)]
pub(crate) struct Values {
    entries: HashMap<String, Entry>,
    /// Flags by the metrics that are counted by their variants.
    measuring: HashMap<String, Vec<String>>,
}

impl Values {
    /// Values as they came over the wire.
    pub(crate) fn read(values: &ValueMap) -> Self {
        Self::from(values.iter().map(|(flag, raw)| (flag.clone(), Entry::read(raw))).collect())
    }

    /// The same after those of some flags have changed: to what is in `now`, or to nothing.
    pub(crate) fn amended(&self, flags: &[String], now: &ValueMap) -> Self {
        let mut entries = self.entries.clone();
        for flag in flags {
            match now.get(flag) {
                Some(raw) => drop(entries.insert(flag.clone(), Entry::read(raw))),
                None => drop(entries.remove(flag)),
            }
        }
        Self::from(entries)
    }

    fn from(entries: HashMap<String, Entry>) -> Self {
        let mut measuring: HashMap<String, Vec<String>> = HashMap::new();
        for (flag, entry) in &entries {
            for metric in &entry.measure {
                measuring.entry(metric.clone()).or_default().push(flag.clone());
            }
        }
        Self { entries, measuring }
    }

    pub(crate) fn get(&self, flag: &str) -> Option<&Entry> {
        self.entries.get(flag)
    }

    /// The flags that the program has read since this was last asked.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        self.entries.iter().filter(|(_, entry)| entry.asked.take()).map(|(flag, _)| flag.clone()).collect()
    }

    /// The flags by whose variants a metric is counted.
    pub(crate) fn measuring(&self, metric: &str) -> impl Iterator<Item = &str> {
        self.measuring.get(metric).map_or(&[][..], Vec::as_slice).iter().map(String::as_str)
    }

    /// The flags whose values differ.
    pub(crate) fn different_from(&self, before: &Self) -> Vec<String> {
        let keys = before.entries.keys().chain(self.entries.keys());
        keys.filter(|flag| before.get(flag) != self.get(flag)).cloned().collect()
    }
}

/// A value that the server has evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    value: VariantValue,
    variant: Option<Arc<str>>,
    reason: Reason,
    error: Option<ErrorCode>,
    metadata: Metadata,
    when_stale: Option<Old>,
    /// Metrics that are counted by the variant.
    measure: Box<[String]>,
    /// What a dark rule would serve.
    dark: Option<Arc<str>>,
    /// Whether the program has read it.
    pub(crate) asked: Mark,
}

/// What is given instead of a value that has become too old.
#[derive(Clone, Debug, PartialEq)]
struct Old {
    after: Duration,
    value: VariantValue,
    variant: Option<Arc<str>>,
}

/// A value, or nothing where the caller's default is meant.
fn given(value: &VariantValue) -> Option<&VariantValue> {
    (*value != VariantValue::Null).then_some(value)
}

/// A value as JSON has it: its flag's type shows in its form.
fn read_value(value: Option<&serde_json::Value>) -> VariantValue {
    let flag_type = match value {
        None => return VariantValue::Null,
        Some(serde_json::Value::Null | serde_json::Value::Bool(_)) => FlagType::Boolean,
        Some(serde_json::Value::String(_)) => FlagType::String,
        Some(serde_json::Value::Number(number)) if number.is_i64() => FlagType::Integer,
        Some(serde_json::Value::Number(_)) => FlagType::Float,
        Some(serde_json::Value::Object(_) | serde_json::Value::Array(_)) => FlagType::Object,
    };
    value.map_or(VariantValue::Null, |value| VariantValue::new(flag_type, value))
}

impl Entry {
    /// The answer. `is_old` says whether the data is older than this.
    pub(crate) fn answer(&self, is_old: impl FnOnce(Duration) -> bool) -> Answer<'_> {
        let (value, variant) = match self.when_stale.as_ref().filter(|old| is_old(old.after)) {
            None => (&self.value, &self.variant),
            Some(Old { value, variant, .. }) => (value, variant),
        };
        Answer {
            value: given(value),
            variant: variant.as_deref(),
            reason: self.reason,
            error: self.error,
            rule: self.metadata.rule.as_deref(),
            missing_split_key: self.metadata.missing_split_key.as_deref(),
            failed_prerequisite: self.metadata.failed_prerequisite.as_deref(),
            enabled: self.metadata.enabled,
        }
    }

    /// What a dark rule would serve, as long as the data is not too old for the flag itself.
    pub(crate) fn dark(&self, is_old: impl FnOnce(Duration) -> bool) -> Option<&str> {
        let replaced = self.when_stale.as_ref().is_some_and(|old| is_old(old.after));
        self.dark.as_deref().filter(|_| !replaced)
    }

    /// What the flag's author lets its answers carry.
    pub(crate) fn metadata(&self) -> &BTreeMap<String, serde_json::Value> {
        &self.metadata.flag
    }

    /// A value as it came over the wire. One that can't be read makes this flag fall back, and no other.
    fn read(raw: &RawValue) -> Self {
        let broken = || Self {
            value: VariantValue::Null,
            variant: None,
            reason: Reason::Error,
            error: Some(ErrorCode::ParseError),
            metadata: Metadata::default(),
            when_stale: None,
            measure: Box::default(),
            dark: None,
            asked: Mark::default(),
        };
        let Ok(value) = serde_json::from_str::<Value>(raw.get()) else { return broken() };
        let reason = match value.reason.as_str() {
            "STATIC" => Reason::Static,
            "TARGETING_MATCH" => Reason::TargetingMatch,
            "SPLIT" => Reason::Split,
            "DISABLED" => Reason::Disabled,
            "ERROR" => Reason::Error,
            _ => Reason::Default,
        };
        let error = value.error_code.as_deref().map(|code| match code {
            "FLAG_NOT_FOUND" => ErrorCode::FlagNotFound,
            "PARSE_ERROR" => ErrorCode::ParseError,
            "TYPE_MISMATCH" => ErrorCode::TypeMismatch,
            "TARGETING_KEY_MISSING" => ErrorCode::TargetingKeyMissing,
            "INVALID_CONTEXT" => ErrorCode::InvalidContext,
            _ => ErrorCode::General,
        });
        let variant = value.variant.as_deref().map(Into::into);
        let mut flag = value.metadata;
        let mut known = |name| flag.remove(name);
        let text = |value: Option<serde_json::Value>| Some(value?.as_str()?.to_owned());
        let metadata = Metadata {
            rule: text(known("rule")),
            missing_split_key: text(known("splitKeyMissing")),
            failed_prerequisite: text(known("prerequisiteFailed")),
            enabled: known("enabled").and_then(|value| value.as_bool()),
            flag,
        };
        let when_stale = value.when_stale.map(|OldValue { after, value, variant }| Old {
            after,
            value: read_value(value.as_ref()),
            variant: variant.as_deref().map(Into::into),
        });
        let (measure, dark) = (value.measure.into(), value.dark.as_deref().map(Into::into));
        let value = read_value(value.value.as_ref());
        Self { value, variant, reason, error, metadata, when_stale, measure, dark, asked: Mark::default() }
    }
}
