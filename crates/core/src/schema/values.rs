//! Values between schema 1, an object each, and schema 2, a list each.
//!
//! `{"value": true, "variant": "on", "reason": "TARGETING_MATCH", "metadata": {"rule": "pilot"}}` is
//! `[true, "on", "T", "pilot"]`: the value (null for the caller's default), the variant (or null), the reason, the rule
//! (or null), and an object with whatever else there is, all but the first three only as far as they are needed.
//! Nothing is lost either way, fields that this version does not know included.

use std::borrow::Cow;

use serde_json::{Map, Value, value::RawValue};

use crate::protocol::ValueMap;

/// Reasons, and the letters that stand for them. Others are written out.
const REASONS: [(&str, &str); 6] = [
    ("STATIC", "S"),
    ("DEFAULT", "D"),
    ("TARGETING_MATCH", "T"),
    ("SPLIT", "P"),
    ("DISABLED", "O"),
    ("ERROR", "E"),
];

/// A value of schema 1, written in schema 2. `None` for what is no such value: it is to be passed on as it is.
#[must_use]
pub fn to_two(one: &RawValue) -> Option<Box<RawValue>> {
    let Value::Object(mut fields) = serde_json::from_str(one.get()).ok()? else { return None };
    let value = fields.shift_remove("value").unwrap_or_default();
    let variant = text_or_null(fields.shift_remove("variant"))?;
    let Value::String(reason) = fields.shift_remove("reason")? else { return None };
    // One letter would be read as another reason.
    if reason.chars().count() < 2 {
        return None;
    }
    let short = REASONS.iter().find(|(long, _)| *long == reason).map(|(_, short)| *short);
    let mut rule = Value::Null;
    if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
        if metadata.get("rule").is_some_and(Value::is_string) {
            rule = metadata.shift_remove("rule").unwrap_or_default();
        }
        if metadata.is_empty() && !rule.is_null() {
            fields.shift_remove("metadata");
        }
    }
    let mut list = vec![value, variant, short.map_or(reason.as_str(), |short| short).into(), rule];
    if fields.is_empty() {
        if list.last().is_some_and(Value::is_null) {
            list.pop();
        }
    } else {
        list.push(Value::Object(fields));
    }
    serde_json::value::to_raw_value(&list).ok()
}

/// A value of schema 2, written in schema 1. `None` for what is no such value, or more than this version knows of: it is
/// to be passed on as it is, and then can't be read.
#[must_use]
pub fn to_one(two: &RawValue) -> Option<Box<RawValue>> {
    let list: Vec<Value> = serde_json::from_str(two.get()).ok()?;
    let mut list = list.into_iter();
    let (value, variant, reason) = (list.next()?, text_or_null(list.next())?, list.next()?);
    let (rule, more) = (list.next().unwrap_or_default(), list.next());
    if list.next().is_some() {
        return None;
    }
    let Value::String(reason) = reason else { return None };
    let reason = match REASONS.iter().find(|(_, short)| *short == reason) {
        Some((long, _)) => Cow::Borrowed(*long),
        // A letter that only a newer version knows.
        None if reason.chars().count() < 2 => return None,
        None => Cow::Owned(reason),
    };
    let mut more = match more {
        None => Map::new(),
        Some(Value::Object(more)) => more,
        Some(_) => return None,
    };
    if ["value", "variant", "reason"].iter().any(|name| more.contains_key(*name)) {
        return None;
    }
    let mut fields = Map::new();
    for (name, value) in [("value", value), ("variant", variant)] {
        if !value.is_null() {
            fields.insert(name.to_owned(), value);
        }
    }
    fields.insert("reason".to_owned(), reason.into());
    match rule {
        Value::Null => {}
        Value::String(_) => match more.entry("metadata").or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(metadata) => drop(metadata.insert("rule".to_owned(), rule)),
            _ => return None,
        },
        _ => return None,
    }
    fields.extend(more);
    serde_json::value::to_raw_value(&fields).ok()
}

/// Values as they came in a schema, in schema 1. What can't be adapted stays as it is: nobody can read it, and its flag
/// falls back.
#[must_use]
pub fn all_to_one(values: ValueMap, schema: u32) -> ValueMap {
    let adapted = |(flag, value): (String, Box<RawValue>)| {
        // Each schema has its own: an object in the one and a list in the other is what nobody meant.
        let value = match schema {
            super::OLDEST if value.get().starts_with('{') => value,
            super::OLDEST => unreadable(),
            _ => to_one(&value).unwrap_or_else(unreadable),
        };
        (flag, value)
    };
    values.into_iter().map(adapted).collect()
}

/// What nobody reads as a value.
fn unreadable() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

fn text_or_null(value: Option<Value>) -> Option<Value> {
    match value {
        None => Some(Value::Null),
        Some(value @ (Value::Null | Value::String(_))) => Some(value),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn raw(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).unwrap()
    }

    fn read(raw: &RawValue) -> Value {
        serde_json::from_str(raw.get()).unwrap()
    }

    #[test]
    fn values_are_lists_as_long_as_they_need_to_be() {
        for (one, two) in [
            (json!({"value": true, "variant": "on", "reason": "STATIC"}), json!([true, "on", "S"])),
            (json!({"reason": "DISABLED"}), json!([null, null, "O"])),
            (
                json!({"value": 3, "variant": "x", "reason": "TARGETING_MATCH", "metadata": {"rule": "r"}}),
                json!([3, "x", "T", "r"]),
            ),
            (
                json!({"value": {}, "reason": "SPLIT", "metadata": {"enabled": true, "rule": "r"}, "measure": ["m"]}),
                json!([{}, null, "P", "r", {"metadata": {"enabled": true}, "measure": ["m"]}]),
            ),
            (
                json!({"value": 1, "reason": "DEFAULT", "dark": "on"}),
                json!([1, null, "D", null, {"dark": "on"}]),
            ),
            (
                json!({"reason": "ERROR", "errorCode": "PARSE_ERROR"}),
                json!([null, null, "E", null, {"errorCode": "PARSE_ERROR"}]),
            ),
            (
                json!({"value": 1, "reason": "LUNAR", "metadata": {}}),
                json!([1, null, "LUNAR", null, {"metadata": {}}]),
            ),
            (
                json!({"value": 1, "reason": "STATIC", "metadata": {"rule": 7}}),
                json!([1, null, "S", null, {"metadata": {"rule": 7}}]),
            ),
        ] {
            assert_eq!(read(&to_two(&raw(&one)).unwrap()), two);
            assert_eq!(read(&to_one(&raw(&two)).unwrap()), one);
        }
    }

    #[test]
    fn what_is_no_value_is_passed_on_or_falls_back() {
        for one in [
            json!(1),
            json!([]),
            json!({}),
            json!({"reason": 1}),
            json!({"reason": "S"}),
            json!({"reason": "STATIC", "variant": 1}),
        ] {
            assert!(to_two(&raw(&one)).is_none(), "{one}");
        }
        for two in [
            json!(1),
            json!({}),
            json!([]),
            json!([1, "on"]),
            json!([1, 2, "S"]),
            json!([1, "on", "Z"]),
            json!([1, "on", 7]),
            json!([1, "on", "S", 7]),
            json!([1, "on", "S", null, []]),
            json!([1, "on", "S", null, {}, "more"]),
            json!([1, "on", "S", null, {"value": 2}]),
            json!([1, "on", "S", "r", {"metadata": 1}]),
        ] {
            assert!(to_one(&raw(&two)).is_none(), "{two}");
            let map = ValueMap::from_iter([("f".to_owned(), raw(&two))]);
            assert_eq!(all_to_one(map, 2)["f"].get(), "null");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(true)),
            any::<i64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
            Just(json!({"a": [1, null]}))
        ];
        let extra = prop::collection::btree_map("[a-z]{3,9}", leaf.clone(), 0..3);
        (
            prop::option::of(leaf.clone()),
            prop::option::of("[a-z]{1,4}"),
            prop_oneof![
                Just("STATIC".to_owned()),
                Just("SPLIT".to_owned()),
                Just("DISABLED".to_owned()),
                "[A-Z]{2,9}"
            ],
            prop::option::of(prop::collection::btree_map("rule|enabled|splitKeyMissing|team", leaf, 0..3)),
            extra,
        )
            .prop_map(|(value, variant, reason, metadata, extra)| {
                let mut fields = Map::new();
                let all = [
                    ("value", value),
                    ("variant", variant.map(Value::from)),
                    ("reason", Some(reason.into())),
                ];
                fields.extend(all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
                fields.extend(metadata.map(|metadata| ("metadata".to_owned(), json!(metadata))));
                for (name, value) in extra {
                    fields.entry(name).or_insert(value);
                }
                Value::Object(fields)
            })
    }

    proptest! {
        /// There and back is where it began, whatever else stands in it.
        #[test]
        fn nothing_is_lost_either_way(one in any_value()) {
            let two = to_two(&raw(&one)).unwrap();
            prop_assert!(two.get().starts_with('['));
            let back = read(&to_one(&two).unwrap());
            prop_assert_eq!(&back, &one);
            let again = to_two(&raw(&back)).unwrap();
            prop_assert_eq!(again.get(), two.get());
        }

        #[test]
        fn no_text_is_a_panic(text in "[\\[\\]{}\",:a-zA-Z0-9 ]{0,40}") {
            if let Ok(any) = RawValue::from_string(text) {
                drop((to_one(&any), to_two(&any)));
            }
        }
    }
}
