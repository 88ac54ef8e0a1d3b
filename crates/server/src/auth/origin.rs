//! Requests that a browser sends on behalf of another site.

use actix_web::{
    HttpRequest,
    http::{Method, header},
};

use crate::problem::Problem;

/// Refuses a request that a browser sends on behalf of another site. `SameSite=Strict` keeps cookies at home
/// already; this holds where a browser does not.
///
/// # Errors
/// 403 for another site's request.
pub fn check_same_origin(request: &HttpRequest) -> Result<(), Problem> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let refused = || Problem::forbidden("This request comes from another site.");
    if let Some(origin) = header("Origin") {
        let host = header(header::HOST.as_str()).unwrap_or_default();
        let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        return if own == Some(host) { Ok(()) } else { Err(refused()) };
    }
    match header("Sec-Fetch-Site") {
        Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(refused()),
        // Neither: not a browser of this decade. Reading is harmless; changing needs a token.
        None if matches!(*request.method(), Method::GET | Method::HEAD) => Ok(()),
        None => Err(refused()),
    }
}
