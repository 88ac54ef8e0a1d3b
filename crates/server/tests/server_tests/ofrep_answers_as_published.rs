//! OFREP 0.3.0, as its published OpenAPI document has it.

use crate::support::{Answer, Events, Server, eventually, fixtures};
use serde_json::{Value, json};

const ALL: &str = "/ofrep/v1/evaluate/flags";

fn context(venue: &str) -> Value {
    json!({"context": {"targetingKey": "u-1", "venue": venue}})
}

fn one(key: &str) -> String {
    format!("{ALL}/{key}")
}

/// The answers of a bulk evaluation, by flag.
fn by_key(answer: &Answer) -> Vec<(String, Value)> {
    let flags = answer.json()["flags"].as_array().unwrap().clone();
    flags.into_iter().map(|flag| (flag["key"].as_str().unwrap().to_owned(), flag)).collect()
}

#[tokio::test]
async fn a_single_evaluation_has_key_value_variant_and_reason() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("server").await);
    for (flag, venue, expected) in [
        ("always", "anfield", json!({"key": "always", "value": true, "variant": "on", "reason": "STATIC"})),
        ("off", "anfield", json!({"key": "off", "value": false, "variant": "off", "reason": "DISABLED"})),
        (
            "resale-guard",
            "anfield",
            json!({"key": "resale-guard", "value": true, "variant": "on", "reason": "TARGETING_MATCH", "metadata": {"rule": "england"}}),
        ),
        (
            "resale-guard",
            "berlin-dome",
            json!({"key": "resale-guard", "value": false, "variant": "off", "reason": "TARGETING_MATCH"}),
        ),
        (
            "banner",
            "anfield",
            json!({"key": "banner", "value": "Gates open at six", "variant": "on", "reason": "STATIC"}),
        ),
        ("limit", "anfield", json!({"key": "limit", "value": 4, "variant": "on", "reason": "STATIC"})),
        ("fee", "anfield", json!({"key": "fee", "value": 2.5, "variant": "on", "reason": "STATIC"})),
        (
            "layout",
            "anfield",
            json!({"key": "layout", "value": {"rows": [1, 2], "name": "bowl"}, "variant": "on", "reason": "STATIC"}),
        ),
    ] {
        let answer = api.post(&one(flag), &context(venue)).await.expect(200);
        assert_eq!(answer.json(), expected);
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_bulk_evaluation_has_every_flag_once_and_in_order() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("server").await);
    let answer = api.post(ALL, &context("anfield")).await.expect(200);
    let keys: Vec<String> = by_key(&answer).into_iter().map(|(key, _)| key).collect();
    assert_eq!(
        keys,
        ["always", "banner", "fee", "for-staff", "hidden", "layout", "limit", "off", "resale-guard"]
    );
    for (key, flag) in by_key(&answer) {
        assert_eq!(api.post(&one(&key), &context("anfield")).await.expect(200).json(), flag);
    }
    assert_eq!(api.post(ALL, &context("anfield")).await.body, answer.body);
}

#[tokio::test]
async fn an_etag_is_over_the_whole_answer() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("server").await);
    let first = api.post(ALL, &context("anfield")).await.expect(200);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let again = api.header("If-None-Match", &tag);
    let same = again.post(ALL, &context("anfield")).await.expect(304);
    assert_eq!((same.body.as_str(), same.header("etag")), ("", tag.as_str()));
    for list in [format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        api.header("If-None-Match", &list).post(ALL, &context("anfield")).await.expect(304);
    }
    // The same configuration for somebody else is another answer.
    let other = again.post(ALL, &context("berlin-dome")).await.expect(200);
    assert_ne!(other.header("etag"), tag);
    // A context that makes no difference is the same answer.
    let more = json!({"context": {"targetingKey": "u-2", "venue": "anfield", "colour": "red"}});
    again.post(ALL, &more).await.expect(304);
    // A change that makes no difference here, too; one that does is seen at once.
    let act = async |action: &str, venue: &str| {
        let path = format!("/api/v1/flags/always/environments/production/{action}");
        server.admin().post(&path, &json!({"venues": [venue]})).await.expect(200);
    };
    act("kill", "anfield").await;
    let killed = again.post(ALL, &context("anfield")).await.expect(200);
    assert_eq!(by_key(&killed)[0].1["value"], false);
    act("revive", "anfield").await;
    again.post(ALL, &context("anfield")).await.expect(304);
    let single = api.post(&one("always"), &context("anfield")).await.expect(200);
    let single_tag = single.header("etag").to_owned();
    api.header("If-None-Match", &single_tag).post(&one("always"), &context("anfield")).await.expect(304);
    api.header("If-None-Match", &single_tag).post(&one("off"), &context("anfield")).await.expect(200);
}

#[tokio::test]
async fn a_client_key_sees_only_what_clients_may_see() {
    let server = Server::seeded().await;
    let client = server.with(&server.key("client").await);
    let answer = client.post(ALL, &context("anfield")).await.expect(200);
    assert!(by_key(&answer).iter().all(|(key, _)| key != "hidden"));
    assert_eq!(by_key(&answer).len(), 8);
    let hidden = client.post(&one("hidden"), &context("anfield")).await.expect(404);
    let missing = client.post(&one("no-such"), &context("anfield")).await.expect(404);
    assert_eq!(hidden.body.replace("hidden", "no-such"), missing.body, "not even that it exists");
    for word in ["england", "rules", "u-staff"] {
        let elsewhere = client.post(ALL, &context("berlin-dome")).await.expect(200);
        assert!(!elsewhere.body.contains(word), "{word}: {}", elsewhere.body);
    }
}

#[tokio::test]
async fn a_key_narrowed_to_venues_speaks_for_those_only() {
    let server = Server::seeded().await;
    let key =
        |venues: Value| json!({"name": "n", "type": "client", "environment": "production", "venues": venues});
    let (only, _) = server.new_key(key(json!(["anfield"]))).await;
    let only = server.with(&only);
    let without = only.post(&one("resale-guard"), &json!({"context": {}})).await.expect(200).json();
    assert_eq!(without["variant"], "on", "it speaks for its one venue without being asked");
    only.post(&one("resale-guard"), &context("anfield")).await.expect(200);
    for path in [ALL.to_owned(), one("resale-guard")] {
        let refused = only.post(&path, &context("berlin-dome")).await.expect(403).json();
        assert_eq!(refused["errorCode"], "INVALID_CONTEXT");
    }
    let (two, _) = server.new_key(key(json!(["anfield", "berlin-dome"]))).await;
    let two = server.with(&two);
    two.post(ALL, &context("berlin-dome")).await.expect(200);
    let refused = two.post(ALL, &json!({"context": {"targetingKey": "u-1"}})).await.expect(400).json();
    assert!(refused["errorDetails"].as_str().unwrap().contains("venue"), "{refused}");
}

#[tokio::test]
async fn browsers_of_any_origin_may_ask() {
    let server = Server::seeded().await;
    let browser = server.nobody().header("Origin", "https://shop.example");
    for path in [ALL.to_owned(), one("always")] {
        let asking = browser
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization,content-type,if-none-match");
        let answer = asking.send("OPTIONS", &path, None).await.expect(204);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let allowed = answer.header("access-control-allow-headers").to_lowercase();
        for name in ["authorization", "content-type", "if-none-match", "x-api-key"] {
            assert!(allowed.contains(name), "{allowed}");
        }
        assert!(answer.header("access-control-allow-methods").contains("POST"));
        assert!(answer.header("access-control-expose-headers").contains("ETag"));
        assert_eq!(answer.header("access-control-allow-credentials"), "", "keys are no cookies");
    }
    let api = server.with(&server.key("client").await).header("Origin", "https://shop.example");
    let answer = api.post(ALL, &context("anfield")).await.expect(200);
    assert!(answer.header("access-control-expose-headers").contains("ETag"));
    let same =
        api.header("If-None-Match", answer.header("etag")).post(ALL, &context("anfield")).await.expect(304);
    assert_eq!(same.header("access-control-allow-origin"), "*");
    // A session's cookie opens nothing here.
    let person = server.signed_in(usher_core::model::Role::Admin).await;
    person.post(ALL, &context("anfield")).await.expect(401);
}

#[tokio::test]
async fn a_bulk_answer_tells_whose_flags_they_are_and_where_changes_are_told() {
    let server = Server::seeded().await;
    for kind in ["server", "client"] {
        let api = server.with(&server.key(kind).await);
        let answer = api.post(ALL, &context("anfield")).await.expect(200).json();
        assert_eq!(answer["metadata"], json!({"flagSetId": "production"}));
        let address = answer["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap();
        assert!(address.starts_with("/ofrep/v1/events?token="), "{address}");
        // With no `url`, and no `origin`: who asks knows the way here.
        let offered =
            json!([{"type": "sse", "endpoint": {"requestUri": address}, "inactivityDelaySec": 120}]);
        assert_eq!(answer["eventStreams"], offered);
        let fields: Vec<&String> = answer.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["flags", "eventStreams", "metadata"]);
    }
}

#[tokio::test]
async fn the_configuration_that_an_event_told_of_never_makes_a_304_and_may_forbid_one() {
    let server = Server::seeded().await;
    let key = server.key("client").await;
    let api = server.with(&key);
    let current = Events::of(&server, &key).await.began().await;
    let tag = api.post(ALL, &context("anfield")).await.expect(200).header("etag").to_owned();
    let other = format!("{}-1", current.split_once('-').unwrap().0);
    for (expected, if_none_match, status) in [
        // Where it is what the answer is made from, the tag decides as ever.
        (current.clone(), Some(tag.as_str()), 304),
        (format!("\"{current}\""), Some(&tag), 304),
        (format!("W/\"{current}\""), Some(&tag), 304),
        (current.clone(), Some("\"stale\""), 200),
        (format!("\"{current}\""), None, 200),
        // Where it is not, whatever the tag says.
        (format!("\"{other}\""), Some(&tag), 200),
        (other.clone(), Some("*"), 200),
        (other, None, 200),
        ("anything".to_owned(), Some(&tag), 200),
        (String::new(), Some(&tag), 200),
    ] {
        let query: String = expected.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        for more in ["", "&flagConfigLastModified=1771622898", "&flagConfigLastModified=2026-02-20T21:28:18Z"]
        {
            let api = if_none_match.map_or_else(|| api.clone(), |tags| api.header("If-None-Match", tags));
            let path = format!("{ALL}?flagConfigEtag={query}{more}");
            let answer = api.post(&path, &context("anfield")).await.expect(status);
            assert_eq!(answer.header("etag"), tag, "{expected}");
        }
    }
    // A person somewhere else gets their own answer, in the same configuration.
    let path = format!("{ALL}?flagConfigEtag={current}");
    api.header("If-None-Match", &tag).post(&path, &context("berlin-dome")).await.expect(200);
    // Other parameters are nobody's business.
    for query in ["flagConfigLastModified=x", "a=b", "&&", "flagConfigEtag", "%FF", "flagConfigEtag=%FF"] {
        api.post(&format!("{ALL}?{query}"), &context("anfield")).await.expect(200);
    }
}

#[tokio::test]
async fn a_304_leaves_nobody_with_an_address_that_has_run_out() {
    let server = Server::start_with(|settings| settings.ofrep_token_seconds = 1).await;
    fixtures::seed(&server).await;
    let api = server.with(&server.key("client").await);
    let first = api.post(ALL, &context("anfield")).await.expect(200);
    let again = api.header("If-None-Match", first.header("etag"));
    let mut second = None;
    eventually("a new address", async || {
        let answer = again.post(ALL, &context("anfield")).await;
        let is_new = answer.status == 200;
        second = is_new.then_some(answer);
        is_new
    })
    .await;
    let second = second.unwrap();
    assert_eq!(by_key(&first), by_key(&second));
    assert_ne!(first.json()["eventStreams"], second.json()["eventStreams"]);
}

#[tokio::test]
async fn a_flag_may_have_any_name() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("server").await);
    for (key, path) in [
        ("a/b", "a%2Fb"),
        ("résumé neu", "r%C3%A9sum%C3%A9%20neu"),
        ("100%+", "100%25+"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
        ("?q=1#x", "%3Fq=1%23x"),
    ] {
        let flag = fixtures::flag(key, &json!({"default": {"variant": "on"}}));
        server.admin().put(&format!("/api/v1/flags/{path}"), &flag).await.expect(201);
        let answer = api.post(&one(path), &context("anfield")).await.expect(200).json();
        assert_eq!((&answer["key"], &answer["value"]), (&json!(key), &json!(true)));
        assert!(by_key(&api.post(ALL, &context("anfield")).await).iter().any(|(own, _)| own == key));
    }
    // Unescaped, as some clients send it.
    api.post(&one("a/b"), &context("anfield")).await.expect(200);
}

#[tokio::test]
async fn a_variant_without_a_value_leaves_the_value_out() {
    let server = Server::seeded().await;
    let api = server.with(&server.key("server").await);
    let mut flag = fixtures::flag("imported", &json!({"default": {"variant": "on"}}));
    flag["variants"]["on"] = Value::Null;
    server.admin().put("/api/v1/flags/imported", &flag).await.expect(201);
    let answer = api.post(&one("imported"), &context("anfield")).await.expect(200).json();
    assert_eq!(answer, json!({"key": "imported", "variant": "on", "reason": "STATIC"}));
}

#[tokio::test]
async fn a_flag_of_another_environment_gives_the_codes_default() {
    let server = Server::seeded().await;
    let mut flag = fixtures::flag("staging-only", &json!({"default": {"variant": "on"}}));
    flag["environments"].as_object_mut().unwrap().shift_remove("production");
    server.admin().put("/api/v1/flags/staging-only", &flag).await.expect(201);
    let api = server.with(&server.key("server").await);
    let answer = api.post(&one("staging-only"), &context("anfield")).await.expect(200).json();
    assert_eq!((answer.get("value"), answer["reason"].as_str()), (None, Some("DISABLED")));
}

#[tokio::test]
async fn a_flag_that_this_version_can_not_read_fails_alone() {
    let server = Server::seeded().await;
    // As a newer version would have written it.
    let flag = json!({"kind": "flag", "key": "from-the-future", "type": "hologram", "variants": {}, "clientVisible": true});
    let append = usher_journal::Append {
        expected: Vec::new(),
        idempotency: None,
        actor: usher_journal::Actor::system("test"),
        message: "A newer version was here".to_owned(),
        at: usher_core::model::Timestamp::EPOCH,
        changes: vec![usher_journal::Change::Put(serde_json::from_value(flag).unwrap())],
    };
    server.running().app().world.append(append).await.unwrap();
    let api = server.with(&server.key("server").await);
    let answer = api.post(ALL, &context("anfield")).await.expect(200);
    let flags = by_key(&answer);
    assert_eq!(flags.len(), 10);
    for (key, flag) in flags {
        if key == "from-the-future" {
            assert_eq!(
                (flag["errorCode"].as_str(), flag.get("value"), flag.get("reason")),
                (Some("PARSE_ERROR"), None, None)
            );
        } else {
            assert_eq!(flag.get("errorCode"), None, "{flag}");
        }
    }
    let single = api.post(&one("from-the-future"), &context("anfield")).await.expect(400).json();
    assert_eq!(single["errorCode"], "PARSE_ERROR");
}
