//! Flags imported from LaunchDarkly give every context what LaunchDarkly's own engine gives: random documents of all
//! that its format has, and each context one by one.
//!
//! The engine (launchdarkly-server-sdk-evaluation 2.2) has one defect: a flag that its own prerequisite holds back stays
//! on the list of those under way, so that whoever asks for it a second time, by another way, is told of a circle that
//! is not there. Answers with that error are left out, where some flag has two prerequisites.

use crate::random::{Random, fields, same};
use serde_json::{Map, Value, json};
use usher_core::{
    Context, Ruleset,
    import::{Format, Imported, Options, Outcome, import},
    model::{Document, Kind, Seq, Timestamp, parse_strict},
};
use usher_peers::{LaunchDarkly, Peer, PeerError};

const COUNTRIES: [&str; 5] = ["England", "Wales", "", "Österreich", "england"];
const EMAILS: [&str; 4] = ["a@example.com", "b@example.org", "Ä@EXAMPLE.com", "none"];
const VERSIONS: [&str; 14] = [
    "3.2.0",
    "v3.2.0",
    "3",
    "3.2",
    "3.2-rc.1",
    "3.2.0-rc.2+b7",
    "3.2.0+b8",
    "10.0.0",
    "01.2.3",
    "3.2.0.1",
    "x",
    "V3",
    "3.",
    "2.99999999999999999999.0",
];
const TIMES: [&str; 16] = [
    "2026-06-01T00:00:00Z",
    "2026-06-01t00:00:00z",
    "2026-06-01 02:00:00+02:00",
    "2026-06-01T00:00:00.000000001Z",
    "2026-06-01T00:00:00.5Z",
    "2026-06-01",
    "2026-06-01T00:00Z",
    "1780272000000",
    "2026-13-01T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "2024-02-29T12:00:00-23:59",
    "2023-02-29T12:00:00Z",
    "2026-06-01T00:00:00+24:00",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999999Z",
    "2026-06-01T00:00:00−00:30",
];
const KINDS: [&str; 3] = ["user", "org", "device"];

fn number(random: &mut Random) -> Value {
    let numbers = [
        json!(0),
        json!(1),
        json!(17),
        json!(-1),
        json!(17.0),
        json!(17.5),
        json!(-0.0),
        json!(1e15),
        json!(0.1),
        json!(4_503_599_627_370_497_i64),
        json!(1_780_272_000_000_i64),
        json!(1_780_272_000_000.75),
        json!(8.3e15),
    ];
    random.pick(&numbers).clone()
}

fn key(random: &mut Random) -> String {
    format!("u-{}", random.below(20))
}

fn scalar(random: &mut Random) -> Value {
    match random.below(7) {
        0 => json!(*random.pick(&COUNTRIES)),
        1 => json!(*random.pick(&EMAILS)),
        2 => json!(*random.pick(&VERSIONS)),
        3 => json!(*random.pick(&TIMES)),
        4 => number(random),
        5 => json!(random.once_in(2)),
        _ => json!(key(random)),
    }
}

/// What a context may have for an attribute.
fn attribute(random: &mut Random) -> Value {
    match random.below(10) {
        0 => json!(null),
        1 => Value::Array(random.some(3, scalar)),
        2 => json!([scalar(random), null, [scalar(random)], {"x": 1}]),
        3 => json!({"city": scalar(random), "a/b": scalar(random)}),
        _ => scalar(random),
    }
}

/// What one of this name mostly has.
fn likely_attribute(random: &mut Random, name: &str) -> Value {
    match name {
        _ if random.once_in(4) => attribute(random),
        "country" => json!(*random.pick(&COUNTRIES)),
        "email" => json!(*random.pick(&EMAILS)),
        "appVersion" if random.once_in(4) => json!([*random.pick(&VERSIONS), *random.pick(&VERSIONS)]),
        "appVersion" => json!(*random.pick(&VERSIONS)),
        "since" if random.once_in(3) => number(random),
        "since" => json!(*random.pick(&TIMES)),
        "age" => number(random),
        "tags" => Value::Array(random.some(3, scalar)),
        _ => attribute(random),
    }
}

const NAMES: [&str; 9] = ["name", "country", "email", "appVersion", "since", "age", "tags", "address", "a~b"];
const REFERENCES: [&str; 18] = [
    "key",
    "/key",
    "name",
    "country",
    "/country",
    "email",
    "appVersion",
    "since",
    "age",
    "tags",
    "address",
    "/address/city",
    "/address/a~1b",
    "a~b",
    "/a~0b",
    "anonymous",
    "/name/x",
    "kind",
];

/// A context in LaunchDarkly's form, and the same in Usher's.
fn context(random: &mut Random) -> (Value, Value) {
    let one = |random: &mut Random| {
        let mut own = Map::from_iter([("key".to_owned(), json!(key(random)))]);
        for name in NAMES {
            if !random.once_in(3) {
                let value = if name == "name" {
                    json!(*random.pick(&COUNTRIES))
                } else {
                    likely_attribute(random, name)
                };
                own.insert(name.to_owned(), value);
            }
        }
        if random.once_in(3) {
            own.insert("anonymous".to_owned(), json!(random.once_in(2)));
        }
        own
    };
    let mut kinds: Vec<&str> =
        KINDS.into_iter().filter(|kind| random.once_in(if *kind == "user" { 1 } else { 2 })).collect();
    if random.once_in(8) {
        kinds = vec![*random.pick(&KINDS)];
    }
    let mut theirs = Map::new();
    let mut ours = Map::new();
    let alone = kinds.len() == 1;
    theirs.insert("kind".to_owned(), json!(if alone { kinds[0] } else { "multi" }));
    for kind in kinds {
        let mut own = one(random);
        if alone {
            theirs.extend(own.clone());
        } else {
            theirs.insert(kind.to_owned(), Value::Object(own.clone()));
        }
        if kind == "user" {
            // Programs that speak OpenFeature send the key by its other name.
            if random.once_in(2)
                && let Some(key) = own.shift_remove("key")
            {
                own.insert("targetingKey".to_owned(), key);
            }
            ours.extend(own);
        } else {
            ours.insert(kind.to_owned(), Value::Object(own));
        }
    }
    (Value::Object(theirs), Value::Object(ours))
}

fn clause(random: &mut Random, segments: usize) -> Value {
    const OPERATORS: [&str; 15] = [
        "in",
        "in",
        "startsWith",
        "endsWith",
        "contains",
        "matches",
        "lessThan",
        "lessThanOrEqual",
        "greaterThan",
        "greaterThanOrEqual",
        "before",
        "after",
        "semVerEqual",
        "semVerLessThan",
        "semVerGreaterThan",
    ];
    if random.once_in(5) {
        // One more than there are, for one that is missing.
        let keys = random.some(3, |random| match random.below(segments + 1) {
            n if n < segments => format!("s-{n}"),
            _ => "nowhere".to_owned(),
        });
        return json!({"attribute": "", "op": "segmentMatch", "values": keys, "negate": random.once_in(3)});
    }
    let operator = *random.pick(&OPERATORS);
    let mut reference = match operator {
        _ if random.once_in(3) => *random.pick(&REFERENCES),
        "before" | "after" => "since",
        "semVerEqual" | "semVerLessThan" | "semVerGreaterThan" => "appVersion",
        "lessThan" | "lessThanOrEqual" | "greaterThan" | "greaterThanOrEqual" => "age",
        "startsWith" | "endsWith" | "contains" | "matches" => *random.pick(&["email", "tags", "key"]),
        _ => *random.pick(&REFERENCES),
    };
    // Of kinds, only `in` can be asked.
    if reference == "kind" && operator != "in" {
        reference = "key";
    }
    let values: Vec<Value> = match operator {
        _ if reference == "kind" => {
            random.some(3, |random| json!(*random.pick(&["user", "org", "device", "multi", "x"])))
        }
        "matches" => random.some(2, |random| {
            json!(*random.pick(&["^u-1", "example\\.(com|org)$", "(?i)ENGLAND", "", "\\d"]))
        }),
        "contains" | "startsWith" | "endsWith" if random.once_in(2) => {
            random.some(3, |random| json!(*random.pick(&["u-1", "example", "land", "Ö", "", "3.2"])))
        }
        "before" | "after" => random
            .some(2, |random| if random.once_in(2) { json!(*random.pick(&TIMES)) } else { number(random) }),
        "semVerEqual" | "semVerLessThan" | "semVerGreaterThan" => {
            random.some(2, |random| json!(*random.pick(&VERSIONS)))
        }
        _ => random.some(4, scalar),
    };
    let mut clause =
        json!({"attribute": reference, "op": operator, "values": values, "negate": random.once_in(3)});
    // Without a kind the reference is a literal name.
    if reference.starts_with('/') || random.once_in(2) {
        clause["contextKind"] = json!(*random.pick(&KINDS));
    }
    if random.once_in(4) {
        clause.as_object_mut().unwrap().shift_remove("negate");
    }
    clause
}

fn segment(random: &mut Random, n: usize) -> Value {
    let contexts =
        |random: &mut Random| json!({"contextKind": *random.pick(&KINDS), "values": random.some(4, key)});
    let rule = |random: &mut Random| {
        let mut rule = json!({"clauses": random.some(2, |random| clause(random, n))});
        if random.once_in(2) {
            rule["weight"] = json!(random.below(100_001));
            if random.once_in(2) {
                rule["bucketBy"] = json!(*random.pick(&REFERENCES[..14]));
            }
            if random.once_in(2) {
                rule["rolloutContextKind"] = json!(*random.pick(&KINDS));
            }
        }
        rule
    };
    json!({
        "key": format!("s-{n}"), "version": 1, "salt": format!("salt{n}"),
        "included": random.some(4, key), "excluded": random.some(6, key),
        "includedContexts": random.some(2, contexts), "excludedContexts": random.some(2, contexts),
        "rules": random.some(3, rule),
    })
}

fn variations(random: &mut Random) -> Vec<Value> {
    let all = [
        vec![json!(true), json!(false)],
        vec![json!(false), json!(true), json!(true)],
        vec![json!("a"), json!("b"), json!(null), json!("a")],
        vec![json!(1), json!(2), json!(3)],
        vec![json!(1), json!(2.5), json!(0.1)],
        vec![json!({"a": [1, 2.5]}), json!([]), json!({})],
    ];
    random.pick(&all).clone()
}

fn serve(random: &mut Random, count: usize) -> Value {
    if random.once_in(2) {
        return json!({"variation": random.below(count)});
    }
    let weight = |random: &mut Random| *random.pick(&[0, 1, 20_000, 33_333, 50_000, 99_999, 100_000]);
    let mut weights = random.some(4, |random| json!({"variation": random.below(count), "weight": weight(random), "untracked": random.once_in(2)}));
    weights.push(json!({"variation": random.below(count), "weight": weight(random)}));
    let mut rollout = json!({"variations": weights});
    if random.once_in(3) {
        rollout["kind"] = json!("experiment");
    }
    if random.once_in(2) {
        rollout["seed"] = json!(random.below(1_000));
    }
    if random.once_in(2) {
        rollout["bucketBy"] = json!(*random.pick(&REFERENCES[..14]));
    }
    if random.once_in(2) {
        rollout["contextKind"] = json!(*random.pick(&KINDS));
    }
    json!({"rollout": rollout})
}

fn flag(random: &mut Random, n: usize, segments: usize, counts: &mut Vec<usize>) -> Value {
    let variations = variations(random);
    let count = variations.len();
    let mut targets = Vec::new();
    let mut context_targets = Vec::new();
    for variation in 0..count {
        if random.once_in(2) {
            targets.push(json!({"variation": variation, "values": random.some(3, key)}));
        }
        if random.once_in(3) {
            context_targets.push(json!({"contextKind": "user", "variation": variation, "values": []}));
        }
        if random.once_in(3) {
            context_targets.push(json!({"contextKind": *random.pick(&KINDS), "variation": variation, "values": random.some(3, key)}));
        }
    }
    let rules = random.some(4, |random| {
        let mut rule = serve(random, count);
        rule["id"] = json!(format!("rule {}", random.below(3)));
        rule["trackEvents"] = json!(random.once_in(2));
        rule["clauses"] = json!(random.some(3, |random| clause(random, segments)));
        rule
    });
    let mut prerequisites = Vec::new();
    for _ in 0..if n > 0 { random.below(3) } else { 0 } {
        let other = random.below(n);
        prerequisites.push(json!({"key": format!("f-{other}"), "variation": random.below(counts[other])}));
    }
    counts.push(count);
    let mut flag = json!({
        "key": format!("f-{n}"), "version": 7, "on": !random.once_in(5), "salt": format!("salt {n}"),
        "variations": variations, "targets": targets, "contextTargets": context_targets, "rules": rules,
        "prerequisites": prerequisites, "fallthrough": serve(random, count), "trackEvents": true,
        "clientSideAvailability": {"usingMobileKey": true, "usingEnvironmentId": false},
        "debugEventsUntilDate": null, "samplingRatio": 2, "excludeFromSummaries": true,
    });
    if !random.once_in(4) {
        flag["offVariation"] = json!(random.below(count));
    }
    flag
}

fn documents(imported: &Imported) -> Vec<Document> {
    let parse = |kind: &Kind, json: String| {
        parse_strict(kind, json.as_bytes()).unwrap_or_else(|found| panic!("{found}: {json}"))
    };
    let flags = imported.flags.iter().map(|flag| parse(&Kind::Flag, serde_json::to_string(flag).unwrap()));
    let cohorts =
        imported.cohorts.iter().map(|cohort| parse(&Kind::Cohort, serde_json::to_string(cohort).unwrap()));
    flags.chain(cohorts).collect()
}

fn ruleset(imported: &Imported) -> Ruleset {
    let all = documents(imported);
    let rules = Ruleset::compile("production".parse().unwrap(), Seq(1), &all);
    assert_eq!(rules.broken().count(), 0);
    rules
}

fn read(payload: &Value) -> Imported {
    import(Format::LaunchDarkly, payload.to_string().as_bytes(), &Options::new("production".parse().unwrap()))
        .unwrap()
}

/// Whether both give the same, value and variation. `None` when the peer gives an error.
fn agree(
    peer: &LaunchDarkly,
    rules: &Ruleset,
    imported: &Imported,
    flag: &str,
    theirs: &Value,
    ours: &Value,
) -> Option<bool> {
    let asked = LaunchDarkly::context(&fields(theirs.as_object().unwrap())).unwrap();
    let expected = match peer.evaluate(flag, &asked) {
        Err(PeerError::Evaluation(_)) => return None,
        answer => answer.unwrap(),
    };
    let context = Context::from_json(ours).unwrap();
    let evaluation = rules.evaluate(flag, &context, Timestamp::EPOCH);
    assert_eq!(evaluation.error, None);
    let value = evaluation.value().map(|value| serde_json::to_value(value).unwrap());
    let expected_value = expected.value.filter(|value| !value.is_null());
    let same_value = match (&value, &expected_value) {
        (Some(a), Some(b)) => same(a, b),
        (a, b) => a == b,
    };
    let document = imported.flags.iter().find(|own| &*own.key == flag).unwrap();
    // The variant without a value stands after all variations.
    let index = document.variants.get_index_of(evaluation.variant().unwrap()).map(|index| index.to_string());
    Some(same_value && (expected.variant.is_none() || expected.variant == index))
}

#[test]
fn random_flags_give_random_contexts_what_they_gave_before() {
    let mut random = Random::new(0x1D);
    let (mut pairs, mut errors, mut refused, mut all) = (0_usize, 0_usize, 0_usize, 0_usize);
    for _ in 0..250 {
        let segments: Vec<Value> = (0..4).map(|n| segment(&mut random, n)).collect();
        let mut counts = Vec::new();
        let flags: Vec<Value> = (0..4).map(|n| flag(&mut random, n, segments.len(), &mut counts)).collect();
        let by_key = |all: &[Value]| {
            all.iter()
                .map(|own| (own["key"].as_str().unwrap().to_owned(), own.clone()))
                .collect::<Map<_, _>>()
        };
        let payload = json!({"flags": by_key(&flags), "segments": by_key(&segments)});
        let peer = LaunchDarkly::load(&payload.to_string()).unwrap();
        let imported = read(&payload);
        let rules = ruleset(&imported);
        let several = flags.iter().any(|flag| flag["prerequisites"].as_array().unwrap().len() > 1);
        all += flags.len();
        refused += flags.len() - imported.flags.len();
        let contexts: Vec<(Value, Value)> = (0..40).map(|_| context(&mut random)).collect();
        for own in &imported.flags {
            for (theirs, ours) in &contexts {
                match agree(&peer, &rules, &imported, &own.key, theirs, ours) {
                    None if several => errors += 1,
                    None => panic!("what gives an error is refused: {}", own.key),
                    Some(true) => pairs += 1,
                    Some(false) => {
                        let (_, trace) =
                            rules.explain(&own.key, &Context::from_json(ours).unwrap(), Timestamp::EPOCH);
                        panic!("{}\n{theirs}\n{}\n{trace}", own.key, payload["flags"][own.key.as_str()]);
                    }
                }
            }
        }
    }
    eprintln!("{pairs} pairs, {errors} errors, {refused} of {all} flags refused");
    assert!(pairs >= 39_500, "{pairs} pairs, {errors} errors");
    assert_eq!(refused, 0, "of {all} flags");
}

/// Flags of one rule with one clause each, so that nothing else hides what a clause answers.
#[test]
fn single_clauses_hold_for_whom_they_held() {
    let mut random = Random::new(0xC1A);
    let mut pairs = 0;
    for _ in 0..60 {
        let segments: Map<_, _> = (0..2).map(|n| (format!("s-{n}"), segment(&mut random, n))).collect();
        let flags: Map<_, _> = (0..60)
            .map(|n| {
                let key = format!("f-{n}");
                let flag = json!({
                    "key": key, "version": 1, "on": true, "salt": "s", "variations": [true, false], "targets": [],
                    "prerequisites": [], "offVariation": 1, "fallthrough": {"variation": 1},
                    "rules": [{"variation": 0, "trackEvents": false, "clauses": [clause(&mut random, 2)]}]});
                (key, flag)
            })
            .collect();
        let payload = json!({"flags": flags, "segments": segments});
        let peer = LaunchDarkly::load(&payload.to_string()).unwrap();
        let imported = read(&payload);
        let rules = ruleset(&imported);
        assert_eq!(imported.flags.len(), 60);
        for (theirs, ours) in (0..25).map(|_| context(&mut random)) {
            for own in &imported.flags {
                let agreed = agree(&peer, &rules, &imported, &own.key, &theirs, &ours);
                assert_eq!(agreed, Some(true), "{theirs}\n{}", payload["flags"][own.key.as_str()]);
                pairs += 1;
            }
        }
    }
    assert_eq!(pairs, 90_000);
}

#[test]
fn each_of_ten_thousand_contexts_lands_where_it_did() {
    let weights = json!([{"variation": 0, "weight": 33_333}, {"variation": 1, "weight": 33_333}, {"variation": 2, "weight": 33_334}]);
    let flag = |key: &str, rollout: Value| {
        json!({"key": key, "version": 1, "on": true, "salt": "Salz.1", "variations": ["a", "b", "c"], "offVariation": 0,
               "targets": [], "rules": [], "prerequisites": [], "fallthrough": {"rollout": rollout}})
    };
    let fine: Vec<Value> = (0..1_000).map(|n| json!({"variation": n % 3, "weight": 100})).collect();
    let payload = json!({"flags": {
        "rollout": flag("rollout", json!({"variations": weights})),
        "by-number": flag("by-number", json!({"variations": weights, "bucketBy": "seat"})),
        "experiment": flag("experiment", json!({"variations": weights, "kind": "experiment", "seed": 61, "bucketBy": "seat"})),
        "of-a-kind": flag("of-a-kind", json!({"variations": weights, "contextKind": "org"})),
        "fine": flag("fine", json!({"variations": fine})),
    }});
    let peer = LaunchDarkly::load(&payload.to_string()).unwrap();
    let imported = read(&payload);
    let rules = ruleset(&imported);
    assert_eq!(imported.flags.len(), 5);
    let mut random = Random::new(7);
    for n in 0..10_000 {
        let key = match n % 3 {
            0 => format!("u-{}", random.next()),
            1 => format!("{:032x}", u128::from(random.next())),
            _ => char::from_u32(u32::try_from(random.below(0xD000)).unwrap() + 1)
                .map(|c| format!("{c}·{n}"))
                .unwrap(),
        };
        let seat = i64::from_ne_bytes(random.next().to_ne_bytes()) >> (n % 40);
        let theirs = json!({"kind": "multi", "user": {"key": key, "seat": seat}, "org": {"key": key}});
        let ours = json!({"key": key, "seat": seat, "org": {"key": key}});
        for own in &imported.flags {
            assert_eq!(
                agree(&peer, &rules, &imported, &own.key, &theirs, &ours),
                Some(true),
                "{} {ours}",
                own.key
            );
        }
    }
}

#[test]
fn a_share_of_a_segment_takes_those_whom_it_took() {
    let segment = |weight: u32| {
        json!({"key": "half", "version": 1, "included": [], "excluded": [], "salt": "s",
               "rules": [{"clauses": [], "weight": weight}]})
    };
    let flag = json!({
        "key": "f", "version": 1, "on": true, "salt": "x", "variations": [true, false], "targets": [], "prerequisites": [],
        "rules": [{"id": "r", "trackEvents": false, "variation": 0, "clauses": [{"attribute": "", "op": "segmentMatch", "values": ["half"]}]}],
        "fallthrough": {"variation": 1}, "offVariation": 1});
    let mut random = Random::new(9);
    for weight in [0, 1, 12_345, 50_000, 99_999, 100_000] {
        let payload = json!({"flags": {"f": flag}, "segments": {"half": segment(weight)}});
        let peer = LaunchDarkly::load(&payload.to_string()).unwrap();
        let imported = read(&payload);
        let rules = ruleset(&imported);
        for _ in 0..2_000 {
            let context = json!({"key": format!("u-{}", random.next())});
            assert_eq!(
                agree(&peer, &rules, &imported, "f", &context, &context),
                Some(true),
                "{weight} {context}"
            );
        }
    }
}

#[test]
fn nothing_is_worse_than_mapped_in_an_ordinary_flag() {
    let mut random = Random::new(3);
    let mut counts = Vec::new();
    let mut found = flag(&mut random, 0, 0, &mut counts);
    found["rules"] = json!([{"id": "r", "variation": 0, "trackEvents": false, "clauses": [
        {"attribute": "email", "op": "endsWith", "values": ["@example.com"]}]}]);
    found["fallthrough"] = json!({"variation": 1});
    let imported = read(&json!({"flags": {"f-0": found}}));
    assert_eq!(imported.report[0].outcome, Outcome::Mapped, "{:?}", imported.report);
}
