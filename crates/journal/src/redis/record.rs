//! A commit as it stands in the stream.

use std::collections::HashMap;

use usher_core::model::{DocumentId, Seq};

use crate::{Commit, Idempotency, JournalError, plan::Hash};

/// An entry of a stream, as the library reads it.
pub(super) type Raw = (String, HashMap<String, String>);

/// A commit with all that is kept of it: enough to put it back exactly where Redis has lost it.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) commit: Commit,
    /// The commit's text as it was hashed.
    pub(super) body: String,
    pub(super) hash: Hash,
    /// Who wrote it, and which of their attempts it was: to tell one's own from an equal one.
    pub(super) by: String,
    /// The fingerprint of its idempotency key.
    pub(super) fingerprint: Option<Hash>,
}

impl Record {
    pub(super) fn seq(&self) -> Seq {
        self.commit.seq
    }

    /// Bytes that it takes in memory, about: the text, and the parsed documents.
    pub(super) fn bytes(&self) -> usize {
        2 * self.body.len() + 512
    }

    /// Whether it is what was written for a request.
    pub(super) fn answers(&self, request: &Idempotency) -> bool {
        self.commit.idempotency_key.as_ref() == Some(&request.key)
            && self.fingerprint == Some(request.fingerprint)
    }

    /// # Errors
    /// An entry that is no commit, or not the one that its number says.
    pub(super) fn read((id, mut fields): Raw) -> Result<Self, JournalError> {
        let damaged = |what: &str| JournalError::Damaged(format!("entry {id} of the stream: {what}"));
        let mut field = |name: &str| fields.remove(name);
        let seq = id.strip_suffix("-0").and_then(|seq| seq.parse().ok()).map(Seq);
        let body = field("body").ok_or_else(|| damaged("it has no body"))?;
        let hash = field("hash").and_then(|text| unhex(&text)).ok_or_else(|| damaged("it has no hash"))?;
        let by = field("by").unwrap_or_default();
        let fingerprint = field("fingerprint").and_then(|text| unhex(&text));
        let commit: Commit =
            serde_json::from_str(&body).map_err(|error| damaged(&format!("it can't be read ({error})")))?;
        if seq != Some(commit.seq) {
            return Err(damaged(&format!("it holds commit {}", commit.seq)));
        }
        Ok(Self { commit, body, hash, by, fingerprint })
    }
}

/// 32 bytes of hexadecimal text.
pub(super) fn unhex(text: &str) -> Option<Hash> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).ok()?;
    }
    Some(bytes)
}

/// The part of the index that is one document's, and a place in it. Sorts by number within a document.
pub(super) fn touched(id: &DocumentId, seq: Seq) -> String {
    format!("{}{:020}", touched_by(id), seq.0)
}

/// What all entries of one document begin with. With its length, so that no document's are among another's.
pub(super) fn touched_by(id: &DocumentId) -> String {
    format!("{}\0{}\0{}\0", id.kind.as_str(), id.key.len(), id.key)
}
