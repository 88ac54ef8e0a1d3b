//! Features of Unleash, imported, answer as they did: random ones beside Yggdrasil, the engine under Unleash's SDKs,
//! and ten thousand draws of each kind. What Unleash draws by lot is counted instead.
#![cfg(feature = "unleash")]
#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod support;

use serde_json::{Map, Value, json};
use support::random::Random;
use usher_core::{
    Context, Ruleset,
    import::{Format, Options, Outcome, import},
    model::{Document, Kind, Seq, Timestamp},
};
use usher_peers::{Peer, Unleash};

/// A time of our own for both sides: a context without `currentTime` is drawn only where no date is asked for.
const NOW: i64 = 1_790_000_000_000;

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
    let evaluation = rules.evaluate(flag, &context, Timestamp::from_millis(NOW));
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

const TEXTS: [&str; 8] = ["a", "ab", "B", "prod", "é", "u-17", "Acme", "5"];
const NUMBERS: [&str; 6] = ["0", "5", "5.0", "-1.5", "18", "100"];
const VERSIONS: [&str; 7] = ["1.2.3", "1.2.4-beta.1", "2.0.0", "v1.2.3", "1.2", "10.0.0", "1.2.3+build"];
const DATES: [&str; 4] =
    ["2022-01-29T13:00:00.000Z", "2026-01-01T00:00:00Z", "2026-11-24T08:30:00+02:00", "2030-06-01T00:00:00Z"];
const ADDRESSES: [&str; 5] = ["127.0.0.1", "10.1.2.3", "10.0.0.0/8", "::1", "nowhere"];
const FIELDS: [&str; 8] =
    ["userId", "sessionId", "environment", "appName", "tier", "age", "version", "address"];

fn constraint(random: &mut Random) -> Value {
    let mut own = json!({"contextName": random.pick(&FIELDS), "inverted": random.one_in(4)});
    let list = |random: &mut Random, of: &[&'static str]| random.some(3, |random| random.pick(of));
    match random.below(8) {
        0 => {
            own["operator"] = random.pick(&["IN", "NOT_IN"]).into();
            own["values"] = json!(list(random, &TEXTS));
        }
        1 => {
            own["operator"] = random.pick(&["IN", "NOT_IN"]).into();
            own["values"] = json!([]);
        }
        2 => {
            own["operator"] = random.pick(&["STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH"]).into();
            own["values"] = json!(list(random, &TEXTS));
            own["caseInsensitive"] = random.one_in(2).into();
        }
        3 => {
            own["operator"] = random.pick(&["NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE"]).into();
            own["contextName"] = random.pick(&["age", "tier"]).into();
            own["value"] = random.pick(&NUMBERS).into();
        }
        4 => {
            own["operator"] = random.pick(&["DATE_AFTER", "DATE_BEFORE"]).into();
            own["contextName"] = random.pick(&["currentTime", "joined"]).into();
            own["value"] = random.pick(&DATES).into();
        }
        5 => {
            let operators = ["SEMVER_EQ", "SEMVER_GT", "SEMVER_GTE", "SEMVER_LT", "SEMVER_LTE"];
            own["operator"] = random.pick(&operators).into();
            own["contextName"] = "version".into();
            // Yggdrasil takes `1.2` for a number, and other SDKs for no version.
            let versions: Vec<&str> = VERSIONS.into_iter().filter(|version| *version != "1.2").collect();
            own["value"] = random.pick(&versions).into();
        }
        6 => {
            own["operator"] = "REGEX".into();
            own["value"] = random.pick(&["^a", "[0-9]+", "B$", "(unclosed", "u-1[0-9]"]).into();
            own["caseInsensitive"] = random.one_in(2).into();
        }
        _ => {
            own["operator"] = "IN_CIDR".into();
            own["contextName"] = random.pick(&["remoteAddress", "address"]).into();
            own["values"] = json!(list(random, &ADDRESSES));
        }
    }
    own
}

/// None of these is drawn by lot for a context that has a user and a session.
fn stickiness(random: &mut Random) -> &'static str {
    random.pick(&["default", "userId", "sessionId", "tier"])
}

fn strategy(random: &mut Random, variants: bool) -> Value {
    let percent = random.pick(&["0", "1", "25", "50", "99", "100"]);
    let sticky = stickiness(random);
    let group = random.pick(&["g", "group two", "é"]);
    let (name, parameters) = match random.below(9) {
        0 => ("default", json!({})),
        1 => ("userWithId", json!({"userIds": "u-1, u-2,u-17"})),
        2 => ("gradualRolloutUserId", json!({"percentage": percent, "groupId": group})),
        3 => ("gradualRolloutSessionId", json!({"percentage": percent, "groupId": group})),
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
        own["segments"] = json!(random.some(1, |random| random.pick(&[1, 2, 1, 2, 99])));
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
    own.insert("currentTime".into(), random.pick(&DATES).into());
    let mut maybe = |random: &mut Random, name: &str, value: Value| {
        if !random.one_in(3) {
            own.insert(name.into(), value);
        }
    };
    let text = random.pick(&TEXTS);
    maybe(random, "environment", text.into());
    let text = random.pick(&TEXTS);
    maybe(random, "appName", text.into());
    let text = random.pick(&TEXTS);
    maybe(random, "tier", text.into());
    let number = random.pick(&NUMBERS);
    let number = if random.one_in(2) { serde_json::from_str(number).unwrap() } else { number.into() };
    maybe(random, "age", number);
    let version = random.pick(&VERSIONS);
    maybe(random, "version", version.into());
    let address = random.pick(&ADDRESSES);
    maybe(random, "address", address.into());
    let address = random.pick(&ADDRESSES);
    maybe(random, "remoteAddress", address.into());
    let date = random.pick(&DATES);
    maybe(random, "joined", date.into());
    own.into()
}

#[test]
fn random_features_answer_as_yggdrasil_answers_them() {
    let (mut compared, mut enabled, mut variants) = (0, 0, 0);
    for seed in 0..2_500 {
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
        let evaluation = split.evaluate("both", &Context::anonymous(), Timestamp::from_millis(NOW + millis));
        evaluation.variant().map(ToOwned::to_owned)
    };
    let count = |name: &str| (0..10_000).filter(|millis| given(*millis).as_deref() == Some(name)).count();
    assert!((1_300..1_700).contains(&count("a")) && (1_300..1_700).contains(&count("b")), "{}", count("a"));
    for (flag, context) in
        [("flexible", json!({"userId": "u"})), ("nobody", json!({})), ("old", json!({"userId": "u"}))]
    {
        let context = Context::from_json(&context).unwrap();
        let at = |millis| rules.evaluate(flag, &context, Timestamp::from_millis(NOW + millis)).enabled;
        let enabled = (0..10_000).filter(|millis| at(*millis)).count();
        assert!((2_800..3_200).contains(&enabled), "{flag}: {enabled} of 10,000 milliseconds");
    }
}
