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
