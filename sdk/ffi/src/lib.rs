//! Usher's flags for phones and scanners: the SDK in values mode, as Kotlin, Swift and Python (UniFFI) and C see it.
//!
//! - No call waits for the network, and none blocks on a lock that is held for longer than an exchange of a pointer, so
//!   all may be made from a thread that draws. Making a client and asking for another person reads one small file.
//! - No panic crosses the boundary: getters give the caller's default, the rest an error (`guard`).
//! - Listeners are called on a thread of their own, one after the other and while no lock is held. One that hangs or
//!   throws stops neither the client nor its connection (`listener`).
//! - Each client has one connection and one thread for it, which ends with the client. A thread for all clients of a
//!   process would save one where there are several, which phones have not, and would outlive them all, be gone after a
//!   fork, and let one client's slow disk hold up the others.
//!
//! What is generated from here is of no use without the wrapper packages (`sdk/python`, `sdk/kotlin`, `sdk/swift`): they
//! add what is idiomatic there. The C side is `c`, with the header `include/usher.h`.

// UniFFI's scaffolding exports symbols, and C hands over pointers: both can't be had without.
#![allow(unsafe_code)]

pub mod c;
mod client;
mod config;
mod context;
mod details;
mod error;
mod guard;
mod listener;
mod renewals;
mod status;

pub use client::FlagsClient;
pub use config::Config;
pub use context::{AttributeValue, FlagContext};
pub use details::{
    BooleanDetails, FlagErrorCode, FloatDetails, IntegerDetails, ObjectDetails, StringDetails,
};
pub use error::{FlagsError, ListenerError};
pub use listener::FlagsListener;
pub use status::{ConnectionState, FlagSource, Obstacle, StatusReport};

uniffi::setup_scaffolding!();
