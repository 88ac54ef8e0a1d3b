//! Clients' keys: an edge has no list of them, and asks its upstream, with the key itself.
//!
//! What was answered is kept: a live key until it expires, asked about again while it is in use, so that one that was
//! revoked is closed out within that time; a refused one for a while, so that somebody who tries again and again does
//! not hammer the upstream. Checks of one key that come together are one request. Without the upstream, known keys go
//! on, also after a restart, for hashes of them are on disk; unknown ones are told to come again.

mod again;
mod disk;
mod question;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use tokio::sync::{Notify, Semaphore};
use usher_core::{model::Credential, protocol::KeyBody, signed_context::SECRET_PREFIX};
use usher_sdk::parts::Cache;
use usher_server::{
    Secret,
    auth::secret,
    now,
    problem::Problem,
    source::{Asked, unknown_key},
};

use self::question::{NotHere, QUESTIONS, Said, Why, here};
use crate::{
    http::Http,
    metrics::Metrics,
    relay::{Relay, nothing_yet},
};

/// Keys that are remembered, refused ones included; past that those go first that were refused, then those that have
/// not been used for longest.
const MAX_KEYS: usize = 20_000;
/// Keys that are being asked about, or wait to be; more are told to come again.
const MAX_ASKING: usize = 1_024;
/// For how long it is not asked again after the upstream could not be reached.
const UNREACHABLE_FOR: Duration = Duration::from_secs(1);
/// Lengths that secrets have: nothing else is worth a question.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 20..=200;

/// What is known of a key.
enum Entry {
    Live(Live),
    /// It opens nothing here, until it is asked about again.
    Refused {
        why: Why,
        until: Instant,
    },
}

struct Live {
    /// As the upstream has told.
    told: KeyBody,
    /// What it opens here.
    credential: Arc<Credential>,
    /// To ask again with; not known of a key that was read from the disk, before it is used.
    secret: Option<Secret>,
    checked: Option<Instant>,
    /// Milliseconds since the start of the process.
    used: AtomicU64,
}

/// What is known of clients' keys.
pub(crate) struct Keys {
    http: Http,
    cache: Cache,
    metrics: Metrics,
    check_every: Duration,
    started: Instant,
    all: DashMap<String, Entry>,
    asking: DashMap<String, Arc<tokio::sync::Mutex<()>>>,
    questions: Semaphore,
    changed: Notify,
}

impl Keys {
    pub(crate) fn new(http: Http, folder: &Path, metrics: Metrics, check_seconds: u32) -> Self {
        Self {
            http,
            cache: Cache::at(folder.join("usher-keys.cache")),
            metrics,
            check_every: Duration::from_secs(check_seconds.max(1).into()),
            started: Instant::now(),
            all: DashMap::new(),
            asking: DashMap::new(),
            questions: Semaphore::new(QUESTIONS),
            changed: Notify::new(),
        }
    }

    /// Whose secret it is.
    pub(crate) fn find<'a>(&'a self, relay: &'a Relay, secret: &'a str) -> Asked<'a> {
        if secret.starts_with("uat_") {
            let detail = "This is an API token; here a server or client key is needed.";
            return Asked::Now(Err(Problem::forbidden(detail)));
        }
        if secret.starts_with(SECRET_PREFIX) {
            let detail =
                "This is the secret of a context key, which opens nothing: it stays in your backend.";
            return Asked::Now(Err(Problem::forbidden(detail)));
        }
        if !has_form(secret) {
            return Asked::Now(Err(unknown_key()));
        }
        let hash = secret::hash(secret);
        match self.look(&hash, Some(secret)) {
            Some(answer) => Asked::Now(answer),
            None => Asked::Later(Box::pin(self.ask(relay, secret, hash))),
        }
    }

    /// What is known by now.
    fn look(&self, hash: &str, secret: Option<&str>) -> Option<Result<Arc<Credential>, Problem>> {
        let unarmed = match &*self.all.get(hash)? {
            Entry::Refused { until, .. } if *until <= Instant::now() => return None,
            Entry::Refused { why, .. } => return Some(Err(why.problem())),
            Entry::Live(live) if !live.credential.is_live(now()) => return Some(Err(unknown_key())),
            Entry::Live(live) => {
                live.used.store(self.millis(), Ordering::Relaxed);
                if live.secret.is_some() || secret.is_none() {
                    return Some(Ok(Arc::clone(&live.credential)));
                }
                Arc::clone(&live.credential)
            }
        };
        if let (Some(mut entry), Some(secret)) = (self.all.get_mut(hash), secret)
            && let Entry::Live(live) = &mut *entry
        {
            live.secret = Some(Secret::from(secret.to_owned()));
        }
        Some(Ok(unarmed))
    }

    /// The live credential of this hash; asks nobody.
    pub(crate) fn known(&self, hash: &str) -> Option<Arc<Credential>> {
        self.look(hash, None)?.ok()
    }

    /// The live credential of this name; asks nobody.
    pub(crate) fn named(&self, key: &str) -> Option<Arc<Credential>> {
        self.all.iter().find_map(|entry| match &*entry {
            Entry::Live(live) if *live.credential.key == *key && live.credential.is_live(now()) => {
                live.used.store(self.millis(), Ordering::Relaxed);
                Some(Arc::clone(&live.credential))
            }
            _ => None,
        })
    }

    async fn ask(&self, relay: &Relay, secret: &str, hash: String) -> Result<Arc<Credential>, Problem> {
        if self.asking.len() >= MAX_ASKING && !self.asking.contains_key(&hash) {
            return Err(Why::Unreachable.problem());
        }
        let turn = Arc::clone(&self.asking.entry(hash.clone()).or_default());
        // Whoever asks may go away while it waits.
        let _asking = Asking { keys: self, hash: &hash };
        let _turn = turn.lock().await;
        match self.look(&hash, Some(secret)) {
            // Somebody has asked meanwhile.
            Some(answer) => answer,
            None => {
                let said = self.question(secret).await;
                self.note(relay, &hash, secret, said)
            }
        }
    }

    /// Keeps what the upstream has said of a key that is not known yet.
    fn note(&self, relay: &Relay, hash: &str, secret: &str, said: Said) -> Result<Arc<Credential>, Problem> {
        let (why, lasts) = match said {
            Said::Live(told) => match here(relay, &told, hash) {
                Ok(credential) => {
                    self.put(hash, self.live(told, &credential, Some(secret), Some(Instant::now())));
                    self.changed.notify_one();
                    return if credential.is_live(now()) { Ok(credential) } else { Err(unknown_key()) };
                }
                Err(NotHere::Yet) => return Err(nothing_yet()),
                Err(NotHere::Ever(detail)) => (Why::Elsewhere(detail), self.check_every),
            },
            Said::Refused(why) => (why, self.check_every),
            Said::Unreachable(why) => {
                tracing::warn!(%why, "a key can't be checked: upstream can't be reached");
                (Why::Unreachable, UNREACHABLE_FOR)
            }
        };
        let problem = why.problem();
        self.put(hash, Entry::Refused { why, until: Instant::now() + lasts });
        Err(problem)
    }

    fn live(
        &self,
        told: KeyBody,
        credential: &Arc<Credential>,
        secret: Option<&str>,
        checked: Option<Instant>,
    ) -> Entry {
        Entry::Live(Live {
            told,
            credential: Arc::clone(credential),
            secret: secret.map(|secret| Secret::from(secret.to_owned())),
            checked,
            used: AtomicU64::new(self.millis()),
        })
    }

    fn put(&self, hash: &str, entry: Entry) {
        if self.all.len() >= MAX_KEYS {
            let refused = |entry: &Entry| matches!(entry, Entry::Refused { .. });
            self.all.retain(|_, entry| !refused(entry));
            let used = |entry: &Entry| match entry {
                Entry::Live(live) => live.used.load(Ordering::Relaxed),
                Entry::Refused { .. } => 0,
            };
            if self.all.len() >= MAX_KEYS {
                let oldest = self.all.iter().min_by_key(|entry| used(entry)).map(|entry| entry.key().clone());
                oldest.map(|oldest| self.all.remove(&oldest));
            }
        }
        self.all.insert(hash.to_owned(), entry);
        self.metrics.keys(self.all.len());
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A key that is being asked about, as long as this lives.
struct Asking<'a> {
    keys: &'a Keys,
    hash: &'a str,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.keys.asking.remove(self.hash);
    }
}

/// Whether it looks like the secret of an SDK key.
fn has_form(secret: &str) -> bool {
    let kind = secret.starts_with("usk_") || secret.starts_with("uck_");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    kind && SECRET_BYTES.contains(&secret.len()) && secret.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_key_is_worth_a_question() {
        let key = secret::generate(usher_core::model::CredentialType::Client).unwrap();
        assert!(has_form(&key));
        for bad in [
            "",
            "usk_",
            "uck_short",
            "uat_0123456789012345678901234567890",
            &key[1..],
            &format!("{key} "),
            &format!("{key}\n"),
        ] {
            assert!(!has_form(bad), "{bad}");
        }
        assert!(!has_form(&format!("usk_{}", "x".repeat(500))));
    }
}
