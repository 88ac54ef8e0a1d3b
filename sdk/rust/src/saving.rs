//! When the flags are written to disk: soon after they changed, but not all the time; and when it is noted
//! there that they are still current.

use std::time::Duration;

use tokio::time::Instant;
use usher_core::{
    model::Timestamp,
    protocol::{Mode, Resume, RulesetBody, ValuesBody},
    schema::{NEWEST, OLDEST, disk},
};

use crate::{
    asked::Asked,
    cache::{Cache, Written},
    shared::Shared,
    store::Store,
};

/// Changes are gathered for so long before they are written.
const GATHER: Duration = Duration::from_millis(250);
/// After a write it rests this many times as long as the write took: a slow disk is not kept busy.
const REST: u32 = 20;
/// How often it is noted that the flags are still current, and how soon a write that failed is tried again.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// What has to be written, and when.
pub(crate) struct Saving {
    /// Without a place on disk nothing is ever due.
    has_place: bool,
    /// When what there is should be written.
    write_at: Option<Instant>,
    /// Not before this.
    rested_at: Instant,
    /// What this process has written last, for whom.
    written: Option<(Cache, Written)>,
    note_at: Instant,
    noted: Timestamp,
}

/// What there is to be written.
pub(crate) struct State<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) store: &'a Store,
    pub(crate) asked: &'a Asked,
    /// Where on the journal it is from.
    pub(crate) place: Option<Resume>,
    /// When the server last confirmed it.
    pub(crate) confirmed: Timestamp,
}

impl Saving {
    pub(crate) fn new(has_place: bool) -> Self {
        let now = Instant::now();
        Self {
            has_place,
            write_at: None,
            rested_at: now,
            written: None,
            note_at: now + NOTE_EVERY,
            noted: Timestamp::EPOCH,
        }
    }

    /// The flags have changed.
    pub(crate) fn changed(&mut self) {
        if self.has_place {
            self.write_at.get_or_insert_with(|| Instant::now() + GATHER);
        }
    }

    /// The server has confirmed what there is. The first time, that is worth a file: notes are about files of
    /// this process.
    pub(crate) fn confirmed(&mut self) {
        if self.written.is_none() {
            self.changed();
        }
    }

    /// When something is to be done.
    pub(crate) fn due(&self) -> Option<Instant> {
        // While a change waits to be written, what is on disk is not current.
        let write = self.write_at.map(|at| at.max(self.rested_at));
        write.or_else(|| self.written.is_some().then_some(self.note_at))
    }

    /// Does what is due; at last (`now`), whatever there is to do. Done in place: it is small and rare, and the
    /// task serves nobody who waits.
    pub(crate) fn save(&mut self, state: &State<'_>, now: bool) {
        let Some(folder) = &state.shared.config.cache else { return };
        let here = Instant::now();
        if !now && self.due().is_none_or(|due| due > here) {
            return;
        }
        if self.write_at.is_some() {
            self.write(&folder.place(state.asked.person.as_deref()), state);
        } else {
            self.note_at = here + NOTE_EVERY;
            if state.confirmed > self.noted
                && let Some((cache, written)) = &self.written
            {
                // A note that can't be written is no news where the flags could be.
                drop(cache.note(written, state.confirmed));
                self.noted = state.confirmed;
            }
        }
    }

    fn write(&mut self, cache: &Cache, state: &State<'_>) {
        self.write_at = None;
        let (Some(Resume { epoch, seq, view, at: Some(at), schema: came_in }), Some(environment)) =
            (state.place, state.store.environment.clone())
        else {
            return;
        };
        let (begun, heard) = (Instant::now(), state.confirmed);
        let written = match state.shared.config.mode {
            Mode::Ruleset => {
                let documents = state.store.documents.values().cloned().collect();
                let (schema, newer) = (NEWEST, Vec::new());
                let body =
                    RulesetBody { epoch, seq, schema, at, environment, view, came_in, documents, newer };
                cache.write(&disk::kept_ruleset(body, false), heard)
            }
            Mode::Values => {
                // In memory they are as they are on disk.
                let (schema, values) = (OLDEST, state.store.values.clone());
                cache.write(&ValuesBody { epoch, seq, schema, at, environment, values }, heard)
            }
        };
        let end = Instant::now();
        self.rested_at = end + REST * (end - begun);
        match written {
            Ok(written) => {
                self.written = Some((cache.clone(), written));
                (self.noted, self.note_at) = (heard, end + NOTE_EVERY);
            }
            Err(error) => {
                state.shared.report(format!("the flags can't be written to disk: {error}"));
                self.write_at = Some(end + NOTE_EVERY);
            }
        }
    }
}
