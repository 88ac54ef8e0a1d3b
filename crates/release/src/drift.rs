//! How far the clock has gone from a steady one while a stage went on: how long that has gone well is told by the clock.
//!
//! Measured from one moment on, not summed up from look to look: what each reading is rounded by would add up too. A jump
//! is known until the stage's time begins anew or the release has stopped, so that it is not forgotten when the pause
//! that it asks for can't be committed.

use std::time::Duration;

use usher_core::model::{Progress, Status, Timestamp};

/// Both clocks of one node, as it watches a release.
#[derive(Clone, Copy, Debug, Default)]
pub struct Drift {
    /// Since when the stage goes on without a break.
    since: Option<Timestamp>,
    /// What both showed when that was first seen, and at the last look.
    from: Option<(Timestamp, Duration)>,
    last: Option<(Timestamp, Duration)>,
}

impl Drift {
    /// Reads the clock and one that never jumps. Gives back by how many milliseconds the clock has gone more.
    pub fn read(&mut self, progress: &Progress, now: Timestamp, steady: Duration) -> i64 {
        // While it is paused only what happens between two looks is told: nothing is promoted, and time begins anew.
        if self.since != Some(progress.since) || progress.status == Status::Paused {
            (self.since, self.from) = (Some(progress.since), self.last);
        }
        self.last = Some((now, steady));
        let (clock, other) = *self.from.get_or_insert((now, steady));
        let went = i64::try_from(steady.saturating_sub(other).as_millis()).unwrap_or(i64::MAX);
        now.since(clock).saturating_sub(went)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn running() -> Progress {
        serde_json::from_value(serde_json::json!({
            "status": "running", "started": "1970-01-01T00:00:00Z", "stage": 0, "since": "1970-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    /// What is read when the clock shows this many milliseconds and a steady one that many.
    fn read(drift: &mut Drift, progress: &Progress, clock: i64, steady: u64) -> i64 {
        drift.read(progress, Timestamp::from_millis(clock), Duration::from_millis(steady))
    }

    #[test]
    fn a_jump_is_known_until_the_stage_begins_anew_or_has_stopped() {
        let (mut drift, mut progress) = (Drift::default(), running());
        assert_eq!(read(&mut drift, &progress, 5_000, 0), 0);
        assert_eq!(read(&mut drift, &progress, 20_000, 15_000), 0);
        assert_eq!(read(&mut drift, &progress, HOUR + 35_000, 30_000), HOUR);
        // The pause was not committed.
        assert_eq!(read(&mut drift, &progress, HOUR + 50_000, 45_000), HOUR);
        // Another one adds up, and one back takes away.
        assert_eq!(read(&mut drift, &progress, HOUR + 85_000, 60_000), HOUR + 20_000);
        assert_eq!(read(&mut drift, &progress, HOUR + 80_000, 75_000), HOUR);
        let mut paused = progress.clone();
        paused.status = Status::Paused;
        assert_eq!(read(&mut drift, &paused, HOUR + 95_000, 90_000), 0);
        assert_eq!(read(&mut drift, &paused, 2 * HOUR, 105_000), 2 * HOUR - (HOUR + 110_000));
        assert_eq!(read(&mut drift, &paused, 2 * HOUR + 15_000, 120_000), 0);
        progress.since = Timestamp::from_millis(2 * HOUR + 16_000);
        assert_eq!(read(&mut drift, &progress, 2 * HOUR + 30_000, 135_000), 0);
        assert_eq!(read(&mut drift, &progress, HOUR, 150_000), -(HOUR + 45_000));
    }

    #[test]
    fn readings_that_are_rounded_add_up_to_nothing() {
        let (mut drift, progress) = (Drift::default(), running());
        for look in 0..100_000_u64 {
            let micros = look * 1_000_999;
            let clock = Timestamp::from_millis(i64::try_from(micros / 1_000).unwrap());
            let told = drift.read(&progress, clock, Duration::from_micros(micros));
            assert!(told.abs() <= 1, "{told} at look {look}");
        }
    }
}
