//! What is looked at before a release begins: what would stop it, and what somebody should know.

mod prepared;
mod sdks;

use std::collections::BTreeMap;

use serde::Serialize;
use usher_core::model::{Flag, Playbook, Progress, Release, Timestamp};

pub use self::sdks::Sdk;
use crate::{step, watch::Answer, window::Calendar};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Weight {
    /// All is well.
    Well,
    /// Somebody should know it.
    Warning,
    /// It can't begin so.
    Blocker,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What, in a word: `flag`, `prerequisites`, `calendar`, `guards`, `playbooks`, `rehearsal`, `venues`, `devices`,
    /// `sdks`.
    pub about: &'static str,
    /// How much it weighs.
    pub weight: Weight,
    /// What was found, in a sentence.
    pub detail: String,
}

/// What is known of the world before a release begins.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// Its flag, if there is one that can be read.
    pub flag: Option<&'a Flag>,
    /// All other flags that it needs, by key.
    pub prerequisites: BTreeMap<&'a str, &'a Flag>,
    /// Events and freezes.
    pub calendar: Calendar<'a>,
    /// Metrics that programs have tracked in this environment.
    pub tracked: Vec<String>,
    /// Connected devices by venue, of this environment.
    pub devices: BTreeMap<String, u64>,
    /// Connected devices altogether, and those that lack the newest commit.
    pub connected: u64,
    /// Of these, the ones that lack the newest commit.
    pub stale: u64,
    /// What they run.
    pub sdks: BTreeMap<Sdk, u64>,
    /// All playbooks.
    pub playbooks: &'a [Playbook],
    /// What guards that ask outside were just answered, by their place in the plan.
    pub answers: BTreeMap<usize, Answer>,
}

/// Looks at everything. In the order in which people mend it.
#[must_use]
pub fn preflight(release: &Release, facts: &Facts<'_>, now: Timestamp) -> Vec<Finding> {
    let mut findings = vec![flag(release, facts)];
    findings.extend(prerequisites(release, facts));
    findings.push(calendar(release, facts, now));
    findings.extend(guards(release, facts));
    findings.extend(prepared::playbooks(release, facts.playbooks));
    findings.push(prepared::rehearsed(release, facts.flag, now));
    findings.extend(venues(release, facts));
    findings.push(devices(facts));
    findings.extend(sdks::sdks(release, facts.flag, &facts.sdks));
    findings
}

fn finding(about: &'static str, weight: Weight, detail: impl Into<String>) -> Finding {
    Finding { about, weight, detail: detail.into() }
}

fn flag(release: &Release, facts: &Facts<'_>) -> Finding {
    if release.progress.as_ref().is_some_and(Progress::is_watched) {
        return finding("flag", Weight::Blocker, "The release runs already.");
    }
    let Some(flag) = facts.flag else {
        return finding(
            "flag",
            Weight::Blocker,
            format!("There is no flag `{}` that could be read.", release.flag),
        );
    };
    match step::may_start(release, flag) {
        Err(problem) => finding("flag", Weight::Blocker, problem.to_string()),
        Ok(()) => {
            let detail = format!("`{}` is on in {} and has both variants.", flag.key, release.environment);
            finding("flag", Weight::Well, detail)
        }
    }
}

fn prerequisites(release: &Release, facts: &Facts<'_>) -> Vec<Finding> {
    let config = facts.flag.and_then(|flag| flag.environments.get(&release.environment));
    let needed = config.map(|config| config.prerequisites.as_slice()).unwrap_or_default();
    let found = needed.iter().map(|one| {
        let own =
            facts.prerequisites.get(&*one.flag).and_then(|flag| flag.environments.get(&release.environment));
        let on = own.is_some_and(|config| config.enabled && !config.killed.all);
        // Some flags are wanted to be off.
        if on || one.enabled == Some(false) {
            finding("prerequisites", Weight::Well, format!("`{}`, which it needs, is on.", one.flag))
        } else {
            let detail = format!("`{}`, which it needs, is not on: nobody would be served.", one.flag);
            finding("prerequisites", Weight::Blocker, detail)
        }
    });
    found.collect()
}

fn calendar(release: &Release, facts: &Facts<'_>, now: Timestamp) -> Finding {
    let hinders =
        release.stages.first().map(|stage| facts.calendar.hinders(release, stage, now)).unwrap_or_default();
    if hinders.is_empty() {
        finding("calendar", Weight::Well, "Its first stage may begin now.")
    } else {
        finding("calendar", Weight::Blocker, hinders.join(" "))
    }
}

fn guards(release: &Release, facts: &Facts<'_>) -> Vec<Finding> {
    if release.guards.is_empty() {
        let detail = "Nothing is watched: it would go on whatever happens.";
        return vec![finding("guards", Weight::Warning, detail)];
    }
    let found = release.guards.iter().enumerate().map(|(n, guard)| match guard.check.metric() {
        Some(metric) if facts.tracked.iter().any(|own| own == metric) => {
            finding("guards", Weight::Well, format!("{}: `{metric}` is tracked.", guard.name))
        }
        Some(metric) => {
            let detail = format!("{}: nobody has tracked `{metric}` since this server started.", guard.name);
            finding("guards", Weight::Warning, detail)
        }
        None => match facts.answers.get(&n) {
            Some(Answer::Well(said)) => finding("guards", Weight::Well, format!("{}: {said}", guard.name)),
            Some(Answer::Bad(why)) => {
                let detail = format!("{}: answers, but what it says would be a breach: {why}", guard.name);
                finding("guards", Weight::Warning, detail)
            }
            Some(Answer::None(why)) => finding("guards", Weight::Warning, format!("{}: {why}.", guard.name)),
            None => finding("guards", Weight::Warning, format!("{}: was not asked.", guard.name)),
        },
    });
    found.collect()
}

fn venues(release: &Release, facts: &Facts<'_>) -> Vec<Finding> {
    let mut silent: Vec<&str> = Vec::new();
    for venue in release.stages.iter().flat_map(|stage| &stage.venues) {
        if !facts.devices.contains_key(&**venue) && !silent.contains(&&**venue) {
            silent.push(venue);
        }
    }
    if silent.is_empty() {
        return Vec::new();
    }
    /// Venues that are named; of more the number is told.
    const NAMED: usize = 5;
    let more = silent.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    silent.truncate(NAMED);
    let detail = format!("No device is connected at {}{rest}.", silent.join(", "));
    vec![finding("venues", Weight::Warning, detail)]
}

fn devices(facts: &Facts<'_>) -> Finding {
    match (facts.connected, facts.stale) {
        (0, _) => finding("devices", Weight::Warning, "No device is connected, so nobody would be told."),
        (all, 0) => finding("devices", Weight::Well, format!("All {all} devices have the newest commit.")),
        (all, stale) => {
            let detail = format!("{stale} of {all} devices lack the newest commit.");
            finding("devices", Weight::Warning, detail)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};
    use usher_core::{
        model::{Kind, Model, parse_strict},
        protocol::Mode,
    };

    use super::*;
    use crate::rehearsal::fingerprint;

    pub(crate) fn model<M: Model>(json: &Value) -> M {
        parse_strict(&M::KIND, json.to_string().as_bytes()).unwrap().parse().unwrap()
    }

    pub(crate) fn checkout(enabled: bool) -> Flag {
        model(&json!({"key": "checkout", "type": "boolean", "variants": {"on": true, "off": false},
            "environments": {"production": {"enabled": enabled, "offVariant": "off", "default": {"variant": "off"},
                "prerequisites": [{"flag": "payments", "variants": ["on"]}]}}}))
    }

    pub(crate) fn release(more: &Value) -> Release {
        let mut plan = json!({"key": "r", "flag": "checkout", "environment": "production", "variant": "on",
            "control": "off", "stages": [{"name": "canary", "venues": ["dome"]}]});
        for (name, value) in more.as_object().unwrap() {
            plan[name] = value.clone();
        }
        assert_eq!(Release::KIND, Kind::Release);
        model(&plan)
    }

    pub(crate) fn said(findings: &[Finding], weight: Weight) -> String {
        let all = findings.iter().filter(|own| own.weight == weight);
        all.map(|own| format!("{}: {}", own.about, own.detail)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_ready_is_told_so() {
        let (flag, payments) = (checkout(true), checkout(true));
        let guards = json!({"guards": [{"name": "G", "check": {"failures": {"metric": "pay"}}},
            {"name": "H", "check": {"webhook": {"url": "https://pay.example.org"}}}]});
        let mut release = release(&guards);
        let book = json!({"key": "gates", "plays": [{"rollBack": {"release": "r"}}]});
        let record = json!({"at": Timestamp::EPOCH, "by": "Ada", "environment": "stage",
            "of": fingerprint(&release, &flag),
            "steps": [{"kind": "started", "stage": "canary", "devices": 3, "converged": 3, "lastMillis": 9}]});
        release.rehearsed(serde_json::from_value(record).unwrap());
        let facts = Facts {
            sdks: [(Sdk { name: "usher-rust/0.1.0".to_owned(), mode: Mode::Ruleset, schema: 2 }, 3)].into(),
            playbooks: &[model(&book)],
            answers: [(1, Answer::Well("The webhook says ok.".to_owned()))].into(),
            flag: Some(&flag),
            prerequisites: [("payments", &payments)].into(),
            tracked: vec!["pay".to_owned()],
            devices: [("dome".to_owned(), 3)].into(),
            connected: 3,
            ..Facts::default()
        };
        let found = preflight(&release, &facts, Timestamp::EPOCH);
        assert!(found.iter().all(|own| own.weight == Weight::Well), "{found:?}");
    }

    #[test]
    fn what_stops_it_and_what_one_should_know_is_told_apart() {
        let flag = checkout(true);
        let facts = Facts { flag: Some(&flag), connected: 5, stale: 2, ..Facts::default() };
        let found = preflight(&release(&json!({})), &facts, Timestamp::EPOCH);
        assert!(said(&found, Weight::Blocker).contains("`payments`, which it needs, is not on"), "{found:?}");
        let warned = said(&found, Weight::Warning);
        for part in ["Nothing is watched", "No device is connected at dome", "2 of 5 devices"] {
            assert!(warned.contains(part), "{warned}");
        }
        let off = checkout(false);
        let found = preflight(
            &release(&json!({})),
            &Facts { flag: Some(&off), ..Facts::default() },
            Timestamp::EPOCH,
        );
        assert!(said(&found, Weight::Blocker).contains("the flag is off"), "{found:?}");
        let found = preflight(&release(&json!({})), &Facts::default(), Timestamp::EPOCH);
        assert!(said(&found, Weight::Blocker).contains("There is no flag `checkout`"), "{found:?}");
    }

    #[test]
    fn what_guards_were_answered_outside_is_said() {
        let hook =
            |name: &str| json!({"name": name, "check": {"webhook": {"url": "https://pay.example.org"}}});
        let guards = ["a", "b", "c", "d"].map(hook);
        let plan = release(&json!({"guards": guards}));
        let answers = [
            (0, Answer::Well("The webhook says ok.".to_owned())),
            (1, Answer::Bad("The webhook says breach.".to_owned())),
            (2, Answer::None("The webhook answered 500".to_owned())),
        ];
        let facts = Facts { answers: answers.into(), ..Facts::default() };
        let found = preflight(&plan, &facts, Timestamp::EPOCH);
        assert!(said(&found, Weight::Well).contains("guards: a: The webhook says ok."), "{found:?}");
        let warned = said(&found, Weight::Warning);
        for part in [
            "b: answers, but what it says would be a breach",
            "c: The webhook answered 500.",
            "d: was not asked.",
        ] {
            assert!(warned.contains(part), "{warned}");
        }
    }

    #[test]
    fn a_freeze_over_the_first_stage_stops_it() {
        let freeze = model(
            &json!({"key": "f", "reason": "Finals", "from": "1970-01-01T00:00:00Z", "until": "1970-01-02T00:00:00Z"}),
        );
        let calendar = Calendar { events: &[], freezes: std::slice::from_ref(&freeze) };
        let found =
            preflight(&release(&json!({})), &Facts { calendar, ..Facts::default() }, Timestamp::EPOCH);
        assert!(said(&found, Weight::Blocker).contains("Finals"), "{found:?}");
    }
}
