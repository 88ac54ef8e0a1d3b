//! What every engine promises, tested through the trait alone.

use std::{collections::BTreeSet, sync::Arc};

use tempfile::TempDir;
use tokio::task::JoinSet;
use usher_core::model::Seq;
use usher_journal::{AppendError, Expected, History, Idempotency, Journal, JournalError, Point, State};

use super::{Open, actor, add, append, at, delete, expecting, id, named, numbers, put};

fn fresh(open: Open) -> (TempDir, Arc<dyn Journal>) {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    (folder, journal)
}

async fn fold_of_all(journal: &dyn Journal) -> State {
    let mut state = State::default();
    for commit in journal.read(Seq::ZERO, usize::MAX).await.unwrap() {
        state.fold(&commit);
    }
    state
}

pub async fn commits_count_from_one_and_are_read_back_as_they_were_written(open: Open) {
    let (_folder, journal) = fresh(open);
    assert_eq!((journal.state().seq(), journal.state().len()), (Seq::ZERO, 0));
    assert_eq!(add(&*journal, [put("a", 1), put("b", 1)]).await, Seq(1));
    assert_eq!(add(&*journal, [put("a", 2), delete("b")]).await, Seq(2));
    let commits = journal.read(Seq::ZERO, 10).await.unwrap();
    assert_eq!(commits.iter().map(|commit| commit.seq.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(commits[1].changes, [put("a", 2), delete("b")]);
    assert_eq!((commits[1].actor.clone(), &*commits[1].message), (actor("Ana"), "test"));
    assert_eq!(journal.read(Seq(1), 10).await.unwrap(), commits[1..]);
    assert_eq!(journal.read(Seq(2), 10).await.unwrap(), []);
    assert_eq!(journal.read(Seq::ZERO, 1).await.unwrap(), commits[..1]);
    assert_eq!(*journal.state(), fold_of_all(&*journal).await);
}

pub async fn a_commit_is_written_whole_or_not_at_all(open: Open) {
    let (_folder, journal) = fresh(open);
    add(&*journal, [put("a", 1)]).await;
    let half = expecting(append([put("a", 2), put("b", 2), delete("a2")]), "b", Expected::Present);
    assert!(matches!(journal.append(half).await, Err(AppendError::Conflict { .. })));
    assert_eq!((numbers(&journal.state()).as_str(), journal.state().seq()), ("a=1", Seq(1)));
    for nothing in [append([]), append([put("a", 2), put("a", 3)]), append([put("a", 2), delete("a")])] {
        assert!(matches!(journal.append(nothing).await, Err(AppendError::Malformed)));
    }
    assert_eq!(journal.read(Seq::ZERO, 10).await.unwrap().len(), 1);
}

pub async fn a_stale_version_is_refused_with_who_was_faster(open: Open) {
    let (_folder, journal) = fresh(open);
    let try_it = async |append| journal.append(append).await;
    try_it(expecting(append([put("a", 1)]), "a", Expected::Absent)).await.unwrap();
    let mut bens = expecting(append([put("a", 2)]), "a", Expected::Version(Seq(1)));
    bens.actor = actor("Ben");
    try_it(bens).await.unwrap();
    for stale in [Expected::Absent, Expected::Version(Seq(1)), Expected::Version(Seq(3))] {
        let refused = try_it(expecting(append([put("a", 3)]), "a", stale)).await.unwrap_err();
        let AppendError::Conflict { document, found: Some((version, by, _)) } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((document, version, by), (id("a"), Seq(2), actor("Ben")));
    }
    for missing in [Expected::Present, Expected::Version(Seq(1))] {
        let refused = try_it(expecting(append([put("b", 1)]), "b", missing)).await.unwrap_err();
        assert!(matches!(refused, AppendError::Conflict { found: None, .. }), "{refused:?}");
    }
    try_it(expecting(append([delete("a")]), "a", Expected::Present)).await.unwrap();
    assert!(journal.state().get(&id("a")).is_none());
    assert_eq!(journal.state().deleted_by(&id("a")), Some(Seq(3)));
}

pub async fn a_name_used_again_gives_the_first_answer_or_is_refused(open: Open) {
    let (_folder, journal) = fresh(open);
    let first = journal.append(named(append([put("a", 1)]), "k", 1)).await.unwrap();
    assert!(!first.replayed);
    add(&*journal, [put("a", 2)]).await;
    let mut later = named(append([put("a", 1)]), "k", 1);
    later.at = at(99_000);
    // A version that would be stale by now changes nothing: the answer was given already.
    let later = expecting(later, "a", Expected::Absent);
    let again = journal.append(later).await.unwrap();
    assert_eq!((again.seq, again.at, again.replayed), (first.seq, first.at, true));
    let ask = |key: &str, fingerprint| Idempotency { key: key.to_owned(), fingerprint: [fingerprint; 32] };
    assert_eq!(journal.answered(&ask("k", 1), at(1_000)).await.unwrap(), Some(again));
    assert_eq!(journal.answered(&ask("other", 1), at(1_000)).await.unwrap(), None);
    assert!(matches!(journal.answered(&ask("k", 2), at(1_000)).await, Err(AppendError::KeyReused(Seq(1)))));
    let other = journal.append(named(append([put("a", 9)]), "k", 2)).await;
    assert!(matches!(other, Err(AppendError::KeyReused(Seq(1)))), "{other:?}");
    assert_eq!((numbers(&journal.state()).as_str(), journal.state().seq()), ("a=2", Seq(2)));
}

pub async fn a_name_is_free_again_after_a_day(open: Open) {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let (_folder, journal) = fresh(open);
    let nightly = |time: i64, fingerprint: u8| {
        let mut append = named(append([put("a", 1)]), "nightly", fingerprint);
        append.at = at(time);
        append
    };
    journal.append(nightly(1_000, 1)).await.unwrap();
    assert!(journal.append(nightly(1_000 + DAY, 1)).await.unwrap().replayed);
    let ask = Idempotency { key: "nightly".to_owned(), fingerprint: [1; 32] };
    assert!(journal.answered(&ask, at(1_000 + DAY)).await.unwrap().is_some());
    assert_eq!(journal.answered(&ask, at(1_001 + DAY)).await.unwrap(), None);
    // Neither the first answer again, nor refused for being another request; though nobody else came in between.
    let again = journal.append(nightly(1_001 + DAY, 1)).await.unwrap();
    assert_eq!((again.seq, again.replayed), (Seq(2), false));
    let other = journal.append(nightly(1_002 + 2 * DAY, 2)).await.unwrap();
    assert_eq!((other.seq, other.replayed), (Seq(3), false));
}

pub async fn a_name_whose_first_request_still_runs_is_told_so(open: Open) {
    let (_folder, journal) = fresh(open);
    let one = journal.append(named(append([put("a", 1)]), "k", 1));
    let two = journal.append(named(append([put("a", 1)]), "k", 1));
    let (one, two) = tokio::join!(one, two);
    assert!(one.is_ok(), "{one:?}");
    assert!(matches!(two, Err(AppendError::InProgress)), "{two:?}");
    assert!(journal.append(named(append([put("a", 1)]), "k", 1)).await.unwrap().replayed);
    assert_eq!(journal.state().seq(), Seq(1));
}

pub async fn a_refused_request_does_not_use_its_name_up(open: Open) {
    let (_folder, journal) = fresh(open);
    let refused = expecting(named(append([put("a", 1)]), "k", 1), "a", Expected::Present);
    assert!(journal.append(refused).await.is_err());
    assert!(!journal.append(named(append([put("a", 1)]), "k", 1)).await.unwrap().replayed);
}

pub async fn concurrent_appends_leave_no_hole_and_lose_nothing(open: Open) {
    const TASKS: u64 = 300;
    let (_folder, journal) = fresh(open);
    let mut tasks = JoinSet::new();
    for n in 0..TASKS {
        let journal = Arc::clone(&journal);
        tasks.spawn(async move { add(&*journal, [put(&format!("f{n}"), n), put("shared", n)]).await });
    }
    let seqs: BTreeSet<Seq> = tasks.join_all().await.into_iter().collect();
    assert_eq!(seqs, (1..=TASKS).map(Seq).collect());
    let folded = fold_of_all(&*journal).await;
    assert_eq!(*journal.state(), folded);
    assert_eq!(folded.len() as u64, TASKS + 1);
    assert_eq!(journal.verify().await.unwrap().problems, Vec::<String>::new());
}

pub async fn of_many_who_expect_the_same_version_one_wins(open: Open) {
    let (_folder, journal) = fresh(open);
    add(&*journal, [put("a", 0)]).await;
    let mut tasks = JoinSet::new();
    for n in 1..=50 {
        let journal = Arc::clone(&journal);
        let append = expecting(append([put("a", n)]), "a", Expected::Version(Seq(1)));
        tasks.spawn(async move { journal.append(append).await.is_ok() });
    }
    let won = tasks.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!((won, journal.state().seq()), (1, Seq(2)));
}

pub async fn a_restart_changes_nothing(open: Open) {
    let (folder, journal) = fresh(open);
    add(&*journal, [put("a", 1), put("b", 1)]).await;
    journal.append(named(append([delete("a")]), "k", 1)).await.unwrap();
    let (epoch, state, verification) = (journal.epoch(), journal.state(), journal.verify().await.unwrap());
    drop(journal);
    let journal = open(folder.path());
    assert_eq!((journal.epoch(), &*journal.state()), (epoch, &*state));
    assert_eq!(*journal.watch().borrow(), Seq(2));
    assert_eq!(journal.verify().await.unwrap(), verification);
    let again = journal.append(named(append([delete("a")]), "k", 1)).await.unwrap();
    assert_eq!((again.seq, again.replayed), (Seq(2), true));
    assert_eq!(add(&*journal, [put("c", 1)]).await, Seq(3));
}

pub async fn any_earlier_state_is_exact(open: Open) {
    let (_folder, journal) = fresh(open);
    let mut states = vec![State::default()];
    for n in 1..=20_u64 {
        let mut next = append([put(&format!("f{}", n % 7), n), delete(&format!("f{}", n % 5 + 10))]);
        next.at = at(i64::try_from(n).unwrap() * 1_000);
        journal.append(next).await.unwrap();
        states.push(State::clone(&journal.state()));
    }
    for (n, state) in (0_u64..).zip(&states) {
        let millis = i64::try_from(n).unwrap() * 1_000;
        for point in [Point::Seq(Seq(n)), Point::Time(at(millis)), Point::Time(at(millis + 999))] {
            assert_eq!(&*journal.state_at(point).await.unwrap(), state, "{point:?}");
        }
    }
    let missing = journal.state_at(Point::Seq(Seq(21))).await.unwrap_err();
    assert!(matches!(missing, JournalError::NoSuchCommit(Seq(21))), "{missing}");
    assert_eq!(*journal.state_at(Point::Time(at(i64::MAX))).await.unwrap(), states[20]);
    assert_eq!(*journal.state_at(Point::Time(at(i64::MIN))).await.unwrap(), State::default());
}

pub async fn history_is_newest_first_and_knows_each_document(open: Open) {
    let (_folder, journal) = fresh(open);
    add(&*journal, [put("a", 1)]).await;
    add(&*journal, [put("b", 1)]).await;
    add(&*journal, [put("a", 2), put("b", 2)]).await;
    add(&*journal, [delete("a")]).await;
    let seqs = async |before: Option<u64>, key: Option<&str>, limit| {
        let query = History { before: before.map(Seq), document: key.map(id), limit };
        let commits = journal.history(query).await.unwrap();
        commits.iter().map(|commit| commit.seq.0).collect::<Vec<_>>()
    };
    assert_eq!(seqs(None, None, 10).await, [4, 3, 2, 1]);
    assert_eq!(seqs(None, None, 2).await, [4, 3]);
    assert_eq!(seqs(Some(3), None, 10).await, [2, 1]);
    assert_eq!(seqs(None, Some("a"), 10).await, [4, 3, 1]);
    assert_eq!(seqs(Some(4), Some("a"), 1).await, [3]);
    assert_eq!(seqs(None, Some("nobody"), 10).await, [0_u64; 0]);
    assert_eq!(seqs(Some(u64::MAX), None, 1).await, [4]);
}

pub async fn a_place_that_no_journal_reaches_is_empty_not_an_error(open: Open) {
    let (_folder, journal) = fresh(open);
    add(&*journal, [put("a", 1)]).await;
    assert_eq!(journal.read(Seq(u64::MAX), 10).await.unwrap(), []);
    let missing = journal.state_at(Point::Seq(Seq(u64::MAX))).await;
    assert!(matches!(missing, Err(JournalError::NoSuchCommit(_))));
}

pub async fn time_never_goes_back(open: Open) {
    let (_folder, journal) = fresh(open);
    for (millis, expected) in [(5_000, 5_000), (4_000, 5_000), (6_000, 6_000)] {
        let mut next = append([put("a", 1)]);
        next.at = at(millis);
        assert_eq!(journal.append(next).await.unwrap().at, at(expected));
    }
    assert_eq!(journal.state_at(Point::Time(at(5_500))).await.unwrap().seq(), Seq(2));
}

pub async fn who_watches_is_told_of_each_commit(open: Open) {
    let (_folder, journal) = fresh(open);
    let mut watch = journal.watch();
    assert_eq!(*watch.borrow_and_update(), Seq::ZERO);
    add(&*journal, [put("a", 1)]).await;
    watch.changed().await.unwrap();
    assert_eq!(*watch.borrow_and_update(), Seq(1));
    // Told means that it can be read.
    assert_eq!(journal.read(Seq::ZERO, 10).await.unwrap().len(), 1);
}

pub async fn a_backup_opens_as_the_same_journal(open: Open) {
    let (_folder, journal) = fresh(open);
    add(&*journal, [put("a", 1)]).await;
    add(&*journal, [put("b", 1)]).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy");
    journal.backup(&copy).await.unwrap();
    add(&*journal, [put("c", 1)]).await;
    assert!(journal.backup(&copy).await.is_err(), "a backup is never written over");
    let restored = open(&copy);
    assert_eq!((restored.epoch(), numbers(&restored.state()).as_str()), (journal.epoch(), "a=1 b=1"));
    assert_eq!(restored.verify().await.unwrap().problems, Vec::<String>::new());
}

pub async fn a_long_journal_opens_and_travels_like_a_short_one(open: Open) {
    // More than one folded state on disk.
    const COMMITS: u64 = 2_100;
    let (folder, journal) = fresh(open);
    for block in 0..COMMITS / 300 {
        let mut tasks = JoinSet::new();
        for n in 0..300 {
            let journal = Arc::clone(&journal);
            tasks.spawn(async move { add(&*journal, [put(&format!("f{}", n % 50), block)]).await });
        }
        tasks.join_all().await;
    }
    let (state, all) = (journal.state(), fold_of_all(&*journal).await);
    assert_eq!((state.seq(), &*state), (Seq(COMMITS), &all));
    let verification = journal.verify().await.unwrap();
    assert_eq!((verification.commits, verification.problems), (COMMITS, Vec::new()));
    drop(journal);
    let journal = open(folder.path());
    assert_eq!(*journal.state(), all);
    for seq in [1, 1_023, 1_024, 1_025, 2_050] {
        let mut expected = State::default();
        for commit in journal.read(Seq::ZERO, usize::try_from(seq).unwrap()).await.unwrap() {
            expected.fold(&commit);
        }
        assert_eq!(*journal.state_at(Point::Seq(Seq(seq))).await.unwrap(), expected, "{seq}");
    }
}
