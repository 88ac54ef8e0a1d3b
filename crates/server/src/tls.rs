//! TLS, where the server ends it itself: by rustls on ring, version 1.2 or newer, for HTTP/1.1 only.
//!
//! The files of the certificate are looked at again and again: what is new in them is shown to who connects from then on,
//! and connections that are open go on. New files that are no good change nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::settings::Settings;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// What is spoken inside: WebSockets are taken out of HTTP/1.1 by hand.
const HTTP: &[u8] = b"http/1.1";

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum NotUsable {
    /// One file only.
    #[error("`tls_certificate` and `tls_key` belong together: `{0}` is not set")]
    Half(&'static str),
    /// A file.
    #[error("{file} can't be read: {cause}")]
    File {
        /// Which.
        file: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file of something else.
    #[error("there is no {what} in {file} that can be used: give one in PEM ({why})")]
    Pem {
        /// What belongs there.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Two files that do not belong together.
    #[error("the key in {key} is not that of the certificate in {certificate}")]
    Strangers {
        /// The one.
        key: PathBuf,
        /// The other.
        certificate: PathBuf,
    },
    /// The rest.
    #[error("TLS can't be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// TLS as it is set.
pub(crate) struct Tls {
    files: Files,
    /// By which it is told whether there is something new in them; nothing where they could not be read.
    seen: Mutex<Option<Mark>>,
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
}

type Mark = [u8; 32];

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What is in the files, and by what it is told from what is there later.
struct Read {
    certificate: Vec<u8>,
    key: Vec<u8>,
    mark: Mark,
}

/// The certificate that is shown now.
#[derive(Debug)]
struct Shown(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Tls {
    /// As the settings have it; none where they name no certificate.
    ///
    /// # Errors
    /// See [`NotUsable`].
    pub(crate) fn open(settings: &Settings) -> Result<Option<Arc<Self>>, NotUsable> {
        let files = match (&settings.tls_certificate, &settings.tls_key) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(NotUsable::Half("tls_key")),
            (None, Some(_)) => return Err(NotUsable::Half("tls_certificate")),
            (Some(certificate), Some(key)) => Files { certificate: certificate.clone(), key: key.clone() },
        };
        let read = files.read()?;
        let shown = Arc::new(Shown(ArcSwap::from_pointee(files.certified(&read)?)));
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![HTTP.to_vec()];
        // Who comes back, all of a venue at once perhaps, need not be shown everything again.
        config.ticketer = ring::Ticketer::new()?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Some(Arc::new(Self { files, seen: Mutex::new(Some(read.mark)), shown, acceptor })))
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// The other side does not, or not in time.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let shaken = timeout(HANDSHAKE, self.acceptor.accept(stream)).await;
        let shaken = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if let Err(error) = &shaken {
            tracing::debug!(%error, "a client did not shake hands");
        }
        shaken
    }

    /// Looks after the files, until the server stops.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let own = Arc::clone(&self);
            // It is looked again in a second, whatever happens to this look.
            drop(tokio::task::spawn_blocking(move || own.look()).await);
        }
    }

    /// Looks at the files once, and shows what is new in them, if it is good.
    fn look(&self) {
        let read = self.files.read();
        let mark = read.as_ref().ok().map(|read| read.mark);
        let seen = std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), mark);
        if mark == seen {
            return;
        }
        match read.and_then(|read| self.files.certified(&read)) {
            Ok(certified) => {
                self.shown.0.store(Arc::new(certified));
                tracing::info!(certificate = %self.files.certificate.display(), "there is a new certificate");
            }
            Err(error) => {
                tracing::error!(%error, "there is a new certificate that is no good; the old one is kept");
            }
        }
    }
}

impl Files {
    fn read(&self) -> Result<Read, NotUsable> {
        let read =
            |file: &Path| fs::read(file).map_err(|cause| NotUsable::File { file: file.to_owned(), cause });
        let (certificate, key) = (read(&self.certificate)?, read(&self.key)?);
        let mark = Sha256::new().chain_update(Sha256::digest(&certificate)).chain_update(&key).finalize();
        Ok(Read { certificate, key, mark: mark.into() })
    }

    fn certified(&self, read: &Read) -> Result<CertifiedKey, NotUsable> {
        let wrong = |what, file: &Path| {
            let file = file.to_owned();
            move |why: String| NotUsable::Pem { what, file, why }
        };
        let chain = CertificateDer::pem_slice_iter(&read.certificate).collect::<Result<Vec<_>, _>>();
        let no_certificate = wrong("certificate", &self.certificate);
        let chain = chain
            .map_err(|error| error.to_string())
            .and_then(|chain| if chain.is_empty() { Err("it holds none".to_owned()) } else { Ok(chain) });
        let chain = chain.map_err(no_certificate)?;
        let no_key = wrong("private key", &self.key);
        let key = PrivateKeyDer::from_pem_slice(&read.key).map_err(|error| error.to_string());
        let key = key.and_then(|key| ring::sign::any_supported_type(&key).map_err(|error| error.to_string()));
        let certified = CertifiedKey::new(chain, key.map_err(no_key)?);
        match certified.keys_match() {
            // A kind of key that can't be compared is found out by who connects.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err(NotUsable::Strangers { key: self.key.clone(), certificate: self.certificate.clone() })
            }
            Err(error) => Err(wrong("certificate", &self.certificate)(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use usher_testkit::authority::Authority;

    use super::*;

    fn settings(authority: &Authority) -> Settings {
        let (certificate, key) = (Some(authority.server.clone()), Some(authority.key.clone()));
        Settings { tls_certificate: certificate, tls_key: key, ..Settings::default() }
    }

    #[test]
    fn a_new_certificate_is_shown_and_one_that_is_no_good_is_not() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (authority, other) = (Authority::new(folder.path()), Authority::new(elsewhere.path()));
        let tls = Tls::open(&settings(&authority)).unwrap().unwrap();
        let shown = || tls.shown.0.load_full();
        let first = shown();
        let keeps = || {
            tls.look();
            Arc::ptr_eq(&first, &shown())
        };
        assert!(keeps());
        fs::write(&authority.server, "no certificate").unwrap();
        assert!(keeps());
        fs::remove_file(&authority.server).unwrap();
        assert!(keeps());
        // One file comes after the other.
        fs::copy(&other.server, &authority.server).unwrap();
        assert!(keeps());
        fs::copy(&other.key, &authority.key).unwrap();
        tls.look();
        assert!(!Arc::ptr_eq(&first, &shown()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (authority, other) = (Authority::new(folder.path()), Authority::new(elsewhere.path()));
        let good = settings(&authority);
        let told = |settings: &Settings, names: &[&Path]| {
            let error = Tls::open(settings).err().unwrap().to_string();
            for name in names {
                assert!(error.contains(&*name.to_string_lossy()), "{error}");
            }
            error
        };
        assert!(Tls::open(&Settings::default()).unwrap().is_none());
        assert!(told(&Settings { tls_key: None, ..good.clone() }, &[]).contains("`tls_key` is not set"));
        let half = Settings { tls_certificate: None, ..good.clone() };
        assert!(told(&half, &[]).contains("`tls_certificate` is not set"));
        let absent = folder.path().join("absent.pem");
        told(&Settings { tls_certificate: Some(absent.clone()), ..good.clone() }, &[&absent]);
        let swapped = Settings { tls_certificate: Some(authority.key.clone()), ..good.clone() };
        assert!(told(&swapped, &[&authority.key]).contains("no certificate"));
        let swapped = Settings { tls_key: Some(authority.server.clone()), ..good.clone() };
        assert!(told(&swapped, &[&authority.server]).contains("no private key"));
        let strange = Settings { tls_key: Some(other.key.clone()), ..good };
        told(&strange, &[&other.key, &authority.server]);
    }
}
