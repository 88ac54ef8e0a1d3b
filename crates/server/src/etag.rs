//! Entity tags: an answer that the asker has already is not sent again.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName, HeaderValue},
};
use xxhash_rust::xxh3::xxh3_128;

use crate::auth::secret::hex;

/// Who asked may keep it, and asks again before it is used.
const KEPT: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The tag of a text: over the whole of it, so that any difference in the answer makes another tag.
#[must_use]
pub(crate) fn of(text: &[u8]) -> String {
    ["\"", &hex(&xxh3_128(text).to_be_bytes()), "\""].concat()
}

/// Whether the asker has `tag` already (`If-None-Match`, compared weakly as RFC 9110 asks).
#[must_use]
pub(crate) fn matches(request: &HttpRequest, tag: &str) -> bool {
    let known = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    known.flat_map(|list| list.split(',')).any(|own| {
        let own = own.trim();
        own == "*" || own.strip_prefix("W/").unwrap_or(own) == tag
    })
}

/// 304, with the headers that the whole answer would have.
#[must_use]
pub(crate) fn not_modified(tag: &str) -> HttpResponse {
    HttpResponse::NotModified().insert_header((header::ETAG, tag)).insert_header(KEPT).finish()
}

/// `text` as JSON with its tag, or 304.
#[must_use]
pub(crate) fn answer(request: &HttpRequest, text: Vec<u8>) -> HttpResponse {
    let tag = of(&text);
    answer_as(request, &tag, text)
}

/// `text` as JSON with a tag that stands for what matters in it, or 304.
#[must_use]
pub(crate) fn answer_as(request: &HttpRequest, tag: &str, text: Vec<u8>) -> HttpResponse {
    if matches(request, tag) { not_modified(tag) } else { tagged(tag, text) }
}

/// `text` as JSON with this tag, whatever the asker has.
#[must_use]
pub(crate) fn tagged(tag: &str, text: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::ETAG, tag))
        .insert_header(KEPT)
        .insert_header((header::CONTENT_TYPE, JSON))
        .body(text)
}
