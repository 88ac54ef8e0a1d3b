//! Chance, so that a fleet does not do the same at the same time.

/// A number between 0 and 1. Without randomness from the system, one half.
#[must_use]
pub fn draw() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
