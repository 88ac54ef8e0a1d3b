//! Staged releases: plans, guards and verdicts.
//!
//! Everything here is a pure function of what it is given. Who calls it brings the clock, the counts and the answers of
//! guards, and does what is decided.

pub mod approval;
mod decide;
mod drift;
pub mod effect;
mod failures;
pub mod frozen;
pub mod preflight;
mod reading;
pub mod rehearsal;
pub mod scope;
pub mod stale;
pub mod stats;
mod step;
pub mod template;
mod watch;
mod window;

pub use self::{
    decide::{Decision, Seen, decide},
    drift::Drift,
    failures::Failures,
    reading::Reading,
    step::Move,
    watch::{Answer, Counted, Exposed, Figure, SETTLES, Side, Watch},
    window::{Calendar, sentence},
};
