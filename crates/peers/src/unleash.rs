//! Unleash, by Yggdrasil: the engine under its SDKs and under Unleash Edge.

use std::collections::HashMap;

use serde_json::Value;
use unleash_yggdrasil::{ClientFeatures, Context, EngineState, EvalWarning, ExtendedVariantDef};

use crate::peer::{Answer, Peer, PeerError};

/// Unleash's flags in Yggdrasil. Their format is the answer of Unleash's `/api/client/features`.
pub struct Unleash {
    engine: EngineState,
    warnings: Vec<EvalWarning>,
}

impl Unleash {
    /// Whether a flag is on; not for one that does not exist.
    #[must_use]
    pub fn is_enabled(&self, flag: &str, context: &Context) -> bool {
        self.engine.is_enabled(flag, context, &None)
    }

    /// A flag's variant: one named `disabled`, where there is none.
    #[must_use]
    pub fn variant(&self, flag: &str, context: &Context) -> ExtendedVariantDef {
        self.engine.get_variant(flag, context, &None)
    }

    /// What the engine could not compile, flag by flag; those are always off.
    #[must_use]
    pub fn warnings(&self) -> &[EvalWarning] {
        &self.warnings
    }
}

impl Peer for Unleash {
    const NAME: &'static str = "unleash-yggdrasil";
    const KEY: &'static str = "userId";
    type Context = Context;

    fn load(flags: &str) -> Result<Self, PeerError> {
        let flags: ClientFeatures =
            serde_json::from_str(flags).map_err(|error| PeerError::Flags(error.to_string()))?;
        let engine = EngineState::default();
        let warnings = engine.apply_client_features(flags).unwrap_or_default();
        Ok(Self { engine, warnings })
    }

    /// Unleash's own fields by their names; everything else becomes a property. All of Unleash's values are
    /// texts: numbers and booleans count by how they are written, and what has no text is left out.
    fn context(attributes: &[(&str, Value)]) -> Result<Context, PeerError> {
        let mut context = Context { properties: None, ..Context::default() };
        let mut properties = HashMap::new();
        for (name, value) in attributes {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(value) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => continue,
            };
            match *name {
                "userId" => context.user_id = Some(text),
                "sessionId" => context.session_id = Some(text),
                "environment" => context.environment = Some(text),
                "appName" => context.app_name = Some(text),
                "currentTime" => context.current_time = Some(text),
                "remoteAddress" => context.remote_address = Some(text),
                other => {
                    properties.insert(other.to_owned(), text);
                }
            }
        }
        context.properties = Some(properties);
        Ok(context)
    }

    fn boolean(&self, flag: &str, context: &Context) -> Option<bool> {
        Some(self.is_enabled(flag, context))
    }

    /// The name of the variant, as most of Unleash's users ask for it.
    fn text<R>(&self, flag: &str, context: &Context, read: impl FnOnce(Option<&str>) -> R) -> R {
        let variant = self.variant(flag, context);
        read(variant.enabled.then_some(&variant.name))
    }

    /// The value of a variant is its payload, JSON where it says so; without a variant the value tells whether
    /// the flag is on.
    fn evaluate(&self, flag: &str, context: &Context) -> Result<Answer, PeerError> {
        let Some(resolved) = self.engine.resolve(flag, context, &None) else {
            return Err(PeerError::UnknownFlag(flag.to_owned()));
        };
        let variant = resolved.variant;
        if !variant.enabled {
            return Ok(Answer { value: Some(resolved.enabled.into()), ..Answer::default() });
        }
        let value = variant.payload.map(|payload| match payload.payload_type.as_str() {
            "json" | "number" => serde_json::from_str(&payload.value).unwrap_or(Value::String(payload.value)),
            _ => Value::String(payload.value),
        });
        Ok(Answer { value, variant: Some(variant.name), reason: String::new() })
    }
}
