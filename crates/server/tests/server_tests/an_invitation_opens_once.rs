//! Invitations: a link lets one person in, once, for a week; and nobody learns from it.

use crate::support::{Answer, Api, PASSWORD, Server, fixtures};
use serde_json::{Value, json};
use usher_core::model::{Document, Role, Timestamp, User};
use usher_journal::{Actor, Append, Change};

const INVITATIONS: &str = "/api/v1/invitations";
const ACCEPT: &str = "/api/v1/invitations/accept";
const EMAIL: &str = "ana@example.org";

async fn invite(api: &Api, role: &str) -> Value {
    let bindings = json!([{"role": "operator", "venues": ["anfield"]}]);
    let body = json!({"email": " Ana@Example.org", "name": "Ana", "role": role, "bindings": bindings});
    api.post(INVITATIONS, &body).await.expect(201).json()
}

/// What is behind `#` in the link.
fn secret(invited: &Value) -> String {
    invited["link"].as_str().unwrap().strip_prefix("/invitation#").unwrap().to_owned()
}

async fn accept(server: &Server, invitation: &str) -> Answer {
    server.nobody().post(ACCEPT, &json!({"invitation": invitation, "password": PASSWORD})).await
}

async fn sign_in(server: &Server, password: &str) -> Answer {
    server.nobody().post("/api/v1/session", &json!({"email": EMAIL, "password": password})).await
}

#[tokio::test]
async fn whoever_opens_the_link_sets_a_password_and_is_signed_in_with_their_rights() {
    let server = Server::seeded().await;
    let invited = invite(&server.signed_in(Role::Admin).await, "viewer").await;
    assert!(invited["expiresAt"].as_str().unwrap() > "2026", "{invited}");
    assert_eq!(invited["account"]["invitedUntil"], invited["expiresAt"]);
    // An account without a password has none, not an empty one.
    for password in ["", "nobody has this password", PASSWORD] {
        sign_in(&server, password).await.problem(401, "unauthorized");
    }
    let answer = accept(&server, &secret(&invited)).await.expect(200);
    let user = &answer.json()["user"];
    assert_eq!((&user["email"], &user["role"]), (&json!(EMAIL), &json!("viewer")));
    assert_eq!(user["bindings"][0]["venues"], json!(["anfield"]));
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let ana = server.nobody().header("Cookie", &cookie);
    let sessions = ana.get("/api/v1/sessions").await.expect(200).json();
    assert_eq!(sessions["items"][0]["with"], "invitation");
    sign_in(&server, PASSWORD).await.expect(200);
    let history = server.admin().get("/api/v1/commits").await.expect(200).body;
    for message in ["Invite Ana", "Ana accepts the invitation"] {
        assert!(history.contains(message), "{history}");
    }
}

#[tokio::test]
async fn a_link_opens_once_also_for_many_at_once() {
    let server = Server::seeded().await;
    let invitation = secret(&invite(&server.admin(), "editor").await);
    let tries = (0..4).map(|_| accept(&server, &invitation));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
    let late = answers.into_iter().find(|answer| answer.status != 200).unwrap();
    assert_eq!(late.header("set-cookie"), "");
    late.problem(401, "unauthorized");
    accept(&server, &invitation).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn a_link_that_has_run_out_was_replaced_or_withdrawn_opens_nothing() {
    let server = Server::seeded().await;
    let invited = invite(&server.admin(), "viewer").await;
    let path = format!("/api/v1/users/{}", invited["account"]["key"].as_str().unwrap());
    let again = server.admin().post(&format!("{path}/invitation"), &json!({})).await.expect(201).json();
    accept(&server, &secret(&invited)).await.problem(401, "unauthorized");
    // As if it had been made a week ago.
    let snapshot = server.running().app().world.snapshot();
    let mut user = User::clone(&snapshot.users[EMAIL]);
    user.invitation.as_mut().unwrap().expires_at = Timestamp::from_millis(usher_server::now().millis() - 1);
    let append = Append {
        expected: Vec::new(),
        idempotency: None,
        actor: Actor::system("test"),
        message: "A week later".to_owned(),
        at: usher_server::now(),
        changes: vec![Change::Put(Document::from_model(&user).unwrap())],
    };
    server.running().app().world.append(append).await.unwrap();
    accept(&server, &secret(&again)).await.problem(401, "unauthorized");
    let third = server.admin().post(&format!("{path}/invitation"), &json!({})).await.expect(201).json();
    // An administrator who sets the password ends the invitation, and so does one who removes the account.
    server.admin().put(&path, &json!({"password": "another good password"})).await.expect(200);
    accept(&server, &secret(&third)).await.problem(401, "unauthorized");
    server.admin().post(&format!("{path}/invitation"), &json!({})).await.problem(409, "conflict");
    server.admin().delete(&path).await.expect(200);
    let fourth = invite(&server.admin(), "viewer").await;
    server.admin().delete(&path).await.expect(200);
    accept(&server, &secret(&fourth)).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn what_is_no_invitation_changes_nothing_and_is_slowed_down() {
    let server = Server::seeded().await;
    let invitation = secret(&invite(&server.admin(), "viewer").await);
    let before = server.seq();
    let elsewhere = server.nobody().header("Origin", "https://evil.example");
    let body = json!({"invitation": invitation, "password": PASSWORD});
    elsewhere.post(ACCEPT, &body).await.problem(403, "forbidden");
    let short = json!({"invitation": invitation, "password": "short"});
    server.nobody().post(ACCEPT, &short).await.problem(400, "invalid");
    for bad in ["", "x", &invitation[1..], &format!("{invitation}A"), &"é".repeat(4_000)] {
        accept(&server, bad).await.problem(401, "unauthorized");
    }
    accept(&server, "x").await.problem(429, "throttled");
    assert_eq!(server.seq(), before);
}

#[tokio::test]
async fn whoever_sends_what_is_no_invitation_is_in_nobody_elses_way() {
    // Behind a proxy, which is here: so requests can come from anywhere.
    let server = Server::start_with(|settings| {
        settings.trusted_proxies = serde_json::from_value(json!("127.0.0.1")).unwrap();
    })
    .await;
    fixtures::seed(&server).await;
    let invitation = secret(&invite(&server.admin(), "viewer").await);
    let from = async |address: &str, invitation: &str| {
        let body = json!({"invitation": invitation, "password": PASSWORD});
        server.nobody().header("X-Forwarded-For", address).post(ACCEPT, &body).await
    };
    for _ in 0..5 {
        from("203.0.113.1", "bogus").await.problem(401, "unauthorized");
    }
    from("203.0.113.1", &invitation).await.problem(429, "throttled");
    from("203.0.113.2", &invitation).await.expect(200);
}

#[tokio::test]
async fn only_administrators_invite_and_the_secret_is_told_once() {
    let server = Server::seeded().await;
    let body = json!({"email": EMAIL, "name": "Ana", "role": "admin"});
    server.signed_in(Role::Editor).await.post(INVITATIONS, &body).await.problem(403, "forbidden");
    let once = server.admin().header("Idempotency-Key", "ana");
    let invited = once.post(INVITATIONS, &body).await.expect(201).json();
    let again = once.post(INVITATIONS, &body).await;
    assert!(again.status >= 400 && !again.body.contains(&secret(&invited)), "{again:?}");
    server.admin().post(INVITATIONS, &body).await.problem(400, "invalid");
    for (field, value) in [("email", json!("nobody")), ("role", json!("king")), ("name", json!(""))] {
        let mut bad = json!({"email": "ben@example.org", "name": "Ben", "role": "viewer"});
        bad[field] = value;
        server.admin().post(INVITATIONS, &bad).await.problem(400, "invalid");
    }
    let mut told = String::new();
    for path in ["users", "export", "commits"] {
        told += &server.admin().get(&format!("/api/v1/{path}")).await.expect(200).body;
    }
    for seq in 1..=server.seq() {
        told += &server.admin().get(&format!("/api/v1/commits/{seq}")).await.expect(200).body;
    }
    let folder = server.folder().join("journal.db-wal");
    let kept = String::from_utf8_lossy(&std::fs::read(folder).unwrap()).into_owned();
    let secret = secret(&invited);
    assert!(kept.contains("invitation") && !kept.contains(&secret));
    assert!(!told.contains(&secret) && !told.contains("\"hash\""), "{told}");
}
