//! Neither the secret of a webhook nor its address is in a log, however much is logged; no key and nobody's address is in
//! what it is sent.
//! A binary of its own: it keeps the log of its whole process.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

#[allow(dead_code, unused_imports)] // Its own part only.
#[path = "server_tests/support/mod.rs"]
mod support;

use std::{
    io,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::json;
use support::{Server, eventually};
use usher_core::model::Role;
use usher_server::WebhookSettings;

const SECRET: &str = "never-to-be-read-by-anybody";
const TOKEN: &str = "t0k3n-of-the-address";

/// A text that is kept: a log, or what came.
#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Text {
    fn read(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Refuses the first message.
async fn take(came: web::Data<Text>, request: HttpRequest, body: String) -> HttpResponse {
    let first = came.read().is_empty();
    let line = format!("{:?} {body}\n", request.headers());
    io::Write::write_all(&mut came.get_ref().clone(), line.as_bytes()).unwrap();
    if first { HttpResponse::BadGateway().finish() } else { HttpResponse::Ok().finish() }
}

#[tokio::test]
async fn nothing_secret_is_in_log_or_body() {
    let (log, came) = (Text::default(), Text::default());
    let writer = log.clone();
    // Everything, of all crates: also what they write by `log`.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let data = web::Data::new(came.clone());
    let receiver = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(take)));
    let receiver = receiver.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let at = receiver.addrs()[0];
    tokio::spawn(receiver.run());
    let hook = |name: &str, host: &str| WebhookSettings {
        name: name.to_owned(),
        url: format!("http://{host}/{TOKEN}"),
        secret: SECRET.to_owned().into(),
        events: Vec::new(),
    };
    let hooks = vec![hook("here", &at.to_string()), hook("gone", "127.0.0.1:9")];
    let server = Server::start_with(|settings| settings.webhooks = hooks).await;
    let key = server.key("server").await;
    let email = server.person(Role::Viewer).await;
    support::fixtures::seed(&server).await;
    let kill = "/api/v1/flags/always/environments/production/kill";
    let glass = server.admin().header("Usher-Break-Glass", "to be seen");
    glass.post(kill, &json!({})).await.expect(200);
    eventually("it is told", async || came.read().contains("flag.killed")).await;
    server.stop().await;
    let (log, came) = (log.read(), came.read());
    for reason in ["it was answered 502", "error sending request"] {
        assert!(log.contains(reason), "{reason}");
    }
    for secret in [SECRET, TOKEN, key.as_str()] {
        // The clients of this test tell what they ask for; the server's own words are looked through.
        let own = log.lines().filter(|line| ["usher", "actix_server"].iter().any(|name| line.contains(name)));
        let told: Vec<&str> = own.filter(|line| line.contains(secret)).collect();
        assert!(told.is_empty(), "{told:#?}");
        assert!(!came.contains(secret), "{secret}: {came}");
    }
    assert!(!log.contains(SECRET));
    assert!(!came.contains(&email), "{came}");
}
