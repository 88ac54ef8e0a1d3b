//! The body of a request, in full, within the limit of its route.

use std::ops::Deref;

use actix_web::{
    FromRequest, HttpRequest,
    dev::{Decompress, Payload},
    error::PayloadError,
    http::{StatusCode, header},
    web::{Bytes, BytesMut},
};
use futures_util::{FutureExt, Stream, StreamExt, future::LocalBoxFuture};

use crate::problem::Problem;

/// Largest body of the routes that have this among their data, in bytes: as it comes, and when it is unpacked.
pub(crate) struct Limit(pub(crate) usize);

/// The limit of routes that say nothing of one, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// A body that has been read. Another one of it is the same bytes.
#[derive(Clone)]
pub struct Body(Bytes);

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl FromRequest for Body {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = request.app_data::<Limit>().map_or(MAX_BODY_BYTES, |limit| limit.0);
        let (request, payload) = (request.clone(), payload.take());
        async move { Self::read(&request, payload, limit).await }.boxed_local()
    }
}

impl Body {
    /// Reads what `request` is followed by: at most `limit` bytes.
    ///
    /// # Errors
    /// A body that is larger (413), or that can't be read (400).
    pub(crate) async fn read(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Self, Problem> {
        let headers = request.headers();
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let read = if length.is_some_and(|length: usize| length > limit) {
            Err(PayloadError::Overflow)
        } else if headers.contains_key(header::CONTENT_ENCODING) {
            // Boxed: few are packed, and the others would take the room of it too.
            whole(Decompress::from_headers(payload, headers), limit).boxed_local().await
        } else {
            whole(payload, limit).await
        };
        read.map(Self).map_err(|error| match error {
            PayloadError::Overflow => {
                let detail = "This body is too large: send smaller documents, or several commits.";
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
            }
            _ => Problem::bad_value("", "…", "this body can't be read", "Send it whole."),
        })
    }
}

/// All pieces of a stream. Most bodies come in one piece, which is not copied.
async fn whole<S>(mut pieces: S, limit: usize) -> Result<Bytes, PayloadError>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    let (mut first, mut joined) = (Bytes::new(), BytesMut::new());
    while let Some(piece) = pieces.next().await.transpose()? {
        if first.len().max(joined.len()) + piece.len() > limit {
            return Err(PayloadError::Overflow);
        }
        if first.is_empty() {
            first = piece;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&piece);
        }
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

#[cfg(test)]
mod tests {
    use actix_http::BoxedPayloadStream;
    use actix_web::{ResponseError as _, test::TestRequest};
    use futures_util::stream;

    use super::*;

    /// A thousand times `a`, packed with gzip.
    const PACKED: &[u8] =
        b"\x1f\x8b\x08\0\0\0\0\0\x02\x03KL\x1c\x05\xa3`\x14\x0cw\0\0\x03\xda8\x9a\xe8\x03\0\0";

    /// What is read of pieces that come with these headers, or the status it is refused with.
    async fn read(headers: &[(&str, &str)], pieces: &[&[u8]], limit: usize) -> Result<Vec<u8>, u16> {
        let request =
            headers.iter().fold(TestRequest::post(), |request, header| request.insert_header(*header));
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let pieces: BoxedPayloadStream = Box::pin(stream::iter(pieces));
        let read = Body::read(&request.to_http_request(), Payload::from(pieces), limit).await;
        read.map(|body| body.to_vec()).map_err(|problem| problem.error_response().status().as_u16())
    }

    #[tokio::test]
    async fn a_body_is_whole_in_however_many_pieces_it_comes() {
        for pieces in [&[][..], &["one"], &["one", "two"], &["", "one", "", "two", "three"]] {
            let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_bytes()).collect();
            assert_eq!(read(&[], &pieces, 11).await, Ok(pieces.concat()));
        }
    }

    #[tokio::test]
    async fn a_packed_body_is_unpacked() {
        let (head, tail) = PACKED.split_at(12);
        assert_eq!(read(&[("Content-Encoding", "gzip")], &[head, tail], 1_000).await, Ok(vec![b'a'; 1_000]));
        assert_eq!(read(&[("Content-Encoding", "gzip")], &[b"not packed"], 1_000).await, Err(400));
    }

    #[tokio::test]
    async fn no_body_is_larger_than_its_limit() {
        assert_eq!(read(&[], &[b"one", b"two"], 6).await, Ok(b"onetwo".to_vec()));
        assert_eq!(read(&[], &[b"one", b"two"], 5).await, Err(413));
        assert_eq!(read(&[], &[b"one", b"two", b"three"], 10).await, Err(413));
        assert_eq!(read(&[("Content-Length", "6")], &[], 5).await, Err(413), "before anything is read");
        assert_eq!(read(&[("Content-Encoding", "gzip")], &[PACKED], 999).await, Err(413));
    }
}
