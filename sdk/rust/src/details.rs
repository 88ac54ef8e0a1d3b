//! Answers with all that is known about them.

use std::{collections::BTreeMap, ops::Deref, sync::Arc, time::Duration};

use serde_json::Value;
use smol_str::SmolStr;
use usher_core::{ErrorCode, Reason};

use crate::status::Source;

/// A value, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Details<T> {
    /// The value.
    pub value: T,
    /// Whether the value is the flag's own. Else it is the caller's default: after an error, for a variant without a value,
    /// and where the flag says so once what is known of it is too old.
    pub served: bool,
    /// The variant; none where there is none, as after an error. One without a value of its own stands for the
    /// caller's default.
    pub variant: Option<String>,
    /// Why.
    pub reason: Reason,
    /// What went wrong; then the value is the caller's default.
    pub error: Option<ErrorCode>,
    /// Where the answer comes from.
    pub source: Source,
    /// How long ago the server last confirmed that this is its newest; none when it never did.
    pub age: Option<Duration>,
    /// What else there is to know.
    pub metadata: Metadata,
}

/// What else there is to know about an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The rule that decided.
    pub rule: Option<String>,
    /// The part of the split key that the context lacks, when that is why the off variant is served.
    pub missing_split_key: Option<String>,
    /// The prerequisite that was not met, when that is why the off variant is served.
    pub failed_prerequisite: Option<String>,
    /// Whether the flag is enabled for the context, where it is not its value that says so: of a flag without a
    /// default, as Unleash has them.
    pub enabled: Option<bool>,
    /// What the flag's author lets its answers carry.
    pub flag: BTreeMap<String, Value>,
}

impl<T> Details<T> {
    pub(crate) fn map<U>(self, with: impl FnOnce(T) -> U) -> Details<U> {
        let Self { value, served, variant, reason, error, source, age, metadata } = self;
        Details { value: with(value), served, variant, reason, error, source, age, metadata }
    }
}

/// A text: the flag's, or the caller's default, borrowed. A long one of the flag's is shared, not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringValue<'d> {
    /// The flag's.
    Served(SmolStr),
    /// The caller's default.
    Default(&'d str),
}

impl Deref for StringValue<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Served(text) => text,
            Self::Default(text) => text,
        }
    }
}

impl std::fmt::Display for StringValue<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self)
    }
}

/// A JSON tree: the flag's, shared, or the caller's default, borrowed. Neither is copied.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectValue<'d> {
    /// The flag's.
    Served(Arc<Value>),
    /// The caller's default.
    Default(&'d Value),
}

impl Deref for ObjectValue<'_> {
    type Target = Value;

    fn deref(&self) -> &Value {
        match self {
            Self::Served(value) => value,
            Self::Default(value) => value,
        }
    }
}
