//! What all handlers of a server share.

use std::{ops::Deref, sync::Arc};

use crate::{
    auth::{factor::Factors, oidc::Oidc, session::Sessions, throttle::Throttle},
    code_references::CodeReferences,
    evaluations::Evaluations,
    fleet::Peers,
    live::Live,
    releases::Releases,
    surface::Surface,
    webhooks::Webhooks,
    world::World,
};

/// What all handlers of a server share: what an edge has too, and what only a server has.
pub struct App {
    /// What programs ask for.
    pub surface: Arc<Surface>,
    /// Flags and all the rest.
    pub world: Arc<World>,
    /// Sessions of people.
    pub sessions: Sessions,
    /// Secrets of their second factors.
    pub factors: Factors,
    /// The OpenID provider that people can sign in through, if there is one.
    pub oidc: Option<Oidc>,
    /// Failed sign-ins.
    pub throttle: Throttle,
    /// What browsers are told.
    pub live: Live,
    /// Where code names flags.
    pub code_references: CodeReferences,
    /// How often flags were evaluated, by the hour; see [`App::evaluations`].
    pub(crate) evaluations: Evaluations,
    /// The other servers of this workspace.
    pub peers: Peers,
    /// Releases that are watched.
    pub releases: Releases,
    /// How far webhooks have been told.
    pub webhooks: Webhooks,
    /// Held while a change is planned, checked and written, and until it can be read.
    pub writing: Arc<tokio::sync::Mutex<()>>,
}

impl Deref for App {
    type Target = Surface;

    fn deref(&self) -> &Surface {
        &self.surface
    }
}
