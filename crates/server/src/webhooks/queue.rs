//! The queue of one webhook: the journal, from a position on.

use std::{
    io,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};
use usher_core::model::{Epoch, Seq, Timestamp};
use usher_journal::{Commit, Point, State};

use super::{
    DELIVERED, Hook, RETRIED, SKIPPED,
    message::{Message, messages},
    position::{KNOWN, Kept, Position},
    post::again,
};
use crate::{app::App, clock, fleet::SILENT};

/// How often it is looked whether this server delivers, and how soon is tried again what failed here.
const LOOK: Duration = Duration::from_secs(1);
/// Commits read from the journal at a time.
const READ_AT_ONCE: usize = 64;

/// Delivers to one webhook whenever this server is the one to do it, until it stops. One that is new begins after the
/// last commit of the state `newest`.
pub(crate) async fn run(app: Arc<App>, hook: Hook, newest: Arc<State>) {
    let kept = Kept::of(&hook.settings.name, &app.settings.data, app.world.journal().fleet());
    let newest = Position::after(app.world.journal().epoch(), newest.seq(), newest.at());
    let begun = Instant::now();
    let mut queue = Queue { app, hook, kept, newest, begun, told: None, held: None };
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
    newest: Position,
    begun: Instant,
    /// How far it has been told, as far as this server knows: makes up for a shared position that was lost.
    told: Option<Position>,
    /// A commit that was found in the journal, as that was called then.
    held: Option<(Epoch, (Seq, Timestamp))>,
}

impl Queue {
    /// Delivers as long as this server is the one to do it; else keeps in mind how far another has come.
    async fn turn(&mut self) -> io::Result<()> {
        let stored = self.stored().await?;
        let (line, newest) = self.app.world.journal().standing();
        let head = newest.seq();
        let mut known = Vec::new();
        // What is stored counts where both are as far: another server may have told what this one has not.
        for position in [self.told.clone(), stored.clone()].into_iter().flatten() {
            known.push(self.as_far_as_it_holds(position, line, head).await?);
        }
        let mut told =
            known.into_iter().max_by_key(|position| position.seq).unwrap_or_else(|| self.newest.clone());
        self.told = Some(told.clone());
        // Before anything is told, and by whoever sees it first: else a start from which nothing was taken yet would be
        // forgotten with the server.
        if stored.is_none() {
            self.save().await?;
        }
        let name = &self.hook.settings.name;
        if !self.acts() {
            self.app.webhooks.note(name, None);
            return Ok(());
        }
        if told.seq > head {
            // The journal is older than what was told of it: an earlier copy was put in its place.
            tracing::warn!(webhook = name, told = %told.seq, %head, "a webhook was told more than there is: going on from here");
            told.end_at(head);
        }
        let mut state = self.state_at(told.seq).await?;
        let mut unsaved = stored.is_some_and(|stored| stored != told);
        self.told = Some(told);
        let mut more = self.app.world.journal().watch();
        // Where the journal has dropped commits, what was folded here may be of those.
        while self.acts() && self.app.world.journal().standing().0 == line {
            self.app.webhooks.note(&self.hook.settings.name, Some(state.seq()));
            let read = self.app.world.journal().read(state.seq(), READ_AT_ONCE).await;
            let commits = read.map_err(io::Error::other)?;
            if commits.is_empty() {
                if unsaved {
                    self.save().await?;
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
                if let Some(told) = &mut self.told {
                    told.pass(&commit);
                }
                self.app.webhooks.note(&self.hook.settings.name, Some(commit.seq));
                unsaved = true;
                // What others might be told twice is kept at once; commits that nobody is told of, only now and then.
                if any {
                    unsaved = !self.try_save().await;
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

    /// A position, gone back over what the journal has dropped and has something else in place of: that is to be told too.
    async fn as_far_as_it_holds(
        &mut self,
        mut position: Position,
        line: Epoch,
        head: Seq,
    ) -> io::Result<Position> {
        let known = position.known(head);
        let (Some((oldest, _)), Some(newest)) = (known.first(), known.last().copied()) else {
            return Ok(position);
        };
        if self.held == Some((line, newest)) {
            return Ok(position);
        }
        let there = self.app.world.journal().read(Seq(oldest.0.saturating_sub(1)), KNOWN).await;
        let there = there.map_err(io::Error::other)?;
        let at = |seq: Seq| there.iter().find(|commit| commit.seq == seq).map(|commit| commit.at);
        if position.go_back(head, at) {
            let (name, from) = (&self.hook.settings.name, position.seq.next());
            tracing::warn!(webhook = name, %from, "commits that a webhook was told of were dropped: telling what is there now");
        } else {
            self.held = Some((line, newest));
        }
        Ok(position)
    }

    /// How far it has been told of this journal.
    async fn stored(&self) -> io::Result<Option<Position>> {
        let epoch = self.app.world.journal().epoch();
        let stored = match self.kept.read().await {
            // To wait for a position that can't be understood would be to wait for ever.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::error!(webhook = self.hook.settings.name, %error, "the position of a webhook is damaged");
                None
            }
            read => read?,
        };
        Ok(stored.filter(|position| position.epoch == epoch))
    }

    async fn state_at(&self, seq: Seq) -> io::Result<Arc<State>> {
        if seq == Seq::ZERO {
            return Ok(Arc::default());
        }
        self.app.world.journal().state_at(Point::Seq(seq)).await.map_err(io::Error::other)
    }

    async fn save(&self) -> io::Result<()> {
        match &self.told {
            Some(told) => self.kept.write(told).await,
            None => Ok(()),
        }
    }

    /// Whether it could be kept; else it is tried again with what comes next.
    async fn try_save(&self) -> bool {
        let saved = self.save().await;
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
