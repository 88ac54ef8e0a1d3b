//! The keys that sign access tokens: the newest signs, the one before is taken until what it signed has expired.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use usher_core::model::Timestamp;
use usher_journal::Fleet;

use crate::{
    auth::{secret, shelf::Shelf},
    clock,
    disk::{blocking, replace_private},
    problem::Problem,
};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// How old a key becomes before another takes its place.
const LONGEST_MILLIS: i64 = 30 * 24 * 60 * 60 * 1000;
/// How often it is looked whether another node has made a new key, where a token names one that is not known.
const LOOK: Duration = Duration::from_secs(1);
/// Characters of the hash by which a token names its key.
const ID_CHARACTERS: usize = 16;
/// The file of a server's own keys.
const FILE: &str = "session.key";
/// Where nodes that share a journal keep theirs.
const SHELF: &str = "signing";
const NAME: &str = "keys";

/// A key, and since when it signs.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Key {
    key: String,
    made_at: Timestamp,
}

impl Key {
    fn new(key: &[u8; KEY_BYTES], made_at: Timestamp) -> Self {
        Self { key: URL_SAFE_NO_PAD.encode(key), made_at }
    }

    fn bytes(&self) -> Vec<u8> {
        // Checked when the ring was read.
        URL_SAFE_NO_PAD.decode(&self.key).unwrap_or_default()
    }

    fn id(&self) -> String {
        secret::hash(&format!("usher session key {}", self.key))[..ID_CHARACTERS].to_owned()
    }
}

/// Keys, newest first.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ring(Vec<Key>);

impl Ring {
    /// A ring of one key.
    #[must_use]
    pub fn of(key: &[u8; KEY_BYTES], now: Timestamp) -> Self {
        Self(vec![Key::new(key, now)])
    }

    /// Opens the keys in `folder`, or makes one that only its owner can read.
    ///
    /// # Errors
    /// The file can't be read or written, or does not hold keys.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => Self::read(&bytes).ok_or_else(|| {
                let message =
                    format!("{} does not hold keys: remove it, and people sign in again", path.display());
                io::Error::new(io::ErrorKind::InvalidData, message)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let ring = Self::of(&random()?, clock::now());
                replace_private(&path, &serde_json::to_vec(&ring)?)?;
                Ok(ring)
            }
            Err(error) => Err(error),
        }
    }

    /// Of a file: JSON, or the bytes of the one key that earlier versions had.
    fn read(bytes: &[u8]) -> Option<Self> {
        if let Ok(key) = bytes.try_into() {
            return Some(Self::of(key, Timestamp::EPOCH));
        }
        let ring: Self = serde_json::from_slice(bytes).ok()?;
        let good = !ring.0.is_empty() && ring.0.iter().all(|key| key.bytes().len() == KEY_BYTES);
        good.then_some(ring)
    }

    /// A key of its own for another purpose: what is signed for one is nothing to the other.
    #[must_use]
    pub fn key_for(&self, purpose: &str) -> [u8; KEY_BYTES] {
        Sha256::new().chain_update(purpose).chain_update(self.newest().1).finalize().into()
    }

    /// Name and bytes of the key that signs.
    fn newest(&self) -> (String, Vec<u8>) {
        self.0.first().map(|key| (key.id(), key.bytes())).unwrap_or_default()
    }

    /// The key of this name, if what it signs is taken: one that was replaced is, for as long as the last token that it
    /// signed, so that whoever has got hold of it can't go on signing.
    fn named(&self, id: &str, now: Timestamp, access_millis: i64) -> Option<Vec<u8>> {
        let place = self.0.iter().position(|key| key.id() == id)?;
        let replaced = place.checked_sub(1).map(|next| self.0[next].made_at);
        let good = replaced.is_none_or(|at| now.since(at) < access_millis);
        good.then(|| self.0[place].bytes())
    }

    /// The same with a new key. Those that nothing is taken from any more go.
    fn rotated(&self, key: &[u8; KEY_BYTES], now: Timestamp, access_millis: i64) -> Self {
        let old = self.0.iter().filter(|key| self.named(&key.id(), now, access_millis).is_some());
        Self(std::iter::once(Key::new(key, now)).chain(old.cloned()).collect())
    }

    fn is_old(&self, now: Timestamp) -> bool {
        self.0.first().is_none_or(|key| now.since(key.made_at) >= LONGEST_MILLIS)
    }
}

/// Where the keys are kept.
enum Place {
    File(PathBuf),
    Shared(Shelf),
}

/// The keys of a server, or of all that share a journal.
pub struct Keys {
    place: Place,
    ring: RwLock<Ring>,
    looked: Mutex<Instant>,
    rotating: tokio::sync::Mutex<()>,
    access_millis: i64,
}

impl Keys {
    /// The keys in a folder.
    ///
    /// # Errors
    /// See [`Ring::open`].
    pub fn open(folder: &Path, access_millis: i64) -> io::Result<Self> {
        Ok(Self::with(Place::File(folder.join(FILE)), Ring::open(folder)?, access_millis))
    }

    /// The keys that all nodes share, which begin with `first`.
    ///
    /// # Errors
    /// They can't be read.
    pub async fn shared(
        fleet: Arc<dyn Fleet>,
        first: [u8; KEY_BYTES],
        access_millis: i64,
    ) -> Result<Self, Problem> {
        let shelf = Shelf::shared(fleet, SHELF);
        let begin =
            |found: &mut Option<Ring>| found.get_or_insert_with(|| Ring::of(&first, clock::now())).clone();
        let ring = shelf.change(NAME, begin).await?;
        Ok(Self::with(Place::Shared(shelf), ring, access_millis))
    }

    fn with(place: Place, ring: Ring, access_millis: i64) -> Self {
        Self {
            place,
            ring: RwLock::new(ring),
            looked: Mutex::new(Instant::now()),
            rotating: tokio::sync::Mutex::default(),
            access_millis,
        }
    }

    /// The keys as they are known here.
    pub fn ring(&self) -> Ring {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Name and bytes of the key that signs.
    pub fn newest(&self) -> (String, Vec<u8>) {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).newest()
    }

    /// The key of this name, if what it signs is taken.
    pub async fn named(&self, id: &str, now: Timestamp) -> Option<Vec<u8>> {
        let here =
            || self.ring.read().unwrap_or_else(PoisonError::into_inner).named(id, now, self.access_millis);
        if let Some(key) = here() {
            return Some(key);
        }
        if matches!(self.place, Place::Shared(_)) && self.may_look() {
            drop(self.look().await);
        }
        here()
    }

    /// A new key signs from now on.
    ///
    /// # Errors
    /// It can't be kept; then the old one goes on.
    pub async fn rotate(&self, now: Timestamp) -> Result<(), Problem> {
        self.rotate_if(now, |_| true).await
    }

    /// Hears of keys that other nodes have made, and replaces one that has become old.
    ///
    /// # Errors
    /// They can't be read or kept now.
    pub async fn tend(&self, now: Timestamp) -> Result<(), Problem> {
        self.look().await?;
        if self.ring().is_old(now) {
            self.rotate_if(now, |ring| ring.is_old(now)).await?;
        }
        Ok(())
    }

    async fn rotate_if(&self, now: Timestamp, due: impl Fn(&Ring) -> bool) -> Result<(), Problem> {
        let _rotating = self.rotating.lock().await;
        let key = random().map_err(Problem::internal)?;
        let ring = match &self.place {
            Place::File(path) => {
                let ring = self.ring();
                if !due(&ring) {
                    return Ok(());
                }
                let ring = ring.rotated(&key, now, self.access_millis);
                let (path, bytes) = (path.clone(), serde_json::to_vec(&ring).map_err(Problem::internal)?);
                blocking(move || replace_private(&path, &bytes)).await.map_err(Problem::internal)?;
                ring
            }
            Place::Shared(shelf) => {
                let turn = |found: &mut Option<Ring>| {
                    let ring = found.get_or_insert_with(|| self.ring());
                    if due(ring) {
                        *ring = ring.rotated(&key, now, self.access_millis);
                    }
                    ring.clone()
                };
                shelf.change(NAME, turn).await?
            }
        };
        self.take(ring);
        tracing::info!(target: "usher::audit", key = self.newest().0, "a new key signs sessions");
        Ok(())
    }

    async fn look(&self) -> Result<(), Problem> {
        if let Place::Shared(shelf) = &self.place
            && let Some(ring) = shelf.get(NAME).await?
        {
            self.take(ring);
        }
        Ok(())
    }

    fn may_look(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let may = looked.elapsed() >= LOOK;
        if may {
            *looked = Instant::now();
        }
        may
    }

    fn take(&self, ring: Ring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
    }
}

fn random() -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: i64 = 600_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_key_that_was_replaced_is_taken_until_its_last_token_has_expired() {
        let first = Ring::of(&[1; 32], at(0));
        let old = first.newest().0;
        let ring = first.rotated(&[2; 32], at(1_000), ACCESS);
        assert_ne!(ring.newest().0, old);
        assert!(ring.named(&old, at(1_000 + ACCESS - 1), ACCESS).is_some());
        assert!(ring.named(&old, at(1_000 + ACCESS), ACCESS).is_none());
        assert!(ring.named(&ring.newest().0, at(i64::MAX), ACCESS).is_some());
        assert!(ring.named("0123456789abcdef", at(1_000), ACCESS).is_none());
        // What is not taken any more is not kept either.
        assert_eq!(ring.rotated(&[3; 32], at(2_000), ACCESS).0.len(), 3);
        assert_eq!(ring.rotated(&[3; 32], at(1_000 + ACCESS), ACCESS).0.len(), 2);
    }

    #[test]
    fn a_key_of_an_earlier_version_is_read_and_soon_replaced() {
        let ring = Ring::read(&[7; 32]).unwrap();
        assert_eq!(ring.newest().1, [7; 32]);
        assert!(ring.is_old(at(LONGEST_MILLIS)));
        let written = serde_json::to_vec(&ring).unwrap();
        assert_eq!(Ring::read(&written).unwrap().newest(), ring.newest());
        for bad in [&b""[..], b"[]", b"short", br#"[{"key":"AAAA","madeAt":"2026-11-24T12:00:00Z"}]"#] {
            assert!(Ring::read(bad).is_none());
        }
    }
}
