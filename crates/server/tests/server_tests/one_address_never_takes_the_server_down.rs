//! Limits of what one address may ask: who has gone wild is slowed down, and nobody else.

use serde_json::{Value, json};
use usher_core::model::Role;
use usher_server::Settings;

use crate::support::{ADMIN, Answer, Api, PASSWORD, Server, Socket};

const FORWARDED: &str = "X-Forwarded-For";
const FLAG: &str = "/ofrep/v1/evaluate/flags/always";
/// More than may come at once, however slow the machine is.
const MANY: usize = 200;

/// A server behind a proxy, which is here: so requests can come from anywhere.
async fn behind_a_proxy(change: impl FnOnce(&mut Settings)) -> Server {
    Server::start_with(|settings| {
        settings.trusted_proxies = serde_json::from_value(json!("127.0.0.1")).unwrap();
        change(settings);
    })
    .await
}

/// The first answer that is a 429; none where all were let through.
async fn slowed_down(mut ask: impl AsyncFnMut() -> Answer) -> Option<Answer> {
    for _ in 0..MANY {
        let answer = ask().await;
        if answer.status == 429 {
            return Some(answer);
        }
    }
    None
}

fn waits(answer: &Answer) {
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{answer:?}");
}

async fn asks(api: &Api, path: &str) -> Answer {
    if path.starts_with("/ofrep/v1/evaluate") {
        api.post(path, &json!({})).await
    } else {
        api.get(path).await
    }
}

async fn limited(server: &Server, kind: &str) -> u64 {
    let text = server.admin().get("/metrics").await.expect(200).body;
    let name = format!("usher_address_limited_total{{kind=\"{kind}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&*name)?.parse().ok()).unwrap()
}

#[tokio::test]
async fn programs_of_one_address_are_slowed_down_and_those_of_no_other() {
    let server = behind_a_proxy(|settings| settings.address_requests_per_second = 1).await;
    let key = server.key("server").await;
    let paths =
        [FLAG, "/ofrep/v1/evaluate/flags", "/ofrep/v1/events?token=x", "/sdk/v1/ruleset", "/sdk/v1/key"];
    for (n, path) in paths.into_iter().enumerate() {
        let from = |host: usize| server.with(&key).header(FORWARDED, &format!("203.0.{n}.{host}"));
        let wild = from(1);
        let answer = slowed_down(async || asks(&wild, path).await).await.expect(path);
        waits(&answer);
        if path.starts_with("/ofrep") {
            answer.refusal(429, "GENERAL");
        } else {
            answer.problem(429, "too_many_requests");
        }
        assert_ne!(asks(&from(2), path).await.status, 429, "{path}");
    }
    assert!(limited(&server, "client").await >= 5);
    // Streams that are opened count like any other.
    let headers = [("Authorization", format!("Bearer {key}")), (FORWARDED, "203.0.113.1".to_owned())];
    let mut statuses = Vec::new();
    for _ in 0..MANY {
        let status = Socket::try_open(&server, "/sdk/v1/stream", &headers).await.err();
        statuses.push(status);
        if status.is_some() {
            break;
        }
    }
    assert_eq!((statuses.first(), statuses.last()), (Some(&None), Some(&Some(429))));
    // People and their programs are not asked for it.
    server.admin().header(FORWARDED, "203.0.113.1").get("/api/v1/workspace").await.expect(200);
}

#[tokio::test]
async fn the_network_of_a_household_is_one_address() {
    let server = behind_a_proxy(|settings| settings.address_requests_per_second = 1).await;
    let key = server.key("server").await;
    let mut host = 0;
    let wild = slowed_down(async || {
        host += 1;
        server.with(&key).header(FORWARDED, &format!("2001:db8:1:2::{host:x}")).get("/sdk/v1/key").await
    });
    assert!(wild.await.is_some());
    server.with(&key).header(FORWARDED, "2001:db8:1:3::1").get("/sdk/v1/key").await.expect(200);
}

#[tokio::test]
async fn nobody_is_believed_about_who_asks_but_a_proxy_that_is_named() {
    for proxies in [json!([]), json!(["10.0.0.0/8"])] {
        let server = Server::start_with(|settings| {
            settings.trusted_proxies = serde_json::from_value(proxies).unwrap();
            settings.address_requests_per_second = 1;
        })
        .await;
        let key = server.key("server").await;
        let mut host = 0;
        let wild = slowed_down(async || {
            host += 1;
            server.with(&key).header(FORWARDED, &format!("203.0.113.{host}")).get("/sdk/v1/key").await
        });
        assert!(wild.await.is_some());
    }
    let seen = async |server: &Server| {
        let email = server.person(Role::Viewer).await;
        let body = json!({"email": email, "password": PASSWORD});
        let from = server.nobody().header(FORWARDED, "198.51.100.7, 203.0.113.9");
        let answer = from.post("/api/v1/session", &body).await.expect(200);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let sessions = server.nobody().header("Cookie", &cookie).get("/api/v1/sessions").await.expect(200);
        sessions.json()["items"][0]["address"].clone()
    };
    assert_eq!(seen(&Server::start().await).await, "127.0.0.1");
    assert_eq!(seen(&behind_a_proxy(|_| {}).await).await, "203.0.113.9");
}

#[tokio::test]
async fn whoever_guesses_keys_is_slowed_down_and_hinders_nobody_at_the_same_address() {
    let server = behind_a_proxy(|settings| settings.address_refusals_per_second = 1).await;
    let key = server.key("server").await;
    let mut guess = 0;
    for (good, path) in [(key.as_str(), FLAG), (&key, "/sdk/v1/ruleset"), (ADMIN, "/api/v1/workspace")] {
        let address = format!("203.0.113.{}", path.len());
        let slowed = slowed_down(async || {
            guess += 1;
            asks(&server.with(&format!("usk_guess-{guess}")).header(FORWARDED, &address), path).await
        });
        waits(&slowed.await.expect(path));
        let nobody = server.nobody().header(FORWARDED, &address);
        assert!(slowed_down(async || asks(&nobody, path).await).await.is_some(), "{path}");
        for _ in 0..MANY {
            let answer = asks(&server.with(good).header(FORWARDED, &address), path).await;
            assert_ne!(answer.status, 429, "{answer:?}");
        }
    }
    assert!(limited(&server, "refusal").await >= 6);
    // An edge hears what is wrong with the keys of its clients, however many they are.
    for n in 0..MANY {
        let edge = server.with(&format!("usk_wrong-{n}")).header(FORWARDED, "203.0.113.1");
        edge.get("/sdk/v1/key").await.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn the_administration_api_has_a_limit_of_its_own() {
    let server = behind_a_proxy(|settings| settings.address_api_requests_per_second = 1).await;
    let key = server.key("server").await;
    let wild = server.admin().header(FORWARDED, "203.0.113.1");
    let answer = slowed_down(async || wild.get("/api/v1/workspace").await).await.unwrap();
    waits(&answer);
    let problem: Value = answer.problem(429, "too_many_requests");
    assert!(!problem.to_string().contains("203.0.113.1"), "{problem}");
    let body = json!({"email": "a@example.org", "password": "x"});
    let typed = wild.clone();
    assert!(slowed_down(async || typed.post("/api/v1/session", &body).await).await.is_some());
    assert!(slowed_down(async || wild.get("/live").await).await.is_some());
    server.admin().header(FORWARDED, "203.0.113.2").get("/api/v1/workspace").await.expect(200);
    // Phones there go on.
    for _ in 0..MANY {
        server.with(&key).header(FORWARDED, "203.0.113.1").get("/sdk/v1/key").await.expect(200);
    }
    assert!(limited(&server, "api").await >= 3);
}

#[tokio::test]
async fn passwords_are_guessed_slowly_from_the_address_that_guesses() {
    let server = behind_a_proxy(|_| {}).await;
    let email = server.person(Role::Viewer).await;
    let from = async |address: &str, email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        server.nobody().header(FORWARDED, address).post("/api/v1/session", &body).await
    };
    for n in 0..5 {
        from("203.0.113.1", &format!("{n}@example.org"), "wrong").await.problem(401, "unauthorized");
    }
    from("203.0.113.1", &email, PASSWORD).await.problem(429, "throttled");
    from("203.0.113.2", &email, PASSWORD).await.expect(200);
}
