//! A small client for the server's WebSockets.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async, connect_async_tls_with_config,
    tungstenite::{Error, Message, client::IntoClientRequest, http::Request},
};

use super::Server;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Socket(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

impl Socket {
    /// A stream opened with a key; nothing said yet.
    pub async fn open(server: &Server, key: &str) -> Self {
        let headers =
            [("Authorization", format!("Bearer {key}")), ("Sec-WebSocket-Protocol", "usher.v1".to_owned())];
        Self::try_open(server, "/sdk/v1/stream", &headers).await.unwrap()
    }

    /// A socket, or the status with which it was refused.
    pub async fn try_open(server: &Server, path: &str, headers: &[(&str, String)]) -> Result<Self, u16> {
        Self::try_open_at(&server.address(), path, headers).await
    }

    /// The same, wherever it is.
    pub async fn try_open_at(address: &str, path: &str, headers: &[(&str, String)]) -> Result<Self, u16> {
        let mut request: Request<()> = format!("ws://{address}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// A stream over TLS, opened with a key.
    pub async fn open_over_tls(address: &str, key: &str, config: Arc<ClientConfig>) -> Self {
        let mut request: Request<()> =
            format!("wss://{address}/sdk/v1/stream").into_client_request().unwrap();
        request.headers_mut().insert("Authorization", format!("Bearer {key}").parse().unwrap());
        request.headers_mut().insert("Sec-WebSocket-Protocol", "usher.v1".parse().unwrap());
        let tls = Some(Connector::Rustls(config));
        Self(connect_async_tls_with_config(request, None, false, tls).await.unwrap().0)
    }

    /// A stream of documents, hello said with `more`.
    pub async fn ruleset(server: &Server, key: &str, more: Value) -> Self {
        Self::said(server, key, "ruleset", more).await
    }

    /// A stream of values, hello said with `more`.
    pub async fn values(server: &Server, key: &str, more: Value) -> Self {
        Self::said(server, key, "values", more).await
    }

    async fn said(server: &Server, key: &str, mode: &str, more: Value) -> Self {
        Self::said_at(&server.address(), key, mode, more).await
    }

    /// A stream in this mode, wherever it is, hello said with `more`.
    pub async fn said_at(address: &str, key: &str, mode: &str, more: Value) -> Self {
        let headers =
            [("Authorization", format!("Bearer {key}")), ("Sec-WebSocket-Protocol", "usher.v1".to_owned())];
        let mut socket = Self::try_open_at(address, "/sdk/v1/stream", &headers).await.unwrap();
        socket.hello(mode, more).await;
        socket
    }

    pub async fn hello(&mut self, mode: &str, more: Value) {
        let mut hello = json!({"type": "hello", "sdk": "test/1.0", "mode": mode, "schemas": [1]});
        for (name, value) in more.as_object().unwrap() {
            hello[name] = value.clone();
        }
        self.say(&hello).await;
    }

    pub async fn say(&mut self, frame: &Value) {
        self.say_text(frame.to_string()).await;
    }

    pub async fn say_text(&mut self, text: String) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub async fn say_raw(&mut self, message: Message) {
        // It may be refused while it is being sent.
        drop(self.0.send(message).await);
    }

    /// The next frame, whatever it is; none once the server has closed.
    pub async fn any(&mut self) -> Option<Value> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap_or_else(|_| panic!("nothing came")) {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next frame that is no ping; it has this type.
    #[track_caller]
    pub fn expect(&mut self, kind: &'static str) -> impl Future<Output = Value> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            loop {
                let frame =
                    self.any().await.unwrap_or_else(|| panic!("closed instead of {kind}, at {caller}"));
                if frame["type"] == "ping" && kind != "ping" {
                    continue;
                }
                assert_eq!(frame["type"], kind, "{frame}, at {caller}");
                return frame;
            }
        }
    }

    /// The error that ends it.
    #[track_caller]
    pub fn refused(&mut self, code: &'static str) -> impl Future<Output = Value> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let error = self.expect("error").await;
            assert_eq!(error["code"], code, "{error}, at {caller}");
            assert!(error["message"].as_str().is_some_and(|text| text.len() > 5), "{error}");
            assert_eq!(self.any().await, None, "it is closed after an error, at {caller}");
            error
        }
    }

    pub async fn ack(&mut self, seq: u64) {
        self.say(&json!({"type": "ack", "seq": seq})).await;
    }

    /// Takes a whole snapshot and acknowledges it: what was ready, and all documents.
    pub async fn snapshot(&mut self) -> (Value, Vec<Value>) {
        let ready = self.expect("ready").await;
        assert_eq!(ready["intent"], "snapshot", "{ready}");
        let mut documents = Vec::new();
        loop {
            let part = self.expect("snapshot").await;
            assert_eq!(part["seq"], ready["seq"]);
            documents.extend(part["documents"].as_array().unwrap().iter().cloned());
            if part["part"] == part["parts"] {
                self.ack(ready["seq"].as_u64().unwrap()).await;
                return (ready, documents);
            }
        }
    }

    /// Takes all values and acknowledges them.
    pub async fn all_values(&mut self) -> (Value, Value) {
        let ready = self.expect("ready").await;
        let values = self.expect("values").await;
        assert_eq!((&values["full"], &values["seq"]), (&json!(true), &ready["seq"]));
        self.ack(ready["seq"].as_u64().unwrap()).await;
        (ready, values["put"].clone())
    }

    /// Nothing but pings comes for a while.
    #[track_caller]
    pub fn stays_quiet(&mut self, duration: Duration) -> impl Future<Output = ()> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let end = tokio::time::Instant::now() + duration;
            while let Ok(message) = tokio::time::timeout_at(end, self.0.next()).await {
                let is_ping = match &message {
                    Some(Ok(Message::Text(text))) => text.contains(r#""type":"ping""#),
                    Some(Ok(Message::Ping(_))) => true,
                    _ => false,
                };
                assert!(is_ping, "{message:?}, at {caller}");
            }
        }
    }

    pub async fn close(mut self) {
        drop(self.0.close(None).await);
    }
}
