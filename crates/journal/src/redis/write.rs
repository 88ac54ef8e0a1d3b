//! The one task of a node that writes.
//!
//! It plans commits from the own copy, and Redis takes them only where its log ends just there. Whoever was slower
//! reads what came in between and plans anew; so nothing is ever checked against an old state. Many appends share
//! one step, and one fsync.

use std::sync::Arc;

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};
use usher_core::model::{Seq, Timestamp};

use super::{
    confirm,
    connect::Session,
    draft::{Draft, Open},
    load::is_due,
    page,
    record::Record,
    script::{self, Answer, Attempt, Outcome, remembered_since},
    shared::Shared,
    snapshots,
    trouble::{Trouble, is_refusal},
};
use crate::{AppendError, Appended, Health, Idempotency, State};

/// Appends that may share one step, so that the first does not wait for long.
const GROUP: usize = 256;
/// How long it is tried to find out what became of a commit, or to be faster than others.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// Between two tries to reach Redis, for a commit that was sent and not answered.
const RETRY: std::time::Duration = std::time::Duration::from_millis(100);

/// What the writer is asked.
pub(super) enum Request {
    /// To append.
    Append(Open),
    /// What was answered to an idempotency key at a time.
    Answered(Idempotency, Timestamp, oneshot::Sender<Result<Option<Appended>, AppendError>>),
    /// To read all that there is now.
    CatchUp(oneshot::Sender<Result<Seq, AppendError>>),
}

/// An append with its answer.
type Done = (Open, Result<Appended, AppendError>);

/// The task's own.
pub(super) struct Writer {
    shared: Arc<Shared>,
    session: Option<Session>,
    /// The master that it leads to, by how often there was another.
    master: u64,
    /// This node, as its commits name it.
    name: String,
    attempts: u64,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, session: Session, name: String) -> Self {
        Self { shared, session: Some(session), master: 0, name, attempts: 0 }
    }

    /// Writes until nobody can ask any more.
    pub(super) async fn run(mut self, mut incoming: mpsc::Receiver<Request>) {
        let mut group = Vec::with_capacity(GROUP);
        while incoming.recv_many(&mut group, GROUP).await > 0 {
            let mut open = Vec::with_capacity(group.len());
            for request in group.drain(..) {
                match request {
                    Request::Append(append) => open.push(append),
                    Request::Answered(idempotency, at, answer) => {
                        // Who asked may have gone.
                        drop(answer.send(self.answered(&idempotency, at).await));
                    }
                    Request::CatchUp(answer) => drop(answer.send(self.catch_up().await)),
                }
            }
            let before = self.shared.held.head().0.seq;
            for (append, result) in self.write(open).await {
                drop(append.answer.send(result));
            }
            self.fold(before);
        }
    }

    /// The connection, or a new one, to a Redis that has all that this node has.
    async fn session(&mut self) -> Result<Session, Trouble> {
        if let Health::Failed(reason) = &*self.shared.health.borrow() {
            return Err(Trouble::Fatal(reason.clone()));
        }
        let masters = self.shared.masters();
        match &self.session {
            Some(session) if self.master == masters => Ok(session.clone()),
            _ => {
                self.session = None;
                let session = self.shared.session().await?;
                self.session = Some(session.clone());
                self.master = masters;
                Ok(session)
            }
        }
    }

    async fn write(&mut self, mut open: Vec<Open>) -> Vec<Done> {
        let until = Instant::now() + PATIENCE;
        let mut done: Vec<Done> = Vec::with_capacity(open.len());
        // What was sent and not answered.
        let mut unsure: Vec<Arc<Record>> = Vec::new();
        // Whether an answer is about what this connection has not written itself.
        let mut is_old = false;
        while !open.is_empty() {
            let mut session = match self.session().await {
                Ok(session) => session,
                Err(Trouble::Down(_)) if !unsure.is_empty() && Instant::now() < until => {
                    sleep(RETRY).await;
                    continue;
                }
                Err(trouble) => {
                    done.extend(refuse(open, trouble.reason(), !unsure.is_empty()));
                    break;
                }
            };
            if !unsure.is_empty() {
                is_old = true;
                self.find_out(&mut open, &mut done, &std::mem::take(&mut unsure));
                continue;
            }
            if Instant::now() >= until {
                done.extend(refuse(open, "others write all the time; try again shortly", false));
                break;
            }
            let (head, state) = self.shared.held.head();
            self.attempts += 1;
            let mut draft = Draft::new(&head, &state, format!("{}-{}", self.name, self.attempts));
            draft.plan(&mut open);
            let attempt = Attempt { head, asked: draft.asked(&open), records: draft.records() };
            let outcome = script::append(&mut session.connection, &self.shared.keys, &attempt).await;
            let outcome = match outcome {
                Ok(Outcome::Written) => {
                    let settled = self.shared.settle(&mut session.connection).await;
                    settled.map(|is_safe| (Outcome::Written, is_safe))
                }
                other => other.map(|outcome| (outcome, true)),
            };
            let trouble = match outcome {
                Ok((Outcome::Written, is_safe)) => {
                    match self.shared.held.apply(draft.records().iter().cloned(), is_safe) {
                        Ok(()) => {
                            draft.settle(&mut open, &mut done);
                            None
                        }
                        // The copy went another way meanwhile: this server was replaced, and what it took may be lost.
                        Err(trouble) => {
                            unsure = draft.records().to_vec();
                            Some(trouble)
                        }
                    }
                }
                Ok((Outcome::Known(known), _)) => {
                    is_old = true;
                    replay(&mut open, &mut done, &known);
                    None
                }
                Ok((Outcome::Moved, _)) => self.shared.agree(&mut session.connection).await.err(),
                // The server has refused it: nothing was written.
                Err(error) if is_refusal(&error) => {
                    let trouble = Trouble::from(error);
                    done.extend(refuse(std::mem::take(&mut open), trouble.reason(), false));
                    Some(trouble)
                }
                Err(error) => {
                    unsure = draft.records().to_vec();
                    sleep(RETRY).await;
                    Some(Trouble::from(error))
                }
            };
            if let Some(trouble) = trouble {
                tracing::warn!("the journal's connection is opened anew: {}", trouble.reason());
                self.session = None;
            }
        }
        self.confirm(&mut done, is_old).await;
        done
    }

    /// Whether what was sent and not answered has come about.
    fn find_out(&self, open: &mut Vec<Open>, done: &mut Vec<Done>, unsure: &[Arc<Record>]) {
        for record in unsure {
            let before = Seq(record.seq().0.saturating_sub(1));
            let there = self.shared.held.after(before, 1).and_then(|found| found.into_iter().next());
            if !there.is_some_and(|there| there.seq() == record.seq() && there.by == record.by) {
                continue;
            }
            if let Some(place) = open.iter().position(|open| open.planned_as(&record.by)) {
                let appended = Appended { seq: record.seq(), at: record.commit.at, replayed: false };
                done.push((open.remove(place), Ok(appended)));
            }
        }
    }

    /// Waits until as many replicas as are needed have what was written, or says that they don't.
    async fn confirm(&mut self, done: &mut [Done], is_old: bool) {
        let newest = done.iter().filter_map(|(_, result)| result.as_ref().ok()).map(|done| done.seq).max();
        let (Some(newest), true) = (newest, self.shared.connector.replicas() > 0) else { return };
        let confirmed = self.is_confirmed(newest, is_old).await;
        for (open, result) in done {
            let Ok(Appended { seq, replayed, .. }) = *result else { continue };
            let own = |record: &Record| match &open.append.idempotency {
                Some(idempotency) if replayed => record.answers(idempotency),
                _ => open.planned_as(&record.by),
            };
            if let Err(reason) = &confirmed {
                *result = Err(unconfirmed(seq, reason));
            } else if !self.holds(seq, own).await {
                *result = Err(replaced(seq));
            }
        }
    }

    async fn is_confirmed(&mut self, seq: Seq, is_old: bool) -> Result<(), String> {
        // What a connection waits for is what it has written itself.
        let is_new = self.session.is_none() || self.master != self.shared.masters();
        let mut session = self.session().await.map_err(|trouble| trouble.reason().to_owned())?;
        let replicas = self.shared.connector.replicas();
        let after = (is_old || is_new).then_some(seq);
        let mut confirmed = confirm::confirm(&mut session, &self.shared.keys, replicas, after).await;
        if confirmed.is_ok() && self.master != self.shared.masters() {
            confirmed = Err("another server has taken the place of the one that was asked".to_owned());
        }
        match &confirmed {
            Ok(()) => self.shared.held.is_safe(seq),
            // It may still wait for them.
            Err(_) => self.session = None,
        }
        confirmed
    }

    /// Whether the commit of this number is the one that is meant. That a number is safe says nothing about a commit
    /// that had it on a server that was replaced.
    async fn holds(&mut self, seq: Seq, is_meant: impl Fn(&Record) -> bool) -> bool {
        let before = Seq(seq.0.saturating_sub(1));
        let held = self.shared.held.after(before, 1).and_then(|found| found.into_iter().next());
        if let Some(record) = held {
            return is_meant(&record);
        }
        // Older than what is held, or not read yet.
        let Ok(mut session) = self.session().await else { return false };
        let there = page::one(&mut session.connection, &self.shared.keys, seq).await;
        there.is_ok_and(|record| record.is_some_and(|record| is_meant(&record)))
    }

    /// The answer that was given to a request, once it is safe.
    async fn answered(
        &mut self,
        idempotency: &Idempotency,
        at: Timestamp,
    ) -> Result<Option<Appended>, AppendError> {
        let mut found = self.look_up(&idempotency.key).await;
        if found.is_err() {
            // It may only be the connection, which nobody has used for a while.
            found = self.look_up(&idempotency.key).await;
        }
        let found = found.map_err(|trouble| AppendError::Unavailable(trouble.reason().to_owned()))?;
        let since = remembered_since(at.max(self.shared.held.state().at()));
        let Some(answer) =
            found.and_then(|text| Answer::read(&text)).filter(|answer| answer.at.millis() >= since)
        else {
            return Ok(None);
        };
        let appended = answer.to(idempotency)?;
        if self.shared.connector.replicas() > 0 {
            let confirmed = self.is_confirmed(appended.seq, true).await;
            confirmed.map_err(|reason| unconfirmed(appended.seq, &reason))?;
            if !self.holds(appended.seq, |record| record.answers(idempotency)).await {
                return Err(replaced(appended.seq));
            }
        }
        Ok(Some(appended))
    }

    /// What Redis has under an idempotency key.
    async fn look_up(&mut self, key: &str) -> Result<Option<String>, Trouble> {
        let mut session = self.session().await?;
        let mut ask = redis::cmd("HGET");
        ask.arg(&self.shared.keys.answers).arg(key);
        let found = ask.query_async(&mut session.connection).await;
        found.map_err(|error| {
            self.session = None;
            Trouble::from(error)
        })
    }

    /// Reads all that there is now.
    async fn catch_up(&mut self) -> Result<Seq, AppendError> {
        let mut result = match self.session().await {
            Ok(mut session) => self.shared.agree(&mut session.connection).await,
            Err(trouble) => Err(trouble),
        };
        if result.is_err() {
            // It may only be the connection, which nobody has used for a while.
            self.session = None;
            result = self.session().await.map(drop);
        }
        let unavailable = |trouble: Trouble| AppendError::Unavailable(trouble.reason().to_owned());
        result.map(|()| self.shared.held.head().0.seq).map_err(unavailable)
    }

    /// Keeps a folded state, if one is due. Nobody waits for it, and the next one does as well.
    fn fold(&self, before: Seq) {
        let (head, state) = self.shared.held.head();
        if is_due(before, head.seq) {
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move { keep(&shared, head, state).await });
        }
    }
}

async fn keep(shared: &Shared, head: script::Head, state: Arc<State>) {
    let kept = async {
        let mut connection = shared.connector.connect().await?;
        snapshots::keep(&mut connection, &shared.keys, &head, &state).await
    };
    if let Err(trouble) = kept.await {
        tracing::warn!(seq = %head.seq, "no folded state was kept: {}", trouble.reason());
    }
}

fn refuse(open: Vec<Open>, reason: &str, may_be_written: bool) -> Vec<Done> {
    let more = "; whether the change was written is not known: send it again with the same idempotency key";
    let reason = if may_be_written { format!("{reason}{more}") } else { reason.to_owned() };
    open.into_iter().map(|open| (open, Err(AppendError::Unavailable(reason.clone())))).collect()
}

fn replay(open: &mut Vec<Open>, done: &mut Vec<Done>, known: &[(String, Answer)]) {
    for (key, answer) in known {
        let asked = |open: &Open| open.append.idempotency.as_ref().is_some_and(|own| own.key == *key);
        if let Some(place) = open.iter().position(asked) {
            let append = open.remove(place);
            let result = append.append.idempotency.as_ref().map(|own| answer.to(own));
            done.push((append, result.unwrap_or(Err(AppendError::Malformed))));
        }
    }
}

fn unconfirmed(seq: Seq, reason: &str) -> AppendError {
    AppendError::Unavailable(format!(
        "commit {seq} is written, but not known to be safe, for {reason}: send it again with the same idempotency key \
         to hear when it is"
    ))
}

fn replaced(seq: Seq) -> AppendError {
    AppendError::Unavailable(format!(
        "commit {seq} was written to a server in whose place there is another, which does not have it: send it again with \
         the same idempotency key"
    ))
}
