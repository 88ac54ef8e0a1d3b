//! Each command, as a process, against a server that is another process: what it does, what it shows, how it
//! ends. Exit codes: 0 done, 1 failed, 2 usage, 3 refused by the server, 4 unreachable.
#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod changes;
mod converge;
mod demo;
mod documents;
mod edge;
mod eval;
mod exit_codes;
mod files;
mod flags;
mod help;
mod history;
mod import;
mod keys;
mod lifecycle;
mod people;
mod redis;
mod releases;
mod schedules;
mod secrets;
mod serve;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod venues;
