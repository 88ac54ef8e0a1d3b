//! Usher's core: the model, rulesets, evaluation and the streaming protocol's messages.
//!
//! Everything here is a pure function over values: no I/O, no clock, no lock. The server, the edge and the
//! SDKs all evaluate with this code, so they can't disagree.

pub mod board;
pub mod bucket;
pub mod context;
pub mod evaluate;
pub mod import;
pub mod limits;
pub mod model;
pub mod problem;
pub mod protocol;
pub mod references;
pub mod ruleset;
pub mod schema;
mod short;
pub mod signed_context;

pub use context::Context;
pub use evaluate::{ErrorCode, Evaluation, Now, Reason, Trace};
pub use problem::{Problem, Problems};
pub use ruleset::{Mark, Ruleset, VariantValue};
