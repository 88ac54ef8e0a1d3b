//! Passing on what clients have counted: summed up, in batches that are sent again until they have arrived.
//!
//! A batch has a name by which the upstream knows one that it has taken already, so nothing counts twice. What waits is
//! bounded, as at a server; what an edge has not passed on when it dies is lost, as is what a server has counted.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};
use usher_core::model::EnvironmentKey;
use usher_sdk::parts::draw;
use usher_server::{Secret, sdk::events::Batch, surface::Surface};

use crate::{http::Http, mirror::Mirror};

/// How often it is passed on, give or take a quarter.
const EVERY: Duration = Duration::from_secs(2);
/// How often it is tried again when the edge stops.
const LAST_TRIES: u32 = 3;

/// Passes on what the clients of one mirror have counted.
pub(crate) struct Forward {
    pub(crate) surface: Arc<Surface>,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) http: Http,
    pub(crate) key: Secret,
    /// The random identity of this process.
    pub(crate) instance: String,
    /// How many batches there were.
    pub(crate) batches: u64,
    /// The batch that is on its way, until it has arrived.
    pub(crate) sending: Option<Batch>,
}

impl Forward {
    /// Goes on until the edge stops, and sends what there is then.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        while !stopped_within(EVERY.mul_f64(0.75 + draw() / 2.0), &mut stopping).await {
            self.pass_on().await;
        }
        for _ in 0..LAST_TRIES {
            if self.pass_on().await {
                return;
            }
            sleep(EVERY / 10).await;
        }
    }

    /// Sends all there is; `false` when something is left.
    async fn pass_on(&mut self) -> bool {
        let Some(begun) = self.mirror.begun() else { return true };
        let environment = begun.environment.clone();
        while let Some(batch) = self.next(&environment) {
            let sent = self.http.post("/sdk/v1/events", self.key.expose()).json(&batch).send().await;
            match sent.map(|answer| answer.status().as_u16()) {
                Ok(200..=299) => self.sending = None,
                // It would be the same the next time.
                Ok(status @ (400 | 404 | 405 | 413 | 422)) => {
                    tracing::error!(status, "upstream does not take what was counted");
                    self.sending = None;
                }
                Ok(status) => {
                    tracing::debug!(status, "what was counted waits");
                    return false;
                }
                Err(error) => {
                    tracing::debug!(error = %error.without_url(), "what was counted waits");
                    return false;
                }
            }
        }
        true
    }

    fn next(&mut self, environment: &EnvironmentKey) -> Option<Batch> {
        if self.sending.is_none() {
            let name = format!("{}-{}", self.instance, self.batches + 1);
            self.sending = self.surface.counts.take(environment, name);
            self.batches += u64::from(self.sending.is_some());
        }
        self.sending.clone()
    }
}

/// Waits; `true` when the edge stops meanwhile.
async fn stopped_within(time: Duration, stopping: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = sleep(time) => false,
        _ = stopping.wait_for(|stopping| *stopping) => true,
    }
}
