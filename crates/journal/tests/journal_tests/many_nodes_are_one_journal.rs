//! Many nodes on one Redis are one journal: any of them writes, all of them hold the same.

// A broken fixture should fail loudly.

use std::{cell::Cell, collections::BTreeMap, sync::Arc, time::Duration};

use crate::support::{add, append, at, delete, expecting, id, named, numbers, put, redis, sqlite};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use tokio::task::JoinSet;
use usher_core::model::Seq;
use usher_journal::{Append, AppendError, Appended, Commit, Expected, Journal, RedisJournal, State};
use usher_testkit::redis::RedisServer;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn nodes(server: &RedisServer, count: usize) -> Vec<Arc<RedisJournal>> {
    (0..count).map(|_| Arc::new(redis::at(server, "shared"))).collect()
}

async fn reaches(journal: &dyn Journal, seq: Seq) {
    let mut watch = journal.watch();
    let reached = watch.wait_for(|own| *own >= seq);
    tokio::time::timeout(PATIENCE, reached).await.unwrap().unwrap();
}

async fn all(journal: &dyn Journal) -> Vec<Commit> {
    journal.read(Seq::ZERO, usize::MAX).await.unwrap()
}

#[tokio::test]
async fn each_node_hears_of_what_the_others_write_in_order() {
    let server = RedisServer::start();
    let nodes = nodes(&server, 2);
    assert_eq!(nodes[0].epoch(), nodes[1].epoch());
    for n in 1..=20 {
        let (writer, listener) = (&nodes[n as usize % 2], &nodes[(n as usize + 1) % 2]);
        assert_eq!(add(&**writer, [put("a", n)]).await, Seq(n));
        reaches(&**listener, Seq(n)).await;
        assert_eq!(numbers(&listener.state()), format!("a={n}"));
    }
    assert_eq!(all(&*nodes[0]).await, all(&*nodes[1]).await);
    let verified = (nodes[0].verify().await.unwrap(), nodes[1].verify().await.unwrap());
    assert_eq!(verified.0, verified.1);
    assert_eq!(verified.0.problems, Vec::<String>::new());
}

/// A node that has not heard of the last commit yet must not refuse what would have been right, nor take what is wrong.
#[tokio::test]
async fn what_is_expected_is_judged_by_the_newest_commit_wherever_it_was_written() {
    let server = RedisServer::start();
    let nodes = nodes(&server, 2);
    for n in 0..200 {
        let (writer, other) = (&nodes[n % 2], &nodes[(n + 1) % 2]);
        let key = format!("f{n}");
        let version = add(&**writer, [put(&key, 1)]).await;
        let right = expecting(append([put(&key, 2)]), &key, Expected::Version(version));
        other.append(right).await.unwrap();
        let wrong = expecting(append([put(&key, 3)]), &key, Expected::Version(version));
        assert!(matches!(writer.append(wrong).await, Err(AppendError::Conflict { .. })));
        let absent = expecting(append([put(&key, 3)]), &key, Expected::Absent);
        assert!(matches!(other.append(absent).await, Err(AppendError::Conflict { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_that_write_at_once_lose_nothing_and_leave_no_hole() {
    const EACH: u64 = 200;
    let server = RedisServer::start();
    let nodes = nodes(&server, 3);
    let mut tasks = JoinSet::new();
    for n in 0..3 * EACH {
        let node = Arc::clone(&nodes[n as usize % 3]);
        tasks.spawn(async move {
            let mut append = append([put(&format!("f{n}"), n), put("shared", n)]);
            append.message = n.to_string();
            (n.to_string(), node.append(append).await.unwrap().seq)
        });
    }
    let answered: BTreeMap<String, Seq> = tasks.join_all().await.into_iter().collect();
    for node in &nodes {
        reaches(&**node, Seq(3 * EACH)).await;
        let found: BTreeMap<String, Seq> =
            all(&**node).await.into_iter().map(|commit| (commit.message, commit.seq)).collect();
        assert_eq!(found, answered, "each is there once, where its sender was told");
        let mut folded = State::default();
        all(&**node).await.iter().for_each(|commit| folded.fold(commit));
        assert_eq!(*node.state(), folded);
    }
    assert_eq!(nodes[2].verify().await.unwrap().problems, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_on_all_nodes_who_expect_the_same_version_one_wins() {
    let server = RedisServer::start();
    let nodes = nodes(&server, 3);
    let first = add(&*nodes[0], [put("a", 0)]).await;
    let mut tasks = JoinSet::new();
    for n in 1..=60 {
        let node = Arc::clone(&nodes[n % 3]);
        let append = expecting(append([put("a", n as u64)]), "a", Expected::Version(first));
        tasks.spawn(async move { node.append(append).await.is_ok() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_sent_to_every_node_is_carried_out_once() {
    let server = RedisServer::start();
    let nodes = nodes(&server, 3);
    for n in 0..50 {
        let mut tasks = JoinSet::new();
        for node in &nodes {
            let node = Arc::clone(node);
            tasks.spawn(async move {
                node.append(named(append([put("a", n)]), &format!("k{n}"), 1)).await.unwrap()
            });
        }
        let answers = tasks.join_all().await;
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| answer.seq == Seq(n + 1)), "{answers:?}");
    }
    let other = nodes[1].append(named(append([put("a", 0)]), "k7", 2)).await;
    assert!(matches!(other, Err(AppendError::KeyReused(Seq(8)))), "{other:?}");
}

#[tokio::test]
async fn what_was_planned_from_a_state_that_is_gone_is_not_written() {
    let server = RedisServer::start();
    let nodes = nodes(&server, 2);
    add(&*nodes[0], [put("referred", 1)]).await;
    reaches(&*nodes[1], Seq(1)).await;
    let there = || -> usher_journal::Check { Arc::new(|state: &State| state.get(&id("referred")).is_some()) };
    nodes[1].append_checked(append([put("a", 1)]), there()).await.unwrap();
    add(&*nodes[0], [delete("referred")]).await;
    let refused = nodes[1].append_checked(append([put("a", 2)]), there()).await;
    assert!(matches!(refused, Err(AppendError::Outdated)), "{refused:?}");
    assert_eq!(numbers(&nodes[1].state()), "a=1");
}

#[tokio::test]
async fn secrets_are_the_same_for_all_nodes_of_a_workspace_and_others_for_others() {
    let server = RedisServer::start();
    let nodes = nodes(&server, 2);
    let secret = nodes[0].secret("session").await.unwrap();
    assert_eq!(nodes[1].secret("session").await.unwrap(), secret);
    assert_ne!(nodes[1].secret("other").await.unwrap(), secret);
    assert_ne!(redis::at(&server, "elsewhere").secret("session").await.unwrap(), secret);
}

#[tokio::test]
async fn workspaces_of_one_redis_know_nothing_of_each_other() {
    let server = RedisServer::start();
    let (one, two) = (redis::at(&server, "one"), redis::at(&server, "two"));
    assert_ne!(one.epoch(), two.epoch());
    add(&one, [put("a", 1)]).await;
    add(&two, [put("b", 1)]).await;
    assert_eq!((numbers(&one.state()).as_str(), numbers(&two.state()).as_str()), ("a=1", "b=1"));
}

#[tokio::test]
async fn an_embedded_journal_becomes_a_shared_one_and_an_embedded_one_again() {
    let server = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let within = |name: &str| folder.path().join(name);
    let embedded = sqlite(&within("data"));
    for n in 1..=150 {
        embedded.append(named(append([put(&format!("f{}", n % 7), n)]), &format!("k{n}"), 1)).await.unwrap();
    }
    let options = redis::options(&server, "w");
    RedisJournal::restore(&within("data"), &options).unwrap();
    let shared = redis::at(&server, "w");
    assert_ne!(shared.epoch(), embedded.epoch());
    assert_eq!(*shared.state(), *embedded.state());
    let (ours, theirs) = (shared.verify().await.unwrap(), embedded.verify().await.unwrap());
    assert_eq!((&ours.head, &ours.problems), (&theirs.head, &Vec::new()));
    assert!(shared.append(named(append([put("f3", 3)]), "k3", 1)).await.unwrap().replayed);
    let again = RedisJournal::restore(&within("data"), &options).unwrap_err().to_string();
    assert!(again.contains("there is a journal already"), "{again}");
    assert!(RedisJournal::restore(&within("none"), &options).is_err());
    RedisJournal::copy(&options, &within("copy")).unwrap();
    let copy = sqlite(&within("copy"));
    assert_eq!(copy.verify().await.unwrap(), ours);
    assert!(copy.append(named(append([put("f3", 3)]), "k3", 1)).await.unwrap().replayed);
}

/// One step of a sender: at which node, when, on which document, expecting what, under which name.
type Step = (usize, i64, u8, u8, Option<(u8, u8)>);

fn request((_, millis, key, kind, name): Step) -> Append {
    let key = format!("f{key}");
    let mut made = append([if kind == 3 { delete(&key) } else { put(&key, kind.into()) }]);
    made.at = at(millis);
    made = match kind {
        0 => made,
        1 => expecting(made, &key, Expected::Absent),
        _ => expecting(made, &key, Expected::Present),
    };
    match name {
        Some((name, fingerprint)) => named(made, &format!("k{name}"), fingerprint),
        None => made,
    }
}

fn told(result: Result<Appended, AppendError>) -> String {
    format!("{result:?}")
}

/// Whatever is sent to whichever node: the answers are those of the embedded engine, and so are state and hash.
#[test]
fn any_interleaving_is_answered_and_folded_as_by_the_embedded_engine() {
    let day = 24 * 60 * 60 * 1000_i64;
    let times = prop_oneof![0..5_000_i64, Just(day), Just(day + 1), Just(2 * day + 10)];
    let step = (0..3_usize, times, 0..4_u8, 0..4_u8, proptest::option::of((0..3_u8, 0..2_u8)));
    let server = RedisServer::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let round = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig { cases: 40, ..ProptestConfig::default() });
    let result = runner.run(&vec(step, 1..40), |steps| {
        round.set(round.get() + 1);
        let name = format!("round-{}", round.get());
        let folder = tempfile::tempdir().unwrap();
        let embedded = sqlite(folder.path());
        let nodes: Vec<RedisJournal> = (0..3).map(|_| redis::at(&server, &name)).collect();
        runtime.block_on(async {
            for step in steps {
                let ours = told(nodes[step.0].append(request(step)).await);
                prop_assert_eq!(ours, told(embedded.append(request(step)).await), "{:?}", step);
            }
            let seq = embedded.state().seq();
            for node in &nodes {
                reaches(node, seq).await;
                prop_assert_eq!(&*node.state(), &*embedded.state());
            }
            let (ours, theirs) = (nodes[0].verify().await.unwrap(), embedded.verify().await.unwrap());
            prop_assert_eq!((ours.head, ours.problems), (theirs.head, theirs.problems));
            Ok(())
        })
    });
    result.unwrap();
}
