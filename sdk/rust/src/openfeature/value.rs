//! JSON as OpenFeature's values, and back.

use open_feature::{StructValue, Value as Tree};
use serde_json::Value;

/// A JSON object as a structure. `None` for what is no object, and for lists with holes.
pub(super) fn structure(json: &Value) -> Option<StructValue> {
    let Value::Object(fields) = json else { return None };
    let mut structure = StructValue::default();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        structure.add_field(name, tree(value)?);
    }
    Some(structure)
}

/// A field that is null is left out; OpenFeature has no null.
fn tree(json: &Value) -> Option<Tree> {
    Some(match json {
        Value::Null => return None,
        Value::Bool(value) => Tree::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => Tree::Int(value),
            None => Tree::Float(number.as_f64()?),
        },
        Value::String(text) => Tree::String(text.clone()),
        Value::Array(values) => Tree::Array(values.iter().map(tree).collect::<Option<_>>()?),
        Value::Object(_) => Tree::Struct(structure(json)?),
    })
}

pub(super) fn object(structure: &StructValue) -> Value {
    structure.fields.iter().map(|(name, value)| (name.clone(), json(value))).collect()
}

pub(super) fn json(tree: &Tree) -> Value {
    match tree {
        Tree::Bool(value) => (*value).into(),
        Tree::Int(value) => (*value).into(),
        Tree::Float(value) => (*value).into(),
        Tree::String(text) => text.as_str().into(),
        Tree::Array(values) => values.iter().map(json).collect(),
        Tree::Struct(fields) => object(fields),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn trees_go_there_and_back() {
        let before = json!({"a": 1, "b": [1.5, true, {"c": "x"}], "d": {}});
        assert_eq!(object(&structure(&before).unwrap()), before);
        assert_eq!(object(&structure(&json!({"a": null, "b": 1})).unwrap()), json!({"b": 1}));
        assert_eq!(structure(&json!([1])), None);
        assert_eq!(structure(&json!({"a": [null]})), None);
        assert_eq!(structure(&json!({"a": u64::MAX})).unwrap().fields["a"], Tree::Float(u64::MAX as f64));
    }
}
