//! One small flag for each peer, in the format that it publishes: a rule for a venue, a version, something nested,
//! and a default.

use serde_json::{Value, json};
use usher_peers::{Answer, Peer, PeerError};

fn load<P: Peer>(flags: &Value) -> P {
    P::load(&flags.to_string()).unwrap()
}

/// What the peer gives to a person at a venue.
fn ask<P: Peer>(peer: &P, flag: &str, venue: &str, version: &str) -> Answer {
    let attributes = [
        (P::KEY, json!("u-17")),
        ("venue", json!(venue)),
        ("appVersion", json!(version)),
        ("seat", json!({"block": 112, "row": "C"})),
        ("tags", json!(["season", "family"])),
    ];
    let context = P::context(&attributes).unwrap();
    peer.evaluate(flag, &context).unwrap()
}

fn refuses_what_it_cannot_read<P: Peer>(empty: &Value) {
    assert!(matches!(P::load("{"), Err(PeerError::Flags(_))));
    let peer: P = load(empty);
    let context = P::context(&[(P::KEY, json!("u-17"))]).unwrap();
    assert!(matches!(peer.evaluate("no-such-flag", &context), Err(PeerError::UnknownFlag(_))));
}

#[cfg(feature = "unleash")]
#[test]
fn unleash() {
    use usher_peers::Unleash;
    let constraints = json!([
        {"contextName": "venue", "operator": "IN", "values": ["wembley-stadium"]},
        {"contextName": "appVersion", "operator": "SEMVER_GT", "value": "3.1.9"}]);
    let variants = json!([{"name": "bowl", "weight": 1000, "stickiness": "userId",
        "payload": {"type": "json", "value": "{\"rows\": 3}"}}]);
    let strategy = |variants: Value| {
        json!([{"name": "flexibleRollout", "constraints": constraints, "variants": variants,
        "parameters": {"rollout": "100", "stickiness": "userId", "groupId": "pilot"}}])
    };
    let peer: Unleash = load(&json!({"version": 2, "features": [
        {"name": "pilot", "type": "release", "enabled": true, "strategies": strategy(json!([]))},
        {"name": "map", "type": "release", "enabled": true, "strategies": strategy(variants)}]}));
    assert!(peer.warnings().is_empty());
    assert_eq!(ask(&peer, "pilot", "wembley-stadium", "3.2.0").value, Some(json!(true)));
    assert_eq!(ask(&peer, "pilot", "wembley-stadium", "3.1.0").value, Some(json!(false)));
    assert_eq!(ask(&peer, "pilot", "camp-nou", "3.2.0").value, Some(json!(false)));
    let map = ask(&peer, "map", "wembley-stadium", "3.2.0");
    assert_eq!((map.value, map.variant.as_deref()), (Some(json!({"rows": 3})), Some("bowl")));
    refuses_what_it_cannot_read::<Unleash>(&json!({"version": 2, "features": []}));
}

#[cfg(feature = "launchdarkly")]
#[test]
fn launchdarkly() {
    use usher_peers::LaunchDarkly;
    let clauses = json!([
        {"contextKind": "user", "attribute": "venue", "op": "in", "values": ["wembley-stadium"], "negate": false},
        {"contextKind": "user", "attribute": "/seat/row", "op": "in", "values": ["C"], "negate": false},
        {"contextKind": "user", "attribute": "appVersion", "op": "semVerGreaterThan", "values": ["3.1.9"], "negate": false},
        {"attribute": "", "op": "segmentMatch", "values": ["season"], "negate": false}]);
    let peer: LaunchDarkly = load(&json!({
        "flags": {"map": {"key": "map", "on": true, "salt": "salt", "targets": [], "prerequisites": [],
            "rules": [{"id": "r", "clauses": clauses, "variation": 1, "trackEvents": false}], "fallthrough": {"variation": 0},
            "offVariation": 0, "variations": ["list", "bowl"], "version": 1}},
        "segments": {"season": {"key": "season", "included": ["u-17"], "excluded": [], "rules": [], "salt": "s", "version": 1}}}));
    let bowl = Answer { value: Some(json!("bowl")), variant: Some("1".into()), reason: "RULE_MATCH".into() };
    assert_eq!(ask(&peer, "map", "wembley-stadium", "3.2.0"), bowl);
    let list = Answer { value: Some(json!("list")), variant: Some("0".into()), reason: "FALLTHROUGH".into() };
    assert_eq!(ask(&peer, "map", "wembley-stadium", "3.1.0"), list);
    assert_eq!(ask(&peer, "map", "camp-nou", "3.2.0"), list);
    refuses_what_it_cannot_read::<LaunchDarkly>(&json!({"flags": {}}));
    assert!(matches!(LaunchDarkly::context(&[("venue", json!("camp-nou"))]), Err(PeerError::Context(_))));
    let several = LaunchDarkly::context(&[
        ("kind", json!("multi")),
        (
            "user",
            json!({"key": "u-17", "venue": "wembley-stadium", "appVersion": "3.2.0", "seat": {"row": "C"}}),
        ),
        ("device", json!({"key": "d-1"})),
    ]);
    assert_eq!(peer.evaluate("map", &several.unwrap()).unwrap(), bowl);
}

#[cfg(feature = "growthbook")]
#[test]
fn growthbook() {
    use usher_peers::GrowthBook;
    let condition = json!({"venue": {"$in": ["wembley-stadium"]}, "appVersion": {"$vgte": "3.2.0"},
        "seat.block": {"$gt": 100}, "tags": {"$inGroup": "holders"}});
    let peer: GrowthBook = load(&json!({"savedGroups": {"holders": ["season"]}, "features": {
        "map": {"defaultValue": "list", "rules": [
            {"id": "r", "key": "maps", "condition": condition, "seed": "s", "hashAttribute": "id", "hashVersion": 2,
             "variations": ["bowl", "arc"], "weights": [1, 0], "meta": [{"key": "b"}, {"key": "a"}]}]},
        "pilot": {"defaultValue": false, "rules": [{"id": "p", "force": true, "condition": condition}]}}}));
    let bowl = Answer { value: Some(json!("bowl")), variant: Some("b".into()), reason: "experiment".into() };
    assert_eq!(ask(&peer, "map", "wembley-stadium", "3.2.0"), bowl);
    let list = Answer { value: Some(json!("list")), variant: None, reason: "defaultValue".into() };
    assert_eq!(ask(&peer, "map", "wembley-stadium", "3.1.0"), list);
    assert_eq!(ask(&peer, "pilot", "wembley-stadium", "3.2.0").value, Some(json!(true)));
    assert_eq!(ask(&peer, "pilot", "camp-nou", "3.2.0").value, Some(json!(false)));
    refuses_what_it_cannot_read::<GrowthBook>(&json!({"features": {}}));
}

#[cfg(feature = "flagd")]
#[test]
fn flagd() {
    use usher_peers::Flagd;
    let targeting = json!({"if": [{"and": [
        {"in": [{"var": "venue"}, ["wembley-stadium"]]},
        {"sem_ver": [{"var": "appVersion"}, ">=", "3.2.0"]},
        {"==": [{"var": "seat.row"}, "C"]},
        {"in": ["season", {"var": "tags"}]}]}, "bowl"]});
    let variants = json!({"bowl": "a bowl", "list": "a list"});
    let peer: Flagd = load(&json!({"flags": {
        "map": {"state": "ENABLED", "defaultVariant": "list", "variants": variants, "targeting": targeting},
        "off": {"state": "DISABLED", "defaultVariant": "list", "variants": variants},
        "plain": {"state": "ENABLED", "defaultVariant": "list", "variants": variants}}}));
    let answer = |variant: &str, value: &str, reason: &str| Answer {
        value: Some(json!(value)),
        variant: Some(variant.into()),
        reason: reason.into(),
    };
    assert_eq!(ask(&peer, "map", "wembley-stadium", "3.2.0"), answer("bowl", "a bowl", "TARGETING_MATCH"));
    assert_eq!(ask(&peer, "map", "wembley-stadium", "3.1.0"), answer("list", "a list", "DEFAULT"));
    assert_eq!(ask(&peer, "plain", "camp-nou", "3.2.0"), answer("list", "a list", "STATIC"));
    assert_eq!(
        ask(&peer, "off", "camp-nou", "3.2.0"),
        Answer { reason: "DISABLED".into(), ..Answer::default() }
    );
    refuses_what_it_cannot_read::<Flagd>(&json!({"flags": {}}));
}

/// Eppo and Datadog read one format, but for the operator on versions and where the number of shards stands.
#[cfg(any(feature = "eppo", feature = "datadog"))]
fn universal_flags(from_version: &str) -> Value {
    let conditions = json!([{"attribute": "venue", "operator": "ONE_OF", "value": ["wembley-stadium"]},
        {"attribute": "appVersion", "operator": from_version, "value": "3.2.0"}]);
    json!({"createdAt": "2026-11-01T00:00:00.000Z", "format": "SERVER", "environment": {"name": "production"},
        "flags": {"map": {"key": "map", "enabled": true, "variationType": "STRING", "totalShards": 10_000,
            "variations": {"bowl": {"key": "bowl", "value": "a bowl"}},
            "allocations": [{"key": "pilot", "rules": [{"conditions": conditions}], "doLog": false,
                "splits": [{"variationKey": "bowl",
                    "shards": [{"salt": "s", "totalShards": 10_000, "ranges": [{"start": 0, "end": 10_000}]}]}]}]}}})
}

#[cfg(feature = "eppo")]
#[test]
fn eppo() {
    use usher_peers::Eppo;
    let peer: Eppo = load(&universal_flags("GTE"));
    assert_eq!(ask(&peer, "map", "wembley-stadium", "3.2.0").value, Some(json!("a bowl")));
    assert_eq!(ask(&peer, "map", "wembley-stadium", "3.1.0").value, None);
    assert_eq!(ask(&peer, "map", "camp-nou", "3.2.0").value, None);
    let mut empty = universal_flags("GTE");
    empty["flags"] = json!({});
    refuses_what_it_cannot_read::<Eppo>(&empty);
}

#[cfg(feature = "datadog")]
#[test]
fn datadog() {
    use usher_peers::Datadog;
    let peer: Datadog = load(&universal_flags("SEMVER_GTE"));
    let bowl = ask(&peer, "map", "wembley-stadium", "3.2.0");
    assert_eq!((bowl.value, bowl.variant.as_deref()), (Some(json!("a bowl")), Some("bowl")));
    assert_eq!(ask(&peer, "map", "wembley-stadium", "3.1.0"), Answer::default());
    assert_eq!(ask(&peer, "map", "camp-nou", "3.2.0"), Answer::default());
    let mut empty = universal_flags("SEMVER_GTE");
    empty["flags"] = json!({});
    refuses_what_it_cannot_read::<Datadog>(&empty);
}
