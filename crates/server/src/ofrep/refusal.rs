//! What is refused, in OFREP's form: `errorCode`, `errorDetails`, and the flag's key where one was asked for.
//!
//! The published document gives a body to 400, 404 and 500 only. 401, 403, 413 and 429 have the same one, so that a
//! client that shows `errorDetails` can always say why.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use serde::Serialize;
use usher_core::ErrorCode;

use crate::problem::Problem;

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: ErrorCode,
    details: String,
    key: Option<String>,
    /// In seconds.
    retry_after: Option<u32>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: ErrorCode, details: impl Into<String>) -> Self {
        Self { status, code, details: details.into(), key: None, retry_after: None }
    }

    /// With the key of the flag that was asked for.
    pub(super) fn of(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    /// With the time after which to ask again, in seconds.
    pub(super) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    pub(super) fn answer(&self) -> HttpResponse<BoxBody> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            key: Option<&'a str>,
            error_code: &'static str,
            error_details: &'a str,
        }
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
        response.json(Body {
            key: self.key.as_deref(),
            error_code: self.code.as_str(),
            error_details: &self.details,
        })
    }
}

/// Of what the rest of the server says; contexts that can't be taken are told apart where they are read.
impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let retry_after = problem.comes_again_after();
        Self { retry_after, ..Self::new(problem.status_code(), ErrorCode::General, problem.detail()) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.details)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.answer()
    }
}
