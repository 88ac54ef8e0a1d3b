//! Other systems' draws, bit for bit, so that an imported flag keeps everybody where they were.
//!
//! Sources: Unleash's client specification (`normalized murmur3`), flagd's specification of `fractional` and its
//! decisions on precision and on keys that are no text, LaunchDarkly's "percentage rollouts" (bucket of 15
//! hexadecimal digits), GrowthBook's "build your own SDK" (hash versions 1 and 2). Each is compared with the
//! system's own crate, context by context.

use std::{fmt::Write as _, io::Read};

use sha1::{Digest, Sha1};

use crate::{
    context::AttributeValue,
    model::{HashAlgorithm, Percent},
};

/// murmur's seed for Unleash's variants; its shares use 0.
const UNLEASH_VARIANTS: u32 = 86_028_157;
/// LaunchDarkly's hash has so many bits: 15 hexadecimal digits.
pub(crate) const LAUNCH_DARKLY_BITS: u32 = 60;
/// LaunchDarkly draws by whole numbers up to this only: 2⁵³ - 1, the greatest that a double can't have rounded to.
const GREATEST_EXACT: u64 = (1 << 53) - 1;
/// Longest seed and split key that are put together on the stack. A longer one goes through the heap: the only
/// place where an evaluation may allocate.
const STACK_BYTES: usize = 256;

/// What a place is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Span {
    /// A share, in steps of [`Percent::STEPS`].
    Steps,
    /// A split of this total. LaunchDarkly's splits have no total of their own, see [`launch_darkly_ends`].
    Weights(u64),
}

impl Span {
    pub(crate) fn total(self) -> u64 {
        match self {
            Self::Steps => u64::from(Percent::STEPS),
            Self::Weights(total) => total,
        }
    }
}

/// Whether a value can be drawn by in this system. With a seed, an empty text can't: it would put all those without
/// an identity into one place.
#[allow(clippy::cast_precision_loss)] // 2⁵³ - 1 is exact.
pub(crate) fn is_identity(hash: HashAlgorithm, seed: &str, value: &AttributeValue) -> bool {
    use AttributeValue::{Bool, Float, Integer, List, Text};
    match (hash, value) {
        (HashAlgorithm::Xxh3, value) => super::is_identity(value),
        (HashAlgorithm::Sha1LaunchDarkly, Text(_)) => true,
        (HashAlgorithm::Sha1LaunchDarkly, Integer(number)) => number.unsigned_abs() <= GREATEST_EXACT,
        (HashAlgorithm::Sha1LaunchDarkly, Float(number)) => {
            number.fract() == 0.0 && number.abs() <= GREATEST_EXACT as f64
        }
        (HashAlgorithm::Fnv1aGrowthbook | HashAlgorithm::Fnv1aGrowthbook2, Bool(_)) => false,
        (HashAlgorithm::Fnv1aGrowthbook | HashAlgorithm::Fnv1aGrowthbook2, Integer(number)) => *number != 0,
        (HashAlgorithm::Fnv1aGrowthbook | HashAlgorithm::Fnv1aGrowthbook2, Float(number)) => {
            *number != 0.0 && number.is_finite()
        }
        (HashAlgorithm::Sha1LaunchDarkly, _) | (_, List(_)) => false,
        (
            HashAlgorithm::Murmur3Flagd | HashAlgorithm::Murmur3FlagdCborPair,
            Integer(_) | Float(_) | Bool(_),
        ) => false,
        (HashAlgorithm::Murmur3FlagdCbor, Text(_)) => true,
        (HashAlgorithm::Murmur3Flagd, Text(text)) => seed.is_empty() || !text.as_str().is_empty(),
        (_, Text(text)) => !text.as_str().is_empty(),
        _ => true,
    }
}

/// Where a seed and the parts of a split key land in `span`.
pub(crate) fn place<'v>(
    hash: HashAlgorithm,
    seed: &str,
    parts: impl Iterator<Item = &'v AttributeValue> + Clone,
    span: Span,
) -> u64 {
    let mut line = Line::default();
    match hash {
        HashAlgorithm::Xxh3 => super::place(seed, parts, span.total()),
        HashAlgorithm::Murmur3Unleash => {
            line.joined(seed, ":", parts);
            match span {
                Span::Steps => u64::from(murmur3(line.bytes(), 0) % 100) * u64::from(Percent::STEPS / 100),
                Span::Weights(total) => u64::from(murmur3(line.bytes(), UNLEASH_VARIANTS)) % total.max(1),
            }
        }
        HashAlgorithm::Murmur3Flagd => {
            line.joined(seed, "", parts);
            scale32(murmur3(line.bytes(), 0), span.total())
        }
        HashAlgorithm::Murmur3FlagdCbor => {
            let mut only = parts.clone();
            match (only.next(), only.next()) {
                (Some(value), None) if seed.is_empty() && !matches!(value, AttributeValue::Text(_)) => {
                    cbor::value(&mut line, value);
                }
                _ => {
                    let mut text = Line::default();
                    text.joined(seed, "", parts);
                    cbor::text(&mut line, text.bytes());
                }
            }
            scale32(murmur3(line.bytes(), 0), span.total())
        }
        HashAlgorithm::Murmur3FlagdCborPair => {
            cbor::array(&mut line, 2);
            cbor::text(&mut line, seed.as_bytes());
            let mut text = Line::default();
            text.joined("", "", parts);
            cbor::text(&mut line, text.bytes());
            scale32(murmur3(line.bytes(), 0), span.total())
        }
        HashAlgorithm::Sha1LaunchDarkly => {
            line.joined(seed, ".", parts);
            let digits = launch_darkly(line.bytes());
            match span {
                Span::Steps => launch_darkly_step(digits),
                Span::Weights(_) => digits,
            }
        }
        HashAlgorithm::Fnv1aGrowthbook => {
            line.joined("", "", parts);
            line.push(seed.as_bytes());
            u64::from(fnv1a(line.text()) % 1_000) * span.total() / 1_000
        }
        HashAlgorithm::Fnv1aGrowthbook2 => {
            line.joined(seed, "", parts);
            let mut decimal = Line::default();
            let _ = write!(decimal, "{}", fnv1a(line.text()));
            u64::from(fnv1a(decimal.text()) % 10_000) * span.total() / 10_000
        }
    }
}

fn murmur3(mut bytes: impl Read, seed: u32) -> u32 {
    // Reading from memory can't fail.
    murmur3::murmur3_32(&mut bytes, seed).unwrap_or_default()
}

fn scale32(hash: u32, total: u64) -> u64 {
    (u64::from(hash) * total) >> 32
}

/// FNV-1a over UTF-16 code units, as JavaScript's `charCodeAt` gives them.
fn fnv1a(text: &str) -> u32 {
    text.encode_utf16().fold(0x811C_9DC5, |hash, unit| (hash ^ u32::from(unit)).wrapping_mul(0x0100_0193))
}

/// The first 15 hexadecimal digits of the SHA-1, as a number.
fn launch_darkly(bytes: &[u8]) -> u64 {
    let digest = Sha1::digest(bytes);
    let first = digest.first_chunk().copied().unwrap_or_default();
    u64::from_be_bytes(first) >> (u64::BITS - LAUNCH_DARKLY_BITS)
}

/// LaunchDarkly's bucket, 0 to 1: its SDKs for servers reckon in single precision, and so it has to be.
#[allow(clippy::cast_precision_loss)] // The loss is theirs, and the point.
fn launch_darkly_bucket(digits: u64) -> f32 {
    digits as f32 / ((1_u64 << LAUNCH_DARKLY_BITS) - 1) as f32
}

/// The number of steps up to which a context is not within a share: `bucket < weight / 100_000` holds for those
/// weights only that are above it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // 0 to 100,000.
fn launch_darkly_step(digits: u64) -> u64 {
    let bucket = launch_darkly_bucket(digits);
    let within = |weight: u32| bucket < weight as f32 / 100_000.0;
    let mut step = (f64::from(bucket) * 100_000.0) as u32;
    while step > 0 && within(step) {
        step -= 1;
    }
    while step < Percent::STEPS && !within(step + 1) {
        step += 1;
    }
    u64::from(step)
}

/// Where each variant of a LaunchDarkly split ends, as numbers of 60 bits: `bucket < w1/100000 + w2/100000 + …` in
/// single precision. What is left when the weights do not reach 100,000 belongs to the last.
#[allow(clippy::cast_precision_loss)] // As above.
pub(crate) fn launch_darkly_ends(weights: impl IntoIterator<Item = u32>) -> Vec<u64> {
    let mut sum = 0.0_f32;
    let mut ends: Vec<u64> = weights
        .into_iter()
        .map(|weight| {
            sum += weight as f32 / 100_000.0;
            // The bucket never falls as the digits grow, so the first that is not below can be searched for.
            let (mut low, mut high) = (0, 1_u64 << LAUNCH_DARKLY_BITS);
            while low < high {
                let middle = low + (high - low) / 2;
                if launch_darkly_bucket(middle) < sum { low = middle + 1 } else { high = middle }
            }
            low
        })
        .collect();
    if let Some(last) = ends.last_mut() {
        *last = 1 << LAUNCH_DARKLY_BITS;
    }
    ends
}

/// A key of flagd's `fractional`, put together value by value.
#[derive(Default)]
pub(crate) struct FlagdKey(Line);

impl FlagdKey {
    /// A text as it is, in the second form.
    pub(crate) fn bare(&mut self, text: &str) {
        self.0.push(text.as_bytes());
    }

    pub(crate) fn null(&mut self) {
        self.0.push(&[0xF6]);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        cbor::value(&mut self.0, &AttributeValue::Bool(value));
    }

    pub(crate) fn number(&mut self, number: f64) {
        cbor::value(&mut self.0, &AttributeValue::Float(number));
    }

    pub(crate) fn text(&mut self, text: &str) {
        cbor::text(&mut self.0, text.as_bytes());
    }

    /// A list of as many values as come next.
    pub(crate) fn list(&mut self, length: usize) {
        cbor::array(&mut self.0, length as u64);
    }

    /// Where it lands in `0..total`.
    pub(crate) fn place(&self, total: u64) -> u64 {
        scale32(murmur3(self.0.bytes(), 0), total)
    }
}

/// Bytes to be hashed: on the stack, as long as there is room.
struct Line {
    stack: [u8; STACK_BYTES],
    length: usize,
    heap: Vec<u8>,
}

impl Default for Line {
    fn default() -> Self {
        Self { stack: [0; STACK_BYTES], length: 0, heap: Vec::new() }
    }
}

impl Line {
    /// Seed and parts, with `separator` between any two.
    fn joined<'v>(&mut self, seed: &str, separator: &str, parts: impl Iterator<Item = &'v AttributeValue>) {
        self.push(seed.as_bytes());
        for part in parts {
            self.push(separator.as_bytes());
            // Writing here can't fail. Nobody tells a zero below zero from any other.
            let _ = match part {
                AttributeValue::Float(number) => write!(self, "{}", number + 0.0),
                part => write!(self, "{part}"),
            };
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match self.stack.get_mut(self.length..end) {
            Some(room) if self.heap.is_empty() => {
                room.copy_from_slice(bytes);
                self.length = end;
            }
            _ => {
                if self.heap.is_empty() {
                    self.heap.extend_from_slice(&self.stack[..self.length]);
                }
                self.heap.extend_from_slice(bytes);
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        if self.heap.is_empty() { &self.stack[..self.length] } else { &self.heap }
    }

    fn text(&self) -> &str {
        // Only texts were put in, so this is one.
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }
}

impl std::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// The little of CBOR (RFC 8949, deterministic encoding) that flagd hashes.
mod cbor {
    use super::{AttributeValue, Line};

    /// The head of a list; its values come next.
    pub(super) fn array(line: &mut Line, length: u64) {
        head(line, 4, length);
    }

    pub(super) fn text(line: &mut Line, bytes: &[u8]) {
        head(line, 3, bytes.len() as u64);
        line.push(bytes);
    }

    pub(super) fn value(line: &mut Line, value: &AttributeValue) {
        match value {
            AttributeValue::Bool(value) => line.push(&[0xF4 | u8::from(*value)]),
            AttributeValue::Integer(number) if *number < 0 => head(line, 1, !number.cast_unsigned()),
            AttributeValue::Integer(number) => head(line, 0, number.cast_unsigned()),
            AttributeValue::Float(number) => float(line, *number),
            AttributeValue::Text(own) => text(line, own.as_str().as_bytes()),
            AttributeValue::List(_) => {}
        }
    }

    /// Major type and argument, in as few bytes as hold it.
    #[allow(clippy::cast_possible_truncation)] // Each is cast to what it was found to fit.
    fn head(line: &mut Line, major: u8, argument: u64) {
        let major = major << 5;
        match argument {
            0..24 => line.push(&[major | argument as u8]),
            24..0x100 => line.push(&[major | 24, argument as u8]),
            0x100..0x1_0000 => {
                line.push(&[major | 25]);
                line.push(&(argument as u16).to_be_bytes());
            }
            0x1_0000..0x1_0000_0000 => {
                line.push(&[major | 26]);
                line.push(&(argument as u32).to_be_bytes());
            }
            _ => {
                line.push(&[major | 27]);
                line.push(&argument.to_be_bytes());
            }
        }
    }

    /// A whole number as an integer, any other in the shortest form that holds it.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::float_cmp)]
    fn float(line: &mut Line, number: f64) {
        const BEYOND: f64 = 18_446_744_073_709_551_616.0; // 2⁶⁴
        if number.fract() == 0.0 && (0.0..BEYOND).contains(&number) {
            return head(line, 0, number as u64);
        }
        if number.fract() == 0.0 && (-BEYOND / 2.0..0.0).contains(&number) {
            return head(line, 1, !(number as i64).cast_unsigned());
        }
        let single = number as f32;
        if f64::from(single) != number {
            line.push(&[0xFB]);
            line.push(&number.to_be_bytes());
        } else if let Some(half) = half(single) {
            line.push(&[0xF9]);
            line.push(&half.to_be_bytes());
        } else {
            line.push(&[0xFA]);
            line.push(&single.to_be_bytes());
        }
    }

    /// The same number in half precision, if that holds it.
    #[allow(clippy::cast_possible_truncation)] // Shifted into 16 bits.
    fn half(single: f32) -> Option<u16> {
        let bits = single.to_bits();
        let sign = (bits >> 16) as u16 & 0x8000;
        let exponent = (bits >> 23 & 0xFF).cast_signed() - 127;
        let mantissa = bits & 0x7F_FFFF;
        match exponent {
            -14..=15 if mantissa & 0x1FFF == 0 => {
                Some(sign | ((exponent + 15).cast_unsigned() << 10) as u16 | (mantissa >> 13) as u16)
            }
            // Below that there are no more bits for the exponent, only fewer and fewer for the number.
            -24..=-15 => {
                let shift = (-exponent - 1).cast_unsigned();
                let whole = mantissa | 0x80_0000;
                (whole.trailing_zeros() >= shift).then(|| sign | (whole >> shift) as u16)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(hash: HashAlgorithm, seed: &str, part: impl Into<AttributeValue>, span: Span) -> u64 {
        place(hash, seed, std::iter::once(&part.into()), span)
    }

    #[test]
    fn known_draws_of_other_systems_never_change() {
        use HashAlgorithm::{
            Fnv1aGrowthbook, Fnv1aGrowthbook2, Murmur3Flagd, Murmur3Unleash, Sha1LaunchDarkly,
        };
        // Published examples: Unleash's client specification, LaunchDarkly's and GrowthBook's consistency tests.
        assert_eq!(drawn(Murmur3Unleash, "gr1", "123", Span::Steps), 72_000);
        assert_eq!(drawn(Murmur3Unleash, "groupX", "999", Span::Steps), 24_000);
        assert_eq!(drawn(Sha1LaunchDarkly, "hashKey.saltyA", "userKeyA", Span::Steps), 42_157);
        assert_eq!(drawn(Sha1LaunchDarkly, "61", "userKeyA", Span::Steps), 9_801);
        assert_eq!(drawn(Sha1LaunchDarkly, "hashKey.saltyA", 33_333, Span::Steps), 54_771);
        assert_eq!(drawn(Fnv1aGrowthbook, "", "a", Span::Weights(1_000)), 220);
        assert_eq!(drawn(Fnv1aGrowthbook2, "seed", "a", Span::Weights(10_000)), 505);
        assert_eq!(drawn(Murmur3Flagd, "flag", "-user", Span::Weights(100)), 56);
    }

    #[test]
    fn what_is_too_long_for_the_stack_is_hashed_alike() {
        for length in STACK_BYTES - 4..STACK_BYTES + 4 {
            let long = "x".repeat(length);
            let whole = murmur3(format!("g:{long}").as_bytes(), 0) % 100;
            assert_eq!(
                drawn(HashAlgorithm::Murmur3Unleash, "g", long.as_str(), Span::Steps),
                u64::from(whole) * 1_000
            );
        }
    }

    #[test]
    fn numbers_are_written_in_the_shortest_cbor() {
        let bytes = |value: AttributeValue| {
            let mut line = Line::default();
            cbor::value(&mut line, &value);
            line.bytes().to_vec()
        };
        // RFC 8949, appendix A.
        for (number, expected) in [
            (1.1, &[0xFB, 0x3F, 0xF1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9A][..]),
            (1.5, &[0xF9, 0x3E, 0x00]),
            (5.960_464_477_539_063e-8, &[0xF9, 0x00, 0x01]),
            (0.000_061_035_156_25, &[0xF9, 0x04, 0x00]),
            (3.402_823_466_385_288_6e38, &[0xFA, 0x7F, 0x7F, 0xFF, 0xFF]),
            (-4.1, &[0xFB, 0xC0, 0x10, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66]),
            (2.0, &[0x02]),
        ] {
            assert_eq!(bytes(number.into()), expected, "{number}");
        }
        assert_eq!(bytes(1_000_000.into()), [0x1A, 0x00, 0x0F, 0x42, 0x40]);
        assert_eq!(bytes((-1000).into()), [0x39, 0x03, 0xE7]);
        assert_eq!(bytes(true.into()), [0xF5]);
    }
}
