//! The names of what is kept in Redis.
//!
//! All of one workspace share a hash tag, so that a Cluster keeps them together and one script may touch them all.

/// The keys of one workspace.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// Stream: the commits. The number of an entry is the number of its commit.
    pub(super) log: String,
    /// Hash: `format`, `epoch`, and `seq` and `hash` of the last commit.
    pub(super) meta: String,
    /// Hash: idempotency keys, and what was answered to them.
    pub(super) answers: String,
    /// Sorted set: the same keys by their time, to forget them after a day.
    pub(super) answered: String,
    /// Sorted set of equal scores: documents and the commits that changed them, in the order of [`touched`].
    pub(super) touched: String,
    /// Hash: folded states by the number of their last commit.
    pub(super) snapshots: String,
    /// Hash: secrets that all nodes share.
    pub(super) secrets: String,
    /// Hash: small texts that nodes keep for each other.
    pub(super) notes: String,
    /// What the names of shelves begin with. Hash: small texts, each changed on its own.
    shelves: String,
    /// Channel: what nodes say to each other.
    pub(super) fleet: String,
    /// Channel that nobody listens on: see [`super::confirm::settle`].
    pub(super) settled: String,
}

impl Keys {
    pub(super) fn new(workspace: &str) -> Self {
        let name = |part: &str| format!("{{usher:{workspace}}}:{part}");
        Self {
            log: name("log"),
            meta: name("meta"),
            answers: name("answers"),
            answered: name("answered"),
            touched: name("touched"),
            snapshots: name("snapshots"),
            secrets: name("secrets"),
            notes: name("notes"),
            shelves: name("shelf"),
            fleet: name("fleet"),
            settled: name("settled"),
        }
    }

    /// The name of a shelf.
    pub(super) fn shelf(&self, name: &str) -> String {
        format!("{}:{name}", self.shelves)
    }
}
