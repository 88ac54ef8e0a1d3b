//! The Usher server: HTTP, streams, credentials, and the web UI, over a journal.
//!
//! `world` follows the journal and holds what is known; `stream` carries its changes to clients, `convergence`
//! counts who has applied them; `ofrep` and `sdk` answer programs, `api` and `live` answer people. Everything
//! that decides is a function over values; what waits and sends stands around it.

pub mod api;
pub mod app;
pub mod auth;
mod body;
mod clock;
pub mod connections;
pub mod convergence;
mod etag;
mod headers;
mod health;
mod http;
pub mod live;
pub mod metrics;
mod ofrep;
pub mod openapi;
pub mod problem;
mod reach;
mod run;
pub mod sdk;
pub mod seed;
pub mod settings;
pub mod socket;
pub mod stream;
mod ui;
pub mod world;

pub use clock::now;
pub use run::{Running, StartError, run};
pub use settings::{Secret, Settings};
