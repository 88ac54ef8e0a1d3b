//! A certificate authority of one's own, for servers on this machine.
// A fixture that breaks should fail loudly.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Files of an authority and of one server that it vouches for, in PEM.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The authority's certificate: what clients are to trust.
    pub certificate: PathBuf,
    /// The server's certificate.
    pub server: PathBuf,
    /// The server's private key.
    pub key: PathBuf,
}

impl Authority {
    /// Makes one in this folder, for a server at `localhost` and `127.0.0.1`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&own).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let server = CertificateParams::new(names).unwrap();
        let server = server.signed_by(&key, &Issuer::new(params, own)).unwrap();
        let write = |name: &str, pem: String| {
            let file = folder.join(name);
            std::fs::write(&file, pem).unwrap();
            file
        };
        Self {
            certificate: write("authority.pem", certificate.pem()),
            server: write("server.pem", server.pem()),
            key: write("server.key", key.serialize_pem()),
        }
    }
}
