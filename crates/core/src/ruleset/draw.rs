//! Shares and split keys, ready to be drawn by.

use super::condition::Source;
use crate::{
    model::{HashAlgorithm, Percent, Rollout, WhenMissing},
    problem::Problem,
};

/// A share.
#[derive(Clone, Debug)]
pub(crate) struct CompiledRollout {
    pub(crate) split: SplitKey,
    /// First step within it, and the first beyond, of [`Percent::STEPS`].
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// Seed and attributes of a draw.
#[derive(Clone, Debug)]
pub(crate) struct SplitKey {
    pub(crate) seed: Box<str>,
    pub(crate) by: Box<[Source]>,
    /// What sets it apart from a plain draw of Usher's own.
    pub(crate) special: Option<Box<Special>>,
}

/// Another system's way to draw, or what to do without a split key.
#[derive(Clone, Debug)]
pub(crate) struct Special {
    pub(crate) hash: HashAlgorithm,
    pub(crate) fallback: Box<[Source]>,
    pub(crate) when_missing: WhenMissing,
}

impl CompiledRollout {
    /// Prepares a share, and says what is wrong with it.
    pub(crate) fn compile(rollout: &Rollout) -> (Self, Option<Problem>) {
        let Rollout { by, percent, from, seed, hash, fallback, when_missing } = rollout;
        let (split, found) = SplitKey::compile(seed, by, *hash, fallback, *when_missing);
        let to = from.steps() + percent.steps();
        let beyond = (to > Percent::STEPS).then(|| {
            let mend = "Keep `from` and `percent` together within 100.";
            Problem::new("percent", percent.value(), "the share goes beyond the end of the line", mend)
        });
        (Self { split, from: from.steps(), to }, found.or(beyond))
    }

    /// Whether a place is within the share.
    #[inline]
    pub(crate) fn holds(&self, place: u64) -> bool {
        (u64::from(self.from)..u64::from(self.to)).contains(&place)
    }
}

impl SplitKey {
    /// Prepares a split key, and says what is wrong with it.
    pub(crate) fn compile(
        seed: &str,
        by: &[String],
        hash: HashAlgorithm,
        fallback: &[String],
        when_missing: WhenMissing,
    ) -> (Self, Option<Problem>) {
        let nameless = |names: &[String]| names.iter().any(String::is_empty);
        let show = |names: &[String]| serde_json::to_string(names).unwrap_or_default();
        let problem = if by.is_empty() || nameless(by) {
            let mend = "Name at least one attribute, such as `targetingKey` or `venue`.";
            Some(Problem::new("by", show(by), "a draw needs a split key", mend))
        } else if nameless(fallback) {
            let mend = "Name each attribute, or leave `fallback` out.";
            Some(Problem::new("fallback", show(fallback), "an attribute without a name", mend))
        } else {
            None
        };
        let plain =
            hash == HashAlgorithm::Xxh3 && fallback.is_empty() && when_missing == WhenMissing::Outside;
        let sources = |names: &[String]| names.iter().map(|name| Source::new(name)).collect();
        let special = (!plain).then(|| Box::new(Special { hash, fallback: sources(fallback), when_missing }));
        (Self { seed: seed.into(), by: sources(by), special }, problem)
    }

    /// All attributes that it may be drawn by.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.by.iter().chain(self.special.iter().flat_map(|special| &special.fallback))
    }

    /// Whether the venue alone decides.
    pub(crate) fn is_of_venue(&self) -> bool {
        let random = self.special.as_ref().is_some_and(|special| special.when_missing == WhenMissing::Random);
        !random && self.sources().all(Source::is_of_venue)
    }
}
