//! A provider for the [`open-feature`](open_feature) crate.
//!
//! ```no_run
//! use open_feature::{EvaluationContext, OpenFeature};
//! use usher_sdk::{Client, openfeature::Provider};
//! # async fn example() -> Result<(), usher_sdk::BuildError> {
//! let client = Client::builder("http://127.0.0.1:7080", "usk_…").build()?;
//! OpenFeature::singleton_mut().await.set_provider(Provider::new(client)).await;
//! let flags = OpenFeature::singleton().await.create_client();
//! let context = EvaluationContext::default()
//!     .with_targeting_key("u-17")
//!     .with_custom_field("venue", "wembley-stadium");
//! let guarded = flags.get_bool_value("resale-guard", Some(&context), None).await.unwrap_or(false);
//! # Ok(())
//! # }
//! ```

mod context;
mod value;

use std::time::Duration;

use open_feature::{
    EvaluationContext, EvaluationError, EvaluationErrorCode, EvaluationReason, EvaluationResult,
    FlagMetadata, StructValue, async_trait,
    provider::{FeatureProvider, ProviderMetadata, ProviderStatus, ResolutionDetails},
};

use crate::{Client, Context, Details, ErrorCode, Reason, Source, Status, client};

/// How long a provider that has nothing to answer from waits for its server when it is set.
const INITIALIZE_WITHIN: Duration = Duration::from_secs(2);

/// Answers OpenFeature's questions with a [`Client`].
///
/// - The targeting key and the custom fields become attributes. A date becomes an RFC 3339 text. Of structures
///   those are read that hold a `StructValue` or a `Value` of `open-feature`, or a [`serde_json::Value`]: their
///   fields become dotted names. Others say nothing.
/// - Reasons are OpenFeature's own; `STALE` comes as `Other("STALE")`, because the crate has no word for it.
/// - The metadata holds the flag's own, and says whether it is `enabled` where the value does not, the `rule` that
///   decided, why an off variant was served (`splitKeyMissing`,
///   `prerequisiteFailed`), the `source` of the answer (`server`, `cache`, `bootstrap`), and how many seconds
///   ago the server confirmed it (`age`).
/// - A flag can leave its value to the caller. The crate passes no default to providers, so this is an error
///   (`General`), for which `unwrap_or` gives the default.
/// - In values mode the client's own context is answered for, whatever context a call brings; see
///   [`Client::set_context`].
#[derive(Clone, Debug)]
pub struct Provider {
    client: Client,
    metadata: ProviderMetadata,
}

impl Provider {
    /// A provider that asks `client`. The client stays usable beside it.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, metadata: ProviderMetadata::new("usher") }
    }

    fn resolve<T, U>(
        &self,
        context: &EvaluationContext,
        read: impl FnOnce(&Context) -> Details<Option<T>>,
        convert: impl FnOnce(T) -> Option<U>,
    ) -> EvaluationResult<ResolutionDetails<U>> {
        let details = read(&context::context(context)?);
        if let Some(code) = details.error {
            return Err(error(code));
        }
        let flag_metadata = Some(metadata(&details));
        let Some(value) = details.value else {
            let message = "This flag leaves its value to the caller's default.".to_owned();
            return Err(EvaluationError { code: general(&message), message: Some(message) });
        };
        let value = convert(value).ok_or_else(|| error(ErrorCode::TypeMismatch))?;
        let (variant, reason) = (details.variant, Some(reason(details.reason)));
        Ok(ResolutionDetails { value, variant, reason, flag_metadata })
    }
}

#[async_trait]
impl FeatureProvider for Provider {
    /// Waits for the server, for two seconds at most, and only when there is nothing else to answer from.
    async fn initialize(&mut self, _context: &EvaluationContext) {
        if self.client.source() == Source::Nothing {
            self.client.wait_until_live(INITIALIZE_WITHIN).await;
        }
    }

    fn status(&self) -> ProviderStatus {
        match (self.client.status(), self.client.source()) {
            (Status::Live, _) => ProviderStatus::Ready,
            (Status::Connecting, Source::Nothing) => ProviderStatus::NotReady,
            (_, Source::Nothing) => ProviderStatus::Error,
            _ => ProviderStatus::STALE,
        }
    }

    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    async fn resolve_bool_value(
        &self,
        flag: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        self.resolve(context, |context| self.client.details(flag, context, client::boolean), Some)
    }

    async fn resolve_int_value(
        &self,
        flag: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        self.resolve(context, |context| self.client.details(flag, context, client::integer), Some)
    }

    async fn resolve_float_value(
        &self,
        flag: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        self.resolve(context, |context| self.client.details(flag, context, client::float), Some)
    }

    async fn resolve_string_value(
        &self,
        flag: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        self.resolve(
            context,
            |context| self.client.details(flag, context, client::string),
            |text| Some(text.to_string()),
        )
    }

    async fn resolve_struct_value(
        &self,
        flag: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        self.resolve(
            context,
            |context| self.client.details(flag, context, client::object),
            |tree| value::structure(&tree),
        )
    }
}

fn general(message: &str) -> EvaluationErrorCode {
    EvaluationErrorCode::General(message.to_owned())
}

fn error(code: ErrorCode) -> EvaluationError {
    let (code, message) = match code {
        ErrorCode::ProviderNotReady => (
            EvaluationErrorCode::ProviderNotReady,
            "There is nothing to answer from: no server yet, no cache, no bootstrap.",
        ),
        ErrorCode::FlagNotFound => (EvaluationErrorCode::FlagNotFound, "There is no such flag."),
        ErrorCode::ParseError => {
            (EvaluationErrorCode::ParseError, "This version can't understand the flag: update the SDK.")
        }
        ErrorCode::TypeMismatch => {
            (EvaluationErrorCode::TypeMismatch, "The flag is of another type than was asked for.")
        }
        ErrorCode::TargetingKeyMissing => {
            (EvaluationErrorCode::TargetingKeyMissing, "The context has no targeting key.")
        }
        ErrorCode::InvalidContext => (EvaluationErrorCode::InvalidContext, "The context can't be read."),
        ErrorCode::General => (general("GENERAL"), "The flag could not be evaluated."),
    };
    EvaluationError { code, message: Some(message.to_owned()) }
}

fn reason(reason: Reason) -> EvaluationReason {
    match reason {
        Reason::Static => EvaluationReason::Static,
        Reason::Default => EvaluationReason::Default,
        Reason::TargetingMatch => EvaluationReason::TargetingMatch,
        Reason::Split => EvaluationReason::Split,
        Reason::Disabled => EvaluationReason::Disabled,
        Reason::Cached => EvaluationReason::Cached,
        Reason::Stale => EvaluationReason::Other(Reason::Stale.as_str().to_owned()),
        Reason::Error => EvaluationReason::Error,
    }
}

fn metadata<T>(details: &Details<T>) -> FlagMetadata {
    let mut metadata = FlagMetadata::default();
    let known = &details.metadata;
    for (name, value) in &known.flag {
        match value {
            serde_json::Value::Bool(value) => metadata.add_value(name, *value),
            serde_json::Value::String(text) => metadata.add_value(name, text.as_str()),
            other => match (other.as_i64(), other.as_f64()) {
                (Some(whole), _) => metadata.add_value(name, whole),
                (None, Some(number)) => metadata.add_value(name, number),
                // A flag's metadata has nothing else.
                (None, None) => {}
            },
        }
    }
    if let Some(enabled) = known.enabled {
        metadata.add_value("enabled", enabled);
    }
    for (name, value) in [
        ("rule", &known.rule),
        ("splitKeyMissing", &known.missing_split_key),
        ("prerequisiteFailed", &known.failed_prerequisite),
    ] {
        if let Some(value) = value {
            metadata.add_value(name, value.as_str());
        }
    }
    let source = match details.source {
        Source::Server => "server",
        Source::Cache => "cache",
        Source::Bootstrap => "bootstrap",
        Source::Nothing => "nothing",
    };
    metadata.add_value("source", source);
    if let Some(age) = details.age {
        metadata.add_value("age", age.as_secs_f64());
    }
    metadata
}
