//! Several servers on one Redis: what programs count at any of them is known to all, as long as a flag measures it.

use crate::support::{Server, eventually, fixtures};
use serde_json::{Value, json};
use usher_server::{
    Secret,
    sdk::events::{ExposedSum, MeasuredSum},
};
use usher_testkit::redis::RedisServer;

async fn on(redis: &RedisServer) -> Server {
    let url = Secret::from(redis.url());
    Server::start_with(|settings| settings.redis = Some(url)).await
}

/// A program that counts at one server after the other.
struct Program {
    key: String,
    batches: u64,
}

impl Program {
    /// Says that it has counted this much at a venue for each of these flags.
    async fn counts(&mut self, server: &Server, venue: &str, count: u64, flags: &[&str]) {
        self.batches += 1;
        let exposures = |flag: &&str| json!({"flag": flag, "variant": "on", "venue": venue, "count": count});
        let dark = |flag: &&str| json!({"flag": flag, "variant": "off", "venue": venue, "count": count, "dark": true});
        let metrics = |flag: &&str| {
            json!({"metric": "checkout", "flag": flag, "variant": "on", "venue": venue,
            "count": count, "failed": count / 2, "sum": count, "squares": count * 2})
        };
        let batch = json!({"batch": format!("b-{}", self.batches),
            "exposures": flags.iter().map(exposures).chain(flags.iter().map(dark)).collect::<Vec<Value>>(),
            "metrics": flags.iter().map(metrics).collect::<Vec<Value>>()});
        for _ in 0..2 {
            // Twice: it counts once, here as in the fleet.
            server.with(&self.key).post("/sdk/v1/events", &batch).await.expect(202);
        }
    }
}

/// All that a server knows of a flag, in order.
fn known(server: &Server, flag: &str) -> (Vec<MeasuredSum>, Vec<ExposedSum>) {
    let counts = &server.running().app().counts;
    let (mut measured, mut exposed) =
        (counts.measured("production", flag), counts.exposed("production", flag));
    measured.sort_by_key(|own| own.venue.clone());
    exposed.sort_by_key(|own| (own.venue.clone(), own.dark));
    (measured, exposed)
}

fn total(server: &Server, flag: &str) -> u64 {
    let (measured, exposed) = known(server, flag);
    let total = measured.iter().map(|own| own.count).sum::<u64>();
    let shown = exposed.iter().filter(|own| !own.dark).map(|own| own.count).sum::<u64>();
    // One word of a node has all of it.
    assert_eq!(total, shown);
    total
}

#[tokio::test]
async fn every_server_has_the_sums_of_all_and_keeps_them_when_one_dies() {
    let redis = RedisServer::start();
    let (one, two) = tokio::join!(on(&redis), on(&redis));
    let measured = fixtures::flag("guard", &json!({"measure": ["checkout"]}));
    one.admin().put("/api/v1/flags/guard", &measured).await.expect(201);
    one.admin().put("/api/v1/flags/quiet", &fixtures::flag("quiet", &json!({}))).await.expect(201);
    let mut program = Program { key: one.key("server").await, batches: 0 };
    eventually("the other has it too", async || two.seq() >= one.seq()).await;
    // Both know where the other's growth begins, once each has heard the other's first word.
    for (server, other) in [(&one, &two), (&two, &one)] {
        let before = total(other, "guard");
        eventually("they hear each other", async || {
            program.counts(server, "wembley-stadium", 1, &["guard"]).await;
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            total(other, "guard") > before
        })
        .await;
    }
    let settled = async || {
        eventually("nothing is on its way", async || {
            let before = (total(&one, "guard"), total(&two, "guard"));
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            (total(&one, "guard"), total(&two, "guard")) == before
        })
        .await;
        (total(&one, "guard"), total(&two, "guard"))
    };
    let before = settled().await;
    program.counts(&one, "anfield", 10, &["guard", "quiet"]).await;
    program.counts(&two, "berlin-dome", 100, &["guard", "quiet"]).await;
    program.counts(&two, "anfield", 1_000, &["guard", "quiet"]).await;
    for (server, before) in [(&one, before.0), (&two, before.1)] {
        eventually("all of it is known", async || total(server, "guard") == before + 1_110).await;
    }
    let at = |venue: &'static str| {
        move |server: &Server| {
            let (measured, exposed) = known(server, "guard");
            let measured: Vec<_> =
                measured.into_iter().filter(|own| own.venue.as_deref() == Some(venue)).collect();
            let exposed: Vec<_> =
                exposed.into_iter().filter(|own| own.venue.as_deref() == Some(venue)).collect();
            (measured, exposed)
        }
    };
    for (venue, count) in [("anfield", 1_010), ("berlin-dome", 100)] {
        let (measured, exposed) = at(venue)(&one);
        assert_eq!((&measured, &exposed), (&at(venue)(&two).0, &at(venue)(&two).1), "they agree");
        let [own] = &measured[..] else { panic!("{measured:?}") };
        assert_eq!(
            (own.count, own.failed, own.sum, own.squares),
            (count, count / 2, count as f64, 2.0 * count as f64)
        );
        let told: Vec<_> = exposed.iter().map(|own| (own.variant.as_str(), own.dark, own.count)).collect();
        assert_eq!(told, [("on", false, count), ("off", true, count)]);
    }
    assert_eq!(
        (total(&one, "quiet"), total(&two, "quiet")),
        (10, 1_100),
        "a flag without measures is not told"
    );

    // A third that comes later begins where it comes, and hears what grows from then on.
    let three = on(&redis).await;
    let (one_had, two_had) = settled().await;
    two.stop().await;
    assert_eq!(total(&one, "guard"), one_had, "what a server has counted stays when it is gone");
    assert!(two_had > 0);
    assert_eq!(total(&three, "guard"), 0);
    program.counts(&one, "anfield", 10_000, &["guard"]).await;
    eventually("the newcomer hears it", async || total(&three, "guard") == 10_000).await;
    assert_eq!(total(&one, "guard"), one_had + 10_000);
}

#[tokio::test]
async fn an_outage_of_redis_delays_counts_and_loses_none() {
    let mut redis = RedisServer::start();
    let (one, two) = tokio::join!(on(&redis), on(&redis));
    let measured = fixtures::flag("guard", &json!({"measure": ["checkout"]}));
    one.admin().put("/api/v1/flags/guard", &measured).await.expect(201);
    let mut program = Program { key: one.key("server").await, batches: 0 };
    eventually("the other has it too", async || two.seq() >= one.seq()).await;
    eventually("they hear each other", async || {
        program.counts(&one, "anfield", 1, &["guard"]).await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        total(&two, "guard") > 0
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let (had, before) = (total(&one, "guard"), total(&two, "guard"));
    redis.kill_nine();
    program.counts(&one, "anfield", 1_000, &["guard"]).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    program.counts(&one, "anfield", 10_000, &["guard"]).await;
    assert_eq!((total(&one, "guard"), total(&two, "guard")), (had + 11_000, before));
    redis.restart();
    eventually("what was counted meanwhile has come", async || total(&two, "guard") == before + 11_000).await;
}

#[tokio::test]
async fn what_a_node_does_not_understand_disturbs_nobody() {
    let redis = RedisServer::start();
    let (one, two) = tokio::join!(on(&redis), on(&redis));
    let measured = fixtures::flag("guard", &json!({"measure": ["checkout"]}));
    one.admin().put("/api/v1/flags/guard", &measured).await.expect(201);
    let mut program = Program { key: one.key("server").await, batches: 0 };
    eventually("the other has it too", async || two.seq() >= one.seq()).await;
    let channels = redis.command(&["PUBSUB", "CHANNELS"]);
    let channel = channels.lines().find(|line| line.contains("fleet")).unwrap();
    let strange = [
        "no JSON",
        r#"{"node": "newer", "weather": {"rain": true}}"#,
        r#"{"node": "newer", "counts": {"revision": 1, "all": true, "environments": 7}}"#,
        r#"{"node": "newer", "counts": {"revision": 1, "all": true, "more": 1, "environments": [{"environment": "nowhere"}]}}"#,
    ];
    for word in strange {
        assert!(redis.command(&["PUBLISH", channel, word]).starts_with(":2"), "both listen");
    }
    eventually("they go on", async || {
        program.counts(&one, "anfield", 1, &["guard"]).await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        total(&two, "guard") > 0
    })
    .await;
}
