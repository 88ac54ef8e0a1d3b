//! What guards said, look by look, for whoever wants to see how it went. As much as fits, however long a release takes:
//! when there is no more room, every second look is forgotten, and from then on only every second one kept.

use serde::Serialize;
use usher_core::model::Timestamp;
use usher_release::Figure;
use utoipa::ToSchema;

use super::view::{FigureSchema, View};

/// Looks that are kept of one release: more than a chart has pixels for are of no use.
const MAX_LOOKS: usize = 240;

/// What was seen at one look.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Looked {
    /// When.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// Of each guard, in the order of the plan.
    pub guards: Vec<GuardLooked>,
}

/// What one guard said at one look.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GuardLooked {
    /// `well`, `early`, `breached` or `unknown`.
    pub state: String,
    /// What was seen, in numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FigureSchema>)]
    pub figure: Option<Figure>,
}

/// The looks of one release.
#[derive(Debug)]
pub(super) struct Past {
    looks: Vec<Looked>,
    /// Of so many looks one is kept.
    every: u64,
    looked: u64,
}

impl Default for Past {
    fn default() -> Self {
        Self { looks: Vec::new(), every: 1, looked: 0 }
    }
}

impl Past {
    /// Keeps what was seen, if it is its turn.
    pub(super) fn note(&mut self, view: &View) {
        let turn = self.looked.is_multiple_of(self.every);
        self.looked = self.looked.saturating_add(1);
        if !turn {
            return;
        }
        let guards = view.guards.iter();
        let guards = guards.map(|own| GuardLooked { state: own.state.clone(), figure: own.figure });
        self.looks.push(Looked { at: view.looked_at, guards: guards.collect() });
        if self.looks.len() >= MAX_LOOKS {
            let mut odd = false;
            self.looks.retain(|_| {
                odd = !odd;
                odd
            });
            self.every = self.every.saturating_mul(2);
        }
    }

    /// The looks that are kept, the oldest first.
    pub(super) fn looks(&self) -> Vec<Looked> {
        self.looks.clone()
    }
}

#[cfg(test)]
mod tests {
    use usher_core::model::{Progress, Release};
    use usher_release::Decision;

    use super::*;

    #[test]
    fn however_long_it_takes_the_whole_of_it_is_kept_in_little_room() {
        let release: Release = serde_json::from_value(serde_json::json!({
            "key": "r", "flag": "f", "environment": "production", "variant": "on", "control": "off",
            "stages": [{"name": "all"}],
        }))
        .unwrap();
        let progress: Progress = serde_json::from_value(serde_json::json!({
            "status": "running", "started": "2027-05-01T00:00:00Z", "stage": 0, "since": "2027-05-01T00:00:00Z",
        }))
        .unwrap();
        let view = View::new(&release, &progress, &Decision::Hold(Vec::new()), &[]);
        let mut past = Past::default();
        for n in 0..100_000 {
            past.note(&View { looked_at: Timestamp::from_millis(n), ..view.clone() });
        }
        let looks = past.looks();
        assert!((MAX_LOOKS / 2 - 1..MAX_LOOKS).contains(&looks.len()), "{}", looks.len());
        assert_eq!(looks[0].at, Timestamp::from_millis(0));
        let apart: Vec<i64> = looks.windows(2).map(|pair| pair[1].at.since(pair[0].at)).collect();
        assert!(apart.iter().all(|own| *own == apart[0]), "{apart:?}");
        assert!(looks.last().unwrap().at.millis() > 100_000 - 2 * apart[0]);
    }
}
