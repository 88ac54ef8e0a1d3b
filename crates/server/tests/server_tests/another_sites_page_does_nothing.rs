//! A page of another site, in the browser of somebody who is signed in, changes nothing, by no route, and hears
//! nothing.

use crate::support::{Api, PASSWORD, Server, Socket, filled};
use serde_json::json;
use usher_core::model::Role;
use usher_server::auth::rights::{Needs, RIGHTS};

/// The cookies of an administrator, who is a page's victim.
async fn victim(server: &Server) -> String {
    let email = server.person(Role::Admin).await;
    let answer = server
        .nobody()
        .post("/api/v1/session", &json!({"email": email, "password": PASSWORD}))
        .await
        .expect(200);
    let cookies = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    let cookies: Vec<&str> = cookies.filter_map(|(_, value)| value.split(';').next()).collect();
    cookies.join("; ")
}

/// What browsers say of the page that a request comes from.
fn elsewhere(address: &str) -> Vec<Vec<(&'static str, String)>> {
    let origins = [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        String::new(),
        format!("http://{address}.evil.example"),
        format!("http://evil.example/{address}"),
        format!("http://evil.example@{address}"),
        format!("http://{address}@evil.example"),
        format!("http://{address}, https://evil.example"),
        format!("ftp://{address}"),
        address.to_owned(),
        // Another port is another site's server.
        "http://127.0.0.1:1".to_owned(),
        "http://localhost".to_owned(),
    ];
    let mut all: Vec<_> = origins.into_iter().map(|origin| vec![("Origin", origin)]).collect();
    for site in ["cross-site", "same-site", "unheard-of"] {
        all.push(vec![("Sec-Fetch-Site", site.to_owned())]);
    }
    all.push(vec![
        ("Origin", "https://evil.example".to_owned()),
        ("Sec-Fetch-Site", "same-origin".to_owned()),
    ]);
    all.push(vec![("Referer", format!("http://{address}/"))]);
    all.push(Vec::new());
    all
}

fn from(server: &Server, cookies: &str, page: &[(&str, String)]) -> Api {
    let api = server.nobody().header("Cookie", cookies);
    page.iter().fold(api, |api, (name, value)| api.header(name, value))
}

#[tokio::test]
async fn no_route_is_used_from_there() {
    let server = Server::seeded().await;
    let cookies = victim(&server).await;
    let before = server.seq();
    let pages = elsewhere(&server.address());
    for (method, pattern, needs) in RIGHTS.iter().filter(|(method, ..)| *method != "GET") {
        for page in &pages {
            let answer =
                from(&server, &cookies, page).send(method, &filled(pattern), Some("{}".to_owned())).await;
            if *needs == Needs::Nobody {
                // Where nobody is known, a body is looked at first; and programs say nothing of a page.
                assert!([400, 401, 403].contains(&answer.status), "{page:?}: {answer:?}");
            } else {
                answer.clone().problem(403, "forbidden");
            }
            assert!(!answer.headers.iter().any(|(name, _)| name == "set-cookie"), "{page:?}: {answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), "", "{answer:?}");
        }
    }
    assert_eq!(server.seq(), before);
    // The same cookies do all of it from Usher's own page.
    let own = [("Origin", format!("http://{}", server.address()))];
    from(&server, &cookies, &own)
        .put("/api/v1/cohorts/mine", &json!({"key": "mine", "name": "Mine"}))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_form_of_another_site_is_not_taken_for_the_ui() {
    let server = Server::seeded().await;
    let cookies = victim(&server).await;
    let before = server.seq();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let page = [("Origin", "https://evil.example".to_owned()), ("Content-Type", kind.to_owned())];
        let answer = from(&server, &cookies, &page)
            .post("/api/v1/flags/always/environments/production/kill", &json!({}))
            .await;
        answer.problem(403, "forbidden");
    }
    assert_eq!(server.seq(), before);
}

#[tokio::test]
async fn nobody_signs_somebody_in_from_there() {
    let server = Server::seeded().await;
    let email = server.person(Role::Viewer).await;
    let good = json!({"email": email, "password": PASSWORD});
    let page = server.nobody().header("Origin", "https://evil.example");
    let answer = page.post("/api/v1/session", &good).await;
    assert!(!answer.headers.iter().any(|(name, _)| name == "set-cookie"), "{answer:?}");
    answer.problem(403, "forbidden");
}

#[tokio::test]
async fn no_socket_listens_from_there() {
    let server = Server::seeded().await;
    let cookies = victim(&server).await;
    for page in elsewhere(&server.address()) {
        if page.iter().all(|(name, _)| *name == "Referer") {
            // A socket that says nothing of a page was opened by no browser.
            continue;
        }
        let mut headers = page.clone();
        headers.push(("Cookie", cookies.clone()));
        assert_eq!(Socket::try_open(&server, "/live", &headers).await.err(), Some(403), "{page:?}");
        // A cookie is no key.
        assert_eq!(Socket::try_open(&server, "/sdk/v1/stream", &headers).await.err(), Some(401), "{page:?}");
    }
    let own = [("Cookie", cookies), ("Origin", format!("http://{}", server.address()))];
    Socket::try_open(&server, "/live", &own).await.unwrap().expect("hello").await;
}

#[tokio::test]
async fn browsers_are_not_told_that_they_may_ask_the_administration() {
    let server = Server::seeded().await;
    for (_, pattern, _) in RIGHTS {
        let asks = server.nobody().header("Origin", "https://evil.example");
        let asks = asks
            .header("Access-Control-Request-Method", "PUT")
            .header("Access-Control-Request-Headers", "if-match");
        let answer = asks.send("OPTIONS", &filled(pattern), None).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{answer:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{answer:?}");
    }
}
