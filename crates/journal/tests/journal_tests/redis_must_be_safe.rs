//! A Redis that could lose what it acknowledged is refused; what is damaged, foreign or altered in one is found.

// A broken fixture should fail loudly.

use std::time::Duration;

use crate::support::{self, add, append, delete, named, put, redis};
use usher_core::model::Seq;
use usher_journal::{AppendError, Journal, JournalError, RedisJournal, RedisOptions};
use usher_testkit::redis::{RedisServer, wait};

fn refusal(options: &RedisOptions) -> JournalError {
    match RedisJournal::open(options) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_redis_that_could_lose_commits_is_refused_unless_that_is_accepted() {
    for (configured, why) in [
        (&["--appendonly no"][..], "appendonly yes"),
        (&["--appendonly yes", "--appendfsync everysec"], "appendfsync everysec"),
        (
            &["--appendonly yes", "--appendfsync always", "--no-appendfsync-on-rewrite yes"],
            "no-appendfsync-on-rewrite",
        ),
        (&["--appendonly yes", "--appendfsync always", "--maxmemory-policy allkeys-lru"], "noeviction"),
        (&["--appendonly yes", "--appendfsync always", "--rename-command CONFIG nobody"], "configuration"),
    ] {
        let server = RedisServer::start_with(configured);
        let options = redis::options(&server, "w");
        let error = refusal(&options);
        assert!(matches!(error, JournalError::NotDurable { .. }), "{error}");
        let told = error.to_string();
        assert!(told.contains(why) && told.contains("redis_without_aof"), "{told}");
        let journal = RedisJournal::open(&RedisOptions { without_aof: true, ..options }).unwrap();
        assert!(journal.durability().weakness.is_some_and(|weakness| weakness.contains(why)));
        assert_eq!(add(&journal, [put("a", 1)]).await, Seq(1));
    }
    let server = RedisServer::start();
    let durability = redis::at(&server, "w").durability();
    assert_eq!((durability.weakness, durability.sync.as_str()), (None, "always"));
    let said = server.command(&["INFO", "server"]);
    let of = |field: &str| said.lines().find_map(|line| Some(line.strip_prefix(field)?.trim().to_owned()));
    let valkey = of("valkey_version:").map(|version| format!("Valkey {version}"));
    let told = valkey.or_else(|| Some(format!("Redis {}", of("redis_version:")?)));
    assert_eq!(Some(durability.engine), told);
}

#[tokio::test]
async fn a_redis_that_is_not_there_or_takes_no_writes_is_told_without_its_password() {
    let mut server = RedisServer::start();
    let replica = server.replica();
    let error = refusal(&redis::options(&replica, "w"));
    assert!(error.to_string().contains("is a replica"), "{error}");
    server.kill_nine();
    let gone = RedisOptions::new(format!("redis://:hunter2@127.0.0.1:{}", server.port()));
    let error = refusal(&gone).to_string();
    assert!(error.contains(&server.port().to_string()) && !error.contains("hunter2"), "{error}");
    let locked =
        RedisServer::start_with(&["--appendonly yes", "--appendfsync always", "--requirepass hunter2"]);
    let error =
        refusal(&RedisOptions::new(format!("redis://:wrong-one@127.0.0.1:{}", locked.port()))).to_string();
    assert!(!error.contains("wrong-one"), "{error}");
    let right = RedisOptions::new(format!("redis://:hunter2@127.0.0.1:{}", locked.port()));
    assert_eq!(add(&RedisJournal::open(&right).unwrap(), [put("a", 1)]).await, Seq(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_replicas_do_not_have_is_not_acknowledged_until_they_do() {
    let server = RedisServer::start();
    let mut replica = server.replica();
    let options = RedisOptions { replicas: 1, ..redis::options(&server, "w") };
    let journal = RedisJournal::open(&options).unwrap();
    assert_eq!(add(&journal, [put("a", 1)]).await, Seq(1));
    assert_eq!((journal.durability().replicas_needed, journal.durability().replicas), (1, 1));
    replica.kill_nine();
    let request = || named(append([put("a", 2)]), "k", 1);
    for _ in 0..2 {
        let Err(AppendError::Unavailable(reason)) = journal.append(request()).await else {
            panic!("acknowledged")
        };
        assert!(reason.contains("commit 2 is written, but not known to be safe"), "{reason}");
    }
    let asked = support::idempotency("k", 1);
    assert!(matches!(journal.answered(&asked, support::at(1_000)).await, Err(AppendError::Unavailable(_))));
    replica.restart();
    wait("the replica is back", || server.command(&["INFO", "replication"]).contains("state=online"));
    // Where the server tells of disks, a replica that came back has nothing there until it has written its log anew.
    let again = loop {
        match journal.append(request()).await {
            Err(AppendError::Unavailable(reason)) => {
                assert!(reason.contains("commit 2 is written"), "{reason}");
            }
            other => break other.unwrap(),
        }
    };
    assert_eq!((again.seq, again.replayed), (Seq(2), true));
    assert_eq!(journal.answered(&asked, support::at(1_000)).await.unwrap(), Some(again));
    assert_eq!(replica.command(&["XLEN", "{usher:w}:log"]), ":2\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_without_a_log_does_not_count_where_the_server_can_tell() {
    let server = RedisServer::start();
    let of = format!("--replicaof 127.0.0.1 {}", server.port());
    let replica = RedisServer::start_with(&["--appendonly no", &of]);
    wait("the replica is there", || server.command(&["INFO", "replication"]).contains("state=online"));
    let tells_disks = server.command(&["COMMAND", "INFO", "WAITAOF"]).contains("waitaof");
    let options = RedisOptions { replicas: 1, ..redis::options(&server, "w") };
    let added = RedisJournal::open(&options).unwrap().append(append([put("a", 1)])).await;
    if tells_disks {
        let Err(AppendError::Unavailable(reason)) = added else { panic!("acknowledged: {added:?}") };
        assert!(reason.contains("only 0 of 1 replicas have it"), "{reason}");
    } else {
        assert_eq!(added.unwrap().seq, Seq(1));
    }
    // It has it in memory all the same.
    assert_eq!(replica.command(&["XLEN", "{usher:w}:log"]), ":1\r\n");
}

#[tokio::test]
async fn what_is_no_journal_is_refused_and_left_alone() {
    let server = RedisServer::start();
    assert!(server.command(&["SET", "{usher:w}:meta", "somebody's"]).starts_with('+'));
    assert!(matches!(refusal(&redis::options(&server, "w")), JournalError::Foreign { .. }));
    assert_eq!(server.command(&["GET", "{usher:w}:meta"]), "$10\r\nsomebody's\r\n");
    assert!(server.command(&["XADD", "{usher:x}:log", "7-0", "a", "b"]).starts_with('$'));
    assert!(matches!(refusal(&redis::options(&server, "x")), JournalError::Foreign { .. }));
    drop(redis::at(&server, "y"));
    assert!(server.command(&["HSET", "{usher:y}:meta", "format", "7"]).starts_with(':'));
    let error = refusal(&redis::options(&server, "y")).to_string();
    assert!(error.contains("it has version 7") && error.contains("use a newer program"), "{error}");
}

/// The problems that are found once a log of three commits was tampered with.
async fn problems_after(tampering: &[&[&str]]) -> String {
    let server = RedisServer::start();
    let journal = redis::at(&server, "w");
    add(&journal, [put("a", 1), put("b", 1)]).await;
    add(&journal, [put("a", 2)]).await;
    add(&journal, [delete("b")]).await;
    assert_eq!(journal.verify().await.unwrap().problems, Vec::<String>::new());
    for words in tampering {
        let answer = server.command(words);
        assert!(!answer.starts_with('-'), "{answer}");
    }
    let found = journal.verify().await.unwrap().problems.join("; ");
    // Also without opening it.
    let alone = RedisJournal::verify_at(&redis::options(&server, "w")).unwrap();
    assert_eq!(alone.problems.join("; "), found);
    found
}

#[tokio::test]
async fn what_was_tampered_with_is_found() {
    let log = "{usher:w}:log";
    assert!(problems_after(&[&["XDEL", log, "2-0"]]).await.contains("commit 2 is missing"));
    assert!(problems_after(&[&["XDEL", log, "1-0"]]).await.contains("commit 1 is missing"));
    assert!(problems_after(&[&["XDEL", log, "3-0"]]).await.contains("commit 3 is missing"));
    let untouched = problems_after(&[&["ZREMRANGEBYRANK", "{usher:w}:touched", "0", "0"]]).await;
    assert!(untouched.contains("commit 1 is missing from the history of flag/a"), "{untouched}");
    let altered = "local e = redis.call('XRANGE', KEYS[1], '-', '+'); redis.call('DEL', KEYS[1]); \
                   for n, entry in ipairs(e) do local f = entry[2]; \
                   if n == 2 then f[2] = string.gsub(f[2], 'Ana', 'Eve') end; \
                   redis.call('XADD', KEYS[1], entry[1], unpack(f)) end; return 1";
    let found = problems_after(&[&["EVAL", altered, "1", log]]).await;
    assert!(found.contains("commit 2 is not what was written"), "{found}");
    let state = "0000000000000000000000000000000000000000000000000000000000000000 x {}";
    let found = problems_after(&[&["HSET", "{usher:w}:snapshots", "3", state]]).await;
    assert!(found.contains("the folded state of commit 3"), "{found}");
    let found = problems_after(&[&["HSET", "{usher:w}:meta", "hash", &"0".repeat(64)]]).await;
    assert!(found.contains("commit 3 is not the one that was last written"), "{found}");
}

#[tokio::test]
async fn a_log_with_a_hole_is_not_opened() {
    let server = RedisServer::start();
    let journal = redis::at(&server, "w");
    for n in 1..=3 {
        add(&journal, [put("a", n)]).await;
    }
    drop(journal);
    assert_eq!(server.command(&["XDEL", "{usher:w}:log", "2-0"]), ":1\r\n");
    let error = refusal(&redis::options(&server, "w"));
    assert!(matches!(error, JournalError::Damaged(_)), "{error}");
    assert!(error.to_string().contains("commit 2 is missing"), "{error}");
}

#[tokio::test]
async fn when_its_memory_is_full_writing_is_refused_and_nothing_is_half_written() {
    let limits = ["--appendonly yes", "--appendfsync always", "--maxmemory 4mb"];
    let server = RedisServer::start_with(&limits);
    let journal = redis::at(&server, "w");
    let large = |n: u64| {
        let text = "x".repeat(50_000);
        let document = serde_json::json!({"kind": "flag", "key": format!("f{n}"), "number": n, "text": text});
        append([usher_journal::Change::Put(support::document(document))])
    };
    let (mut acknowledged, mut refused) = (0, 0);
    for n in 0..200 {
        match journal.append(large(n)).await {
            Ok(_) => acknowledged += 1,
            Err(AppendError::Unavailable(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        if refused == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(if refused > 0 { 200 } else { 0 })).await;
    }
    assert!(acknowledged > 10 && refused == 3, "{acknowledged} {refused}");
    let found = RedisJournal::verify_at(&redis::options(&server, "w")).unwrap();
    assert_eq!((found.commits, found.problems), (acknowledged, Vec::new()));
    assert_eq!(journal.state().seq(), Seq(acknowledged));
}
