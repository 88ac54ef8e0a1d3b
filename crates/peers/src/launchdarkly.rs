//! LaunchDarkly, by the engine inside its server SDK.

use std::collections::HashMap;

use launchdarkly_server_sdk_evaluation::{
    Context, Detail, Flag, FlagValue, Reason, Segment, Store, evaluate,
};
use serde::Deserialize;
use serde_json::Value;

use crate::peer::{Answer, Peer, PeerError, object};

/// LaunchDarkly's flags and segments, in the format of its SDK's stream: `{"flags": {…}, "segments": {…}}`.
#[derive(Deserialize)]
pub struct LaunchDarkly {
    #[serde(default)]
    flags: HashMap<String, Flag>,
    #[serde(default)]
    segments: HashMap<String, Segment>,
}

impl Store for LaunchDarkly {
    fn flag(&self, key: &str) -> Option<Flag> {
        self.flags.get(key).cloned()
    }

    fn segment(&self, key: &str) -> Option<Segment> {
        self.segments.get(key).cloned()
    }
}

impl LaunchDarkly {
    /// The engine's own answer; none when there is no such flag.
    #[must_use]
    pub fn detail<'a>(&'a self, flag: &str, context: &'a Context) -> Option<Detail<&'a FlagValue>> {
        Some(evaluate(self, self.flags.get(flag)?, context, None))
    }
}

impl Peer for LaunchDarkly {
    const NAME: &'static str = "launchdarkly-server-sdk-evaluation";
    const KEY: &'static str = "key";
    type Context = Context;

    fn load(flags: &str) -> Result<Self, PeerError> {
        serde_json::from_str(flags).map_err(|error| PeerError::Flags(error.to_string()))
    }

    /// A context in LaunchDarkly's JSON: of the kind `user`, if the attributes name no other. With the kind
    /// `multi` every other attribute is a context of the kind that it is named for.
    fn context(attributes: &[(&str, Value)]) -> Result<Context, PeerError> {
        let mut fields = object(attributes);
        fields.entry("kind").or_insert_with(|| "user".into());
        serde_json::from_value(Value::Object(fields)).map_err(|error| PeerError::Context(error.to_string()))
    }

    fn boolean(&self, flag: &str, context: &Context) -> Option<bool> {
        match self.detail(flag, context)?.value? {
            FlagValue::Bool(value) => Some(*value),
            _ => None,
        }
    }

    fn text<R>(&self, flag: &str, context: &Context, read: impl FnOnce(Option<&str>) -> R) -> R {
        match self.detail(flag, context).and_then(|detail| detail.value) {
            Some(FlagValue::Str(text)) => read(Some(text)),
            _ => read(None),
        }
    }

    /// Variants have no names here: it is the index among `variations`. The reason is LaunchDarkly's kind of one.
    fn evaluate(&self, flag: &str, context: &Context) -> Result<Answer, PeerError> {
        let detail = self.detail(flag, context).ok_or_else(|| PeerError::UnknownFlag(flag.to_owned()))?;
        if let Reason::Error { error } = &detail.reason {
            return Err(PeerError::Evaluation(format!("{error:?}")));
        }
        Ok(Answer {
            value: detail.value.and_then(|value| serde_json::to_value(value).ok()),
            variant: detail.variation_index.map(|index| index.to_string()),
            reason: kind(&detail.reason).to_owned(),
        })
    }
}

fn kind(reason: &Reason) -> &'static str {
    match reason {
        Reason::Off => "OFF",
        Reason::TargetMatch => "TARGET_MATCH",
        Reason::RuleMatch { .. } => "RULE_MATCH",
        Reason::PrerequisiteFailed { .. } => "PREREQUISITE_FAILED",
        Reason::Fallthrough { .. } => "FALLTHROUGH",
        Reason::Error { .. } => "ERROR",
    }
}
