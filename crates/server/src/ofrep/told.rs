//! What a caller was told of: who asks because of a change event is never answered with what was before it.
//!
//! Behind a balancer the event may come from one server and the question go to another, or to an edge, which has not
//! heard of the commit yet. Who was given the old values then would keep them, for nobody tells them again. So the
//! answer waits until the commit is here.

use std::time::Duration;

use actix_web::{HttpRequest, http::StatusCode};
use tokio::{sync::Semaphore, time::timeout};
use usher_core::ErrorCode;

use super::{asker::Asker, evaluate::parameter, events::Position, refusal::Refusal};
use crate::surface::Surface;

/// How long an answer waits. Servers hear of a commit within milliseconds; who still has not is in trouble, and another
/// may be asked instead.
const PATIENCE: Duration = Duration::from_secs(2);
/// When to ask again, in seconds.
const AGAIN_SECONDS: u32 = 1;
/// Answers that wait at a time. All listeners of an event ask at once; whoever makes positions up holds no more.
const MAX_WAITING: usize = 4_096;
/// Commits that anybody may have been told of and that are not here yet; more are not waited for.
const MAX_AHEAD: u64 = 10_000;

/// Room for answers that wait.
pub(super) struct Waiting(Semaphore);

impl Default for Waiting {
    fn default() -> Self {
        Self(Semaphore::new(MAX_WAITING))
    }
}

/// The tag of the configuration that a change event told of, as its caller sends it.
pub(super) struct Told(String);

impl Told {
    /// What a request says of one.
    pub(super) fn by(request: &HttpRequest) -> Option<Self> {
        let query = request.query_string();
        if query.is_empty() {
            return None;
        }
        parameter(query, "flagConfigEtag").map(Self)
    }

    fn tag(&self) -> &str {
        self.0.strip_prefix("W/").unwrap_or(&self.0).trim_matches('"')
    }

    /// Whether it is another configuration than this one.
    pub(super) fn differs(&self, own: &Position) -> bool {
        self.tag() != own.to_string()
    }

    /// Waits until what was told is here. Whether the caller has to be answered from what is known now, and not from
    /// what was when it came.
    ///
    /// # Errors
    /// It does not come, or there is no room to wait (503).
    pub(super) async fn awaited(&self, asker: &Asker, app: &Surface) -> Result<bool, Refusal> {
        // What is no position of ours, or one of another journal, nobody can wait for.
        let Some(told) = self.tag().parse::<Position>().ok().filter(|told| told.epoch == asker.epoch())
        else {
            return Ok(false);
        };
        if told.seq <= asker.seq() {
            return Ok(false);
        }
        let late = || {
            let details = format!("Commit {}, which you were told of, has not come here yet.", told.seq);
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::General, details)
                .retry_after(AGAIN_SECONDS)
        };
        let hub = app.source.hub(asker.flag_set())?;
        if told.seq.0.saturating_sub(hub.known().0) > MAX_AHEAD {
            return Err(late());
        }
        let _room = app.ofrep.waiting.0.try_acquire().map_err(|_| late())?;
        timeout(PATIENCE, hub.reached(told.epoch, told.seq)).await.map_err(|_| late())?;
        Ok(true)
    }
}
