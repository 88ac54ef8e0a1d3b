//! Reading and writing the frames of one WebSocket.

use std::{
    cell::Cell,
    future::poll_fn,
    io, mem,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::ws::{CloseCode, CloseReason, Codec, Frame as Wire, Item, ProtocolError};
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use tokio::time::timeout;
use tokio_util::codec::Decoder as _;

use super::{Frame, stream::Stream};

/// What is read at a time, in bytes.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// The worker's buffer. Nobody waits while holding it: what is read is handled before anybody else runs.
    static SPARE: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// A whole message.
#[derive(Debug)]
pub(crate) enum Message {
    /// A text.
    Text(ByteString),
    /// Bytes. Nobody here wants any, so they are not kept.
    Binary,
    /// The other side wants a sign of life.
    Ping(Bytes),
    /// A sign of life.
    Pong,
    /// The other side says farewell.
    Close,
}

/// Why something was not sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// The connection is gone.
    Gone,
    /// It was not taken in time.
    Late,
}

/// A WebSocket, of which this is the server.
pub(crate) struct Socket {
    stream: Stream,
    codec: Codec,
    max_bytes: usize,
    /// What was read and is not decoded yet.
    unread: BytesMut,
    /// The parts of a text that comes in several, so far.
    parts: Option<Box<BytesMut>>,
}

impl Socket {
    /// A socket on which the handshake is done. `unread` came after it. A longer message is an error.
    pub(super) fn new(stream: Stream, unread: BytesMut, max_bytes: usize) -> Self {
        // Most often nothing, in a large buffer.
        let unread = BytesMut::from(&*unread);
        Self { stream, codec: Codec::new().max_size(max_bytes), max_bytes, unread, parts: None }
    }

    /// Waits until something has come, and reads it. False at the end. Nothing is lost when this is dropped.
    ///
    /// # Errors
    /// The connection is gone.
    pub(crate) async fn read(&mut self) -> io::Result<bool> {
        poll_fn(|context| self.poll_read(context)).await
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        // Nobody takes the worker's buffer who has nothing to read.
        ready!(self.stream.poll_read_ready(context))?;
        if self.unread.is_empty() {
            self.unread = SPARE.take();
        }
        if self.unread.capacity() - self.unread.len() < READ_BYTES && !self.unread.try_reclaim(READ_BYTES) {
            self.unread.reserve(READ_BYTES);
        }
        let read = self.stream.poll_read(context, &mut self.unread);
        if self.unread.is_empty() {
            SPARE.set(mem::take(&mut self.unread));
        }
        read.map_ok(|read| read > 0)
    }

    /// The next whole message of what was read.
    ///
    /// # Errors
    /// What is no message.
    pub(crate) fn message(&mut self) -> Result<Option<Message>, ProtocolError> {
        while !self.unread.is_empty() {
            let Some(frame) = self.codec.decode(&mut self.unread)? else { break };
            match frame {
                Wire::Text(bytes) => return text(bytes).map(Some),
                Wire::Binary(_) | Wire::Continuation(Item::FirstBinary(_)) => {
                    return Ok(Some(Message::Binary));
                }
                Wire::Ping(bytes) => return Ok(Some(Message::Ping(bytes))),
                Wire::Pong(_) => return Ok(Some(Message::Pong)),
                Wire::Close(_) => return Ok(Some(Message::Close)),
                Wire::Continuation(Item::FirstText(bytes)) => self.add(&bytes)?,
                Wire::Continuation(Item::Continue(bytes)) => self.add(&bytes)?,
                Wire::Continuation(Item::Last(bytes)) => {
                    self.add(&bytes)?;
                    let whole = self.parts.take().map(|parts| parts.freeze());
                    return text(whole.unwrap_or_default()).map(Some);
                }
            }
        }
        self.settle();
        Ok(None)
    }

    fn add(&mut self, part: &Bytes) -> Result<(), ProtocolError> {
        let parts = self.parts.get_or_insert_default();
        if parts.len() + part.len() > self.max_bytes {
            return Err(ProtocolError::Overflow);
        }
        parts.extend_from_slice(part);
        Ok(())
    }

    /// Gives the worker's buffer back, and keeps the beginning of a frame only.
    fn settle(&mut self) {
        if self.unread.capacity() == 0 {
            return;
        }
        if self.unread.is_empty() {
            SPARE.set(mem::take(&mut self.unread));
        } else if self.unread.len() < READ_BYTES / 2 {
            let beginning = BytesMut::from(&*self.unread);
            let mut buffer = mem::replace(&mut self.unread, beginning);
            buffer.clear();
            SPARE.set(buffer);
        }
    }

    /// Sends a frame, which has to be taken `within` this time.
    ///
    /// # Errors
    /// It was not taken.
    pub(crate) async fn send(&self, frame: Frame, within: Duration) -> Result<(), Unsent> {
        let mut rest = frame.bytes().clone();
        if self.stream.write(&mut rest).await? {
            return Ok(());
        }
        // Rare, and a timer is large: not a part of every connection's task.
        Box::pin(async move {
            timeout(within, self.stream.write_all(&mut rest)).await.unwrap_or(Err(Unsent::Late))
        })
        .await
    }

    /// Answers a ping.
    ///
    /// # Errors
    /// As of [`Self::send`].
    pub(crate) async fn pong(&self, bytes: Bytes, within: Duration) -> Result<(), Unsent> {
        self.send(Frame::pong(bytes), within).await
    }

    /// Says farewell.
    ///
    /// # Errors
    /// As of [`Self::send`].
    pub(crate) async fn close(&self, within: Duration) -> Result<(), Unsent> {
        let reason = CloseReason { code: CloseCode::Normal, description: None };
        self.send(Frame::close(reason), within).await?;
        Box::pin(timeout(within, self.stream.end())).await.map_err(|_| Unsent::Late)
    }
}

fn text(bytes: Bytes) -> Result<Message, ProtocolError> {
    let text = ByteString::try_from(bytes);
    let not_text = || io::Error::new(io::ErrorKind::InvalidData, "a text that is not UTF-8");
    text.map(Message::Text).map_err(|_| ProtocolError::Io(not_text()))
}
