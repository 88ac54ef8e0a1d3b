//! Contexts as OpenFeature and OFREP write them.

use serde_json::{Map, Value};

use super::{
    Context,
    value::{attribute_value, to_json},
};
use crate::{
    limits::{MAX_CONTEXT_ATTRIBUTES, MAX_CONTEXT_DEPTH},
    problem::{Problem, Problems},
};

impl Context {
    /// Reads a context as OpenFeature and OFREP write it: one flat or nested object. Nested objects become
    /// dotted names; `null` counts as missing; a whole number beyond 64 bits is kept as a float.
    ///
    /// # Errors
    /// Not an object, too many attributes, nested too deeply, or a `targetingKey` or `venue` that is not a text.
    pub fn from_json(value: &Value) -> Result<Self, Problems> {
        let Value::Object(fields) = value else {
            let mend = "Send an object such as {\"targetingKey\": \"u-17\", \"venue\": \"wembley-stadium\"}.";
            return Err(Problem::new("context", value, "the context is not an object", mend).into());
        };
        let mut context = Self::default();
        for name in ["targetingKey", "venue"] {
            match fields.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => context.set(name, text.as_str()),
                Some(other) => {
                    let field = format!("context.{name}");
                    return Err(
                        Problem::new(field, other, "this must be a text", "Send it as a string.").into()
                    );
                }
            }
        }
        context.flatten("", fields, 1)?;
        Ok(context)
    }

    /// The context as JSON, nested attributes under their dotted names.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        let own = [("targetingKey", &self.targeting_key), ("venue", &self.venue)];
        for (name, value) in own.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            fields.insert(name.to_owned(), to_json(value));
        }
        fields.extend(self.attributes.iter().map(|(name, value)| (name.to_owned(), to_json(value))));
        Value::Object(fields)
    }

    fn flatten(&mut self, prefix: &str, fields: &Map<String, Value>, depth: usize) -> Result<(), Problems> {
        if depth > MAX_CONTEXT_DEPTH {
            let mend = format!("Nest at most {MAX_CONTEXT_DEPTH} deep.");
            return Err(
                Problem::new(format!("context.{prefix}"), "…", "the context nests too deeply", mend).into()
            );
        }
        for (key, value) in fields {
            if depth == 1 && matches!(key.as_str(), "targetingKey" | "venue") {
                continue;
            }
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                Value::Object(inner) => self.flatten(&name, inner, depth + 1)?,
                other => {
                    if let Some(value) = attribute_value(other) {
                        self.attributes.set(&name, value);
                    }
                }
            }
            if self.len() > MAX_CONTEXT_ATTRIBUTES {
                let mend = format!("Send at most {MAX_CONTEXT_ATTRIBUTES}.");
                return Err(Problem::new(
                    "context",
                    fields.len(),
                    "the context has too many attributes",
                    mend,
                )
                .into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::context::AttributeValue;

    #[test]
    fn nested_objects_become_dotted_names() {
        let context = Context::from_json(&json!({
            "targetingKey": "u", "device": {"os": "ios", "model": {"year": 2024}}, "gone": null, "tags": ["a", 1]
        }))
        .unwrap();
        assert_eq!(context.attribute(&"device.os".into()), Some(&"ios".into()));
        assert_eq!(context.attribute(&"device.model.year".into()), Some(&AttributeValue::Integer(2024)));
        assert_eq!(context.attribute(&"gone".into()), None);
        assert_eq!(context.len(), 4);
    }

    #[test]
    fn a_bad_context_names_the_field() {
        let found = Context::from_json(&json!({"targetingKey": 7})).unwrap_err();
        assert_eq!(found.0[0].field, "context.targetingKey");
        assert!(Context::from_json(&json!([])).is_err());
        let many: Map<String, Value> = (0..300).map(|n| (format!("a{n}"), n.into())).collect();
        assert!(Context::from_json(&Value::Object(many)).is_err());
        let deep = (0..20).fold(json!(1), |inner, _| json!({"a": inner}));
        assert!(Context::from_json(&deep).is_err());
    }
}
