//! Sessions: renewed without anybody noticing, listed, ended one by one and all at once, on every node; and no copy of a
//! token that was used goes on.

use std::time::Duration;

use crate::support::{ADMIN, Answer, Api, PASSWORD, Server, Socket, eventually};
use serde_json::{Value, json};
use usher_core::model::Role;
use usher_server::Secret;
use usher_testkit::redis::RedisServer;

const SESSION: &str = "/api/v1/session";
const REFRESH: &str = "/api/v1/session/refresh";
const SESSIONS: &str = "/api/v1/sessions";

/// The cookies of one browser.
#[derive(Clone)]
struct Jar {
    access: String,
    refresh: String,
}

impl Jar {
    fn of(answer: &Answer) -> Self {
        Self { access: cookie(answer, "usher_session"), refresh: cookie(answer, "usher_refresh") }
    }

    async fn sign_in(server: &Server, email: &str) -> Self {
        let browser = server.nobody().header("User-Agent", "Firefox on a phone");
        Self::of(&browser.post(SESSION, &json!({"email": email, "password": PASSWORD})).await.expect(200))
    }

    /// From the server's own page, as a browser would.
    fn at(&self, server: &Server) -> Api {
        from_page(server).header("Cookie", &format!("usher_session={}", self.access))
    }

    async fn refresh(&self, server: &Server) -> Answer {
        let api = from_page(server).header("Cookie", &format!("usher_refresh={}", self.refresh));
        api.post(REFRESH, &json!({})).await
    }
}

fn from_page(server: &Server) -> Api {
    server.nobody().header("Origin", &format!("http://{}", server.address()))
}

fn set_cookie<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let mut set = answer.headers.iter().filter(|(own, _)| own == "set-cookie");
    set.find_map(|(_, value)| value.strip_prefix(&format!("{name}=")))
}

fn cookie(answer: &Answer, name: &str) -> String {
    set_cookie(answer, name).unwrap().split(';').next().unwrap().to_owned()
}

async fn listed(api: &Api) -> Vec<Value> {
    api.get(SESSIONS).await.expect(200).json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_session_is_renewed_and_the_token_before_ends_it() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let first = Jar::sign_in(&server, &email).await;
    let answer = first.refresh(&server).await.expect(200);
    assert_eq!(answer.json()["user"]["email"], email.as_str());
    let second = Jar::of(&answer);
    assert!(first.refresh != second.refresh, "it is another one");
    let flags = set_cookie(&answer, "usher_refresh").unwrap();
    for flag in ["HttpOnly", "SameSite=Strict", "Path=/api/v1/session;"] {
        assert!(flags.contains(flag), "{flag} in {flags}");
    }
    let third = Jar::of(&second.refresh(&server).await.expect(200));
    third.at(&server).get("/api/v1/workspace").await.expect(200);
    // A copy of the first is used: whoever has the newest one is out too, with all access tokens.
    first.refresh(&server).await.problem(401, "unauthorized");
    third.refresh(&server).await.problem(401, "unauthorized");
    for jar in [&first, &second, &third] {
        jar.at(&server).get("/api/v1/workspace").await.problem(401, "unauthorized");
    }
    Jar::sign_in(&server, &email).await.at(&server).get("/api/v1/workspace").await.expect(200);
}

#[tokio::test]
async fn two_tabs_that_renew_at_once_stay_signed_in() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let jar = Jar::sign_in(&server, &email).await;
    let answers = futures_util::future::join_all((0..8).map(|_| jar.refresh(&server))).await;
    let jars: Vec<Jar> = answers.into_iter().map(|answer| Jar::of(&answer.expect(200))).collect();
    assert!(jars.iter().all(|jar| jar.refresh == jars[0].refresh), "all are given the same");
    let next = Jar::of(&jars[7].refresh(&server).await.expect(200));
    next.at(&server).get("/api/v1/workspace").await.expect(200);
}

#[tokio::test]
async fn another_sites_page_can_not_renew_a_session() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let jar = Jar::sign_in(&server, &email).await;
    let plain = server.nobody().header("Cookie", &format!("usher_refresh={}", jar.refresh));
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let answer = plain.header(name, value).post(REFRESH, &json!({})).await;
        assert_eq!(answer.header("set-cookie"), "");
        answer.problem(403, "forbidden");
    }
    // A form shows nothing of where it comes from.
    plain.post(REFRESH, &json!({})).await.problem(403, "forbidden");
    jar.refresh(&server).await.expect(200);
    // A link can't do it either.
    plain.header("Sec-Fetch-Site", "none").get(REFRESH).await.expect(401);
}

#[tokio::test]
async fn what_was_never_a_refresh_token_opens_and_ends_nothing() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let jar = Jar::sign_in(&server, &email).await;
    let parts: Vec<&str> = jar.refresh.split('.').collect();
    let forged = [
        format!("{}.{}.{}", parts[0], "A".repeat(22), parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        format!("0011223344556677.{}.{}", parts[1], parts[2]),
        jar.access.clone(),
        "x".repeat(3_000),
        String::new(),
    ];
    for refresh in forged {
        let jar = Jar { refresh, ..jar.clone() };
        jar.refresh(&server).await.problem(401, "unauthorized");
    }
    from_page(&server).post(REFRESH, &json!({})).await.problem(401, "unauthorized");
    // A refresh token is no access token.
    let other = Jar { access: jar.refresh.clone(), ..jar.clone() };
    other.at(&server).get(SESSION).await.problem(401, "unauthorized");
    jar.refresh(&server).await.expect(200);
}

#[tokio::test]
async fn an_access_token_expires_and_is_renewed() {
    let server = Server::start_with(|settings| settings.session_access_seconds = 1).await;
    let email = server.person(Role::Viewer).await;
    let jar = Jar::sign_in(&server, &email).await;
    let page = format!("http://{}", server.address());
    let headers = [("Cookie", format!("usher_session={}", jar.access)), ("Origin", page)];
    let mut live = Socket::try_open(&server, "/live", &headers).await.unwrap();
    live.expect("hello").await;
    eventually("it expires", async || jar.at(&server).get(SESSION).await.status == 401).await;
    assert_eq!(Socket::try_open(&server, "/live", &headers).await.err(), Some(401));
    let jar = Jar::of(&jar.refresh(&server).await.expect(200));
    jar.at(&server).get(SESSION).await.expect(200);
}

#[tokio::test]
async fn a_socket_goes_on_after_its_token_has_expired_and_ends_with_its_session() {
    let server = Server::start_with(|settings| {
        settings.session_access_seconds = 1;
        settings.heartbeat_seconds = 1;
    })
    .await;
    let email = server.person(Role::Viewer).await;
    let jar = Jar::sign_in(&server, &email).await;
    let page = format!("http://{}", server.address());
    let headers = [("Cookie", format!("usher_session={}", jar.access)), ("Origin", page)];
    let mut live = Socket::try_open(&server, "/live", &headers).await.unwrap();
    live.expect("hello").await;
    eventually("it expires", async || jar.at(&server).get(SESSION).await.status == 401).await;
    for _ in 0..3 {
        live.expect("ping").await;
    }
    server.admin().delete("/api/v1/users/viewer-1/sessions").await.expect(204);
    let end =
        tokio::time::timeout(Duration::from_secs(5), async { while live.any().await.is_some() {} }).await;
    assert!(end.is_ok(), "it goes on");
}

#[tokio::test]
async fn people_see_their_sessions_and_end_them() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let (phone, desk) = (Jar::sign_in(&server, &email).await, Jar::sign_in(&server, &email).await);
    let all = listed(&desk.at(&server)).await;
    assert_eq!(all.len(), 2);
    for session in &all {
        assert_eq!(
            (&session["agent"], &session["address"], &session["with"]),
            (&json!("Firefox on a phone"), &json!("127.0.0.1"), &json!("password"))
        );
        for time in ["madeAt", "lastUsedAt", "endsAt"] {
            assert!(session[time].as_str().unwrap() > "2026", "{session}");
        }
    }
    let text = json!(all).to_string();
    for secret in [&phone.refresh, &phone.access, &desk.refresh] {
        assert!(!text.contains(secret.split('.').nth(1).unwrap()), "{text}");
    }
    let other = all.iter().find(|session| session["isThis"] == false).unwrap();
    let path = format!("{SESSIONS}/{}", other["id"].as_str().unwrap());
    desk.at(&server).delete(&path).await.expect(204);
    desk.at(&server).delete(&path).await.problem(404, "not_found");
    phone.at(&server).get(SESSION).await.problem(401, "unauthorized");
    phone.refresh(&server).await.problem(401, "unauthorized");
    desk.at(&server).get(SESSION).await.expect(200);
    // All others, then all.
    let more = Jar::sign_in(&server, &email).await;
    desk.at(&server).delete(&format!("{SESSIONS}?keepThis=true")).await.expect(204);
    more.at(&server).get(SESSION).await.problem(401, "unauthorized");
    assert_eq!(listed(&desk.at(&server)).await.len(), 1);
    desk.at(&server).delete(SESSIONS).await.expect(204);
    desk.at(&server).get(SESSION).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn an_administrator_sees_and_ends_anybodys_and_nobody_else_does() {
    let server = Server::start().await;
    let email = server.person(Role::Editor).await;
    let jar = Jar::sign_in(&server, &email).await;
    let (viewer, admin) = (server.signed_in(Role::Viewer).await, server.signed_in(Role::Admin).await);
    let path = "/api/v1/users/editor-1/sessions";
    viewer.get(path).await.problem(403, "forbidden");
    viewer.delete(path).await.problem(403, "forbidden");
    let id = admin.get(path).await.expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
    // Nobody learns which sessions there are.
    let own = format!("{SESSIONS}/{id}");
    let (theirs, none) =
        (viewer.delete(&own).await, viewer.delete(&format!("{SESSIONS}/{}", "0".repeat(16))).await);
    assert_eq!(theirs.body.replace(&id, ""), none.body.replace(&"0".repeat(16), ""));
    theirs.problem(404, "not_found");
    jar.at(&server).get(SESSION).await.expect(200);
    admin.delete(&own).await.expect(204);
    jar.at(&server).get(SESSION).await.problem(401, "unauthorized");
    let jar = Jar::sign_in(&server, &email).await;
    server.with(ADMIN).delete(path).await.expect(204);
    jar.at(&server).get(SESSION).await.problem(401, "unauthorized");
    admin.get("/api/v1/users/nobody/sessions").await.problem(404, "not_found");
    admin.get(SESSION).await.expect(200);
}

#[tokio::test]
async fn the_session_not_used_for_longest_gives_way_to_the_thirty_third() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let first = Jar::sign_in(&server, &email).await;
    for _ in 0..31 {
        Jar::sign_in(&server, &email).await;
    }
    first.at(&server).get(SESSION).await.expect(200);
    let last = Jar::sign_in(&server, &email).await;
    first.at(&server).get(SESSION).await.problem(401, "unauthorized");
    assert_eq!(listed(&last.at(&server)).await.len(), 32);
}

#[tokio::test]
async fn a_brief_session_is_for_programs_and_can_not_be_renewed() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let body = json!({"email": email, "password": PASSWORD, "brief": true});
    let answer = server.nobody().post(SESSION, &body).await.expect(200);
    assert_eq!(set_cookie(&answer, "usher_refresh"), None);
    let own =
        server.nobody().header("Cookie", &format!("usher_session={}", cookie(&answer, "usher_session")));
    own.get(SESSION).await.expect(200);
}

#[tokio::test]
async fn sessions_outlive_a_restart_and_what_was_ended_stays_so() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let (kept, ended) = (Jar::sign_in(&server, &email).await, Jar::sign_in(&server, &email).await);
    let kept = Jar::of(&kept.refresh(&server).await.expect(200));
    ended.at(&server).delete(SESSION).await.expect(204);
    let server = Server::start_in(server.stop().await, |_| {}).await;
    kept.at(&server).get(SESSION).await.expect(200);
    ended.at(&server).get(SESSION).await.problem(401, "unauthorized");
    ended.refresh(&server).await.problem(401, "unauthorized");
    kept.refresh(&server).await.expect(200);
}

#[tokio::test]
async fn what_is_kept_on_disk_opens_nothing() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let jar = Jar::sign_in(&server, &email).await;
    let next = Jar::of(&jar.refresh(&server).await.expect(200));
    let kept = std::fs::read_to_string(server.folder().join("sessions.json")).unwrap();
    assert!(kept.contains("Firefox on a phone"), "{kept}");
    for jar in [&jar, &next] {
        for part in jar.refresh.split('.').skip(1).chain([jar.access.as_str()]) {
            assert!(!kept.contains(part), "{part} in {kept}");
        }
    }
}

#[tokio::test]
async fn a_new_key_signs_and_the_old_one_is_taken_until_its_tokens_have_expired() {
    let server = Server::start_with(|settings| settings.session_access_seconds = 3).await;
    let email = server.person(Role::Viewer).await;
    let old = Jar::sign_in(&server, &email).await;
    let header = |jar: &Jar| jar.access.split('.').next().unwrap().to_owned();
    let viewer = old.at(&server);
    viewer.post("/api/v1/session-key/rotate", &json!({})).await.problem(403, "forbidden");
    let of_old = std::fs::read_to_string(server.folder().join("session.key")).unwrap();
    server.admin().post("/api/v1/session-key/rotate", &json!({})).await.expect(204);
    viewer.get(SESSION).await.expect(200);
    let new = Jar::of(&old.refresh(&server).await.expect(200));
    assert_ne!(header(&old), header(&new), "it names another key");
    // Whoever has a copy of the old key can't go on signing with it.
    let ring: Value = serde_json::from_str(&of_old).unwrap();
    let key = base64::Engine::decode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        ring[0]["key"].as_str().unwrap(),
    );
    let read = jsonwebtoken::dangerous::insecure_decode::<Value>(&old.access).unwrap();
    let mut claims = read.claims;
    claims["exp"] = json!(claims["exp"].as_i64().unwrap() + 3_600);
    let forged =
        jsonwebtoken::encode(&read.header, &claims, &jsonwebtoken::EncodingKey::from_secret(&key.unwrap()))
            .unwrap();
    let forged = Jar { access: forged, ..old.clone() };
    eventually("the old key is not taken any more", async || {
        forged.at(&server).get(SESSION).await.status == 401
    })
    .await;
    let new = Jar::of(&new.refresh(&server).await.expect(200));
    new.at(&server).get(SESSION).await.expect(200);
}

#[tokio::test]
async fn sessions_are_those_of_all_nodes_and_are_ended_on_all() {
    let redis = RedisServer::start();
    let on = async || {
        let url = Secret::from(redis.url());
        Server::start_with(|settings| settings.redis = Some(url)).await
    };
    let (one, two, three) = (on().await, on().await, on().await);
    let email = one.person(Role::Viewer).await;
    eventually("all know the account", async || [&two, &three].iter().all(|other| other.seq() >= one.seq()))
        .await;
    let jar = Jar::sign_in(&one, &email).await;
    for server in [&one, &two, &three] {
        assert_eq!(listed(&jar.at(server)).await.len(), 1, "at once");
    }
    // Renewed on one node by turns, and by two at once.
    let jar = Jar::of(&jar.refresh(&two).await.expect(200));
    let (a, b) = tokio::join!(jar.refresh(&one), jar.refresh(&three));
    let (a, b) = (Jar::of(&a.expect(200)), Jar::of(&b.expect(200)));
    assert!(a.refresh == b.refresh, "both are given the same");
    // A new key of one node is taken by the others.
    two.admin().post("/api/v1/session-key/rotate", &json!({})).await.expect(204);
    let a = Jar::of(&a.refresh(&two).await.expect(200));
    eventually("the others take it", async || {
        a.at(&one).get(SESSION).await.status == 200 && a.at(&three).get(SESSION).await.status == 200
    })
    .await;
    // Ended on one, it is over on all.
    let other = Jar::sign_in(&two, &email).await;
    for server in [&one, &two, &three] {
        other.at(server).get(SESSION).await.expect(200);
    }
    three.admin().delete("/api/v1/users/viewer-1/sessions").await.expect(204);
    for server in [&one, &two, &three] {
        for jar in [&a, &other] {
            eventually("it is over", async || jar.at(server).get(SESSION).await.status == 401).await;
            jar.refresh(server).await.problem(401, "unauthorized");
        }
    }
}

#[tokio::test]
async fn without_redis_people_stay_signed_in_and_nobody_new_comes_in() {
    let mut redis = RedisServer::start();
    let url = Secret::from(redis.url());
    let server = Server::start_with(|settings| settings.redis = Some(url)).await;
    let email = server.person(Role::Viewer).await;
    let jar = Jar::sign_in(&server, &email).await;
    jar.at(&server).get(SESSION).await.expect(200);
    redis.kill_nine();
    for _ in 0..3 {
        jar.at(&server).get("/api/v1/workspace").await.expect(200);
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    jar.refresh(&server).await.problem(503, "journal_unavailable");
    let body = json!({"email": email, "password": PASSWORD});
    server.nobody().post(SESSION, &body).await.problem(503, "journal_unavailable");
    redis.restart();
    eventually("it is renewed again", async || jar.refresh(&server).await.status == 200).await;
}
