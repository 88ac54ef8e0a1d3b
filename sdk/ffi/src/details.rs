//! Answers with all that is known about them.

use std::collections::HashMap;

use usher_sdk::{Details, ErrorCode};

use crate::{context::AttributeValue, status::FlagSource};

/// Why a value is the caller's default; in OpenFeature's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FlagErrorCode {
    /// There is no data yet at all.
    ProviderNotReady,
    /// There is no such flag, or none that this key may see.
    FlagNotFound,
    /// The flag can't be understood by this version.
    ParseError,
    /// The flag is of another type.
    TypeMismatch,
    /// The context lacks its targeting key.
    TargetingKeyMissing,
    /// The context can't be read.
    InvalidContext,
    /// Anything else.
    General,
}

impl From<ErrorCode> for FlagErrorCode {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::ProviderNotReady => Self::ProviderNotReady,
            ErrorCode::FlagNotFound => Self::FlagNotFound,
            ErrorCode::ParseError => Self::ParseError,
            ErrorCode::TypeMismatch => Self::TypeMismatch,
            ErrorCode::TargetingKeyMissing => Self::TargetingKeyMissing,
            ErrorCode::InvalidContext => Self::InvalidContext,
            ErrorCode::General => Self::General,
        }
    }
}

/// What is said of an error.
pub(crate) fn message(code: ErrorCode, flag: &str) -> String {
    match code {
        ErrorCode::ProviderNotReady => {
            "there are no values yet: no server, no cache, no bootstrap".to_owned()
        }
        ErrorCode::FlagNotFound => format!("there is no flag `{flag}` that this key may see"),
        ErrorCode::ParseError => format!("the flag `{flag}` can't be understood by this version"),
        ErrorCode::TypeMismatch => format!("the flag `{flag}` is of another type"),
        ErrorCode::TargetingKeyMissing => "the context lacks its targeting key".to_owned(),
        ErrorCode::InvalidContext => "the context can't be read".to_owned(),
        ErrorCode::General => format!("the flag `{flag}` can't be evaluated"),
    }
}

/// When the answer was last confirmed, in milliseconds since 1970 by this device's clock.
pub(crate) fn as_of(age_ms: Option<u64>) -> Option<i64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(now.as_millis()).ok()?.checked_sub(i64::try_from(age_ms?).ok()?)
}

/// Names of metadata, as OFREP's answers have them.
fn metadata(of: usher_sdk::Metadata) -> HashMap<String, AttributeValue> {
    let text =
        |name: &str, value: Option<String>| Some((name.to_owned(), AttributeValue::Text { value: value? }));
    let own = [
        text("rule", of.rule),
        text("splitKeyMissing", of.missing_split_key),
        text("prerequisiteFailed", of.failed_prerequisite),
        of.enabled.map(|value| ("enabled".to_owned(), AttributeValue::Boolean { value })),
    ];
    let flag = of.flag.into_iter().map(|(name, value)| (name, AttributeValue::from_json(value)));
    flag.chain(own.into_iter().flatten()).collect()
}

macro_rules! details {
    ($name:ident, $type:ty, $what:literal) => {
        #[doc = $what]
        #[derive(Clone, Debug, PartialEq, uniffi::Record)]
        pub struct $name {
            /// The value: the flag's, or the caller's default.
            pub value: $type,
            /// The variant; none after an error.
            pub variant: Option<String>,
            /// Why, in OpenFeature's words: `STATIC`, `TARGETING_MATCH`, `SPLIT`, `CACHED`, `STALE`, `DEFAULT`, `DISABLED`,
            /// `ERROR`; others may come.
            pub reason: String,
            /// Why it is the caller's default, when it is.
            pub error_code: Option<FlagErrorCode>,
            /// The same in words.
            pub error_message: Option<String>,
            /// Where the answer comes from.
            pub source: FlagSource,
            /// How long ago the server last confirmed it, in milliseconds; none when it never did.
            pub age_ms: Option<u64>,
            /// When that was, in milliseconds since 1970 by this device's clock.
            pub as_of_ms: Option<i64>,
            /// What else there is to know: the rule that decided, and what the flag's author lets answers carry.
            pub metadata: HashMap<String, AttributeValue>,
        }

        impl $name {
            /// From the SDK's own, whose value becomes what phones get.
            pub(crate) fn of<T>(details: Details<T>, flag: &str, value: impl FnOnce(T) -> $type) -> Self {
                let age_ms = details.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
                Self {
                    value: value(details.value),
                    variant: details.variant,
                    reason: details.reason.as_str().to_owned(),
                    error_code: details.error.map(Into::into),
                    error_message: details.error.map(|code| message(code, flag)),
                    source: details.source.into(),
                    age_ms,
                    as_of_ms: as_of(age_ms),
                    metadata: metadata(details.metadata),
                }
            }

            /// After a fault of ours.
            pub(crate) fn failed(value: $type, flag: &str) -> Self {
                Self {
                    value,
                    variant: None,
                    reason: "ERROR".to_owned(),
                    error_code: Some(FlagErrorCode::General),
                    error_message: Some(message(ErrorCode::General, flag)),
                    source: FlagSource::Nothing,
                    age_ms: None,
                    as_of_ms: None,
                    metadata: HashMap::new(),
                }
            }
        }
    };
}

details!(BooleanDetails, bool, "A boolean flag's answer, with all that is known about it.");
details!(IntegerDetails, i64, "An answer of a flag of whole numbers, with all that is known about it.");
details!(FloatDetails, f64, "An answer of a flag of numbers, with all that is known about it.");
details!(StringDetails, String, "An answer of a flag of texts, with all that is known about it.");
details!(
    ObjectDetails,
    String,
    "An answer of a flag of JSON trees, its value as text, with all that is known about it."
);
