//! What is sent on a WebSocket, ready for the wire.

use actix_http::ws::{CloseReason, Codec, Message};
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use tokio_util::codec::Encoder as _;

/// Most bytes that a frame has besides its text.
const MAX_HEAD: usize = 10;

/// A frame as it stands on the wire. Made once; a clone shares its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<ByteString>) -> Self {
        let text = text.into();
        Self::of(text.len(), Message::Text(text))
    }

    pub(super) fn pong(bytes: Bytes) -> Self {
        Self::of(bytes.len(), Message::Pong(bytes))
    }

    /// The protocol's own ping, which a browser answers by itself.
    pub(crate) fn ping() -> Self {
        Self::of(0, Message::Ping(Bytes::new()))
    }

    pub(super) fn close(reason: CloseReason) -> Self {
        Self::of(0, Message::Close(Some(reason)))
    }

    fn of(length: usize, message: Message) -> Self {
        let mut bytes = BytesMut::with_capacity(length + MAX_HEAD);
        // Only parts of a message can be out of place; whole ones can always be written.
        let _ = Codec::new().encode(message, &mut bytes);
        Self(bytes.freeze())
    }

    /// Bytes on the wire.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // None is empty.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether both are the same bytes in memory: made once, and shared.
    #[must_use]
    pub fn shares(&self, other: &Self) -> bool {
        std::ptr::eq(self.0.as_ptr(), other.0.as_ptr())
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.0
    }
}
