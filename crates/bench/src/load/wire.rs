//! The least of a WebSocket client (RFC 6455): a handshake, whole text frames in, small masked ones out.
//!
//! What is read goes into one buffer of the thread; a client has memory of its own only while a frame is half there.

use std::{cell::RefCell, io, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// A server that has not opened a stream by then will not.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// What is read at a time, in bytes.
const READ_BYTES: usize = 64 * 1024;
/// Largest frame that is taken, in bytes.
const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;
/// What a client that reads slowly lets the kernel hold for it, in bytes.
const SLOW_BUFFER_BYTES: u32 = 4 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// How a client is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// As it comes.
    Usual,
    /// With as little room for what is sent as the kernel allows.
    Narrow,
}

/// A WebSocket.
pub(super) struct Wire {
    stream: TcpStream,
    /// The beginning of a frame.
    partial: Vec<u8>,
}

impl Wire {
    /// Opens one. `path` begins with a slash; `key` goes into `Authorization`.
    pub(super) async fn open(server: SocketAddr, path: &str, key: &str, links: Links) -> Result<Self> {
        timeout(OPEN_WITHIN, Self::opened(server, path, key, links)).await.context("no answer in time")?
    }

    async fn opened(server: SocketAddr, path: &str, key: &str, links: Links) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if links == Links::Narrow {
            socket.set_recv_buffer_size(SLOW_BUFFER_BYTES)?;
        }
        let mut stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: usher.v1\r\nAuthorization: Bearer {key}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::with_capacity(512);
        let end = loop {
            ensure!(stream.read_buf(&mut head).await? > 0, "closed before it was open");
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Ok(Self { stream, partial: head.split_off(end) })
    }

    /// Waits until there is something to read.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.stream.readable().await
    }

    /// Reads what is there, `limit` bytes at most, and hands each text that is whole to `take`. False at the end of
    /// the stream.
    pub(super) fn read(&mut self, limit: usize, mut take: impl FnMut(&[u8])) -> io::Result<bool> {
        BUFFER.with_borrow_mut(|buffer| {
            let limit = limit.min(buffer.len());
            let read = match self.stream.try_read(&mut buffer[..limit]) {
                Ok(0) => return Ok(false),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
            let fresh = &buffer[..read];
            if self.partial.is_empty() {
                let (used, open) = frames(fresh, &mut take)?;
                self.partial = fresh[used..].to_vec();
                return Ok(open);
            }
            self.partial.extend_from_slice(fresh);
            let (used, open) = frames(&self.partial, &mut take)?;
            if used > 0 {
                self.partial = self.partial[used..].to_vec();
            }
            Ok(open)
        })
    }

    /// Sends a small text, which the kernel has room for or the server reads nothing any more.
    pub(super) fn say(&self, text: &str) -> io::Result<()> {
        // A mask of zeros is one like any other: here nobody has to be kept from guessing it.
        let mut frame = Vec::with_capacity(text.len() + 8);
        frame.push(0x81);
        match u16::try_from(text.len()) {
            Ok(length @ 0..126) => frame.push(0x80 | length.to_be_bytes()[1]),
            Ok(length) => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => return Err(io::Error::other("too long")),
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        match self.stream.try_write(&frame)? {
            written if written == frame.len() => Ok(()),
            _ => Err(io::Error::other("the server takes nothing")),
        }
    }
}

/// Hands whole texts to `take`. How many bytes they took, and whether the stream goes on.
fn frames(bytes: &[u8], take: &mut impl FnMut(&[u8])) -> io::Result<(usize, bool)> {
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        let [first, second, ..] = *rest else { return Ok((at, true)) };
        let (head, length) = match (second & 0x7F, rest) {
            (126, [_, _, a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
            (127, [_, _, a, b, c, d, e, f, g, h, ..]) => {
                let length = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                (10, usize::try_from(length).unwrap_or(usize::MAX))
            }
            (126 | 127, _) => return Ok((at, true)),
            (length, _) => (2, usize::from(length)),
        };
        if length > MAX_FRAME_BYTES || second & 0x80 != 0 {
            return Err(io::Error::other("this is no frame from a server"));
        }
        let Some(payload) = rest.get(head..head + length) else { return Ok((at, true)) };
        at += head + length;
        match first {
            0x81 => take(payload),
            0x88 => return Ok((at, false)),
            0x89 | 0x8A => {}
            _ => return Err(io::Error::other("a server sends whole texts")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let mut bytes = vec![0x81, 2, b'h', b'i', 0x89, 0];
        bytes.extend([0x81, 126, 1, 0]);
        bytes.extend([b'x'; 256]);
        for cut in 0..bytes.len() {
            let mut seen = Vec::new();
            let (used, _) = frames(&bytes[..cut], &mut |text: &[u8]| seen.push(text.len())).unwrap();
            let (rest, open) = frames(&bytes[used..], &mut |text: &[u8]| seen.push(text.len())).unwrap();
            assert_eq!((seen, used + rest, open), (vec![2, 256], bytes.len(), true), "cut at {cut}");
        }
        assert!(!frames(&[0x88, 0], &mut |_: &[u8]| ()).unwrap().1);
    }
}
