//! TLS that the server ends itself: requests and streams inside it, certificates that are renewed, clients that don't
//! shake hands.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use usher_core::model::Role;
use usher_testkit::authority::Authority;

use crate::support::{ADMIN, Api, PASSWORD, Server, Socket, eventually, fixtures};

struct Inside {
    server: Server,
    authority: Authority,
    _folder: tempfile::TempDir,
}

impl Inside {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        let server = Server::start_with(|settings| {
            settings.tls_certificate = Some(authority.server.clone());
            settings.tls_key = Some(authority.key.clone());
        })
        .await;
        Self { server, authority, _folder: folder }
    }

    fn api(&self) -> Api {
        Api::over_tls(&self.server.address(), &self.authority.certificate)
    }

    fn admin(&self) -> Api {
        self.api().header("Authorization", &format!("Bearer {ADMIN}"))
    }

    async fn key(&self) -> String {
        let key = json!({"name": "k", "type": "server", "environment": "production"});
        let made = self.admin().post("/api/v1/keys", &key).await.expect(201).json();
        made["secret"].as_str().unwrap().to_owned()
    }

    async fn stream(&self, key: &str) -> Socket {
        let config = Arc::new(trusting(&self.authority.certificate).with_no_client_auth());
        let mut socket = Socket::open_over_tls(&self.server.address(), key, config).await;
        socket.hello("ruleset", json!({})).await;
        socket
    }
}

fn trusting(authority: &Path) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_protocol_versions(&[&TLS12, &TLS13]).with_root_certificates(roots(authority))
}

fn roots(authority: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    roots
}

#[tokio::test]
async fn requests_are_answered_inside_tls_and_browsers_stay_there() {
    let inside = Inside::start().await;
    assert!(inside.server.running().url().starts_with("https://"));
    let page = inside.api().get("/").await.expect(200);
    assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
    let email = inside.server.person(Role::Viewer).await;
    let own = format!("https://{}", inside.server.address());
    let sign_in = inside.api().header("Origin", &own);
    let answer = sign_in.post("/api/v1/session", &json!({"email": email, "password": PASSWORD})).await;
    let answer = answer.expect(200);
    for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
        assert!(cookie.contains("; Secure"), "{cookie}");
    }
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    sign_in.header("Cookie", &cookie).get("/api/v1/session").await.expect(200);
    // Who sends no cookies there is told nothing of this.
    let plain = Server::start().await.nobody().get("/").await.expect(200);
    assert_eq!(plain.header("strict-transport-security"), "");
    // A stranger's word for the server is not enough.
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Authority::new(elsewhere.path());
    assert!(!Api::over_tls(&inside.server.address(), &stranger.certificate).reaches("/healthz").await);
}

#[tokio::test]
async fn old_and_new_tls_are_spoken_with_http_1_only() {
    let inside = Inside::start().await;
    for version in [&TLS12, &TLS13] {
        let config = ClientConfig::builder_with_protocol_versions(&[version]);
        let config = config.with_root_certificates(roots(&inside.authority.certificate));
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(inside.server.address()).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn a_stream_runs_inside_tls_however_much_is_sent() {
    let inside = Inside::start().await;
    let key = inside.key().await;
    // More than one record, and more than a connection takes at once.
    let listed: Vec<String> = (0..50_000).map(|n| format!("attendee-{n:08}")).collect();
    let cohort = json!({"key": "many", "name": "Many", "keys": listed});
    let made = inside.admin().put("/api/v1/cohorts/many", &cohort).await;
    assert!([200, 201].contains(&made.status), "{made:?}");
    let mut socket = inside.stream(&key).await;
    let (_, documents) = socket.snapshot().await;
    let sent = documents.iter().map(|document| document.to_string().len()).sum::<usize>();
    assert!(sent > 500_000, "{sent} bytes");
    for n in 0..3 {
        let flag = fixtures::flag(&format!("flag-{n}"), &json!({}));
        inside.admin().put(&format!("/api/v1/flags/flag-{n}"), &flag).await.expect(201);
        let delta = socket.expect("delta").await;
        assert_eq!(delta["put"][0]["key"], format!("flag-{n}"), "{delta}");
        socket.ack(delta["seq"].as_u64().unwrap()).await;
    }
    socket.close().await;
}

#[tokio::test]
async fn a_certificate_is_renewed_while_connections_are_open() {
    let inside = Inside::start().await;
    let key = inside.key().await;
    let mut socket = inside.stream(&key).await;
    socket.snapshot().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let renewed = Authority::new(elsewhere.path());
    fs::copy(&renewed.key, &inside.authority.key).unwrap();
    fs::copy(&renewed.server, &inside.authority.server).unwrap();
    let address = inside.server.address();
    eventually("the new certificate is shown", async || {
        Api::over_tls(&address, &renewed.certificate).reaches("/healthz").await
    })
    .await;
    assert!(!Api::over_tls(&address, &inside.authority.certificate).reaches("/healthz").await);
    // The stream that was there goes on.
    let admin = Api::over_tls(&address, &renewed.certificate);
    let admin = admin.header("Authorization", &format!("Bearer {ADMIN}"));
    admin.put("/api/v1/flags/later", &fixtures::flag("later", &json!({}))).await.expect(201);
    assert_eq!(socket.expect("delta").await["put"][0]["key"], "later");
}

#[tokio::test]
async fn who_does_not_speak_tls_is_turned_away_and_hinders_nobody() {
    let inside = Inside::start().await;
    let address = inside.server.address();
    for said in ["GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "\u{16}\u{3}\u{1}", "nonsense\r\n\r\n"] {
        let mut plain = TcpStream::connect(&address).await.unwrap();
        plain.write_all(said.as_bytes()).await.unwrap();
        plain.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // It may be reset.
        drop(plain.read_to_end(&mut answer).await);
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
    }
    // One worker; each of these may take seconds.
    let mut slow = Vec::new();
    for _ in 0..200 {
        slow.push(TcpStream::connect(&address).await.unwrap());
    }
    for _ in 0..5 {
        inside.api().get("/healthz").await.expect(200);
    }
    drop(slow);
}
