//! How old an answer may be, in its headers: an edge says so.

use actix_web::{
    HttpResponse,
    http::header::{HeaderName, HeaderValue},
};
use usher_core::protocol::Standing;

const AS_OF: HeaderName = HeaderName::from_static(Standing::HEADERS[0]);
const AGE_MS: HeaderName = HeaderName::from_static(Standing::HEADERS[1]);
const STALE: HeaderName = HeaderName::from_static(Standing::HEADERS[2]);

/// The answer, with how old it may be.
#[must_use]
pub(crate) fn told(mut answer: HttpResponse, standing: Option<Standing>) -> HttpResponse {
    if let Some(Standing { as_of, age_ms, stale }) = standing {
        let headers = answer.headers_mut();
        if let Ok(as_of) = HeaderValue::from_str(&as_of.to_string()) {
            headers.insert(AS_OF, as_of);
        }
        headers.insert(AGE_MS, HeaderValue::from(age_ms));
        if stale {
            headers.insert(STALE, HeaderValue::from_static("true"));
        }
    }
    answer
}
