//! The body of a request, in full, within the limit of its route.

use std::{future::Future, ops::Deref, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::StatusCode, web};

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
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let reading = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            reading.await.map(Self).map_err(|error| {
                if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE {
                    let detail = "This body is too large: send smaller documents, or several commits.";
                    return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail);
                }
                Problem::bad_value("", "…", "this body can't be read", "Send it whole.")
            })
        })
    }
}
