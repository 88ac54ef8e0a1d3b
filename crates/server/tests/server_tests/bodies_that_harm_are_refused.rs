//! Bodies that are too large, nested too deep, packed too well or broken: refused by every route, quickly, with
//! nothing written.

use std::io::Write as _;

use crate::support::{
    ADMIN, Answer, Server, filled,
    raw::{raw, statuses},
};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use usher_core::model::Role;
use usher_server::auth::rights::RIGHTS;

/// Routes that read a body, with who asks: the administrator, or a server key.
async fn routes(server: &Server) -> Vec<(String, String, String)> {
    let key = server.key("server").await;
    let ours = RIGHTS.iter().filter(|(method, ..)| ["PUT", "POST"].contains(method));
    let ours = ours.map(|(method, pattern, _)| ((*method).to_owned(), filled(pattern), ADMIN.to_owned()));
    let programs =
        ["/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/always", "/sdk/v1/values", "/sdk/v1/events"];
    ours.chain(programs.map(|path| ("POST".to_owned(), path.to_owned(), key.clone()))).collect()
}

/// Routes that take no body may do what they are for, whatever comes with it; only these two change anything.
fn takes_no_body(path: &str) -> bool {
    ["/rotate", "/revoke", "/invitation", "/preflight"].iter().any(|end| path.ends_with(end))
        || path.ends_with("/session/refresh")
}

#[tokio::test]
async fn what_is_nested_deep_or_broken_is_refused_by_every_route() {
    let server = Server::seeded().await;
    let routes = routes(&server).await;
    let before = server.seq();
    let deep = 50_000;
    let bodies: Vec<Vec<u8>> = vec![
        "[".repeat(deep).into_bytes(),
        format!("{}{}", "[".repeat(deep), "]".repeat(deep)).into_bytes(),
        format!("{}1{}", r#"{"a":"#.repeat(deep), "}".repeat(deep)).into_bytes(),
        format!(r#"{{"context": {}{}}}"#, "[".repeat(deep), "]".repeat(deep)).into_bytes(),
        format!(r#"{{"key": {}}}"#, "9".repeat(deep)).into_bytes(),
        br#"{"key": 1e999999}"#.to_vec(),
        b"{\"key\": \"\xff\xfe\"}".to_vec(),
        b"{\"key\": \"\\ud800\"}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"{}{}".to_vec(),
        b"\0".to_vec(),
    ];
    for (method, path, token) in routes.iter().filter(|(_, path, _)| !takes_no_body(path)) {
        for body in &bodies {
            let head = format!(
                "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let answer = raw(&server, [head.as_bytes(), body].concat()).await;
            let asked = format!("{method} {path} {}", String::from_utf8_lossy(&body[..body.len().min(30)]));
            // 404 and 409 where there is nothing of that name, or nothing to do.
            assert!(matches!(statuses(&answer)[..], [400 | 403 | 404 | 409 | 413]), "{asked}: {answer}");
            assert!(answer.len() < 8_000, "{asked}: {answer}");
        }
    }
    assert_eq!(server.seq(), before);
    server.admin().get("/api/v1/workspace").await.expect(200);
}

/// A draft is many documents, but no import, and any viewer may send one.
#[tokio::test]
async fn a_draft_is_not_as_large_as_a_commit_may_be() {
    let server = Server::seeded().await;
    let viewer = server.signed_in(Role::Viewer).await;
    let draft = json!({"changes": [], "environment": "x".repeat(1_000_000)});
    viewer.post("/api/v1/reach", &draft).await.expect(200);
    let head = format!(
        "POST /api/v1/reach HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\nConnection: close\r\n\r\n"
    );
    let answer = raw(&server, head).await;
    assert_eq!(statuses(&answer)[..], [413], "{answer}");
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let server = Server::seeded().await;
    for (method, path, token) in routes(&server).await {
        if takes_no_body(&path) {
            continue;
        }
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\nConnection: close\r\n\r\n"
        );
        let answer = raw(&server, head).await;
        assert!(matches!(statuses(&answer)[..], [413 | 404]), "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn what_is_packed_a_thousandfold_is_not_unpacked() {
    let server = Server::seeded().await;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..512 {
        packed.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 1024 * 1024, "half a gigabyte in {} bytes", packed.len());
    let before = resident();
    for (method, path, token) in routes(&server).await {
        if takes_no_body(&path) {
            continue;
        }
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            packed.len()
        );
        let answer = raw(&server, [head.as_bytes(), &packed].concat()).await;
        assert!(matches!(statuses(&answer)[..], [413 | 404]), "{method} {path}: {answer}");
    }
    let grown = resident().saturating_sub(before);
    // Imports may be of 64 MiB, and this process runs other tests too.
    assert!(grown < 512 * 1024 * 1024, "{grown} bytes more");
}

/// Bytes of memory of this process, which the server is a part of.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn what_never_ends_holds_nobody_else() {
    let server = Server::seeded().await;
    // Heads and bodies that never come to an end, and nothing at all.
    let mut slow = Vec::new();
    for head in [
        "",
        "GET",
        "GET /healthz HTTP/1.1\r\nHost: a\r\n",
        "POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
    ] {
        for _ in 0..200 {
            let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
            slow.push(stream);
        }
    }
    let answers: Vec<Answer> =
        futures_util::future::join_all((0..50).map(|_| async { server.nobody().get("/healthz").await }))
            .await;
    for answer in answers {
        answer.expect(200);
    }
}
