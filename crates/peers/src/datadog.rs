//! Datadog, by the engine that its SDKs share.

use std::{collections::HashMap, sync::Arc};

use chrono::Utc;
use libdd_ffe::{
    ExpectedFlagType,
    rules_based::{
        Assignment, AssignmentReason, Attribute, Configuration, EvaluationContext, EvaluationError, Str,
        UniversalFlagConfig, get_assignment,
    },
};
use serde_json::Value;

use crate::peer::{Answer, Peer, PeerError};

/// Datadog's flags: its universal flag configuration.
pub struct Datadog(Configuration);

impl Datadog {
    /// The engine's own answer.
    ///
    /// # Errors
    /// The engine's.
    pub fn assignment(
        &self,
        flag: &str,
        context: &EvaluationContext,
        expected: ExpectedFlagType,
    ) -> Result<Assignment, EvaluationError> {
        get_assignment(Some(&self.0), flag, context, expected, Utc::now())
    }
}

impl Peer for Datadog {
    const NAME: &'static str = "libdd-ffe";
    const KEY: &'static str = "id";
    type Context = EvaluationContext;

    fn load(flags: &str) -> Result<Self, PeerError> {
        let flags = UniversalFlagConfig::from_json(flags.as_bytes().to_vec())
            .map_err(|error| PeerError::Flags(error.to_string()))?;
        Ok(Self(Configuration::from_server_response(flags)))
    }

    /// The targeting key is the `id`; lists and objects have no meaning here and are left out.
    fn context(attributes: &[(&str, Value)]) -> Result<EvaluationContext, PeerError> {
        let mut key = None;
        let mut own: HashMap<Str, Attribute> = HashMap::new();
        for (name, value) in attributes {
            let value = match (*name, value) {
                ("id", Value::String(text)) => {
                    key = Some(text.as_str().into());
                    continue;
                }
                (_, Value::String(text)) => text.as_str().into(),
                (_, Value::Bool(value)) => (*value).into(),
                (_, Value::Number(number)) => number.as_f64().unwrap_or_default().into(),
                (_, Value::Null | Value::Array(_) | Value::Object(_)) => continue,
            };
            own.insert((*name).into(), value);
        }
        Ok(EvaluationContext::new(key, Arc::new(own)))
    }

    fn boolean(&self, flag: &str, context: &EvaluationContext) -> Option<bool> {
        self.assignment(flag, context, ExpectedFlagType::Boolean).ok()?.value.as_boolean()
    }

    fn text<R>(&self, flag: &str, context: &EvaluationContext, read: impl FnOnce(Option<&str>) -> R) -> R {
        match self.assignment(flag, context, ExpectedFlagType::String) {
            Ok(assignment) => read(assignment.value.as_str()),
            Err(_) => read(None),
        }
    }

    fn evaluate(&self, flag: &str, context: &EvaluationContext) -> Result<Answer, PeerError> {
        let known = self.0.flag_keys().any(|key| key.as_str() == flag);
        if !known {
            return Err(PeerError::UnknownFlag(flag.to_owned()));
        }
        match self.assignment(flag, context, ExpectedFlagType::Any) {
            Ok(assignment) => Ok(Answer {
                value: Some(assignment.value.variation_value()),
                variant: Some(assignment.variation_key.as_str().to_owned()),
                reason: reason(assignment.reason).to_owned(),
            }),
            // No allocation fits: the caller's default, and no error.
            Err(EvaluationError::DefaultAllocationNull) => Ok(Answer::default()),
            Err(error) => Err(PeerError::Evaluation(error.to_string())),
        }
    }
}

fn reason(reason: AssignmentReason) -> &'static str {
    match reason {
        AssignmentReason::TargetingMatch => "TARGETING_MATCH",
        AssignmentReason::Split => "SPLIT",
        AssignmentReason::Default => "DEFAULT",
        AssignmentReason::Static => "STATIC",
    }
}
