//! How long it took until every device had what was taken back: written into the release's record.

use std::time::{Duration, Instant};

use usher_core::model::{DocumentId, Kind, Seq};
use usher_release::Move;

use super::{App, step};

/// How long devices are waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take until it is known who was to be told.
const SETTLE: Duration = Duration::from_millis(500);

const NOBODY: &str = "No device was connected that had to be told.";

/// What was taken back and is on its way.
#[derive(Default)]
pub(super) struct Arrivals(Vec<(Box<str>, Seq, Instant)>);

impl Arrivals {
    /// Follows the commit that took a release back.
    pub(super) fn follow(&mut self, release: &str, seq: Seq) {
        self.0.push((release.into(), seq, Instant::now()));
    }

    /// Notes what has arrived.
    pub(super) async fn look(&mut self, app: &App) {
        let (mut arrived, mut waiting) = (Vec::new(), Vec::new());
        for (release, seq, since) in self.0.drain(..) {
            let late = since.elapsed() > PATIENCE;
            let settled = since.elapsed() > SETTLE;
            match app.convergence.report(Some(seq)).map(|report| report.total) {
                Some(total) if total.expected == 0 && settled => {
                    arrived.push((release, seq, NOBODY.to_owned()));
                }
                Some(total) if late || (total.converged + total.left >= total.expected && settled) => {
                    let last = total.max_ms.unwrap_or_default() / 1_000.0;
                    let left =
                        if total.left > 0 { format!(", {} left before", total.left) } else { String::new() };
                    let (has, of) = (total.converged, total.expected);
                    let said = format!("{has} of {of} devices had it, the last after {last:.3} s{left}.");
                    arrived.push((release, seq, said));
                }
                None if late => arrived.push((release, seq, NOBODY.to_owned())),
                _ => waiting.push((release, seq, since)),
            }
        }
        self.0 = waiting;
        for (release, seq, sentence) in arrived {
            // Only while nothing else has happened to it: a record in the wrong place would tell another story.
            let id = DocumentId::new(Kind::Release, &*release);
            let is_newest = app.world.snapshot().state.get(&id).is_some_and(|entry| entry.version == seq);
            if is_newest && let Err(error) = step(app, &release, seq, &Move::Arrived, vec![sentence]).await {
                tracing::warn!(%release, %error, "it could not be noted when devices had what was taken back");
            }
        }
    }
}
