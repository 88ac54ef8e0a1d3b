//! What is to come: when each document of a kind is due, read anew only when something has changed.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::time::{MissedTickBehavior, interval};
use usher_core::{
    Problem,
    model::{Document, Due, Kind, Seq, Timestamp},
};
use usher_journal::State;

use crate::{app::App, clock, problem};

/// How often it is looked whether one is due.
const TICK: Duration = Duration::from_millis(200);

/// When a document is due, or why nobody knows; `None` for one that is over.
type Read = fn(&Document, &State) -> Option<Result<Due, Problem>>;

/// When documents of a kind are due that are not over.
pub(crate) struct Agenda {
    kind: Kind,
    read: Read,
    /// The commit that the rest is about.
    seq: Seq,
    due: Vec<(Timestamp, Box<str>)>,
    /// Those that are over, of which there are many: they are not read again before they change.
    over: HashMap<Box<str>, Seq>,
}

impl Agenda {
    /// Of documents of `kind`, read so.
    pub(crate) fn new(kind: Kind, read: Read) -> Self {
        Self { kind, read, seq: Seq::ZERO, due: Vec::new(), over: HashMap::new() }
    }

    /// Has `act` do what is due, by its key, until the server stops. What it could not do it is asked for again with the
    /// next tick. One node of the fleet acts.
    pub(crate) async fn follow<F>(mut self, app: Arc<App>, act: impl Fn(Arc<App>, Box<str>) -> F)
    where
        F: Future<Output = Result<(), problem::Problem>>,
    {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if !app.peers.acts(app.world.journal().fleet().as_deref()) {
                continue;
            }
            let state = Arc::clone(&app.world.snapshot().state);
            for key in self.due(&state, clock::now()) {
                // One that makes the server stumble must not leave the others without anybody who does them.
                match AssertUnwindSafe(act(Arc::clone(&app), key.clone())).catch_unwind().await {
                    Ok(Ok(())) => {}
                    Ok(Err(problem)) => {
                        tracing::warn!(kind = %self.kind, key = &*key, %problem, "what is due could not be done yet");
                    }
                    Err(_) => {
                        tracing::error!(kind = %self.kind, key = &*key, "what is due ended in a panic");
                    }
                }
            }
        }
    }

    /// The keys of those whose time has come, the earliest first.
    fn due(&mut self, state: &State, now: Timestamp) -> Vec<Box<str>> {
        if self.seq != state.seq() {
            self.look(state);
        }
        self.due.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| key.clone()).collect()
    }

    fn look(&mut self, state: &State) {
        self.seq = state.seq();
        self.due.clear();
        let mut over = HashMap::new();
        for entry in state.of_kind(&self.kind) {
            let key = entry.document.key();
            if self.over.get(key) == Some(&entry.version) {
                over.insert(key.into(), entry.version);
                continue;
            }
            match (self.read)(&entry.document, state) {
                None => drop(over.insert(key.into(), entry.version)),
                Some(Ok(due)) => self.due.push((due.at, key.into())),
                Some(Err(problem)) => {
                    tracing::error!(document = %entry.document.id(), %problem, "nobody knows when this is due");
                }
            }
        }
        self.over = over;
        self.due.sort();
    }
}
