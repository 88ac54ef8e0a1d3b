//! Webhooks: what happens is told to others, signed by the Standard Webhooks specification (standardwebhooks.com).
//!
//! Each has a queue of its own, which is the journal itself from a position on: messages are made of commits
//! (`message`), sent in order, and sent again until they are taken (`post`). The position is kept once all of a commit
//! is told (`position`), so whatever ends a server, a message may come twice, with the same id, and none is lost.

mod message;
mod position;
mod post;
mod queue;
mod settings;
mod signature;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use usher_core::{Problems, model::Seq};

use self::post::Receiver;
pub(crate) use self::queue::run;
pub use self::settings::WebhookSettings;
use crate::settings::Settings;

/// What becomes of a message: `usher_webhook_deliveries_total`.
pub(crate) const OUTCOMES: [&str; 3] = [DELIVERED, RETRIED, SKIPPED];
const DELIVERED: &str = "delivered";
const RETRIED: &str = "retried";
const SKIPPED: &str = "skipped";

/// How far the webhooks have been told that this server delivers to.
#[derive(Default)]
pub struct Webhooks(Mutex<HashMap<String, Seq>>);

impl Webhooks {
    /// How many commits the slowest has not been told of, when `newest` is the last.
    pub(crate) fn lag(&self, newest: u64) -> u64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().map(|told| newest.saturating_sub(told.0)).max().unwrap_or_default()
    }

    /// Notes how far one has been told; none for one that another server delivers to.
    fn note(&self, name: &str, told: Option<Seq>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told {
            Some(seq) => drop(all.insert(name.to_owned(), seq)),
            None => drop(all.remove(name)),
        }
    }
}

/// Why webhooks can't be delivered.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// They are not set right.
    #[error("{0}")]
    Settings(#[from] Problems),
    /// There is no TLS.
    #[error("webhooks can't be sent: {0}")]
    Client(#[from] reqwest::Error),
}

/// A webhook, ready to be delivered to.
pub(crate) struct Hook {
    settings: WebhookSettings,
    receiver: Receiver,
}

/// Checks the webhooks of a server before anything is begun.
///
/// # Errors
/// See [`NotStarted`].
pub(crate) fn prepare(settings: &Settings) -> Result<Vec<Hook>, NotStarted> {
    settings::check(&settings.webhooks)?;
    if settings.webhooks.is_empty() {
        return Ok(Vec::new());
    }
    // A redirect would lead where nobody who set the address has looked.
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let hook = |own: &WebhookSettings| {
        let key = own.key().map_err(Problems::from)?;
        Ok(Hook { settings: own.clone(), receiver: Receiver::new(client.clone(), own, key) })
    };
    settings.webhooks.iter().map(hook).collect()
}
