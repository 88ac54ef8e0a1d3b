//! Asking the upstream about a key, and what its answer means here.

use std::sync::Arc;

use serde::Deserialize;
use usher_core::{
    model::{Credential, VenueKey},
    protocol::{CHECKS_SIGNED_CONTEXTS, KeyBody},
};
use usher_server::{problem::Problem, source::unknown_key};

use super::Keys;
use crate::relay::{Place, Relay, elsewhere};

/// Questions to the upstream at a time.
pub(super) const QUESTIONS: usize = 32;
/// When a client may come again whose key can't be checked now, in seconds.
const COME_AGAIN_SECONDS: u32 = 2;

/// What the upstream has said.
pub(super) enum Said {
    Live(KeyBody),
    Refused(Why),
    Unreachable(String),
}

/// Why a key opens nothing.
#[derive(Clone)]
pub(super) enum Why {
    Unknown,
    Forbidden(String),
    Elsewhere(String),
    Unreachable,
}

impl Keys {
    /// Asks the upstream.
    pub(super) async fn question(&self, secret: &str) -> Said {
        // The semaphore is never closed.
        let _place = self.questions.acquire().await;
        let said =
            match self.http.get(&format!("/sdk/v1/key?checks={CHECKS_SIGNED_CONTEXTS}"), secret).send().await
            {
                Ok(answer) => match answer.status().as_u16() {
                    200 => match answer.json::<KeyBody>().await {
                        Ok(told) => Said::Live(told),
                        Err(error) => Said::Unreachable(format!("its answer can't be read: {error}")),
                    },
                    401 => Said::Refused(Why::Unknown),
                    403 => Said::Refused(Why::Forbidden(detail(answer).await)),
                    421 => Said::Refused(Why::Elsewhere(detail(answer).await)),
                    status => Said::Unreachable(format!("it answered {status}")),
                },
                Err(error) => Said::Unreachable(error.without_url().to_string()),
            };
        self.metrics.checked(match &said {
            Said::Live(_) => "live",
            Said::Refused(_) => "refused",
            Said::Unreachable(_) => "unreachable",
        });
        said
    }
}

/// Why a live key opens nothing here.
pub(super) enum NotHere {
    /// It is not known yet whether it does.
    Yet,
    /// It never does.
    Ever(String),
}

/// What a live key opens here: what it is for, of what is relayed.
pub(super) fn here(relay: &Relay, told: &KeyBody, hash: &str) -> Result<Arc<Credential>, NotHere> {
    let begun = match relay.place(&told.environment) {
        Place::Here(begun) => begun,
        Place::NotYet => return Err(NotHere::Yet),
        Place::Elsewhere => {
            return Err(NotHere::Ever(format!(
                "This edge does not relay {}: ask another edge, or the server.",
                told.environment
            )));
        }
    };
    let mut credential = told.clone().credential(hash.to_owned());
    if !begun.venues.is_empty() {
        let both = |venue: &&VenueKey| credential.venues.is_empty() || credential.venues.contains(venue);
        credential.venues = begun.venues.iter().filter(both).cloned().collect();
        if credential.venues.is_empty() {
            let detail =
                "This edge relays none of the venues that this key is for: ask another, or the server.";
            return Err(NotHere::Ever(detail.to_owned()));
        }
    }
    Ok(Arc::new(credential))
}

/// What a problem is about, in the upstream's words.
async fn detail(answer: reqwest::Response) -> String {
    #[derive(Deserialize)]
    struct Told {
        detail: String,
    }
    let told = answer.json::<Told>().await;
    told.map_or_else(|_| "Upstream refuses this key.".to_owned(), |told| told.detail)
}

impl Why {
    pub(super) fn problem(&self) -> Problem {
        match self {
            Self::Unknown => unknown_key(),
            Self::Forbidden(detail) => Problem::forbidden(detail.clone()),
            Self::Elsewhere(detail) => elsewhere(detail.clone()),
            Self::Unreachable => {
                let detail = "This key can't be checked now: upstream can't be reached. Come again.";
                let status = actix_web::http::StatusCode::SERVICE_UNAVAILABLE;
                Problem::new(status, "upstream_unreachable", detail).retry_after(COME_AGAIN_SECONDS)
            }
        }
    }
}
