//! What a node tells of its evaluations: its own of the hours that are not closed, cumulatively since it started, so that
//! a word may be lost. Who hears it adds what has grown (`crate::evaluations`).

use std::time::{Duration, Instant};

use crate::{app::App, evaluations::Told};

/// How often a node tells of them: they are looked at by the hour.
const EVERY: Duration = Duration::from_secs(10);
/// How often where nothing has changed: for those who have come meanwhile, or lost a word.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// Different evaluations in one word; what is over is not told. About two megabytes.
const MAX_TOLD: usize = 20_000;

/// What this node has told.
#[derive(Default)]
pub(super) struct Own {
    looked: Option<Instant>,
    /// How much that was, and when.
    said: Option<(u64, Instant)>,
}

impl Own {
    /// What there is to be told now, if anything.
    pub(super) fn word(&mut self, app: &App) -> Option<Vec<Told>> {
        // Who is about to go says at once what it still takes.
        if self.looked.is_some_and(|at| at.elapsed() < EVERY) && !app.is_leaving() {
            return None;
        }
        self.looked = Some(Instant::now());
        let told = app.evaluations().own(MAX_TOLD);
        let count = told.iter().fold(0, |sum: u64, own| sum.saturating_add(own.count()));
        let is_old = self.said.is_none_or(|(then, at)| then != count || at.elapsed() >= AT_LEAST_EVERY);
        if told.is_empty() || !is_old {
            return None;
        }
        self.said = Some((count, Instant::now()));
        Some(told)
    }
}
