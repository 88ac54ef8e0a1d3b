//! Draws: the same split key always lands in the same place.
//!
//! `bucket = (u128(xxh3_64(seed ␟ v1 ␟ v2 …)) · total) >> 64`, where ␟ is the byte 0x1F. Multiplying and
//! shifting maps the hash evenly onto `0..total` without the bias of a remainder (D. Lemire, "Fast random
//! integer generation in an interval", 2019), and keeps the order of hashes: when a first weight grows
//! within the same total, its part of the line only ever gains.

mod foreign;

use std::fmt::Write as _;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

pub(crate) use self::foreign::{
    FlagdKey, LAUNCH_DARKLY_BITS, Span, is_identity as is_foreign_identity, launch_darkly_ends,
    place as foreign_place,
};
use crate::{context::AttributeValue, short};

const SEPARATOR: u8 = 0x1F;

/// Longest seed and split key that are hashed in one go from the stack; longer ones are streamed.
const STACK_BYTES: usize = 128;

/// Where a seed and the parts of a split key land in `0..total`, without touching the heap. `parts` gives them
/// from the first one, as often as it is asked.
///
/// # Errors
/// That of the first part that is one.
#[inline]
pub(crate) fn draw<'v, E, P: Iterator<Item = Result<&'v AttributeValue, E>>>(
    seed: &str,
    parts: impl Fn() -> P,
    total: u64,
) -> Result<u64, E> {
    let mut line = Line { bytes: [0; STACK_BYTES], len: 0, is_whole: true };
    line.push(seed.as_bytes());
    for part in parts() {
        line.push(&[SEPARATOR]);
        match part? {
            AttributeValue::Text(text) => line.push(text.as_str().as_bytes()),
            // Numbers and booleans count by how they are written. Writing here can't fail.
            other => {
                let _ = write!(line, "{other}");
            }
        }
    }
    let hash = if line.is_whole { xxh3_64(&line.bytes[..line.len]) } else { stream(seed, parts()) };
    Ok(scale(hash, total))
}

/// As [`draw`], of parts that are all there.
fn place<'v>(seed: &str, parts: impl Iterator<Item = &'v AttributeValue> + Clone, total: u64) -> u64 {
    draw(seed, || parts.clone().map(Ok::<_, std::convert::Infallible>), total)
        .unwrap_or_else(|never| match never {})
}

/// The hash of what is too long for the stack. All parts have been seen to be there.
#[cold]
fn stream<'v, E>(seed: &str, parts: impl Iterator<Item = Result<&'v AttributeValue, E>>) -> u64 {
    struct Stream(Xxh3);
    impl std::fmt::Write for Stream {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let mut stream = Stream(Xxh3::new());
    stream.0.update(seed.as_bytes());
    for part in parts.flatten() {
        stream.0.update(&[SEPARATOR]);
        let _ = write!(stream, "{part}");
    }
    stream.0.digest()
}

/// Bytes to be hashed, as long as there is room.
struct Line {
    bytes: [u8; STACK_BYTES],
    len: usize,
    is_whole: bool,
}

impl Line {
    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        match self.bytes.get_mut(self.len..self.len + bytes.len()) {
            Some(room) => {
                short::copy(room, bytes);
                self.len += bytes.len();
            }
            None => self.is_whole = false,
        }
    }
}

impl std::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// Whether a value can be drawn by: an empty text or list counts as missing, or everybody without an identity
/// would land together.
#[inline]
pub(crate) fn is_identity(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::Text(text) => !text.as_str().is_empty(),
        AttributeValue::List(values) => !values.is_empty(),
        _ => true,
    }
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // A 64-bit number times `total`, shifted by 64, is below `total`.
fn scale(hash: u64, total: u64) -> u64 {
    ((u128::from(hash) * u128::from(total)) >> 64) as u64
}

/// The bucket of a seed and a split key, `0..total`: the published formula, for those who check a draw.
#[must_use]
pub fn bucket(seed: &str, split_key: &[&str], total: u64) -> u64 {
    let mut line = seed.as_bytes().to_vec();
    for value in split_key {
        line.push(SEPARATOR);
        line.extend_from_slice(value.as_bytes());
    }
    scale(xxh3_64(&line), total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_draws_never_change() {
        // A promise to everybody who has been bucketed by them; computed with another implementation of xxh3.
        assert_eq!(bucket("resale-guard", &["u-17"], 100), 51);
        assert_eq!(bucket("pilot-1", &["wembley-stadium"], 100_000), 85_696);
        assert_eq!(bucket("pilot-1", &["wembley-stadium", "u-17"], 100_000), 11_962);
    }

    proptest! {
        #[test]
        fn the_stack_and_the_stream_agree(seed in ".{0,150}", values in prop::collection::vec(".{1,100}", 1..5), total in 1u64..u64::from(u32::MAX)) {
            let attributes: Vec<AttributeValue> = values.iter().map(|value| value.as_str().into()).collect();
            let drawn = draw(&seed, || attributes.iter().map(Ok::<_, ()>), total).unwrap();
            let texts: Vec<&str> = values.iter().map(String::as_str).collect();
            prop_assert_eq!(drawn, bucket(&seed, &texts, total));
            prop_assert!(drawn < total);
        }

        #[test]
        fn numbers_count_by_how_they_are_written(number: i64, seed in ".{0,150}") {
            let attributes: [AttributeValue; 2] = [number.into(), true.into()];
            let drawn = draw(&seed, || attributes.iter().map(Ok::<_, ()>), 1_000).unwrap();
            prop_assert_eq!(drawn, bucket(&seed, &[&number.to_string(), "true"], 1_000));
        }
    }
}
