//! flagd, by the engine of its own Rust provider.

use std::collections::HashMap;

use flagd_evaluation_engine::{FeatureFlag, FlagParser, Operator};
use open_feature::{EvaluationContext, EvaluationContextFieldValue, StructValue, Value as FieldValue};
use serde_json::Value;

use crate::peer::{Answer, Peer, PeerError};

/// flagd's flags: `{"flags": {…}, "$evaluators": {…}}`.
///
/// The engine answers which variant a flag's targeting gives. What comes before and after (a disabled flag, the
/// default variant, the value) are the same steps here as in the provider's in-process resolver, which can't be
/// had without its file watcher and its gRPC client.
pub struct Flagd {
    operator: Operator,
    flags: HashMap<String, FeatureFlag>,
}

impl Flagd {
    /// The name of the variant and its value; neither, for a flag that is disabled.
    fn resolve(&self, key: &str, context: &EvaluationContext) -> Result<Resolved<'_>, PeerError> {
        let flag = self.flags.get(key).ok_or_else(|| PeerError::UnknownFlag(key.to_owned()))?;
        if flag.state == "DISABLED" {
            return Ok(Resolved { found: None, reason: "DISABLED" });
        }
        let targeting = flag.get_targeting();
        let (variant, reason) = if targeting == "{}" {
            (flag.default_variant.clone(), "STATIC")
        } else {
            match self.operator.apply(key, &targeting, context) {
                Ok(Some(variant)) => (variant, "TARGETING_MATCH"),
                Ok(None) => (flag.default_variant.clone(), "DEFAULT"),
                Err(error) => return Err(PeerError::Evaluation(error.to_string())),
            }
        };
        let Some(value) = flag.variants.get(&variant) else {
            return Err(PeerError::Evaluation(format!("the flag has no variant {variant:?}")));
        };
        Ok(Resolved { found: Some((variant, value)), reason })
    }
}

struct Resolved<'f> {
    found: Option<(String, &'f Value)>,
    reason: &'static str,
}

impl Peer for Flagd {
    const NAME: &'static str = "flagd-evaluation-engine";
    const KEY: &'static str = "targetingKey";
    type Context = EvaluationContext;

    fn load(flags: &str) -> Result<Self, PeerError> {
        let parsed = FlagParser::parse_string(flags).map_err(|error| PeerError::Flags(error.to_string()))?;
        Ok(Self { operator: Operator::new(), flags: parsed.flags })
    }

    fn context(attributes: &[(&str, Value)]) -> Result<EvaluationContext, PeerError> {
        let mut context = EvaluationContext::default();
        for (name, value) in attributes {
            match (*name, value) {
                ("targetingKey", Value::String(key)) => context.targeting_key = Some(key.clone()),
                (_, Value::Null) => {}
                (name, value) => context.add_custom_field(name, field(value)),
            }
        }
        Ok(context)
    }

    fn boolean(&self, flag: &str, context: &EvaluationContext) -> Option<bool> {
        self.resolve(flag, context).ok()?.found?.1.as_bool()
    }

    fn text<R>(&self, flag: &str, context: &EvaluationContext, read: impl FnOnce(Option<&str>) -> R) -> R {
        read(self.resolve(flag, context).ok().and_then(|resolved| resolved.found?.1.as_str()))
    }

    fn evaluate(&self, flag: &str, context: &EvaluationContext) -> Result<Answer, PeerError> {
        let Resolved { found, reason } = self.resolve(flag, context)?;
        let (variant, value) = found.unzip();
        Ok(Answer { value: value.cloned(), variant, reason: reason.to_owned() })
    }
}

/// Lists and objects go in whole: the engine takes them apart again.
fn field(value: &Value) -> EvaluationContextFieldValue {
    match inner(value) {
        FieldValue::Bool(value) => value.into(),
        FieldValue::Int(value) => value.into(),
        FieldValue::Float(value) => value.into(),
        FieldValue::String(value) => value.into(),
        other => EvaluationContextFieldValue::new_struct(other),
    }
}

/// OpenFeature has no null: inside of lists and objects it is left out.
fn inner(value: &Value) -> FieldValue {
    match value {
        Value::Null => FieldValue::Struct(StructValue::default()),
        Value::Bool(value) => FieldValue::Bool(*value),
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| FieldValue::Float(number.as_f64().unwrap_or_default()), FieldValue::Int),
        Value::String(text) => FieldValue::String(text.clone()),
        Value::Array(values) => {
            FieldValue::Array(values.iter().filter(|value| !value.is_null()).map(inner).collect())
        }
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            FieldValue::Struct(StructValue {
                fields: fields.map(|(name, value)| (name.clone(), inner(value))).collect(),
            })
        }
    }
}
