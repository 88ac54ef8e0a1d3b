//! The WebSocket to the server: opening it, and saying something on it.

use std::{sync::Arc, time::Duration};

use futures_util::SinkExt;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{
        Error as WsError, Message,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode},
        protocol::WebSocketConfig,
    },
};
use usher_core::protocol::{ClientFrame, Mode, SUBPROTOCOL};

use crate::{limits, obstacle::Obstacle, shared::Shared, tls};

/// A connection that is not there by then will not come.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// An open stream.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why there is no stream, or no more.
#[derive(Debug)]
pub enum End {
    /// It broke, or could not be opened.
    Broken(String),
    /// The server refuses this client on a stream.
    Refused(String),
    /// The server does not take the signed context of this client.
    Unsigned(String),
    /// Somebody refuses to open a stream: the server, because of the key, or a proxy on the way.
    Barred(String),
    /// It broke, or could not be opened, by more than that nobody answers.
    Hindered(Obstacle, String),
    /// The server asks to come again after so many milliseconds.
    Later(u64),
    /// The server asks to go elsewhere after so many milliseconds.
    Moved(u64),
}

/// Opens a stream at an address after a pause.
pub(crate) async fn open_after(pause: Duration, url: String, shared: Arc<Shared>) -> Result<Socket, End> {
    sleep(pause).await;
    open(&url, &shared.config.key, shared.config.mode).await
}

/// Opens a stream at a server (`http://…`, `https://…`) with a key. Frames that are too large for the mode end it.
///
/// # Errors
/// Nobody there in time, or nobody who opens a stream for this key.
pub async fn open(url: &str, key: &str, mode: Mode) -> Result<Socket, End> {
    let late = |_| Err(End::Broken("no connection in time".to_owned()));
    timeout(CONNECT_WITHIN, connect(url, key, mode)).await.unwrap_or_else(late)
}

async fn connect(url: &str, key: &str, mode: Mode) -> Result<Socket, End> {
    // http becomes ws, https becomes wss.
    let url = format!("ws{}/sdk/v1/stream", url.strip_prefix("http").unwrap_or_default());
    let broken = |error: &dyn std::fmt::Display| End::Broken(error.to_string());
    let mut request = url.into_client_request().map_err(|error| broken(&error))?;
    let key = HeaderValue::from_str(&format!("Bearer {key}"));
    let mut key = key.map_err(|_| End::Refused("this key has characters that no key has".to_owned()))?;
    key.set_sensitive(true);
    request.headers_mut().insert("Authorization", key);
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
    let largest = Some(limits::frame(mode));
    let limits = WebSocketConfig::default().max_message_size(largest).max_frame_size(largest);
    // Acks are small, and convergence is measured by them: they don't wait for more to send.
    let connector = match request.uri().scheme_str() {
        Some("wss") => Connector::Rustls(tls::config().await),
        _ => Connector::Plain,
    };
    match connect_async_tls_with_config(request, Some(limits), true, Some(connector)).await {
        Ok((socket, _)) => Ok(socket),
        Err(WsError::Http(response))
            if matches!(
                response.status(),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST
            ) =>
        {
            Err(End::Barred(format!("no stream is opened for this key ({})", response.status())))
        }
        Err(error) => match Obstacle::of_stream(&error) {
            Obstacle::Unreachable => Err(broken(&error)),
            obstacle => Err(End::Hindered(obstacle, error.to_string())),
        },
    }
}

/// Says something.
///
/// # Errors
/// The connection is broken. A server that takes nothing is as good as gone.
pub async fn send(socket: &mut Socket, frame: &ClientFrame) -> Result<(), End> {
    let text = serde_json::to_string(frame).map_err(|error| End::Broken(error.to_string()))?;
    match timeout(CONNECT_WITHIN, socket.send(Message::text(text))).await {
        Ok(sent) => sent.map_err(|error| End::Broken(error.to_string())),
        Err(_) => Err(End::Broken("the server takes nothing".to_owned())),
    }
}
