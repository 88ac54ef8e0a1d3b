//! Contexts read straight from JSON text, without a tree in between: a server does it for every request.
//!
//! Only what most contexts are is read here: one flat object of texts, numbers and booleans, every name once. The
//! rest, and whatever is wrong, is left to the reader of trees and to its words.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};

use super::{AttributeValue, Attributes, Context};
use crate::limits::MAX_CONTEXT_ATTRIBUTES;

/// Attributes that few contexts have more of.
const MOST_HAVE: usize = 8;

impl Context {
    /// The context of `{"context": {…}}`, if that can be told without a tree: an answer is the one that
    /// [`Context::from_json`] would give. `None` says nothing about the text; ask that one.
    #[must_use]
    pub fn quick(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let mut context = Self { attributes: Attributes::with_capacity(MOST_HAVE), ..Self::default() };
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_map(Body(&mut context)).ok()?;
        json.end().ok()?;
        Some(context)
    }
}

/// Reads the object around a context: there is nothing else in it.
struct Body<'c>(&'c mut Context);
/// Reads a context where it is to be: it is large, and would be moved from call to call.
struct Flat<'c>(&'c mut Context);
struct Single(AttributeValue);

/// The name of a field, which is copied only if it has escapes.
#[derive(Deserialize)]
struct Called<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Body<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a context")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match map.next_key()? {
            Some(Called(name)) if name == "context" => map.next_value_seed(Flat(self.0))?,
            _ => return Err(A::Error::custom("there is no context")),
        }
        map.next_key()?.map_or(Ok(()), |Called(_)| Err(A::Error::custom("there is more than a context")))
    }
}

impl<'de> DeserializeSeed<'de> for Flat<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Flat<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flat object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let context = self.0;
        let mut read = 0;
        while let Some(Called(name)) = map.next_key()? {
            let Single(value) = map.next_value()?;
            let is_text = matches!(value, AttributeValue::Text(_));
            if matches!(&*name, "targetingKey" | "venue") && !is_text {
                return Err(A::Error::custom("this must be a text"));
            }
            context.set(&name, value);
            read += 1;
            // Fewer than were read: a name came twice.
            if read > MAX_CONTEXT_ATTRIBUTES || context.len() != read {
                return Err(A::Error::custom("not as most contexts are"));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Single;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or a boolean")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Single, E> {
                Ok(Single(text.into()))
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Single, E> {
                Ok(Single(value.into()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Single, E> {
                Ok(Single(number.into()))
            }
            #[allow(clippy::cast_precision_loss)] // Beyond 64 bits with a sign, a number is kept as a float.
            fn visit_u64<E: Error>(self, number: u64) -> Result<Single, E> {
                Ok(Single(i64::try_from(number).map_or(AttributeValue::Float(number as f64), Into::into)))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Single, E> {
                Ok(Single(number.into()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn by_tree(body: &str) -> Option<Context> {
        let tree: Value = serde_json::from_str(body).ok()?;
        Context::from_json(tree.get("context")?).ok()
    }

    #[test]
    fn what_most_send_is_read_without_a_tree() {
        let body = json!({"context": {"targetingKey": "ü\"-17", "venue": "wembley-stadium", "age": 41, "low": -1,
            "big": u64::MAX, "score": 0.1, "staff": true, "app.version": "3.2.0"}});
        let quick = Context::quick(body.to_string().as_bytes());
        assert!(quick.is_some());
        assert_eq!(quick, by_tree(&body.to_string()));
    }

    #[test]
    fn what_is_unusual_or_wrong_is_left_to_the_tree() {
        for body in [
            r#"{"context": {"a": {"b": 1}}}"#,
            r#"{"context": {"a": [1]}}"#,
            r#"{"context": {"a": null}}"#,
            r#"{"context": {"a": 1, "a": 2}}"#,
            r#"{"context": {"targetingKey": 7}}"#,
            r#"{"context": {"venue": true}}"#,
            r#"{"context": {}, "context": {}}"#,
            r#"{"context": []}"#,
            r#"{"context": null}"#,
            r#"{"context": {}} x"#,
            r#"{"context": {}, "more": {}}"#,
            r#"[{"a": 1}]"#,
            "{}",
            "[]",
            "",
        ] {
            assert_eq!(Context::quick(body.as_bytes()), None, "{body}");
        }
        let many: serde_json::Map<String, Value> = (0..300).map(|n| (format!("a{n}"), n.into())).collect();
        assert_eq!(Context::quick(json!({"context": many}).to_string().as_bytes()), None);
    }

    proptest! {
        #[test]
        fn no_text_is_read_in_two_ways(fields in prop::collection::vec((
            prop_oneof![Just("targetingKey".to_owned()), Just("venue".to_owned()), "[a-c.é\"]{0,2}"],
            prop_oneof![any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from), any::<u64>().prop_map(Value::from),
                any::<f64>().prop_map(Value::from), ".{0,8}".prop_map(Value::from), Just(Value::Null), Just(json!([1])), Just(json!({"a": 1}))]
        ), 0..6)) {
            let written: Vec<String> =
                fields.iter().map(|(name, value)| format!("{}: {value}", Value::from(name.as_str()))).collect();
            let body = format!(r#"{{"context": {{{}}}}}"#, written.join(", "));
            if let Some(quick) = Context::quick(body.as_bytes()) {
                prop_assert_eq!(Some(quick), by_tree(&body));
            }
        }
    }
}
