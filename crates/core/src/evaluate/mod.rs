//! Evaluation: (ruleset, context, now) → what the flag gives, and why.
//!
//! The order is fixed: unknown flag, disabled or killed, prerequisites, venue override, targets, rules,
//! default. Nothing here takes a lock, allocates, or reads a clock that it was not given: what comes back borrows
//! from the ruleset.
//! The same code explains itself when it is run with a [`Trace`], so an explanation can't differ from the
//! answer.

mod clock;
mod dark;
mod evaluator;
mod known;
mod logic_words;
mod matching;
mod observer;
mod reason;
mod sentences;
mod trace;

use std::sync::Arc;

use serde::{Serialize, Serializer, ser::SerializeMap};
use smol_str::SmolStr;

pub(crate) use self::{clock::Clock, matching::Scope};
pub use self::{
    clock::Now,
    reason::{ErrorCode, Reason},
    trace::{Outcome, Step, Trace},
};
use crate::{
    context::Context,
    model::{FlagType, Timestamp, WhenStale},
    ruleset::{CompiledConfig, CompiledFlag, Ruleset, VariantValue},
};
use evaluator::Evaluator;

/// What a flag gives to a context. Borrows from the ruleset.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'r> {
    config: Option<&'r CompiledConfig>,
    variant: Option<usize>,
    /// Why.
    pub reason: Reason,
    /// What went wrong; then there is neither variant nor value, and the caller's default applies.
    pub error: Option<ErrorCode>,
    /// The rule that decided.
    pub rule: Option<&'r str>,
    /// The part of the split key that the context lacks, when that is why the off variant is served.
    pub missing_split_key: Option<&'r str>,
    /// The prerequisite that was not met, when that is why the off variant is served.
    pub failed_prerequisite: Option<&'r str>,
    /// Whether the flag is enabled for the context: it is neither off nor killed nor held back by a prerequisite,
    /// and something matched, or it has a default.
    pub enabled: bool,
}

impl<'r> Evaluation<'r> {
    /// An answer that is the caller's default, because of `error`.
    #[must_use]
    pub fn failed(error: ErrorCode) -> Self {
        Self { error: Some(error), ..Self::without_variant(Reason::Error) }
    }

    #[inline]
    fn without_variant(reason: Reason) -> Self {
        Self {
            config: None,
            variant: None,
            reason,
            error: None,
            rule: None,
            missing_split_key: None,
            failed_prerequisite: None,
            enabled: false,
        }
    }

    #[inline]
    fn of(config: &'r CompiledConfig, variant: usize, reason: Reason) -> Self {
        Self { config: Some(config), variant: Some(variant), ..Self::without_variant(reason) }
    }

    /// Notes that a program has read the flag: see [`Ruleset::take_asked`].
    #[inline]
    pub fn mark_asked(&self) {
        if let Some(config) = self.config {
            config.asked.set();
        }
    }

    /// The variant's name.
    #[inline]
    #[must_use]
    pub fn variant(&self) -> Option<&'r str> {
        Some(self.config?.variants.get(self.variant?)?.key.as_str())
    }

    /// The value; `None` stands for the caller's default.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<&'r VariantValue> {
        match &self.config?.variants.get(self.variant?)?.value {
            VariantValue::Null => None,
            value => Some(value),
        }
    }

    /// The flag's type, when it is known.
    #[must_use]
    pub fn flag_type(&self) -> Option<FlagType> {
        self.config.map(|config| config.flag_type)
    }

    /// What the flag wants done with old data.
    #[must_use]
    pub fn when_stale(&self) -> Option<&'r WhenStale> {
        self.config?.when_stale.as_ref()
    }

    /// The same flag's off variant, given for `reason`.
    #[must_use]
    pub fn turned_off(&self, reason: Reason) -> Self {
        match self.config {
            Some(config) => Self::of(config, config.off, reason),
            None => Self::without_variant(reason),
        }
    }

    /// The value as a boolean.
    ///
    /// # Errors
    /// What the caller's default is to be given for: see [`Evaluation::error`], or a type that does not match.
    #[inline]
    pub fn boolean(&self) -> Result<Option<bool>, ErrorCode> {
        self.typed(|value| match value {
            VariantValue::Boolean(value) => Some(*value),
            _ => None,
        })
    }

    /// The value as a whole number. Errors as for [`Evaluation::boolean`].
    ///
    /// # Errors
    /// As for [`Evaluation::boolean`].
    pub fn integer(&self) -> Result<Option<i64>, ErrorCode> {
        self.typed(|value| match value {
            VariantValue::Integer(value) => Some(*value),
            _ => None,
        })
    }

    /// The value as a number.
    ///
    /// # Errors
    /// As for [`Evaluation::boolean`].
    pub fn float(&self) -> Result<Option<f64>, ErrorCode> {
        self.typed(|value| match value {
            VariantValue::Float(value) => Some(*value),
            _ => None,
        })
    }

    /// The value as a text.
    ///
    /// # Errors
    /// As for [`Evaluation::boolean`].
    pub fn string(&self) -> Result<Option<&'r SmolStr>, ErrorCode> {
        self.typed(|value| match value {
            VariantValue::String(value) => Some(value),
            _ => None,
        })
    }

    /// The value as a JSON tree.
    ///
    /// # Errors
    /// As for [`Evaluation::boolean`].
    pub fn object(&self) -> Result<Option<&'r Arc<serde_json::Value>>, ErrorCode> {
        self.typed(|value| match value {
            VariantValue::Object(value) => Some(value),
            _ => None,
        })
    }

    #[inline]
    fn typed<T>(&self, read: impl FnOnce(&'r VariantValue) -> Option<T>) -> Result<Option<T>, ErrorCode> {
        match (self.error, self.value()) {
            (Some(error), _) => Err(error),
            (None, None) => Ok(None),
            (None, Some(value)) => read(value).map(Some).ok_or(ErrorCode::TypeMismatch),
        }
    }
}

/// As OFREP and the `values` stream write it: `value`, `variant`, `reason`, `errorCode` and `metadata`, each
/// when there is one.
impl Serialize for Evaluation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_fields(&mut map)?;
        map.end()
    }
}

impl Evaluation<'_> {
    /// Writes the fields into an object that has others too.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize_fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.serialize_answer(map)?;
        if self.has_metadata() {
            map.serialize_entry("metadata", &Metadata { of: self, as_of: None })?;
        }
        Ok(())
    }

    /// The same, with the time as of which it holds among its metadata (`asOf`).
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize_fields_as_of<M: SerializeMap>(
        &self,
        map: &mut M,
        as_of: Timestamp,
    ) -> Result<(), M::Error> {
        self.serialize_answer(map)?;
        map.serialize_entry("metadata", &Metadata { of: self, as_of: Some(as_of) })
    }

    fn serialize_answer<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        if let Some(value) = self.value() {
            map.serialize_entry("value", value)?;
        }
        if let Some(variant) = self.variant() {
            map.serialize_entry("variant", variant)?;
        }
        map.serialize_entry("reason", self.reason.as_str())?;
        if let Some(error) = self.error {
            map.serialize_entry("errorCode", error.as_str())?;
        }
        Ok(())
    }
}

impl<'r> Evaluation<'r> {
    fn has_metadata(&self) -> bool {
        self.rule.is_some()
            || self.missing_split_key.is_some()
            || self.failed_prerequisite.is_some()
            || self.config.is_some_and(|config| config.default.is_none() || !config.metadata.is_empty())
    }

    /// Whether the flag is enabled, where that is told: of a flag without a default. Of others it would tell nothing
    /// that the reason does not.
    #[inline]
    #[must_use]
    pub fn told_enabled(&self) -> Option<bool> {
        self.config.filter(|config| config.default.is_none()).map(|_| self.enabled)
    }
}

struct Metadata<'a, 'r> {
    of: &'a Evaluation<'r>,
    as_of: Option<Timestamp>,
}

impl Serialize for Metadata<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.of.config.into_iter().flat_map(CompiledConfig::metadata) {
            map.serialize_entry(name, value)?;
        }
        if let Some(as_of) = self.as_of {
            map.serialize_entry("asOf", &as_of)?;
        }
        if let Some(enabled) = self.of.told_enabled() {
            map.serialize_entry("enabled", &enabled)?;
        }
        if let Some(rule) = self.of.rule {
            map.serialize_entry("rule", rule)?;
        }
        if let Some(name) = self.of.missing_split_key {
            map.serialize_entry("splitKeyMissing", name)?;
        }
        if let Some(flag) = self.of.failed_prerequisite {
            map.serialize_entry("prerequisiteFailed", flag)?;
        }
        map.end()
    }
}

impl Ruleset {
    /// What `flag` gives to `context` at `now`.
    ///
    /// ```
    /// use usher_core::{Context, Reason, Ruleset, model::{Seq, Timestamp, parse_strict, Kind}};
    /// let flag = parse_strict(&Kind::Flag, br#"{"key": "resale-guard", "type": "boolean",
    ///     "variants": {"on": true, "off": false}, "environments": {"production": {
    ///         "enabled": true, "offVariant": "off", "venues": {"wembley-stadium": "on"},
    ///         "default": {"variant": "off"}}}}"#).unwrap();
    /// let ruleset = Ruleset::compile("production".parse().unwrap(), Seq(1), [&flag]);
    /// let context = Context::new("u-17").with("venue", "wembley-stadium");
    /// let evaluation = ruleset.evaluate("resale-guard", &context, Timestamp::default());
    /// assert_eq!(evaluation.boolean(), Ok(Some(true)));
    /// assert_eq!(evaluation.reason, Reason::TargetingMatch);
    /// ```
    #[must_use]
    #[inline]
    pub fn evaluate(&self, flag: &str, context: &Context, now: impl Into<Now>) -> Evaluation<'_> {
        self.evaluate_at(flag, context, now.into())
    }

    /// Not generic, so that it is compiled here, once, and is as quick in one program as in another.
    fn evaluate_at(&self, flag: &str, context: &Context, now: Now) -> Evaluation<'_> {
        Evaluator::new(Scope::new(self, context, now), observer::Silent).evaluate(flag)
    }

    /// What a client key may know of [`Ruleset::evaluate`]: a flag that clients may not see is not found, nor
    /// named where another flag needs it.
    #[must_use]
    pub fn evaluate_for_client(&self, flag: &str, context: &Context, now: impl Into<Now>) -> Evaluation<'_> {
        if !self.is_client_visible(flag) {
            return Evaluation::failed(ErrorCode::FlagNotFound);
        }
        self.for_client(self.evaluate(flag, context, now))
    }

    /// An answer without the name of a flag that clients may not see.
    fn for_client<'r>(&self, evaluation: Evaluation<'r>) -> Evaluation<'r> {
        let failed_prerequisite = evaluation.failed_prerequisite.filter(|flag| self.is_client_visible(flag));
        Evaluation { failed_prerequisite, ..evaluation }
    }

    /// What every flag gives to `context` at `now`, in the order of the keys' bytes: the answers of
    /// [`Ruleset::evaluate`], or, for `clients`, those of [`Ruleset::evaluate_for_client`] to flags that they may
    /// see.
    pub fn evaluate_all<'r>(
        &'r self,
        context: &Context,
        now: impl Into<Now>,
        clients: bool,
    ) -> impl Iterator<Item = (&'r str, Evaluation<'r>)> {
        let mut evaluator = Evaluator::new(Scope::new(self, context, now), observer::Silent);
        self.order.iter().filter_map(move |key| {
            let found = self.flags.get_ref(key);
            if clients && !found.is_some_and(CompiledFlag::is_client_visible) {
                return None;
            }
            let evaluation = evaluator.found(found, key.text());
            Some((key.text(), if clients { self.for_client(evaluation) } else { evaluation }))
        })
    }

    /// The same answer as [`Ruleset::evaluate`], with every step on the way to it.
    #[must_use]
    pub fn explain(&self, flag: &str, context: &Context, now: impl Into<Now>) -> (Evaluation<'_>, Trace) {
        let mut trace = Trace::default();
        let evaluation = Evaluator::new(Scope::new(self, context, now), &mut trace).evaluate(flag);
        (evaluation, trace)
    }
}
