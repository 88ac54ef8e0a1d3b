//! What the comparisons with peers share.

pub mod flagd;
pub mod random;
