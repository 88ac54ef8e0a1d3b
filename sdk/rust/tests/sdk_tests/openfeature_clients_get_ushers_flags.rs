//! Whoever asks through the OpenFeature API gets what Usher's own client gives: values, reasons, errors.

use std::sync::Arc;

use crate::support::{self, Line, Server, State, live, put, server, stale, written};
use open_feature::{
    EvaluationContext, EvaluationContextFieldValue, EvaluationErrorCode as Code, EvaluationReason as Reason,
    FlagMetadataValue, OpenFeature, StructValue, Value,
    provider::{FeatureProvider, ProviderStatus},
};
use serde_json::json;
use usher_sdk::{Bootstrap, Client, openfeature::Provider};

fn fan() -> EvaluationContext {
    EvaluationContext::default().with_targeting_key("u-1").with_custom_field("venue", "anfield")
}

/// An OpenFeature client, by a name of its own: the API is one for the whole process.
async fn flags(name: &str, client: &Client) -> open_feature::Client {
    let mut api = OpenFeature::singleton_mut().await;
    api.set_named_provider(name, Provider::new(client.clone())).await;
    api.create_named_client(name)
}

async fn reason(flags: &open_feature::Client, flag: &str, context: &EvaluationContext) -> Reason {
    flags.get_bool_details(flag, Some(context), None).await.unwrap().reason.unwrap()
}

async fn fails(flags: &open_feature::Client, flag: &str, context: &EvaluationContext) -> Code {
    flags.get_bool_details(flag, Some(context), None).await.unwrap_err().code
}

fn client(server: &Server, key: &str) -> Client {
    Client::builder(&format!("http://{}", server.address()), key).build().unwrap()
}

#[tokio::test]
async fn every_type_reason_and_error_comes_through() {
    let server = server().await;
    let split = |by: &str| json!({"default": {"split": {"by": [by], "seed": "s", "weights": [{"variant": "on", "weight": 1}]}}});
    put(&server, "split", split("targetingKey")).await;
    put(&server, "seats", split("seat")).await;
    put(&server, "needs", json!({"prerequisites": [{"flag": "off", "variants": ["on"]}]})).await;
    let client = client(&server, &server.key("server").await);
    // It has nothing, so setting it waits for the server.
    let flags = flags("all", &client).await;
    let fan = fan();
    let context = Some(&fan);
    assert!(flags.get_bool_value("always", context, None).await.unwrap());
    assert_eq!(flags.get_int_value("limit", context, None).await.unwrap(), 4);
    assert!((flags.get_float_value("fee", context, None).await.unwrap() - 2.5).abs() < f64::EPSILON);
    assert_eq!(flags.get_string_value("banner", context, None).await.unwrap(), "Gates open at six");
    let layout: StructValue = flags.get_struct_value("layout", context, None).await.unwrap();
    let rows = Value::Array(vec![Value::Int(1), Value::Int(2)]);
    assert_eq!(layout, StructValue::default().with_field("rows", rows).with_field("name", "bowl"));

    let matched = flags.get_bool_details("resale-guard", context, None).await.unwrap();
    assert_eq!((matched.value, matched.variant.as_deref()), (true, Some("on")));
    assert_eq!(matched.reason, Some(Reason::TargetingMatch));
    let known = |name: &str| matched.flag_metadata.values.get(name).cloned();
    assert_eq!(known("rule"), Some(FlagMetadataValue::String("england".to_owned())));
    assert_eq!(known("source"), Some(FlagMetadataValue::String("server".to_owned())));
    assert!(matches!(known("age"), Some(FlagMetadataValue::Float(age)) if age >= 0.0));
    assert_eq!(reason(&flags, "always", &fan).await, Reason::Static);
    assert_eq!(reason(&flags, "for-staff", &fan).await, Reason::Default);
    assert_eq!(reason(&flags, "split", &fan).await, Reason::Split);
    assert_eq!(reason(&flags, "off", &fan).await, Reason::Disabled);
    for (flag, name, value) in [("seats", "splitKeyMissing", "seat"), ("needs", "prerequisiteFailed", "off")]
    {
        let details = flags.get_bool_details(flag, context, None).await.unwrap();
        assert_eq!(details.flag_metadata.values[name], FlagMetadataValue::String(value.to_owned()));
    }

    assert_eq!(fails(&flags, "nothing", &fan).await, Code::FlagNotFound);
    assert_eq!(fails(&flags, "banner", &fan).await, Code::TypeMismatch);
    let bad = EvaluationContext::default().with_custom_field("venue", 7);
    assert_eq!(fails(&flags, "always", &bad).await, Code::InvalidContext);
    let error = flags.get_struct_details::<StructValue>("limit", context, None).await.unwrap_err();
    assert!(error.message.unwrap().contains("another type"));
}

#[tokio::test]
async fn the_whole_context_can_be_targeted() {
    let server = server().await;
    let rule = |id: &str, attribute: &str, op: &str, value: serde_json::Value| json!({"rules": [{"id": id, "if": {"attribute": attribute, "op": op, "values": [value]}, "serve": {"variant": "on"}}]});
    put(&server, "version", rule("v", "device.version", "semverGte", json!("3.2.0"))).await;
    put(&server, "late", rule("l", "since", "after", json!("2026-01-01T00:00:00Z"))).await;
    put(&server, "tree", rule("t", "ticket.tier", "in", json!("gold"))).await;
    put(&server, "member", rule("m", "member", "equals", json!(true))).await;
    let client = client(&server, &server.key("server").await);
    let flags = flags("context", &client).await;
    let nobody = EvaluationContext::default();
    let somebody = fan()
        .with_custom_field(
            "device",
            EvaluationContextFieldValue::new_struct(StructValue::default().with_field("version", "3.3.0")),
        )
        .with_custom_field("ticket", Arc::new(json!({"tier": "gold"})))
        .with_custom_field("since", time::OffsetDateTime::from_unix_timestamp(1_780_000_000).unwrap())
        .with_custom_field("member", true);
    for flag in ["version", "late", "tree", "member"] {
        assert_eq!(flags.get_bool_value(flag, Some(&somebody), None).await, Ok(true), "{flag}");
        assert_eq!(flags.get_bool_value(flag, Some(&nobody), None).await, Ok(false), "{flag}");
    }
}

#[tokio::test]
async fn it_says_how_it_stands_with_its_server() {
    let server = server().await;
    put(&server, "yours", json!({"whenStale": {"after": "0s", "then": "default"}})).await;
    let line = Line::to(&server.address()).await;
    let folder = tempfile::tempdir().unwrap();
    let key = server.key("server").await;
    let build = || Client::builder(&line.url(), &key).cache_dir(folder.path()).build().unwrap();
    line.set(State::Cut);
    let first = build();
    let nothing = Provider::new(first.clone());
    assert_eq!((nothing.metadata().name.as_str(), nothing.status()), ("usher", ProviderStatus::NotReady));
    let flags_of_first = flags("first", &first).await;
    assert_eq!(fails(&flags_of_first, "always", &fan()).await, Code::ProviderNotReady);
    line.set(State::Open);
    live(&first).await;
    assert_eq!(nothing.status(), ProviderStatus::Ready);
    assert_eq!(reason(&flags_of_first, "always", &fan()).await, Reason::Static);
    line.set(State::Cut);
    stale(&first).await;
    assert_eq!(nothing.status(), ProviderStatus::STALE);
    assert_eq!(reason(&flags_of_first, "always", &fan()).await, Reason::Other("STALE".to_owned()));
    let error = flags_of_first.get_bool_details("yours", Some(&fan()), None).await.unwrap_err();
    assert!(matches!(error.code, Code::General(_)) && error.message.unwrap().contains("default"));
    written(folder.path()).await;
    let again = build();
    let flags_of_again = flags("again", &again).await;
    assert_eq!(reason(&flags_of_again, "always", &fan()).await, Reason::Cached);
    assert_eq!(Provider::new(again).status(), ProviderStatus::STALE);
    let brought = json!({"documents": [support::rogue::flag("always", true)]}).to_string();
    let brought = Bootstrap::from_json("production", &brought).unwrap();
    let brought = Client::builder("http://127.0.0.1:1", "usk_x").bootstrap(brought).build().unwrap();
    let flags_of_brought = flags("brought", &brought).await;
    let details = flags_of_brought.get_bool_details("always", Some(&fan()), None).await.unwrap();
    assert_eq!((details.value, details.reason), (true, Some(Reason::Default)));
    assert_eq!(details.flag_metadata.values["source"], FlagMetadataValue::String("bootstrap".to_owned()));
    let refused = Client::builder(&format!("http://{}", server.address()), "usk_nobody").build().unwrap();
    support::eventually("it is refused", async || {
        Provider::new(refused.clone()).status() == ProviderStatus::Error
    })
    .await;
}

#[tokio::test]
async fn what_a_flags_author_lets_it_carry_comes_through_in_either_mode() {
    let server = server().await;
    let flag = json!({"key": "carried", "type": "boolean", "variants": {"on": true, "off": false}, "clientVisible": true,
        "metadata": {"team": "payments", "level": 3, "beta": true},
        "environments": {"production": {"enabled": true, "offVariant": "off", "rules": [
            {"id": "anfield", "if": {"attribute": "venue", "op": "in", "values": ["anfield"]}, "serve": {"variant": "on"}}]}}});
    server.admin().put("/api/v1/flags/carried", &flag).await.expect(201);
    let fan = fan();
    let own = usher_sdk::Context::new("u-1").with("venue", "anfield");
    for kind in ["server", "client"] {
        let key = server.key(kind).await;
        let builder = Client::builder(&format!("http://{}", server.address()), &key);
        let mode = if kind == "server" { usher_sdk::Mode::Ruleset } else { usher_sdk::Mode::Values };
        let client = builder.mode(mode).context(own.clone()).build().unwrap();
        live(&client).await;
        let details = client.boolean_details("carried", &own, false);
        assert_eq!((details.value, details.metadata.enabled), (true, Some(true)), "{kind}");
        assert_eq!(details.metadata.flag["team"], json!("payments"), "{kind}");
        let flags = flags(&format!("carried-{kind}"), &client).await;
        let details = flags.get_bool_details("carried", Some(&fan), None).await.unwrap();
        for (name, value) in [
            ("team", FlagMetadataValue::String("payments".to_owned())),
            ("level", FlagMetadataValue::Int(3)),
            ("beta", FlagMetadataValue::Bool(true)),
            ("enabled", FlagMetadataValue::Bool(true)),
            ("rule", FlagMetadataValue::String("anfield".to_owned())),
        ] {
            assert_eq!(details.flag_metadata.values[name], value, "{name} of a {kind} key");
        }
    }
}
