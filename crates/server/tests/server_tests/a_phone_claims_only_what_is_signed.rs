//! What a backend has signed for a phone is what counts at every surface, and nothing that the phone says changes it;
//! what is forged, foreign, early, late or revoked is refused at every surface, in its own words.

use std::time::{Duration, SystemTime};

use crate::support::{Api, Server, Socket};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use usher_core::{
    Context,
    signed_context::{MAX_BYTES, SigningSecret, TYPE, pkcs8},
};
use usher_sdk::signed_context::{SignError, Signer, signed_context};

const HOUR: Duration = Duration::from_secs(3_600);

/// A backend and its phones.
struct Stage {
    server: Server,
    phones: String,
    phones_key: String,
    backend: String,
    backend_key: String,
}

impl Stage {
    /// With a client key of this policy.
    async fn set(policy: &str) -> Self {
        let server = Server::start_with(|settings| settings.heartbeat_seconds = 1).await;
        crate::support::fixtures::seed(&server).await;
        let phones = json!({"name": "phones", "type": "client", "environment": "production", "signedContexts": policy});
        let (phones, phones_key) = server.new_key(phones).await;
        let (backend, backend_key) = server.new_key(context_key(&json!({}))).await;
        Self { server, phones, phones_key, backend, backend_key }
    }

    fn sign(&self, context: &Context, cohorts: &[&str]) -> String {
        signed_context(&self.backend, context, cohorts, HOUR).unwrap()
    }

    /// What a flag is, or why it is not told, by each way of asking.
    async fn ask(&self, flag: &str, context: &Value) -> Vec<(&'static str, Result<Value, String>)> {
        ask(&self.server.address(), &self.phones, flag, context).await
    }

    #[track_caller]
    fn everywhere(&self, flag: &'static str, context: Value, value: Value) -> impl Future<Output = ()> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            for (surface, answer) in self.ask(flag, &context).await {
                assert_eq!(answer.as_ref(), Ok(&value), "{surface}: {flag} for {context}, at {caller}");
            }
        }
    }

    #[track_caller]
    fn refused(&self, context: Value, words: &'static str) -> impl Future<Output = ()> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            for (surface, answer) in self.ask("for-staff", &context).await {
                let why = answer.expect_err(&format!("{surface} takes {context}, at {caller}"));
                assert!(why.contains(words), "{surface}: {why}, instead of {words}, at {caller}");
            }
        }
    }
}

fn context_key(more: &Value) -> Value {
    let mut key = json!({"name": "backend", "type": "context", "environment": "production"});
    key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    key
}

/// Asks in every way that there is.
async fn ask(
    address: &str,
    key: &str,
    flag: &str,
    context: &Value,
) -> Vec<(&'static str, Result<Value, String>)> {
    let api = Api::new(address).header("Authorization", &format!("Bearer {key}"));
    let body = json!({"context": context});
    let details = |problem: &Value, name: &str| problem[name].as_str().unwrap().to_owned();
    let mut answers = Vec::new();
    let one = api.post(&format!("/ofrep/v1/evaluate/flags/{flag}"), &body).await;
    answers.push((
        "OFREP",
        match one.status {
            200 => Ok(one.json()["value"].clone()),
            _ => Err(details(&one.refusal(403, "INVALID_CONTEXT"), "errorDetails")),
        },
    ));
    let all = api.post("/ofrep/v1/evaluate/flags", &body).await;
    answers.push((
        "OFREP, all",
        match all.status {
            200 => {
                let flags = all.json()["flags"].as_array().unwrap().clone();
                Ok(flags
                    .iter()
                    .find(|own| own["key"] == flag)
                    .map_or(Value::Null, |own| own["value"].clone()))
            }
            _ => Err(details(&all.refusal(403, "INVALID_CONTEXT"), "errorDetails")),
        },
    ));
    let polled = api.post("/sdk/v1/values", &body).await;
    answers.push((
        "polling",
        match polled.status {
            200 => Ok(polled.json()["values"][flag]["value"].clone()),
            status => {
                assert!(polled.json()["code"].as_str().unwrap().starts_with("signed_context_"), "{polled:?}");
                assert_eq!(status, 403);
                Err(details(&polled.json(), "detail"))
            }
        },
    ));
    let mut stream = Socket::said_at(address, key, "values", json!({"context": context})).await;
    answers.push(("a stream", first(&mut stream, flag).await));
    answers
}

/// The first values of a stream, or why it ends.
async fn first(stream: &mut Socket, flag: &str) -> Result<Value, String> {
    while let Some(frame) = stream.any().await {
        match frame["type"].as_str().unwrap() {
            "values" => return Ok(frame["put"][flag]["value"].clone()),
            "error" => {
                assert_eq!(
                    (&frame["code"], &frame["retry"]),
                    (&json!("signedContext"), &json!(false)),
                    "{frame}"
                );
                return Err(frame["message"].as_str().unwrap().to_owned());
            }
            _ => {}
        }
    }
    panic!("closed without a word")
}

#[tokio::test]
async fn what_is_signed_counts_and_what_the_phone_adds_changes_none_of_it() {
    let stage = Stage::set("optional").await;
    let fan = Context::new("u-7").with("venue", "anfield").with("tier", "season");
    let token = stage.sign(&fan, &[]);
    // Not of the staff, whatever the phone says.
    for claims in [
        json!({}),
        json!({"targetingKey": "u-staff"}),
        json!({"cohorts": ["staff"]}),
        json!({"venue": "berlin-dome"}),
    ] {
        let mut context = claims.clone();
        context["signedContext"] = token.clone().into();
        stage.everywhere("for-staff", context.clone(), json!(false)).await;
        // In England, wherever it says that it is.
        stage.everywhere("resale-guard", context, json!(true)).await;
    }
    // Of the staff, for the backend says so: by the cohort's name, or by who they are.
    let staff = stage.sign(&fan, &["staff"]);
    stage.everywhere("for-staff", json!({"signedContext": staff}), json!(true)).await;
    let listed = stage.sign(&Context::new("u-staff"), &[]);
    stage.everywhere("for-staff", json!({"targetingKey": "u-7", "signedContext": listed}), json!(true)).await;
    // A cohort that is bound to venues stays so.
    let gate = json!({"key": "for-gates", "type": "boolean", "variants": {"on": true, "off": false}, "clientVisible": true,
        "environments": {"production": {"enabled": true, "offVariant": "off", "default": {"variant": "off"},
            "rules": [{"id": "g", "if": {"cohort": "gate-staff"}, "serve": {"variant": "on"}}]}}});
    stage.server.admin().put("/api/v1/flags/for-gates", &gate).await.expect(201);
    let here = stage.sign(&Context::new("u-8").with("venue", "anfield"), &["gate-staff"]);
    stage.everywhere("for-gates", json!({"signedContext": here}), json!(true)).await;
    let there = stage.sign(&Context::new("u-8").with("venue", "wembley-stadium"), &["gate-staff"]);
    stage.everywhere("for-gates", json!({"signedContext": there, "venue": "anfield"}), json!(false)).await;
}

#[tokio::test]
async fn a_phones_own_attributes_stay_beside_what_is_signed() {
    let stage = Stage::set("required").await;
    let rule = |attribute: &str, value: &str| {
        json!({"key": attribute, "type": "boolean", "variants": {"on": true, "off": false},
        "clientVisible": true, "environments": {"production": {"enabled": true, "offVariant": "off", "default": {"variant": "off"},
            "rules": [{"id": "r", "if": {"attribute": attribute, "op": "in", "values": [value]}, "serve": {"variant": "on"}}]}}})
    };
    for (attribute, value) in [("platform", "ios"), ("tier", "season")] {
        let path = format!("/api/v1/flags/{attribute}");
        stage.server.admin().put(&path, &rule(attribute, value)).await.expect(201);
    }
    let token = stage.sign(&Context::new("u-7").with("tier", "none"), &[]);
    let context =
        json!({"platform": "ios", "tier": "season", "tier.level": "season", "signedContext": token});
    stage.everywhere("platform", context.clone(), json!(true)).await;
    stage.everywhere("tier", context, json!(false)).await;
}

#[tokio::test]
async fn cohorts_say_whose_word_makes_a_member() {
    let stage = Stage::set("optional").await;
    let cohort = |claims: Option<&str>| {
        let mut cohort = json!({"key": "crew", "name": "Crew", "if": {"attribute": "role", "op": "in", "values": ["crew"]}});
        if let Some(claims) = claims {
            cohort["claims"] = claims.into();
        }
        cohort
    };
    let flag = json!({"key": "for-crew", "type": "boolean", "variants": {"on": true, "off": false}, "clientVisible": true,
        "environments": {"production": {"enabled": true, "offVariant": "off", "default": {"variant": "off"},
            "rules": [{"id": "c", "if": {"cohort": "crew"}, "serve": {"variant": "on"}}]}}});
    stage.server.admin().put("/api/v1/cohorts/crew", &cohort(None)).await.expect(201);
    stage.server.admin().put("/api/v1/flags/for-crew", &flag).await.expect(201);
    let fan = json!({"role": "crew", "signedContext": stage.sign(&Context::new("u-7"), &[])});
    let crew = json!({"signedContext": stage.sign(&Context::new("u-7").with("role", "crew"), &[])});
    let unsigned = json!({"targetingKey": "u-7", "role": "crew"});
    // With a signed context only what is signed makes a member, unless the cohort takes a phone's word; without one,
    // anything does, unless the cohort asks for a signature.
    for (claims, of_a_fan, of_nobody) in
        [(None, false, true), (Some("signed"), false, false), (Some("open"), true, true)]
    {
        stage.server.admin().put("/api/v1/cohorts/crew", &cohort(claims)).await.expect(200);
        stage.everywhere("for-crew", crew.clone(), json!(true)).await;
        stage.everywhere("for-crew", fan.clone(), json!(of_a_fan)).await;
        stage.everywhere("for-crew", unsigned.clone(), json!(of_nobody)).await;
        // Who has a server key is believed.
        let server_key = stage.server.key("server").await;
        for (surface, answer) in ask(&stage.server.address(), &server_key, "for-crew", &unsigned).await {
            assert_eq!(answer, Ok(json!(true)), "{surface}");
        }
    }
}

#[tokio::test]
async fn a_key_that_requires_it_takes_nothing_unsigned() {
    let stage = Stage::set("required").await;
    stage
        .refused(json!({"targetingKey": "u-staff"}), "this key asks for one: have your backend sign it")
        .await;
    stage.refused(json!({}), "signedContext").await;
    let good = json!({"signedContext": stage.sign(&Context::new("u-7"), &[])});
    stage.everywhere("always", good.clone(), json!(true)).await;
    // An edge that is too old to check them is not given the key.
    let api = stage.server.with(&stage.phones);
    let problem = api.get("/sdk/v1/key").await.problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("too old"), "{problem}");
    let told = api.get("/sdk/v1/key?checks=signedContexts").await.expect(200).json();
    assert_eq!(told["signedContexts"], "required");
    // What is asked of a key can be changed, as apps can't be: open streams are looked at again.
    let path = format!("/api/v1/keys/{}/signed-contexts", stage.phones_key);
    let policy = |policy: &str| json!({"signedContexts": policy});
    stage.server.admin().post(&path, &policy("optional")).await.expect(200);
    stage.everywhere("always", json!({"targetingKey": "u-1"}), json!(true)).await;
    let unsigned = json!({"context": {"targetingKey": "u-1"}});
    let mut without = Socket::values(&stage.server, &stage.phones, unsigned).await;
    let mut with = Socket::values(&stage.server, &stage.phones, json!({"context": good})).await;
    without.all_values().await;
    with.all_values().await;
    stage.server.admin().post(&path, &policy("required")).await.expect(200);
    without.refused("signedContext").await;
    with.stays_quiet(Duration::from_millis(1_500)).await;
    stage.server.admin().post(&path, &policy("sometimes")).await.expect(400);
    let other = format!("/api/v1/keys/{}/signed-contexts", stage.backend_key);
    stage.server.admin().post(&other, &policy("required")).await.expect(400);
}

/// Claims and header as a backend's, with what somebody would like to be otherwise.
struct Forgery {
    header: Value,
    claims: Value,
}

impl Forgery {
    fn of(key: &str) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        Self {
            header: json!({"alg": "EdDSA", "typ": TYPE, "kid": key}),
            claims: json!({"iss": key, "aud": "production", "iat": now, "exp": now + 600, "targetingKey": "u-staff",
                "cohorts": ["staff"]}),
        }
    }

    fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    fn message(&self) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(&self.header), part(&self.claims))
    }

    /// Signed by a real key, whatever stands in it.
    fn signed(&self, secret: &str) -> String {
        let secret: SigningSecret = secret.parse().unwrap();
        let private: [u8; 32] = URL_SAFE_NO_PAD.decode(&secret.private).unwrap().try_into().unwrap();
        let message = self.message();
        let key = EncodingKey::from_ed_der(&pkcs8(&private));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap();
        format!("{message}.{signature}")
    }
}

#[tokio::test]
async fn what_is_forged_or_foreign_is_refused_everywhere() {
    let stage = Stage::set("optional").await;
    let Stage { server, backend, backend_key: key, .. } = &stage;
    let now =
        i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let forgery = || Forgery::of(key);
    stage.everywhere("for-staff", json!({"signedContext": forgery().signed(backend)}), json!(true)).await;

    let all = server.admin().get("/api/v1/keys").await.json();
    let all = all["items"].as_array().unwrap().clone();
    let public =
        all.iter().find(|own| own["key"] == **key).unwrap()["publicKey"].as_str().unwrap().to_owned();
    let public_bytes = URL_SAFE_NO_PAD.decode(&public).unwrap();
    let hmac = |secret: &[u8]| {
        let header =
            Header { kid: Some(key.clone()), typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS256) };
        encode(&header, &forgery().claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let (staging, _) = server.new_key(context_key(&json!({"environment": "staging"}))).await;
    let (other, other_key) = server.new_key(context_key(&json!({}))).await;
    let signer = |secret: &str| Signer::new(secret).unwrap();
    let before = |seconds| SystemTime::now() - Duration::from_secs(seconds);
    let sign_at = |from| {
        signer(backend).sign_from(&Context::new("u-staff"), &[], Duration::from_secs(600), from).unwrap()
    };
    let form = "its header must say";
    let cases: Vec<(&str, String, &'static str)> = vec![
        ("no algorithm", format!("{}.", forgery().header("alg", json!("none")).message()), "not a JWT"),
        ("no algorithm, signed", forgery().header("alg", json!("none")).signed(backend), "not a JWT"),
        ("the public key as a secret", hmac(&public_bytes), form),
        ("its text as a secret", hmac(public.as_bytes()), form),
        ("an algorithm of another name", forgery().header("alg", json!("RS256")).signed(backend), form),
        ("another sort of token", forgery().header("typ", json!("JWT")).signed(backend), form),
        ("a critical extension", forgery().header("crit", json!(["exp"])).signed(backend), "crit"),
        (
            "a key of its own",
            forgery().header("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": public})).signed(&other),
            "signature",
        ),
        ("no key", forgery().header("kid", Value::Null).signed(backend), "kid"),
        ("a key with a path", forgery().header("kid", json!("../../etc")).signed(backend), "kid"),
        (
            "an unknown key",
            Forgery::of("0123456789abcdef").signed(backend),
            "no context key of this environment",
        ),
        ("a key that signs nothing", Forgery::of(&stage.phones_key).signed(backend), "no context key"),
        ("another key's name", Forgery::of(&other_key).signed(backend), "signature"),
        ("another issuer", forgery().claim("iss", json!(other_key)).signed(backend), "iss"),
        ("no issuer", forgery().claim("iss", Value::Null).signed(backend), "can't be read"),
        (
            "another environment's key",
            signer(&staging).sign(&Context::new("u"), &[], HOUR).unwrap(),
            "no context key of this environment",
        ),
        (
            "another audience",
            forgery().claim("aud", json!("staging")).signed(backend),
            "its `aud` is not production",
        ),
        (
            "many audiences",
            forgery().claim("aud", json!(["production", "staging"])).signed(backend),
            "can't be read",
        ),
        ("no expiry", forgery().claim("exp", Value::Null).signed(backend), "can't be read"),
        ("a time that is none", forgery().claim("exp", json!("tomorrow")).signed(backend), "can't be read"),
        ("expired", sign_at(before(700)), "s ago: ask your backend for a new one"),
        ("of tomorrow", sign_at(SystemTime::now() + HOUR), "it is not valid before"),
        ("good later", forgery().claim("nbf", json!(now + 300)).signed(backend), "it is not valid before"),
        (
            "good for too long",
            forgery().claim("exp", json!(now + 86_500)).signed(backend),
            "sign for at least 1 s",
        ),
        ("good for ever", forgery().claim("exp", json!(i64::MAX)).signed(backend), "sign for at least 1 s"),
        ("never good", forgery().claim("iat", json!(now + 700)).signed(backend), "sign for at least 1 s"),
        (
            "too long",
            forgery().claim("attributes", json!({"x": "y".repeat(MAX_BYTES)})).signed(backend),
            "sign at most 8192",
        ),
        (
            "too many cohorts",
            forgery().claim("cohorts", json!(vec!["c"; 100])).signed(backend),
            "list at most 64",
        ),
        (
            "a claim among the attributes",
            forgery().claim("attributes", json!({"venue": "anfield"})).signed(backend),
            "a claim of its own",
        ),
        (
            "a targeting key that is none",
            forgery().claim("targetingKey", json!(7)).signed(backend),
            "can't be read",
        ),
        ("nothing", String::new(), "not a JWT"),
        ("no token", "a.b".to_owned(), "not a JWT"),
        ("more than a token", format!("{}.x", forgery().signed(backend)), "signed"),
        ("the secret itself", backend.clone(), "not a JWT"),
    ];
    for (what, token, words) in cases {
        for (surface, answer) in stage.ask("for-staff", &json!({"signedContext": token})).await {
            let why = answer.expect_err(&format!("{what} is taken by {surface}"));
            assert!(why.contains(words), "{what}, {surface}: {why}");
            assert!(token.len() < 20 || !why.contains(&token), "{what}, {surface} repeats the token");
        }
    }
    for wrong in [json!(7), json!(["a.b.c"]), json!({"token": "a.b.c"})] {
        stage.refused(json!({"signedContext": wrong}), "a signed context is a text").await;
    }
    // A clock may differ by a minute.
    for from in [before(650), SystemTime::now() + Duration::from_secs(50)] {
        stage.everywhere("for-staff", json!({"signedContext": sign_at(from)}), json!(true)).await;
    }
    // The backend is told before it signs.
    let long = signer(backend).sign(&Context::new("u"), &[], Duration::from_secs(86_401));
    assert!(matches!(long, Err(SignError::Unfit(_))), "{long:?}");
}

#[tokio::test]
async fn its_keys_are_rotated_with_an_overlap_expire_and_are_revoked_at_once() {
    let stage = Stage::set("required").await;
    let Stage { server, backend_key, .. } = &stage;
    let fan = Context::new("u-7");
    let old = json!({"signedContext": stage.sign(&fan, &[])});
    let path = format!("/api/v1/keys/{backend_key}/rotate");
    let rotated = server.admin().post(&path, &json!({"overlapSeconds": 600})).await.expect(201).json();
    let new = signed_context(rotated["secret"].as_str().unwrap(), &fan, &[], HOUR).unwrap();
    let new = json!({"signedContext": new});
    stage.everywhere("always", old.clone(), json!(true)).await;
    stage.everywhere("always", new.clone(), json!(true)).await;
    assert_ne!(rotated["key"]["publicKey"], Value::Null);
    let mut stream = Socket::values(server, &stage.phones, json!({"context": old})).await;
    let mut others = Socket::values(server, &stage.phones, json!({"context": new})).await;
    stream.all_values().await;
    others.all_values().await;
    server.admin().post(&format!("/api/v1/keys/{backend_key}/revoke"), &json!({})).await.expect(200);
    let error = stream.refused("signedContext").await;
    assert!(error["message"].as_str().unwrap().contains("was revoked"), "{error}");
    stage.refused(old, "was revoked: sign with another").await;
    stage.everywhere("always", new.clone(), json!(true)).await;
    others.stays_quiet(Duration::from_millis(300)).await;
    // Without an overlap it is over at once.
    let path = format!("/api/v1/keys/{}/rotate", rotated["key"]["key"].as_str().unwrap());
    server.admin().post(&path, &json!({})).await.expect(201);
    stage.refused(new, "has expired: sign with another").await;
    others.refused("signedContext").await;
    // One that is made to expire does.
    let (brief, _) = server.new_key(context_key(&json!({"expiresAt": "2020-01-01T00:00:00Z"}))).await;
    let token = signed_context(&brief, &fan, &[], HOUR).unwrap();
    stage.refused(json!({"signedContext": token}), "has expired: sign with another").await;
}

#[tokio::test]
async fn keys_that_are_narrowed_to_venues_speak_for_those_only() {
    let stage = Stage::set("required").await;
    let server = &stage.server;
    let (narrow, _) = server.new_key(context_key(&json!({"venues": ["anfield"]}))).await;
    let sign =
        |context: &Context| json!({"signedContext": signed_context(&narrow, context, &[], HOUR).unwrap()});
    let api = server.with(&stage.phones);
    let polled = |context: Value| {
        let api = api.clone();
        async move { api.post("/sdk/v1/values", &json!({"context": context})).await }
    };
    let problem =
        polled(sign(&Context::new("u").with("venue", "berlin-dome"))).await.problem(403, "forbidden");
    assert!(
        problem["detail"].as_str().unwrap().contains("signed this context is not for berlin-dome"),
        "{problem}"
    );
    // For its one venue without being asked, and whatever the phone says.
    for context in [sign(&Context::new("u")), sign(&Context::new("u").with("venue", "anfield"))] {
        let mut context = context;
        context["venue"] = "berlin-dome".into();
        let answer = polled(context).await.expect(200).json();
        assert_eq!(answer["values"]["resale-guard"]["value"], true, "it is in England");
    }
    // The client key's own venues hold too.
    let narrow_phones =
        json!({"name": "dome", "type": "client", "environment": "production", "venues": ["berlin-dome"]});
    let (dome, _) = server.new_key(narrow_phones).await;
    let dome = server.with(&dome);
    let asked = |context: Value| {
        let dome = dome.clone();
        async move { dome.post("/sdk/v1/values", &json!({"context": context})).await }
    };
    asked(json!({"signedContext": stage.sign(&Context::new("u").with("venue", "anfield"), &[])}))
        .await
        .problem(403, "forbidden");
    let here = asked(json!({"signedContext": stage.sign(&Context::new("u"), &[]), "venue": "anfield"}))
        .await
        .expect(200)
        .json();
    assert_eq!(here["values"]["resale-guard"]["value"], false, "it is at the dome, as its key is");
}

/// The next frame of this type, and no other than pings before it, which are answered.
async fn awake(stream: &mut Socket, kind: &str) -> Value {
    loop {
        let frame = stream.any().await.unwrap();
        if frame["type"] != "ping" {
            assert_eq!(frame["type"], kind, "{frame}");
            return frame;
        }
        stream.say(&json!({"type": "pong"})).await;
    }
}

#[tokio::test]
async fn a_stream_asks_for_another_before_it_expires_and_ends_when_none_comes() {
    let stage = Stage::set("required").await;
    // Of a minute, and a minute and a half ago: taken for half a minute more, as clocks may differ by a minute.
    let sign = |ago: u64| {
        let from = SystemTime::now() - Duration::from_secs(ago);
        let signer = Signer::new(&stage.backend).unwrap();
        json!({"signedContext": signer.sign_from(&Context::new("u-7"), &[], Duration::from_secs(60), from).unwrap()})
    };
    let mut stream = Socket::values(&stage.server, &stage.phones, json!({"context": sign(90)})).await;
    stream.all_values().await;
    let renew = awake(&mut stream, "renew").await;
    let left = renew["expiresInMs"].as_u64().unwrap();
    assert!((20_000..=30_000).contains(&left), "{renew}");
    // Another one is taken, and asked for again in its time, once; the last one runs out.
    stream.say(&json!({"type": "context", "context": sign(116)})).await;
    assert_eq!(awake(&mut stream, "values").await["full"], true);
    awake(&mut stream, "renew").await;
    let error = awake(&mut stream, "error").await;
    assert_eq!((&error["code"], &error["retry"]), (&json!("signedContext"), &json!(false)), "{error}");
    assert!(error["message"].as_str().unwrap().contains("ask your backend for a new one"), "{error}");
    // One that is no good ends it too.
    let mut stream = Socket::values(&stage.server, &stage.phones, json!({"context": sign(30)})).await;
    stream.all_values().await;
    stream.say(&json!({"type": "context", "context": {"targetingKey": "u-staff"}})).await;
    while let Some(frame) = stream.any().await {
        assert_ne!(frame["type"], "values", "{frame}");
    }
}

#[tokio::test]
async fn a_context_key_opens_nothing_and_its_secret_is_kept_nowhere() {
    let stage = Stage::set("optional").await;
    let Stage { server, backend, .. } = &stage;
    let api = server.with(backend);
    for path in ["/sdk/v1/ruleset", "/sdk/v1/key", "/sdk/v1/steering", "/sdk/v1/signers"] {
        let problem = api.get(path).await.problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().contains("stays in your backend"), "{problem}");
    }
    api.post("/sdk/v1/values", &json!({})).await.problem(403, "forbidden");
    api.post("/ofrep/v1/evaluate/flags", &json!({})).await.expect(403);
    api.get("/api/v1/flags").await.problem(403, "forbidden");
    // Nor does its public half.
    let all = server.admin().get("/api/v1/keys").await.expect(200);
    let secret: SigningSecret = backend.parse().unwrap();
    assert!(!all.body.contains(&secret.private));
    let listed = all.json()["items"].as_array().unwrap().clone();
    let public = listed.iter().find_map(|own| own["publicKey"].as_str()).unwrap().to_owned();
    server.with(&public).get("/sdk/v1/ruleset").await.problem(401, "unauthorized");
    // Nothing of the private half is in the journal.
    let journal = server.running().app().world.snapshot();
    let kept: String = journal.state.entries().map(|entry| entry.document.json().to_owned()).collect();
    assert!(kept.contains(&public) && !kept.contains(&secret.private));
    // Edges hear of public keys, with a server key; phones don't.
    let signers = server.with(&server.key("server").await).get("/sdk/v1/signers").await.expect(200).json();
    assert_eq!(signers["signers"][0]["publicKey"], public.as_str());
    server.with(&stage.phones).get("/sdk/v1/signers").await.problem(403, "forbidden");
    // What makes no sense can't be made.
    for bad in [
        json!({"name": "k", "type": "context"}),
        json!({"name": "k", "type": "server", "environment": "production", "signedContexts": "required"}),
        json!({"name": "k", "type": "client", "environment": "production", "signedContexts": "never"}),
        json!({"name": "k", "type": "context", "environment": "production", "role": "admin"}),
    ] {
        server.admin().post("/api/v1/keys", &bad).await.expect(400);
    }
}
