//! Sessions of people: what opens them, what ends them, what does not forge them.

use crate::support::{self, Answer, Api, PASSWORD, Server, Socket};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use usher_core::model::Role;

const SESSION: &str = "/api/v1/session";

async fn sign_in(api: &Api, email: &str, password: &str) -> Answer {
    api.post(SESSION, &json!({"email": email, "password": password})).await
}

/// The key that signs, from the server's own file.
fn signing_key(folder: &std::path::Path) -> Vec<u8> {
    let ring: Value = serde_json::from_slice(&std::fs::read(folder.join("session.key")).unwrap()).unwrap();
    URL_SAFE_NO_PAD.decode(ring[0]["key"].as_str().unwrap()).unwrap()
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_signs_in_and_is_known_from_then_on() {
    let server = Server::start().await;
    let email = server.person(Role::Editor).await;
    let answer = sign_in(&server.nobody(), &email, PASSWORD).await.expect(200);
    let session = answer.json();
    assert_eq!(
        session["user"],
        json!({"id": "editor-1", "email": email, "name": "The editor", "role": "editor", "bindings": [], "secondFactor": false})
    );
    assert!(session["expiresAt"].as_str().unwrap() > "2026");
    assert!(!answer.body.contains(PASSWORD) && !answer.body.contains("argon2"));
    let person = server.nobody().header("Cookie", &cookie(&answer));
    assert_eq!(person.get(SESSION).await.expect(200).json()["user"]["email"], email);
    // E-mail addresses are the same in upper case, and with a space pasted along.
    sign_in(&server.nobody(), " Editor@Example.ORG ", PASSWORD).await.expect(200);
    let program = server.admin().get(SESSION).await.expect(200).json();
    assert_eq!(program["user"]["role"], "admin");
}

#[tokio::test]
async fn the_cookie_is_for_this_server_alone_and_out_of_reach_of_scripts() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let flags = |answer: &Answer| {
        let mut parts: Vec<String> =
            answer.header("set-cookie").split("; ").skip(1).map(ToOwned::to_owned).collect();
        parts.sort();
        parts
    };
    let answer = sign_in(&server.nobody(), &email, PASSWORD).await.expect(200);
    assert_eq!(flags(&answer), ["HttpOnly", "Max-Age=600", "Path=/", "SameSite=Strict"]);
    let secure = Server::start_with(|settings| settings.secure_cookies = true).await;
    let email = secure.person(Role::Viewer).await;
    let answer = sign_in(&secure.nobody(), &email, PASSWORD).await.expect(200);
    assert!(flags(&answer).contains(&"Secure".to_owned()));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_person_are_not_told_apart() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let wrong = sign_in(&server.nobody(), &email, "wrong horse battery").await;
    let unknown = sign_in(&server.nobody(), "nobody@example.org", PASSWORD).await;
    assert_eq!(wrong.body, unknown.body);
    let problem = wrong.clone().problem(401, "unauthorized");
    assert!(!problem.to_string().contains("horse"), "{problem}");
    assert_eq!(wrong.header("set-cookie"), "");
    for body in [
        json!({"email": email}),
        json!({"email": email, "password": 7}),
        json!({"email": email, "password": "hunter2 hunter2", "more": 1}),
    ] {
        let problem = server.nobody().post(SESSION, &body).await.problem(400, "invalid");
        assert!(!problem.to_string().contains("hunter2"), "{problem}");
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_also_when_it_is_done_all_at_once() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let api = server.nobody();
    let guesses = (0..40).map(|n| {
        let (api, email) = (api.clone(), email.clone());
        async move { sign_in(&api, &email, &format!("guess number {n}")).await }
    });
    let answers = futures_util::future::join_all(guesses).await;
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    assert!(tried <= 5, "{tried} guesses were tried");
    let slowed = answers.into_iter().find(|answer| answer.status == 429).unwrap();
    let wait: u32 = slowed.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    slowed.problem(429, "throttled");
    sign_in(&api, &email, PASSWORD).await.problem(429, "throttled");
    // A session that is open, and programs, go on.
    server.admin().get("/api/v1/workspace").await.expect(200);
}

#[tokio::test]
async fn signing_in_well_is_never_slowed_down() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    for _ in 0..8 {
        sign_in(&server.nobody(), &email, PASSWORD).await.expect(200);
    }
}

#[tokio::test]
async fn another_sites_page_can_not_use_a_session() {
    let server = Server::start().await;
    let person = server.signed_in(Role::Admin).await;
    let plain = {
        let answer = sign_in(&server.nobody(), "admin@example.org", PASSWORD).await.expect(200);
        server.nobody().header("Cookie", &cookie(&answer))
    };
    let cohort = json!({"key": "c", "name": "C"});
    let before = server.seq();
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", &format!("http://{}.evil.example", server.address())),
        ("Origin", "http://127.0.0.1"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let elsewhere = plain.header(name, value);
        elsewhere.put("/api/v1/cohorts/c", &cohort).await.problem(403, "forbidden");
        elsewhere.get("/api/v1/workspace").await.problem(403, "forbidden");
        elsewhere.delete(SESSION).await.problem(403, "forbidden");
    }
    // A form can't set any header that shows where it comes from; neither does an old browser.
    plain.put("/api/v1/cohorts/c", &cohort).await.problem(403, "forbidden");
    assert_eq!(server.seq(), before);
    plain.header("Sec-Fetch-Site", "same-origin").put("/api/v1/cohorts/c", &cohort).await.expect(201);
    person.delete("/api/v1/cohorts/c").await.expect(200);
    let sign_in_elsewhere = server.nobody().header("Origin", "https://evil.example");
    sign_in(&sign_in_elsewhere, "admin@example.org", PASSWORD).await.problem(403, "forbidden");
}

#[tokio::test]
async fn the_browsers_socket_opens_for_its_own_page_only() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let own = cookie(&sign_in(&server.nobody(), &email, PASSWORD).await.expect(200));
    let own_page = format!("http://{}", server.address());
    for (origin, status) in [("https://evil.example", Some(403)), (own_page.as_str(), None)] {
        let headers = [("Cookie", own.clone()), ("Origin", origin.to_owned())];
        assert_eq!(Socket::try_open(&server, "/live", &headers).await.err(), status, "{origin}");
    }
    let forged = [("Cookie", "usher_session=x.y.z".to_owned()), ("Origin", own_page)];
    assert_eq!(Socket::try_open(&server, "/live", &forged).await.err(), Some(401));
}

#[tokio::test]
async fn signing_out_takes_the_cookies_away_and_ends_the_session() {
    let server = Server::start().await;
    let person = server.signed_in(Role::Viewer).await;
    let answer = person.delete(SESSION).await.expect(204);
    assert!(answer.header("set-cookie").starts_with("usher_session=; "), "{answer:?}");
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{answer:?}");
    assert_eq!(answer.headers.iter().filter(|(name, _)| name == "set-cookie").count(), 2);
    // Whoever has a copy of the cookie is out too.
    person.get(SESSION).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn a_session_that_was_tampered_with_opens_nothing() {
    let server = Server::start().await;
    server.person(Role::Admin).await;
    let email = server.person(Role::Viewer).await;
    let own = cookie(&sign_in(&server.nobody(), &email, PASSWORD).await.expect(200));
    let token = own.strip_prefix("usher_session=").unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        encode(&claims)
    };
    let admin = with("sub", "admin-1".into());
    let none = encode(&json!({"alg": "none", "typ": "JWT"}));
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    assert_eq!((&header["alg"], header["kid"].as_str().map(str::len)), (&json!("HS256"), Some(16)));
    let kid = header["kid"].as_str().unwrap();
    let signed = |algorithm: Algorithm, kid: Option<&str>, claims: &Value, key: &[u8]| {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key)).unwrap()
    };
    let mut as_admin = claims.clone();
    as_admin["sub"] = "admin-1".into();
    let (own_key, none) = (signing_key(server.folder()), none.as_str());
    let mut forged = vec![
        format!("{}.{admin}.{}", parts[0], parts[2]),
        format!("{none}.{admin}."),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}A", parts[0], parts[1], parts[2]),
        // Signed with what anybody knows.
        signed(Algorithm::HS256, Some(kid), &as_admin, b""),
        signed(Algorithm::HS256, Some(kid), &as_admin, &[0; 32]),
        signed(Algorithm::HS256, Some(kid), &as_admin, kid.as_bytes()),
        // With the server's own key, but another algorithm, another name for it, or none.
        signed(Algorithm::HS384, Some(kid), &claims, &own_key),
        signed(Algorithm::HS512, Some(kid), &claims, &own_key),
        signed(Algorithm::HS256, None, &claims, &own_key),
        signed(Algorithm::HS256, Some("0123456789abcdef"), &claims, &own_key),
        signed(Algorithm::HS256, Some("../../../dev/null"), &claims, &own_key),
        // It names a public key of its own to be checked with, as an RSA one would be.
        format!(
            "{}.{admin}.{}",
            encode(&json!({"alg": "RS256", "kid": kid, "jwk": {"kty": "oct", "k": "AA"}})),
            parts[2]
        ),
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(5_000),
    ];
    // Signed as it should be, but not a session of this moment, nor of this person.
    for (name, value) in [
        ("exp", json!(1)),
        ("exp", json!(-1)),
        ("exp", Value::Null),
        ("aud", json!("another")),
        ("aud", json!("usher-ofrep-events")),
        ("iss", json!("another")),
        ("sub", json!("nobody-1")),
        ("sub", json!("admin-1")),
        ("sid", json!("0011223344556677")),
        ("sid", Value::Null),
    ] {
        let mut other = claims.clone();
        other[name] = value;
        forged.push(signed(Algorithm::HS256, Some(kid), &other, &own_key));
    }
    let good = signed(Algorithm::HS256, Some(kid), &claims, &own_key);
    server
        .nobody()
        .header("Cookie", &format!("usher_session={good}"))
        .get("/api/v1/workspace")
        .await
        .expect(200);
    for token in forged {
        let api = server.nobody().header("Cookie", &format!("usher_session={token}"));
        api.get("/api/v1/workspace").await.problem(401, "unauthorized");
    }
    server.nobody().header("Cookie", &own).get("/api/v1/workspace").await.expect(200);
}

#[tokio::test]
async fn a_session_outlives_a_restart_and_not_its_person() {
    let server = Server::start().await;
    let email = server.person(Role::Viewer).await;
    let own = cookie(&sign_in(&server.nobody(), &email, PASSWORD).await.expect(200));
    let server = Server::start_in(server.stop().await, |_| {}).await;
    server.nobody().header("Cookie", &own).get(SESSION).await.expect(200);
    let other = Server::start().await;
    other.person(Role::Viewer).await;
    other.nobody().header("Cookie", &own).get(SESSION).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn what_is_kept_of_sessions_is_for_the_servers_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start().await;
    server.signed_in(Role::Viewer).await;
    for file in ["session.key", "sessions.json"] {
        let file = std::fs::metadata(server.folder().join(file)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_short_administrators_token_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let settings = usher_server::Settings {
        listen: "127.0.0.1:0".to_owned(),
        data: folder.path().to_owned(),
        admin_token: Some(usher_server::Secret::from("short".to_owned())),
        ..usher_server::Settings::default()
    };
    let Err(error) = usher_server::run(settings).await else { panic!("it started") };
    assert!(error.to_string().contains("24 characters"), "{error}");
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let server = Server::start().await;
    for path in ["/", "/api/v1/workspace", "/healthz", "/nothing.js"] {
        let answer = server.nobody().get(path).await;
        assert!(answer.header("content-security-policy").contains("script-src 'self';"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn a_right_that_was_taken_away_does_not_come_back_with_what_somebody_else_had_read() {
    let server = Server::start().await;
    server.person(Role::Viewer).await;
    let listed = server.admin().get("/api/v1/users").await.expect(200).json();
    let version = listed["items"][0]["version"].as_u64().unwrap();
    let read = server.admin().header("If-Match", &format!("\"{version}\""));
    let path = "/api/v1/users/viewer-1";
    let changed = read.put(path, &json!({"bindings": []})).await.expect(200);
    let bound = json!({"bindings": [{"role": "operator", "environments": ["production"]}]});
    let problem = read.put(path, &bound).await.problem(412, "conflict");
    assert_eq!(problem["current"]["version"], changed.json()["version"], "{problem}");
    assert_eq!(changed.header("etag"), format!("\"{}\"", server.seq()));
    let again = server.admin().header("If-Match", changed.header("etag"));
    again.put(path, &bound).await.expect(200);
    server.admin().header("If-Match", "x").put(path, &bound).await.problem(400, "invalid");
    // Who says nothing of versions changes what there is.
    server.admin().put(path, &json!({"bindings": []})).await.expect(200);
}

#[tokio::test]
async fn an_administrator_makes_changes_and_removes_accounts() {
    let server = Server::start().await;
    let admin = server.signed_in(Role::Admin).await;
    let ana = json!({"email": " Ana@Example.org ", "name": "Ana", "role": "editor", "password": PASSWORD});
    let again = admin.header("Idempotency-Key", "ana");
    let made = again.post("/api/v1/users", &ana).await.expect(201).json();
    assert_eq!((&made["email"], &made["role"]), (&json!("ana@example.org"), &json!("editor")));
    let before = server.seq();
    assert_eq!(again.post("/api/v1/users", &ana).await.expect(201).json(), made);
    assert_eq!(server.seq(), before, "sent again, made once");
    // With another password it is another request, and nobody is told that it was set.
    let mut other = ana.clone();
    other["password"] = json!("another good password");
    again.post("/api/v1/users", &other).await.problem(422, "idempotency_key_reused");
    admin.post("/api/v1/users", &ana).await.problem(400, "invalid");
    let id = made["key"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/users/{id}");
    let signed_in = async |password: &str| {
        let cookie = cookie(&sign_in(&server.nobody(), "ana@example.org", password).await.expect(200));
        let api = server.nobody().header("Cookie", &cookie);
        api.header("Origin", &format!("http://{}", server.address()))
    };
    let her = signed_in(PASSWORD).await;
    her.get("/api/v1/users").await.problem(403, "forbidden");
    // A role that is taken away is gone at once.
    let flag = support::fixtures::flag("hers", &json!({}));
    her.put("/api/v1/flags/hers", &flag).await.expect(201);
    admin.put(&path, &json!({"role": "viewer"})).await.expect(200);
    her.put("/api/v1/flags/hers", &flag).await.problem(403, "forbidden");
    let named = admin.header("Idempotency-Key", "a new one");
    for _ in 0..2 {
        named.put(&path, &json!({"password": "another good password"})).await.expect(200);
    }
    let third = json!({"password": "yet another good password"});
    named.put(&path, &third).await.problem(422, "idempotency_key_reused");
    sign_in(&server.nobody(), "ana@example.org", PASSWORD).await.expect(401);
    // Whoever had the old one is out.
    her.get("/api/v1/flags").await.expect(401);
    let her = signed_in("another good password").await;
    her.get("/api/v1/flags").await.expect(200);
    let all = admin.get("/api/v1/users").await.expect(200);
    assert_eq!(all.json()["items"].as_array().unwrap().len(), 2);
    assert!(!all.body.contains("argon2"));
    admin.delete(&path).await.expect(200);
    her.get("/api/v1/flags").await.expect(401);
    admin.delete(&path).await.problem(404, "not_found");
    // What was done stays told.
    let history = server.admin().get("/api/v1/commits").await.expect(200).body;
    assert!(history.contains("Remove the account of Ana") && !history.contains("argon2"), "{history}");
}

#[tokio::test]
async fn accounts_that_make_no_sense_are_refused_and_no_password_is_repeated() {
    let server = Server::start().await;
    let before = server.seq();
    for (field, value) in [
        ("email", json!("nobody")),
        ("email", json!("a b@c")),
        ("name", json!("")),
        ("role", json!("king")),
        ("password", json!("hunter2")),
        ("password", json!(1_234_567_890_123_u64)),
        ("surprise", json!("correct horse battery")),
    ] {
        let mut account =
            json!({"email": "ana@example.org", "name": "Ana", "role": "editor", "password": PASSWORD});
        account[field] = value;
        let problem = server.admin().post("/api/v1/users", &account).await.problem(400, "invalid");
        let text = problem.to_string();
        assert!(
            !text.contains(PASSWORD) && !text.contains("1234567890123") && !text.contains("hunter2"),
            "{text}"
        );
    }
    assert_eq!(server.seq(), before);
}

#[tokio::test]
async fn nobody_shuts_themselves_out() {
    let server = Server::start().await;
    let admin = server.signed_in(Role::Admin).await;
    let me = admin.get("/api/v1/session").await.expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
    admin.delete(&format!("/api/v1/users/{me}")).await.problem(403, "forbidden");
    admin.put(&format!("/api/v1/users/{me}"), &json!({"role": "viewer"})).await.problem(403, "forbidden");
    admin.put(&format!("/api/v1/users/{me}"), &json!({"name": "Me"})).await.expect(200);
}
