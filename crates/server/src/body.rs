//! The body of a request, in full, within the limit of its route.

use std::ops::Deref;

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::StatusCode, web};
use futures_util::{FutureExt, future::Map};

use crate::problem::Problem;

/// A body that has been read.
pub struct Body(web::Bytes);

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl FromRequest for Body {
    type Error = Problem;
    // Named, not boxed: there is one for every request.
    type Future = Map<<web::Bytes as FromRequest>::Future, fn(Read) -> Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        web::Bytes::from_request(request, payload).map(Self::of as fn(Read) -> _)
    }
}

type Read = Result<web::Bytes, actix_web::Error>;

impl Body {
    fn of(read: Read) -> Result<Self, Problem> {
        read.map(Self).map_err(|error| {
            if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE {
                let detail = "This body is too large: send smaller documents, or several commits.";
                return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail);
            }
            Problem::bad_value("", "…", "this body can't be read", "Send it whole.")
        })
    }
}
