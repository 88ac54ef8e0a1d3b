//! Everybody loses the edge at once, and comes back.

use super::{chance::Chance, costs::Costs};

/// Length of a step, in seconds.
const STEP: f64 = 0.01;
/// Seconds after which a storm counts as one that never ends.
const GIVE_UP: f64 = 3_600.0;
/// Longest first wait of the full jitter, in seconds; it doubles with every attempt up to [`Costs::jitter`].
const FIRST_WAIT: f64 = 1.0;
/// When a device that is refused may come again at the earliest, in seconds; it is told so, spread over as long again.
const COME_AGAIN: f64 = 1.0;
/// How many seconds' worth of devices may wait in an edge before others are told to come later.
const WAITING: f64 = 0.5;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Storm {
    /// Seconds until the last device is back; none when it never is.
    pub seconds: Option<f64>,
    /// Seconds until half of them are.
    pub half: f64,
    /// Most attempts that one device made.
    pub attempts: u32,
    /// Attempts that were told to come later.
    pub refused: u64,
    /// Bytes a second that the edge sent at the worst.
    pub peak_bytes: f64,
}

/// Lets `devices` of one edge come back at once. Each waits a random part of a growing time (full jitter), the edge
/// takes in as many as it can, keeps a few waiting, and tells the rest when to come.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // Counts and steps.
pub fn storm(devices: u32, costs: &Costs, seed: u64) -> Storm {
    let mut chance = Chance::new(seed);
    let steps = (GIVE_UP / STEP) as usize;
    // For each step, how many attempts those have made who come then.
    let mut coming: Vec<Vec<u32>> = vec![Vec::new(); steps];
    let come = |coming: &mut Vec<Vec<u32>>, at: f64, attempts: u32| {
        if let Some(step) = coming.get_mut((at / STEP) as usize) {
            step.push(attempts);
        }
    };
    for _ in 0..devices {
        come(&mut coming, chance.share() * FIRST_WAIT.min(costs.jitter), 1);
    }
    let can = costs.connects_per_second() * STEP;
    let room = costs.connects_per_second() * WAITING;
    let (mut waiting, mut taken, mut budget) = (0.0_f64, 0.0_f64, 0.0_f64);
    let mut told = Storm { seconds: None, half: 0.0, attempts: 0, refused: 0, peak_bytes: 0.0 };
    for step in 0..steps {
        let now = step as f64 * STEP;
        for attempts in std::mem::take(&mut coming[step]) {
            told.attempts = told.attempts.max(attempts);
            if waiting < room {
                waiting += 1.0;
            } else {
                told.refused += 1;
                // Twice as long with every attempt, as a client does by itself, and never before it may.
                let wait = (FIRST_WAIT * f64::from(1_u32 << attempts.min(10))).min(costs.jitter);
                let again = now + COME_AGAIN * (1.0 + chance.share()) + chance.share() * wait;
                come(&mut coming, again, attempts + 1);
            }
        }
        budget = (budget + can).min(can.max(1.0));
        let now_taken = waiting.min(budget).floor();
        waiting -= now_taken;
        budget -= now_taken;
        taken += now_taken;
        told.peak_bytes = told.peak_bytes.max(now_taken * f64::from(costs.values_bytes) / STEP);
        if told.half == 0.0 && taken >= f64::from(devices) / 2.0 {
            told.half = now;
        }
        if taken >= f64::from(devices) {
            told.seconds = Some(now);
            break;
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seats::tests::costs;

    #[test]
    fn everybody_comes_back_and_nobody_knocks_for_ever() {
        let costs = costs();
        let calm = storm(1_000, &costs, 1);
        assert!(calm.seconds.unwrap() <= FIRST_WAIT + 1.0 && calm.refused == 0, "{calm:?}");
        let crowd = storm(50_000, &costs, 1);
        assert!(crowd.refused > 0 && crowd.attempts < 20, "{crowd:?}");
        let least = 50_000.0 / costs.connects_per_second();
        assert!(crowd.seconds.unwrap() >= least * 0.99 && crowd.seconds.unwrap() < least * 10.0, "{crowd:?}");
        assert_eq!(storm(50_000, &costs, 1), crowd, "the same seed");
    }

    #[test]
    fn an_edge_that_takes_in_too_slowly_is_seen() {
        let slow = Costs { connect_micros: 1e9, cores: 1, ..costs() };
        assert_eq!(storm(10_000, &slow, 1).seconds, None);
    }
}
