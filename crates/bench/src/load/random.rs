//! Chance that can be repeated: a client draws the same numbers in every run with the same seed.

/// A generator for jitter, not for secrets (Marsaglia's xorshift, 64 bits).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64, client: usize) -> Self {
        let mixed = seed ^ (client as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self(mixed.max(1))
    }

    /// A number from 0 up to, but not including, 1.
    #[allow(clippy::cast_precision_loss)] // 53 bits are left.
    pub(super) fn draw(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
