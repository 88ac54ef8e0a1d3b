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

mod backoff;
mod builder;
mod cache;
mod client;
mod connection;
mod details;
mod events;
mod listeners;
mod machine;
mod polling;
mod shared;
mod snapshot;
mod status;

pub use builder::{Bootstrap, BuildError, Builder};
pub use client::Client;
pub use details::{Details, ObjectValue, StringValue};
pub use listeners::{Change, Subscription};
pub use status::{Source, Status};
pub use usher_core::{Context, ErrorCode, Reason, Trace, protocol::Mode};
