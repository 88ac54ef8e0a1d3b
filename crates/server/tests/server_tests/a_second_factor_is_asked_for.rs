//! Second factors: set up with a code, asked for from then on, taken once, reset by an administrator; and their secrets
//! are told to nobody.

use std::time::Duration;

use crate::support::{self, Answer, Api, PASSWORD, Server, Socket};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret as Base32, Totp};
use usher_core::model::Role;
use usher_server::Secret;
use usher_testkit::redis::RedisServer;

const SESSION: &str = "/api/v1/session";
const FACTOR: &str = "/api/v1/session/factor";
const STEP: u64 = 30;

/// An app that makes codes.
struct Phone(Totp);

impl Phone {
    fn new(secret: &str) -> Self {
        let secret = Base32::try_from_base32(secret).unwrap();
        Self(Builder::new().with_secret(secret).build().unwrap())
    }

    /// The code of the step before, of this one, or of the next: all are taken, for clocks differ. Each only once, so a
    /// test that needs three has them without waiting.
    async fn code(&self, off: i64) -> String {
        let time = in_the_middle().await;
        self.0.generate(time.saturating_add_signed(off * STEP as i64)).to_string()
    }
}

/// The time, not about to go on to the next step.
async fn in_the_middle() -> u64 {
    loop {
        let now = usher_server::now().millis() as u64 / 1000;
        if now % STEP < 20 {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn sign_in(server: &Server, email: &str, code: Option<&str>) -> Answer {
    server.nobody().post(SESSION, &json!({"email": email, "password": PASSWORD, "code": code})).await
}

fn with_cookie(server: &Server, answer: &Answer) -> Api {
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    server.nobody().header("Cookie", &cookie).header("Origin", &format!("http://{}", server.address()))
}

/// Sets a factor up with the code of the step before; the app, and the recovery codes.
async fn set_up(person: &Api) -> (Phone, Vec<String>) {
    let begun = person.post(FACTOR, &json!({"password": PASSWORD})).await.expect(200).json();
    let phone = Phone::new(begun["secret"].as_str().unwrap());
    let code = phone.code(-1).await;
    let codes = person.post(&format!("{FACTOR}/confirm"), &json!({"code": code})).await.expect(200).json();
    let codes = codes["recoveryCodes"].as_array().unwrap().iter();
    (phone, codes.map(|code| code.as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn whoever_has_set_one_up_is_asked_for_a_code_and_none_is_taken_twice() {
    let server = Server::start().await;
    let person = server.signed_in(Role::Editor).await;
    let email = "editor@example.org";
    let begun = person.post(FACTOR, &json!({"password": PASSWORD})).await.expect(200).json();
    let (secret, uri) = (begun["secret"].as_str().unwrap(), begun["uri"].as_str().unwrap());
    assert_eq!(uri, format!("otpauth://totp/Usher:editor%40example.org?secret={secret}&issuer=Usher"));
    assert!(begun["qr"].as_str().unwrap().contains("<svg"), "{begun}");
    // Begun is not done.
    sign_in(&server, email, None).await.expect(200);
    let phone = Phone::new(secret);
    let confirm = format!("{FACTOR}/confirm");
    person.post(&confirm, &json!({"code": "000000"})).await.problem(403, "wrong_code");
    let first = phone.code(-1).await;
    let done = person.post(&confirm, &json!({"code": first})).await.expect(200).json();
    assert_eq!(done["recoveryCodes"].as_array().unwrap().len(), 10);
    person.post(&confirm, &json!({"code": phone.code(0).await})).await.problem(403, "wrong_code");
    assert_eq!(person.get(SESSION).await.expect(200).json()["user"]["secondFactor"], true);
    let account = server.admin().get("/api/v1/users").await.expect(200).json()["items"][0].clone();
    assert_eq!(account["secondFactor"], true);
    // The password alone opens nothing, and neither does the code that set it up.
    let answer = sign_in(&server, email, None).await;
    assert_eq!(answer.header("set-cookie"), "");
    answer.problem(401, "second_factor_needed");
    sign_in(&server, email, Some(&first)).await.problem(401, "wrong_code");
    let code = phone.code(0).await;
    let answer = sign_in(&server, email, Some(&code)).await.expect(200);
    sign_in(&server, email, Some(&code)).await.problem(401, "wrong_code");
    let sessions = with_cookie(&server, &answer).get("/api/v1/sessions").await.expect(200).json();
    assert_eq!(sessions["items"][0]["with"], "passwordAndCode");
    // A wrong password says nothing of a factor.
    let wrong = json!({"email": email, "password": "wrong horse battery", "code": phone.code(1).await});
    server.nobody().post(SESSION, &wrong).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn a_code_that_many_send_at_once_lets_one_in() {
    let server = Server::start().await;
    let (phone, _) = set_up(&server.signed_in(Role::Viewer).await).await;
    let code = phone.code(0).await;
    let tries = (0..5).map(|_| sign_in(&server, "viewer@example.org", Some(&code)));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_like_passwords() {
    let server = Server::start().await;
    let (phone, _) = set_up(&server.signed_in(Role::Viewer).await).await;
    let email = "viewer@example.org";
    let mut tried = 0;
    while sign_in(&server, email, Some(&format!("{tried:06}"))).await.status == 401 {
        tried += 1;
        assert!(tried < 10, "nobody is slowed down");
    }
    assert!((4..=5).contains(&tried), "{tried}");
    sign_in(&server, email, Some(&phone.code(0).await)).await.problem(429, "throttled");
}

#[tokio::test]
async fn a_recovery_code_opens_once() {
    let server = Server::start().await;
    let (_, codes) = set_up(&server.signed_in(Role::Viewer).await).await;
    let email = "viewer@example.org";
    sign_in(&server, email, Some(&codes[3].to_uppercase().replace('-', " "))).await.expect(200);
    sign_in(&server, email, Some(&codes[3])).await.problem(401, "wrong_code");
    sign_in(&server, email, Some(&codes[4])).await.expect(200);
}

#[tokio::test]
async fn it_is_set_up_and_taken_away_with_the_password_only() {
    let server = Server::start().await;
    let person = server.signed_in(Role::Viewer).await;
    person.post(FACTOR, &json!({"password": "wrong horse battery"})).await.problem(400, "invalid");
    person.post(FACTOR, &json!({})).await.problem(400, "invalid");
    server.admin().post(FACTOR, &json!({"password": PASSWORD})).await.problem(403, "forbidden");
    let (phone, _) = set_up(&person).await;
    person.post(FACTOR, &json!({"password": PASSWORD})).await.problem(409, "conflict");
    let remove = format!("{FACTOR}/remove");
    person.post(&remove, &json!({"password": PASSWORD})).await.problem(403, "wrong_code");
    let code = phone.code(0).await;
    person.post(&remove, &json!({"password": "wrong horse", "code": code})).await.problem(400, "invalid");
    person.post(&remove, &json!({"password": PASSWORD, "code": code})).await.expect(204);
    sign_in(&server, "viewer@example.org", None).await.expect(200);
    person.post(&remove, &json!({"password": PASSWORD, "code": code})).await.problem(404, "not_found");
}

#[tokio::test]
async fn an_administrator_resets_it_and_sessions_end() {
    let server = Server::start().await;
    let person = server.signed_in(Role::Viewer).await;
    set_up(&person).await;
    let path = "/api/v1/users/viewer-1/factor";
    person.delete(path).await.problem(403, "forbidden");
    let admin = server.signed_in(Role::Admin).await;
    admin.delete(path).await.expect(204);
    admin.delete(path).await.problem(404, "not_found");
    admin.delete("/api/v1/users/admin-1/factor").await.problem(403, "forbidden");
    person.get(SESSION).await.problem(401, "unauthorized");
    sign_in(&server, "viewer@example.org", None).await.expect(200);
    let history = server.admin().get("/api/v1/commits").await.expect(200).body;
    for message in ["Set up the second factor of The viewer", "Reset the second factor of The viewer"] {
        assert!(history.contains(message), "{history}");
    }
}

#[tokio::test]
async fn administrators_do_nothing_without_one_where_they_must_have_one() {
    let server = Server::start_with(|settings| settings.require_second_factor_for_admins = true).await;
    let bound = json!([{"role": "admin", "environments": ["production"]}]);
    for admin in [server.signed_in(Role::Admin).await, server.signed_in_bound("mara", bound).await] {
        assert_eq!(admin.get(SESSION).await.expect(200).json()["owesFactor"], true);
        for path in ["/api/v1/workspace", "/api/v1/keys", "/api/v1/export", "/api/v1/sessions", "/metrics"] {
            admin.get(path).await.problem(403, "second_factor_required");
        }
        admin.post("/api/v1/keys", &json!({})).await.problem(403, "second_factor_required");
        set_up(&admin).await;
        admin.get("/api/v1/keys").await.expect(200);
        assert_eq!(admin.get(SESSION).await.expect(200).json()["owesFactor"], false);
    }
    let answer = sign_in(&server, &server.person(Role::Admin).await, None).await.expect(200);
    assert_eq!(answer.json()["owesFactor"], true);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let headers = [("Cookie", cookie), ("Origin", format!("http://{}", server.address()))];
    assert_eq!(Socket::try_open(&server, "/live", &headers).await.err(), Some(403));
    with_cookie(&server, &answer).delete(SESSION).await.expect(204);
    // Others need none, and neither do tokens.
    server.signed_in(Role::Editor).await.get("/api/v1/workspace").await.expect(200);
    server.admin().get("/api/v1/keys").await.expect(200);
}

#[tokio::test]
async fn its_secret_is_told_to_nobody_and_without_it_nobody_passes() {
    let server = Server::start().await;
    let person = server.signed_in(Role::Viewer).await;
    let begun = person.post(FACTOR, &json!({"password": PASSWORD})).await.expect(200).json();
    let secret = begun["secret"].as_str().unwrap();
    let phone = Phone::new(secret);
    let confirm = json!({"code": phone.code(-1).await});
    let codes = person.post(&format!("{FACTOR}/confirm"), &confirm).await.expect(200).json();
    let code = codes["recoveryCodes"][0].as_str().unwrap().to_owned();
    let mut told = vec![std::fs::read_to_string(server.folder().join("sessions.json")).unwrap()];
    for path in ["users", "export", "commits", "session", "sessions", "users/viewer-1/sessions"] {
        told.push(server.admin().get(&format!("/api/v1/{path}")).await.expect(200).body);
    }
    for seq in 1..=server.seq() {
        told.push(server.admin().get(&format!("/api/v1/commits/{seq}")).await.expect(200).body);
    }
    let kept = std::fs::read_to_string(server.folder().join("factors.json")).unwrap();
    assert!(kept.contains(secret) && !kept.contains(&code), "{kept}");
    let id =
        serde_json::from_str::<Value>(&kept).unwrap().as_object().unwrap().keys().next().unwrap().clone();
    let folder = server.stop().await;
    // The journal, as it is on disk.
    let journal = std::fs::read(folder.path().join("journal.db")).unwrap();
    told.push(String::from_utf8_lossy(&journal).into_owned());
    for text in &told {
        assert!(!text.contains(secret) && !text.contains(&code), "{text}");
    }
    assert!(told[..told.len() - 1].iter().all(|text| !text.contains(&id)));
    // A copy of the journal alone: nobody gets past a factor whose secret is gone.
    std::fs::remove_file(folder.path().join("factors.json")).unwrap();
    let server = Server::start_in(folder, |_| {}).await;
    sign_in(&server, "viewer@example.org", None).await.problem(401, "second_factor_needed");
    for code in [phone.code(0).await, code] {
        sign_in(&server, "viewer@example.org", Some(&code)).await.problem(401, "wrong_code");
    }
    server.admin().delete("/api/v1/users/viewer-1/factor").await.expect(204);
    sign_in(&server, "viewer@example.org", None).await.expect(200);
}

#[tokio::test]
async fn a_code_that_one_node_took_no_other_takes() {
    let redis = RedisServer::start();
    let on = async || {
        let url = Secret::from(redis.url());
        Server::start_with(|settings| settings.redis = Some(url)).await
    };
    let (one, two) = (on().await, on().await);
    let (phone, _) = set_up(&one.signed_in(Role::Viewer).await).await;
    support::eventually("the other knows", async || two.seq() >= one.seq()).await;
    let (code, email) = (phone.code(0).await, "viewer@example.org");
    let (a, b) = tokio::join!(sign_in(&one, email, Some(&code)), sign_in(&two, email, Some(&code)));
    let mut both = [a.status, b.status];
    both.sort_unstable();
    assert_eq!(both, [200, 401]);
    sign_in(&two, email, Some(&phone.code(1).await)).await.expect(200);
}
