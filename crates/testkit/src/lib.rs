//! What tests and benchmarks of several crates share.

pub mod allocations;
pub mod authority;
pub mod hosts;
pub mod line;
pub mod redis;
