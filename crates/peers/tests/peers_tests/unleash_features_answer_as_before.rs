//! Features of Unleash, imported, answer as they did: random ones beside Yggdrasil, the engine under Unleash's SDKs,
//! and ten thousand draws of each kind. What Unleash draws by lot is counted instead.

use std::time::SystemTime;

use crate::support::random::Random;
use serde_json::{Map, Value, json};
use usher_core::{
    Context, Ruleset,
    import::{Format, Options, Outcome, import},
    model::{Document, Kind, Seq, Timestamp},
};
use usher_peers::{Peer, Unleash};

/// The present time, which Yggdrasil reads for itself; no date that is asked for is near it.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(since.as_millis().try_into().unwrap())
}

/// Where the milliseconds begin that draws by lot are counted over.
const START: i64 = 1_790_000_000_000;

fn ruleset(source: &Value) -> Ruleset {
    let options = Options::new("production".parse().unwrap());
    let imported = import(Format::Unleash, source.to_string().as_bytes(), &options).unwrap();
    // A segment that can't be read is left out; the features that use it are off, there and here.
    let refused =
        imported.report.iter().find(|entry| entry.kind == Kind::Flag && entry.outcome == Outcome::Refused);
    assert!(refused.is_none(), "{refused:?} of {source}");
    let cohorts = imported.cohorts.iter().map(|cohort| Document::from_model(cohort).unwrap());
    let flags = imported.flags.iter().map(|flag| Document::from_model(flag).unwrap());
    let documents: Vec<Document> = cohorts.chain(flags).collect();
    let rules = Ruleset::compile(options.environment, Seq(1), &documents);
    assert_eq!(rules.broken().count(), 0, "{source}");
    rules
}

/// Whether a flag is enabled, its variant and that variant's payload, in Unleash's words.
type Given = (bool, String, Option<String>);

fn ours(rules: &Ruleset, flag: &str, context: &Value) -> Given {
    let context = Context::from_json(context).unwrap();
    let evaluation = rules.evaluate(flag, &context, now());
    let variant = match evaluation.variant().unwrap() {
        "on" | "off" => "disabled",
        // Two of one name with other payloads are told apart here.
        name => name.split_once(" (").map_or(name, |(name, _)| name),
    };
    let payload = evaluation.string().ok().flatten().map(|text| text.to_string());
    (evaluation.enabled, variant.to_owned(), payload)
}

fn theirs(peer: &Unleash, flag: &str, context: &Value) -> Given {
    let attributes: Vec<(&str, Value)> =
        context.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let context = Unleash::context(&attributes).unwrap();
    let variant = peer.variant(flag, &context);
    assert_eq!(variant.feature_enabled, peer.is_enabled(flag, &context));
    (variant.feature_enabled, variant.name, variant.payload.map(|payload| payload.value))
}

const TEXTS: [&str; 18] = [
    "a",
    "ab",
    "B",
    "prod",
    "é",
    "u-17",
    "Acme",
    "5",
    "",
    "Straße",
    "ss",
    "STRASSE",
    "ΟΔΟΣ",
    "οδος",
    "ſ",
    "\u{212A}",
    "say \"hi\"",
    r"a\b",
];
const NUMBERS: [&str; 20] = [
    "0",
    "5",
    "5.0",
    "-1.5",
    "18",
    "100",
    "0.3",
    "0.30000000000000004",
    "0.9999999999999999",
    "1",
    "1e-17",
    "1e21",
    "9007199254740993",
    "9007199254740992",
    "9223372036854775807",
    "+5",
    "5.",
    "12e1",
    "-0.0",
    "4503599627370497.5",
];
/// What is no number, version or date to Yggdrasil, or another of them than one might think.
const ODD_VALUES: [&str; 12] =
    ["", " 5 ", ".5", "five", "0x10", "v1.2.3", "1.2", "1.2.3.4", "01.2.3", "2022-01-29", "inf", "5,0"];
const VERSIONS: [&str; 8] =
    ["1.2.3", "1.2.4-beta.1", "2.0.0", "v1.2.3", "1.2", "10.0.0", "1.2.3+build", "1.2.3-beta.1+build"];
const DATES: [&str; 5] = [
    "2022-01-29T13:00:00.000Z",
    "2022-01-29T13:00:00Z",
    "2026-01-01T00:00:00Z",
    "2026-03-24T08:30:00+02:00",
    "2130-06-01T00:00:00Z",
];
/// Times of contexts, and what only looks like one.
const TIMES: [&str; 12] = [
    "2022-01-29T13:00:00.000Z",
    "2022-01-29T13:00:00.0005Z",
    "2022-01-29T12:59:59.999999Z",
    "2022-01-29T14:00:00.000001+01:00",
    "2022-01-29 13:00:00Z",
    "2026-01-01T00:00:00.123456789Z",
    "1643461200000",
    "2022-01-29T13:00Z",
    "2022-01-29",
    "2130-06-01T00:00:00+00:00",
    "20220129T130000Z",
    "soon",
];
const ADDRESSES: [&str; 11] = [
    "127.0.0.1",
    "10.1.2.3",
    "10.0.0.0/8",
    "::1",
    "nowhere",
    "10.0.0.9/255.0.0.0",
    "10.0.0.0/255.0.255.0",
    "10.0.0.0/08",
    "2001:db8::/32",
    "2001:db8::7",
    "10.0.0.0/33",
];
const FIELDS: [&str; 8] =
    ["userId", "sessionId", "environment", "appName", "tier", "age", "version", "address"];

fn constraint(random: &mut Random) -> Value {
    let mut own = json!({"contextName": random.pick(&FIELDS), "inverted": random.one_in(4)});
    // Most of what an app asks makes sense; a feature with anything that does not is off.
    let list = |random: &mut Random, of: &[&'static str]| match random.one_in(30) {
        true => Vec::new(),
        false => random.some(3, |random| random.pick(of)),
    };
    let value = |random: &mut Random, of: &[&'static str]| match random.one_in(20) {
        true => random.pick(&ODD_VALUES),
        false => random.pick(of),
    };
    match random.below(9) {
        0 => {
            own["operator"] = random.pick(&["IN", "NOT_IN"]).into();
            own["values"] = json!(list(random, &TEXTS));
        }
        1 => {
            own["operator"] = random.pick(&["IN", "NOT_IN"]).into();
            own["values"] = json!([]);
            if random.one_in(2) {
                own["contextName"] = "age".into();
                own["values"] = json!(list(random, &NUMBERS));
            }
        }
        2 => {
            own["operator"] = random.pick(&["STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH"]).into();
            own["values"] = json!(list(random, &TEXTS));
            own["caseInsensitive"] = random.one_in(2).into();
        }
        3 => {
            own["operator"] = random.pick(&["NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE"]).into();
            own["contextName"] = random.pick(&["age", "tier"]).into();
            own["value"] = value(random, &NUMBERS).into();
        }
        4 => {
            own["operator"] = random.pick(&["DATE_AFTER", "DATE_BEFORE"]).into();
            own["contextName"] = random.pick(&["currentTime", "joined"]).into();
            own["value"] = value(random, &DATES).into();
        }
        5 => {
            let operators = ["SEMVER_EQ", "SEMVER_GT", "SEMVER_GTE", "SEMVER_LT", "SEMVER_LTE"];
            own["operator"] = random.pick(&operators).into();
            own["contextName"] = "version".into();
            own["value"] = value(random, &VERSIONS).into();
        }
        6 => {
            own["operator"] = "REGEX".into();
            own["value"] =
                random.pick(&["^a", "[0-9]+", "B$", "(unclosed", "u-1[0-9]", "(?i)SS", r"\d\."]).into();
            own["caseInsensitive"] = random.one_in(2).into();
        }
        7 => {
            // Its operator does not tell what is compared: the shape of its value does.
            own["operator"] =
                random.pick(&["NUM_EQ", "NUM_GTE", "NUM_LTE", "DATE_AFTER", "SEMVER_LT"]).into();
            own["contextName"] = random.pick(&["age", "joined", "version", "currentTime"]).into();
            own["value"] = match random.below(3) {
                0 => random.pick(&NUMBERS),
                1 => random.pick(&DATES),
                _ => random.pick(&VERSIONS),
            }
            .into();
        }
        _ => {
            own["operator"] = "IN_CIDR".into();
            own["contextName"] = random.pick(&["remoteAddress", "address"]).into();
            own["values"] = json!(list(random, &ADDRESSES));
        }
    }
    if random.one_in(60) {
        own["operator"] = random.pick(&["IS_FUNNY", "REGEX_MATCH", "in", ""]).into();
    }
    if random.one_in(60) {
        own[random.pick(&["value", "values"])] = Value::Null;
    }
    if random.one_in(60) {
        own["contextName"] = random.pick(&["age\"", r"age\", r#"a\"ge"#]).into();
    }
    own
}

/// None of these is drawn by lot for a context that has a user and a session.
fn stickiness(random: &mut Random) -> &'static str {
    random.pick(&["default", "userId", "sessionId", "tier"])
}

fn strategy(random: &mut Random, variants: bool) -> Value {
    let percent = match random.one_in(20) {
        true => random.pick(&["101", "150", "1000", "x", "-1", "12.5", "", "18446744073709551616"]),
        false => random.pick(&["0", "1", "25", "50", "99", "100", "+5", "007"]),
    };
    let sticky = stickiness(random);
    let group = match random.one_in(20) {
        true => random.pick(&[r"g\", "g\"", r#"g\"h"#, ""]),
        false => random.pick(&["g", "group two", "é"]),
    };
    let (name, parameters) = match random.below(10) {
        0 => ("default", json!({})),
        1 => ("userWithId", json!({"userIds": random.pick(&["u-1, u-2,u-17", "", "u-\"3\",u-4", r"u-1\"])})),
        9 => (
            random.pick(&["userWithId", "remoteAddress", "flexibleRollout", "gradualRolloutUserId"]),
            json!({}),
        ),
        2 => ("gradualRolloutUserId", json!({"percentage": percent, "groupId": group})),
        3 => ("gradualRolloutSessionId", json!({"percentage": percent, "groupId": group})),
        4 if random.one_in(20) => ("remoteAddress", json!({"IPs": random.pick(&["", "::1\"", r"::1\"])})),
        4 => ("remoteAddress", json!({"IPs": random.some(3, |random| random.pick(&ADDRESSES)).join(", ")})),
        5 => ("myOwnStrategy", json!({"x": "y"})),
        6 => ("flexibleRollout", json!({"rollout": percent, "stickiness": sticky})),
        _ => ("flexibleRollout", json!({"rollout": percent, "stickiness": sticky, "groupId": group})),
    };
    let mut own = json!({"name": name, "parameters": parameters});
    if random.one_in(2) {
        own["constraints"] = random.some(2, constraint).into();
    }
    if random.one_in(4) {
        own["segments"] = json!(random.some(1, |random| random.pick(&[1, 2, 1, 2, 1, 2, 1, 2, 99])));
    }
    if variants && random.one_in(3) {
        own["variants"] = weighted(random, "s", false);
    }
    own
}

fn weighted(random: &mut Random, prefix: &str, overrides: bool) -> Value {
    let sticky = random.pick(&["default", "userId", "sessionId"]);
    let count = 1 + random.below(3);
    let variants = (0..count).map(|n| {
        let weight = random.pick(&[1, 250, 333, 1000]);
        let mut own = json!({"name": format!("{prefix}{n}"), "weight": weight, "stickiness": sticky});
        if random.one_in(2) {
            own["payload"] = json!({"type": "string", "value": format!("payload of {prefix}{n}")});
        }
        if overrides && random.one_in(4) {
            own["overrides"] =
                json!([{"contextName": random.pick(&["userId", "tier"]), "values": ["u-17", "a"]}]);
        }
        own
    });
    variants.collect::<Vec<Value>>().into()
}

fn features(random: &mut Random) -> Value {
    let feature = |random: &mut Random, name: &str| {
        let with_variants = random.one_in(2);
        let mut own = json!({"name": name, "enabled": !random.one_in(6)});
        let strategies: Vec<Value> = (0..random.below(4)).map(|_| strategy(random, with_variants)).collect();
        own["strategies"] = strategies.into();
        if name != "grandchild" {
            // Without a group of its own a parent is drawn, by Yggdrasil alone, in the name of its child.
            for strategy in own["strategies"].as_array_mut().unwrap() {
                if strategy["name"] == "flexibleRollout" && strategy["parameters"]["groupId"].is_null() {
                    strategy["parameters"]["groupId"] = name.into();
                }
            }
        }
        if with_variants && random.one_in(2) {
            own["variants"] = weighted(random, "f", true);
        }
        own
    };
    let parent = feature(random, "parent");
    let mut child = feature(random, "child");
    if random.one_in(2) {
        let parent = random.pick(&["parent", "parent", "parent", "nobody"]);
        child["dependencies"] = match random.below(3) {
            0 => json!([{"feature": parent}]),
            1 => json!([{"feature": parent, "enabled": false}]),
            _ => json!([{"feature": parent, "enabled": true, "variants": ["f0", "s0", "s1"]}]),
        };
    }
    let mut grandchild = feature(random, "grandchild");
    if random.one_in(2) {
        grandchild["dependencies"] = json!([{"feature": "child"}]);
    }
    let segments: Vec<Value> = [1, 2]
        .map(|id| json!({"id": id, "name": format!("s{id}"), "constraints": random.some(2, constraint)}))
        .into();
    json!({"version": 2, "features": [parent, child, grandchild], "segments": segments})
}

fn context(random: &mut Random) -> Value {
    let mut own = Map::new();
    // Without them Unleash draws by lot.
    own.insert("userId".into(), format!("u-{}", random.below(40)).into());
    own.insert("sessionId".into(), format!("s-{}", random.below(40)).into());
    // Without one it is now.
    match random.below(3) {
        0 => None,
        1 => own.insert("currentTime".into(), random.pick(&DATES).into()),
        _ => own.insert("currentTime".into(), random.pick(&TIMES).into()),
    };
    let mut maybe = |random: &mut Random, name: &str, value: Value| {
        if !random.one_in(3) {
            own.insert(name.into(), value);
        }
    };
    let text = random.pick(&TEXTS);
    maybe(random, "environment", text.into());
    let text = random.pick(&TEXTS);
    maybe(random, "appName", text.into());
    // Drawn by, and empty, it would count as missing here.
    let text = random.pick(&TEXTS);
    maybe(random, "tier", if text.is_empty() { "gold" } else { text }.into());
    let number = random.pick(&NUMBERS);
    let age = match random.below(8) {
        0..3 => serde_json::from_str(number).unwrap_or_else(|_| number.into()),
        3 => random.pick(&[true, false]).into(),
        4 => json!(["5", "a"]),
        5 => random.pick(&ODD_VALUES).into(),
        _ => number.into(),
    };
    maybe(random, "age", age);
    let version = random.pick(&VERSIONS);
    maybe(random, "version", version.into());
    let address = random.pick(&ADDRESSES);
    maybe(random, "address", address.into());
    let address = random.pick(&ADDRESSES);
    maybe(random, "remoteAddress", address.into());
    let joined = match random.below(6) {
        0 => json!(1_643_461_200_001_i64),
        1 => json!(["2022-01-29T13:00:00.001Z"]),
        2 | 3 => random.pick(&TIMES).into(),
        _ => random.pick(&DATES).into(),
    };
    maybe(random, "joined", joined);
    own.into()
}

#[test]
fn random_features_answer_as_yggdrasil_answers_them() {
    let (mut compared, mut enabled, mut variants) = (0, 0, 0);
    for seed in 0..6_000 {
        let mut random = Random::new(seed);
        let source = features(&mut random);
        let rules = ruleset(&source);
        let peer = Unleash::load(&source.to_string()).unwrap();
        for _ in 0..5 {
            let context = context(&mut random);
            for flag in ["parent", "child", "grandchild"] {
                let expected = theirs(&peer, flag, &context);
                let given = ours(&rules, flag, &context);
                assert_eq!(given, expected, "seed {seed}: {flag} of {source} for {context}");
                compared += 1;
                enabled += usize::from(expected.0);
                variants += usize::from(expected.1 != "disabled");
            }
        }
    }
    println!("{compared} answers compared, {enabled} enabled, {variants} with a variant");
    assert!(enabled > compared / 10 && variants > compared / 20, "{enabled}, {variants} of {compared}");
}

#[test]
fn ten_thousand_draws_of_shares_and_of_variants_are_yggdrasils() {
    let share = |name: &str, percent: u32, stickiness: &str| {
        json!({"name": name, "enabled": true, "strategies": [{"name": "flexibleRollout",
            "parameters": {"rollout": percent.to_string(), "stickiness": stickiness, "groupId": "groupId with: colon"}}]})
    };
    let variants: Vec<Value> = [1, 7, 333, 1_000, 13]
        .iter()
        .enumerate()
        .map(|(n, weight)| json!({"name": format!("v{n}"), "weight": weight, "stickiness": "userId"}))
        .collect();
    let source = json!({"version": 2, "features": [
        share("one", 1, "userId"), share("half", 50, "default"), share("most", 99, "custom"),
        {"name": "variants", "enabled": true, "strategies": [{"name": "default"}], "variants": variants},
    ]});
    let rules = ruleset(&source);
    let peer = Unleash::load(&source.to_string()).unwrap();
    let mut random = Random::new(86_028_157);
    for _ in 0..10_000 {
        let (key, text) = random.key();
        if text.is_empty() {
            continue;
        }
        let context = json!({"userId": text, "custom": key});
        for flag in ["one", "half", "most", "variants"] {
            assert_eq!(ours(&rules, flag, &context), theirs(&peer, flag, &context), "{flag} for {context}");
        }
    }
}

#[test]
fn what_is_drawn_by_lot_keeps_its_share_over_time() {
    let lot = |name: &str, strategy: Value| json!({"name": name, "enabled": true, "strategies": [strategy]});
    let flexible =
        json!({"name": "flexibleRollout", "parameters": {"rollout": "30", "stickiness": "random"}});
    let nobody = json!({"name": "flexibleRollout", "parameters": {"rollout": "30", "stickiness": "default"}});
    let old = json!({"name": "gradualRolloutRandom", "parameters": {"percentage": "30"}});
    let rules =
        ruleset(&json!({"features": [lot("flexible", flexible), lot("nobody", nobody), lot("old", old)]}));
    // Who is in the share is in each half of the split as often.
    let both = json!({"name": "both", "enabled": true, "strategies": [{"name": "flexibleRollout",
        "parameters": {"rollout": "30", "stickiness": "random", "groupId": "g"},
        "variants": [{"name": "a", "weight": 500}, {"name": "b", "weight": 500}]}]});
    let split = ruleset(&json!({"features": [both]}));
    let given = |millis| {
        let evaluation =
            split.evaluate("both", &Context::anonymous(), Timestamp::from_millis(START + millis));
        evaluation.variant().map(ToOwned::to_owned)
    };
    let count = |name: &str| (0..10_000).filter(|millis| given(*millis).as_deref() == Some(name)).count();
    assert!((1_300..1_700).contains(&count("a")) && (1_300..1_700).contains(&count("b")), "{}", count("a"));
    for (flag, context) in
        [("flexible", json!({"userId": "u"})), ("nobody", json!({})), ("old", json!({"userId": "u"}))]
    {
        let context = Context::from_json(&context).unwrap();
        let at = |millis| rules.evaluate(flag, &context, Timestamp::from_millis(START + millis)).enabled;
        let enabled = (0..10_000).filter(|millis| at(*millis)).count();
        assert!((2_800..3_200).contains(&enabled), "{flag}: {enabled} of 10,000 milliseconds");
    }
}
