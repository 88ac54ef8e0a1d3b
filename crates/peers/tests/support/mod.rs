//! What the comparisons with peers share.
// Each test file uses its own part; a broken fixture should fail loudly.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

pub mod flagd;
pub mod random;
