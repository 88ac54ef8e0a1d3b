//! TLS of a server or an edge.

use std::path::PathBuf;

use figment::{Figment, providers::Serialized};

/// A certificate to show.
#[derive(Debug, clap::Args)]
pub struct Tls {
    /// A certificate, and those that vouch for it, in PEM: with it, only TLS is spoken.
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
}

impl Tls {
    /// Settings with what is told here.
    pub fn over(&self, mut figment: Figment) -> Figment {
        for (name, file) in [("tls_certificate", &self.tls_certificate), ("tls_key", &self.tls_key)] {
            if let Some(file) = file {
                figment = figment.merge(Serialized::default(name, file));
            }
        }
        figment
    }
}
