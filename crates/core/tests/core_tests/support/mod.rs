//! What the core's tests share: small real documents, and rulesets of them.

use serde_json::{Value, json};
use usher_core::{
    Context, Ruleset,
    model::{Document, Kind, Seq, Timestamp, parse_strict},
};

pub const NOW: Timestamp = Timestamp::EPOCH;

pub fn document(kind: Kind, json: &Value) -> Document {
    parse_strict(&kind, json.to_string().as_bytes()).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A boolean flag, configured for production by `config`; what is null there is left out.
pub fn flag(key: &str, config: &Value) -> Document {
    let mut whole = json!({"enabled": true, "offVariant": "off", "default": {"variant": "off"}});
    for (name, value) in config.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    document(
        Kind::Flag,
        &json!({
            "key": key, "type": "boolean", "variants": {"on": true, "off": false},
            "environments": {"production": whole}
        }),
    )
}

pub fn venue(key: &str, country: &str) -> Document {
    document(
        Kind::Venue,
        &json!({"key": key, "name": key, "country": country, "capacity": 90000, "tags": ["football", "roof"],
                "attributes": {"gates": 12, "cashless": true}}),
    )
}

pub fn ruleset<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Ruleset {
    Ruleset::compile("production".parse().unwrap(), Seq(1), documents)
}

/// Variant and reason of one evaluation, as in `on TARGETING_MATCH`.
pub fn answer(ruleset: &Ruleset, flag: &str, context: &Context) -> String {
    let evaluation = ruleset.evaluate(flag, context, NOW);
    let given = evaluation.variant().or(evaluation.error.map(|error| error.as_str())).unwrap_or("nothing");
    format!("{given} {}", evaluation.reason.as_str())
}
