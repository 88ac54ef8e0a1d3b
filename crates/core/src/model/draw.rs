//! Draws: shares and splits, and how a split key is turned into a place on the line.

use serde::{Deserialize, Serialize};

use super::{Percent, VariantKey};

/// A share of contexts, the same ones every time, growing without exchanging anybody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rollout {
    /// The split key: attributes whose values together decide.
    pub by: Vec<String>,
    /// How large the share is.
    pub percent: Percent,
    /// Where on the line from 0 to 100 the share begins. Shares of equal seeds that do not overlap have nobody in
    /// common (others say *namespace*, or *layer*).
    #[serde(default, skip_serializing_if = "Percent::is_zero")]
    pub from: Percent,
    /// Tells one draw from another; equal seeds draw alike.
    pub seed: String,
    /// How the draw is made.
    #[serde(default, skip_serializing_if = "HashAlgorithm::is_default")]
    pub hash: HashAlgorithm,
    /// Attributes that stand in, one alone, when a part of `by` is missing: the first that is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<String>,
    /// What happens when none of them is there.
    #[serde(default, skip_serializing_if = "WhenMissing::is_default")]
    pub when_missing: WhenMissing,
}

/// Variants by weight, laid out in the order given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Split {
    /// The split key: attributes whose values together decide.
    pub by: Vec<String>,
    /// Tells one draw from another; equal seeds draw alike.
    pub seed: String,
    /// The variants and their weights.
    pub weights: Vec<WeightedVariant>,
    /// How the draw is made.
    #[serde(default, skip_serializing_if = "HashAlgorithm::is_default")]
    pub hash: HashAlgorithm,
    /// Attributes that stand in, one alone, when a part of `by` is missing: the first that is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<String>,
    /// What happens when none of them is there.
    #[serde(default, skip_serializing_if = "WhenMissing::is_default")]
    pub when_missing: WhenMissing,
    /// What those get who can't be drawn, and everybody when all weights are zero; the off variant, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<VariantKey>,
}

/// A variant and its weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WeightedVariant {
    /// The variant. Without one, this part of the line is left out of the split: a rule passes such contexts on to
    /// the next rule, a default gives them `otherwise`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantKey>,
    /// Its part of the sum of all weights.
    pub weight: u32,
}

/// What happens to a context that has no split key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WhenMissing {
    /// It is outside: of a share, and of a split, which gives `otherwise`.
    #[default]
    Outside,
    /// It is at the beginning of the line (LaunchDarkly's way).
    First,
    /// Its place is drawn anew each millisecond (Unleash's `random` stickiness), for a share and for a split of the
    /// same seed apart.
    Random,
    /// What is missing counts as an empty text, and a number or boolean as it is written (flagd's `cat`): the other
    /// parts and the seed still draw.
    Empty,
}

impl WhenMissing {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a draw is made from seed and split key. All but the first are other systems' ways, bit for bit, so that an
/// imported flag keeps everybody where they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HashAlgorithm {
    /// Usher's own, see [`crate::bucket`].
    #[default]
    Xxh3,
    /// Unleash: `murmur3_32(seed:key)`. Shares by `mod 100`, splits by `mod` the sum of weights with murmur's own
    /// seed 86028157.
    Murmur3Unleash,
    /// flagd's `fractional` of the second form: `(murmur3_32(seed key) · W) >> 32` over the bare text.
    Murmur3Flagd,
    /// flagd's `fractional` of the third form: the same over the CBOR encoding of the text, or of a key that is no
    /// text when there is no seed.
    Murmur3FlagdCbor,
    /// The third form when no key is named: the same over the CBOR encoding of `[seed, key]`.
    Murmur3FlagdCborPair,
    /// LaunchDarkly: the first 15 hexadecimal digits of `SHA-1(seed.key)` as a part of the greatest such number, in
    /// single precision.
    Sha1LaunchDarkly,
    /// GrowthBook's version 1: `fnv1a_32(key seed) mod 1000`, over UTF-16.
    Fnv1aGrowthbook,
    /// GrowthBook's version 2: `fnv1a_32(decimal fnv1a_32(seed key)) mod 10000`, over UTF-16.
    Fnv1aGrowthbook2,
}

impl HashAlgorithm {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
