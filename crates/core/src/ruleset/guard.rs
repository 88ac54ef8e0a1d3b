//! A glance at a rule: what a context must have for it to match at all.
//!
//! Most rules that don't match fail at a plain comparison with one text, and rules of one flag often look at the same
//! attribute. Those comparisons lie side by side, as hashes, so such a rule is passed over without a look at the rule
//! itself. A guard never says that a rule matches: what it lets through is asked in full, so two texts of one hash
//! do no harm.

use super::{
    condition::{CompiledCondition, Source},
    test::Test,
};
use crate::context::{AttributeValue, Context, UNHASHED};

/// Whose value is looked at: the hash of an attribute's name, or one of these.
type About = u64;

/// Nobody's: the rule is always asked.
const NOTHING: About = 0;
const TARGETING_KEY: About = 1;
const VENUE: About = 2;

/// The text that a rule can't do without, by its hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    about: About,
    text: u64,
}

impl Guard {
    const NONE: Self = Self { about: NOTHING, text: 0 };

    /// The guard of a rule with this condition.
    pub(crate) fn new(condition: Option<&CompiledCondition>) -> Self {
        condition.and_then(Self::needed).unwrap_or(Self::NONE)
    }

    fn needed(condition: &CompiledCondition) -> Option<Self> {
        match condition {
            CompiledCondition::All(parts) => parts.iter().find_map(Self::needed),
            CompiledCondition::Attribute(source, test) => {
                let text = match test {
                    Test::In(values) => values.only_text()?,
                    Test::Foreign(foreign) => foreign.only_text()?,
                    _ => return None,
                };
                let about = match source {
                    Source::TargetingKey => TARGETING_KEY,
                    Source::Venue => VENUE,
                    Source::Attribute(name) if name.hash() > VENUE => name.hash(),
                    // One in 2⁶⁴ has a hash that means something else; a venue's own fields would have to be looked up
                    // in the ruleset first.
                    Source::Attribute(_) | Source::VenueField(_) => return None,
                };
                Some(Self { about, text: text.hash() })
            }
            _ => None,
        }
    }
}

/// One context before one rule's guard after the other. It remembers what it saw last.
pub(crate) struct Glance<'c> {
    context: &'c Context,
    about: About,
    /// The hash of what the context has there; anything, where it has nothing: that too is asked in full, and fails.
    has: u64,
    /// Whether that can't be told by a hash.
    any: bool,
}

impl<'c> Glance<'c> {
    #[inline]
    pub(crate) fn new(context: &'c Context) -> Self {
        Self { context, about: NOTHING, has: 0, any: true }
    }

    /// Whether the rule has to be asked; if not, it does not match.
    #[inline]
    pub(crate) fn passes(&mut self, guard: &Guard) -> bool {
        if guard.about != self.about {
            if guard.about == NOTHING {
                return true;
            }
            self.look(guard.about);
        }
        guard.text == self.has || self.any
    }

    #[inline]
    fn look(&mut self, about: About) {
        let has = match about {
            TARGETING_KEY => self.context.targeting_key_value().map(AttributeValue::hash),
            VENUE => self.context.venue_value().map(AttributeValue::hash),
            name => self.context.attribute_hash(name),
        };
        (self.about, self.has, self.any) = (about, has.unwrap_or_default(), has == Some(UNHASHED));
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};
    use serde_json::{Value, json};

    use crate::{
        Context, Ruleset,
        model::{Kind, Seq, Timestamp, parse_strict},
    };

    fn attribute() -> impl Strategy<Value = Value> {
        let name = select(vec!["tier", "platform", "venue", "targetingKey", "venue.city"]);
        let op = select(vec!["equals", "in", "notIn"]);
        let value = select(vec![json!("a"), json!("b"), json!("A"), json!(1), json!(true)]);
        (name, op, prop::collection::vec(value, 1..3), any::<bool>()).prop_map(
            |(name, op, values, fold)| json!({"attribute": name, "op": op, "values": values, "ignoreCase": fold}),
        )
    }

    fn condition() -> impl Strategy<Value = Value> {
        attribute().prop_recursive(2, 6, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({"all": parts})),
                prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({"any": parts})),
                inner.prop_map(|part| json!({"not": part})),
            ]
        })
    }

    proptest! {
        /// An explanation asks every rule in full.
        #[test]
        fn a_glance_changes_no_answer(
            conditions in prop::collection::vec(condition(), 1..5),
            key in select(vec!["a", "b"]),
            venue in select(vec![None, Some("a"), Some("b")]),
            tier in select(vec![Value::Null, json!("a"), json!("A"), json!(["b", "a"]), json!(1), json!("1"), json!([])]),
            platform in select(vec![Value::Null, json!("b"), json!(true)]),
        ) {
            let variants: serde_json::Map<String, Value> =
                (0..=conditions.len()).map(|n| (format!("v{n}"), json!(n))).collect();
            let rules: Vec<Value> = conditions.iter().enumerate()
                .map(|(n, condition)| json!({"id": format!("r{n}"), "if": condition, "serve": {"variant": format!("v{n}")}}))
                .collect();
            let rest = format!("v{}", conditions.len());
            let flag = json!({"key": "flag", "type": "integer", "variants": variants, "environments": {"production": {
                "enabled": true, "offVariant": rest, "rules": rules, "default": {"variant": rest}}}});
            let flag = parse_strict(&Kind::Flag, flag.to_string().as_bytes()).unwrap();
            let ruleset = Ruleset::compile("production".parse().unwrap(), Seq(1), [&flag]);
            let context = json!({"targetingKey": key, "venue": venue, "tier": tier, "platform": platform});
            let context = Context::from_json(&context).unwrap();
            let quick = ruleset.evaluate("flag", &context, Timestamp::EPOCH);
            let (full, _) = ruleset.explain("flag", &context, Timestamp::EPOCH);
            prop_assert_eq!((quick.variant(), quick.rule, quick.error), (full.variant(), full.rule, full.error));
        }
    }
}
