//! What a WebSocket runs on: a bare connection, which costs least, or one inside TLS.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::rt::net::TcpStream;
use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::AsyncWrite as _;
use tokio_rustls::server::TlsStream;
use tokio_util::io::poll_read_buf;

use super::Unsent;

/// A connection.
pub(crate) enum Stream {
    /// The kernel's.
    Plain(TcpStream),
    /// Inside TLS, whose state reading and writing share. Held while it is polled only, and by one task.
    Tls(Box<RefCell<TlsStream<TcpStream>>>),
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Plain(stream)
    }
}

impl From<TlsStream<TcpStream>> for Stream {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(RefCell::new(stream)))
    }
}

impl Stream {
    /// Waits until there may be something to read.
    pub(super) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => stream.poll_read_ready(context),
            // It may hold what was read and not taken.
            Self::Tls(_) => Poll::Ready(Ok(())),
        }
    }

    /// Reads what there is. Unlike a bare read, this does not try once more after the last of it.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => poll_read_buf(Pin::new(stream), context, buffer),
            Self::Tls(stream) => poll_read_buf(Pin::new(stream.get_mut()), context, buffer),
        }
    }

    /// Writes what is taken at once; whether that was all.
    pub(super) async fn write(&self, rest: &mut Bytes) -> Result<bool, Unsent> {
        match self {
            Self::Plain(stream) => write(stream, rest),
            Self::Tls(stream) => {
                let tried = poll_fn(|context| Poll::Ready(poll_write(stream, context, rest)));
                match tried.await {
                    Poll::Ready(written) => written.map(|()| true).map_err(|_| Unsent::Gone),
                    Poll::Pending => Ok(false),
                }
            }
        }
    }

    /// Writes all, however long that takes.
    pub(super) async fn write_all(&self, rest: &mut Bytes) -> Result<(), Unsent> {
        match self {
            Self::Plain(stream) => loop {
                stream.writable().await.map_err(|_| Unsent::Gone)?;
                if write(stream, rest)? {
                    return Ok(());
                }
            },
            Self::Tls(stream) => {
                let written = poll_fn(|context| poll_write(stream, context, rest)).await;
                written.map_err(|_| Unsent::Gone)
            }
        }
    }

    /// Tells the other side that nothing more comes, where dropping the connection does not.
    pub(super) async fn end(&self) {
        if let Self::Tls(stream) = self {
            // It may be gone.
            let _ = poll_fn(|context| Pin::new(&mut *stream.borrow_mut()).poll_shutdown(context)).await;
        }
    }
}

fn write(stream: &TcpStream, rest: &mut Bytes) -> Result<bool, Unsent> {
    while !rest.is_empty() {
        match stream.try_write(rest) {
            Ok(0) => return Err(Unsent::Gone),
            Ok(written) => drop(rest.split_to(written)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(_) => return Err(Unsent::Gone),
        }
    }
    Ok(true)
}

/// Encrypts the rest, and sends all that is encrypted.
fn poll_write(
    stream: &RefCell<TlsStream<TcpStream>>,
    context: &mut Context<'_>,
    rest: &mut Bytes,
) -> Poll<io::Result<()>> {
    let mut stream = stream.borrow_mut();
    while !rest.is_empty() {
        match ready!(Pin::new(&mut *stream).poll_write(context, rest))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => rest.advance(written),
        }
    }
    Pin::new(&mut *stream).poll_flush(context)
}
