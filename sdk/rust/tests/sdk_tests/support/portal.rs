//! Somebody who answers in a server's place: what a captive portal or a proxy does.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A page that asks for a sign-in.
pub const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 24\r\nConnection: close\r\n\r\n<html>Free Wi-Fi!</html>";
/// The way to one.
pub const REDIRECT: &str = "HTTP/1.1 302 Found\r\nLocation: http://portal.invalid/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// A server that is being replaced, by the word of what stands before it.
pub const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
/// A refusal that is none of a server's.
pub const FORBIDDEN: &str =
    "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";

pub struct Portal {
    address: String,
    answer: Arc<Mutex<&'static str>>,
}

impl Portal {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let portal =
            Self { address: listener.local_addr().unwrap().to_string(), answer: Arc::new(Mutex::new(PAGE)) };
        let answer = Arc::clone(&portal.answer);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let answer = *answer.lock().unwrap();
                tokio::spawn(async move {
                    let mut head = vec![0; 64 * 1024];
                    drop(socket.read(&mut head).await);
                    drop(socket.write_all(answer.as_bytes()).await);
                    drop(socket.shutdown().await);
                });
            }
        });
        portal
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn answers(&self, with: &'static str) {
        *self.answer.lock().unwrap() = with;
    }
}
