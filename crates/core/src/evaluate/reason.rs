//! Why an answer is what it is, in OpenFeature's words.

use serde::Serialize;

/// OpenFeature's evaluation reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// The flag has no targeting at all.
    Static,
    /// Targeting was tried, and nothing matched.
    Default,
    /// An override, a target or a rule matched.
    TargetingMatch,
    /// A draw decided.
    Split,
    /// The flag is off, killed, or a prerequisite is not met.
    Disabled,
    /// From an SDK's disk.
    Cached,
    /// From an SDK that has lost its server.
    Stale,
    /// The caller's default, because of an error.
    Error,
}

impl Reason {
    /// Its name, as OpenFeature writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::Default => "DEFAULT",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Disabled => "DISABLED",
            Self::Cached => "CACHED",
            Self::Stale => "STALE",
            Self::Error => "ERROR",
        }
    }
}

/// OpenFeature's error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// There is no data yet at all.
    ProviderNotReady,
    /// There is no such flag.
    FlagNotFound,
    /// The flag can't be understood by this version.
    ParseError,
    /// The flag is of another type than was asked for.
    TypeMismatch,
    /// The context lacks its targeting key.
    TargetingKeyMissing,
    /// The context can't be read.
    InvalidContext,
    /// Anything else.
    General,
}

impl ErrorCode {
    /// Its name, as OpenFeature writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProviderNotReady => "PROVIDER_NOT_READY",
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::ParseError => "PARSE_ERROR",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::TargetingKeyMissing => "TARGETING_KEY_MISSING",
            Self::InvalidContext => "INVALID_CONTEXT",
            Self::General => "GENERAL",
        }
    }
}
