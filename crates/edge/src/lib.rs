//! An edge: a relay near venues, that serves clients from an upstream server and goes on without it.
//!
//! For each of its keys it keeps one stream to its upstream open ([`upstream`]) and mirrors what comes on it
//! ([`mirror`]), in memory and on disk ([`disk`]). It serves what a server's client surface serves, by the same code:
//! it is a [`Source`](usher_server::source::Source) of its own ([`relay`]). Keys of clients are checked upstream
//! ([`keys`]), what clients count is passed on ([`forward`]), and who has applied what is told upstream
//! ([`census`]), and another version can be asked the same on the side ([`shadow`]). An edge never claims to be fresher than it is: everything it says carries the time as of which it
//! holds.

mod census;
mod disk;
mod forward;
mod http;
mod keys;
mod metrics;
mod mirror;
mod relay;
mod routes;
mod run;
mod settings;
mod shadow;
mod signers;
mod steering;
mod upstream;

pub use run::{Running, StartError, run};
pub use settings::Settings;
