//! What becomes of Unleash's features: which rules they give, what is noted, what is refused.
//! That the rules answer as Unleash does is shown in `usher-peers` and by Unleash's own client specification.

use std::time::{Duration, Instant};

use crate::support::{NOW, document};
use serde_json::{Value, json};
use usher_core::{
    Context, Ruleset,
    import::{Entry, Format, Imported, Options, Outcome, import},
    model::{Flag, Kind, Seq, parse_strict},
};

fn options() -> Options {
    Options::new("production".parse().unwrap())
}

fn imported(source: &Value) -> Imported {
    import(Format::Unleash, source.to_string().as_bytes(), &options()).unwrap()
}

/// A feature with these strategies, and more.
fn feature(strategies: Value, more: Value) -> Value {
    let mut feature = json!({"name": "f", "enabled": true, "strategies": strategies});
    feature.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"version": 2, "features": [feature]})
}

fn constrained(constraint: Value) -> Value {
    feature(json!([{"name": "default", "constraints": [constraint]}]), json!({}))
}

fn only(source: &Value) -> (Flag, Entry) {
    let imported = imported(source);
    let flag = imported.flags.into_iter().next().unwrap_or_else(|| panic!("{:?}", imported.report));
    // What is imported could be written by anybody.
    parse_strict(&Kind::Flag, &serde_json::to_vec(&flag).unwrap()).unwrap_or_else(|found| panic!("{found}"));
    (flag, imported.report.into_iter().next_back().unwrap())
}

fn config(source: &Value) -> Value {
    serde_json::to_value(&only(source).0).unwrap()["environments"]["production"].clone()
}

fn notes(source: &Value) -> Vec<String> {
    let (_, entry) = only(source);
    entry.notes.iter().map(|note| format!("{:?} {}: {}", note.outcome, note.at, note.text)).collect()
}

fn refusal(source: &Value) -> String {
    let imported = imported(source);
    assert!(imported.flags.is_empty(), "{:?}", imported.flags);
    let entry = imported.report.last().unwrap();
    assert_eq!((entry.outcome, &entry.key), (Outcome::Refused, &None));
    let refused = entry.notes.iter().find(|note| note.outcome == Outcome::Refused).unwrap();
    format!("{}: {}", refused.at, refused.text)
}

#[test]
fn a_strategy_becomes_a_rule_that_reads_as_it_did() {
    let strategy = json!({"name": "flexibleRollout", "title": "Beta", "parameters": {"rollout": "25", "stickiness": "default", "groupId": "g"},
        "constraints": [
            {"contextName": "country", "operator": "NOT_IN", "values": ["GB"], "inverted": true},
            {"contextName": "email", "operator": "STR_ENDS_WITH", "values": ["@a.org"], "caseInsensitive": true},
            {"contextName": "currentTime", "operator": "DATE_AFTER", "value": "2026-01-01T00:00:00Z"},
            {"contextName": "version", "operator": "SEMVER_GT", "value": "1.2.3", "inverted": true}],
        "segments": [7]});
    let mut source = feature(json!([strategy, {"name": "default"}]), json!({}));
    source["segments"] = json!([{"id": 7, "name": "Gold", "constraints": [
        {"contextName": "tier", "operator": "IN", "values": ["gold"]}]}]);
    let unleash = "unleash";
    assert_eq!(
        config(&source),
        json!({"enabled": true, "offVariant": "off", "rules": [
            {"id": "strategy-1", "name": "Beta", "if": {"all": [
                {"attribute": "country", "op": "in", "values": ["GB"], "dialect": unleash},
                {"attribute": "email", "op": "endsWith", "values": ["@a.org"], "ignoreCase": true, "dialect": unleash},
                {"attribute": "currentTime", "op": "after", "values": ["2026-01-01T00:00:00Z"], "dialect": unleash},
                {"not": {"attribute": "version", "op": "semverGt", "values": ["1.2.3"], "dialect": unleash}},
                {"cohort": "unleash-segment-7"}]},
             "rollout": {"by": ["userId"], "percent": 25.0, "seed": "g", "hash": "murmur3Unleash", "fallback": ["sessionId"], "whenMissing": "random"},
             "serve": {"variant": "on"}},
            {"id": "strategy-2", "name": "default", "serve": {"variant": "on"}}]})
    );
    let imported = imported(&source);
    assert!(imported.report.iter().all(|entry| entry.outcome == Outcome::Mapped), "{:?}", imported.report);
    let cohort = serde_json::to_value(&imported.cohorts[0]).unwrap();
    assert_eq!((&cohort["key"], &cohort["name"]), (&json!("unleash-segment-7"), &json!("Gold")));
    assert_eq!(
        cohort["if"],
        json!({"attribute": "tier", "op": "in", "values": ["gold"], "dialect": unleash})
    );
}

#[test]
fn what_unleash_can_not_read_keeps_the_flag_off_and_is_told() {
    let constraint = |operator: &str, value: &str, values: Value| {
        constrained(json!({"contextName": "x", "operator": operator, "value": value, "values": values}))
    };
    let share = |rollout: &str| {
        feature(
            json!([{"name": "flexibleRollout", "parameters": {"rollout": rollout}}, {"name": "default"}]),
            json!({}),
        )
    };
    for source in [
        constraint("IS_FUNNY", "1", json!([])),
        constraint("NUM_GT", "five", json!([])),
        constraint("DATE_AFTER", "2022-01-29", json!([])),
        constraint("SEMVER_EQ", "1.2.3.4", json!([])),
        constraint("STR_CONTAINS", "", json!([])),
        constraint("IN_CIDR", "", json!([])),
        constraint("IN", "", json!([r"a\"])),
        constrained(json!({"contextName": "x", "operator": "NUM_GT"})),
        feature(json!([{"name": "default", "segments": [404]}, {"name": "default"}]), json!({})),
        share("150"),
        share("101"),
    ] {
        assert_eq!(config(&source)["enabled"], false, "{source}");
        assert!(notes(&source).iter().any(|note| note.contains("keeps the feature off")), "{source}");
    }
    // A strategy that enables nobody leaves the others alone.
    for rollout in ["0", "x", "12.5", ""] {
        assert_eq!(config(&share(rollout))["enabled"], true, "{rollout}");
    }
}

#[test]
fn limits_are_refused_by_name_and_so_is_what_has_no_counterpart() {
    let values: Vec<String> = (0..150).map(|n| format!("v{n}")).collect();
    let variants: Vec<Value> = values.iter().map(|name| json!({"name": name, "weight": 1})).collect();
    assert!(refusal(&feature(json!([]), json!({"variants": variants}))).contains("more than 100"));
    let strategies = vec![json!({"name": "default"}); 201];
    assert!(refusal(&feature(strategies.into(), json!({}))).contains("more than 200"));
    let overrides = json!([{"contextName": "userId", "values": ["u"]}]);
    let few: Vec<Value> = values
        .iter()
        .take(90)
        .map(|name| json!({"name": name, "weight": 1, "overrides": overrides}))
        .collect();
    let three = vec![json!({"name": "default"}); 3];
    assert!(refusal(&feature(three.into(), json!({"variants": few}))).contains("too many rules"));
    let regex = json!({"contextName": "x", "operator": "REGEX", "value": r"\w{2000}"});
    assert!(refusal(&constrained(regex.clone())).contains("its pattern takes more than"));
    let leap = json!({"contextName": "x", "operator": "DATE_AFTER", "value": "2016-12-31T23:59:60Z"});
    assert!(refusal(&constrained(leap)).contains("leap second"));
    // A segment that only Usher can't hold refuses its flags. Off, they would answer wrongly.
    let mut source = feature(json!([{"name": "default", "segments": [1]}]), json!({}));
    source["segments"] = json!([{"id": 1, "constraints": [regex]}]);
    assert!(refusal(&source).contains("unleash-segment-1"));
    let mut nameless = feature(json!([]), json!({}));
    nameless["features"][0]["enabled"] = Value::Null;
    assert!(refusal(&nameless).contains("enabled"));
}

#[test]
fn long_lists_are_kept_whole() {
    let users: Vec<String> = (0..25_000).map(|n| format!("u-{n}")).collect();
    let source =
        feature(json!([{"name": "userWithId", "parameters": {"userIds": users.join(",")}}]), json!({}));
    let (flag, _) = only(&source);
    let flag = document(Kind::Flag, &serde_json::to_value(&flag).unwrap());
    let rules = Ruleset::compile("production".parse().unwrap(), Seq(1), [&flag]);
    let enabled = |user: &str| rules.evaluate("f", &Context::anonymous().with("userId", user), NOW).enabled;
    assert!(
        enabled("u-0")
            && enabled("u-9999")
            && enabled("u-10000")
            && enabled("u-24999")
            && !enabled("u-25000")
    );
    let values: Vec<String> = users;
    let source = constrained(json!({"contextName": "userId", "operator": "NOT_IN", "values": values}));
    let flag = document(Kind::Flag, &serde_json::to_value(only(&source).0).unwrap());
    let rules = Ruleset::compile("production".parse().unwrap(), Seq(1), [&flag]);
    let enabled = |user: &str| rules.evaluate("f", &Context::anonymous().with("userId", user), NOW).enabled;
    assert!(!enabled("u-0") && !enabled("u-24999") && enabled("u-25000"));
}

#[test]
fn payloads_give_the_flag_its_type() {
    let typed = |payloads: &[(&str, &str)]| {
        let variants: Vec<Value> = payloads
            .iter()
            .enumerate()
            .map(|(n, (kind, value))| json!({"name": format!("v{n}"), "weight": 1, "payload": {"type": kind, "value": value}}))
            .collect();
        let (flag, _) = only(&feature(json!([]), json!({"variants": variants})));
        let flag = serde_json::to_value(flag).unwrap();
        (flag["type"].as_str().unwrap().to_owned(), flag["variants"]["v0"].clone())
    };
    assert_eq!(typed(&[("json", r#"{"a":1}"#), ("json", "[2]")]), ("object".to_owned(), json!({"a": 1})));
    assert_eq!(typed(&[("number", "1.5"), ("number", "2")]), ("float".to_owned(), json!(1.5)));
    assert_eq!(typed(&[("string", "x"), ("number", "2")]), ("string".to_owned(), json!("x")));
    assert_eq!(typed(&[("json", "5")]), ("string".to_owned(), json!("5")));
    assert_eq!(typed(&[("json", "{")]), ("string".to_owned(), json!("{")));
    assert_eq!(typed(&[("csv", "a,b")]), ("string".to_owned(), json!("a,b")));
    // Nested as deep as JSON may be, it could not be sent any more within a flag.
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    assert_eq!(typed(&[("json", &deep)]), ("string".to_owned(), json!(deep)));
}

#[test]
fn attributes_that_mean_something_else_here_are_told() {
    let asks = |name: &str| constrained(json!({"contextName": name, "operator": "IN", "values": ["a"]}));
    assert!(notes(&asks("plan")).is_empty());
    assert!(notes(&asks("appName"))[0].starts_with("Mapped : Unleash's SDKs fill in `appName`"));
    assert!(
        notes(&asks("venue.country"))[0]
            .starts_with("Approximated : `venue.country` is a field of the venue")
    );
    let mut options = options();
    options.rename.insert("venue.country".to_owned(), "land".to_owned());
    options.rename.insert("currentTime".to_owned(), "time".to_owned());
    let renamed = |source: &Value| {
        let imported = import(Format::Unleash, source.to_string().as_bytes(), &options).unwrap();
        imported.report[0].notes.len()
    };
    assert_eq!(renamed(&asks("venue.country")), 0);
    let date =
        json!({"contextName": "currentTime", "operator": "DATE_AFTER", "value": "2026-01-01T00:00:00Z"});
    assert_eq!(renamed(&constrained(date)), 1);
}

#[test]
fn draws_by_lot_do_not_go_together() {
    let by_lot = json!({"name": "gradualRolloutRandom", "parameters": {"percentage": "50"}});
    let (flag, entry) = only(&feature(json!([by_lot, by_lot]), json!({})));
    assert_eq!(entry.outcome, Outcome::Approximated);
    let flag = document(Kind::Flag, &serde_json::to_value(&flag).unwrap());
    let rules = Ruleset::compile("production".parse().unwrap(), Seq(1), [&flag]);
    let at = |millis| usher_core::model::Timestamp::from_millis(millis);
    let enabled =
        (0..10_000).filter(|millis| rules.evaluate("f", &Context::ANONYMOUS, at(*millis)).enabled).count();
    assert!((7_200..7_800).contains(&enabled), "two halves of all are three quarters: {enabled}");
}

#[test]
fn a_file_of_another_kind_is_refused_whole() {
    for (source, field) in [
        (json!([]), ""),
        (json!({"toggles": []}), "features"),
        (json!({"features": [], "featureStrategies": []}), "featureStrategies"),
        (json!({"events": {}}), "events"),
        (json!({"events": [{"type": "feature-renamed"}]}), "events[0].type"),
        (json!({"events": [{"type": "feature-removed"}]}), "events[0].featureName"),
    ] {
        let problems = import(Format::Unleash, source.to_string().as_bytes(), &options()).unwrap_err();
        assert_eq!(problems.0[0].field, field, "{problems}");
    }
}

#[test]
fn events_are_folded_in_their_order_however_many_there_are() {
    let feature = |name: String| json!({"name": name, "enabled": true, "strategies": []});
    let mut events: Vec<Value> = (0..30_000)
        .map(|n| json!({"type": "feature-updated", "feature": feature(format!("f{n}"))}))
        .collect();
    events.extend((0..30_000).map(|n| json!({"type": "feature-removed", "featureName": format!("f{n}")})));
    events.push(json!({"type": "feature-updated", "feature": feature("f7".to_owned())}));
    let begun = Instant::now();
    let imported = imported(&json!({"events": events}));
    assert_eq!(imported.flags.iter().map(|flag| flag.key.as_str()).collect::<Vec<_>>(), ["f7"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
