//! One made-up release, told look by look through the decision.

use anyhow::{Result, bail};
use serde_json::json;
use usher_core::model::{Kind, Progress, Release, Status, Timestamp, parse_strict};
use usher_release::{
    Calendar, Decision, Failures, Reading, SETTLES, Seen, decide,
    stats::{Shares, Table},
};

use super::traffic::Chance;

/// The rate of failures that is usual.
const USUAL: f64 = 0.01;
/// Trials at one venue within one look, on average.
const TRIALS: f64 = 110.0;
/// How much venues differ, in how busy they are and in how much fails, and how much both move from look to look: the
/// scatter of a log-normal law.
const VENUES_DIFFER: f64 = 0.7;
const LOOKS_DIFFER: f64 = 0.5;
/// What a mismatch may be wrong in, as the server has it.
const MISMATCH_ALPHA: f64 = 0.001;
/// Looks after which a release that has not ended is a mistake of the simulation.
const MAX_LOOKS: i64 = 100_000;

/// What is the same for all releases of a kind.
pub struct Story {
    release: Release,
    /// How many times as often the variant fails.
    times: f64,
    /// The variant's share of those that are drawn for it and counted: below 1 some get lost on the way.
    kept: f64,
    /// Whether venues and looks differ, or all are alike.
    scattered: bool,
    /// Exposures of the variant after which it is given up.
    limit: u64,
}

/// How a release ended, with the exposures of its variant until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Completed,
    RolledBack(u64),
    Mismatch(u64),
    /// It went on for longer than it was followed.
    Unseen,
}

impl Ending {
    pub fn exposures(&self) -> Option<u64> {
        match self {
            Self::RolledBack(exposures) | Self::Mismatch(exposures) => Some(*exposures),
            Self::Completed | Self::Unseen => None,
        }
    }
}

fn release(stages: &serde_json::Value) -> Result<Release> {
    let text = json!({
        "key": "simulated", "flag": "checkout", "environment": "production", "variant": "on", "control": "off",
        "stages": stages,
        "guards": [{"name": "Checkout", "check": {"failures": {"metric": "checkout"}}, "minimumSample": 100}],
    });
    Ok(parse_strict(&Kind::Release, text.to_string().as_bytes())?.parse()?)
}

fn venues(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("venue-{n}")).collect()
}

impl Story {
    /// Four stages at up to twelve venues that differ, for hours. Nothing is wrong with the variant.
    pub fn harmless() -> Result<Self> {
        let stage = |name: &str, count, percent: f64| json!({"name": name, "venues": venues(count), "percent": percent, "bake": "30m"});
        let stages = json!([
            stage("canary", 1, 10.0),
            stage("four", 4, 25.0),
            stage("twelve", 12, 50.0),
            stage("most", 12, 90.0)
        ]);
        Ok(Self { release: release(&stages)?, times: 1.0, kept: 1.0, scattered: true, limit: u64::MAX })
    }

    /// A control ten times as large, at one venue, and a variant that fails so many `times` as often.
    pub fn harmful(times: f64, limit: u64) -> Result<Self> {
        let stages = json!([{"name": "canary", "venues": venues(1), "percent": 9.091, "bake": "30d"}]);
        Ok(Self { release: release(&stages)?, times, kept: 1.0, scattered: false, limit })
    }

    /// Half should get the variant, and half of those get lost.
    pub fn mismatched() -> Result<Self> {
        let stages = json!([{"name": "half", "venues": venues(1), "percent": 50.0, "bake": "30d"}]);
        Ok(Self { release: release(&stages)?, times: 1.0, kept: 0.5, scattered: false, limit: 100_000 })
    }

    /// Tells one.
    ///
    /// # Errors
    /// One that never ends.
    pub fn tell(&self, chance: &mut Chance) -> Result<Ending> {
        let release = &self.release;
        let every = release.look_every.millis();
        let mut progress = Progress {
            status: Status::Running,
            started_by: None,
            started: Timestamp::EPOCH,
            stage: 0,
            since: Timestamp::EPOCH,
            approved_by: None,
            withdrawn: Vec::new(),
            measured: Vec::new(),
            steps: Vec::new(),
        };
        let places = release.stages.iter().map(|stage| stage.venues.len()).max().unwrap_or_default();
        let mut factor = |scatter: f64| if self.scattered { chance.factor(scatter) } else { 1.0 };
        let usual: Vec<(f64, f64)> =
            (0..places).map(|_| (TRIALS * factor(VENUES_DIFFER), USUAL * factor(VENUES_DIFFER))).collect();
        let guard = &release.guards[0];
        let mut failures = Failures::new(0.0);
        let mut shares = Shares::new(release.stages[0].percent.value() / 100.0);
        let mut exposures = 0;
        for look in 1..MAX_LOOKS {
            let stage = &release.stages[progress.stage];
            let share = stage.percent.value() / 100.0;
            let now = Timestamp::from_millis(look * every);
            // As the server does, though nothing is late here.
            let settled = now.since(progress.since) >= SETTLES.millis();
            for (venue, (trials, rate)) in stage.venues.iter().zip(&usual) {
                let table = self.look(chance, *trials, *rate, share);
                exposures += table.variant.total;
                if settled {
                    shares.add(table.variant.total, table.control.total);
                }
                failures.add(Some(venue), table);
            }
            let alpha = release.false_alarms.value() / 100.0;
            let reading = failures.read("checkout", guard.minimum_sample, alpha);
            let breached = matches!(reading, Reading::Breached { .. });
            let broken = shares.ln_evidence() >= -MISMATCH_ALPHA.ln();
            let seen = Seen {
                guards: &[reading],
                doubts: broken.then(|| "The split is broken.".to_owned()).into_iter().collect(),
                exposures,
                converged: Some(1.0),
                calendar: Calendar::default(),
                unwatched: 0,
                clock_drift: 0,
            };
            match decide(release, &progress, &seen, now) {
                Decision::Hold(_) if exposures >= self.limit => return Ok(Ending::Unseen),
                Decision::Hold(_) => {}
                Decision::Promote(_) => {
                    progress.stage += 1;
                    progress.since = now;
                    shares.ask(release.stages[progress.stage].percent.value() / 100.0);
                }
                Decision::Complete(_) => return Ok(Ending::Completed),
                Decision::RollBack { .. } if breached && exposures <= self.limit => {
                    return Ok(Ending::RolledBack(exposures));
                }
                Decision::RollBack { .. } => return Ok(Ending::Unseen),
                Decision::Pause(_) if broken => return Ok(Ending::Mismatch(exposures)),
                other => bail!("no such thing was told: {other:?}"),
            }
        }
        bail!("a release did not end within {MAX_LOOKS} looks")
    }

    /// What comes in at one venue until the next look.
    fn look(&self, chance: &mut Chance, trials: f64, rate: f64, share: f64) -> Table {
        let (busy, bad) = if self.scattered {
            (chance.factor(LOOKS_DIFFER), chance.factor(LOOKS_DIFFER))
        } else {
            (1.0, 1.0)
        };
        let all = chance.arrivals(trials * busy);
        let drawn = chance.of(all, share);
        let kept = if self.kept < 1.0 { chance.of(drawn, self.kept) } else { drawn };
        Table {
            variant: chance.failures(kept, rate * bad * self.times),
            control: chance.failures(all - drawn, rate * bad),
        }
    }
}
