//! How far a commit has come, as people and programs are told.

use serde::Serialize;
use usher_core::{model::Timestamp, protocol::Count};
use utoipa::ToSchema;

/// How far one commit has come.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The commit.
    pub seq: u64,
    /// When it was made.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// Why.
    pub message: String,
    /// Devices connected now.
    pub connected: usize,
    /// The whole.
    #[serde(flatten)]
    pub total: Progress,
    /// Venue by venue; `venue` is empty for clients that belong to none.
    pub venues: Vec<VenueProgress>,
    /// Those that have not applied it yet.
    pub laggards: Vec<Laggard>,
}

/// How many have applied a commit, and how fast.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Connected when it was published, and concerned by it.
    pub expected: usize,
    /// Of those, have applied it.
    pub converged: usize,
    /// Of those, disconnected before they did.
    pub left: usize,
    /// Half of the converged took no longer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 99 of 100 took no longer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// The last one, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<f64>,
}

/// A venue's part.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VenueProgress {
    /// The venue's key.
    pub venue: String,
    /// Its progress.
    #[serde(flatten)]
    pub progress: Progress,
}

/// A client that has not applied a commit yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Laggard {
    /// What it calls itself.
    pub connection: String,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venue: Option<String>,
    /// Its SDK.
    pub sdk: String,
    /// What it has applied.
    pub acked_seq: u64,
    /// Milliseconds since the commit that it waits for.
    pub age_ms: u64,
    /// How many devices it stands for: one, or those behind an edge.
    pub devices: u64,
}

/// Counted so far.
#[derive(Clone, Default)]
pub(super) struct Tally {
    pub(super) expected: usize,
    pub(super) left: usize,
    /// Microseconds from publication to acknowledgement.
    pub(super) took: Vec<u32>,
}

impl Tally {
    pub(super) fn count(&self) -> Count {
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Count { expected: number(self.expected), converged: number(self.took.len()), left: number(self.left) }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.expected += other.expected;
        self.left += other.left;
        self.took.extend(&other.took);
    }

    pub(super) fn progress(mut self) -> Progress {
        self.took.sort_unstable();
        Progress {
            expected: self.expected,
            converged: self.took.len(),
            left: self.left,
            p50_ms: quantile(&self.took, 50),
            p99_ms: quantile(&self.took, 99),
            max_ms: quantile(&self.took, 100),
        }
    }
}

/// The smallest value that `percent` of the sorted values do not exceed, from micro- to milliseconds.
fn quantile(sorted: &[u32], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|micros| f64::from(*micros) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let values: Vec<u32> = (1..=200).map(|n| n * 1000).collect();
        assert_eq!(quantile(&values, 50), Some(100.0));
        assert_eq!(quantile(&values, 99), Some(198.0));
        assert_eq!(quantile(&values, 100), Some(200.0));
        assert_eq!(quantile(&[], 50), None);
    }
}
