//! A master that hangs is replaced by the Sentinels: nobody waits for it any more, and what it takes once it goes on is
//! told to nobody as done.

// A broken fixture should fail loudly.

use std::{sync::Arc, time::Duration};

use crate::support::{add, append, named, numbers, put};
use usher_core::model::Seq;
use usher_journal::{AppendError, Appended, Journal, RedisJournal, RedisOptions};
use usher_testkit::redis::{RedisServer, wait};

const POLL: Duration = Duration::from_millis(10);
/// Longer than a Sentinel on a busy machine takes to name another master.
const TRIES: usize = 12_000;

/// A master with its replicas, and a Sentinel that watches them.
struct Watched {
    master: RedisServer,
    replicas: Vec<RedisServer>,
    sentinel: RedisServer,
}

impl Watched {
    fn start(replicas: usize) -> Self {
        let master = RedisServer::start();
        let replicas: Vec<RedisServer> = (0..replicas).map(|_| master.replica()).collect();
        let sentinel = RedisServer::sentinel("main", &master);
        for replica in &replicas {
            let port = replica.port().to_string();
            wait("the sentinel knows the replica", || {
                sentinel.says(&["SENTINEL", "replicas", "main"], &port)
            });
            // It writes its files anew once it has all that its master has.
            let is_done = || replica.says(&["INFO", "persistence"], "aof_rewrite_in_progress:0");
            wait("the replica has it on its disk", is_done);
        }
        Self { master, replicas, sentinel }
    }

    fn options(&self, replicas: u32) -> RedisOptions {
        let url = format!("redis+sentinel://127.0.0.1:{}/main", self.sentinel.port());
        RedisOptions { replicas, ..RedisOptions::new(url) }
    }

    /// Waits until a replica is the master.
    fn is_replaced(&self) {
        wait("a replica is the master", || {
            self.replicas.iter().any(|replica| replica.says(&["ROLE"], "master"))
        });
    }

    /// A journal on the next master, once the Sentinel names it.
    async fn opened(&self, replicas: u32) -> RedisJournal {
        for _ in 0..TRIES {
            if let Ok(journal) = RedisJournal::open(&self.options(replicas)) {
                return journal;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("the sentinel names no master");
    }
}

/// Appends, again and again, until it is safe.
async fn until_safe(journal: &RedisJournal, key: &str, number: u64) -> Appended {
    for _ in 0..TRIES {
        match journal.append(named(append([put(key, number)]), key, 1)).await {
            Err(AppendError::Unavailable(_)) => tokio::time::sleep(POLL).await,
            done => return done.unwrap(),
        }
    }
    panic!("it is never safe");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replaced_master_takes_is_never_answered_by_the_number_of_another_commit() {
    let servers = Watched::start(2);
    let one = Arc::new(RedisJournal::open(&servers.options(1)).unwrap());
    add(&*one, [put("a", 1)]).await;
    servers.master.signal("STOP");
    // It is on its way before anybody knows that the master hangs.
    let (writing, mut late) = (Arc::clone(&one), append([put("a", 2)]));
    late.message = "late".to_owned();
    let late = tokio::spawn(async move { writing.append(late).await });
    servers.is_replaced();
    let two = servers.opened(1).await;
    assert_eq!(until_safe(&two, "b", 1).await.seq, Seq(2));
    wait("the first follows the next master", || numbers(&one.state()).contains("b=1"));
    // It goes on where it was, for it does not know yet: what it takes now, it takes as commit 2.
    servers.master.signal("CONT");
    let answer = late.await.unwrap();
    let fresh = servers.opened(1).await;
    let commits = fresh.read(Seq::ZERO, usize::MAX).await.unwrap();
    assert_eq!(commits[1].changes, [put("b", 1)]);
    match answer {
        Ok(Appended { seq, .. }) => {
            let there = commits.iter().find(|commit| commit.seq == seq);
            assert_eq!(there.map(|commit| &*commit.message), Some("late"), "answered as {seq}");
        }
        Err(error) => assert!(matches!(error, AppendError::Unavailable(_)), "{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_master_that_hangs_once_another_has_its_place() {
    let servers = Watched::start(1);
    let one = RedisJournal::open(&servers.options(0)).unwrap();
    add(&one, [put("a", 1)]).await;
    wait("the replica has it", || servers.replicas[0].says(&["XLEN", "{usher:default}:log"], ":1"));
    let fleet = one.fleet().unwrap();
    fleet.keep("note", "before".to_owned()).await.unwrap();
    // Nobody writes while it hangs, so that only whoever follows can notice.
    servers.master.signal("STOP");
    servers.is_replaced();
    let two = servers.opened(0).await;
    add(&two, [put("b", 1)]).await;
    wait("the first follows the next master", || one.state().seq() == Seq(2));
    // It hangs still: whoever asked it would be told nothing.
    assert_eq!(add(&one, [put("a", 2)]).await, Seq(3));
    assert_eq!(one.catch_up().await.unwrap(), Seq(3));
    fleet.keep("note", "after".to_owned()).await.unwrap();
    assert_eq!(two.fleet().unwrap().kept("note").await.unwrap().as_deref(), Some("after"));
}
