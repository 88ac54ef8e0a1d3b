//! The log tells who signed in, from where and how, and who failed; and nothing of what they signed in with, however much
//! is logged. A binary of its own: it keeps the log of its whole process.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

#[allow(dead_code, unused_imports)] // Its own part only.
#[path = "server_tests/support/mod.rs"]
mod support;

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::json;
use support::{Answer, PASSWORD, Server};
use usher_core::model::Role;

const SESSION: &str = "/api/v1/session";

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
    let log = Log::default();
    let writer = log.clone();
    // Everything of the server; clients of this test, which are another program, log what they send.
    tracing_subscriber::fmt()
        .with_env_filter(
            "usher=trace,usher_server=trace,usher_journal=trace,actix_web=trace,actix_http=trace",
        )
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
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
