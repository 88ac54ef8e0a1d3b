//! The copy on disk: what an edge that starts without its upstream begins with.
//!
//! One file for one upstream, key and set of venues, written whole or not at all, with a checksum; and a note beside
//! it of when the upstream last confirmed it. Files of other keys and venues are taken away at the start: an edge that
//! was narrowed holds nothing of other venues, on disk either.

use std::{fs, io, path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::{task::JoinHandle, time::Instant};
use usher_core::{
    model::{Timestamp, VenueKey},
    protocol::{Resume, RulesetBody},
    schema::{NEWEST, disk},
};
use usher_sdk::parts::{Cache, Missing, Written};
use usher_server::auth::secret;

use crate::mirror::Begun;

/// Changes are gathered for so long before they are written.
const GATHER: Duration = Duration::from_millis(250);
/// After a write it rests this many times as long as the write took: a slow disk is not kept busy.
const REST: u32 = 10;
/// How often it is noted that what was written is still current.
const NOTE_EVERY: Duration = Duration::from_secs(10);
/// How soon a write that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(30);
/// What the names of mirrors' files begin with.
const PREFIX: &str = "usher-mirror-";

/// What is in a file.
#[derive(Serialize, Deserialize)]
struct Kept {
    venues: Vec<VenueKey>,
    ruleset: RulesetBody,
}

/// A mirror as it was.
pub(crate) struct Copy {
    pub(crate) venues: Vec<VenueKey>,
    pub(crate) ruleset: RulesetBody,
    /// When the upstream had last confirmed it.
    pub(crate) as_of: Timestamp,
}

/// The place of a mirror on disk. Its name says nothing about the key.
pub(crate) fn place(folder: &Path, upstream: &str, key: &str, venues: &[VenueKey]) -> Cache {
    let mut venues: Vec<&str> = venues.iter().map(VenueKey::as_str).collect();
    venues.sort_unstable();
    let name = secret::hash(&format!("{upstream}\x1F{key}\x1F{}", venues.join("\x1F")));
    Cache::at(folder.join(format!("{PREFIX}{}.cache", &name[..32])))
}

/// What is there; a copy that is damaged is set aside, and that is said.
pub(crate) fn read(cache: &Cache) -> Option<Copy> {
    let read = |Kept { venues, ruleset }| disk::read_ruleset(ruleset).map(|ruleset| Kept { venues, ruleset });
    match cache.read_as(read) {
        Ok((Kept { venues, ruleset }, as_of)) => Some(Copy { venues, ruleset, as_of }),
        Err(Missing::None) => None,
        Err(Missing::Damaged(report)) => {
            tracing::error!(%report, "the copy on disk is no good");
            None
        }
    }
}

/// Takes away the mirrors of other keys and venues, damaged ones included.
pub(crate) fn sweep(folder: &Path, kept: &[Cache]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = |path: &Path| {
            path.file_name().unwrap_or_default().to_string_lossy().split('.').next().map(ToOwned::to_owned)
        };
        let ours = kept.iter().any(|cache| stem(cache.path()) == stem(&path));
        if name.starts_with(PREFIX) && !ours {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Writes a mirror: soon after it has changed, but not all the time.
pub(crate) struct Saving {
    cache: Cache,
    due: Option<Instant>,
    /// Not before this.
    rested: Instant,
    begun: Instant,
    writing: Option<JoinHandle<io::Result<Written>>>,
    written: Option<Written>,
    note_at: Instant,
}

impl Saving {
    pub(crate) fn new(cache: Cache) -> Self {
        let now = Instant::now();
        Self { cache, due: None, rested: now, begun: now, writing: None, written: None, note_at: now }
    }

    /// What is mirrored has changed.
    pub(crate) fn changed(&mut self) {
        self.due.get_or_insert_with(|| Instant::now() + GATHER);
    }

    /// The upstream has confirmed what there is. The first time that is worth a file: notes are about files of this
    /// process.
    pub(crate) fn confirmed(&mut self) {
        if self.written.is_none() && self.writing.is_none() {
            self.changed();
        }
    }

    /// When there is something to be done.
    pub(crate) fn next(&self) -> Instant {
        let write = if self.writing.is_some() { None } else { self.due };
        // While a change waits to be written, what is on disk is not current, and notes would not say so.
        write.map_or(self.note_at, |due| due.max(self.rested))
    }

    /// Does what is due. The writing itself is done elsewhere: the stream goes on meanwhile.
    pub(crate) fn work(&mut self, begun: Option<&Begun>, view: Option<Resume>, as_of: Timestamp) {
        let now = Instant::now();
        if now < self.next() {
            return;
        }
        if self.due.is_some() && self.writing.is_none() {
            self.due = None;
            let Some(kept) = begun.map(|begun| kept(begun, view)) else { return };
            let cache = self.cache.clone();
            self.begun = now;
            self.writing = Some(tokio::task::spawn_blocking(move || cache.write(&kept, as_of)));
            return;
        }
        self.note_at = now + NOTE_EVERY;
        if let (Some(written), None) = (&self.written, &self.due) {
            // A note that can't be written is no news where the copy could be.
            drop(self.cache.note(written, as_of));
        }
    }

    /// Waits for what is being written; for ever, if nothing is.
    pub(crate) async fn written(&mut self) {
        let Some(writing) = &mut self.writing else { return std::future::pending().await };
        let result = writing.await;
        self.writing = None;
        let now = Instant::now();
        self.rested = now + REST * (now - self.begun);
        match result.map_err(io::Error::other).and_then(|written| written) {
            Ok(written) => (self.written, self.note_at) = (Some(written), now + NOTE_EVERY),
            Err(error) => {
                tracing::error!(%error, "the copy on disk can't be written");
                self.due.get_or_insert(now + AGAIN_AFTER);
            }
        }
    }

    /// Writes what there is, at last.
    pub(crate) async fn finish(mut self, begun: Option<&Begun>, view: Option<Resume>, as_of: Timestamp) {
        if self.writing.is_some() {
            self.written().await;
        }
        let Some(begun) = begun else { return };
        let (cache, written, due) = (self.cache, self.written, self.due);
        let kept = (due.is_some() || written.is_none()).then(|| kept(begun, view));
        let last = tokio::task::spawn_blocking(move || match (kept, written) {
            (Some(kept), _) => cache.write(&kept, as_of).map(drop),
            (None, Some(written)) => cache.note(&written, as_of),
            (None, None) => Ok(()),
        });
        if let Err(error) = last.await.map_err(io::Error::other).and_then(|written| written) {
            tracing::error!(%error, "the copy on disk can't be written");
        }
    }
}

fn kept(begun: &Begun, place: Option<Resume>) -> Kept {
    let snapshot = begun.hub.snapshot();
    let ruleset = RulesetBody {
        epoch: snapshot.epoch,
        seq: snapshot.seq(),
        schema: NEWEST,
        at: snapshot.at(),
        environment: begun.environment.clone(),
        view: place.and_then(|place| place.view),
        came_in: place.and_then(|place| place.schema),
        documents: snapshot.state.entries().map(|entry| entry.document.clone()).collect(),
        newer: Vec::new(),
    };
    Kept { venues: begun.venues.clone(), ruleset: disk::kept_ruleset(ruleset, true) }
}
