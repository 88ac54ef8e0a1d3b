//! Redis may be killed, come back with an older file or with nothing: no acknowledged commit is lost, none is there
//! twice, and it is told.

// A broken fixture should fail loudly.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::support::{self, add, append, at, idempotency, named, numbers, put, redis};
use tokio::task::JoinSet;
use usher_core::model::Seq;
use usher_journal::{AppendError, Health, History, Journal, JournalError, RedisJournal};
use usher_testkit::redis::RedisServer;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("it never came about: {what}"));
}

async fn is_well(journal: &dyn Journal) {
    eventually("it is well", || journal.health() == Health::Well).await;
}

/// Waits until a new replica's files are whole: it writes them anew once it has all that its master has.
async fn has_on_disk(replica: &RedisServer) {
    let is_done = || replica.says(&["INFO", "persistence"], "aof_rewrite_in_progress:0");
    eventually("the replica has it on its disk", is_done).await;
}

async fn is_not_well(journal: &dyn Journal) {
    eventually("it is not well", || journal.health() != Health::Well).await;
}

fn copy(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

/// Rounds of killing: few by default, more for a long run.
fn rounds() -> usize {
    std::env::var("USHER_REDIS_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_nine_and_nothing_is_written_twice() {
    let mut server = RedisServer::start();
    let nodes: Vec<Arc<RedisJournal>> = (0..2).map(|_| Arc::new(redis::at(&server, "w"))).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..4_usize {
        let (node, stop) = (Arc::clone(&nodes[writer % 2]), Arc::clone(&stop));
        writers.spawn(async move {
            let mut acknowledged = BTreeMap::new();
            for n in 0_u64.. {
                let name = format!("{writer}-{n}");
                loop {
                    let mut next = named(append([put(&name, n), put("shared", n)]), &name, 1);
                    next.message.clone_from(&name);
                    match node.append(next).await {
                        Ok(appended) => {
                            acknowledged.insert(name, appended.seq);
                            break;
                        }
                        Err(AppendError::Unavailable(_)) => tokio::time::sleep(POLL).await,
                        Err(other) => panic!("{other}"),
                    }
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            acknowledged
        });
    }
    for round in 0..rounds() {
        let before = nodes[0].state().seq();
        eventually("they write", || nodes[0].state().seq() > Seq(before.0 + 20)).await;
        tokio::time::sleep(Duration::from_millis(round as u64 * 7 % 50)).await;
        server.restart();
    }
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = BTreeMap::new();
    for one in writers.join_all().await {
        acknowledged.extend(one);
    }
    assert!(acknowledged.len() > 20 * rounds());
    let fresh = redis::at(&server, "w");
    let mut found = BTreeMap::new();
    for commit in fresh.read(Seq::ZERO, usize::MAX).await.unwrap() {
        let twice = found.insert(commit.message.clone(), commit.seq);
        assert_eq!(twice, None, "{} is there twice", commit.message);
    }
    assert_eq!(found, acknowledged, "all were acknowledged in the end, where they are");
    assert_eq!(fresh.verify().await.unwrap().problems, Vec::<String>::new());
    for node in &nodes {
        is_well(&**node).await;
        eventually("it has caught up", || node.state().seq() == fresh.state().seq()).await;
        assert_eq!(*node.state(), *fresh.state());
    }
}

#[tokio::test]
async fn who_asks_first_after_a_restart_does_not_notice_it() {
    let mut server = RedisServer::start();
    let node = redis::at(&server, "w");
    let done = node.append(named(append([put("a", 1)]), "k", 1)).await.unwrap();
    for _ in 0..3 {
        server.restart();
        // The connection that was used last is gone, and nobody has said so yet.
        let answer = node.answered(&idempotency("k", 1), at(1)).await.unwrap();
        assert_eq!(answer.map(|answer| answer.seq), Some(done.seq));
        server.restart();
        add(&node, [put("a", 2)]).await;
    }
}

#[tokio::test]
async fn a_redis_that_comes_back_older_gets_what_it_has_lost_from_all_nodes_at_once() {
    let mut server = RedisServer::start();
    let nodes: Vec<RedisJournal> = (0..3).map(|_| redis::at(&server, "w")).collect();
    for n in 1..=5 {
        add(&nodes[0], [put("a", n)]).await;
    }
    let older = tempfile::tempdir().unwrap();
    let files = older.path().join("older");
    copy(server.folder(), &files);
    // More than one step puts back.
    for n in 6..=150 {
        add(&nodes[n as usize % 3], [put(&format!("f{n}"), n)]).await;
    }
    let named_one = nodes[1].append(named(append([put("b", 1)]), "k", 1)).await.unwrap();
    for node in &nodes {
        eventually("all have it", || node.state().seq() == named_one.seq).await;
    }
    let before = nodes[0].verify().await.unwrap();

    server.restart_with_files(&files);
    eventually("all is put back", || server.command(&["XLEN", "{usher:w}:log"]).starts_with(":151")).await;
    for node in &nodes {
        is_well(node).await;
    }
    let after = redis::at(&server, "w");
    assert_eq!(after.verify().await.unwrap(), before, "the same commits with the same hashes");
    assert_eq!(*after.state(), *nodes[0].state());
    let again = after.append(named(append([put("b", 1)]), "k", 1)).await.unwrap();
    assert_eq!((again.seq, again.at, again.replayed), (named_one.seq, named_one.at, true));
    let told = nodes.iter().filter_map(|node| node.durability().notice).collect::<Vec<_>>();
    assert!(told.iter().any(|told| told.contains("had lost the commits after 5")), "{told:?}");
    let touched = History { document: Some(support::id("f77")), limit: 5, ..History::default() };
    assert_eq!(after.history(touched).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_emptied_redis_gets_the_same_journal_again_with_its_secrets() {
    let mut server = RedisServer::start();
    let journal = redis::at(&server, "w");
    add(&journal, [put("a", 1)]).await;
    add(&journal, [put("b", 2)]).await;
    let (before, secret) = (journal.verify().await.unwrap(), journal.secret("session").await.unwrap());
    server.restart_empty();
    eventually("it is told", || journal.durability().notice.is_some()).await;
    is_well(&journal).await;
    let after = redis::at(&server, "w");
    assert_eq!(after.verify().await.unwrap(), before);
    assert_eq!(after.secret("session").await.unwrap(), secret);
    // Without a restart there is no lost connection to tell of it.
    assert!(server.command(&["FLUSHALL"]).starts_with("+OK"));
    eventually("it is put back", || server.command(&["EXISTS", "{usher:w}:log"]).starts_with(":1")).await;
    eventually("all of it is", || server.command(&["XLEN", "{usher:w}:log"]).starts_with(":2")).await;
    assert_eq!(add(&journal, [put("c", 1)]).await, Seq(3));
}

#[tokio::test]
async fn where_others_wrote_in_the_place_of_what_was_lost_a_node_stops_and_says_what_to_do() {
    let mut server = RedisServer::start();
    let journal = redis::at(&server, "w");
    add(&journal, [put("a", 1)]).await;
    let older = tempfile::tempdir().unwrap();
    let files = older.path().join("older");
    copy(server.folder(), &files);
    add(&journal, [put("a", 2)]).await;
    server.kill_nine();
    is_not_well(&journal).await;
    // Somebody who never knew of commit 2 is there first, as behind a network that was cut.
    let mut elsewhere = RedisServer::start();
    elsewhere.restart_with_files(&files);
    add(&redis::at(&elsewhere, "w"), [put("a", 99)]).await;
    let others = older.path().join("others");
    elsewhere.kill_nine();
    copy(elsewhere.folder(), &others);
    server.restart_with_files(&others);
    eventually("it gives up", || matches!(journal.health(), Health::Failed(_))).await;
    let Health::Failed(reason) = journal.health() else { panic!("it has not") };
    assert!(
        reason.contains("commit 2 in Redis is another one") && reason.contains("start this node anew"),
        "{reason}"
    );
    assert_eq!(numbers(&journal.state()), "a=2", "it goes on answering from its copy");
    let refused = journal.append(append([put("a", 3)])).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    let fresh = redis::at(&server, "w");
    assert_eq!((numbers(&fresh.state()).as_str(), fresh.state().seq()), ("a=99", Seq(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_replica_has_yet_is_taken_by_nobody_and_lost_with_its_server_without_harm() {
    let mut server = RedisServer::start();
    let mut replica = server.replica();
    let (one, two) = (Arc::new(redis::with_replicas(&server, "w", 1)), redis::with_replicas(&server, "w", 1));
    add(&*one, [put("a", 1)]).await;
    eventually("both have it", || two.state().seq() == Seq(1)).await;
    has_on_disk(&replica).await;
    replica.signal("STOP");
    let writing = Arc::clone(&one);
    let lost = tokio::spawn(async move { writing.append(append([put("a", 2)])).await });
    let entries = || server.command(&["XLEN", "{usher:w}:log"]);
    eventually("the server alone has it", || entries().contains('2')).await;
    server.kill_nine();
    assert_eq!([one.state().seq(), two.state().seq()], [Seq(1); 2], "nobody has taken what no replica had");
    // The replica takes its place, as a failover would have it, and somebody else writes there first.
    replica.signal("CONT");
    replica.kill_nine();
    server.restart_with_files(replica.folder());
    let new_replica = server.replica();
    add(&redis::with_replicas(&server, "w", 1), [put("b", 1)]).await;
    let lost = lost.await.unwrap();
    // Sent and not answered: it was written behind the other, or is told to be uncertain.
    assert!(lost.is_ok() || matches!(lost, Err(AppendError::Unavailable(_))), "{lost:?}");
    for node in [&*one, &two] {
        is_well(node).await;
        eventually("they have the same", || node.state().seq() >= Seq(2)).await;
    }
    add(&two, [put("c", 1)]).await;
    eventually("they have the same", || one.state().seq() == two.state().seq()).await;
    assert!(numbers(&one.state()).contains("b=1"), "{}", numbers(&one.state()));
    drop(new_replica);
}

#[tokio::test]
async fn what_was_taken_without_a_replica_is_dropped_where_another_server_takes_over() {
    let mut server = RedisServer::start();
    let mut replica = server.replica();
    let (one, two) = (redis::with_replicas(&server, "w", 1), redis::with_replicas(&server, "w", 1));
    add(&one, [put("a", 1)]).await;
    eventually("both have it", || two.state().seq() == Seq(1)).await;
    has_on_disk(&replica).await;
    replica.signal("STOP");
    let uncertain = one.append(named(append([put("a", 2)]), "k", 1)).await;
    assert!(matches!(uncertain, Err(AppendError::Unavailable(_))), "{uncertain:?}");
    eventually("both go on without a replica", || two.state().seq() == Seq(2)).await;
    server.kill_nine();
    // Somebody else writes at the replica, before they find it.
    replica.kill_nine();
    let mut elsewhere = RedisServer::start();
    elsewhere.restart_with_files(replica.folder());
    assert_eq!(add(&redis::at(&elsewhere, "w"), [put("b", 1)]).await, Seq(2));
    elsewhere.kill_nine();
    server.restart_with_files(elsewhere.folder());
    let new_replica = server.replica();
    for node in [&one, &two] {
        eventually("they have what is there", || numbers(&node.state()) == "a=1 b=1").await;
        is_well(node).await;
    }
    // Whoever was shown what is gone can tell: its stream has another name, the same at all nodes.
    let name = one.standing().0;
    assert_ne!(name, one.epoch());
    eventually("they call it the same", || two.standing().0 == one.standing().0).await;
    assert_eq!(redis::at(&server, "w").standing().0, one.standing().0, "and who starts now does");
    let told = [&one, &two].map(|node| node.durability().notice.unwrap_or_default());
    assert!(told.iter().all(|told| told.contains("dropped 1 of its commits, from 2 on")), "{told:?}");
    // What was not acknowledged is written when it is sent again.
    let again = one.append(named(append([put("a", 2)]), "k", 1)).await.unwrap();
    assert_eq!((again.seq, again.replayed), (Seq(3), false));
    eventually("both have it", || numbers(&two.state()) == "a=2 b=1").await;
    assert_eq!(two.verify().await.unwrap().problems, Vec::<String>::new());
    // A node that has dropped nothing hears of it, also where Redis loses what it was told.
    assert!(server.says(&["HSET", "{usher:w}:meta", "dropped", "0123456789abcdef"], ":0"));
    eventually("both call it anew", || [&one, &two].iter().all(|node| node.standing().0 != name)).await;
    let name = one.standing().0;
    assert!(server.says(&["HDEL", "{usher:w}:meta", "dropped"], ":1"));
    let put_back = || server.says(&["HGET", "{usher:w}:meta", "dropped"], "0123456789abcdef");
    eventually("it is put back", put_back).await;
    assert_eq!([one.standing().0, two.standing().0], [name; 2]);
    drop(new_replica);
}

#[tokio::test]
async fn another_journal_in_the_place_of_ours_is_never_written_to() {
    let mut server = RedisServer::start();
    let journal = redis::at(&server, "w");
    add(&journal, [put("a", 1)]).await;
    server.kill_nine();
    is_not_well(&journal).await;
    let mut elsewhere = RedisServer::start();
    add(&redis::at(&elsewhere, "w"), [put("z", 1)]).await;
    elsewhere.kill_nine();
    server.restart_with_files(elsewhere.folder());
    eventually("it gives up", || matches!(journal.health(), Health::Failed(_))).await;
    let Health::Failed(reason) = journal.health() else { panic!("it has not") };
    assert!(reason.contains("another journal"), "{reason}");
    assert_eq!(numbers(&redis::at(&server, "w").state()), "z=1");
}

#[tokio::test]
async fn without_redis_reads_go_on_writes_are_refused_at_once_and_all_is_caught_up_later() {
    let mut server = RedisServer::start();
    let (one, two) = (redis::at(&server, "w"), redis::at(&server, "w"));
    add(&one, [put("a", 1)]).await;
    eventually("both have it", || two.state().seq() == Seq(1)).await;
    server.kill_nine();
    is_not_well(&one).await;
    is_not_well(&two).await;
    assert!(matches!(one.health(), Health::Degraded(_)), "{:?}", one.health());
    assert_eq!(numbers(&one.state()), "a=1");
    assert_eq!(one.read(Seq::ZERO, 10).await.unwrap().len(), 1, "what is held needs no Redis");
    let refusing = one.append(append([put("a", 2)]));
    let refused = tokio::time::timeout(Duration::from_secs(1), refusing).await.expect("at once");
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    assert!(matches!(one.verify().await, Err(JournalError::Storage(_))));
    server.restart();
    is_well(&one).await;
    assert_eq!(add(&one, [put("a", 3)]).await, Seq(2));
    is_well(&two).await;
    eventually("the other hears of it", || numbers(&two.state()) == "a=3").await;
    assert_eq!(one.durability().notice, None, "nothing was lost");
}

/// A stalled server takes what it was sent when it goes on: whoever gave up must not send it as another commit.
#[tokio::test]
async fn a_stalled_redis_makes_no_commit_come_twice() {
    let server = RedisServer::start();
    let journal = Arc::new(redis::at(&server, "w"));
    add(&*journal, [put("a", 1)]).await;
    server.signal("STOP");
    let sent = tokio::spawn({
        let journal = Arc::clone(&journal);
        async move { journal.append(named(append([put("a", 2)]), "k", 1)).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.signal("CONT");
    assert_eq!(sent.await.unwrap().unwrap().seq, Seq(2));
    let again = journal.append(named(append([put("a", 2)]), "k", 1)).await.unwrap();
    assert!(again.replayed);
    assert_eq!(journal.state().seq(), Seq(2));
}
