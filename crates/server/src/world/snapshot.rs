//! One state of the world, compiled.

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;
use usher_core::{
    Ruleset,
    model::{
        Credential, Document, DocumentId, Environment, EnvironmentKey, Epoch, Kind, Seq, Steering, Timestamp,
        User,
    },
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
    /// Where clients of an environment are sent, by its key; nothing of those that send nobody anywhere.
    pub steering: Arc<HashMap<EnvironmentKey, Arc<[Steering]>>>,
    /// Credentials by the hash of their secret.
    pub credentials: HashMap<String, Arc<Credential>>,
    /// Keys that sign contexts, by environment; those that were revoked too.
    pub signers: HashMap<EnvironmentKey, Vec<Arc<Credential>>>,
    /// People by e-mail.
    pub users: HashMap<String, Arc<User>>,
    /// Of what was deleted up to this commit nothing is known: whoever has less can't be led on from there.
    pub floor: Seq,
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
        let (credentials, users) = (credentials(&state), users(&state));
        let signers = signers(&credentials);
        let steering = Arc::new(steering(&state));
        Self { epoch, environments, steering, credentials, signers, users, state, floor: Seq::ZERO }
    }

    /// What is seen of one environment from afar, where only flags, cohorts and venues are: nothing is known of how
    /// they came about.
    #[must_use]
    pub fn mirrored(epoch: Epoch, environment: EnvironmentKey, state: State) -> Self {
        let documents = state.entries().map(|entry| &entry.document);
        let ruleset = Arc::new(Ruleset::compile(environment.clone(), state.seq(), documents));
        Self {
            epoch,
            environments: IndexMap::from([(environment, ruleset)]),
            steering: Arc::default(),
            credentials: HashMap::new(),
            signers: HashMap::new(),
            users: HashMap::new(),
            floor: state.seq(),
            state: Arc::new(state),
        }
    }

    /// The world after one more commit: only what changed is compiled.
    ///
    /// # Panics
    /// When it is not the next one.
    #[must_use]
    pub fn after(&self, commit: &Commit) -> Self {
        let mut state = State::clone(&self.state);
        state.fold(commit);
        self.led_to(state, commit)
    }

    /// The same after what one or more commits up to this one have made.
    #[must_use]
    pub fn amended(&self, commit: &Commit) -> Self {
        let mut state = State::clone(&self.state);
        state.amend(commit);
        self.led_to(state, commit)
    }

    fn led_to(&self, state: State, commit: &Commit) -> Self {
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
        let keys = touches(&Kind::Key);
        let (credentials, users) = (
            if keys { credentials(&state) } else { self.credentials.clone() },
            if touches(&Kind::User) { users(&state) } else { self.users.clone() },
        );
        let signers = if keys { signers(&credentials) } else { self.signers.clone() };
        Self {
            epoch: self.epoch,
            state: Arc::new(state),
            environments: self
                .environments
                .iter()
                .map(|(key, ruleset)| (key.clone(), apply(ruleset)))
                .collect(),
            steering: Arc::clone(&self.steering),
            credentials,
            signers,
            users,
            floor: self.floor,
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

/// Where clients are sent, by environment.
fn steering(state: &State) -> HashMap<EnvironmentKey, Arc<[Steering]>> {
    let all =
        state.of_kind(&Kind::Environment).filter_map(|entry| entry.document.parse::<Environment>().ok());
    let steering = all.filter(|environment| !environment.steering.is_empty());
    steering.map(|environment| (environment.key, environment.steering.into())).collect()
}

/// Credentials by the hash of their secret.
fn credentials(state: &State) -> HashMap<String, Arc<Credential>> {
    let all = state.of_kind(&Kind::Key).filter_map(|entry| entry.document.parse::<Credential>().ok());
    all.map(|credential| (credential.hash.clone(), Arc::new(credential))).collect()
}

/// Keys that sign contexts, by environment.
fn signers(credentials: &HashMap<String, Arc<Credential>>) -> HashMap<EnvironmentKey, Vec<Arc<Credential>>> {
    let mut signers: HashMap<EnvironmentKey, Vec<Arc<Credential>>> = HashMap::new();
    for credential in credentials.values().filter(|own| own.public_key.is_some()) {
        if let Some(environment) = &credential.environment {
            signers.entry(environment.clone()).or_default().push(Arc::clone(credential));
        }
    }
    signers
}

/// People by e-mail.
fn users(state: &State) -> HashMap<String, Arc<User>> {
    let all = state.of_kind(&Kind::User).filter_map(|entry| entry.document.parse::<User>().ok());
    all.map(|user| (user.email.clone(), Arc::new(user))).collect()
}
