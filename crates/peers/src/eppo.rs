//! Eppo, by the core that its SDKs share.

use std::sync::Arc;

use chrono::Utc;
use eppo_core::{
    Attributes, Configuration, SdkMetadata, Str,
    eval::get_assignment,
    ufc::{Assignment, AssignmentValue, UniversalFlagConfig, VariationType},
};
use serde_json::Value;

use crate::peer::{Answer, Peer, PeerError};

const METADATA: SdkMetadata = SdkMetadata { name: "usher-peers", version: env!("CARGO_PKG_VERSION") };

/// Eppo's flags: its universal flag configuration.
pub struct Eppo(Configuration);

/// A subject, as the core wants to be handed it.
pub struct Subject {
    key: Str,
    attributes: Arc<Attributes>,
}

impl Eppo {
    /// The core's own answer; none where it leaves it to the caller.
    ///
    /// # Errors
    /// [`PeerError::Evaluation`].
    pub fn assignment(
        &self,
        flag: &str,
        subject: &Subject,
        expected: Option<VariationType>,
    ) -> Result<Option<Assignment>, PeerError> {
        get_assignment(Some(&self.0), flag, &subject.key, &subject.attributes, expected, Utc::now())
            .map_err(|error| PeerError::Evaluation(error.to_string()))
    }
}

impl Peer for Eppo {
    const NAME: &'static str = "eppo_core";
    const KEY: &'static str = "id";
    type Context = Subject;

    fn load(flags: &str) -> Result<Self, PeerError> {
        let flags = UniversalFlagConfig::from_json(METADATA, flags.as_bytes().to_vec())
            .map_err(|error| PeerError::Flags(error.to_string()))?;
        Ok(Self(Configuration::from_server_response(flags, None)))
    }

    /// The subject's key is its `id`; lists and objects have no meaning here and are left out.
    fn context(attributes: &[(&str, Value)]) -> Result<Subject, PeerError> {
        let mut subject = Subject { key: Str::from_static_str(""), attributes: Arc::default() };
        let mut own = Attributes::default();
        for (name, value) in attributes {
            let value = match (*name, value) {
                ("id", Value::String(key)) => {
                    subject.key = key.as_str().into();
                    continue;
                }
                (_, Value::String(text)) => text.as_str().into(),
                (_, Value::Bool(value)) => (*value).into(),
                (_, Value::Number(number)) => number.as_f64().unwrap_or_default().into(),
                (_, Value::Null | Value::Array(_) | Value::Object(_)) => continue,
            };
            own.insert((*name).into(), value);
        }
        subject.attributes = Arc::new(own);
        Ok(subject)
    }

    fn boolean(&self, flag: &str, context: &Subject) -> Option<bool> {
        match self.assignment(flag, context, Some(VariationType::Boolean)).ok()??.value {
            AssignmentValue::Boolean(value) => Some(value),
            _ => None,
        }
    }

    fn text<R>(&self, flag: &str, context: &Subject, read: impl FnOnce(Option<&str>) -> R) -> R {
        match self.assignment(flag, context, Some(VariationType::String)) {
            Ok(Some(Assignment { value: AssignmentValue::String(text), .. })) => read(Some(&text)),
            _ => read(None),
        }
    }

    /// The core names neither variant nor reason, unless it is asked for an event to be logged. A flag that it
    /// does not know is none that it assigns.
    fn evaluate(&self, flag: &str, context: &Subject) -> Result<Answer, PeerError> {
        let known = self.0.flag_keys().any(|key| key.as_str() == flag);
        if !known {
            return Err(PeerError::UnknownFlag(flag.to_owned()));
        }
        let value = self.assignment(flag, context, None)?.map(|assignment| match assignment.value {
            AssignmentValue::String(text) => Value::String(text.as_str().to_owned()),
            AssignmentValue::Integer(value) => value.into(),
            AssignmentValue::Numeric(value) => value.into(),
            AssignmentValue::Boolean(value) => value.into(),
            AssignmentValue::Json { parsed, .. } => Value::clone(&parsed),
        });
        Ok(Answer { value, ..Answer::default() })
    }
}
