//! Documents that nobody has checked, as a stream may bring them, and a context: `[[document, …], context]`.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use usher_core::{Context, model::Document};

fuzz_target!(|bytes: &[u8]| {
    let Some(serde_json::Value::Array(parts)) = usher_fuzz::json(bytes) else { return };
    let Some(serde_json::Value::Array(documents)) = parts.first() else { return };
    let read = |document: &serde_json::Value| serde_json::from_value::<Document>(document.clone()).ok();
    let documents: Vec<Document> = documents.iter().filter_map(read).collect();
    let context = parts.get(1).and_then(|context| Context::from_json(context).ok()).unwrap_or_default();
    usher_fuzz::ask_everything(&documents, &context);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    usher_fuzz::mutate_json(data, size, max_size, seed)
});
