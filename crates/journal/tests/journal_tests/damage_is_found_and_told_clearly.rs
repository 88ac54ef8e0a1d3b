//! A journal that is in use, foreign, damaged or on a full disk says so; what was acknowledged stays.
// A fixture that breaks should fail loudly.

use std::{fs, path::Path, process::Command};

use crate::support::{self, add, append, delete, id, numbers, put, sqlite};
use rusqlite::Connection;
use tempfile::TempDir;
use usher_core::model::Seq;
use usher_journal::{AppendError, JournalError, Point, SqliteJournal};

/// Set for this program's own children, to the folder they work in.
const CHILD: &str = "USHER_JOURNAL_TEST_CHILD";

async fn of_three(folder: &Path) {
    let journal = sqlite(folder);
    add(&*journal, [put("a", 1), put("b", 1)]).await;
    add(&*journal, [put("a", 2)]).await;
    add(&*journal, [delete("b")]).await;
}

fn tamper(folder: &Path, sql: &str) {
    let connection = Connection::open(folder.join("journal.db")).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn refusal(folder: &Path) -> JournalError {
    match SqliteJournal::open(folder) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

async fn problems_after(sql: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    of_three(folder.path()).await;
    let journal = sqlite(folder.path());
    assert_eq!(journal.verify().await.unwrap().problems, Vec::<String>::new());
    tamper(folder.path(), sql);
    journal.verify().await.unwrap().problems.join("; ")
}

#[tokio::test]
async fn an_altered_commit_is_found() {
    let found = problems_after("UPDATE commits SET body = replace(body, 'Ana', 'Eve') WHERE seq = 2").await;
    assert!(found.contains("commit 2 is not what was written"), "{found}");
}

#[tokio::test]
async fn a_commit_that_was_altered_together_with_its_hash_is_found_by_the_next() {
    let sql = "UPDATE commits SET body = replace(body, 'Ana', 'Eve'), hash = zeroblob(32) WHERE seq = 1";
    let found = problems_after(sql).await;
    assert!(found.contains("commit 1 is not") && found.contains("commit 2 is not"), "{found}");
}

#[tokio::test]
async fn a_missing_commit_is_found() {
    assert!(problems_after("DELETE FROM commits WHERE seq = 2").await.contains("commit 2 is missing"));
    assert!(problems_after("DELETE FROM commits WHERE seq = 1").await.contains("commit 1 is missing"));
}

#[tokio::test]
async fn a_commit_that_is_no_longer_json_is_found() {
    let found = problems_after("UPDATE commits SET body = substr(body, 1, 20) WHERE seq = 3").await;
    assert!(found.contains("commit 3"), "{found}");
}

#[tokio::test]
async fn exchanged_commits_are_found() {
    let sql = "UPDATE commits SET seq = -2 WHERE seq = 2; UPDATE commits SET seq = 2 WHERE seq = 3; \
               UPDATE commits SET seq = 3 WHERE seq = -2";
    assert!(problems_after(sql).await.contains("commit 2"));
}

#[tokio::test]
async fn an_index_that_lacks_a_commit_is_found() {
    let found = problems_after("DELETE FROM touched WHERE seq = 2").await;
    assert!(found.contains("commit 2 is missing from the history of flag/a"), "{found}");
}

#[tokio::test]
async fn a_folded_state_that_its_commits_do_not_give_is_found() {
    let state = r#"{"seq":3,"at":"1970-01-01T00:00:01Z","entries":[],"tombstones":[]}"#;
    let found = problems_after(&format!("INSERT INTO snapshots VALUES (3, '{state}')")).await;
    assert!(found.contains("the folded state of commit 3"), "{found}");
}

#[tokio::test]
async fn the_hash_of_all_tells_journals_apart() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    of_three(one.path()).await;
    of_three(two.path()).await;
    let head = async |folder: &TempDir| sqlite(folder.path()).verify().await.unwrap().head;
    let (first, second) = (head(&one).await, head(&two).await);
    assert_eq!((first.len(), &first), (64, &second), "equal commits have equal hashes");
    add(&*sqlite(two.path()), [put("c", 1)]).await;
    assert_ne!(first, head(&two).await);
}

#[tokio::test]
async fn a_journal_with_a_hole_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    of_three(folder.path()).await;
    tamper(folder.path(), "DELETE FROM commits WHERE seq = 2");
    let error = refusal(folder.path());
    assert!(matches!(error, JournalError::Damaged(_)), "{error}");
    assert!(error.to_string().contains("commit 2 is missing. Restore a backup"), "{error}");
}

#[test]
fn what_is_no_journal_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.db");
    let text = "not a database, but somebody's letter\n".repeat(200);
    fs::write(&file, &text).unwrap();
    let error = refusal(folder.path());
    assert!(error.to_string().contains("journal.db is not a journal"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    tamper(folder.path(), "CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('Ana');");
    let error = refusal(folder.path());
    assert!(matches!(error, JournalError::Foreign { .. }), "{error}");
    let connection = Connection::open(folder.path().join("journal.db")).unwrap();
    let tables = "SELECT group_concat(name) FROM sqlite_master WHERE type = 'table'";
    let tables: String = connection.query_row(tables, [], |row| row.get(0)).unwrap();
    assert_eq!(tables, "songs");
}

#[tokio::test]
async fn a_journal_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    of_three(folder.path()).await;
    tamper(folder.path(), "PRAGMA user_version = 7");
    let error = refusal(folder.path()).to_string();
    assert!(error.contains("it has version 7") && error.contains("use a newer program"), "{error}");
}

#[tokio::test]
async fn a_file_cut_in_half_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = sqlite(folder.path());
    for n in 0..200 {
        add(&*journal, [put(&format!("f{n}"), n)]).await;
    }
    drop(journal);
    tamper(folder.path(), "PRAGMA wal_checkpoint(TRUNCATE)");
    let file = fs::OpenOptions::new().write(true).open(folder.path().join("journal.db")).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(error, JournalError::Damaged(_)), "{error}");
}

#[tokio::test]
async fn a_journal_in_use_is_not_opened_twice() {
    let folder = tempfile::tempdir().unwrap();
    let journal = sqlite(folder.path());
    assert!(matches!(refusal(folder.path()), JournalError::InUse(_)));
    add(&*journal, [put("a", 1)]).await;
    drop(journal);
    assert_eq!(numbers(&sqlite(folder.path()).state()), "a=1");
}

#[test]
fn another_process_is_told_that_the_journal_is_in_use() {
    if let Ok(folder) = std::env::var(CHILD) {
        println!("the child says: {}", refusal(Path::new(&folder)));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _journal = sqlite(folder.path());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["another_process_is_told_that_the_journal_is_in_use", "--nocapture"])
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("is in use by another process: stop that one first"), "{said}");
}

#[test]
fn on_a_full_disk_writing_is_refused_and_nothing_acknowledged_is_lost() {
    if let Ok(folder) = std::env::var(CHILD) {
        return fill(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    // A limit on the size of files stands in for the full disk: it needs no rights and no disk.
    let script = "ulimit -f 512; trap '' XFSZ; exec \"$0\" \
                  on_a_full_disk_writing_is_refused_and_nothing_acknowledged_is_lost --nocapture";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let told = |name: &str| -> u64 {
        let line = said.lines().find_map(|line| line.split_once(name)).unwrap_or_else(|| panic!("{said}")).1;
        line.trim().parse().unwrap()
    };
    let (acknowledged, refused) = (told("acknowledged:"), told("refused:"));
    assert!(acknowledged > 0 && refused > 1, "{said}");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let journal = sqlite(folder.path());
        assert_eq!(journal.state().seq(), Seq(acknowledged), "what was refused is not there, the rest is");
        assert_eq!(journal.verify().await.unwrap().problems, Vec::<String>::new());
        assert_eq!(add(&*journal, [put("after", 1)]).await, Seq(acknowledged + 1));
    });
}

/// Appends large documents until the disk is full, and goes on for a little.
fn fill(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let journal = sqlite(folder);
        let (mut acknowledged, mut refused) = (0, 0);
        for n in 0..200 {
            let text = "x".repeat(20_000);
            let large = serde_json::json!({"kind": "flag", "key": format!("f{n}"), "text": text});
            let change = usher_journal::Change::Put(support::document(large));
            match journal.append(append([change])).await {
                Ok(appended) => {
                    acknowledged += 1;
                    assert_eq!(appended.seq, Seq(acknowledged));
                }
                Err(AppendError::Unavailable(_)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
            assert_eq!(journal.state().seq(), Seq(acknowledged));
            if refused == 3 {
                break;
            }
        }
        // Reading goes on.
        assert!(journal.state().get(&id("f0")).is_some());
        let early = journal.state_at(Point::Seq(Seq(1))).await.unwrap();
        assert_eq!(early.len(), 1);
        println!("\nacknowledged:{acknowledged}\nrefused:{refused}");
    });
}
