//! One request with its answer, as bytes.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::driver::Shape;
use crate::workspace::Workspace;

/// Longer than any answer here takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request and what Usher answers to it.
pub struct Exchange {
    /// The request's bytes, ready to be sent again and again on one connection.
    pub request: Vec<u8>,
    /// The answer's bytes, head and body.
    pub answer: Vec<u8>,
    head: usize,
}

impl Exchange {
    /// Asks once.
    pub fn new(workspace: &Workspace, path: &str, known: Option<&str>, body: &str) -> Result<Self> {
        let known = known.map(|tag| format!("If-None-Match: {tag}\r\n")).unwrap_or_default();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             {known}Content-Length: {}\r\n\r\n{body}",
            workspace.address(),
            workspace.key(),
            body.len()
        );
        let request = request.into_bytes();
        let (answer, head) = ask(workspace.address(), &request)?;
        let exchange = Self { request, answer, head };
        ensure!([200, 304].contains(&exchange.status()?), "{}", String::from_utf8_lossy(&exchange.answer));
        Ok(exchange)
    }

    /// The answer's status.
    pub fn status(&self) -> Result<u16> {
        let head = self.head()?;
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")
    }

    /// The answer's headers.
    pub fn headers(&self) -> Result<impl Iterator<Item = (&str, &str)>> {
        Ok(self.head()?.lines().skip(1).filter_map(|line| line.split_once(": ")))
    }

    /// One of them, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().ok()?.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The answer's body.
    pub fn body(&self) -> &[u8] {
        self.answer.get(self.head..).unwrap_or_default()
    }

    /// What every further answer to the request must look like.
    pub fn shape(&self) -> Shape {
        let status = self.answer.iter().position(|byte| *byte == b'\r').unwrap_or_default();
        Shape { status: self.answer.get(..status).unwrap_or_default().to_vec(), bytes: self.answer.len() }
    }

    /// Sees that another server gives the same, but for the time of day.
    pub fn check_same(&self, address: SocketAddr) -> Result<()> {
        let (answer, head) = ask(address, &self.request)?;
        let other = Self { request: Vec::new(), answer, head };
        // The order of headers has no meaning, and is not the same from one answer to the next.
        let sorted = |exchange: &Self| -> Result<Vec<String>> {
            let mut lines: Vec<_> = exchange.head()?.lines().map(str::to_ascii_lowercase).collect();
            lines.retain(|line| !line.starts_with("date:"));
            lines.sort();
            Ok(lines)
        };
        ensure!(sorted(self)? == sorted(&other)?, "the echo's head is another one: {}", other.head()?);
        ensure!(self.body() == other.body(), "the echo's body is another one");
        Ok(())
    }

    fn head(&self) -> Result<&str> {
        let head = self.answer.get(..self.head).context("the answer has no head")?;
        Ok(std::str::from_utf8(head)?)
    }
}

/// The answer to a request, and how long its head is.
fn ask(address: SocketAddr, request: &[u8]) -> Result<(Vec<u8>, usize)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 65_536]);
    loop {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "the connection was closed: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(answer.get(..end).unwrap_or_default())?.to_ascii_lowercase();
        ensure!(!head.contains("transfer-encoding"), "the answer has no length: {head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(Ok(0), str::parse)?;
        if answer.len() >= end + 4 + length {
            return Ok((answer, end + 4));
        }
    }
}
