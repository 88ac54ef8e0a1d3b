//! Staged releases: plans, guards and verdicts.
//!
//! Everything here is a pure function of what it is given. Who calls it brings the clock, the counts and the answers of
//! guards, and does what is decided.

mod decide;
mod failures;
mod reading;
pub mod stats;
mod window;

pub use self::{
    decide::{Decision, Seen, decide},
    failures::Failures,
    reading::Reading,
    window::{Calendar, sentence},
};
