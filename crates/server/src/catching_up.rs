//! Who was served elsewhere may have more than is known here: another server, or another edge, was faster. That is waited
//! for; and where it does not come, nobody is led back by somebody who only lacks it.

use std::time::Duration;

use actix_web::http::StatusCode;
use tokio::time::timeout;
use usher_core::model::{Epoch, Seq};

use crate::{problem::Problem, source::Source};

/// For how long it is waited.
const WITHIN: Duration = Duration::from_secs(2);
/// When somebody may come again who has more than is here, in seconds.
const COME_AGAIN_SECONDS: u32 = 5;

/// Waits until what is known here of an environment includes this commit. Whoever has it may be answered then; or when
/// what is here is the newest that there is, for then theirs never was.
///
/// # Errors
/// There is less here, and nobody here knows whether theirs is the newest (503).
pub(crate) async fn catch_up(
    source: &dyn Source,
    environment: &str,
    epoch: Epoch,
    seq: Seq,
) -> Result<(), Problem> {
    let hub = source.hub(environment)?;
    if timeout(WITHIN, hub.reached(epoch, seq)).await.is_ok() || source.is_authority(environment) {
        return Ok(());
    }
    let detail = "What is here is older than what you have, and where newer comes from is out of reach.";
    let behind = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "behind", detail);
    Err(behind.retry_after(COME_AGAIN_SECONDS))
}
