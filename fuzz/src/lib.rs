//! What the fuzz targets share: what must hold of any document and any context.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::Value;
use usher_core::{
    Context, Ruleset,
    import::{Format, Options, import},
    model::{Document, EnvironmentKey, Kind, Seq, Timestamp, parse_strict},
};

mod mutate;

pub use mutate::json as mutate_json;

/// The environment that everything is configured in.
#[must_use]
pub fn environment() -> EnvironmentKey {
    "production".parse().expect("a key")
}

/// A ruleset of `documents` must answer everything that can be asked, and explain the very same answer.
pub fn ask_everything(documents: &[Document], context: &Context) {
    let now = Timestamp::from_millis(1_790_000_000_000);
    let rules = Ruleset::compile(environment(), Seq(1), documents);
    for document in documents.iter().filter(|document| *document.kind() == Kind::Flag).take(8) {
        let evaluation = rules.evaluate(document.key(), context, now);
        let (explained, trace) = rules.explain(document.key(), context, now);
        let text = |evaluation| serde_json::to_string(&evaluation).expect("JSON");
        assert_eq!(text(evaluation), text(explained), "the explanation is of another answer");
        assert!(!trace.steps.is_empty());
        let _ = trace.to_string();
        let _ = rules.exposure(document.key(), context.venue().unwrap_or("wembley-stadium"), now);
    }
}

/// Imports `bytes`. What comes out must be documents that Usher would take from anybody, that answer, and that are
/// the same when they are read back.
pub fn import_and_ask(format: Format, bytes: &[u8]) {
    let mut options = Options::new(environment());
    // The first byte chooses what else an import can be told.
    if bytes.first().is_some_and(|byte| byte % 2 == 1) {
        options.rename.insert("userId".to_owned(), "targetingKey".to_owned());
    }
    let Ok(imported) = import(format, bytes, &options) else { return };
    let models = imported.cohorts.iter().map(Document::from_model).collect::<Vec<_>>();
    let flags = imported.flags.iter().map(Document::from_model).collect::<Vec<_>>();
    let documents: Vec<Document> = models.into_iter().chain(flags).map(|made| made.expect("a document")).collect();
    for document in &documents {
        let again = parse_strict(document.kind(), document.json().as_bytes());
        assert_eq!(again.expect("what was imported would be taken from anybody").json(), document.json());
    }
    assert!(imported.flags.len() + imported.cohorts.len() <= imported.report.len());
    let context = serde_json::json!({
        "targetingKey": "u-17", "key": "u-17", "userId": "17", "sessionId": "s", "id": "17", "appName": "app",
        "environment": "production", "remoteAddress": "10.1.2.3", "email": "ana@example.org", "age": 20,
        "country": "GB", "venue": "wembley-stadium", "tags": ["a", 1], "org": {"key": "acme"}
    });
    ask_everything(&documents, &Context::from_json(&context).expect("a context"));
}

/// Bytes as a JSON value; what is no JSON tells nothing new after the first time.
#[must_use]
pub fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

/// One step of LLVM's own mutation.
pub(crate) fn mutate_bytes(data: &mut [u8], size: usize, max_size: usize) -> usize {
    fuzzer_mutate(data, size, max_size)
}
