//! What servers say.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{FrameError, Resume, Standing, ViewTag, type_of};
use crate::model::{Document, DocumentId, EnvironmentKey, Epoch, Seq, Steering, Timestamp, VenueKey};

/// A frame from a server.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ServerFrame {
    /// The answer to `hello`: what follows.
    Ready(Ready),
    /// All documents, in one or more parts; applied when the last one has come. Replaces.
    Snapshot(Snapshot),
    /// Documents that changed. Amends.
    Delta(Delta),
    /// Values mode: values that changed, or all of them.
    Values(Values),
    /// Is anybody there? Answered by `pong`.
    Ping(Ping),
    /// The server is about to stop: reconnect, elsewhere or later.
    Drain(Drain),
    /// Be served elsewhere from now on. The stream goes on until the client leaves it.
    Move(Move),
    /// The signed context is about to expire: send another. The stream goes on until then.
    Renew(Renew),
    /// Something is wrong; the connection closes after it.
    Error(ServerError),
}

/// What follows after `hello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Intent {
    /// Nothing: the client has it all.
    Current,
    /// One delta (or, in values mode, the whole of the values).
    Delta,
    /// A snapshot.
    Snapshot,
}

/// The answer to `hello`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// The journal.
    pub epoch: Epoch,
    /// The newest commit on this stream.
    pub seq: Seq,
    /// The payload schema that will be spoken.
    pub schema: u32,
    /// Seconds between pings.
    pub heartbeat_sec: u32,
    /// What follows.
    pub intent: Intent,
    /// The environment of the key.
    pub environment: EnvironmentKey,
    /// What part of the workspace the stream shows: said again when resuming, because documents of one part are not
    /// those of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<ViewTag>,
    /// The venues that it is narrowed to; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueKey>,
    /// Nothing up to this commit, which may be later than `seq`, is missing on the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Seq>,
    /// Whether `downstream` is welcome.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub downstream: bool,
    /// How long to wait with an acknowledgement at most, in milliseconds: see [`Acks`](super::Acks).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ack_within_ms: u32,
    /// From an edge: how old what it says may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Standing>,
}

/// A part of all documents.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// As of this commit.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
    /// Which part this is, from 1.
    pub part: u32,
    /// How many there are.
    pub parts: u32,
    /// The documents of this part.
    pub documents: Vec<Document>,
}

/// Documents that changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delta {
    /// The commit that the client must have.
    pub from: Seq,
    /// The commit that it has afterwards.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
    /// New or changed documents.
    #[serde(default)]
    pub put: Vec<Document>,
    /// Documents that are gone.
    #[serde(default)]
    pub delete: Vec<DocumentId>,
}

/// Values that changed, or all of them. In JSON each one is a [`Value`](super::Value).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Values {
    /// As of this commit.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
    /// New or changed values, by flag.
    #[serde(default)]
    pub put: IndexMap<String, Box<RawValue>>,
    /// Flags that are gone.
    #[serde(default)]
    pub delete: Vec<String>,
    /// Whether these are all of them: what is not in `put` is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub full: bool,
}

/// Is anybody there?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ping {
    /// The newest commit that the client was sent: one that has less has lost something.
    pub seq: Seq,
    /// Nothing up to this commit, which may be later than `seq`, is missing on the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Seq>,
    /// From an edge: how old what it says may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Standing>,
    /// How long to wait with an acknowledgement from now on, as in `ready`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ack_within_ms: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde asks.
fn is_zero(millis: &u32) -> bool {
    *millis == 0
}

/// The server is about to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// How long to wait before reconnecting, in milliseconds; different for each client.
    pub reconnect_after_ms: u64,
}

/// Where to be served from now on. Said again with every ping while it holds: a client that could not be served there
/// stays for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Move {
    /// The pool and its address; none for where the client came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Destination>,
    /// How long to wait before, in milliseconds; different for each client.
    pub after_ms: u64,
}

/// Where somebody else serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// What those are called together who serve there.
    pub pool: String,
    /// The address, `https://edge-canary.example.org`.
    pub url: String,
}

/// The signed context of the client is about to expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Renew {
    /// For how long it is still taken, in milliseconds.
    pub expires_in_ms: u64,
}

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorCode {
    /// A frame that can't be read, or out of order.
    BadFrame,
    /// A context that can't be read.
    InvalidContext,
    /// The key may not do this.
    Forbidden,
    /// The key was revoked or has expired.
    Unauthorized,
    /// The signed context is missing, has expired, or is not taken: ask the backend for another.
    SignedContext,
    /// No schema that both sides speak.
    UnsupportedSchema,
    /// Too many at once: come again later.
    Busy,
    /// The client did not keep up, or went silent.
    TooSlow,
    /// Something is wrong with the server.
    Internal,
    /// A code that only a newer version knows.
    #[serde(other)]
    Other,
}

/// Something is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerError {
    /// What kind of thing.
    pub code: ErrorCode,
    /// What it is and what to do.
    pub message: String,
    /// Whether trying again can help.
    pub retry: bool,
    /// When to try again, in milliseconds, where the server knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// What `GET /sdk/v1/steering` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SteeringBody {
    /// Where clients of the key's environment are to be served.
    pub steering: Vec<Steering>,
}

/// What `GET /sdk/v1/ruleset` answers: a snapshot by polling.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RulesetBody {
    /// The journal.
    pub epoch: Epoch,
    /// As of this commit.
    pub seq: Seq,
    /// The payload schema.
    pub schema: u32,
    /// The commit's time.
    pub at: Timestamp,
    /// The environment of the key.
    pub environment: EnvironmentKey,
    /// What part of the workspace these documents are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<ViewTag>,
    /// On disk only: the payload schema that they came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_in: Option<u32>,
    /// All documents.
    pub documents: Vec<Document>,
    /// On disk only: those of them that say more than their schema can, see [`crate::schema::disk`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub newer: Vec<Document>,
}

/// What `POST /sdk/v1/values` answers: all values by polling.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValuesBody {
    /// The journal.
    pub epoch: Epoch,
    /// As of this commit.
    pub seq: Seq,
    /// The payload schema.
    pub schema: u32,
    /// The commit's time.
    pub at: Timestamp,
    /// The environment of the key.
    pub environment: EnvironmentKey,
    /// All values, by flag.
    pub values: IndexMap<String, Box<RawValue>>,
}

impl RulesetBody {
    /// Where on the journal it stands.
    #[must_use]
    pub fn place(&self) -> Resume {
        let Self { epoch, seq, view, at, schema, came_in, .. } = *self;
        Resume { epoch, seq, view, at: Some(at), schema: Some(came_in.unwrap_or(schema)) }
    }
}

impl ValuesBody {
    /// Where on the journal they stand.
    #[must_use]
    pub fn place(&self) -> Resume {
        let Self { epoch, seq, at, .. } = *self;
        // Values are of whatever was asked for, and never led on from.
        Resume { epoch, seq, view: None, at: Some(at), schema: None }
    }
}

impl ServerFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// A frame that is malformed or of an unknown type.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        Ok(match &*type_of(text)? {
            "ready" => Self::Ready(serde_json::from_str(text)?),
            "snapshot" => Self::Snapshot(serde_json::from_str(text)?),
            "delta" => Self::Delta(serde_json::from_str(text)?),
            "values" => Self::Values(serde_json::from_str(text)?),
            "ping" => Self::Ping(serde_json::from_str(text)?),
            "drain" => Self::Drain(serde_json::from_str(text)?),
            "move" => Self::Move(serde_json::from_str(text)?),
            "renew" => Self::Renew(serde_json::from_str(text)?),
            "error" => Self::Error(serde_json::from_str(text)?),
            other => return Err(FrameError::UnknownType(other.to_owned())),
        })
    }
}
