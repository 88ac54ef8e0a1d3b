//! OpenFeature's evaluation context as Usher's.

use open_feature::{
    EvaluationContext, EvaluationContextFieldValue as Field, EvaluationError, EvaluationErrorCode,
    StructValue, Value as Tree,
};
use serde_json::{Map, Value};
use usher_core::model::Timestamp;

use super::value;
use crate::Context;

/// The context, attributes and all.
///
/// # Errors
/// `INVALID_CONTEXT`, for one beyond Usher's limits, or with a venue that is no text.
pub(super) fn context(from: &EvaluationContext) -> Result<Context, EvaluationError> {
    let mut fields = Map::new();
    for (name, field) in &from.custom_fields {
        if let Some(value) = attribute(field) {
            fields.insert(name.clone(), value);
        }
    }
    if let Some(key) = &from.targeting_key {
        fields.insert("targetingKey".to_owned(), key.as_str().into());
    }
    Context::from_json(&Value::Object(fields)).map_err(|problems| EvaluationError {
        code: EvaluationErrorCode::InvalidContext,
        message: Some(problems.to_string()),
    })
}

fn attribute(field: &Field) -> Option<Value> {
    Some(match field {
        Field::Bool(value) => (*value).into(),
        Field::Int(value) => (*value).into(),
        Field::Float(value) => (*value).into(),
        Field::String(text) => text.as_str().into(),
        Field::DateTime(time) => {
            let millis = i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?;
            Timestamp::from_millis(millis).to_string().into()
        }
        Field::Struct(any) => {
            if let Some(structure) = any.downcast_ref::<StructValue>() {
                value::object(structure)
            } else if let Some(tree) = any.downcast_ref::<Tree>() {
                value::json(tree)
            } else {
                any.downcast_ref::<Value>()?.clone()
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_field_becomes_an_attribute() {
        struct Opaque;
        let structure = StructValue::default()
            .with_field("model", StructValue::default().with_field("year", 2024))
            .with_field("tags", Tree::Array(vec!["a".into(), 1.into()]));
        let from = EvaluationContext::default()
            .with_targeting_key("u-1")
            .with_custom_field("targetingKey", "another")
            .with_custom_field("venue", "dome")
            .with_custom_field("beta", true)
            .with_custom_field("seats", 4)
            .with_custom_field("share", 0.5)
            .with_custom_field("none", f64::NAN)
            .with_custom_field("device", Field::new_struct(structure))
            .with_custom_field("tree", Arc::new(json!({"deep": {"er": "x"}, "null": null})))
            .with_custom_field("list", Field::new_struct(Tree::Array(vec![true.into()])))
            .with_custom_field("opaque", Field::new_struct(Opaque));
        let expected = json!({
            "targetingKey": "u-1", "venue": "dome", "beta": true, "seats": 4, "share": 0.5,
            "device.model.year": 2024, "device.tags": ["a", 1], "tree.deep.er": "x", "list": [true]
        });
        let found = context(&from).unwrap().to_json();
        let sorted = |value: &Value| {
            let mut fields: Vec<_> = value.as_object().unwrap().clone().into_iter().collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            fields
        };
        assert_eq!(sorted(&found), sorted(&expected));
    }

    #[test]
    fn a_context_that_can_not_be_read_says_why() {
        let bad = EvaluationContext::default().with_custom_field("venue", 7);
        let error = context(&bad).unwrap_err();
        assert_eq!(error.code, EvaluationErrorCode::InvalidContext);
        assert!(error.message.unwrap().contains("venue"));
    }
}
