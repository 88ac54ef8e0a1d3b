//! Sentinels lead to the master, also to the next one; a Cluster to the node that has the workspace.

// A broken fixture should fail loudly.

use std::time::Duration;

use crate::support::{add, append, named, numbers, put};
use usher_core::model::Seq;
use usher_journal::{AppendError, Health, Journal, RedisJournal, RedisOptions};
use usher_testkit::redis::{RedisServer, wait};

#[tokio::test]
async fn a_cluster_leads_to_the_node_that_has_the_workspace() {
    const DURABLE: [&str; 3] = ["--appendonly yes", "--appendfsync always", "--cluster-enabled yes"];
    let nodes = [RedisServer::start_with(&DURABLE), RedisServer::start_with(&DURABLE)];
    for (node, (from, to)) in nodes.iter().zip([("0", "8191"), ("8192", "16383")]) {
        assert_eq!(node.command(&["CLUSTER", "ADDSLOTSRANGE", from, to]), "+OK\r\n");
    }
    let port = nodes[1].port().to_string();
    assert_eq!(nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port]), "+OK\r\n");
    for node in &nodes {
        wait("they know each other", || node.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    }
    // Names that land on either node.
    for workspace in ["a", "b", "c", "d", "e", "f"] {
        let url = format!("redis+cluster://127.0.0.1:{},127.0.0.1:{}", nodes[0].port(), nodes[1].port());
        let options = RedisOptions { workspace: workspace.to_owned(), ..RedisOptions::new(url) };
        let (one, two) = (RedisJournal::open(&options).unwrap(), RedisJournal::open(&options).unwrap());
        assert_eq!(add(&one, [put("a", 1)]).await, Seq(1));
        let (mut watch, limit) = (two.watch(), Duration::from_secs(10));
        tokio::time::timeout(limit, watch.wait_for(|seq| *seq == Seq(1))).await.unwrap().unwrap();
        assert_eq!(two.verify().await.unwrap().problems, Vec::<String>::new());
    }
    let has = |node: &RedisServer| node.command(&["KEYS", "{usher:*}:log"]).matches("log").count();
    assert_eq!(has(&nodes[0]) + has(&nodes[1]), 6);
    assert!(has(&nodes[0]) > 0 && has(&nodes[1]) > 0, "both have some");
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_lead_to_the_next_master_and_nothing_acknowledged_is_lost_on_the_way() {
    let mut master = RedisServer::start();
    let replica = master.replica();
    let sentinel = RedisServer::sentinel("main", &master);
    let url = format!("redis+sentinel://127.0.0.1:{}/main", sentinel.port());
    let options = RedisOptions { replicas: 1, ..RedisOptions::new(url) };
    let journal = RedisJournal::open(&options).unwrap();
    for n in 1..=20 {
        assert_eq!(add(&journal, [put("a", n)]).await, Seq(n));
    }
    wait("the sentinel knows the replica", || {
        sentinel.command(&["SENTINEL", "replicas", "main"]).contains(&replica.port().to_string())
    });
    master.kill_nine();
    assert_eq!(numbers(&journal.state()), "a=20");
    wait("the replica is the master", || replica.says(&["ROLE"], "master"));
    // There is no second one to have it; whoever must have two copies is not told that there are.
    let limit = std::time::Instant::now() + Duration::from_secs(60);
    let refused = loop {
        assert!(std::time::Instant::now() < limit, "{:?}", journal.health());
        match journal.append(named(append([put("a", 21)]), "k", 1)).await {
            Err(AppendError::Unavailable(reason)) if reason.contains("is written") => break reason,
            Err(AppendError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            other => panic!("{other:?}"),
        }
    };
    assert!(refused.contains("commit 21") && refused.contains("0 of 1 replicas"), "{refused}");
    // The old one comes back as a replica.
    master.restart();
    wait("the old master follows", || replica.says(&["INFO", "replication"], "state=online"));
    let again = journal.append(named(append([put("a", 21)]), "k", 1)).await.unwrap();
    assert_eq!((again.seq, again.replayed), (Seq(21), true));
    assert_eq!(journal.health(), Health::Well);
    assert_eq!(journal.verify().await.unwrap().problems, Vec::<String>::new());
}
