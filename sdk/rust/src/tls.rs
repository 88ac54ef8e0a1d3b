//! Whom a client trusts: what the machine trusts, read once for all clients of a process, and not on their callers'
//! time.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore, crypto::ring};

static TRUSTED: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// TLS as clients speak it. Reading what the machine trusts takes some milliseconds, the first time.
pub(crate) async fn config() -> Arc<ClientConfig> {
    if let Some(config) = TRUSTED.get() {
        return Arc::clone(config);
    }
    let read = tokio::task::spawn_blocking(|| Arc::clone(TRUSTED.get_or_init(|| Arc::new(with(trusted())))));
    // Without threads to read with it is read here.
    read.await.unwrap_or_else(|_| Arc::clone(TRUSTED.get_or_init(|| Arc::new(with(trusted())))))
}

/// For clients that don't speak TLS: trusts nobody, and costs nothing.
pub(crate) fn none() -> ClientConfig {
    with(RootCertStore::empty())
}

fn with(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    #[allow(clippy::expect_used)]
    // Fails only for a provider without the ciphers of TLS, and this one is fixed.
    let builder = versions.expect("ring has the ciphers of TLS 1.2 and 1.3");
    builder.with_root_certificates(roots).with_no_client_auth()
}

fn trusted() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in found.errors {
        tracing::debug!(%error, "what the machine trusts can't be read whole");
    }
    roots.add_parsable_certificates(found.certs);
    // Phones don't let programs read what they trust without Java or Objective-C: Mozilla's list stands in.
    #[cfg(any(target_os = "android", target_os = "ios"))]
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if roots.is_empty() {
        tracing::warn!("this machine trusts no certificate authority: SSL_CERT_FILE can name one");
    }
    roots
}
