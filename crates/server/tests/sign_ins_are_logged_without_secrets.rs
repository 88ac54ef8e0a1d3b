//! The log tells who signed in, from where and how, and who failed; and nothing of what they signed in with, however much
//! is logged. A binary of its own: it keeps the log of its whole process.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

#[allow(dead_code, unused_imports)] // Its own part only.
#[path = "server_tests/support/mod.rs"]
mod support;

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};

use futures_util::{StreamExt as _, stream};

use serde_json::json;
use support::{Answer, PASSWORD, Server};
use usher_core::model::Role;

const SESSION: &str = "/api/v1/session";

/// Everything that the servers of this process say. Clients of its tests, which are other programs, log what they send.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter(
            "usher=trace,usher_server=trace,usher_journal=trace,actix_web=trace,actix_http=trace",
        )
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    log
});

/// A log that is kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn read(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn cookie(answer: &Answer, name: &str) -> String {
    let mut set = answer.headers.iter().filter(|(own, _)| own == "set-cookie");
    let value = set.find_map(|(_, value)| value.strip_prefix(&format!("{name}="))).unwrap();
    value.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn who_signed_in_is_logged_and_not_with_what() {
    let log = LazyLock::force(&LOG);
    let server = Server::start().await;
    let email = server.person(Role::Editor).await;
    let wrong = json!({"email": email, "password": "wrong-horse-battery"});
    server.nobody().post(SESSION, &wrong).await.problem(401, "unauthorized");
    // People type passwords where an address belongs.
    let mixed = json!({"email": "typed-in-the-wrong-field", "password": "x"});
    server.nobody().post(SESSION, &mixed).await.problem(401, "unauthorized");
    let answer =
        server.nobody().post(SESSION, &json!({"email": email, "password": PASSWORD})).await.expect(200);
    let (access, refresh) = (cookie(&answer, "usher_session"), cookie(&answer, "usher_refresh"));
    let page = server.nobody().header("Origin", &format!("http://{}", server.address()));
    let renewing = page.header("Cookie", &format!("usher_refresh={refresh}"));
    let renewed = renewing.post("/api/v1/session/refresh", &json!({})).await.expect(200);
    let (access_2, refresh_2) = (cookie(&renewed, "usher_session"), cookie(&renewed, "usher_refresh"));
    let person = page.header("Cookie", &format!("usher_session={access_2}"));
    let begun =
        person.post("/api/v1/session/factor", &json!({"password": PASSWORD})).await.expect(200).json();
    let invitation = json!({"email": "ana@example.org", "name": "Ana", "role": "viewer"});
    let invited = server.admin().post("/api/v1/invitations", &invitation).await.expect(201).json();
    let invitation = invited["link"].as_str().unwrap().rsplit('#').next().unwrap();
    let accept = json!({"invitation": invitation, "password": PASSWORD});
    server.nobody().post("/api/v1/invitations/accept", &accept).await.expect(200);
    // The first token once more, after the second was used.
    let renewing_2 = page.header("Cookie", &format!("usher_refresh={refresh_2}"));
    renewing_2.post("/api/v1/session/refresh", &json!({})).await.expect(200);
    renewing.post("/api/v1/session/refresh", &json!({})).await.problem(401, "unauthorized");
    let text = log.read();
    let audit: Vec<&str> = text.lines().filter(|line| line.contains("usher::audit")).collect();
    let says = |words: &[&str]| {
        assert!(
            audit.iter().any(|line| words.iter().all(|word| line.contains(word))),
            "no line says {words:?}:\n{}",
            audit.join("\n")
        );
    };
    says(&["a sign-in failed", "account=\"editor-1\"", "address=\"127.0.0.1\""]);
    says(&["a sign-in failed", "account=\"none\""]);
    says(&[
        "signed in",
        "account=editor-1",
        "editor@example.org",
        "with=\"password\"",
        "address=\"127.0.0.1\"",
    ]);
    says(&["signed in", "ana@example.org", "with=\"invitation\""]);
    says(&["a refresh token came a second time", "account=editor-1"]);
    let parts = [&refresh, &refresh_2].map(|token| token.split('.').skip(1)).into_iter().flatten();
    let secrets = [PASSWORD, "wrong-horse", "typed-in-the-wrong-field", &access, &access_2, invitation];
    for secret in secrets.into_iter().chain(parts).chain([begun["secret"].as_str().unwrap()]) {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}

/// What is asked from another address of this machine.
fn from(address: std::net::Ipv4Addr) -> reqwest::Client {
    reqwest::Client::builder().local_address(Some(address.into())).build().unwrap()
}

#[tokio::test]
async fn ten_thousand_bad_sign_ins_open_nothing_and_are_all_told() {
    const TRIES: usize = 10_000;
    let log = LazyLock::force(&LOG);
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let url = format!("http://{}{SESSION}", server.address());
    // Twenty addresses guess the passwords of hundreds of people.
    let guessers: Vec<_> = (1..=20).map(|n| from([127, 7, 0, n].into())).collect();
    let tries = (0..TRIES).map(|n| {
        let body =
            json!({"email": format!("person-{}@example.org", n / 40), "password": format!("guess-nr-{n}")});
        let request = guessers[n % guessers.len()].post(&url).json(&body);
        async move {
            let response = request.send().await.unwrap();
            assert!(response.headers().get("set-cookie").is_none());
            (response.status().as_u16(), response.text().await.unwrap())
        }
    });
    let answers: Vec<(u16, String)> = stream::iter(tries).buffer_unordered(32).collect().await;
    for (status, body) in &answers {
        assert!(
            [401, 429].contains(status) && !body.contains("guess-nr") && body.len() < 500,
            "{status} {body}"
        );
    }
    let read = answers.iter().filter(|(status, _)| *status == 401).count();
    assert!(
        read <= 20 * 10,
        "{read} of them were looked at: five a minute for an address, in two minutes at most"
    );
    let text = log.read();
    let told = text.lines().filter(|line| {
        line.contains("usher::audit") && line.contains("127.7.0.") && line.contains("a sign-in")
    });
    assert_eq!(told.count(), TRIES);
    assert!(!text.contains("guess-nr"), "what was tried is in the log");
    // Who has to do with none of it signs in.
    let body = json!({"email": email, "password": PASSWORD});
    let answer = from([127, 7, 1, 1].into()).post(&url).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn doors_that_were_tried_are_told_and_not_with_what() {
    let log = LazyLock::force(&LOG);
    let server = Server::seeded().await;
    let viewer = server.signed_in(Role::Viewer).await;
    viewer.post("/api/v1/flags/always/environments/production/kill", &json!({})).await.expect(403);
    let elsewhere = viewer.header("Origin", "https://evil.example");
    elsewhere.put("/api/v1/cohorts/of-evil", &json!({"key": "of-evil"})).await.expect(403);
    for secret in ["usk_a-key-that-is-none", "uat_a-token-that-is-none"] {
        server.with(secret).post("/ofrep/v1/evaluate/flags/tried-door", &json!({})).await.expect(401);
        server.with(secret).get("/api/v1/flags/tried-door?token=tried-secret").await.expect(401);
    }
    // A signed context that is refused, on each surface; and one that is taken.
    let new = |kind: &str| json!({"name": kind, "type": kind, "environment": "production"});
    let (phones, phones_key) = server.new_key(new("client")).await;
    let (backend, _) = server.new_key(new("context")).await;
    let sign = |ago| {
        let (from, lasts) = (std::time::SystemTime::now() - ago, std::time::Duration::from_secs(60));
        let signer = usher_sdk::signed_context::Signer::new(&backend).unwrap();
        signer.sign_from(&usher_core::Context::new("told-to-nobody"), &[], lasts, from).unwrap()
    };
    let (old, good) = (sign(std::time::Duration::from_secs(600)), sign(std::time::Duration::ZERO));
    for (token, status) in [(&old, 403), (&good, 200)] {
        let context = json!({"context": {"signedContext": token}});
        server.with(&phones).post("/ofrep/v1/evaluate/flags/always", &context).await.expect(status);
        server.with(&phones).post("/sdk/v1/values", &context).await.expect(status);
        let mut stream = support::Socket::values(&server, &phones, context).await;
        assert!(stream.any().await.is_some());
    }
    let text = log.read();
    let told = |words: &[&str]| {
        let is_told = text
            .lines()
            .any(|line| line.contains("usher::audit") && words.iter().all(|word| line.contains(word)));
        assert!(is_told, "no line says {words:?}");
    };
    told(&[
        "a request was refused",
        "POST",
        "/api/v1/flags/always/environments/production/kill",
        "forbidden",
        "127.0.0.1",
    ]);
    told(&["a request was refused", "PUT", "/api/v1/cohorts/of-evil", "forbidden"]);
    told(&["a request was refused", "/ofrep/v1/evaluate/flags/tried-door", "unauthorized"]);
    told(&["a request was refused", "/api/v1/flags/tried-door", "unauthorized"]);
    for path in ["/ofrep/v1/evaluate/flags/always", "/sdk/v1/values", "/sdk/v1/stream"] {
        told(&["a signed context was refused", path, &phones_key, "signed_context_expired", "127.0.0.1"]);
    }
    let parts = [&old, &good].map(|token| token.split('.').skip(1)).into_iter().flatten();
    for secret in ["that-is-none", "tried-secret", "told-to-nobody", &backend[24..]].into_iter().chain(parts)
    {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}
