//! Clients' keys: an edge has no list of them, and asks its upstream, with the key itself.
//!
//! What was answered is kept: a live key until it expires, asked about again while it is in use, so that one that was
//! revoked is closed out within that time; a refused one for a while, so that somebody who tries again and again does
//! not hammer the upstream. Checks of one key that come together are one request. Without the upstream, known keys go
//! on, also after a restart, for hashes of them are on disk; unknown ones are told to come again.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore};
use usher_core::{
    model::{Credential, VenueKey},
    protocol::KeyBody,
};
use usher_sdk::parts::{Cache, Missing};
use usher_server::{
    Secret,
    auth::secret,
    now,
    problem::Problem,
    source::{Asked, unknown_key},
    surface::Surface,
};

use crate::{
    http::Http,
    metrics::Metrics,
    relay::{Place, Relay, elsewhere, nothing_yet},
};

/// Keys that are remembered, refused ones included; past that those go first that were refused, then those that have
/// not been used for longest.
const MAX_KEYS: usize = 20_000;
/// Keys that are being asked about, or wait to be; more are told to come again.
const MAX_ASKING: usize = 1_024;
/// Questions to the upstream at a time.
const QUESTIONS: usize = 32;
/// For how long it is not asked again after the upstream could not be reached.
const UNREACHABLE_FOR: Duration = Duration::from_secs(1);
/// When a client may come again whose key can't be checked now, in seconds.
const COME_AGAIN_SECONDS: u32 = 2;
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

/// Why a key opens nothing.
#[derive(Clone)]
enum Why {
    Unknown,
    Forbidden(String),
    Elsewhere(String),
    Unreachable,
}

/// A live key on disk.
#[derive(Serialize, Deserialize)]
struct Kept {
    hash: String,
    told: KeyBody,
}

/// What the upstream has said.
enum Said {
    Live(KeyBody),
    Refused(Why),
    Unreachable(String),
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

    /// Asks the upstream.
    async fn question(&self, secret: &str) -> Said {
        // The semaphore is never closed.
        let _place = self.questions.acquire().await;
        let said = match self.http.get("/sdk/v1/key", secret).send().await {
            Ok(answer) => match answer.status().as_u16() {
                200 => match answer.json::<KeyBody>().await {
                    Ok(told) => Said::Live(told),
                    Err(error) => Said::Unreachable(format!("its answer can't be read: {error}")),
                },
                401 => Said::Refused(Why::Unknown),
                403 => Said::Refused(Why::Forbidden(detail(answer).await)),
                421 => Said::Refused(Why::Elsewhere(detail(answer).await)),
                status => Said::Unreachable(format!("it answered {status}")),
            },
            Err(error) => Said::Unreachable(error.without_url().to_string()),
        };
        self.metrics.checked(match &said {
            Said::Live(_) => "live",
            Said::Refused(_) => "refused",
            Said::Unreachable(_) => "unreachable",
        });
        said
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

    /// Asks about keys again that are in use, for ever.
    pub(crate) async fn keep_checking(self: Arc<Self>, relay: Arc<Relay>, surface: Arc<Surface>) {
        let mut tick = tokio::time::interval(self.check_every / 6);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let own = &self;
            let ask = |(hash, secret): (String, Secret)| async move {
                let said = own.question(secret.expose()).await;
                (hash, said)
            };
            let mut asked = stream::iter(self.due()).map(ask).buffer_unordered(QUESTIONS);
            while let Some((hash, said)) = asked.next().await {
                match said {
                    Said::Live(told) => self.renew(&relay, &hash, told),
                    Said::Refused(why) => self.refuse(&hash, why, &surface),
                    // What was true when it was last asked is the best that is known.
                    Said::Unreachable(_) => break,
                }
            }
        }
    }

    /// Keys that are in use and were last asked about a while ago.
    fn due(&self) -> Vec<(String, Secret)> {
        let recently = self.millis().saturating_sub(millis_of(self.check_every * 2));
        // A round comes after the time it takes to get there: so that the promised time is kept, it is asked earlier.
        let old =
            |checked: Option<Instant>| checked.is_none_or(|at| at.elapsed() >= self.check_every.mul_f64(0.8));
        let due = self.all.iter().filter_map(|entry| match &*entry {
            Entry::Live(live) if old(live.checked) && live.used.load(Ordering::Relaxed) >= recently => {
                Some((entry.key().clone(), live.secret.clone()?))
            }
            _ => None,
        });
        due.collect()
    }

    fn renew(&self, relay: &Relay, hash: &str, told: KeyBody) {
        let Ok(credential) = here(relay, &told, hash) else { return };
        if let Some(mut entry) = self.all.get_mut(hash)
            && let Entry::Live(live) = &mut *entry
        {
            if live.told != told {
                (live.told, live.credential) = (told, credential);
                self.changed.notify_one();
            }
            live.checked = Some(Instant::now());
        }
    }

    fn refuse(&self, hash: &str, why: Why, surface: &Surface) {
        let until = Instant::now() + self.check_every;
        if let Some(Entry::Live(live)) = self.all.insert(hash.to_owned(), Entry::Refused { why, until }) {
            tracing::info!(key = %live.credential.key, "a key was revoked: its streams are closed");
            surface.close_credential(&live.credential.key);
            self.changed.notify_one();
        }
    }

    /// What is on disk: hashes, never secrets.
    pub(crate) fn read(&self, relay: &Relay) {
        match self.cache.read::<Vec<Kept>>() {
            Ok((kept, _)) => {
                for Kept { hash, told } in kept.into_iter().take(MAX_KEYS) {
                    // Of an environment that was relayed, and is not any more, nothing is known.
                    if let Ok(credential) = here(relay, &told, &hash) {
                        self.put(&hash, self.live(told, &credential, None, None));
                    }
                }
            }
            Err(Missing::None) => {}
            Err(Missing::Damaged(report)) => tracing::error!(%report, "the known keys on disk are no good"),
        }
    }

    /// Writes what is known whenever that has changed, for ever.
    pub(crate) async fn keep_writing(self: Arc<Self>) {
        loop {
            self.changed.notified().await;
            // What changes at once is written at once.
            tokio::time::sleep(Duration::from_millis(250)).await;
            self.write().await;
        }
    }

    pub(crate) async fn write(self: &Arc<Self>) {
        let own = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || {
            let kept = own.all.iter().filter_map(|entry| match &*entry {
                Entry::Live(live) => Some(Kept { hash: entry.key().clone(), told: live.told.clone() }),
                Entry::Refused { .. } => None,
            });
            own.cache.write(&kept.collect::<Vec<_>>(), now())
        });
        if let Err(error) = written.await.map_err(std::io::Error::other).and_then(|written| written) {
            tracing::error!(%error, "the known keys can't be written to disk");
        }
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

/// Why a live key opens nothing here.
enum NotHere {
    /// It is not known yet whether it does.
    Yet,
    /// It never does.
    Ever(String),
}

/// What a live key opens here: what it is for, of what is relayed.
fn here(relay: &Relay, told: &KeyBody, hash: &str) -> Result<Arc<Credential>, NotHere> {
    let begun = match relay.place(&told.environment) {
        Place::Here(begun) => begun,
        Place::NotYet => return Err(NotHere::Yet),
        Place::Elsewhere => {
            return Err(NotHere::Ever(format!(
                "This edge does not relay {}: ask another edge, or the server.",
                told.environment
            )));
        }
    };
    let mut credential = told.clone().credential(hash.to_owned());
    if !begun.venues.is_empty() {
        let both = |venue: &&VenueKey| credential.venues.is_empty() || credential.venues.contains(venue);
        credential.venues = begun.venues.iter().filter(both).cloned().collect();
        if credential.venues.is_empty() {
            let detail =
                "This edge relays none of the venues that this key is for: ask another, or the server.";
            return Err(NotHere::Ever(detail.to_owned()));
        }
    }
    Ok(Arc::new(credential))
}

/// Whether it looks like the secret of an SDK key.
fn has_form(secret: &str) -> bool {
    let kind = secret.starts_with("usk_") || secret.starts_with("uck_");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    kind && SECRET_BYTES.contains(&secret.len()) && secret.bytes().all(plain)
}

fn millis_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What a problem is about, in the upstream's words.
async fn detail(answer: reqwest::Response) -> String {
    #[derive(Deserialize)]
    struct Told {
        detail: String,
    }
    let told = answer.json::<Told>().await;
    told.map_or_else(|_| "Upstream refuses this key.".to_owned(), |told| told.detail)
}

impl Why {
    fn problem(&self) -> Problem {
        match self {
            Self::Unknown => unknown_key(),
            Self::Forbidden(detail) => Problem::forbidden(detail.clone()),
            Self::Elsewhere(detail) => elsewhere(detail.clone()),
            Self::Unreachable => {
                let detail = "This key can't be checked now: upstream can't be reached. Come again.";
                let status = actix_web::http::StatusCode::SERVICE_UNAVAILABLE;
                Problem::new(status, "upstream_unreachable", detail).retry_after(COME_AGAIN_SECONDS)
            }
        }
    }
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
