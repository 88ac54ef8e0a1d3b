//! What is known of the world before a release begins.

use std::collections::BTreeMap;

use usher_core::model::{DocumentId, Event, Flag, Freeze, Kind, Release};
use usher_journal::State;
use usher_release::{
    Calendar,
    preflight::{Facts, Finding},
};

use super::App;
use crate::clock;

/// Looks at everything that should be so before it begins.
pub(crate) fn preflight(app: &App, state: &State, release: &Release) -> Vec<Finding> {
    let read = |key: &str| state.get(&DocumentId::new(Kind::Flag, key))?.document.parse::<Flag>().ok();
    let flag = read(&release.flag);
    let config = flag.as_ref().and_then(|flag| flag.environments.get(&release.environment));
    let needed = config.map(|config| config.prerequisites.as_slice()).unwrap_or_default();
    let needed: Vec<Flag> = needed.iter().filter_map(|one| read(&one.flag)).collect();
    let (events, freezes) = (state.models::<Event>(), state.models::<Freeze>());
    let environment = Some(release.environment.as_str());
    let devices: BTreeMap<String, u64> = app
        .connections
        .by_venue(environment)
        .into_iter()
        .map(|(venue, count)| (venue, count as u64))
        .collect();
    let waiting = app.convergence.report(None).map(|report| report.total);
    let stale = waiting.map_or(0, |total| total.expected.saturating_sub(total.converged + total.left));
    let facts = Facts {
        flag: flag.as_ref(),
        prerequisites: needed.iter().map(|flag| (&*flag.key, flag)).collect(),
        calendar: Calendar { events: &events, freezes: &freezes },
        tracked: app.counts.tracked(&release.environment),
        connected: app.connections.summary(environment).total as u64,
        devices,
        stale: stale as u64,
    };
    usher_release::preflight::preflight(release, &facts, clock::now())
}
