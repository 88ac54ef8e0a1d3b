//! Whatever is done to the path or the headers of a program's request, it reads no more than its key may.

use crate::support::{
    Answer, Server,
    raw::{raw, statuses},
};
use serde_json::{Value, json};

const ALL: &str = "/ofrep/v1/evaluate/flags";
/// What stands in documents, histories and metrics, and in no answer to a client key.
const NEVER: [&str; 6] =
    ["offVariant", "\"documents\"", "u-staff", "usher_journal_seq", "\"commits\"", "createdBy"];

#[track_caller]
fn gives_nothing_away(asked: &str, answer: &str) {
    for word in NEVER {
        assert!(!answer.contains(word), "{asked} was answered with {word}: {answer}");
    }
    for status in statuses(answer) {
        assert!((200..500).contains(&status), "{asked}: {answer}");
    }
}

/// A server with a client key narrowed to Anfield.
async fn server() -> (Server, String) {
    let server = Server::seeded().await;
    let key = json!({"name": "Phones", "type": "client", "environment": "production", "venues": ["anfield"]});
    let key = server.new_key(key).await.0;
    (server, key)
}

async fn asked(server: &Server, key: &str, path: &str) -> Answer {
    server.with(key).post(path, &json!({"context": {"targetingKey": "u-1", "venue": "anfield"}})).await
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_to_administration() {
    let (server, key) = server().await;
    for path in [
        "/ofrep/v1/evaluate/flags/../../../../api/v1/export",
        "/ofrep/v1/evaluate/flags/..%2f..%2f..%2f..%2fapi%2fv1%2fexport",
        "/ofrep/v1/evaluate/flags/%2e%2e/%2e%2e/%2e%2e/%2e%2e/api/v1/export",
        "/ofrep/v1/evaluate/flags/..;/..;/..;/..;/api/v1/export",
        "/ofrep/v1/evaluate/flags/..\\..\\..\\..\\api\\v1\\export",
        "/sdk/v1/../../api/v1/commits",
        "/sdk/v1/%2e%2e/%2e%2e/metrics",
        "/sdk/v1/ruleset",
        "/sdk/v1//ruleset",
        "/sdk/v1/./ruleset",
        "/sdk/v1/%72uleset",
        "/sdk/v1/ruleset/",
        "/sdk/v1/ruleset%00",
        "/sdk/v1/values/../ruleset",
        "/api/v1/export",
        "//api/v1/export",
        "/api//v1/export",
        "/./api/v1/export",
        "/%61pi/v1/export",
        "/API/V1/EXPORT",
        "/api/v1/export/",
        "/api/v1/export;a=b",
        "/api/v1/export%00",
        "/api/v1/export%20",
        "/api/v1/export?token=x",
        "/metrics",
        "//metrics",
        "/metrics/",
        "/metrics%2f",
        "http://127.0.0.1/api/v1/export",
        "http://another.example/metrics",
        "*",
        "/../../../../../../etc/passwd",
        "/assets/../../../../../../etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
    ] {
        for method in ["GET", "POST", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get"] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: usher.example\r\nAuthorization: Bearer {key}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let answer = raw(&server, request).await;
            gives_nothing_away(&format!("{method} {path}"), &answer);
            assert!(!answer.contains("root:"), "{answer}");
        }
    }
    asked(&server, &key, ALL).await.expect(200);
}

#[tokio::test]
async fn no_spelling_of_a_flag_is_another_flag() {
    let (server, key) = server().await;
    let long = "a".repeat(60_000);
    for name in [
        "hidden",
        "%68idden",
        "HIDDEN",
        "hidden%20",
        "hidden%00",
        "hidden%2f",
        "./hidden",
        ".%2fhidden",
        "%2e/hidden",
        "always/../hidden",
        "always%2f..%2fhidden",
        "%2568idden",
        "hidden%3f",
        "hidden?x=always",
        "hidden%23",
        "%00",
        "%ff%fe",
        "%c0%ae%c0%ae",
        "a%0d%0aX-Evil:%20yes",
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "'%20OR%201=1",
        "$%7bjndi:ldap:%7d",
        "{{7*7}}",
        &long,
    ] {
        let request = format!(
            "POST {ALL}/{name} HTTP/1.1\r\nHost: usher.example\r\nAuthorization: Bearer {key}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        );
        let answer = raw(&server, request).await;
        let name: String = name.chars().take(60).collect();
        gives_nothing_away(&name, &answer);
        assert!(matches!(statuses(&answer)[..], [400..500]), "{name}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        assert!(!head.to_lowercase().contains("\r\nx-evil"), "{answer}");
        assert!(!body.contains("\"value\""), "{name}: {answer}");
    }
}

#[tokio::test]
async fn no_header_makes_a_request_another_one() {
    let (server, key) = server().await;
    let plain = asked(&server, &key, ALL).await.expect(200);
    for (name, value) in [
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-HTTP-Method", "GET"),
        ("X-Original-URL", "/api/v1/export"),
        ("X-Rewrite-URL", "/api/v1/export"),
        ("X-Forwarded-Prefix", "/api/v1"),
        ("X-Forwarded-Host", "another.example"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-User", "admin-1"),
        ("Forwarded", "for=127.0.0.1;host=another.example"),
        ("X-Remote-User", "admin"),
        ("X-Environment", "staging"),
        ("X-API-Key", "uat_test-administrator-0123456789"),
        ("Cookie", "usher_session=x"),
        ("Content-Type", "text/xml"),
        ("Accept", "application/xml"),
        ("Sec-WebSocket-Protocol", "usher.v1, usher.key.usk_x"),
        ("If-None-Match", "*"),
        ("Range", "bytes=0-1"),
        ("Expect", "100-continue"),
    ] {
        let answer = server
            .with(&key)
            .header(name, value)
            .post(ALL, &json!({"context": {"targetingKey": "u-1", "venue": "anfield"}}))
            .await;
        gives_nothing_away(name, &answer.body);
        if name == "If-None-Match" {
            continue;
        }
        let answer = answer.expect(200);
        assert_eq!(flags(&answer), flags(&plain), "{name}");
    }
}

/// Every flag of an answer, without the address of a stream, which is new each time.
fn flags(answer: &Answer) -> Value {
    answer.json()["flags"].clone()
}

#[tokio::test]
async fn one_request_is_never_taken_for_two() {
    let (server, key) = server().await;
    let hidden = format!(
        "POST {ALL}/hidden HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    let framings = [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Content-Length: 99999999999999999999999",
        "Content-Length : 5",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding:\u{b}chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\n Transfer-Encoding: chunked",
        "X: a\rContent-Length: 5",
        "X: \0",
    ];
    for framing in framings {
        let request = format!(
            "POST {ALL} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n{framing}\r\n\r\n0\r\n\r\n{hidden}"
        );
        let answer = raw(&server, request).await;
        gives_nothing_away(framing, &answer);
        let statuses = statuses(&answer);
        assert!(statuses.len() <= 1 && statuses.iter().all(|status| *status >= 400), "{framing}: {answer}");
    }
    for head in [
        "GET",
        "GET /",
        "GET / HTTP/9.9",
        "GET / HTTP/1.1\r\nHost: a\r\nX",
        "\u{0}\u{1}\u{2}",
        "PRI * HTTP/2.0\r\n\r\nSM",
    ] {
        let answer = raw(&server, format!("{head}\r\n\r\n")).await;
        gives_nothing_away(head, &answer);
    }
    let many = "X: y\r\n".repeat(10_000);
    let huge = format!("X: {}\r\n", "y".repeat(1_000_000));
    for headers in [many, huge] {
        let answer = raw(&server, format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await;
        assert!(statuses(&answer).iter().all(|status| (400..500).contains(status)), "{answer}");
    }
    asked(&server, &key, ALL).await.expect(200);
}

#[tokio::test]
async fn what_is_said_twice_is_not_read_in_two_ways() {
    let (server, key) = server().await;
    for body in [
        r#"{"context": {"targetingKey": "u-1", "venue": "anfield", "venue": "wembley-stadium"}}"#,
        r#"{"context": {"targetingKey": "u-1", "venue": "wembley-stadium", "venue": "anfield"}}"#,
        r#"{"context": {"venue": "anfield"}, "context": {"venue": "wembley-stadium"}}"#,
        r#"{"context": {"venue": "anfield", "venue": "wembley-stadium"}}"#,
        r#"{"context": {"targetingKey": "u-1", "venue": ["anfield", "wembley-stadium"]}}"#,
        r#"{"context": {"targetingKey": "u-1", "venue": {"key": "wembley-stadium"}}}"#,
        r#"{"context": {"targetingKey": "u-1", "venue.key": "wembley-stadium", "venue": "anfield"}}"#,
        r#"{"context": {"targetingKey": "u-1", "venue": "anfield", "venue.country": "Germany", "__proto__": {"venue": "wembley-stadium"}}}"#,
    ] {
        let answer =
            server.with(&key).send("POST", &format!("{ALL}/resale-guard"), Some(body.to_owned())).await;
        // Refused, or answered for the one venue that the key may speak for.
        if answer.status == 200 {
            let plain = asked(&server, &key, &format!("{ALL}/resale-guard")).await.expect(200).json();
            assert_eq!(answer.json()["value"], plain["value"], "{body}: {}", answer.body);
            assert_eq!(answer.json()["variant"], plain["variant"], "{body}: {}", answer.body);
        } else {
            assert!([400, 403].contains(&answer.status), "{body}: {answer:?}");
        }
    }
}
