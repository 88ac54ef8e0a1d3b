//! What the journal's tests share: small documents, commits of them, and a journal in a folder of its own.

pub mod contract;
pub mod redis;

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};
use usher_core::model::{Document, DocumentId, Kind, Seq, Timestamp};
use usher_journal::{Actor, ActorKind, Append, Change, Expected, Idempotency, Journal, SqliteJournal};

/// Opens, or makes, the journal in a folder.
pub type Open = fn(&Path) -> Arc<dyn Journal>;

pub fn sqlite(folder: &Path) -> Arc<dyn Journal> {
    Arc::new(SqliteJournal::open(folder).unwrap())
}

pub fn id(key: &str) -> DocumentId {
    DocumentId::new(Kind::Flag, key)
}

pub fn document(value: Value) -> Document {
    serde_json::from_value(value).unwrap()
}

/// A flag that says nothing but a number.
pub fn put(key: &str, number: u64) -> Change {
    Change::Put(document(json!({"kind": "flag", "key": key, "number": number})))
}

pub fn delete(key: &str) -> Change {
    Change::Delete(id(key))
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub fn actor(name: &str) -> Actor {
    Actor { kind: ActorKind::User, id: name.to_lowercase(), name: name.to_owned() }
}

pub fn append(changes: impl IntoIterator<Item = Change>) -> Append {
    Append {
        expected: Vec::new(),
        idempotency: None,
        actor: actor("Ana"),
        message: "test".to_owned(),
        at: at(1_000),
        changes: changes.into_iter().collect(),
    }
}

pub fn expecting(mut append: Append, key: &str, expected: Expected) -> Append {
    append.expected.push((id(key), expected));
    append
}

pub fn named(mut append: Append, key: &str, fingerprint: u8) -> Append {
    append.idempotency = Some(idempotency(key, fingerprint));
    append
}

pub fn idempotency(key: &str, fingerprint: u8) -> Idempotency {
    Idempotency { key: key.to_owned(), fingerprint: [fingerprint; 32] }
}

/// Every document's key and number, as in `a=1 b=2`.
pub fn numbers(state: &usher_journal::State) -> String {
    let number = |document: &Document| document.value()["number"].clone();
    let all: Vec<String> = state
        .entries()
        .map(|entry| format!("{}={}", entry.document.key(), number(&entry.document)))
        .collect();
    all.join(" ")
}

pub async fn add(journal: &dyn Journal, changes: impl IntoIterator<Item = Change>) -> Seq {
    journal.append(append(changes)).await.unwrap().seq
}
