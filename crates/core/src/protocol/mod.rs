//! The messages of the streaming protocol `usher.v1`, and what may be seen on it.
//!
//! Frames are JSON objects with a `type`. Both sides pass over fields they don't know; a type they don't know
//! is [`Unknown`](FrameError::UnknownType), which a client passes over and a server answers with an error.

mod acks;
mod backoff;
mod census;
mod client;
mod machine;
mod server;
mod standing;
mod value;
mod view;

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;

pub use acks::Acks;
pub use backoff::Backoff;
pub use census::{Census, Censuses, Clients, CommitCount, Count, Group, Source, VenueCount};
pub use client::{Ack, ClientFrame, Hello, Mode, Resume, Scope};
pub use machine::{Action, MAX_SNAPSHOT_BYTES, Machine, Terms};
pub use server::{
    Delta, Destination, Drain, ErrorCode, Intent, Move, Ping, Ready, Renew, RulesetBody, ServerError,
    ServerFrame, Snapshot, SteeringBody, Values, ValuesBody,
};
pub use standing::{CHECKS_SIGNED_CONTEXTS, KeyBody, SignerBody, SignersBody, Standing};
pub use value::{EvaluatedValue, OldValue, Value};
pub use view::{View, ViewTag};

/// Values by flag, as a server has written them.
pub type ValueMap = IndexMap<String, Box<RawValue>>;

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "usher.v1";
/// Browsers can't set headers on a WebSocket, so they send the key as a second subprotocol with this prefix.
pub const KEY_SUBPROTOCOL_PREFIX: &str = "usher.key.";
/// How often the server pings, in seconds. Silence for twice as long is a dead link, for either side.
pub const HEARTBEAT_SECONDS: u32 = 15;
/// Largest frame that a server takes from a client, in bytes.
pub const MAX_CLIENT_FRAME_BYTES: usize = 1024 * 1024;
/// Largest part of a snapshot, in bytes of documents, so that no single frame holds up a slow link for long.
pub const MAX_SNAPSHOT_PART_BYTES: usize = 256 * 1024;

/// Why a frame can't be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Not JSON, or not of the shape its type promises.
    #[error("this frame can't be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A type this version does not know.
    #[error("this frame has the unknown type `{0}`")]
    UnknownType(String),
}

/// The type of a frame. Frames are read in two passes, because documents pass through as raw JSON, which a
/// tagged enum can't hold.
fn type_of(text: &str) -> Result<Cow<'_, str>, FrameError> {
    #[derive(Deserialize)]
    struct Tag<'a> {
        #[serde(rename = "type", borrow)]
        name: Cow<'a, str>,
    }
    Ok(serde_json::from_str::<Tag<'_>>(text)?.name)
}
