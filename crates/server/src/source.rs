//! Where the client surface's answers come from: a server's own journal, or an edge's mirrors of one.

use std::sync::Arc;

use usher_core::{
    model::{Credential, DocumentId, Kind, Steering},
    protocol::Standing,
};
use usher_journal::{BoxFuture, Health};

use crate::{
    auth::secret,
    clock,
    problem::Problem,
    world::{Hub, World},
};

/// Where answers come from.
pub trait Source: Send + Sync + 'static {
    /// What is known of an environment, and the streams that carry it.
    ///
    /// # Errors
    /// There is nothing to answer from yet (503).
    fn hub(&self, environment: &str) -> Result<&Hub, Problem>;

    /// Whose secret this is, if it opens anything now.
    fn credential<'a>(&'a self, secret: &'a str) -> Asked<'a>;

    /// The credential of this hash, as far as it is known and while it is live; asks nobody.
    fn known(&self, hash: &str) -> Option<Arc<Credential>>;

    /// The credential of this name, likewise.
    fn named(&self, key: &str) -> Option<Arc<Credential>>;

    /// How old what is said of an environment may be; none for who has the journal.
    fn standing(&self, environment: &str) -> Option<Standing>;

    /// Where clients of an environment are to be served, as far as it is known; nobody is sent anywhere, without.
    fn steering(&self, environment: &str) -> Option<Arc<[Steering]>>;

    /// The context key of an environment that has this name, live or not.
    fn signer(&self, environment: &str, key: &str) -> Signer;

    /// All live context keys of an environment.
    ///
    /// # Errors
    /// It is not known yet which there are (503).
    fn signers(&self, environment: &str) -> Result<Vec<Arc<Credential>>, Problem>;

    /// Whether a client that has more than is known here may be given less: only where it is known that what is here
    /// is the newest.
    fn is_authority(&self, environment: &str) -> bool {
        self.standing(environment).is_none_or(|standing| !standing.stale)
    }
}

/// Who has signed something.
pub enum Signer {
    /// A context key of the environment.
    Known(Arc<Credential>),
    /// None that is known, and they all are.
    Unknown,
    /// None that is known here; whether there is one is being asked.
    NotYet,
}

/// The answer to whose secret something is, at once or after somebody was asked.
pub enum Asked<'a> {
    /// It is known.
    Now(Result<Arc<Credential>, Problem>),
    /// It is being asked for.
    Later(BoxFuture<'a, Result<Arc<Credential>, Problem>>),
}

impl Asked<'_> {
    /// Waits for it.
    ///
    /// # Errors
    /// Nobody's, or nobody can say.
    pub async fn answer(self) -> Result<Arc<Credential>, Problem> {
        match self {
            Self::Now(answer) => answer,
            Self::Later(answer) => answer.await,
        }
    }
}

/// 401 for a secret that is nobody's.
#[must_use]
pub fn unknown_key() -> Problem {
    Problem::unauthorized("This key is not known here, has expired or was revoked.")
}

impl Source for World {
    fn hub(&self, _: &str) -> Result<&Hub, Problem> {
        Ok(World::hub(self))
    }

    fn credential<'a>(&'a self, secret: &'a str) -> Asked<'a> {
        // Found by its hash: an attacker who measures this learns about hashes, not about secrets.
        Asked::Now(self.known(&secret::hash(secret)).ok_or_else(unknown_key))
    }

    fn known(&self, hash: &str) -> Option<Arc<Credential>> {
        let found = self.snapshot().credentials.get(hash).cloned();
        found.filter(|credential| credential.is_live(clock::now()))
    }

    fn named(&self, key: &str) -> Option<Arc<Credential>> {
        let snapshot = self.snapshot();
        let entry = snapshot.state.get(&DocumentId::new(Kind::Key, key))?;
        let credential = entry.document.parse::<Credential>().ok()?;
        credential.is_live(clock::now()).then(|| Arc::new(credential))
    }

    fn standing(&self, _: &str) -> Option<Standing> {
        None
    }

    /// One that can't reach its journal may not have what is newest.
    fn is_authority(&self, _: &str) -> bool {
        !self.has_failed() && matches!(self.journal().health(), Health::Well)
    }

    fn signer(&self, environment: &str, key: &str) -> Signer {
        let snapshot = self.snapshot();
        let found = snapshot.signers.get(environment).and_then(|all| all.iter().find(|own| *own.key == *key));
        found.map_or(Signer::Unknown, |signer| Signer::Known(Arc::clone(signer)))
    }

    fn signers(&self, environment: &str) -> Result<Vec<Arc<Credential>>, Problem> {
        let snapshot = self.snapshot();
        let all = snapshot.signers.get(environment).map(Vec::as_slice).unwrap_or_default();
        let now = clock::now();
        Ok(all.iter().filter(|signer| signer.is_live(now)).map(Arc::clone).collect())
    }

    fn steering(&self, environment: &str) -> Option<Arc<[Steering]>> {
        self.snapshot().steering.get(environment).cloned()
    }
}
