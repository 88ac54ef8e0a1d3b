//! What an edge answers from: its mirrors, one for each environment, and what it knows of clients' keys.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::StatusCode;
use usher_core::{
    model::{Credential, EnvironmentKey, Steering},
    protocol::Standing,
};
use usher_server::{
    problem::Problem,
    source::{Asked, Signer, Source},
    world::Hub,
};

use crate::{
    keys::Keys,
    mirror::{Begun, Mirror},
};

/// When to ask again where there is nothing yet, in seconds.
const NOTHING_YET_SECONDS: u32 = 1;

/// What an edge answers from.
pub(crate) struct Relay {
    mirrors: Vec<Arc<Mirror>>,
    /// Which mirror is of which environment, known before there is anything in it.
    claims: Mutex<Vec<(EnvironmentKey, Arc<Mirror>)>>,
    pub(crate) keys: Arc<Keys>,
}

/// Where a credential can be served.
pub(crate) enum Place<'a> {
    /// Here.
    Here(&'a Begun),
    /// Here, once there is something to be served.
    NotYet,
    /// Not here.
    Elsewhere,
}

impl Relay {
    pub(crate) fn new(mirrors: Vec<Arc<Mirror>>, keys: Arc<Keys>) -> Self {
        Self { mirrors, claims: Mutex::default(), keys }
    }

    /// Says that a mirror is of an environment. `false` when another is: there is one key for each.
    pub(crate) fn claim(&self, mirror: &Arc<Mirror>, environment: &EnvironmentKey) -> bool {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, own)) = claims.iter().find(|(own, _)| own == environment) {
            return Arc::ptr_eq(own, mirror);
        }
        claims.push((environment.clone(), Arc::clone(mirror)));
        true
    }

    /// All mirrors.
    pub(crate) fn mirrors(&self) -> &[Arc<Mirror>] {
        &self.mirrors
    }

    /// Whether there is something to be served: of every key that the upstream does not refuse.
    pub(crate) fn is_ready(&self) -> bool {
        let mut waiting = self.mirrors.iter().filter(|mirror| mirror.begun().is_none());
        self.begun().next().is_some() && waiting.all(|mirror| mirror.refused().is_some())
    }

    /// What there is.
    pub(crate) fn begun(&self) -> impl Iterator<Item = (&Begun, &Mirror)> {
        self.mirrors.iter().filter_map(|mirror| Some((mirror.begun()?, &**mirror)))
    }

    fn find(&self, environment: &str) -> Option<(&Begun, &Mirror)> {
        self.begun().find(|(begun, _)| *begun.environment == *environment)
    }

    /// Where an environment is served.
    pub(crate) fn place(&self, environment: &str) -> Place<'_> {
        match self.find(environment) {
            Some((begun, _)) => Place::Here(begun),
            None if self.mirrors.iter().any(|own| own.begun().is_none() && own.refused().is_none()) => {
                Place::NotYet
            }
            None => Place::Elsewhere,
        }
    }
}

/// 503: there is nothing to answer from yet.
pub(crate) fn nothing_yet() -> Problem {
    let detail = "This edge has no data yet: it has not reached its upstream, and has no copy on disk.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_data", detail).retry_after(NOTHING_YET_SECONDS)
}

/// 421: what is asked for is not relayed here.
pub(crate) fn elsewhere(detail: String) -> Problem {
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "not_relayed", detail)
}

impl Source for Relay {
    fn hub(&self, environment: &str) -> Result<&Hub, Problem> {
        match self.place(environment) {
            Place::Here(begun) => Ok(&begun.hub),
            Place::NotYet => Err(nothing_yet()),
            Place::Elsewhere => Err(elsewhere(format!("This edge does not relay {environment}."))),
        }
    }

    fn credential<'a>(&'a self, secret: &'a str) -> Asked<'a> {
        self.keys.find(self, secret)
    }

    fn known(&self, hash: &str) -> Option<Arc<Credential>> {
        self.keys.known(hash)
    }

    fn named(&self, key: &str) -> Option<Arc<Credential>> {
        self.keys.named(key)
    }

    fn standing(&self, environment: &str) -> Option<Standing> {
        // Of what is not here nothing is said, and nothing is served.
        self.find(environment).map(|(_, mirror)| mirror.standing())
    }

    fn signer(&self, environment: &str, key: &str) -> Signer {
        self.find(environment).map_or(Signer::Unknown, |(_, mirror)| mirror.signers.find(key))
    }

    fn signers(&self, environment: &str) -> Result<Vec<Arc<Credential>>, Problem> {
        let (_, mirror) = self.find(environment).ok_or_else(nothing_yet)?;
        mirror.signers.live().ok_or_else(nothing_yet)
    }

    fn steering(&self, environment: &str) -> Option<Arc<[Steering]>> {
        let (_, mirror) = self.find(environment)?;
        let steering = mirror.steering.load();
        (!steering.is_empty()).then(|| steering.as_slice().into())
    }
}
