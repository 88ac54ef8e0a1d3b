//! Usher's SDK: evaluates flags where it runs, keeps them on disk, and never makes its caller wait.
//!
//! A [`Client`] is right from its first call: with fresh data when it has reached its server, else from the
//! disk, else from a bootstrap, else with the caller's default, and the reason tells which. Reading never
//! blocks, never fails, never waits for the network, and allocates nothing.
//!
//! ```no_run
//! use usher_sdk::{Client, Context};
//! let client = Client::builder("http://127.0.0.1:7080", "usk_…").cache_dir("/var/cache/gate").build()?;
//! let context = Context::new("u-17").with("venue", "wembley-stadium");
//! if client.boolean("resale-guard", &context, false) {
//!     // hold the resale for review
//! }
//! # Ok::<(), usher_sdk::BuildError>(())
//! ```
//!
//! A gate or a backend has a server key, gets the rules and evaluates for whomever it is asked ([`Mode::Ruleset`]).
//! A phone has a client key and gets the values for its one context ([`Mode::Values`]). The feature `openfeature`
//! gives a provider for the `open-feature` crate; the feature `signed-context` signs contexts, in a backend.

mod asked;
mod away;
mod beginning;
mod bootstrap;
mod builder;
mod cache;
mod client;
mod connection;
mod current;
mod details;
mod events;
mod jitter;
mod limits;
mod link;
mod listeners;
mod obstacle;
#[cfg(feature = "openfeature")]
pub mod openfeature;
mod outcome;
pub mod parts;
mod polling;
mod saving;
mod sender;
mod shared;
#[cfg(feature = "signed-context")]
pub mod signed_context;
mod snapshot;
mod status;
mod store;
mod stream;
mod tls;
mod token;
mod values;

pub use bootstrap::Bootstrap;
pub use builder::{BuildError, Builder};
pub use client::{Client, WeakClient};
pub use details::{Details, Metadata, ObjectValue, StringValue};
pub use listeners::{Change, RenewalNeeded, Subscription};
pub use obstacle::Obstacle;
pub use outcome::Outcome;
#[cfg(feature = "signed-context")]
pub use signed_context::signed_context;
pub use status::{Refusal, Source, Status};
pub use usher_core::{Context, ErrorCode, Reason, Trace, protocol::Mode};
