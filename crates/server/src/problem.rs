//! Errors as the API tells them: RFC 9457 problems, made in one place.
//!
//! What a person can do about it stands in `errors[].mend`; `code` is part of the contract, `detail` is for
//! reading. Internal causes go to the log, never into an answer.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, body::BoxBody, http::StatusCode};
use serde::Serialize;
use usher_core::Problems;
use usher_journal::{AppendError, JournalError};
use utoipa::ToSchema;

use crate::archiving::Asker;

/// A problem, as it is sent.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    #[serde(rename = "type")]
    #[schema(rename = "type")]
    kind: &'static str,
    /// What kind of problem, in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What kind of problem, for programs.
    code: &'static str,
    /// What it is about.
    #[schema(value_type = String)]
    detail: Box<str>,
    /// The fields that can't be accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// At a conflict: what is there now, and who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Box<Current>>,
    /// At a flag that can't be archived yet: who still asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Asker>>)]
    askers: Option<Box<Askers>>,
    #[serde(skip)]
    retry_after: Option<u32>,
}

/// Who still asks for a flag; boxed, for most problems have none.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
struct Askers(Vec<Asker>);

/// One field that can't be accepted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// Its path.
    pub field: String,
    /// What was found there.
    pub value: String,
    /// What is wrong with it.
    pub detail: String,
    /// What can be done.
    pub mend: String,
}

/// What is there now.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Current {
    /// The document, `flag/resale-guard`.
    pub document: String,
    /// Its version; 0 when it is not there.
    pub version: u64,
    /// Who wrote it.
    pub by: String,
    /// When.
    pub at: String,
}

impl Problem {
    /// A problem without more to it.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            code,
            detail: detail.into().into_boxed_str(),
            errors: Vec::new(),
            current: None,
            askers: None,
            retry_after: None,
        }
    }

    /// 404 for a document that is not there.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no {what}."))
    }

    /// 400 for one bad value.
    pub fn bad_value(field: &str, value: impl fmt::Display, detail: &str, mend: &str) -> Self {
        usher_core::Problem::new(field, value, detail, mend).into()
    }

    /// 401: who are you?
    pub fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// 403: not you.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 403: you, but not here.
    pub fn not_in_scope(problem: usher_core::Problem) -> Self {
        let status = StatusCode::FORBIDDEN;
        let title = status.canonical_reason().unwrap_or("Problem");
        Self { title, status: status.as_u16(), code: "not_in_scope", ..Self::from(problem) }
    }

    /// 409: somebody still asks for a flag.
    pub(crate) fn still_asked(detail: String, askers: Vec<Asker>) -> Self {
        let askers = Some(Box::new(Askers(askers)));
        Self { askers, ..Self::new(StatusCode::CONFLICT, "still_asked", detail) }
    }

    /// 500, with the cause in the log only.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on the server; its log tells more.",
        )
    }

    /// Names when to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// When to try again, in seconds, where that is known.
    #[must_use]
    pub fn comes_again_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// Whether it has this status.
    #[must_use]
    pub fn is(&self, status: StatusCode) -> bool {
        self.status == status.as_u16()
    }

    /// The same, of one of many: `at` is where it stands among them, and `name` what it is called.
    #[must_use]
    pub fn within(mut self, at: &str, name: &str) -> Self {
        for error in &mut self.errors {
            error.field = format!("{at}.{}", error.field);
        }
        self.detail = format!("{name}: {}", self.detail).into();
        self
    }

    /// What kind of problem, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What it is about.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// An error with what caused it, in one line.
pub(crate) fn plain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}

impl From<usher_core::Problem> for Problem {
    fn from(problem: usher_core::Problem) -> Self {
        Problems::from(problem).into()
    }
}

impl From<Problems> for Problem {
    fn from(problems: Problems) -> Self {
        let detail = problems.to_string();
        let errors = problems.0.into_iter().map(|one| FieldError {
            field: one.field,
            value: one.value,
            detail: one.detail,
            mend: one.mend,
        });
        Self { errors: errors.collect(), ..Self::new(StatusCode::BAD_REQUEST, "invalid", detail) }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        let detail = error.to_string();
        match error {
            AppendError::Conflict { document, found } => {
                let current = match found {
                    Some((version, actor, at)) => Current {
                        document: document.to_string(),
                        version: version.0,
                        by: actor.name,
                        at: at.to_string(),
                    },
                    None => Current {
                        document: document.to_string(),
                        version: 0,
                        by: String::new(),
                        at: String::new(),
                    },
                };
                let problem = Self::new(StatusCode::PRECONDITION_FAILED, "conflict", detail);
                Self { current: Some(Box::new(current)), ..problem }
            }
            AppendError::KeyReused(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
            }
            AppendError::InProgress => Self::new(StatusCode::CONFLICT, "idempotency_in_progress", detail),
            AppendError::Malformed => Self::new(StatusCode::BAD_REQUEST, "invalid", detail),
            AppendError::Outdated | AppendError::Unavailable(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "journal_unavailable", detail).retry_after(1)
            }
        }
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::NoSuchCommit(seq) => Self::not_found(format!("commit {seq} yet")),
            JournalError::Storage(_) => {
                tracing::error!(%error, "the journal can't be read");
                let detail = error.to_string();
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "journal_unavailable", detail).retry_after(1)
            }
            other => Self::internal(other),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after {
            response.insert_header(("Retry-After", seconds.to_string()));
        }
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        let body = serde_json::to_string(self).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}
