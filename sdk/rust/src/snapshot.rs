//! What a client answers from: one immutable snapshot, swapped as a whole.

use std::collections::BTreeMap;

use usher_core::{
    Context, ErrorCode, Evaluation, Now, Reason, Ruleset, VariantValue,
    model::{Duration, StaleThen, Timestamp},
};

use crate::{details::Metadata, status::Source, values::Values};

/// What there is to answer from.
pub(crate) enum Data {
    Nothing,
    Ruleset(Ruleset),
    Values(Values),
}

impl Data {
    /// Notes that the program has read a flag.
    pub(crate) fn mark_asked(&self, flag: &str) {
        match self {
            Self::Ruleset(ruleset) => ruleset.mark_asked(flag),
            Self::Values(values) => {
                if let Some(entry) = values.get(flag) {
                    entry.asked.set();
                }
            }
            Self::Nothing => {}
        }
    }

    /// The flags that the program has read since this was last asked.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        match self {
            Self::Ruleset(ruleset) => ruleset.take_asked(),
            Self::Values(values) => values.take_asked(),
            Self::Nothing => Vec::new(),
        }
    }
}

/// Data and where it came from.
pub(crate) struct Snapshot {
    pub(crate) data: Data,
    pub(crate) source: Source,
}

/// What is known of the connection at the time of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Freshness {
    pub(crate) live: bool,
    /// When the server last confirmed that the data is its newest; the epoch when it never did.
    pub(crate) heard: Timestamp,
}

/// An answer, borrowed from a snapshot.
pub(crate) struct Answer<'a> {
    pub(crate) value: Option<&'a VariantValue>,
    pub(crate) variant: Option<&'a str>,
    pub(crate) reason: Reason,
    pub(crate) error: Option<ErrorCode>,
    pub(crate) rule: Option<&'a str>,
    pub(crate) missing_split_key: Option<&'a str>,
    pub(crate) failed_prerequisite: Option<&'a str>,
    pub(crate) enabled: Option<bool>,
}

impl Answer<'_> {
    fn failed(error: ErrorCode) -> Self {
        Evaluation::failed(error).into()
    }

    /// `snapshot` and `flag` are what it was asked of.
    pub(crate) fn metadata(&self, snapshot: &Snapshot, flag: &str) -> Metadata {
        let flag = match &snapshot.data {
            Data::Ruleset(ruleset) => {
                let own = ruleset.metadata(flag).map(|(name, value)| (name.to_owned(), value.to_json()));
                own.collect()
            }
            Data::Values(values) => {
                values.get(flag).map(|entry| entry.metadata().clone()).unwrap_or_default()
            }
            Data::Nothing => BTreeMap::new(),
        };
        Metadata {
            rule: self.rule.map(ToOwned::to_owned),
            missing_split_key: self.missing_split_key.map(ToOwned::to_owned),
            failed_prerequisite: self.failed_prerequisite.map(ToOwned::to_owned),
            enabled: self.enabled,
            flag,
        }
    }
}

impl<'a> From<Evaluation<'a>> for Answer<'a> {
    fn from(evaluation: Evaluation<'a>) -> Self {
        Self {
            value: evaluation.value(),
            variant: evaluation.variant(),
            reason: evaluation.reason,
            error: evaluation.error,
            rule: evaluation.rule,
            missing_split_key: evaluation.missing_split_key,
            failed_prerequisite: evaluation.failed_prerequisite,
            enabled: evaluation.told_enabled(),
        }
    }
}

impl Snapshot {
    pub(crate) fn nothing() -> Self {
        Self { data: Data::Nothing, source: Source::Nothing }
    }

    /// The value for one flag alone. To put together a whole answer takes a third of the time of most reads.
    #[inline]
    pub(crate) fn value(
        &self,
        flag: &str,
        context: &Context,
        freshness: Freshness,
        now: fn() -> Timestamp,
    ) -> Option<&VariantValue> {
        match &self.data {
            Data::Ruleset(ruleset) if freshness.live => {
                let evaluation = ruleset.evaluate(flag, context, Now::Asked(now));
                evaluation.mark_asked();
                evaluation.value()
            }
            data => {
                data.mark_asked(flag);
                self.answer(flag, context, freshness, now).value
            }
        }
    }

    /// The answer for one flag. `now` is only asked when the data is not live, or a date is compared.
    #[inline]
    pub(crate) fn answer(
        &self,
        flag: &str,
        context: &Context,
        freshness: Freshness,
        now: fn() -> Timestamp,
    ) -> Answer<'_> {
        let answer = match &self.data {
            Data::Ruleset(ruleset) => {
                let evaluation = ruleset.evaluate(flag, context, Now::Asked(now));
                if freshness.live {
                    return evaluation.into();
                }
                let then = evaluation.when_stale().filter(|rule| is_over(rule.after, freshness.heard, now));
                match then.map(|rule| rule.then) {
                    None | Some(StaleThen::Hold) => evaluation.into(),
                    Some(StaleThen::Off) => evaluation.turned_off(Reason::Stale).into(),
                    Some(StaleThen::Default) => Answer { value: None, variant: None, ..evaluation.into() },
                }
            }
            Data::Values(values) => match values.get(flag) {
                Some(entry) => entry.answer(|after| !freshness.live && is_over(after, freshness.heard, now)),
                None => Answer::failed(ErrorCode::FlagNotFound),
            },
            Data::Nothing => Answer::failed(ErrorCode::ProviderNotReady),
        };
        if freshness.live || answer.error.is_some() {
            return answer;
        }
        let reason = match self.source {
            Source::Server => Reason::Stale,
            Source::Cache => Reason::Cached,
            Source::Bootstrap => Reason::Default,
            Source::Nothing => Reason::Error,
        };
        Answer { reason, ..answer }
    }

    /// The variant that a dark rule of the flag would serve, as long as the flag itself is answered for.
    pub(crate) fn dark(
        &self,
        flag: &str,
        context: &Context,
        freshness: Freshness,
        now: fn() -> Timestamp,
    ) -> Option<&str> {
        let is_old = |after| !freshness.live && is_over(after, freshness.heard, now);
        match &self.data {
            Data::Ruleset(ruleset) => {
                let evaluation = ruleset.evaluate(flag, context, Now::Asked(now));
                let replaced = evaluation
                    .when_stale()
                    .is_some_and(|rule| rule.then != StaleThen::Hold && is_old(rule.after));
                let asked = evaluation.has_dark_rules() && !replaced;
                asked.then(|| ruleset.dark_variant(flag, context, Now::Asked(now))).flatten()
            }
            Data::Values(values) => values.get(flag)?.dark(is_old),
            Data::Nothing => None,
        }
    }

    /// Tells which flags a metric is counted for. Of one that nobody measures, that costs one look.
    pub(crate) fn each_measuring(&self, metric: &str, tell: impl FnMut(&str)) {
        match &self.data {
            Data::Ruleset(ruleset) => ruleset.measuring(metric).for_each(tell),
            Data::Values(values) => values.measuring(metric).for_each(tell),
            Data::Nothing => {}
        }
    }

    /// The same data, confirmed by the server.
    pub(crate) fn confirmed(&self) -> Option<Self> {
        let data = match &self.data {
            Data::Ruleset(ruleset) => Data::Ruleset(ruleset.clone()),
            Data::Values(values) => Data::Values(values.clone()),
            Data::Nothing => return None,
        };
        Some(Self { data, source: Source::Server })
    }
}

/// Whether data that was last confirmed then is older than this.
fn is_over(after: Duration, heard: Timestamp, now: fn() -> Timestamp) -> bool {
    now().since(heard) > after.millis()
}
