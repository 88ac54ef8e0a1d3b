//! The embedded engine keeps what every engine promises.

// A broken fixture should fail loudly.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::support::{add, contract, put, sqlite};
use usher_journal::SqliteJournal;

macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $promise() {
                contract::$promise(sqlite).await;
            }
        )*
    };
}

promises!(
    commits_count_from_one_and_are_read_back_as_they_were_written,
    a_commit_is_written_whole_or_not_at_all,
    a_stale_version_is_refused_with_who_was_faster,
    a_name_used_again_gives_the_first_answer_or_is_refused,
    a_name_is_free_again_after_a_day,
    a_name_whose_first_request_still_runs_is_told_so,
    a_refused_request_does_not_use_its_name_up,
    concurrent_appends_leave_no_hole_and_lose_nothing,
    of_many_who_expect_the_same_version_one_wins,
    a_restart_changes_nothing,
    any_earlier_state_is_exact,
    history_is_newest_first_and_knows_each_document,
    a_place_that_no_journal_reaches_is_empty_not_an_error,
    time_never_goes_back,
    who_watches_is_told_of_each_commit,
    a_backup_opens_as_the_same_journal,
    a_long_journal_opens_and_travels_like_a_short_one,
);

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_in_use_is_copied_as_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let journal = sqlite(&folder.path().join("data"));
    let first = add(&*journal, [put("a", 0)]).await;
    let is_copied = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (journal, is_copied) = (Arc::clone(&journal), Arc::clone(&is_copied));
        async move {
            let mut last = first;
            while !is_copied.load(Ordering::Relaxed) {
                last = add(&*journal, [put("a", last.0)]).await;
            }
            last
        }
    });
    let (from, to) = (folder.path().join("data"), folder.path().join("copy"));
    let copied = tokio::task::spawn_blocking(move || SqliteJournal::copy(&from, &to));
    let copied = copied.await.unwrap();
    is_copied.store(true, Ordering::Relaxed);
    let last = writer.await.unwrap();
    copied.unwrap();

    let copy = sqlite(&folder.path().join("copy"));
    assert_eq!(copy.verify().await.unwrap().problems, Vec::<String>::new());
    assert_eq!(copy.epoch(), journal.epoch());
    assert!((first..=last).contains(&copy.state().seq()));
    assert!(SqliteJournal::copy(&folder.path().join("none"), &folder.path().join("other")).is_err());
}

/// What comes after a restored backup is not what came after it the first time: whoever has seen that must not
/// take one for the other.
#[tokio::test]
async fn a_restored_journal_is_another_one_with_the_same_commits() {
    let folder = tempfile::tempdir().unwrap();
    let within = |name: &str| folder.path().join(name);
    let journal = sqlite(&within("data"));
    add(&*journal, [put("a", 1)]).await;
    journal.backup(&within("backup")).await.unwrap();
    SqliteJournal::restore(&within("backup"), &within("restored")).unwrap();
    let restored = sqlite(&within("restored"));
    assert_ne!(restored.epoch(), journal.epoch());
    assert_eq!(*restored.state(), *journal.state());
    let (one, other) = (restored.verify().await.unwrap(), journal.verify().await.unwrap());
    assert_eq!((one.head, one.problems), (other.head, Vec::new()));
    assert!(SqliteJournal::restore(&within("backup"), &within("restored")).is_err());
}

#[tokio::test]
async fn a_journal_that_was_closed_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let journal = sqlite(folder.path());
    add(&*journal, [put("a", 1)]).await;
    drop(journal);
    let mut files: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort_unstable();
    assert_eq!(files, ["journal.db", "journal.lock"]);
}
