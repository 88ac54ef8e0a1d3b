//! What is refused to somebody is told in the log, so that who tries doors is seen.

use std::net::IpAddr;

use actix_web::{
    HttpRequest, ResponseError as _,
    http::{
        StatusCode,
        header::{AUTHORIZATION, COOKIE},
    },
};

use usher_core::model::Credential;

use crate::{problem::Problem, rates::Rates, sdk::signed::is_about_signed_context};

/// Where a context came from.
pub struct Whence {
    /// The address.
    pub address: IpAddr,
    /// The route.
    pub path: String,
}

impl Whence {
    /// That of a request.
    #[must_use]
    pub fn of(request: &HttpRequest, rates: &Rates) -> Self {
        Self { address: rates.address(request), path: request.path().to_owned() }
    }
}

/// Notes that a context was refused for what it claims: never the context, nor what was signed of it.
pub fn note_context(whence: &Whence, credential: &Credential, problem: &Problem) {
    if is_about_signed_context(problem) {
        tracing::warn!(
            target: "usher::audit", path = whence.path, address = %whence.address, key = %credential.key,
            code = problem.code(), "a signed context was refused"
        );
    }
}

/// Notes that a request was refused for who sent it: never what it was sent with, nor its query, which may hold a
/// token. One without any credentials is nobody yet, as browsers are before they sign in.
pub fn note(request: &HttpRequest, rates: &Rates, problem: &Problem) {
    let status = problem.status_code();
    let is_nobody = !request.headers().contains_key(AUTHORIZATION) && !request.headers().contains_key(COOKIE);
    if status == StatusCode::FORBIDDEN || (status == StatusCode::UNAUTHORIZED && !is_nobody) {
        tracing::warn!(
            target: "usher::audit", method = %request.method(), path = request.path(),
            address = %rates.address(request), code = problem.code(), "a request was refused"
        );
    }
}
