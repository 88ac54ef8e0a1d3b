//! JSONLogic expressions, answered as its reference implementation answers them.
//!
//! `data/json-logic-js.json` holds random expressions over random contexts with what json-logic-js 2.0.5 (MIT), the
//! reference that jsonlogic.com documents, makes of them: `[expression, context, truthy, [value]]`, without the value
//! where it is a list or has more digits than JSON keeps. What Usher means to do otherwise, as flagd's engines do, is in
//! `logic_holds_as_documented.rs` and does not come up here, but for the empty text, which was let be in itself.

use crate::support::{NOW, document};
use serde_json::{Value, json};
use usher_core::{
    Context, Ruleset,
    model::{Kind, Seq},
};

#[test]
fn expressions_give_what_the_reference_gives() {
    let text = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/json-logic-js.json")).unwrap();
    let cases: Vec<(Value, Value, bool, Option<(Value,)>)> = serde_json::from_slice(&text).unwrap();
    assert!(cases.len() >= 1_000);
    let mut wrong = Vec::new();
    for (logic, context, truthy, value) in &cases {
        let equal = value.as_ref().map(|(value,)| json!({"===": [logic, value]}));
        let rules = [Some(logic.clone()), equal].into_iter().flatten().enumerate().map(
            |(n, logic)| json!({"id": format!("r{n}"), "if": {"logic": logic}, "serve": {"variant": "on"}}),
        );
        let flags: Vec<_> = rules
            .enumerate()
            .map(|(n, rule)| {
                document(
                    Kind::Flag,
                    &json!({"key": format!("f{n}"), "type": "boolean", "variants": {"on": true, "off": false},
                        "environments": {"production": {"enabled": true, "offVariant": "off",
                            "default": {"variant": "off"}, "rules": [rule]}}}),
                )
            })
            .collect();
        let rules = Ruleset::compile("production".parse().unwrap(), Seq(1), &flags);
        let context = Context::from_json(context).unwrap();
        let holds = |flag| rules.evaluate(flag, &context, NOW).boolean() == Ok(Some(true));
        // NaN equals nothing, and the infinities are written as texts.
        let is_number = !matches!(value, Some((Value::String(text),)) if ["NaN", "Infinity", "-Infinity"].contains(&text.as_str()));
        if holds("f0") != *truthy || (value.is_some() && is_number && !holds("f1")) {
            wrong.push(format!("{logic} over {}: expected {value:?}", context.to_json()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}
