//! Draws: the same split key always lands in the same place.
//!
//! `bucket = (u128(xxh3_64(seed ␟ v1 ␟ v2 …)) · total) >> 64`, where ␟ is the byte 0x1F. Multiplying and
//! shifting maps the hash evenly onto `0..total` without the bias of a remainder (D. Lemire, "Fast random
//! integer generation in an interval", 2019), and keeps the order of hashes: when a first weight grows
//! within the same total, its part of the line only ever gains.

use std::fmt::Write as _;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::context::AttributeValue;

const SEPARATOR: u8 = 0x1F;

/// Longest seed and split key that are hashed in one go from the stack; longer ones are streamed.
const STACK_BYTES: usize = 256;

/// Collects seed and split key and hashes them, without touching the heap.
pub(crate) struct Draw {
    bytes: [u8; STACK_BYTES],
    len: usize,
    /// What did not fit: the state of the whole hash so far. Boxed would allocate; this is rare and large.
    streamed: Option<Xxh3>,
}

impl Draw {
    #[inline]
    pub(crate) fn new(seed: &str) -> Self {
        let mut draw = Self { bytes: [0; STACK_BYTES], len: 0, streamed: None };
        draw.push_bytes(seed.as_bytes());
        draw
    }

    /// Adds one part of the split key. `false` when it is missing: an empty text or list counts as missing,
    /// or everybody without an identity would land together.
    #[inline]
    pub(crate) fn push(&mut self, value: &AttributeValue) -> bool {
        match value {
            AttributeValue::Text(text) if text.as_str().is_empty() => return false,
            AttributeValue::List(values) if values.is_empty() => return false,
            _ => {}
        }
        self.push_bytes(&[SEPARATOR]);
        if let AttributeValue::Text(text) = value {
            self.push_bytes(text.as_str().as_bytes());
            true
        } else {
            // Numbers and booleans count by how they are written. Writing here can't fail.
            write!(self, "{value}").is_ok()
        }
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        if self.streamed.is_none() {
            if let Some(room) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
                return;
            }
            let mut hash = Xxh3::new();
            hash.update(&self.bytes[..self.len]);
            self.streamed = Some(hash);
        }
        if let Some(hash) = &mut self.streamed {
            hash.update(bytes);
        }
    }

    /// Where the draw lands in `0..total`.
    #[inline]
    pub(crate) fn bucket(&self, total: u64) -> u64 {
        let hash = match &self.streamed {
            None => xxh3_64(&self.bytes[..self.len]),
            Some(hash) => hash.digest(),
        };
        scale(hash, total)
    }
}

impl std::fmt::Write for Draw {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push_bytes(text.as_bytes());
        Ok(())
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
        fn the_stack_and_the_stream_agree(seed in ".{0,300}", values in prop::collection::vec(".{1,200}", 1..5), total in 1u64..u64::from(u32::MAX)) {
            let mut draw = Draw::new(&seed);
            for value in &values {
                prop_assert!(draw.push(&value.as_str().into()));
            }
            let texts: Vec<&str> = values.iter().map(String::as_str).collect();
            prop_assert_eq!(draw.bucket(total), bucket(&seed, &texts, total));
            prop_assert!(draw.bucket(total) < total);
        }
    }
}
