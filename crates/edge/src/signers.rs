//! Whose signatures under contexts are good: an edge checks them itself, so it has to know the keys, without upstream too.
//!
//! Asked once a heartbeat, and at once where a signature is by a key that is not known here: it may be new. Until that
//! was asked whoever shows it is told to come again; after that, that it is nobody's. What was said last is kept on
//! disk: public keys, which are no secrets.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use reqwest::StatusCode;
use tokio::{sync::Notify, time::timeout};
use usher_core::{
    model::{Credential, EnvironmentKey},
    protocol::{SignerBody, SignersBody},
};
use usher_sdk::parts::{Cache, Missing, draw};
use usher_server::{Secret, auth::secret, now, source::Signer, surface::Surface};

use crate::{http::Http, mirror::Mirror};

/// For so long an answer holds for a key that it did not name: somebody who makes keys up must not hammer upstream.
const HOLDS: Duration = Duration::from_secs(1);
/// How soon it is tried again until there is any answer.
const BEGIN_EVERY: Duration = Duration::from_millis(250);

/// Keys that sign contexts, as upstream said last.
#[derive(Default)]
pub(crate) struct Signers {
    /// Nothing before there was any answer, nor a copy on disk.
    known: ArcSwapOption<Vec<Arc<Credential>>>,
    /// When upstream last said so.
    heard: Mutex<Option<Instant>>,
    wanted: Notify,
}

impl Signers {
    /// The key of this name.
    pub(crate) fn find(&self, key: &str) -> Signer {
        let known = self.known.load();
        if let Some(signer) = known.iter().flat_map(|all| all.iter()).find(|own| *own.key == *key) {
            return Signer::Known(Arc::clone(signer));
        }
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.is_some_and(|at| at.elapsed() < HOLDS) {
            return Signer::Unknown;
        }
        self.wanted.notify_one();
        Signer::NotYet
    }

    /// All that are live; none before anything is known.
    pub(crate) fn live(&self) -> Option<Vec<Arc<Credential>>> {
        let known = self.known.load_full()?;
        let now = now();
        Some(known.iter().filter(|signer| signer.is_live(now)).map(Arc::clone).collect())
    }

    /// Takes what was said; gives back the keys that are gone.
    fn take(&self, environment: &EnvironmentKey, said: Vec<SignerBody>) -> Vec<Arc<Credential>> {
        let all: Vec<_> = said.into_iter().map(|own| Arc::new(own.credential(environment.clone()))).collect();
        let before = self.known.load_full();
        let stays = |own: &&Arc<Credential>| !all.iter().any(|new| new.key == own.key);
        let gone = before.iter().flat_map(|before| before.iter()).filter(stays).map(Arc::clone).collect();
        self.known.store(Some(Arc::new(all)));
        gone
    }
}

/// The place of a mirror's signers on disk. Its name says nothing about the key.
pub(crate) fn place(folder: &Path, upstream: &str, key: &str) -> Cache {
    let name = secret::hash(&format!("{upstream}\x1F{key}"));
    Cache::at(folder.join(format!("usher-signers-{}.cache", &name[..32])))
}

/// Asks about one mirror's environment, until the edge stops.
pub(crate) struct Asking {
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) surface: Arc<Surface>,
    pub(crate) http: Http,
    pub(crate) key: Secret,
    pub(crate) cache: Cache,
    pub(crate) every: Duration,
}

impl Asking {
    pub(crate) async fn run(self) {
        let mut kept = match self.cache.read::<SignersBody>() {
            Ok((body, _)) => Some(body),
            Err(Missing::None) => None,
            Err(Missing::Damaged(report)) => {
                tracing::error!(%report, "the copy of who signs contexts is no good");
                None
            }
        };
        loop {
            // Of what environment the mirror is, it knows once it has begun.
            let environment = self.mirror.begun().map(|begun| begun.environment.clone());
            if let (Some(environment), Some(body)) = (&environment, &kept)
                && self.mirror.signers.known.load().is_none()
            {
                self.mirror.signers.take(environment, body.signers.clone());
            }
            let asked = match &environment {
                Some(environment) => self.ask(environment, &mut kept).await,
                None => false,
            };
            let every =
                if asked { self.every.mul_f64(0.75 + draw() / 2.0) } else { BEGIN_EVERY.max(self.every / 8) };
            // Whoever waits for a new key is worth a question, and not more of them than answers hold for.
            let wanted = timeout(every, self.mirror.signers.wanted.notified()).await.is_ok();
            if wanted {
                tokio::time::sleep(if asked { HOLDS / 10 } else { HOLDS }).await;
            }
        }
    }

    async fn ask(&self, environment: &EnvironmentKey, kept: &mut Option<SignersBody>) -> bool {
        let asked = self.http.get("/sdk/v1/signers", self.key.expose()).send().await;
        let body = match asked.and_then(reqwest::Response::error_for_status) {
            // An upstream that is older than this edge does not know the question: nobody signs anything there.
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(SignersBody::default()),
            Ok(answer) => answer.json::<SignersBody>().await,
            Err(error) => Err(error),
        };
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                tracing::debug!(error = %error.without_url(), "who signs contexts is not known anew");
                return false;
            }
        };
        let signers = &self.mirror.signers;
        *signers.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        if kept.as_ref() != Some(&body) || signers.known.load().is_none() {
            for gone in signers.take(environment, body.signers.clone()) {
                tracing::info!(key = %gone.key, "a context key was revoked: streams by its signatures are closed");
                self.surface.close_credential(&gone.key);
            }
            if let Err(error) = self.cache.write(&body, now()) {
                tracing::error!(%error, "who signs contexts can't be written to disk");
            }
            *kept = Some(body);
        }
        true
    }
}
