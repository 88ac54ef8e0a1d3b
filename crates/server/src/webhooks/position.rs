//! How far each webhook has been told: kept beside the journal, in a file of its own or, where nodes share the journal,
//! with it.
//!
//! A journal may drop commits that no replica had, though webhooks were told of them, and has others of their numbers
//! then. So a position knows its newest commits by their times too, and goes back over those that are not there any more.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use usher_core::model::{Epoch, Seq, Timestamp};
use usher_journal::{Commit, Fleet};

use crate::disk::{blocking, replace};

/// Commits that a position knows, at most: so far back it can go. What no replica has was answered with a 503, so there
/// are few of them.
pub(super) const KNOWN: usize = 32;

/// The last commit that a webhook has been told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The journal that it is of: another one begins anew.
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
    /// The newest commits up to there, oldest first, with their times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    known: Vec<(Seq, Timestamp)>,
}

impl Position {
    /// After the commit of this number and time.
    pub(super) fn after(epoch: Epoch, seq: Seq, at: Timestamp) -> Self {
        Self { epoch, seq, known: if seq == Seq::ZERO { Vec::new() } else { vec![(seq, at)] } }
    }

    /// Goes on to the next commit.
    pub(super) fn pass(&mut self, commit: &Commit) {
        self.seq = commit.seq;
        self.known.push((commit.seq, commit.at));
        let old = self.known.len().saturating_sub(KNOWN);
        self.known.drain(..old);
    }

    /// The commits that it knows, of those that a journal with this many has.
    pub(super) fn known(&self, head: Seq) -> &[(Seq, Timestamp)] {
        let there = self.known.partition_point(|(seq, _)| *seq <= head);
        &self.known[..there]
    }

    /// Goes back over commits that are not there any more: `at` is the time of the one that has a number now. Whether
    /// there were any.
    pub(super) fn go_back(&mut self, head: Seq, at: impl Fn(Seq) -> Option<Timestamp>) -> bool {
        let known = self.known(head);
        // Where one holds, all before it do: each follows one other.
        let hold = known.iter().rposition(|(seq, own)| at(*seq) == Some(*own)).map_or(0, |last| last + 1);
        let Some((first, _)) = known.get(hold) else { return false };
        self.seq = Seq(first.0.saturating_sub(1));
        self.known.truncate(hold);
        true
    }

    /// Goes back to this commit, if it is farther.
    pub(super) fn end_at(&mut self, seq: Seq) {
        self.known.truncate(self.known(seq).len());
        self.seq = self.seq.min(seq);
    }
}

/// Where positions are kept.
#[derive(Clone)]
pub(super) enum Kept {
    /// In a file of this server.
    File(PathBuf),
    /// Beside a journal that nodes share.
    Shared(Arc<dyn Fleet>, String),
}

impl Kept {
    /// Where that of the webhook `name` is. Names hold nothing that means something in a path.
    pub(super) fn of(name: &str, data: &Path, fleet: Option<Arc<dyn Fleet>>) -> Self {
        match fleet {
            Some(fleet) => Self::Shared(fleet, format!("webhook:{name}")),
            None => Self::File(data.join(format!("webhook-{name}.json"))),
        }
    }

    /// What was kept last; none where nothing was.
    ///
    /// # Errors
    /// It can't be read; it is damaged ([`io::ErrorKind::InvalidData`]).
    pub(super) async fn read(&self) -> io::Result<Option<Position>> {
        let text = match self {
            Self::File(path) => {
                let path = path.clone();
                match blocking(move || fs::read_to_string(path)).await {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                    read => Some(read?),
                }
            }
            Self::Shared(fleet, name) => fleet.kept(name).await.map_err(io::Error::other)?,
        };
        let parse = |text: String| {
            serde_json::from_str(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        };
        text.map(parse).transpose()
    }

    /// Keeps it from now on. What was kept before is there until it is whole.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) async fn write(&self, position: &Position) -> io::Result<()> {
        let text = serde_json::to_string(position)?;
        match self {
            Self::File(path) => {
                let path = path.clone();
                blocking(move || replace(&path, &text)).await
            }
            Self::Shared(fleet, name) => fleet.keep(name, text).await.map_err(io::Error::other),
        }
    }
}

#[cfg(test)]
mod tests {
    use usher_journal::Actor;

    use super::*;

    fn commit(seq: u64, millis: i64) -> Commit {
        Commit {
            seq: Seq(seq),
            at: Timestamp::from_millis(millis),
            actor: Actor::system("test"),
            message: String::new(),
            idempotency_key: None,
            changes: Vec::new(),
        }
    }

    /// After commits 1 to `last`, each made in the millisecond of its number.
    fn told(last: u64) -> Position {
        let mut position = Position::after(Epoch::from_bytes([1; 16]), Seq::ZERO, Timestamp::EPOCH);
        for seq in 1..=last {
            position.pass(&commit(seq, i64::try_from(seq).unwrap()));
        }
        position
    }

    /// A journal of the same commits up to `same`, and of others up to `head`.
    fn journal(same: u64, head: u64) -> impl Fn(Seq) -> Option<Timestamp> {
        move |seq| {
            let own = i64::try_from(seq.0).unwrap();
            (seq.0 <= head).then(|| Timestamp::from_millis(if seq.0 <= same { own } else { own + 1_000 }))
        }
    }

    #[test]
    fn what_was_put_in_the_place_of_what_was_told_is_told_too() {
        for (same, head, next) in [(9, 9, 10), (9, 20, 10), (8, 9, 9), (5, 9, 6), (5, 7, 6), (0, 3, 1)] {
            let mut position = told(9);
            let went_back = position.go_back(Seq(head), journal(same, head));
            assert_eq!((went_back, position.seq.next()), (same < 9, Seq(next)), "{same} of {head}");
            assert!(!position.go_back(Seq(head), journal(same, head)), "once only");
        }
    }

    #[test]
    fn one_that_is_ahead_of_its_journal_is_judged_by_what_that_has() {
        let mut position = told(9);
        assert!(!position.go_back(Seq(7), journal(7, 7)), "this server may only have heard less yet");
        assert_eq!(position.seq, Seq(9));
        position.end_at(Seq(7));
        assert_eq!(position, told(7));
        position.end_at(Seq(8));
        assert_eq!(position.seq, Seq(7), "never forward");
    }

    #[test]
    fn a_position_knows_few_commits_and_goes_back_over_those_at_most() {
        let many = KNOWN as u64 * 3;
        let mut position = told(many);
        assert_eq!(position.known(Seq(many)).len(), KNOWN);
        assert!(position.go_back(Seq(many), journal(0, many)));
        assert_eq!(position.seq, Seq(many - KNOWN as u64));
    }

    #[test]
    fn one_that_an_older_version_kept_is_taken_as_it_is() {
        let epoch = Epoch::from_bytes([1; 16]);
        let text = format!(r#"{{"epoch":"{epoch}","seq":9}}"#);
        let mut position: Position = serde_json::from_str(&text).unwrap();
        assert!(!position.go_back(Seq(9), journal(0, 9)));
        assert_eq!(serde_json::to_string(&position).unwrap(), text);
        let new = told(9);
        assert_eq!(serde_json::from_str::<Position>(&serde_json::to_string(&new).unwrap()).unwrap(), new);
    }
}
