//! What clients say.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Census, FrameError, ViewTag, type_of};
use crate::model::{Epoch, Seq, Timestamp, VenueKey};

/// What a client wants to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Documents, to evaluate by itself. For server keys.
    Ruleset,
    /// Evaluated values for one context. For any key.
    Values,
}

/// A frame from a client.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ClientFrame {
    /// The first frame: who is there and what it has.
    Hello(Box<Hello>),
    /// Everything up to this commit has been applied.
    Ack(Ack),
    /// Values mode: the context has changed.
    Context {
        /// The new context, whole.
        context: Value,
    },
    /// The answer to a ping.
    Pong,
    /// Edges, where `ready` says that it is welcome: the clients further down, counted.
    Downstream(Box<Census>),
}

/// Who is there and what it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// Name and version of the SDK, `usher-rust/0.1.0`.
    pub sdk: String,
    /// Version of the program that uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Random identity of the running program, for lists of laggards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What it wants to be sent.
    pub mode: Mode,
    /// Values mode: the context to evaluate for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What it has already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// The payload schemas that it reads.
    #[serde(default)]
    pub schemas: Vec<u32>,
    /// The name of an edge. It is no device itself, but has clients of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<String>,
    /// The pool that it was sent to; none at home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
}

/// Where a client is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// The venues it serves: the first one is where it is counted, and in ruleset mode it is sent nothing of others.
    #[serde(default)]
    pub venues: Vec<VenueKey>,
}

/// The state that a client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resume {
    /// Of which journal.
    pub epoch: Epoch,
    /// Up to which commit.
    pub seq: Seq,
    /// What part of the workspace, as `ready` said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<ViewTag>,
    /// The time of that commit, which tells it from one that never was: a server may have shown a commit that a failover of
    /// its journal took away, and ended before it could say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The payload schema that its documents came in: what they don't say in the one before is missing in the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
}

/// Everything up to this commit has been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ack {
    /// The commit.
    pub seq: Seq,
    /// How long ago that was, in milliseconds: the server may have asked to wait.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_ms: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde asks.
fn is_zero(millis: &u32) -> bool {
    *millis == 0
}

impl ClientFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// A frame that is malformed or of an unknown type.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        #[derive(Deserialize)]
        struct ContextFrame {
            context: Value,
        }
        Ok(match &*type_of(text)? {
            "hello" => Self::Hello(serde_json::from_str(text)?),
            "ack" => Self::Ack(serde_json::from_str(text)?),
            "context" => Self::Context { context: serde_json::from_str::<ContextFrame>(text)?.context },
            "pong" => Self::Pong,
            "downstream" => Self::Downstream(serde_json::from_str(text)?),
            other => return Err(FrameError::UnknownType(other.to_owned())),
        })
    }
}
