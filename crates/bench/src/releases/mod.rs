//! `usher-bench releases`: thousands of made-up releases through the very decision that real ones go through. Seeded: the
//! same seed tells the same stories. Nothing here is measured on a clock.

mod story;
mod traffic;

use std::thread;

use anyhow::{Result, anyhow};
use serde_json::{Map, Value, json};

use self::{
    story::{Ending, Story},
    traffic::Chance,
};
use crate::table::{Form, Table, figure};

/// Seeds of releases with the same seed for the whole run must not overlap: each kind of story begins elsewhere.
const KINDS: u64 = 1 << 32;

/// One kind of harm: what it is called, how many times as often the variant fails, and the exposures of the variant
/// before which it is to be seen.
const HARMS: [(&str, f64, u64); 3] =
    [("doubled", 2.0, 4_000), ("tenfold", 10.0, 200), ("byHalf", 1.5, 15_000)];

/// Simulates, and prints one line of JSON or tables.
pub fn run(count: u64, seed: u64, json: bool, form: Form) -> Result<()> {
    let harmless = endings(&Story::harmless()?, count, seed)?;
    let harms = HARMS.iter().zip(1..).map(|((name, times, limit), kind)| {
        let endings = endings(&Story::harmful(*times, *limit)?, count, seed.wrapping_add(kind * KINDS))?;
        Ok((*name, *times, *limit, endings))
    });
    let harms: Vec<_> = harms.collect::<Result<_>>()?;
    let broken = endings(&Story::mismatched()?, count, seed.wrapping_add(9 * KINDS))?;

    let false_rollbacks = share(&harmless, |ending| matches!(ending, Ending::RolledBack(_)));
    let false_pauses = share(&harmless, |ending| matches!(ending, Ending::Mismatch(_)));
    let completed = share(&harmless, |ending| *ending == Ending::Completed);
    let caught = share(&broken, |ending| matches!(ending, Ending::Mismatch(_)));
    let detected: Vec<f64> = harms
        .iter()
        .map(|(.., endings)| share(endings, |ending| matches!(ending, Ending::RolledBack(_))))
        .collect();

    if json {
        let each: Map<String, Value> =
            harms.iter().zip(&detected).map(|((name, ..), rate)| ((*name).to_owned(), json!(rate))).collect();
        let line = json!({
            "count": count, "seed": seed,
            "falseRollbackRate": false_rollbacks, "falsePauseRate": false_pauses, "completedRate": completed,
            "detectedRate": detected.iter().copied().fold(1.0, f64::min), "detected": each,
            "mismatchCaughtRate": caught,
        });
        println!("{line}");
        return Ok(());
    }
    println!("{count} releases of each kind, seed {seed}\n");
    let percent = |rate: f64| format!("{:.2} %", rate * 100.0);
    let mut table =
        Table::new(["releases", "outcome", "share", "exposures of the variant until then: p50", "p95"]);
    let mut row = |name: &str, what: &str, rate: f64, endings: &[Ending]| {
        let [half, most] = [0.5, 0.95].map(|quantile| exposures(endings, quantile));
        table.row([name.to_owned(), what.to_owned(), percent(rate), half, most]);
    };
    row("harmless, four stages", "rolled back", false_rollbacks, &harmless);
    row("harmless, four stages", "paused for a mismatch", false_pauses, &[]);
    row("harmless, four stages", "completed", completed, &[]);
    for ((name, times, limit, endings), rate) in harms.iter().zip(&detected) {
        let name = format!("1 % of failures × {times} ({name})");
        row(&name, &format!("rolled back before {limit} exposures"), *rate, endings);
    }
    row("2:1 instead of 1:1", "paused for a mismatch", caught, &broken);
    table.print(form);
    Ok(())
}

/// How `count` releases of a kind end. On all processors: each release has its own chance, so their order is all one.
fn endings(story: &Story, count: u64, seed: u64) -> Result<Vec<Ending>> {
    let workers = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    thread::scope(|scope| {
        let own = |worker: u64| {
            scope.spawn(move || {
                let mine = (0..count).filter(move |n| n % workers == worker);
                mine.map(|n| story.tell(&mut Chance::new(seed, n))).collect::<Result<Vec<Ending>>>()
            })
        };
        let running: Vec<_> = (0..workers).map(own).collect();
        let mut all = Vec::new();
        for worker in running {
            all.extend(worker.join().map_err(|_| anyhow!("a simulation ended early"))??);
        }
        Ok(all)
    })
}

#[allow(clippy::cast_precision_loss)] // Counts of releases.
fn share(endings: &[Ending], is: impl Fn(&Ending) -> bool) -> f64 {
    endings.iter().filter(|ending| is(ending)).count() as f64 / endings.len().max(1) as f64
}

/// Exposures of the variant when it was stopped, of those that were.
fn exposures(endings: &[Ending], quantile: f64) -> String {
    let mut stopped: Vec<u64> = endings.iter().filter_map(Ending::exposures).collect();
    stopped.sort_unstable();
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = (stopped.len() as f64 * quantile) as usize;
    #[allow(clippy::cast_precision_loss)]
    stopped.get(at).map_or_else(|| "–".to_owned(), |seen| figure(*seen as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: u64 = 300;

    #[test]
    fn harmless_releases_are_hardly_ever_taken_back() {
        let endings = endings(&Story::harmless().unwrap(), COUNT, 7).unwrap();
        let wrong = endings.iter().filter(|ending| matches!(ending, Ending::RolledBack(_))).count();
        // Three are expected at most; nine or more come by chance once in a hundred seeds.
        assert!(wrong <= 8, "{wrong} of {COUNT} with seed 7");
        assert!(share(&endings, |ending| *ending == Ending::Completed) > 0.95);
    }

    #[test]
    fn harm_is_seen_in_time_and_a_broken_split_always() {
        for (name, times, limit) in HARMS {
            let endings = endings(&Story::harmful(times, limit).unwrap(), COUNT, 7).unwrap();
            let seen = share(&endings, |ending| matches!(ending, Ending::RolledBack(_)));
            assert!(seen >= 0.92, "{name}: {seen} with seed 7");
        }
        let endings = endings(&Story::mismatched().unwrap(), COUNT, 7).unwrap();
        assert!(endings.iter().all(|ending| matches!(ending, Ending::Mismatch(_))));
    }

    #[test]
    fn the_same_seed_tells_the_same_stories() {
        let tell = |seed| endings(&Story::harmful(2.0, 4_000).unwrap(), 20, seed).unwrap();
        assert_eq!(tell(1), tell(1));
        assert_ne!(tell(1), tell(2));
    }
}
