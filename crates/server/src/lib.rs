//! The Usher server: HTTP, streams, credentials, and the web UI, over a journal.
//!
//! `world` follows the journal and holds what is known; `stream` carries its changes to clients, `convergence`
//! counts who has applied them; `ofrep` and `sdk` answer programs, `api` and `live` answer people. Everything
//! that decides is a function over values; what waits and sends stands around it.
//!
//! What programs ask for is the `surface`. It takes its answers from a `source`: here that is the journal's world, at
//! an edge the mirrors of it.

pub mod api;
pub mod app;
mod approvals;
mod archiving;
pub mod auth;
mod body;
mod catching_up;
mod change_requests;
mod clock;
mod code_references;
pub mod connections;
pub mod convergence;
mod disk;
mod engine;
mod etag;
mod evaluations;
mod fleet;
mod freezes;
mod headers;
mod health;
mod http;
mod listen;
pub mod live;
pub mod metrics;
mod ofrep;
pub mod onlooker;
pub mod openapi;
mod playbooks;
pub mod problem;
pub mod rates;
mod reach;
mod rehearsals;
pub mod releases;
mod revocation;
mod run;
mod schedules;
mod scopes;
pub mod sdk;
pub mod seed;
pub mod settings;
pub mod socket;
pub mod source;
mod standing;
pub mod stream;
pub mod surface;
pub mod tls;
mod ui;
mod webhooks;
pub mod world;

pub use clock::now;
pub use listen::{Listening, NotListening, listen};
pub use run::{Running, StartError, run};
pub use settings::{Secret, Settings};
pub use webhooks::WebhookSettings;
