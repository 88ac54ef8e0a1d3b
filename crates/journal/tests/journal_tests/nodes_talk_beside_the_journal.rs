//! Nodes of one journal hear each other, also after Redis was away, and leave nothing of it in the log.

// A broken fixture should fail loudly.

use std::time::Duration;

use crate::support::redis;
use usher_core::model::Seq;
use usher_journal::{Fleet, Journal};
use usher_testkit::redis::RedisServer;

/// Says it until it is heard: what is said while nobody is connected yet is lost, and may be.
async fn is_heard(from: &dyn Fleet, by: &dyn Fleet, text: &str) {
    let mut heard = by.listen();
    for _ in 0..300 {
        from.say("venues", text.to_owned());
        let word = tokio::time::timeout(Duration::from_millis(100), heard.recv()).await;
        if word.is_ok_and(|word| word.is_ok_and(|word| *word == *text)) {
            return;
        }
    }
    panic!("`{text}` was never heard");
}

#[tokio::test]
async fn what_one_node_says_the_others_hear_also_after_redis_was_away() {
    let mut server = RedisServer::start();
    let [a, b, other] = ["one", "one", "another"].map(|workspace| redis::at(&server, workspace));
    let (a, b) = (a.fleet().unwrap(), b.fleet().unwrap());
    assert_ne!(a.node(), b.node());
    let mut elsewhere = other.fleet().unwrap().listen();
    is_heard(&*a, &*b, "twelve at Wembley").await;
    is_heard(&*b, &*a, "none at the Dome").await;
    server.kill_nine();
    server.restart();
    is_heard(&*a, &*b, "thirteen at Wembley").await;
    assert!(elsewhere.try_recv().is_err(), "another workspace hears nothing of it");
    let kept = server.command(&["KEYS", "*fleet*"]);
    assert_eq!(kept.trim(), "*0", "nothing of it is kept");
    assert_eq!(other.state().seq(), Seq::ZERO);
}

#[tokio::test]
async fn a_word_about_one_matter_replaces_none_about_another() {
    let server = RedisServer::start();
    let [a, b] = ["one", "one"].map(|workspace| redis::at(&server, workspace));
    let (a, b) = (a.fleet().unwrap(), b.fleet().unwrap());
    is_heard(&*a, &*b, "both are here").await;
    let mut heard = b.listen();
    for n in 0..100 {
        // None waits until the one before is sent.
        a.say("venues", format!("venue {n}"));
        a.say("counts", format!("count {n}"));
    }
    let (mut venue, mut count) = (false, false);
    while !(venue && count) {
        let word = tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.unwrap().unwrap();
        venue |= *word == *"venue 99";
        count |= *word == *"count 99";
    }
}

#[tokio::test]
async fn what_one_node_keeps_the_others_find_also_after_redis_was_away() {
    let mut server = RedisServer::start();
    let [a, b, other] = ["one", "one", "another"].map(|workspace| redis::at(&server, workspace));
    let (a, b) = (a.fleet().unwrap(), b.fleet().unwrap());
    assert_eq!(b.kept("place").await.unwrap(), None);
    a.keep("place", "twelve".to_owned()).await.unwrap();
    assert_eq!(b.kept("place").await.unwrap().as_deref(), Some("twelve"));
    assert_eq!(b.kept("other").await.unwrap(), None);
    server.kill_nine();
    assert!(a.keep("place", "thirteen".to_owned()).await.is_err(), "it can't be kept now");
    server.restart();
    a.keep("place", "fourteen".to_owned()).await.unwrap();
    assert_eq!(b.kept("place").await.unwrap().as_deref(), Some("fourteen"));
    assert_eq!(other.fleet().unwrap().kept("place").await.unwrap(), None, "another workspace has its own");
}

#[tokio::test]
async fn what_two_nodes_change_on_a_shelf_at_once_is_changed_once() {
    let mut server = RedisServer::start();
    let [a, b, other] = ["one", "one", "another"].map(|workspace| redis::at(&server, workspace));
    let (a, b) = (a.fleet().unwrap(), b.fleet().unwrap());
    assert!(a.swap("sessions", "s", None, Some("first")).await.unwrap());
    assert!(!b.swap("sessions", "s", None, Some("second")).await.unwrap(), "there is one");
    assert!(b.swap("sessions", "s", Some("first"), Some("second")).await.unwrap());
    assert!(
        b.swap("sessions", "s", Some("first"), Some("second")).await.unwrap(),
        "the same command, sent again"
    );
    assert!(!a.swap("sessions", "s", Some("first"), Some("third")).await.unwrap());
    assert_eq!(a.on_shelf("sessions", "s").await.unwrap().as_deref(), Some("second"));
    let turns = (0..40).map(|n| {
        let node = if n % 2 == 0 { &a } else { &b };
        async move { node.swap("sessions", "s", Some("second"), Some(&format!("turn {n}"))).await.unwrap() }
    });
    let done = futures_util::future::join_all(turns).await;
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    server.kill_nine();
    assert!(a.swap("sessions", "t", None, Some("x")).await.is_err(), "it can't be kept now");
    server.restart();
    assert!(a.swap("sessions", "t", None, Some("x")).await.unwrap());
    let names: Vec<String> = b.shelf("sessions").await.unwrap().into_keys().collect();
    assert_eq!(names, ["s", "t"]);
    assert!(a.swap("sessions", "t", Some("x"), None).await.unwrap());
    assert_eq!(b.on_shelf("sessions", "t").await.unwrap(), None);
    assert!(b.shelf("others").await.unwrap().is_empty(), "another shelf has its own");
    assert!(
        other.fleet().unwrap().shelf("sessions").await.unwrap().is_empty(),
        "and so has another workspace"
    );
}
