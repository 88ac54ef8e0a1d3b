//! No log, however detailed, holds a secret.

use serde_json::json;
use usher_sdk::{Client, Mode, Status};

use crate::support::{ADMIN, Server, eventually, http, signal};

#[tokio::test(flavor = "multi_thread")]
async fn no_log_holds_a_key_a_token_a_password_or_a_cookie() {
    for level in ["debug", "trace"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Server::command(folder.path());
        let server = Server::spawn(command.args(["--demo", "--devices", "4"]).env("USHER_LOG", level));
        let told = |field: &str| server.ready[field].as_str().unwrap().to_owned();
        let mut secrets = vec![ADMIN.to_owned(), told("password"), told("serverKey"), told("clientKey")];
        let made = server.json(&["key", "create", "gates", "-e", "production", "--kind", "server"]);
        let key = made["secret"].as_str().unwrap().to_owned();
        let rotated = server.json(&["key", "rotate", made["key"]["key"].as_str().unwrap()]);
        secrets.extend([key.clone(), rotated["secret"].as_str().unwrap().to_owned()]);

        let http = http();
        let at = |path: &str| format!("{}{path}", server.url());
        let sign_in = |password: &str| {
            http.post(at("/api/v1/session"))
                .header("Origin", server.url())
                .json(&json!({"email": told("email"), "password": password}))
                .send()
        };
        let answer = sign_in(&told("password")).await.unwrap().error_for_status().unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        secrets.push(cookie.split_once('=').unwrap().1.to_owned());
        secrets.push("a-wrong-password-that-was-typed".to_owned());
        assert_eq!(sign_in("a-wrong-password-that-was-typed").await.unwrap().status(), 401);
        let request = http.get(at("/api/v1/workspace")).header("Cookie", &cookie).send();
        assert_eq!(request.await.unwrap().status(), 200);
        secrets.push("usk_a-key-that-nobody-ever-made".to_owned());
        for (key, path) in [
            (told("serverKey"), "/sdk/v1/ruleset"),
            (key, "/sdk/v1/ruleset"),
            ("usk_a-key-that-nobody-ever-made".to_owned(), "/sdk/v1/ruleset"),
            (ADMIN.to_owned(), "/api/v1/no-such-route"),
        ] {
            http.get(at(path)).bearer_auth(key).send().await.unwrap();
        }
        for flags in ["/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/resale-guard"] {
            let body = json!({"context": {"targetingKey": "u-1"}});
            let request = http.post(at(flags)).bearer_auth(told("clientKey")).json(&body).send();
            assert_eq!(request.await.unwrap().status(), 200);
        }
        let client = Client::builder(server.url(), &told("clientKey"))
            .mode(Mode::Values)
            .venue("anfield")
            .build()
            .unwrap();
        eventually("the client is live", || (client.status() == Status::Live).then_some(()));

        signal(server.id(), "TERM");
        let (status, said) = server.wait();
        assert!(status.success(), "{said}");
        // But for the one line that is there to tell them.
        let log: Vec<&str> = said.lines().filter(|line| !line.starts_with(r#"{"url":"#)).collect();
        assert!(said.contains("a sign-in failed") && said.contains("stopping"), "at {level}: {said}");
        for line in log {
            for secret in &secrets {
                assert!(!line.contains(secret.as_str()), "{secret} is in the log: {line}");
            }
        }
    }
}
