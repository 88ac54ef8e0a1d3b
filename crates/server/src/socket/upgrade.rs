//! From HTTP to a WebSocket.
//!
//! A request to upgrade runs through the same routes, rights and middleware as all others. A handler that wants the
//! socket answers with [`accept`]; once that answer is on the wire, the socket is taken out of HTTP, whose task ends.
//! Any other answer, such as a refusal, is sent as it is, and the connection closed.

use actix_codec::{AsyncRead, AsyncWrite, Framed};
use actix_http::{
    ConnectionType, HttpMessage as _, Request, Response, StatusCode,
    body::{MessageBody, to_bytes},
    h1::{Codec, SendResponse},
    header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL},
    ws::handshake,
};
use actix_web::{
    HttpRequest, HttpResponse,
    dev::{Service, ServiceResponse},
    error::ErrorInternalServerError,
};

use super::{Socket, Stream};

/// Marks a request that comes with its socket.
struct Upgrading;

/// Takes a socket over.
struct Takeover {
    max_bytes: usize,
    serve: Box<dyn FnOnce(Socket)>,
}

/// The answer that makes a WebSocket of a request. `protocol` is agreed on if the client offers it, messages are of
/// `max_bytes` at most, and `serve` gets the socket, to start a task with it.
///
/// # Errors
/// A request that is no proper handshake.
pub(crate) fn accept(
    request: &HttpRequest,
    protocol: Option<&'static str>,
    max_bytes: usize,
    serve: impl FnOnce(Socket) + 'static,
) -> Result<HttpResponse, actix_web::Error> {
    let mut response = handshake(request.head())?;
    if request.extensions().get::<Upgrading>().is_none() {
        return Ok(HttpResponse::UpgradeRequired().finish());
    }
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    if let Some(protocol) = protocol
        && offered.flat_map(|value| value.split(',')).any(|offer| offer.trim() == protocol)
    {
        response.insert_header((SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol)));
    }
    request.extensions_mut().insert(Takeover { max_bytes, serve: Box::new(serve) });
    Ok(response.message_body(().boxed())?.into())
}

/// Answers a request to upgrade with what `routes` say, and hands its socket over if they take it.
pub(crate) async fn upgrading<T, S, B>(
    routes: &S,
    (request, framed): (Request, Framed<T, Codec>),
) -> Result<(), actix_web::Error>
where
    T: AsyncRead + AsyncWrite + Into<Stream> + Unpin,
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody + 'static,
{
    request.extensions_mut().insert(Upgrading);
    let (takeover, response) = match routes.call(request).await {
        Ok(answer) => {
            let (request, response) = answer.into_parts();
            let takeover = request.extensions_mut().remove::<Takeover>();
            (takeover, Response::from(response).map_body(|_, body| body.boxed()))
        }
        Err(error) => (None, error.error_response().into()),
    };
    let takeover = takeover.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS);
    let (mut response, body) = response.into_parts();
    if takeover.is_none() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    // A refusal is small, and an upgrade says nothing more.
    let body = to_bytes(body).await.map_err(ErrorInternalServerError)?;
    let parts = SendResponse::new(framed, response.set_body(body)).await?.into_parts();
    if let Some(Takeover { max_bytes, serve }) = takeover {
        serve(Socket::new(parts.io.into(), parts.read_buf, max_bytes));
    }
    Ok(())
}
