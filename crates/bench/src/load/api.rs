//! Asking a server's HTTP, one connection a request.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The administrator's token of the servers that are started here.
pub(super) const ADMIN: &str = "uat_load-driver-0123456789abcdef";

/// The answer's JSON, or its text where it is none.
///
/// # Errors
/// No answer, or one that refuses.
pub(super) async fn ask(server: SocketAddr, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
    let (status, body) = exchange(server, method, path, body).await?;
    ensure!((200..300).contains(&status), "{method} {path}: {status} {body}");
    Ok(serde_json::from_str(&body).unwrap_or_else(|_| body.into()))
}

/// The status with which a server answers.
///
/// # Errors
/// No answer.
pub(super) async fn status(server: SocketAddr, path: &str) -> Result<u16> {
    Ok(exchange(server, "GET", path, None).await?.0)
}

async fn exchange(
    server: SocketAddr,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(server).await.context("the server takes no connection")?;
    let body = body.map(ToString::to_string).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {ADMIN}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?;
    Ok((status.parse()?, body.to_owned()))
}
