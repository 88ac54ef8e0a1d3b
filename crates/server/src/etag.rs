//! Entity tags: an answer that the asker has already is not sent again.

use actix_web::{HttpRequest, HttpResponse, http::header};
use xxhash_rust::xxh3::xxh3_128;

/// The tag of a text: over the whole of it, so that any difference in the answer makes another tag.
#[must_use]
pub(crate) fn of(text: &str) -> String {
    format!("\"{:032x}\"", xxh3_128(text.as_bytes()))
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

/// 304.
#[must_use]
pub(crate) fn not_modified(tag: &str) -> HttpResponse {
    HttpResponse::NotModified().insert_header(("ETag", tag)).finish()
}

/// `text` as JSON with its tag, or 304.
#[must_use]
pub(crate) fn answer(request: &HttpRequest, text: String) -> HttpResponse {
    let tag = of(&text);
    if matches(request, &tag) {
        return not_modified(&tag);
    }
    HttpResponse::Ok()
        .insert_header(("ETag", tag))
        .insert_header(("Cache-Control", "private, no-cache"))
        .content_type("application/json")
        .body(text)
}
