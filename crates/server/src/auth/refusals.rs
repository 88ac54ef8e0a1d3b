//! What is refused to somebody is told in the log, so that who tries doors is seen.

use actix_web::{
    HttpRequest, ResponseError as _,
    http::{
        StatusCode,
        header::{AUTHORIZATION, COOKIE},
    },
};

use crate::{problem::Problem, rates::Rates};

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
