//! What rehearsals of playbooks and of releases share: where they take place, and how long it takes until every device
//! there has what was done.

use std::time::Duration;

use tokio::time::Instant;
use usher_core::model::{DocumentId, Environment, EnvironmentKey, Kind, Seq};
use usher_journal::State;

use crate::{app::App, problem::Problem};

/// How long devices are waited for.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
/// How long it may take until it is known who is to be told.
const SETTLE: Duration = Duration::from_millis(300);

/// How a commit reached the devices in rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// Devices that were to have it.
    pub(crate) devices: u64,
    /// Devices that had it.
    pub(crate) converged: u64,
    /// When the last of them had it, in milliseconds after the commit.
    pub(crate) last_millis: Option<u64>,
}

/// Refuses to rehearse what is for `of` anywhere but in an environment for rehearsals.
///
/// # Errors
/// There is no such environment, or people are served there.
pub(crate) fn check_ground(
    state: &State,
    of: &EnvironmentKey,
    environment: &EnvironmentKey,
) -> Result<(), Problem> {
    let id = DocumentId::new(Kind::Environment, &**environment);
    let own: Environment = state.get(&id).ok_or_else(|| Problem::not_found(&id))?.document.parse()?;
    if own.rehearsal && of != environment {
        return Ok(());
    }
    let mend = "Name an environment whose document says `\"rehearsal\": true`.";
    Err(Problem::bad_value("environment", environment, "nothing is rehearsed where people are served", mend))
}

/// Waits until every device has a commit, patience ends, or the server is about to stop.
pub(crate) async fn arrived(app: &App, seq: Seq) -> Arrived {
    let began = Instant::now();
    loop {
        let total = app.convergence.report(Some(seq)).map(|report| report.total).unwrap_or_default();
        let all = total.converged + total.left >= total.expected && began.elapsed() > SETTLE;
        if all || began.elapsed() > PATIENCE || app.is_leaving() {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            // Milliseconds, and few of them.
            let last_millis = total.max_ms.map(|millis| millis.round() as u64);
            let devices = total.expected.saturating_sub(total.left) as u64;
            return Arrived { devices, converged: total.converged as u64, last_millis };
        }
        tokio::time::sleep(POLL).await;
    }
}
