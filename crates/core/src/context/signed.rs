//! What somebody vouches for, and what a phone only says.
//!
//! Whoever has a server key is believed. A phone has a client key that anybody can read out of its app, so what it says
//! of itself is worth little; what a backend has signed for it is worth all. The two are put together here, so that
//! evaluation sees one context, and so that cohorts can ask whose word something is.

use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64;

use super::{AttributeValue, Context, Name};
use crate::{ruleset::KeyRef, signed_context::ATTRIBUTE};

/// Who vouches for a context.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Vouched {
    /// Whoever asks: they are believed.
    #[default]
    Caller,
    /// Nobody.
    Nobody,
    /// A backend, for a part of it.
    Backend(Box<Signed>),
}

/// What a backend has signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    context: Context,
    cohorts: Box<[KeyRef]>,
}

/// Whose word counts for whether somebody is in a cohort.
pub(crate) enum Word<'c> {
    /// All that the context says.
    Anyones,
    /// Nobody's: nothing is signed.
    Nobodys,
    /// What a backend has signed.
    Backends(&'c Signed),
}

impl Signed {
    /// A context and the cohorts that it is in.
    #[must_use]
    pub fn new<'k>(context: Context, cohorts: impl IntoIterator<Item = &'k str>) -> Self {
        Self { context, cohorts: cohorts.into_iter().map(KeyRef::new).collect() }
    }

    /// What is signed, as a context.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The same with the venue that is known otherwise: of a key that is for one only.
    #[must_use]
    pub fn at(mut self, venue: &str) -> Self {
        self.context.set("venue", venue);
        self
    }

    /// Whether the backend says that it is in a cohort.
    pub(crate) fn lists(&self, cohort: &KeyRef) -> bool {
        self.cohorts.contains(cohort)
    }
}

impl Context {
    /// The same, and nobody vouches for it: it is in no cohort that asks for a signature.
    #[must_use]
    pub fn unsigned(mut self) -> Self {
        self.vouched = Vouched::Nobody;
        self
    }

    /// What a backend has signed, and beside it what the phone says of itself. What is signed can't be said otherwise:
    /// targeting key and venue are the signed ones or none, an attribute that is signed (or anything within it) stays as
    /// it is signed, and `cohorts` is nothing that a phone can say.
    #[must_use]
    pub fn with_signed(self, signed: Signed) -> Self {
        fn head(name: &str) -> &str {
            name.split('.').next().unwrap_or(name)
        }
        let mut merged = signed.context.clone();
        for (name, value) in self.attributes.iter() {
            let top = head(name);
            let is_reserved = matches!(top, "targetingKey" | "venue" | "cohorts");
            // By the hash too, for that is how attributes are found: nobody gets past by a name that collides.
            let is_signed = signed.context.attribute_hash(xxh3_64(name.as_bytes())).is_some()
                || signed.context.attributes.iter().any(|(own, _)| head(own) == top);
            if !is_reserved && !is_signed {
                merged.attributes.set(name, value.clone());
            }
        }
        merged.vouched = Vouched::Backend(Box::new(signed));
        merged
    }

    /// Takes the attribute out that carries a signed context: an error names what it is instead of a text.
    ///
    /// # Errors
    /// It is there, and is no text.
    pub fn take_signed(&mut self) -> Result<Option<String>, NotText> {
        // Asked of every request, so it is hashed once.
        static NAME: LazyLock<Name> = LazyLock::new(|| ATTRIBUTE.into());
        let found = match self.attributes.get(&NAME) {
            None if self.attributes.has(&NAME) => return Err(NotText),
            None => return Ok(None),
            Some(AttributeValue::Text(text)) => text.as_str().to_owned(),
            Some(_) => return Err(NotText),
        };
        self.attributes.remove(ATTRIBUTE);
        Ok(Some(found))
    }

    /// Whose word counts for whether it is in a cohort.
    #[inline]
    pub(crate) fn word(&self) -> Word<'_> {
        match &self.vouched {
            Vouched::Caller => Word::Anyones,
            Vouched::Nobody => Word::Nobodys,
            Vouched::Backend(signed) => Word::Backends(signed),
        }
    }
}

/// A signed context is a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signed context is a text: pass what your backend has signed on as it is")]
pub struct NotText;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn context(json: serde_json::Value) -> Context {
        Context::from_json(&json).unwrap()
    }

    #[test]
    fn what_is_signed_stays_and_the_rest_is_added() {
        let signed = context(
            json!({"targetingKey": "u-1", "venue": "wembley-stadium", "role": "fan", "seat": {"row": 1}}),
        );
        let phone = context(
            json!({"targetingKey": "u-2", "venue": "camp-nou", "role": "staff", "seat": {"row": 9, "vip": true},
            "cohorts": ["gate-staff"], "venue.country": "x", "role.level": 3, "appVersion": "3.2.0"}),
        );
        let merged = phone.with_signed(Signed::new(signed, []));
        let expected = json!({"targetingKey": "u-1", "venue": "wembley-stadium", "role": "fan", "seat.row": 1, "appVersion": "3.2.0"});
        assert_eq!(merged.to_json(), expected);
    }

    #[test]
    fn without_a_signed_one_there_is_no_targeting_key_and_no_venue() {
        let phone = context(json!({"targetingKey": "u-2", "venue": "camp-nou", "platform": "ios"}));
        let merged = phone.with_signed(Signed::new(Context::anonymous(), []));
        assert_eq!(merged.to_json(), json!({"platform": "ios"}));
    }

    #[test]
    fn the_attribute_that_carries_it_is_taken_out() {
        let mut phone = context(json!({"signedContext": "a.b.c", "x": 1}));
        assert_eq!(phone.take_signed(), Ok(Some("a.b.c".to_owned())));
        assert_eq!(phone.to_json(), json!({"x": 1}));
        assert_eq!(phone.take_signed(), Ok(None));
        for wrong in [
            json!({"signedContext": 7}),
            json!({"signedContext": ["a"]}),
            json!({"signedContext": {"a": "b"}}),
        ] {
            assert_eq!(context(wrong).take_signed(), Err(NotText));
        }
    }

    proptest! {
        /// Whatever a phone says, what is signed is what counts.
        #[test]
        fn nothing_signed_is_ever_said_otherwise(
            signed in prop::collection::btree_map("[a-c]{1,2}(\\.[a-c])?|targetingKey|venue", "[s-z]{1,3}", 0..6),
            phone in prop::collection::btree_map("[a-c]{1,2}(\\.[a-c])?|targetingKey|venue|cohorts", "[m-r]{1,3}", 0..6),
        ) {
            let object = |fields: &std::collections::BTreeMap<String, String>| context(json!(fields));
            let merged = object(&phone).with_signed(Signed::new(object(&signed), []));
            let json = merged.to_json();
            for (name, value) in &signed {
                prop_assert_eq!(&json[name], &json!(value));
            }
            for name in ["targetingKey", "venue", "cohorts"] {
                let expected = signed.get(name).map(|value| json!(value));
                prop_assert_eq!(json.get(name), expected.as_ref());
            }
            for (name, value) in json.as_object().unwrap() {
                prop_assert!(signed.contains_key(name) || phone.get(name).is_some_and(|own| json!(own) == *value));
            }
        }
    }
}
