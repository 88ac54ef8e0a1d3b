//! Servers that share a journal in Redis, and what looks after it.

use std::process::Command;

use serde_json::json;
use usher_testkit::redis::RedisServer;

use crate::support::{ADMIN, Server, eventually, run, usher};

fn serve(redis: &RedisServer) -> Command {
    let mut command = usher(["serve", "--listen", "127.0.0.1:0", "--output", "json"]);
    command.env("USHER_REDIS", redis.url()).env("USHER_ADMIN_TOKEN", ADMIN);
    command
}

#[test]
fn two_servers_share_a_workspace_which_outlives_both() {
    let redis = RedisServer::start();
    let (one, two) = (Server::spawn(&mut serve(&redis)), Server::spawn(&mut serve(&redis)));
    one.key("server");
    let sees = || (two.json(&["key", "ls"]).as_array().unwrap().len() == 2).then_some(());
    eventually("the other knows the key", sees);
    one.kill_nine();
    two.key("client");
    two.run(&["doctor"]).ok().says(&["durable", "Redis 7.", "synchronised always", "0 of 0 replicas"]);
    two.stop();
    let third = Server::spawn(&mut serve(&redis));
    assert_eq!(third.json(&["key", "ls"]).as_array().unwrap().len(), 3);
}

#[test]
fn the_journal_in_redis_is_checked_and_backed_up_as_an_embedded_one() {
    let redis = RedisServer::start();
    let server = Server::spawn(&mut serve(&redis));
    server.key("server");
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let copy = copy.to_str().unwrap();
    let verify =
        run(&mut usher(["journal", "verify", "--output", "json", "--redis", &redis.url()])).ok().json();
    let backup = run(&mut usher(["backup", "--output", "json", "--redis", &redis.url(), copy])).ok().json();
    assert_eq!((&verify["commits"], &verify["problems"]), (&json!(2), &json!([])));
    assert_eq!(backup, verify, "the same epoch, commits and hash, until it is served");
    let alone = Server::start_in(copy.as_ref());
    assert_eq!(alone.json(&["key", "ls"]), server.json(&["key", "ls"]));
    let mut served = alone.json(&["journal", "verify"]);
    assert_ne!(served["epoch"], verify["epoch"], "what comes after it is not what comes in the Redis");
    served["epoch"] = verify["epoch"].clone();
    assert_eq!(served, verify);
    run(&mut usher(["backup", "--redis", &redis.url(), copy])).fails(2, &["holds a journal already"]);
    run(&mut usher(["journal", "verify", "--redis", "redis://127.0.0.1:1"])).fails(1, &["127.0.0.1:1"]);
    let other = ["journal", "verify", "--redis", &redis.url(), "--redis-workspace", "other"];
    run(&mut usher(other)).fails(1, &["no journal"]);
}

#[test]
fn a_redis_that_could_lose_commits_is_refused_unless_that_is_accepted_and_then_doctor_tells() {
    let redis = RedisServer::start_with(&["--appendonly no"]);
    run(&mut serve(&redis))
        .fails(1, &["could lose acknowledged commits", "appendonly yes", "redis_without_aof"]);
    let server = Server::spawn(serve(&redis).env("USHER_REDIS_WITHOUT_AOF", "true"));
    server.run(&["doctor"]).ok().says(&["durable", "synchronised never", "accepted"]);
}

#[test]
fn doctor_fails_while_redis_is_gone_and_a_password_is_never_shown() {
    let durable = ["--appendonly yes", "--appendfsync always", "--requirepass hunter2-hunter2"];
    let mut redis = RedisServer::start_with(&durable);
    let url = format!("redis://:hunter2-hunter2@127.0.0.1:{}", redis.port());
    let mut command = serve(&redis);
    let server = Server::spawn(command.env("USHER_REDIS", &url).env("USHER_LOG", "debug"));
    redis.kill_nine();
    let done = eventually("doctor notices", || {
        let done = server.run(&["doctor"]);
        (done.code == Some(1)).then_some(done)
    });
    assert!(done.stdout.contains("degraded"), "{done:?}");
    assert!(!server.said().contains("hunter2"), "{}", server.said());
    let refused = run(command.env("USHER_REDIS", url.replace("hunter2-hunter2", "hunter3"))).expect(1);
    assert!(!refused.stderr.contains("hunter"), "{refused:?}");
}
