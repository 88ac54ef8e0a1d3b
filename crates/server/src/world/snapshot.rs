//! One state of the world, compiled.

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;
use usher_core::{
    Ruleset,
    model::{Credential, Document, DocumentId, EnvironmentKey, Epoch, Kind, Seq, Timestamp, User},
};
use usher_journal::{Change, Commit, State};

/// One state of the world: immutable, shared by all who look at it.
#[derive(Debug)]
pub struct Snapshot {
    /// The journal.
    pub epoch: Epoch,
    /// All documents.
    pub state: Arc<State>,
    /// The ruleset of each environment.
    pub environments: IndexMap<EnvironmentKey, Arc<Ruleset>>,
    /// Credentials by the hash of their secret.
    pub credentials: HashMap<String, Arc<Credential>>,
    /// People by e-mail.
    pub users: HashMap<String, Arc<User>>,
}

impl Snapshot {
    /// Compiles everything.
    #[must_use]
    pub fn compile(epoch: Epoch, state: Arc<State>) -> Self {
        let documents = || state.entries().map(|entry| &entry.document);
        let keys = state.of_kind(&Kind::Environment).filter_map(|entry| entry.document.key().parse().ok());
        let environments = keys
            .map(|key: EnvironmentKey| {
                (key.clone(), Arc::new(Ruleset::compile(key, state.seq(), documents())))
            })
            .collect();
        Self { epoch, environments, credentials: credentials(&state), users: users(&state), state }
    }

    /// The world after one more commit: only what changed is compiled.
    #[must_use]
    pub fn after(&self, commit: &Commit) -> Self {
        let mut state = State::clone(&self.state);
        state.fold(commit);
        let touches = |kind: &Kind| commit.changes.iter().any(|change| change.id().kind == *kind);
        if touches(&Kind::Environment) {
            // Rare, and people wait for it anyway.
            return Self::compile(self.epoch, Arc::new(state));
        }
        let put: Vec<&Document> = commit
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::Put(document) => Some(document),
                Change::Delete(_) => None,
            })
            .collect();
        let delete: Vec<&DocumentId> = commit
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::Put(_) => None,
                Change::Delete(id) => Some(id),
            })
            .collect();
        let apply = |ruleset: &Ruleset| {
            Arc::new(ruleset.apply(commit.seq, put.iter().copied(), delete.iter().copied()))
        };
        let (credentials, users) = (
            if touches(&Kind::Key) { credentials(&state) } else { self.credentials.clone() },
            if touches(&Kind::User) { users(&state) } else { self.users.clone() },
        );
        Self {
            epoch: self.epoch,
            state: Arc::new(state),
            environments: self
                .environments
                .iter()
                .map(|(key, ruleset)| (key.clone(), apply(ruleset)))
                .collect(),
            credentials,
            users,
        }
    }

    /// The last commit that it contains.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.state.seq()
    }

    /// The time of that commit.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.state.at()
    }

    /// The ruleset of an environment.
    #[must_use]
    pub fn ruleset(&self, environment: &str) -> Option<&Arc<Ruleset>> {
        self.environments.get(environment)
    }
}

/// Credentials by the hash of their secret.
fn credentials(state: &State) -> HashMap<String, Arc<Credential>> {
    let all = state.of_kind(&Kind::Key).filter_map(|entry| entry.document.parse::<Credential>().ok());
    all.map(|credential| (credential.hash.clone(), Arc::new(credential))).collect()
}

/// People by e-mail.
fn users(state: &State) -> HashMap<String, Arc<User>> {
    let all = state.of_kind(&Kind::User).filter_map(|entry| entry.document.parse::<User>().ok());
    all.map(|user| (user.email.clone(), Arc::new(user))).collect()
}
