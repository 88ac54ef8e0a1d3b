//! What tests and benchmarks of several crates share.

pub mod allocations;
pub mod line;
pub mod redis;
