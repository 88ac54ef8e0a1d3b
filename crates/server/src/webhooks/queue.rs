//! The queue of one webhook: the journal, from a position on.

use std::{
    io,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};
use usher_core::model::Seq;
use usher_journal::{Commit, Point, State};

use super::{
    DELIVERED, Hook, RETRIED, SKIPPED,
    message::{Message, messages},
    position::{Kept, Position},
    post::again,
};
use crate::{app::App, clock, fleet::SILENT};

/// How often it is looked whether this server delivers, and how soon is tried again what failed here.
const LOOK: Duration = Duration::from_secs(1);
/// Commits read from the journal at a time.
const READ_AT_ONCE: usize = 64;

/// Delivers to one webhook whenever this server is the one to do it, until it stops. One that is new begins after the
/// commit `newest`.
pub(crate) async fn run(app: Arc<App>, hook: Hook, newest: Seq) {
    let kept = Kept::of(&hook.settings.name, &app.settings.data, app.world.journal().fleet());
    let begun = Instant::now();
    let mut queue = Queue { app, hook, kept, newest, begun, told: None };
    let mut well = true;
    loop {
        // A webhook that makes its queue stumble must neither fall silent for ever nor take others along.
        match AssertUnwindSafe(queue.turn()).catch_unwind().await {
            Ok(Ok(())) => well = true,
            // Once: a journal that is away says so itself, and this is tried every second.
            Ok(Err(error)) if well => {
                well = false;
                tracing::warn!(webhook = queue.hook.settings.name, %error, "a webhook has to wait");
            }
            Ok(Err(_)) => {}
            Err(_) => {
                tracing::error!(
                    webhook = queue.hook.settings.name,
                    "delivering to a webhook ended in a panic"
                );
            }
        }
        sleep(LOOK).await;
    }
}

struct Queue {
    app: Arc<App>,
    hook: Hook,
    kept: Kept,
    newest: Seq,
    begun: Instant,
    /// How far it has been told, as far as this server knows: makes up for a shared position that was lost.
    told: Option<Seq>,
}

impl Queue {
    /// Delivers as long as this server is the one to do it; else keeps in mind how far another has come.
    async fn turn(&mut self) -> io::Result<()> {
        let stored = self.stored().await?;
        let mut told = self.told.max(stored).unwrap_or(self.newest);
        // Before anything is told, and by whoever sees it first: else a start from which nothing was taken yet would be
        // forgotten with the server.
        if stored.is_none() {
            self.save(told).await?;
        }
        self.told = Some(told);
        let name = &self.hook.settings.name;
        if !self.acts() {
            self.app.webhooks.note(name, None);
            return Ok(());
        }
        let (line, newest) = self.app.world.journal().standing();
        let head = newest.seq();
        if told > head {
            // The journal is older than what was told of it: an earlier copy was put in its place.
            tracing::warn!(webhook = name, %told, %head, "a webhook was told more than there is: going on from here");
            told = head;
        }
        let mut state = self.state_at(told).await?;
        self.told = Some(told);
        let mut unsaved = stored.is_some_and(|stored| stored != told);
        let mut more = self.app.world.journal().watch();
        // Where the journal has dropped commits, what was folded here may be of those.
        while self.acts() && self.app.world.journal().standing().0 == line {
            self.app.webhooks.note(&self.hook.settings.name, Some(state.seq()));
            let read = self.app.world.journal().read(state.seq(), READ_AT_ONCE).await;
            let commits = read.map_err(io::Error::other)?;
            if commits.is_empty() {
                if unsaved {
                    self.save(state.seq()).await?;
                    unsaved = false;
                }
                // In between it is looked whether this is still the one to deliver.
                if let Ok(Err(_)) = timeout(LOOK, more.changed()).await {
                    return Ok(());
                }
                continue;
            }
            for commit in commits {
                let Some(any) = self.tell(&commit, &state).await else { return Ok(()) };
                Arc::make_mut(&mut state).fold(&commit);
                self.told = Some(commit.seq);
                self.app.webhooks.note(&self.hook.settings.name, self.told);
                unsaved = true;
                // What others might be told twice is kept at once; commits that nobody is told of, only now and then.
                if any {
                    unsaved = !self.try_save(commit.seq).await;
                }
            }
        }
        Ok(())
    }

    /// Whether this server is the one to deliver. One that has just started waits until it must have heard of others,
    /// and until whoever delivered before it has finished.
    fn acts(&self) -> bool {
        let fleet = self.app.world.journal().fleet();
        let settled = fleet.is_none() || self.begun.elapsed() > SILENT;
        settled && self.app.peers.acts(fleet.as_deref())
    }

    /// How far it has been told of this journal.
    async fn stored(&self) -> io::Result<Option<Seq>> {
        let epoch = self.app.world.journal().epoch();
        let stored = match self.kept.read().await {
            // To wait for a position that can't be understood would be to wait for ever.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::error!(webhook = self.hook.settings.name, %error, "the position of a webhook is damaged");
                None
            }
            read => read?,
        };
        Ok(stored.filter(|position| position.epoch == epoch).map(|position| position.seq))
    }

    async fn state_at(&self, seq: Seq) -> io::Result<Arc<State>> {
        if seq == Seq::ZERO {
            return Ok(Arc::default());
        }
        self.app.world.journal().state_at(Point::Seq(seq)).await.map_err(io::Error::other)
    }

    async fn save(&self, seq: Seq) -> io::Result<()> {
        self.kept.write(Position { epoch: self.app.world.journal().epoch(), seq }).await
    }

    /// Whether it could be kept; else it is tried again with what comes next.
    async fn try_save(&self, seq: Seq) -> bool {
        let saved = self.save(seq).await;
        if let Err(error) = &saved {
            let name = &self.hook.settings.name;
            tracing::warn!(webhook = name, %error, "how far a webhook was told can't be kept: it may be told twice");
        }
        saved.is_ok()
    }

    /// Tells all of a commit that is wanted: whether that was anything. None when another server is to go on.
    async fn tell(&self, commit: &Commit, before: &State) -> Option<bool> {
        let mut any = false;
        for message in messages(self.app.world.journal().epoch(), commit, before) {
            if self.hook.settings.wants(message.event) {
                self.deliver(&message, commit).await?;
                any = true;
            }
        }
        Some(any)
    }

    /// Sends a message until it is taken, or too old. None when another server is to go on.
    async fn deliver(&self, message: &Message, commit: &Commit) -> Option<()> {
        let name = &self.hook.settings.name;
        let outcome = |outcome| self.app.metrics.webhook_deliveries.with_label_values(&[outcome]).inc();
        let mut tries = 0_u32;
        loop {
            if !self.acts() {
                return None;
            }
            let Err(why) = self.hook.receiver.send(message).await else {
                outcome(DELIVERED);
                return Some(());
            };
            tries = tries.saturating_add(1);
            let Some(wait) = again(tries, commit.at, clock::now(), chance()) else {
                outcome(SKIPPED);
                tracing::error!(
                    webhook = name,
                    id = message.id,
                    tries,
                    why,
                    "a message was never taken: skipped"
                );
                return Some(());
            };
            outcome(RETRIED);
            tracing::warn!(
                webhook = name,
                id = message.id,
                tries,
                why,
                "a message was not taken: it is sent again"
            );
            let until = Instant::now() + wait;
            while Instant::now() < until {
                sleep(LOOK.min(until.saturating_duration_since(Instant::now()))).await;
                if !self.acts() {
                    return None;
                }
            }
        }
    }
}

/// Between 0 and 1.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}
