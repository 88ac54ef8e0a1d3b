//! Features imported from GrowthBook give every context what GrowthBook's official SDK gives: random documents of all
//! that its format has, and each context one by one.
//!
//! Left out are inputs for which that SDK (growthbook-rust 0.4.0) departs from GrowthBook's own JavaScript SDK, whose
//! behaviour is what the import keeps: a rule with `filters` and a `namespace` (the namespace is asked all the same;
//! listed by the crate as a known divergence), one with `force` and `variations` (the variations win), `force: null`
//! (passed by instead of given), and a `hashVersion` of 0 (nobody is drawn, instead of the default). So are attributes
//! whose value is an empty object, and lists that hold null or objects where null is asked for: those are missing in
//! an Usher context.

use crate::random::{Random, fields, same};
use serde_json::{Map, Value, json};
use usher_core::{
    Context, Ruleset,
    import::{Format, Imported, Options, Outcome, import},
    model::{Document, Kind, Seq, Timestamp, parse_strict},
};
use usher_peers::{GrowthBook, Peer, PeerError};

const TEXTS: [&str; 10] = ["a", "b", "A", "Éa", "éa", "ΟΔΟΣ", "οδος", "", "10", "\u{FB02}"];
const VERSIONS: [&str; 14] = [
    "1.2.3",
    "v1.2.3",
    "1.2.3-rc.1",
    "1.2.3-rc.10",
    "1.2",
    "1.10.0",
    "1.2.3+b7",
    "2",
    "",
    "x",
    "1..2",
    "1.2.3.4",
    "123456.0.0",
    "1.2.3-~",
];

fn number(random: &mut Random) -> Value {
    let numbers = [
        json!(0),
        json!(1),
        json!(5),
        json!(-1),
        json!(5.0),
        json!(5.5),
        json!(-0.0),
        json!(1e15),
        json!(0.1),
        json!(1_780_272_000_000_i64),
    ];
    random.pick(&numbers).clone()
}

fn scalar(random: &mut Random) -> Value {
    match random.below(5) {
        0 | 1 => json!(*random.pick(&TEXTS)),
        2 => json!(*random.pick(&VERSIONS)),
        3 => number(random),
        _ => json!(random.once_in(2)),
    }
}

const NAMES: [&str; 6] = ["text", "number", "yes", "version", "tags", "nested"];
const PATHS: [&str; 10] =
    ["text", "number", "yes", "version", "tags", "nested", "nested.a", "nested.b.c", "missing", "id"];

fn attribute(random: &mut Random, name: &str) -> Value {
    match name {
        _ if random.once_in(6) => scalar(random),
        _ if random.once_in(8) => json!(null),
        "number" => number(random),
        "yes" => json!(random.once_in(2)),
        "version" => json!(*random.pick(&VERSIONS)),
        "tags" if random.once_in(4) => json!([scalar(random), [scalar(random)], {"x": 1}]),
        "tags" => Value::Array(random.some(4, scalar)),
        "nested" => json!({"a": scalar(random), "b": {"c": scalar(random), "d": random.some(2, scalar)}}),
        _ => json!(*random.pick(&TEXTS)),
    }
}

fn identity(random: &mut Random) -> Value {
    let odd = [
        json!(null),
        json!(""),
        json!(0),
        json!(true),
        json!(false),
        json!([]),
        json!(["u"]),
        json!(17),
        json!(17.5),
        json!(-3),
        json!(0.0),
    ];
    if random.once_in(5) { random.pick(&odd).clone() } else { json!(format!("u-{}·é", random.below(200))) }
}

fn context(random: &mut Random) -> Map<String, Value> {
    let mut own = Map::new();
    for name in ["id", "device"] {
        if !random.once_in(10) {
            own.insert(name.to_owned(), identity(random));
        }
    }
    for name in NAMES {
        if !random.once_in(4) {
            let value = attribute(random, name);
            own.insert(name.to_owned(), value);
        }
    }
    own
}

fn pattern(random: &mut Random) -> Value {
    json!(*random.pick(&["^a", "[0-9]+", "", "É", "o$", "u-1"]))
}

/// One operator and what it is asked with, likely for this attribute.
fn operator(random: &mut Random, path: &str, depth: usize) -> (String, Value) {
    const ALL: [&str; 27] = [
        "$eq",
        "$ne",
        "$in",
        "$nin",
        "$ini",
        "$nini",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$regex",
        "$regexi",
        "$notRegex",
        "$notRegexi",
        "$exists",
        "$type",
        "$not",
        "$all",
        "$alli",
        "$elemMatch",
        "$veq",
        "$vne",
        "$vgt",
        "$vgte",
        "$vlt",
        "$vlte",
        "$inGroup",
    ];
    let likely: &[&str] = match path {
        "version" => &ALL[20..26],
        "tags" => &["$in", "$nin", "$all", "$alli", "$elemMatch", "$inGroup", "$ini"],
        "number" => &ALL[..10],
        _ => &ALL,
    };
    let operator = if random.once_in(3) { *random.pick(&ALL) } else { *random.pick(likely) };
    let value = match operator {
        "$in" | "$nin" | "$ini" | "$nini" if random.once_in(12) => scalar(random),
        "$in" | "$nin" | "$ini" | "$nini" => Value::Array(random.some(4, scalar)),
        "$regex" | "$regexi" | "$notRegex" | "$notRegexi" if random.once_in(12) => number(random),
        "$regex" | "$regexi" | "$notRegex" | "$notRegexi" => pattern(random),
        "$exists" => json!(random.once_in(2)),
        "$type" => json!(*random.pick(&["string", "number", "boolean", "null", "undefined"])),
        "$not" if depth > 0 && random.once_in(2) => {
            let (inner, value) = self::operator(random, path, depth - 1);
            json!({inner: value})
        }
        "$not" => scalar(random),
        "$all" | "$alli" if random.once_in(12) => scalar(random),
        "$all" | "$alli" => {
            let mut values = random.some(2, scalar);
            values.push(scalar(random));
            if random.once_in(4) {
                values.push(element(random));
            }
            Value::Array(values)
        }
        "$elemMatch" => element(random),
        "$veq" | "$vne" | "$vgt" | "$vgte" | "$vlt" | "$vlte" => json!(*random.pick(&VERSIONS)),
        "$inGroup" if random.once_in(2) => return ("$notInGroup".to_owned(), group(random)),
        "$inGroup" => group(random),
        "$eq" | "$ne" if random.once_in(8) => {
            random.pick(&[json!(null), json!([1]), json!({"a": 1})]).clone()
        }
        // What compares with text and numbers is asked with other things, too.
        _ if random.once_in(12) => random.pick(&[json!(null), json!(true), json!([1])]).clone(),
        _ if path == "number" && !random.once_in(3) => number(random),
        _ => scalar(random),
    };
    (operator.to_owned(), value)
}

fn element(random: &mut Random) -> Value {
    let operator = *random.pick(&[
        "$eq", "$in", "$ini", "$gt", "$gte", "$lt", "$lte", "$regex", "$regexi", "$veq", "$vgt", "$vlte",
    ]);
    let value = match operator {
        "$in" | "$ini" => Value::Array(random.some(3, scalar)),
        "$regex" | "$regexi" => pattern(random),
        "$veq" | "$vgt" | "$vlte" => json!(*random.pick(&VERSIONS)),
        _ => scalar(random),
    };
    json!({operator: value})
}

fn group(random: &mut Random) -> Value {
    json!(*random.pick(&["legacy", "list", "adults", "nowhere"]))
}

fn condition(random: &mut Random, depth: usize) -> Value {
    let mut all = Map::new();
    for _ in 0..=random.below(2) {
        let path = *random.pick(&PATHS);
        match random.below(if depth > 0 { 10 } else { 6 }) {
            0 => {
                let value = if random.once_in(6) { json!(null) } else { attribute(random, "text") };
                all.insert(path.to_owned(), value);
            }
            1 => {
                all.insert(path.to_owned(), scalar(random));
            }
            2..=5 => {
                let operators: Map<String, Value> =
                    (0..=random.below(2)).map(|_| operator(random, path, 2)).collect();
                all.insert(path.to_owned(), Value::Object(operators));
            }
            6 => {
                all.insert("$not".to_owned(), condition(random, depth - 1));
            }
            7 if random.once_in(2) => {
                let mut reference = json!({"id": group(random)});
                if random.once_in(2) {
                    reference["attributeKey"] = json!(path);
                }
                all.insert("$savedGroup".to_owned(), reference);
            }
            _ => {
                let name = *random.pick(&["$or", "$nor", "$and"]);
                all.insert(
                    name.to_owned(),
                    Value::Array(random.some(3, |random| condition(random, depth - 1))),
                );
            }
        }
    }
    Value::Object(all)
}

fn groups() -> Value {
    json!({
        "legacy": ["a", 5, "u-1·é", true],
        "list": {"type": "list", "attributeKey": "text", "values": ["b", "Éa", 1]},
        "adults": {"type": "condition", "condition": {"number": {"$gte": 1}, "$not": {"$savedGroup": {"id": "list"}}}},
    })
}

fn fraction(random: &mut Random) -> f64 {
    *random.pick(&[0.0, 0.1, 0.3, 0.1 + 0.2, 1.0 / 3.0, 0.5, 0.5, 0.999, 0.12345, 1.0, 1.0])
}

fn range(random: &mut Random) -> Value {
    let (a, b) = (fraction(random), fraction(random));
    json!([a.min(b), a.max(b)])
}

fn values(random: &mut Random) -> Vec<Value> {
    let all = [
        vec![json!(true), json!(false)],
        vec![
            json!("red"),
            json!("blue"),
            json!(""),
            json!("a longer text that makes no good name of a variant"),
        ],
        vec![json!(0), json!(1), json!(2)],
        vec![json!(0.5), json!(1), json!(0.1)],
        vec![json!({"a": 1}), json!([1, 2]), json!({})],
    ];
    random.pick(&all).clone()
}

fn rule(random: &mut Random, n: usize, values: &[Value], parents: &[Vec<Value>]) -> Value {
    let mut rule = json!({});
    let mut set = |name: &str, value: Value| {
        rule[name] = value;
    };
    if random.once_in(2) {
        set("condition", condition(random, 2));
    }
    if random.once_in(2) {
        set("hashAttribute", json!(*random.pick(&["id", "device", "", "number"])));
    }
    if random.once_in(2) {
        set("hashVersion", json!(*random.pick(&[1, 2, 2, 2, 3])));
    }
    if random.once_in(3) {
        set("seed", json!(*random.pick(&["s", "", "séed", "t"])));
    }
    let with_filters = random.once_in(4);
    if with_filters {
        let filter = |random: &mut Random| {
            json!({"seed": format!("layer-{}", random.below(3)), "ranges": [range(random), range(random)],
                   "attribute": *random.pick(&["id", "device", ""]), "hashVersion": *random.pick(&[1, 2])})
        };
        set("filters", Value::Array(random.some(2, filter)));
    }
    if n > 0 && random.once_in(3) {
        let parent = |random: &mut Random| {
            let other = random.below(n);
            let own = parents[other].clone();
            let wanted = match random.below(5) {
                0 => json!({"value": {"$exists": true}}),
                1 => json!({"value": null}),
                2 => json!({"value": {"$in": own[..own.len() / 2].to_vec()}}),
                3 => json!({"value": {"$ne": random.pick(&own).clone()}}),
                _ => json!({"value": {"$eq": random.pick(&own).clone()}}),
            };
            json!({"id": format!("f-{other}"), "condition": wanted, "gate": random.once_in(3)})
        };
        set("parentConditions", Value::Array(random.some(2, parent)));
    }
    match random.below(8) {
        0 => {}
        1..=3 => {
            set("force", random.pick(values).clone());
            if random.once_in(2) {
                set("coverage", json!(fraction(random)));
            }
            if random.once_in(4) {
                set("range", range(random));
            }
        }
        _ => {
            let count = 1 + random.below(4);
            let variations: Vec<Value> = (0..count).map(|_| random.pick(values).clone()).collect();
            set("variations", json!(variations));
            if random.once_in(2) {
                set("key", json!(*random.pick(&["exp-1", "exp-2", ""])));
            }
            if random.once_in(2) {
                set("coverage", json!(fraction(random)));
            }
            match random.below(4) {
                0 => set("weights", json!(vec![1.0 / f64::from(u8::try_from(count).unwrap()); count])),
                1 if count == 3 => set("weights", json!([0.1, 0.2, 0.7])),
                2 => set("weights", json!(random.some(3, fraction))),
                _ => {}
            }
            if random.once_in(4) {
                set("ranges", Value::Array(random.some(5, range)));
            }
            if !with_filters && random.once_in(4) {
                let (a, b) = (fraction(random), fraction(random));
                set("namespace", json!([format!("ns-{}", random.below(3)), a.min(b), a.max(b)]));
            }
            if random.once_in(2) {
                let meta = |n: usize, random: &mut Random| {
                    let passthrough = random.once_in(4);
                    match random.below(4) {
                        0 => json!({"key": n.to_string(), "passthrough": passthrough}),
                        _ => {
                            json!({"key": format!("arm-{}", random.below(10_000)), "passthrough": passthrough})
                        }
                    }
                };
                let all: Vec<Value> = (0..count).map(|n| meta(n, random)).collect();
                set("meta", json!(all));
            }
        }
    }
    rule
}

fn feature(random: &mut Random, n: usize, all_values: &mut Vec<Vec<Value>>) -> Value {
    let values = values(random);
    let count = random.below(5);
    let rules: Vec<Value> = (0..count).map(|_| rule(random, n, &values, all_values)).collect();
    let mut feature = json!({"defaultValue": values[0], "rules": rules});
    if random.once_in(6) {
        feature.as_object_mut().unwrap().shift_remove("defaultValue");
    }
    all_values.push(values);
    feature
}

fn ruleset(imported: &Imported) -> Ruleset {
    let parse = |kind: Kind, json: String| {
        parse_strict(&kind, json.as_bytes()).unwrap_or_else(|found| panic!("{found}: {json}"))
    };
    let flags = imported.flags.iter().map(|flag| parse(Kind::Flag, serde_json::to_string(flag).unwrap()));
    let cohorts =
        imported.cohorts.iter().map(|cohort| parse(Kind::Cohort, serde_json::to_string(cohort).unwrap()));
    let all: Vec<Document> = flags.chain(cohorts).collect();
    let rules = Ruleset::compile("production".parse().unwrap(), Seq(1), &all);
    assert_eq!(rules.broken().count(), 0);
    rules
}

fn read(payload: &Value) -> Imported {
    import(Format::GrowthBook, payload.to_string().as_bytes(), &Options::new("production".parse().unwrap()))
        .unwrap()
}

/// Whether both give the same value, and the same variation where an experiment has decided.
fn agree(peer: &GrowthBook, rules: &Ruleset, flag: &str, own: &Map<String, Value>) -> bool {
    let asked = GrowthBook::context(&fields(own)).unwrap();
    let expected = match peer.evaluate(flag, &asked) {
        Err(PeerError::Evaluation(found)) => panic!("{flag}: {found}"),
        answer => answer.unwrap(),
    };
    let context = Context::from_json(&Value::Object(own.clone())).unwrap();
    let evaluation = rules.evaluate(flag, &context, Timestamp::EPOCH);
    assert_eq!(evaluation.error, None);
    let value = evaluation.value().map(|value| serde_json::to_value(value).unwrap());
    let same_value = match (&value, &expected.value) {
        (Some(a), Some(b)) => same(a, b),
        (a, b) => a == b,
    };
    if !same_value {
        return false;
    }
    // A variation that its experiment names goes by that name; with a number, if another value has taken it.
    let Some(arm) = expected.variant.filter(|key| key.starts_with("arm-")) else { return true };
    let variant = evaluation.variant().unwrap();
    variant == arm || variant.strip_prefix(&arm).is_some_and(|rest| rest.starts_with('-'))
}

#[test]
fn random_features_give_random_contexts_what_they_gave_before() {
    let mut random = Random::new(0x6B);
    let (mut pairs, mut refused, mut all) = (0_usize, 0_usize, 0_usize);
    for _ in 0..300 {
        let mut all_values = Vec::new();
        let features: Map<String, Value> =
            (0..4).map(|n| (format!("f-{n}"), feature(&mut random, n, &mut all_values))).collect();
        let payload = json!({"features": features, "savedGroups": groups()});
        let peer = GrowthBook::load(&payload.to_string()).unwrap();
        let imported = read(&payload);
        let rules = ruleset(&imported);
        all += features.len();
        refused += features.len() - imported.flags.len();
        for own in (0..40).map(|_| context(&mut random)) {
            for flag in &imported.flags {
                if !agree(&peer, &rules, &flag.key, &own) {
                    let (_, trace) =
                        rules.explain(&flag.key, &Context::from_json(&json!(own)).unwrap(), Timestamp::EPOCH);
                    panic!("{}\n{}\n{payload}\n{trace}", flag.key, json!(own));
                }
                pairs += 1;
            }
        }
    }
    eprintln!("{pairs} pairs, {refused} of {all} features refused");
    assert_eq!((pairs, refused), (48_000, 0));
}

/// Features of one rule with one condition each, so that nothing else hides what it answers.
#[test]
fn single_conditions_hold_for_whom_they_held() {
    let mut random = Random::new(0xC0D);
    let mut pairs = 0;
    for _ in 0..60 {
        let features: Map<String, Value> = (0..60)
            .map(|n| {
                let condition = if n % 3 == 0 {
                    condition(&mut random, 2)
                } else {
                    let path = *random.pick(&PATHS);
                    let (operator, value) = operator(&mut random, path, 2);
                    json!({path: {operator: value}})
                };
                (
                    format!("f-{n}"),
                    json!({"defaultValue": false, "rules": [{"condition": condition, "force": true}]}),
                )
            })
            .collect();
        let payload = json!({"features": features, "savedGroups": groups()});
        let peer = GrowthBook::load(&payload.to_string()).unwrap();
        let imported = read(&payload);
        let rules = ruleset(&imported);
        assert_eq!(imported.flags.len(), 60);
        for own in (0..25).map(|_| context(&mut random)) {
            for flag in &imported.flags {
                let agreed = agree(&peer, &rules, &flag.key, &own);
                assert!(agreed, "{}\n{}", json!(own), payload["features"][flag.key.as_str()]);
                pairs += 1;
            }
        }
    }
    assert_eq!(pairs, 90_000);
}

#[test]
fn each_of_ten_thousand_contexts_lands_where_it_did() {
    let meta = json!([{"key": "arm-a"}, {"key": "arm-b"}, {"key": "arm-c"}]);
    let mut features = Map::new();
    for version in [1, 2] {
        let mut add = |key: &str, rule: Value| {
            features.insert(format!("{key}-{version}"), json!({"defaultValue": "none", "rules": [rule]}));
        };
        add("thirds", json!({"hashVersion": version, "variations": ["a", "b", "c"], "meta": meta}));
        add(
            "some",
            json!({"hashVersion": version, "variations": ["a", "b", "c"], "meta": meta, "coverage": 0.7,
            "weights": [0.1, 0.2, 0.7], "seed": "säed"}),
        );
        add(
            "ranges",
            json!({"hashVersion": version, "variations": ["a", "b", "c"], "meta": meta,
            "ranges": [[0.1, 0.4], [0.3, 0.6], [0.62, 1.0]], "hashAttribute": "seat"}),
        );
        add("percent", json!({"hashVersion": version, "force": "a", "coverage": 0.123}));
        add(
            "layer",
            json!({"force": "a", "filters": [{"seed": "layer", "ranges": [[0.0, 0.25], [0.5, 0.75]], "hashVersion": version}]}),
        );
        add(
            "namespace",
            json!({"hashVersion": version, "variations": ["a", "b", "c"], "meta": meta, "namespace": ["ns", 0.2, 0.8]}),
        );
    }
    let payload = json!({"features": features});
    let peer = GrowthBook::load(&payload.to_string()).unwrap();
    let imported = read(&payload);
    let rules = ruleset(&imported);
    assert_eq!(imported.flags.len(), 12);
    let mut random = Random::new(11);
    for n in 0..10_000 {
        let id = match n % 3 {
            0 => format!("u-{}", random.next()),
            1 => format!("😀{n}ß"),
            _ => format!("{:016x}", random.next()),
        };
        let seat = i64::from_ne_bytes(random.next().to_ne_bytes()) >> (11 + n % 40);
        let own = Map::from_iter([("id".to_owned(), json!(id)), ("seat".to_owned(), json!(seat))]);
        for flag in &imported.flags {
            assert!(agree(&peer, &rules, &flag.key, &own), "{} {}", flag.key, json!(own));
        }
    }
}

#[test]
fn nothing_is_worse_than_mapped_in_ordinary_features() {
    let imported = read(&json!({
        "status": 200,
        "features": {
            "banner": {"defaultValue": false, "rules": [
                {"id": "fr_1", "condition": {"country": {"$in": ["GB", "FR"]}, "appVersion": {"$vgte": "3.2.0"}}, "force": true},
                {"id": "fr_2", "force": true, "coverage": 0.25, "hashAttribute": "id"}]},
            "checkout": {"defaultValue": "old", "rules": [
                {"id": "fr_3", "coverage": 1, "hashAttribute": "id", "seed": "s", "hashVersion": 2, "key": "checkout-test",
                 "variations": ["old", "new"], "weights": [0.5, 0.5], "meta": [{"key": "0", "name": "Control"}, {"key": "1", "name": "New"}],
                 "phase": "0", "name": "Checkout test", "bucketVersion": 1, "minBucketVersion": 0}]}
        },
        "experiments": [], "dateUpdated": "2026-01-01T00:00:00.000Z"
    }));
    assert_eq!(imported.flags.len(), 2);
    for entry in &imported.report {
        assert_eq!(entry.outcome, Outcome::Mapped, "{:?}", entry.notes);
    }
}
