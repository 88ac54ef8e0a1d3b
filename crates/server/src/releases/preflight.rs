//! What is known of the world before a release begins.

use std::collections::BTreeMap;

use usher_core::model::{DocumentId, Event, Flag, Freeze, Kind, Playbook, Progress, Release};
use usher_journal::State;
use usher_release::{
    Calendar,
    preflight::{Facts, Finding, Sdk},
};

use super::App;
use crate::clock;

/// Preflights that ask others at a time: who may only look must not make this server ask without end.
pub(super) const AT_ONCE: usize = 4;

/// Looks at everything that should be so before it begins. What its guards ask outside is asked once, all of it at the
/// same time.
pub(crate) async fn preflight(app: &App, state: &State, release: &Release) -> Vec<Finding> {
    let read = |key: &str| state.get(&DocumentId::new(Kind::Flag, key))?.document.parse::<Flag>().ok();
    let flag = read(&release.flag);
    let config = flag.as_ref().and_then(|flag| flag.environments.get(&release.environment));
    let needed = config.map(|config| config.prerequisites.as_slice()).unwrap_or_default();
    let needed: Vec<Flag> = needed.iter().filter_map(|one| read(&one.flag)).collect();
    let (events, freezes) = (state.models::<Event>(), state.models::<Freeze>());
    let playbooks = state.models::<Playbook>();
    let answers = if release.progress.as_ref().is_some_and(Progress::is_watched) {
        // They are asked all the time, and it can't begin anyway.
        BTreeMap::new()
    } else {
        let _turn = app.releases.preflights.acquire().await;
        app.releases.asking.ask_once(release).await
    };
    let environment = Some(release.environment.as_str());
    let (mut devices, mut sdks): (BTreeMap<String, u64>, BTreeMap<Sdk, u64>) = Default::default();
    for (group, count) in app.connections.groups(environment) {
        *sdks.entry(Sdk { name: group.sdk, mode: group.mode, schema: group.schema }).or_default() += count;
        if let Some(venue) = group.venue {
            *devices.entry(venue).or_default() += count;
        }
    }
    let waiting = app.convergence.report(None).map(|report| report.total);
    let stale = waiting.map_or(0, |total| total.expected.saturating_sub(total.converged + total.left));
    let facts = Facts {
        flag: flag.as_ref(),
        prerequisites: needed.iter().map(|flag| (&*flag.key, flag)).collect(),
        calendar: Calendar { events: &events, freezes: &freezes },
        tracked: app.counts.tracked(&release.environment),
        connected: sdks.values().sum(),
        devices,
        stale: stale as u64,
        sdks,
        playbooks: &playbooks,
        answers,
    };
    usher_release::preflight::preflight(release, &facts, clock::now())
}
