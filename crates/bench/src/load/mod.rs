//! The load driver: a real server in a process of its own, and tens of thousands of real WebSocket clients of it in
//! this one.
//!
//! A client here does what an SDK does with the protocol `usher.v1`: it says hello with what it has, applies frames in
//! order, acknowledges them, answers pings, and comes back with full jitter. It keeps no documents: it would be the
//! driver that is measured then.

mod api;
mod client;
mod fleet;
mod node;
mod random;
mod usage;
mod wire;
mod workspace;

pub use client::Habit;
pub use fleet::{Away, Fleet, Plan};
pub use node::Node;
pub use usage::{Usage, raise_file_limit};
pub use wire::Links;
pub use workspace::Workspace;
