//! Flags of flagd, imported, answer as they did: random definitions beside flagd's own published engine, and ten
//! thousand draws of each form.

use crate::support::{
    flagd::{CODE_DEFAULT, Imported, ask_peer, now},
    random::Random,
};
use serde_json::{Value, json};
use usher_core::import::Fractional;
use usher_peers::{Flagd, Peer, PeerError};

fn flag(variants: &Value, default: &Value, targeting: &Value) -> Value {
    json!({"state": "ENABLED", "variants": variants, "defaultVariant": default, "targeting": targeting})
}

#[test]
fn ten_thousand_draws_of_the_second_form_are_murmurs() {
    let mut random = Random::new(20_261_124);
    let source = |weights: &[u64]| {
        let parts: Vec<Value> =
            weights.iter().enumerate().map(|(n, weight)| json!([format!("v{n}"), weight])).collect();
        let variants: serde_json::Map<String, Value> =
            (0..weights.len()).map(|n| (format!("v{n}"), json!(format!("V{n}")))).collect();
        let draw = |key: Option<Value>| {
            let given: Vec<Value> = key.into_iter().chain(parts.clone()).collect();
            flag(&variants.clone().into(), &json!("v0"), &json!({"fractional": given}))
        };
        json!({"flags": {
            "short": draw(None),
            "var": draw(Some(json!({"var": "key"}))),
            "cat": draw(Some(json!({"cat": [{"var": "$flagd.flagKey"}, {"var": "key"}]}))),
            // Kept as an expression, for the literal behind it.
            "logic": draw(Some(json!({"cat": [{"var": "key"}, "-salt"]}))),
        }})
    };
    let sets: Vec<Vec<u64>> = vec![
        vec![50, 50],
        vec![1, 2, 3],
        vec![25; 4],
        vec![2_147_483_647],
        vec![1, 0, 99_999, 2_000_000_000],
    ];
    let sets: Vec<(Vec<u64>, Imported)> = sets
        .into_iter()
        .map(|weights| {
            let imported = Imported::new(&source(&weights), Fractional::V2);
            (weights, imported)
        })
        .collect();
    let expected = |weights: &[u64], text: &str| {
        let hash = u64::from(murmur3::murmur3_32(&mut text.as_bytes(), 0).unwrap());
        let place = (hash * weights.iter().sum::<u64>()) >> 32;
        let mut end = 0;
        let variant = weights.iter().position(|weight| {
            end += weight;
            place < end
        });
        format!("v{}", variant.unwrap())
    };
    for n in 0..10_000 {
        let (weights, imported) = &sets[n % sets.len()];
        let (key, text) = random.key();
        let context = json!({"targetingKey": text, "key": key});
        let given = |flag: &str| imported.given(flag, &context, now()).variant;
        let told = format!("{key} by {weights:?}");
        if !text.is_empty() {
            assert_eq!(given("short"), expected(weights, &format!("short{text}")), "{told}");
        }
        let bare = if key.is_string() { expected(weights, &text) } else { "v0".to_owned() };
        assert_eq!(given("var"), bare, "{told}");
        assert_eq!(given("cat"), expected(weights, &format!("cat{text}")), "{told}");
        assert_eq!(given("logic"), expected(weights, &format!("{text}-salt")), "{told}");
    }
}

#[test]
fn ten_thousand_draws_of_the_third_form_are_the_engines() {
    let mut random = Random::new(4_711);
    let variants = json!({"a": 1, "b": 2, "c": 3, "none": 0});
    let draw = |key: Option<Value>| {
        let parts = [json!(["a", 7]), json!(["b"]), json!(["c", 1_000_003])];
        let given: Vec<Value> = key.into_iter().chain(parts).collect();
        flag(&variants, &json!("none"), &json!({"fractional": given}))
    };
    let condition = |parts: Value| {
        let draw = json!({"fractional": [{"var": "key"}, parts[0], parts[1], parts[2]]});
        flag(&variants, &json!("none"), &json!({"if": [draw, "a", "b"]}))
    };
    let source = json!({"flags": {
        "short": draw(None),
        "var": draw(Some(json!({"var": "key"}))),
        "cat": draw(Some(json!({"cat": [{"var": "$flagd.flagKey"}, ":", {"var": "key"}, {"var": "targetingKey"}]}))),
        "logic": draw(Some(json!({"if": [{"var": "key"}, {"var": "key"}, {"var": "targetingKey"}]}))),
        "share": condition(json!([[false, 30], [true, 1], ["x", 69]])),
        "thirds": condition(json!([[false, 1], [true, 1], [null, 1]])),
    }});
    let imported = Imported::new(&source, Fractional::V3);
    let peer = Flagd::load(&source.to_string()).unwrap();
    for _ in 0..10_000 {
        let (key, text) = random.key();
        let context = json!({"targetingKey": text, "key": key});
        for flag in ["short", "var", "cat", "logic", "share", "thirds"] {
            let answer = ask_peer(&peer, flag, &context).unwrap();
            let given = imported.given(flag, &context, now());
            assert_eq!(Some(&given.variant), answer.variant.as_ref(), "{flag} for {context}");
        }
    }
}

#[test]
fn random_flags_answer_as_the_engine_answers_them() {
    let (mut compared, mut failed) = (0, 0);
    for seed in 0..3_000 {
        let mut random = Random::new(seed);
        let source = random.definition();
        let imported = Imported::new(&source, Fractional::V3);
        let peer = Flagd::load(&source.to_string()).unwrap();
        for _ in 0..6 {
            let context = random.context();
            let told = || format!("seed {seed}: {source} for {context}");
            let given = imported.given("f", &context, now());
            match ask_peer(&peer, "f", &context) {
                Ok(answer) => {
                    compared += 1;
                    assert!(given.is_alike(&answer), "{} gave {given:?}, the engine {answer:?}", told());
                }
                // A name that is no variant's.
                Err(PeerError::Evaluation(why)) if why.contains("no variant") => {
                    compared += 1;
                    assert_eq!(given.variant, CODE_DEFAULT, "{}: {why}", told());
                }
                // What is no number here is not one there either, but there that is an error.
                Err(_) => failed += 1,
            }
        }
    }
    println!("{compared} answers compared, {failed} times an error of the engine");
    assert!(compared > 15_000 && failed < compared / 10, "{compared} compared, {failed} failed");
}
