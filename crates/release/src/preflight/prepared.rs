//! Whether people are prepared: the release was rehearsed, and there is a playbook for when it goes wrong.

use usher_core::model::{Flag, Play, Playbook, Release, Then, Timestamp};

use super::{Finding, Weight, finding};
use crate::rehearsal::fingerprint;

/// How long a rehearsal is fresh, in days.
const FRESH_DAYS: i64 = 14;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

pub(super) fn rehearsed(release: &Release, flag: Option<&Flag>, now: Timestamp) -> Finding {
    let say = |weight, detail: String| finding("rehearsal", weight, detail);
    let Some(last) = release.rehearsals.last() else {
        let detail = "It was never rehearsed: `usher release rehearse`.".to_owned();
        return say(Weight::Warning, detail);
    };
    if flag.is_some_and(|flag| fingerprint(release, flag) != last.of) {
        let detail = format!("The plan or the flag was changed since it was last rehearsed, {}.", last.at);
        return say(Weight::Warning, detail);
    }
    let days = now.since(last.at) / DAY_MILLIS;
    if days >= FRESH_DAYS {
        return say(Weight::Warning, format!("It was last rehearsed {days} days ago, {}.", last.at));
    }
    let short = last.steps.iter().find(|step| step.converged < step.devices);
    if let Some(step) = short {
        let detail = format!(
            "In its last rehearsal {} of {} devices had the stage {}.",
            step.converged, step.devices, step.stage
        );
        return say(Weight::Warning, detail);
    }
    if let Some(left_out) = last.left_out.first() {
        return say(Weight::Warning, format!("Its last rehearsal was not whole: {left_out}"));
    }
    let devices = last.steps.iter().map(|step| step.devices).max().unwrap_or_default();
    if devices == 0 {
        return say(Weight::Warning, "No device took part in its last rehearsal.".to_owned());
    }
    say(Weight::Well, format!("It was rehearsed with {devices} devices, {}.", last.at))
}

pub(super) fn playbooks(release: &Release, all: &[Playbook]) -> Vec<Finding> {
    let say = |weight, detail: String| finding("playbooks", weight, detail);
    let is_there = |key: &str| all.iter().any(|playbook| &*playbook.key == key);
    let named = release.guards.iter().filter_map(|guard| match &guard.then {
        Then::Playbook(key) => Some((guard, key)),
        _ => None,
    });
    let mut found: Vec<Finding> = named
        .filter(|(_, key)| !is_there(key))
        .map(|(guard, key)| {
            let detail = format!("{}: there is no playbook `{key}` that it could run.", guard.name);
            say(Weight::Blocker, detail)
        })
        .collect();
    let helps = |playbook: &&Playbook| playbook.plays.iter().any(|play| is_about(play, release));
    found.push(match all.iter().find(helps) {
        Some(playbook) => say(Weight::Well, format!("The playbook `{}` is about it.", playbook.key)),
        None => {
            let detail = format!("No playbook names `{}` or takes the release back.", release.flag);
            say(Weight::Warning, detail)
        }
    });
    found
}

fn is_about(play: &Play, release: &Release) -> bool {
    match play {
        Play::Kill(own) | Play::Off(own) | Play::On(own) | Play::Revive(own) => {
            own.flag == release.flag && own.environment == release.environment
        }
        Play::Restore(own) => own.flag == release.flag,
        Play::RollBack(own) => own.release == release.key,
        Play::Notice(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use usher_core::model::{Percent, ReleaseRehearsal};

    use super::{
        super::tests::{checkout, model, release, said},
        *,
    };

    fn playbook(plays: Value) -> Playbook {
        model(&json!({"key": "gates", "plays": plays}))
    }

    #[test]
    fn a_rehearsal_counts_while_it_is_fresh_whole_and_of_this_plan_and_flag() {
        let flag = checkout(true);
        let mut plan = release(&json!({}));
        let at = Timestamp::EPOCH;
        let told = |plan: &Release, days: i64| {
            let own = rehearsed(plan, Some(&flag), Timestamp::from_millis(days * DAY_MILLIS));
            (own.weight, own.detail)
        };
        assert!(told(&plan, 0).1.contains("never rehearsed"));
        let record = json!({"at": at, "by": "Ada", "environment": "stage", "of": fingerprint(&plan, &flag), "steps": [
            {"kind": "started", "stage": "canary", "devices": 3, "converged": 3, "lastMillis": 9}]});
        let record: ReleaseRehearsal = serde_json::from_value(record).unwrap();
        plan.rehearsed(record.clone());
        assert_eq!(told(&plan, 13).0, Weight::Well, "{:?}", told(&plan, 13));
        assert!(told(&plan, 14).1.contains("14 days ago"));
        let mut other = plan.clone();
        other.stages[0].percent = Percent::from_steps(1);
        assert!(told(&other, 0).1.contains("was changed"), "{:?}", told(&other, 0));
        let with = |change: &dyn Fn(&mut ReleaseRehearsal)| {
            let mut plan = plan.clone();
            let mut record = record.clone();
            change(&mut record);
            plan.rehearsed(record);
            told(&plan, 1)
        };
        for (own, part) in [
            (with(&|record| record.steps[0].converged = 2), "2 of 3 devices"),
            (with(&|record| record.left_out = vec!["It was broken off.".to_owned()]), "not whole"),
            (
                with(&|record| (record.steps[0].devices, record.steps[0].converged) = (0, 0)),
                "No device took part",
            ),
        ] {
            assert!(own.0 == Weight::Warning && own.1.contains(part), "{own:?}");
        }
    }

    #[test]
    fn a_guards_playbook_has_to_be_there_and_one_at_all_should_be() {
        let guarded = release(&json!({"guards": [{"name": "G", "check": {"failures": {"metric": "pay"}},
            "then": {"playbook": "money"}}]}));
        let kill =
            |flag: &str, environment: &str| json!({"kill": {"flag": flag, "environment": environment}});
        let other = playbook(
            json!([kill("checkout", "staging"), kill("other", "production"), {"notice": {"text": "Hi"}}]),
        );
        let found = playbooks(&guarded, std::slice::from_ref(&other));
        assert!(said(&found, Weight::Blocker).contains("G: there is no playbook `money`"), "{found:?}");
        assert!(said(&found, Weight::Warning).contains("No playbook names `checkout`"), "{found:?}");
        for plays in [
            json!([kill("checkout", "production")]),
            json!([{"rollBack": {"release": "r"}}]),
            json!([{"restore": {"flag": "checkout", "to": 1}}]),
        ] {
            let found = playbooks(&release(&json!({})), &[other.clone(), playbook(plays)]);
            assert_eq!(said(&found, Weight::Well), "playbooks: The playbook `gates` is about it.");
            assert_eq!(found.len(), 1);
        }
    }
}
