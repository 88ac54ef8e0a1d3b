//! What all peers can be asked.

use serde_json::{Map, Value};
use thiserror::Error;

/// What went wrong with a peer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The flags are not in the peer's format; its own words tell where.
    #[error("the flags can't be read: {0}")]
    Flags(String),
    /// The attributes make no context of the peer's; its own words tell why.
    #[error("the attributes make no context: {0}")]
    Context(String),
    /// There is no such flag.
    #[error("there is no flag {0:?}")]
    UnknownFlag(String),
    /// The peer has given an error instead of an answer.
    #[error("the evaluation failed: {0}")]
    Evaluation(String),
}

/// What a peer gives to a context.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The value; none where the peer leaves it to the caller's default.
    pub value: Option<Value>,
    /// The variant, by the name that the peer has for it; its index, where variants have no names.
    pub variant: Option<String>,
    /// The peer's own word for why; empty where it has none.
    pub reason: String,
}

/// An engine with flags loaded.
pub trait Peer: Sized {
    /// The published crate.
    const NAME: &'static str;
    /// The attribute by which the peer knows who is asked about.
    const KEY: &'static str;
    /// A context in the peer's form.
    type Context;

    /// Reads flags in the peer's own JSON format.
    ///
    /// # Errors
    /// [`PeerError::Flags`].
    fn load(flags: &str) -> Result<Self, PeerError>;

    /// Makes a context of attributes, by the names that the peer's flags have for them.
    ///
    /// # Errors
    /// [`PeerError::Context`].
    fn context(attributes: &[(&str, Value)]) -> Result<Self::Context, PeerError>;

    /// Whether a boolean flag is on: the peer's own shortest call. None when there is no such answer.
    fn boolean(&self, flag: &str, context: &Self::Context) -> Option<bool>;

    /// Hands the text of a flag with several variants to `read`, by the peer's own shortest call. For benchmarks:
    /// what the peer lends is not copied.
    fn text<R>(&self, flag: &str, context: &Self::Context, read: impl FnOnce(Option<&str>) -> R) -> R;

    /// All there is to know of the answer. For comparisons: it copies.
    ///
    /// # Errors
    /// [`PeerError::UnknownFlag`] and [`PeerError::Evaluation`].
    fn evaluate(&self, flag: &str, context: &Self::Context) -> Result<Answer, PeerError>;
}

/// Attributes as one JSON object; of two with the same name the last one counts.
#[allow(dead_code)] // Not every peer wants one.
pub(crate) fn object(attributes: &[(&str, Value)]) -> Map<String, Value> {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}
