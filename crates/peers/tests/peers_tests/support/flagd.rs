//! flagd's definitions, asked here and in flagd's engine.

use serde_json::Value;
use usher_core::{
    Context, Ruleset,
    import::{Format, Fractional, Options, import},
    model::{Document, Flag, Kind, Seq, Timestamp, parse_strict},
};
use usher_peers::{Answer, Flagd, Peer, PeerError};

/// 2026-06-01T00:00:00Z.
pub const TIME: i64 = 1_780_272_000;

pub fn now() -> Timestamp {
    Timestamp::from_millis(TIME * 1000)
}

/// The variant that stands for the code's default.
pub const CODE_DEFAULT: &str = "code-default";

/// Flags as they were imported.
pub struct Imported(Ruleset);

/// What one of them gives.
#[derive(Debug)]
pub struct Given {
    pub variant: String,
    pub value: Option<Value>,
    pub reason: String,
}

impl Imported {
    /// Imports all flags of a definition, the way they would be stored and read again.
    pub fn new(source: &Value, fractional: Fractional) -> Self {
        let options = Options { fractional, ..Options::new("production".parse().unwrap()) };
        let imported = import(Format::Flagd, source.to_string().as_bytes(), &options).unwrap();
        let flags = source["flags"].as_object().unwrap();
        assert_eq!(imported.flags.len(), flags.len(), "{source}: {:?}", imported.report);
        let document = |flag: &Flag| -> Document {
            parse_strict(&Kind::Flag, &serde_json::to_vec(flag).unwrap())
                .unwrap_or_else(|found| panic!("{found}"))
        };
        let documents: Vec<Document> = imported.flags.iter().map(document).collect();
        let ruleset = Ruleset::compile("production".parse().unwrap(), Seq(1), &documents);
        assert_eq!(ruleset.broken().count(), 0);
        Self(ruleset)
    }

    pub fn given(&self, flag: &str, context: &Value, now: Timestamp) -> Given {
        let context = Context::from_json(context).unwrap();
        let evaluation = self.0.evaluate(flag, &context, now);
        assert_eq!(evaluation.error, None);
        // An explanation is made of the same steps.
        assert_eq!(self.0.explain(flag, &context, now).0.variant(), evaluation.variant());
        Given {
            variant: evaluation.variant().unwrap().to_owned(),
            value: evaluation.value().map(|value| serde_json::to_value(value).unwrap()),
            reason: evaluation.reason.as_str().to_owned(),
        }
    }
}

pub fn ask_peer(peer: &Flagd, flag: &str, context: &Value) -> Result<Answer, PeerError> {
    let attributes: Vec<(&str, Value)> =
        context.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    peer.evaluate(flag, &Flagd::context(&attributes)?)
}

impl Given {
    /// Whether the engine's answer is the same: what a draw gives is a match to flagd.
    pub fn is_alike(&self, answer: &Answer) -> bool {
        let reason = match (self.reason.as_str(), answer.reason.as_str()) {
            // A part of a draw that gives nothing.
            ("SPLIT", "TARGETING_MATCH" | "DEFAULT") => true,
            (own, other) => own == other,
        };
        let variant = (self.variant != CODE_DEFAULT).then_some(&self.variant);
        let as_number = |value: &Option<Value>| value.as_ref().and_then(Value::as_f64);
        let value = self.value == answer.value
            || (as_number(&self.value).is_some() && as_number(&self.value) == as_number(&answer.value));
        reason && variant == answer.variant.as_ref() && value
    }
}
