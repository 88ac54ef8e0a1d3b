//! Signing in through an OpenID provider: the authorization-code flow, with PKCE, state and nonce.
//!
//! `provider` asks the provider, and leaves what has to be checked of its tokens to the crate `openidconnect`; `ticket`
//! is what a browser keeps meanwhile, so that it may come back to any node; `groups` says, purely, what somebody may do
//! by their groups there. Who they are here is decided in [`crate::api::oidc`].
//!
//! Whether somebody has shown a second factor is the provider's business: ours is not asked for.

mod groups;
mod provider;
mod ticket;

use std::collections::BTreeMap;

use openidconnect::RedirectUrl;
use usher_core::model::{OpenId, RoleBinding, Timestamp};

use self::provider::Provider;
pub use self::{
    groups::{Allowed, allowed},
    provider::Failed,
    ticket::{COOKIE, FIRST_PAGE, LASTS_SECONDS, PATH, Ticket},
};
use super::session::Keys;
use crate::{problem::Problem, settings::Settings};

/// The groups of a person, unless it is set otherwise: the claim that most providers use.
pub const GROUPS_CLAIM: &str = "groups";
/// What is asked for besides `openid`, unless it is set otherwise.
pub const SCOPES: &str = "profile email";
/// What the button says, unless it is set otherwise.
pub const NAME: &str = "single sign-on";
/// Where the provider sends people back to, behind our own address.
const CALLBACK: &str = "/api/v1/session/oidc/callback";

/// Why nobody could sign in so.
#[derive(Debug, thiserror::Error)]
pub enum NotUsable {
    /// A setting.
    #[error("{0}: {1}")]
    Setting(&'static str, String),
    /// There is no TLS.
    #[error("the OpenID provider can't be asked: {0}")]
    Client(#[from] reqwest::Error),
}

/// Sign-in through a provider.
pub struct Oidc {
    /// What it is called.
    pub name: String,
    /// Which provider.
    pub issuer: String,
    /// What its groups may do.
    pub groups: BTreeMap<String, Vec<RoleBinding>>,
    provider: Provider,
    public_url: Option<String>,
    secure: bool,
}

/// Somebody, as their provider tells of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What the provider calls them.
    pub subject: String,
    /// Their address, in lower case, if the provider does not say that it has not looked.
    pub email: Option<String>,
    /// How they are shown.
    pub name: String,
    /// Their groups.
    pub groups: Vec<String>,
}

impl Oidc {
    /// As it is set; none without a provider.
    ///
    /// # Errors
    /// Settings that can't be used together.
    pub fn new(settings: &Settings) -> Result<Option<Self>, NotUsable> {
        let Some(issuer) = settings.oidc_issuer.clone().filter(|issuer| !issuer.is_empty()) else {
            if !settings.password_sign_in {
                let why = "nobody could sign in: name a provider too, with `oidc_issuer`";
                return Err(NotUsable::Setting("password_sign_in", why.to_owned()));
            }
            return Ok(None);
        };
        if settings.oidc_groups.is_empty() {
            let why = "nobody could sign in: say what at least one group may do";
            return Err(NotUsable::Setting("oidc_groups", why.to_owned()));
        }
        let public_url = settings.oidc_public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        if let Some(url) = &public_url {
            redirect(url).map_err(|why| NotUsable::Setting("oidc_public_url", why))?;
        }
        Ok(Some(Self {
            name: settings.oidc_name.clone(),
            groups: settings.oidc_groups.clone(),
            provider: Provider::new(&issuer, settings)?,
            issuer,
            public_url,
            secure: settings.is_secure(),
        }))
    }

    /// Begins to sign in: where the browser goes, and what it keeps. `host` is how it calls us, `to` where it goes on
    /// afterwards.
    ///
    /// # Errors
    /// The provider can't be asked now.
    pub async fn begin(&self, host: &str, to: &str) -> Result<(String, Ticket), Failed> {
        self.provider.begin(self.redirect(host)?, ticket::own_page(to)).await
    }

    /// Ends it: who somebody is who came back with a code.
    ///
    /// # Errors
    /// The provider can't be asked now, or what it says can't be believed.
    pub async fn finish(&self, host: &str, code: String, ticket: &Ticket) -> Result<Person, Failed> {
        self.provider.finish(self.redirect(host)?, code, ticket).await
    }

    /// Who somebody is there.
    #[must_use]
    pub fn open_id(&self, person: &Person) -> OpenId {
        OpenId { issuer: self.issuer.clone(), subject: person.subject.clone() }
    }

    /// A ticket as a cookie holds it.
    ///
    /// # Errors
    /// It can't be signed.
    pub fn written(&self, keys: &Keys, ticket: &Ticket, now: Timestamp) -> Result<String, Problem> {
        ticket::write(keys, ticket, now)
    }

    /// The ticket in a cookie; none in one that is forged, of another purpose, or too old.
    pub async fn read(&self, keys: &Keys, cookie: &str, now: Timestamp) -> Option<Ticket> {
        ticket::read(keys, cookie, now).await
    }

    /// Where the provider sends people back to. What a browser calls us is good enough where nothing is set: a provider
    /// knows the addresses that it sends people to, and refuses all others.
    fn redirect(&self, host: &str) -> Result<RedirectUrl, Failed> {
        let scheme = if self.secure { "https" } else { "http" };
        let url = self.public_url.clone().unwrap_or_else(|| format!("{scheme}://{host}"));
        redirect(&url).map_err(Failed::NotBelieved)
    }
}

fn redirect(url: &str) -> Result<RedirectUrl, String> {
    RedirectUrl::new(format!("{url}{CALLBACK}")).map_err(|error| format!("`{url}` is no address: {error}"))
}
