//! Headers that answers carry: all of them, or those that a browser may show as a page.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderName, HeaderValue},
    middleware::{DefaultHeaders, Next},
    web,
};

use crate::surface::Surface;

/// What a page may do: run its own scripts, ask its own server, and nothing else. Styles may be set inline,
/// because the component library measures and places with style attributes; scripts may not.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

const FOR_PAGES: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// A body is what its type says, and no browser may think otherwise.
pub(crate) const NOSNIFF: (HeaderName, HeaderValue) =
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// What nobody opens as a page carries, and there are many of those answers.
pub(crate) fn for_programs() -> DefaultHeaders {
    DefaultHeaders::new().add(NOSNIFF)
}

/// Browsers come over TLS from now on, for a year, whatever a link says. Sent where TLS ends here; else it is the proxy's.
const ONLY_TLS: (HeaderName, HeaderValue) =
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));

/// What everything else carries.
///
/// # Errors
/// Those of the handler.
pub(crate) async fn for_pages<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let ends_tls = request.app_data::<web::Data<Surface>>().is_some_and(|own| own.settings.ends_tls());
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    for (name, value) in [NOSNIFF].into_iter().chain(FOR_PAGES).chain(ends_tls.then_some(ONLY_TLS)) {
        headers.insert(name, value);
    }
    Ok(response)
}
