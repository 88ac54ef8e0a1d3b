//! Sign-in through an OpenID provider: one that tells lies signs nobody in, and one that does not is believed. A real
//! provider and a real browser are in the web UI's tests.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::KeyPair;
use reqwest::Url;
use serde_json::{Value, json};
use usher_core::model::Role;
use usher_server::{Secret, Settings, StartError, run};
use usher_testkit::redis::RedisServer;

use crate::support::{Answer, Api, PASSWORD, Server, eventually};

const SECRET: &str = "what the provider knows us by";
const SESSION: &str = "/api/v1/session";

/// What a provider says, and with which key it signs.
struct Said {
    key: KeyPair,
    kid: String,
    /// What it gives for any code.
    token: String,
    /// What it tells of somebody besides the token, if it does.
    besides: Option<Value>,
    /// The answers to all, if they are not what they should be.
    broken: Option<(u16, &'static str)>,
    /// What it was sent for a token.
    sent: Vec<String>,
}

/// A provider that says whatever a test makes it say.
struct Provider {
    issuer: String,
    said: Arc<Mutex<Said>>,
}

impl Provider {
    fn start() -> Self {
        let said = Said {
            key: KeyPair::generate().unwrap(),
            kid: "first".to_owned(),
            token: String::new(),
            besides: None,
            broken: None,
            sent: Vec::new(),
        };
        let said = Arc::new(Mutex::new(said));
        let data = web::Data::from(Arc::clone(&said));
        let server =
            HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(Self::answer)));
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { issuer, said }
    }

    async fn answer(said: web::Data<Mutex<Said>>, request: HttpRequest, body: String) -> HttpResponse {
        let issuer = format!("http://{}", request.headers().get("host").unwrap().to_str().unwrap());
        let mut said = said.lock().unwrap();
        if let Some((status, to)) = said.broken {
            let mut answer = HttpResponse::build(status.try_into().unwrap());
            return answer.insert_header(("Location", to)).body("<h1>no</h1>");
        }
        HttpResponse::Ok().json(match request.path() {
            "/.well-known/openid-configuration" => json!({
                "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "userinfo_endpoint": said.besides.as_ref().map(|_| format!("{issuer}/besides")),
                // It offers what must not be taken, too.
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"]}),
            "/keys" => {
                let public = said.key.public_key_raw();
                let (x, y) = (URL_SAFE_NO_PAD.encode(&public[1..33]), URL_SAFE_NO_PAD.encode(&public[33..]));
                json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "kid": said.kid, "x": x, "y": y}]})
            }
            "/besides" => said.besides.clone().unwrap(),
            "/token" => {
                said.sent.push(body);
                json!({"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": said.token})
            }
            _ => Value::Null,
        })
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap()
    }

    /// A server that people sign in to through this.
    async fn server(&self, change: impl FnOnce(&mut Settings)) -> Server {
        Server::start_with(|settings| {
            settings.oidc_issuer = Some(self.issuer.clone());
            settings.oidc_client_id = "usher".to_owned();
            settings.oidc_client_secret = Some(Secret::from(SECRET.to_owned()));
            settings.oidc_groups = groups();
            change(settings);
        })
        .await
    }

    /// What a good token says.
    fn claims(&self, nonce: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        json!({"iss": self.issuer, "aud": "usher", "sub": "s-1", "iat": now, "exp": now + 60, "nonce": nonce,
               "email": "Ana@Example.org", "name": "Ana", "groups": ["admins", "payments"]})
    }

    /// These claims, signed as they should be.
    fn signed(&self, claims: &Value) -> String {
        let said = self.said();
        let header = Header { kid: Some(said.kid.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &EncodingKey::from_ec_der(&said.key.serialize_der())).unwrap()
    }
}

fn groups() -> BTreeMap<String, Vec<usher_core::model::RoleBinding>> {
    let groups = json!({"admins": [{"role": "admin"}], "staff": [{"role": "viewer"}],
                        "stage": [{"role": "editor", "environments": ["staging"]}]});
    serde_json::from_value(groups).unwrap()
}

/// A browser that was sent to the provider.
struct Sent {
    browser: Api,
    state: String,
    nonce: String,
    asked: Url,
}

async fn begin(server: &Server) -> Sent {
    let answer = server.nobody().get("/api/v1/session/oidc?to=/flags").await.expect(303);
    let asked = Url::parse(answer.header("location")).unwrap();
    let of = |name: &str| asked.query_pairs().find(|(own, _)| own == name).unwrap().1.into_owned();
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let (state, nonce) = (of("state"), of("nonce"));
    Sent { browser: server.nobody().header("Cookie", &cookie), state, nonce, asked }
}

impl Sent {
    async fn back(&self, state: &str) -> Answer {
        self.browser.get(&format!("/api/v1/session/oidc/callback?code=c&state={state}")).await
    }
}

/// Goes there and back with what `token` makes of a nonce.
async fn through(provider: &Provider, server: &Server, token: impl FnOnce(&str) -> String) -> Answer {
    let sent = begin(server).await;
    let token = token(&sent.nonce);
    provider.said().token = token;
    sent.back(&sent.state).await
}

fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let mut all = answer.headers.iter().filter(|(own, _)| own == "set-cookie").map(|(_, value)| value);
    all.find(|value| value.starts_with(&format!("{name}="))).cloned()
}

#[track_caller]
fn refused(answer: Answer, why: &str) {
    let answer = answer.expect(303);
    assert!(answer.header("location").ends_with(&format!("#sign-in={why}")), "{why}: {answer:?}");
    assert_eq!(cookie(&answer, "usher_session"), None, "{answer:?}");
}

/// Whoever is signed in by an answer.
fn person(server: &Server, answer: &Answer) -> Api {
    let cookie = cookie(answer, "usher_session").unwrap();
    server.nobody().header("Cookie", cookie.split(';').next().unwrap())
}

#[tokio::test]
async fn a_person_signs_in_with_what_their_groups_may() {
    let provider = Provider::start();
    let server = provider.server(|settings| settings.require_second_factor_for_admins = true).await;
    let means = server.nobody().get("/api/v1/session/means").await.expect(200).json();
    assert_eq!(means, json!({"password": true, "provider": "single sign-on"}));
    let sent = begin(&server).await;
    let query: BTreeMap<_, _> = sent.asked.query_pairs().collect();
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["scope"], "openid profile email");
    let home = format!("http://{}", server.address());
    assert_eq!(query["redirect_uri"], format!("{home}/api/v1/session/oidc/callback"));

    let token = provider.signed(&provider.claims(&sent.nonce));
    provider.said().token = token;
    let answer = sent.back(&sent.state).await.expect(303);
    assert_eq!(answer.header("location"), "/flags");
    for name in ["usher_session", "usher_refresh"] {
        let cookie = cookie(&answer, name).unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    }
    assert!(provider.said().sent[0].contains("code_verifier="), "PKCE");
    let ana = person(&server, &answer);
    let session = ana.get(SESSION).await.expect(200).json();
    assert_eq!((&session["user"]["role"], &session["owesFactor"]), (&json!("admin"), &json!(false)));
    assert_eq!(session["user"]["email"], "ana@example.org");
    let sessions = ana.get("/api/v1/sessions").await.expect(200).json();
    assert_eq!(sessions["items"][0]["with"], "oidc");
    let commit = ana.get(&format!("/api/v1/commits/{}", server.seq())).await.expect(200).json();
    assert_eq!(commit["actor"]["id"], session["user"]["id"]);

    // The second time nothing is written, and with other groups only that.
    let before = server.seq();
    through(&provider, &server, |nonce| provider.signed(&provider.claims(nonce))).await.expect(303);
    assert_eq!(server.seq(), before);
    let staged = |nonce: &str| {
        let mut claims = provider.claims(nonce);
        claims["groups"] = json!(["stage"]);
        provider.signed(&claims)
    };
    through(&provider, &server, staged).await.expect(303);
    assert_eq!(server.seq(), before + 1);
    let user = ana.get(SESSION).await.expect(200).json()["user"].clone();
    assert_eq!(user["role"], "viewer");
    assert_eq!(user["bindings"], json!([{"role": "editor", "environments": ["staging"]}]));
}

#[tokio::test]
async fn a_token_that_is_not_quite_right_signs_nobody_in() {
    let provider = Provider::start();
    let server = provider.server(|_| {}).await;
    let before = server.seq();
    for wrong in [
        json!({"aud": "another"}),
        json!({"aud": ["usher", "another"]}),
        json!({"aud": null}),
        json!({"iss": "https://another.example"}),
        json!({"exp": 1_000_000_000}),
        json!({"exp": null}),
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"sub": null}),
    ] {
        let answer = through(&provider, &server, |nonce| {
            let mut claims = provider.claims(nonce);
            for (name, value) in wrong.as_object().unwrap() {
                match value {
                    Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                    value => claims[name] = value.clone(),
                }
            }
            provider.signed(&claims)
        });
        println!("{wrong}");
        refused(answer.await, "not_believed");
    }
    assert_eq!(server.seq(), before);
    through(&provider, &server, |nonce| provider.signed(&provider.claims(nonce))).await.expect(303);
    assert_eq!(server.seq(), before + 1);
}

#[tokio::test]
async fn a_token_that_is_not_signed_by_the_provider_signs_nobody_in() {
    let provider = Provider::start();
    let server = provider.server(|_| {}).await;
    let before = server.seq();
    let in_base64 = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let unsigned = |nonce: &str| {
        let claims = in_base64(&provider.claims(nonce));
        format!("{}.{claims}.", in_base64(&json!({"alg": "none"})))
    };
    refused(through(&provider, &server, unsigned).await, "not_believed");
    // With what we and the provider share, and with what everybody knows.
    let public = provider.said().key.public_key_raw().to_vec();
    for secret in [SECRET.as_bytes(), &public] {
        let symmetric = |nonce: &str| {
            let header = Header { kid: Some("first".to_owned()), ..Header::new(Algorithm::HS256) };
            encode(&header, &provider.claims(nonce), &EncodingKey::from_secret(secret)).unwrap()
        };
        refused(through(&provider, &server, symmetric).await, "not_believed");
    }
    let other = KeyPair::generate().unwrap();
    for kid in [Some("first"), Some("another"), None] {
        let foreign = |nonce: &str| {
            let header = Header { kid: kid.map(ToOwned::to_owned), ..Header::new(Algorithm::ES256) };
            encode(&header, &provider.claims(nonce), &EncodingKey::from_ec_der(&other.serialize_der()))
                .unwrap()
        };
        refused(through(&provider, &server, foreign).await, "not_believed");
    }
    for nonsense in ["", "a.b.c", "<script>alert(1)</script>"] {
        refused(through(&provider, &server, |_| nonsense.to_owned()).await, "not_believed");
    }
    assert_eq!(server.seq(), before);
}

#[tokio::test]
async fn what_a_token_does_not_say_is_asked_for_and_has_to_be_of_the_same_person() {
    let provider = Provider::start();
    provider.said().besides =
        Some(json!({"sub": "s-2", "email": "ana@example.org", "name": "Ana", "groups": ["admins"]}));
    let server = provider.server(|_| {}).await;
    let little = |nonce: &str| {
        let mut claims = provider.claims(nonce);
        let all = claims.as_object_mut().unwrap();
        all.retain(|name, _| !["email", "name", "groups"].contains(&name.as_str()));
        provider.signed(&claims)
    };
    refused(through(&provider, &server, little).await, "not_believed");
    provider.said().besides.as_mut().unwrap()["sub"] = json!("s-1");
    let answer = through(&provider, &server, little).await;
    let user = person(&server, &answer).get(SESSION).await.expect(200).json()["user"].clone();
    assert_eq!(
        (&user["name"], &user["email"], &user["role"]),
        (&json!("Ana"), &json!("ana@example.org"), &json!("admin"))
    );
}

#[tokio::test]
async fn a_key_that_is_new_is_asked_for() {
    let provider = Provider::start();
    let server = provider.server(|_| {}).await;
    through(&provider, &server, |nonce| provider.signed(&provider.claims(nonce))).await.expect(303);
    {
        let mut said = provider.said();
        (said.key, said.kid) = (KeyPair::generate().unwrap(), "second".to_owned());
    }
    eventually("the new key is known", async || {
        let answer = through(&provider, &server, |nonce| provider.signed(&provider.claims(nonce))).await;
        answer.header("location") == "/flags"
    })
    .await;
}

#[tokio::test]
async fn only_the_browser_that_began_ends_it_and_once() {
    let provider = Provider::start();
    let server = provider.server(|_| {}).await;
    let sent = begin(&server).await;
    let token = provider.signed(&provider.claims(&sent.nonce));
    provider.said().token = token;
    refused(sent.back("another").await, "expired");
    refused(sent.back("").await, "expired");
    let elsewhere = Sent { browser: server.nobody(), ..begin(&server).await };
    refused(elsewhere.back(&sent.state).await, "expired");
    let forged = server.nobody().header("Cookie", "usher_oidc=eyJhbGciOiJub25lIn0.e30.");
    refused(Sent { browser: forged, ..begin(&server).await }.back(&sent.state).await, "expired");
    assert_eq!(provider.said().sent.len(), 0, "nothing was asked of the provider");
    let declined = format!("/api/v1/session/oidc/callback?error=%3Cb%3E&state={}", sent.state);
    let answer = sent.browser.get(&declined).await;
    assert!(!answer.header("location").contains("%3C"), "{answer:?}");
    refused(answer, "declined");
    // The ticket is taken away with the answer, whatever it is.
    let answer = sent.back(&sent.state).await.expect(303);
    assert!(cookie(&answer, "usher_oidc").unwrap().contains("Max-Age=0"), "{answer:?}");
    // A ticket is for the sign-in alone: it opens nothing else, and it is sent nowhere else.
    let begun = server.nobody().get("/api/v1/session/oidc").await.expect(303);
    let ticket = cookie(&begun, "usher_oidc").unwrap();
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/api/v1/session/oidc", "Max-Age=600"] {
        assert!(ticket.contains(flag), "{ticket}");
    }
    let value = ticket.trim_start_matches("usher_oidc=").split(';').next().unwrap();
    let misused = server.nobody().header("Cookie", &format!("usher_session={value}"));
    misused.get(SESSION).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn an_address_ties_nobody_to_an_account() {
    let provider = Provider::start();
    let server = provider.server(|_| {}).await;
    let before = server.person(Role::Admin).await;
    assert_eq!(before, "admin@example.org");
    let admin = |nonce: &str| {
        let mut claims = provider.claims(nonce);
        claims["email"] = json!("admin@example.org");
        provider.signed(&claims)
    };
    let seq = server.seq();
    refused(through(&provider, &server, admin).await, "email_taken");
    let not_looked = |nonce: &str| {
        let mut claims = provider.claims(nonce);
        claims["email_verified"] = json!(false);
        provider.signed(&claims)
    };
    refused(through(&provider, &server, not_looked).await, "no_email");
    let nobody = |nonce: &str| {
        let mut claims = provider.claims(nonce);
        claims["groups"] = json!(["payments"]);
        provider.signed(&claims)
    };
    refused(through(&provider, &server, nobody).await, "no_group");
    assert_eq!(server.seq(), seq);

    // An administrator ties it; the password is gone then, and a new one unties it.
    let tied = json!({"openId": {"issuer": provider.issuer, "subject": "s-1"}});
    let both = json!({"openId": tied["openId"], "password": PASSWORD});
    server.admin().put("/api/v1/users/admin-1", &both).await.problem(400, "invalid");
    server.admin().put("/api/v1/users/admin-1", &tied).await.expect(200);
    let answer = through(&provider, &server, admin).await.expect(303);
    let former = person(&server, &answer);
    assert_eq!(former.get(SESSION).await.expect(200).json()["user"]["id"], "admin-1");
    // Tied to somebody else it is theirs, and whoever had it is out.
    let another = json!({"openId": {"issuer": provider.issuer, "subject": "s-2"}});
    server.admin().put("/api/v1/users/admin-1", &another).await.expect(200);
    former.get(SESSION).await.problem(401, "unauthorized");
    server.admin().put("/api/v1/users/admin-1", &tied).await.expect(200);
    let answer = through(&provider, &server, admin).await.expect(303);
    let typed = json!({"email": "admin@example.org", "password": PASSWORD});
    server.nobody().post(SESSION, &typed).await.problem(401, "unauthorized");
    let factor = json!({"password": ""});
    let person = person(&server, &answer).header("Sec-Fetch-Site", "same-origin");
    person.post("/api/v1/session/factor", &factor).await.problem(403, "forbidden");
    server.person(Role::Viewer).await;
    server.admin().put("/api/v1/users/viewer-1", &tied).await.problem(400, "invalid");
    server.admin().put("/api/v1/users/admin-1", &json!({"password": PASSWORD})).await.expect(200);
    person.get(SESSION).await.problem(401, "unauthorized");
    server.nobody().post(SESSION, &typed).await.expect(200);
    refused(through(&provider, &server, admin).await, "email_taken");
}

#[tokio::test]
async fn who_was_removed_or_lost_their_groups_stays_out() {
    let provider = Provider::start();
    let server = provider.server(|_| {}).await;
    let good = |nonce: &str| provider.signed(&provider.claims(nonce));
    let answer = through(&provider, &server, good).await.expect(303);
    let ana = person(&server, &answer);
    let id = ana.get(SESSION).await.expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
    let without = |nonce: &str| {
        let mut claims = provider.claims(nonce);
        claims["groups"] = json!([]);
        provider.signed(&claims)
    };
    refused(through(&provider, &server, without).await, "no_group");
    ana.get(SESSION).await.problem(401, "unauthorized");
    let people = server.admin().get("/api/v1/users").await.expect(200).json();
    assert_eq!(people["items"][0]["role"], "viewer", "{people}");
    through(&provider, &server, good).await.expect(303);
    server.admin().delete(&format!("/api/v1/users/{id}")).await.expect(200);
    refused(through(&provider, &server, good).await, "removed");
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_and_is_asked_again() {
    let provider = Provider::start();
    let server = provider.server(|_| {}).await;
    let begun = async || server.nobody().get("/api/v1/session/oidc").await;
    // An error, and a redirect, which is not followed.
    for broken in [(503, ""), (302, "/elsewhere")] {
        provider.said().broken = Some(broken);
        refused(begun().await, "unreachable");
    }
    let email = server.person(Role::Viewer).await;
    let typed = json!({"email": email, "password": PASSWORD});
    server.nobody().post(SESSION, &typed).await.expect(200);
    provider.said().broken = None;
    eventually("the provider is asked again", async || {
        begun().await.header("location").starts_with(&provider.issuer)
    })
    .await;
    // What is known of it is enough to go there, but not to come back.
    let sent = begin(&server).await;
    provider.said().broken = Some((302, "/elsewhere"));
    refused(sent.back(&sent.state).await, "not_believed");
}

#[tokio::test]
async fn a_sign_in_that_was_begun_at_one_server_ends_at_another() {
    let (provider, redis) = (Provider::start(), RedisServer::start());
    let on = || {
        provider.server(|settings| {
            settings.redis = Some(Secret::from(redis.url()));
            settings.oidc_public_url = Some("https://usher.example.org/".to_owned());
        })
    };
    let (one, other) = (on().await, on().await);
    let sent = begin(&one).await;
    let back = sent.asked.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1;
    assert_eq!(back, "https://usher.example.org/api/v1/session/oidc/callback");
    let token = provider.signed(&provider.claims(&sent.nonce));
    provider.said().token = token;
    let moved = Sent { browser: sent.browser.at(&other.address()), ..sent };
    let answer = moved.back(&moved.state).await.expect(303);
    assert_eq!(answer.header("location"), "/flags");
    for server in [&one, &other] {
        eventually("the session is known", async || person(server, &answer).get(SESSION).await.status == 200)
            .await;
    }
}

#[tokio::test]
async fn whoever_comes_back_with_nonsense_is_slowed_down() {
    let provider = Provider::start();
    let server = provider.server(|settings| settings.address_refusals_per_second = 1).await;
    let mut slowed = None;
    for _ in 0..100 {
        let answer = through(&provider, &server, |_| "nonsense".to_owned()).await;
        if answer.status != 303 {
            slowed = Some(answer);
            break;
        }
        refused(answer, "not_believed");
    }
    slowed.unwrap().problem(429, "too_many_requests");
}

#[tokio::test]
async fn passwords_can_be_turned_off_where_there_is_a_provider() {
    let provider = Provider::start();
    let server = provider.server(|settings| settings.password_sign_in = false).await;
    let email = server.person(Role::Admin).await;
    let typed = json!({"email": email, "password": PASSWORD});
    server.nobody().post(SESSION, &typed).await.problem(403, "no_passwords");
    let link = json!({"invitation": "x", "password": PASSWORD});
    server.nobody().post("/api/v1/invitations/accept", &link).await.problem(403, "no_passwords");
    assert_eq!(server.nobody().get("/api/v1/session/means").await.json()["password"], false);
    through(&provider, &server, |nonce| provider.signed(&provider.claims(nonce))).await.expect(303);
}

#[tokio::test]
async fn settings_that_would_let_nobody_in_are_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let told = async |change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings {
            listen: "127.0.0.1:0".to_owned(),
            data: folder.path().to_owned(),
            ..Settings::default()
        };
        change(&mut settings);
        match run(settings).await {
            Err(StartError::Oidc(error)) => error.to_string(),
            other => panic!("{:?}", other.err()),
        }
    };
    assert!(told(&|own| own.password_sign_in = false).await.contains("password_sign_in"));
    let with = |issuer: &str| {
        let issuer = Some(issuer.to_owned());
        move |own: &mut Settings| {
            own.oidc_issuer = issuer.clone();
            own.oidc_client_id = "usher".to_owned();
            own.oidc_groups = groups();
        }
    };
    for plain in ["http://id.example.org", "id.example.org", "ftp://localhost"] {
        assert!(told(&with(plain)).await.contains("oidc_issuer"), "{plain}");
    }
    let good = with("https://id.example.org");
    let without = |change: fn(&mut Settings)| {
        move |own: &mut Settings| {
            good(own);
            change(own);
        }
    };
    assert!(told(&without(|own| own.oidc_groups.clear())).await.contains("oidc_groups"));
    let good = with("https://id.example.org");
    let anonymous = move |own: &mut Settings| {
        good(own);
        own.oidc_client_id.clear();
    };
    assert!(told(&anonymous).await.contains("oidc_client_id"));
}
