//! Sends what was counted, now and then, and once more when the client is closed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use tokio::time::sleep;

use crate::{jitter::draw, obstacle::is_ours, shared::Shared};

/// How often what was counted is sent, give or take a quarter, so that a fleet does not send all at once.
pub(crate) const SEND_EVERY: Duration = Duration::from_secs(10);
/// How often it is sent at most, whatever a program asks for.
pub(crate) const SEND_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// How often it is told which flags the program reads, where there is nothing else to send. The first time is drawn,
/// so that a fleet that starts at once does not tell it at once.
const ASKED_EVERY: Duration = Duration::from_secs(3_600);

/// Pause before another attempt at the farewell, which has little time.
const FAREWELL_PAUSE: Duration = Duration::from_millis(300);

/// Sends until the client is closed, and what there is then, as long as it is left to.
pub(crate) async fn run(shared: Arc<Shared>, http: reqwest::Client) {
    let (mut closed, mut rests) = (shared.closed.subscribe(), shared.rests.subscribe());
    let mut asked_at = Instant::now() + ASKED_EVERY.mul_f64(draw());
    loop {
        // At rest the radio is woken for nothing: counts go with a poll, or when they are asked for. What there is when
        // it begins is sent at once, for there may be no later.
        let resting = *rests.borrow_and_update();
        let last = tokio::select! {
            () = sleep(shared.config.send_every.mul_f64(0.75 + draw() / 2.0)), if !resting => false,
            () = shared.flushes.notified() => false,
            Ok(()) = rests.changed() => false,
            _ = closed.wait_for(|closed| *closed) => true,
        };
        // Whatever is sent anyway takes it along.
        if last || !shared.events.is_empty() || Instant::now() >= asked_at {
            asked_at = Instant::now() + ASKED_EVERY;
            // Who keeps answers has to read again, for reading is what is told here.
            let asked = shared.snapshot.changing(|| shared.snapshot.load().data.take_asked());
            shared.events.ask(asked);
        }
        let dropped = shared.events.dropped();
        if dropped > 0 {
            shared.report(format!(
                "{dropped} counts were dropped: too many different ones, or names or numbers that can't be sent"
            ));
        }
        while let Some(batch) = shared.events.batch(&shared.config.instance) {
            let url = format!("{}/sdk/v1/events", shared.config.url);
            let sent = http.post(&url).bearer_auth(&shared.config.key).json(&*batch).send().await;
            // What somebody else says, a captive portal say, is no word of the server's.
            match sent.map(|response| (response.status(), is_ours(response.headers()))) {
                Ok((status, true)) if status.is_success() => shared.events.done(),
                Ok((status, true)) if is_final(status) => {
                    shared.report(format!("the server does not take what was counted: {status}"));
                    shared.events.done();
                }
                // The same batch again, next time.
                Ok(_) | Err(_) => break,
            }
        }
        if last && shared.events.is_empty() {
            return;
        } else if last {
            sleep(FAREWELL_PAUSE).await;
        }
    }
}

/// Whether it would be the same the next time. A refused key can be put right, and a busy server recovers.
fn is_final(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}
