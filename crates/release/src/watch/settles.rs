//! How long it takes until what is counted is of what is served now.

use usher_core::model::{Duration, Timestamp};

/// For how long after a step counts still come of before it. Programs send every 10 s, give or take a quarter, edges sum
/// up once more, nodes tell each other, and devices have to hear of the step first.
pub const SETTLES: Duration = Duration::from_seconds(30);

/// Whether what comes now may still be of before `then`. A clock that jumped makes nobody wait for longer.
pub(super) fn settles(then: Option<Timestamp>, now: Timestamp) -> bool {
    then.is_some_and(|then| now.since(then).unsigned_abs() < SETTLES.millis().unsigned_abs())
}
