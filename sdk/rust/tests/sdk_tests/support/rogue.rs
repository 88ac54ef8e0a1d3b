//! A server that says whatever a test wants, on real WebSockets. It answers nothing else, so polling fails.

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
    },
};

use super::PATIENCE;

pub struct Rogue {
    listener: TcpListener,
    /// When connections came, those that were no WebSockets included.
    pub came: Arc<Mutex<Vec<Instant>>>,
}

/// One connection.
pub struct Guest {
    socket: WebSocketStream<TcpStream>,
    pub hello: Value,
}

impl Rogue {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, came: Arc::default() }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// The next stream, once it has said hello.
    pub async fn guest(&self) -> Guest {
        loop {
            let accepted =
                timeout(PATIENCE, self.listener.accept()).await.unwrap_or_else(|_| panic!("nobody came"));
            self.came.lock().unwrap().push(Instant::now());
            #[allow(clippy::result_large_err)] // The crate's own signature.
            let subprotocol = |_: &Request, mut response: Response| {
                response.headers_mut().insert("Sec-WebSocket-Protocol", "usher.v1".parse().unwrap());
                Ok(response)
            };
            let Ok(socket) = accept_hdr_async(accepted.unwrap().0, subprotocol).await else { continue };
            let mut guest = Guest { socket, hello: Value::Null };
            guest.hello = guest.next().await.unwrap_or_else(|| panic!("no hello"));
            return guest;
        }
    }
}

impl Guest {
    /// The next frame; none when the client is gone.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.unwrap_or_else(|_| panic!("nothing came")) {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    pub async fn say(&mut self, frame: &Value) {
        self.say_text(&frame.to_string()).await;
    }

    pub async fn say_text(&mut self, text: &str) {
        drop(self.socket.send(Message::text(text)).await);
    }

    pub async fn ready(&mut self, epoch: u8, seq: u64, intent: &str) {
        let epoch = format!("{epoch:02x}").repeat(16);
        self.say(&json!({"type": "ready", "epoch": epoch, "seq": seq, "schema": 1, "heartbeatSec": 1,
            "intent": intent, "environment": "production"}))
            .await;
    }

    /// All documents, and waits until they are acknowledged.
    pub async fn snapshot(&mut self, seq: u64, documents: &[Value]) {
        self.say(
            &json!({"type": "snapshot", "seq": seq, "at": 0, "part": 1, "parts": 1, "documents": documents}),
        )
        .await;
        assert_eq!(self.next().await, Some(json!({"type": "ack", "seq": seq})));
    }

    /// It goes away by itself.
    pub async fn leaves(mut self) {
        while self.next().await.is_some() {}
    }
}

/// A flag document that gives `value`.
pub fn flag(key: &str, on: bool) -> Value {
    json!({"kind": "flag", "key": key, "type": "boolean", "variants": {"on": true, "off": false},
        "environments": {"production": {"enabled": true, "offVariant": "off",
            "default": {"variant": if on { "on" } else { "off" }}}}})
}
