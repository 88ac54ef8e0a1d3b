//! What keeps a client from its server: told apart, because each is mended by somebody else.

use reqwest::{StatusCode, header::HeaderMap};
use rustls::{CertificateError, Error as TlsError};
use tokio_tungstenite::tungstenite::Error as WsError;

/// What keeps a client from its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Nobody answers: no network, no name, no connection, or one that broke.
    Unreachable,
    /// Somebody else answers: a captive portal that wants a sign-in first, or a proxy with a page of its own.
    Portal,
    /// Somebody else's certificate: TLS is intercepted, or the server's authority is not one that is trusted here.
    Intercepted,
    /// The server's certificate is not valid at the time that this device's clock shows: the clock is wrong, or the
    /// certificate has run out.
    Clock,
    /// The server answers, but not as it should: it is overloaded, being replaced, or of another version.
    Unwell,
    /// The server refuses this key or this context.
    Refused,
}

impl Obstacle {
    /// Whether it is somebody else who answers, so that there is no server to be expected behind this network.
    #[must_use]
    pub fn is_foreign(self) -> bool {
        matches!(self, Self::Portal | Self::Intercepted | Self::Clock)
    }

    /// What is in the way of an answer with this status, which was none that is expected.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let foreign = status.is_success()
            || status.is_redirection()
            || status == StatusCode::NETWORK_AUTHENTICATION_REQUIRED;
        if foreign { Self::Portal } else { Self::Unwell }
    }

    /// What is in the way of a stream that could not be opened.
    pub(crate) fn of_stream(error: &WsError) -> Self {
        match error {
            WsError::Http(response) => Self::of_status(response.status()),
            error => Self::of(error),
        }
    }

    /// What is in the way, by an error and what caused it.
    pub(crate) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(tls) = tls_error(error) {
                return match tls {
                    TlsError::InvalidCertificate(
                        CertificateError::Expired
                        | CertificateError::ExpiredContext { .. }
                        | CertificateError::NotValidYet
                        | CertificateError::NotValidYetContext { .. },
                    ) => Self::Clock,
                    TlsError::InvalidCertificate(_) => Self::Intercepted,
                    // What is not TLS at all is a portal's page on the wrong port.
                    TlsError::InvalidMessage(_) => Self::Portal,
                    _ => Self::Unreachable,
                };
            }
            next = error.source();
        }
        Self::Unreachable
    }
}

/// The TLS error that an error is; one of input and output shows its cause's cause, not its cause.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a TlsError> {
    let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let within = within.map(|inner| inner as &(dyn std::error::Error + 'static));
    match within {
        Some(inner) => tls_error(inner),
        None => error.downcast_ref::<TlsError>(),
    }
}

/// Whether an answer is in a form that a server of ours gives: JSON, or a problem. Pages of others are not.
pub(crate) fn is_ours(headers: &HeaderMap) -> bool {
    let kind = headers.get(reqwest::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| {
        kind.starts_with("application/json") || kind.starts_with("application/problem+json")
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn tls_errors_are_found_however_deep_they_are() {
        let unknown = || TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, unknown()));
        assert_eq!(Obstacle::of(&wrapped), Obstacle::Intercepted);
        assert_eq!(Obstacle::of_stream(&WsError::Io(wrapped)), Obstacle::Intercepted);
        let old = io::Error::other(TlsError::InvalidCertificate(CertificateError::NotValidYet));
        assert_eq!(Obstacle::of(&old), Obstacle::Clock);
        assert_eq!(Obstacle::of(&io::Error::from(io::ErrorKind::ConnectionRefused)), Obstacle::Unreachable);
    }

    #[test]
    fn who_answers_shows_in_the_status() {
        for (status, obstacle) in [
            (200, Obstacle::Portal),
            (302, Obstacle::Portal),
            (511, Obstacle::Portal),
            (404, Obstacle::Unwell),
            (503, Obstacle::Unwell),
        ] {
            assert_eq!(Obstacle::of_status(StatusCode::from_u16(status).unwrap()), obstacle, "{status}");
        }
    }
}
