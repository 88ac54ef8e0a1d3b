//! Who still asks for a flag that is about to be archived: programs, code, other flags, and what is planned with it.

use std::collections::BTreeMap;

use serde::Serialize;
use usher_core::{
    model::{Flag, FlagConfig, Kind, Lifecycle, Progress, Release, Timestamp},
    protocol::Mode,
    references::users_of,
};
use usher_journal::{Entry, State};
use utoipa::ToSchema;

use crate::{app::App, clock, evaluations::DAY_MILLIS, problem::Problem, sdk::evaluated::ALL_FLAGS};

/// How far back evaluations count, in days.
const DAYS: i64 = 7;
/// Venues, SDKs and places in code that are named in one sentence; of more, how many there are.
const NAMED: usize = 5;

/// Somebody or something that still asks for a flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asker {
    /// What asks.
    pub kind: AskerKind,
    /// Its name: an environment, a repository, or the key of a document.
    pub name: String,
    /// What is known of it, in a sentence.
    pub detail: String,
    /// Whether the flag can't be archived before this has been changed.
    pub must_go: bool,
}

/// What can ask for a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AskerKind {
    /// Programs were given it.
    Evaluations,
    /// Programs are connected that have it.
    Clients,
    /// Code names it.
    Code,
    /// A flag has it as a prerequisite.
    Flag,
    /// A release brings it somewhere.
    Release,
    /// A playbook switches it.
    Playbook,
    /// A schedule switches it.
    Schedule,
}

/// All that still asks for a flag.
///
/// # Errors
/// What is known of code can't be read now.
pub(crate) async fn askers(app: &App, state: &State, entry: &Entry) -> Result<Vec<Asker>, Problem> {
    let flag: Flag = entry.document.parse()?;
    let mut all = documents(state, entry);
    all.extend(evaluations(app, &flag));
    all.extend(clients(app, &flag));
    all.extend(code(app, &flag).await?);
    // What has to go first is told first.
    all.sort_by(|a, b| b.must_go.cmp(&a.must_go).then_with(|| (a.kind, &a.name).cmp(&(b.kind, &b.name))));
    Ok(all)
}

/// The refusal that tells of them.
pub(crate) fn refusal(flag: &str, askers: Vec<Asker>) -> Problem {
    let told: Vec<String> = askers.iter().map(|own| format!("{}: {}", own.name, own.detail)).collect();
    let mend = if askers.iter().any(|own| own.must_go) {
        "Change first what would break without it."
    } else {
        "Archive it even so (`evenSo`, `--even-so`) if that is meant: they get the off variant."
    };
    Problem::still_asked(format!("`{flag}` is still asked for. {} {mend}", told.join(" ")), askers)
}

fn documents(state: &State, entry: &Entry) -> Vec<Asker> {
    let users = users_of(state, entry.document.id());
    let found = users.into_iter().filter_map(|(document, field)| {
        let name = document.key().to_owned();
        let asker = |kind, detail: String, must_go| Some(Asker { kind, name, detail, must_go });
        match document.kind() {
            Kind::Flag => {
                let other: Flag = document.parse().ok()?;
                let gone = other.lifecycle == Lifecycle::Archived;
                let detail = format!("This flag needs it, at {field}.");
                if gone { None } else { asker(AskerKind::Flag, detail, true) }
            }
            Kind::Release => {
                let release: Release = document.parse().ok()?;
                let runs = release.progress.as_ref().is_some_and(Progress::is_watched);
                let detail = if runs {
                    "This release is under way with it."
                } else {
                    "This release is planned with it."
                };
                asker(AskerKind::Release, detail.to_owned(), runs)
            }
            Kind::Playbook => asker(AskerKind::Playbook, "This playbook uses it.".to_owned(), false),
            Kind::Schedule => asker(AskerKind::Schedule, "This schedule uses it.".to_owned(), false),
            _ => None,
        }
    });
    found.collect()
}

fn evaluations(app: &App, flag: &Flag) -> Vec<Asker> {
    let now = clock::now();
    let since = Timestamp::from_millis(now.millis() - DAYS * DAY_MILLIS);
    let mut known = app.evaluations().known(since);
    let environments = flag.environments.iter().filter_map(|(environment, config)| {
        let own = known.remove(&(environment.to_string(), flag.key.to_string()));
        let own = own.filter(|own| own.count > 0 || own.last >= since);
        let in_bulk = known.get(&(environment.to_string(), ALL_FLAGS.to_owned()));
        // Of clients that get all at once it is not known which they use.
        let is_noticed = flag.client_visible && is_on(config);
        let in_bulk = in_bulk.filter(|own| is_noticed && own.count > 0);
        let detail = match (own, in_bulk) {
            (Some(own), _) if own.count == 0 => {
                format!("Programs have read it in the last {DAYS} days, last told at {}.", own.last)
            }
            (Some(own), _) => {
                let venues: Vec<String> = own.venues.into_iter().collect();
                let at = if venues.is_empty() { String::new() } else { format!(", at {}", named(&venues)) };
                let times = if own.count == 1 { "once".to_owned() } else { format!("{} times", own.count) };
                format!("It was evaluated {times} in the last {DAYS} days, last at {}{at}.", own.last)
            }
            (None, Some(own)) => format!(
                "Programs were given all flags at once {} times, last at {}: whether they use this one is not known.",
                own.count, own.last
            ),
            (None, None) => return None,
        };
        let name = environment.to_string();
        Some(Asker { kind: AskerKind::Evaluations, name, detail, must_go: false })
    });
    environments.collect()
}

/// Whether anybody can notice that it is archived: off it is as it will be.
fn is_on(config: &FlagConfig) -> bool {
    config.enabled && !config.killed.all
}

/// Programs that would notice: those of environments in which it is on.
fn clients(app: &App, flag: &Flag) -> Vec<Asker> {
    let on = flag.environments.iter().filter(|(_, config)| is_on(config));
    let found = on.filter_map(|(environment, _)| {
        let mut sdks: BTreeMap<String, u64> = BTreeMap::new();
        for (group, count) in app.connections.groups(Some(environment.as_str())) {
            // Values go to servers too; whether these are, is not known.
            if group.mode == Mode::Ruleset || flag.client_visible {
                *sdks.entry(group.sdk).or_default() += count;
            }
        }
        let count: u64 = sdks.values().sum();
        let names: Vec<String> = sdks.into_keys().filter(|name| !name.is_empty()).collect();
        let with = if names.is_empty() { String::new() } else { format!(", with {}", named(&names)) };
        let programs = if count == 1 {
            "1 program that has it is".to_owned()
        } else {
            format!("{count} programs that have it are")
        };
        (count > 0).then(|| Asker {
            kind: AskerKind::Clients,
            name: environment.to_string(),
            detail: format!("{programs} connected{with}."),
            must_go: false,
        })
    });
    found.collect()
}

async fn code(app: &App, flag: &Flag) -> Result<Vec<Asker>, Problem> {
    let all = app.code_references.all().await?;
    let found = all.into_iter().filter_map(|kept| {
        let own = kept.report.references.iter().filter(|own| own.flag == *flag.key);
        let places: Vec<String> = own.map(|own| format!("{}:{}", own.file, own.line)).collect();
        (!places.is_empty()).then(|| Asker {
            kind: AskerKind::Code,
            name: kept.repository,
            detail: format!("Its code names it, at {}.", named(&places)),
            must_go: false,
        })
    });
    Ok(found.collect())
}

/// The first of them by name, and how many more there are.
fn named(all: &[String]) -> String {
    let first = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
