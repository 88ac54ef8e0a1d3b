//! Benchmarks: what they measure, and the floors that they are measured beside.
//!
//! Machines are noisy and differ, so a figure here is always a ratio to a floor, taken in the same run.

pub mod floor;
pub mod load;
pub mod reference;
