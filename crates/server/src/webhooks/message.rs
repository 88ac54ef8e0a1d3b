//! What is told of a commit: messages made of it and the state before it, by a pure function, so that they are the same
//! whenever and wherever they are made.
//!
//! They are small and say what happened, not what the documents are: keys and people are never in them.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};
use usher_core::model::{
    ChangeRequest, Document, DocumentId, Epoch, Flag, FlagConfig, Key, Kind, Model, Outcome, Release,
    RequestStatus, Schedule, Seq, Step, StepKind, Timestamp,
};
use usher_journal::{Actor, Change, Commit, State};

/// All types of messages.
pub const EVENTS: [&str; 20] = [
    "flag.killed",
    "flag.changed",
    "playbook.run",
    "freeze.broken",
    "schedule.ended",
    "changeRequest.opened",
    "changeRequest.approved",
    "changeRequest.merged",
    "changeRequest.closed",
    "changeRequest.held",
    "release.started",
    "release.promoted",
    "release.paused",
    "release.resumed",
    "release.approved",
    "release.withdrawn",
    "release.rolledBack",
    "release.killed",
    "release.completed",
    "release.arrived",
];

/// Most names in one list of a message; of what is left out only the count is told.
const MAX_NAMES: usize = 50;
/// Longest text in a message, in characters.
const MAX_CHARS: usize = 1_000;
/// How commits begin that passed a freeze, and where the reason ends.
const BROKEN: (&str, &str) = ("Break glass (", "): ");
/// How commits begin that carried out a playbook.
const PLAYBOOK: &str = "Playbook ";

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Message {
    /// The same each time it is sent, at every webhook.
    #[serde(skip)]
    pub(super) id: String,
    /// One of [`EVENTS`].
    #[serde(rename = "type")]
    pub(super) event: &'static str,
    seq: Seq,
    at: Timestamp,
    actor: Actor,
    message: String,
    data: Value,
}

/// What is told of `commit`, which follows `before`.
pub(super) fn messages(epoch: Epoch, commit: &Commit, before: &State) -> Vec<Message> {
    let mut told = Vec::new();
    told.extend(broken(commit));
    told.extend(played(commit, before));
    for change in &commit.changes {
        match change.id().kind {
            Kind::Flag => told.extend(flag(change, before)),
            Kind::Release => told.extend(steps(change, before, commit)),
            Kind::Schedule => told.extend(ended(change, before)),
            Kind::ChangeRequest => told.extend(requested(change, before)),
            _ => {}
        }
    }
    // With its time, for a number alone can be had by two commits: by one that was dropped, and by what came in its place.
    let message = |(n, (event, data))| Message {
        id: format!("{epoch}-{}-{}-{n}", commit.seq, commit.at.millis()),
        event,
        seq: commit.seq,
        at: commit.at,
        actor: commit.actor.clone(),
        message: short(&commit.message),
        data,
    };
    told.into_iter().enumerate().map(message).collect()
}

type Told = (&'static str, Value);

fn broken(commit: &Commit) -> Option<Told> {
    let (reason, _) = commit.message.strip_prefix(BROKEN.0)?.split_once(BROKEN.1)?;
    Some(("freeze.broken", json!({"reason": short(reason), "changed": changed(commit)})))
}

/// A commit that carried out a playbook: it says so, and there is such a playbook.
fn played(commit: &Commit, before: &State) -> Option<Told> {
    let message = match commit.message.strip_prefix(BROKEN.0) {
        Some(rest) => rest.split_once(BROKEN.1)?.1,
        None => &commit.message,
    };
    let called = message.strip_prefix(PLAYBOOK)?;
    let key = called.split_once(": ").map_or(called, |(key, _)| key);
    before.get(&DocumentId::new(Kind::Playbook, key))?;
    Some(run(key, commit))
}

fn run(playbook: &str, commit: &Commit) -> Told {
    ("playbook.run", json!({"playbook": playbook, "changed": changed(commit)}))
}

/// The documents that a commit changes, without keys and people.
fn changed(commit: &Commit) -> Value {
    let told =
        |id: &&DocumentId| !matches!(id.kind, Kind::Key | Kind::User | Kind::RoleBinding | Kind::Other(_));
    let ids = commit.changes.iter().map(Change::id).filter(told);
    names(ids.map(ToString::to_string))
}

fn flag(change: &Change, before: &State) -> Option<Told> {
    let id = change.id();
    let earlier = before.get(id).map(|entry| &entry.document);
    let Change::Put(document) = change else {
        return earlier.map(|_| ("flag.changed", json!({"flag": id.key, "change": "deleted"})));
    };
    if earlier == Some(document) {
        return None;
    }
    // One that a newer version wrote is told of all the same, with less.
    let parsed = |document: &Document| document.parse::<Flag>().ok();
    let now = parsed(document).map(|flag| flag.environments).unwrap_or_default();
    let was = earlier.and_then(parsed).map(|flag| flag.environments).unwrap_or_default();
    let killed: Vec<Value> = now
        .iter()
        .filter_map(|(environment, config)| {
            let was = was.iter().find(|(name, _)| *name == environment).map(|(_, config)| config);
            Some((environment, newly_killed(config, was)?))
        })
        .take(MAX_NAMES)
        .map(|(environment, mut where_to)| {
            where_to["environment"] = json!(environment);
            where_to
        })
        .collect();
    if !killed.is_empty() {
        return Some(("flag.killed", json!({"flag": id.key, "killed": killed})));
    }
    let differs = |environment: &&str| now.get(*environment) != was.get(*environment);
    let all: BTreeSet<&str> = now.keys().chain(was.keys()).map(|name| name.as_str()).collect();
    let environments = names(all.into_iter().filter(differs).map(ToOwned::to_owned));
    let what = if earlier.is_some() { "changed" } else { "created" };
    Some(("flag.changed", json!({"flag": id.key, "change": what, "environments": environments})))
}

/// Where a flag is killed now and was not before.
fn newly_killed(now: &FlagConfig, was: Option<&FlagConfig>) -> Option<Value> {
    let (now, was) = (&now.killed, was.map(|own| own.killed.clone()).unwrap_or_default());
    let venues: Vec<String> =
        now.venues.iter().filter(|own| !was.venues.contains(own)).map(ToString::to_string).collect();
    let cohorts: Vec<String> =
        now.cohorts.iter().filter(|own| !was.cohorts.contains(own)).map(ToString::to_string).collect();
    let all = now.all && !was.all;
    let any = all || !venues.is_empty() || !cohorts.is_empty();
    any.then(|| json!({"everywhere": all, "venues": names(venues.into_iter()), "cohorts": names(cohorts.into_iter())}))
}

/// What a document is now, and what it was. `None` for one that goes, or that a newer version wrote.
fn now_and_before<M: Model>(change: &Change, before: &State) -> Option<(M, Option<M>)> {
    let now = change.after()?.parse().ok()?;
    let was = before.get(change.id()).and_then(|entry| entry.document.parse().ok());
    Some((now, was))
}

/// A schedule that was done, or never will be.
fn ended(change: &Change, before: &State) -> Option<Told> {
    let (now, was) = now_and_before::<Schedule>(change, before)?;
    let outcome = now.outcome.filter(|own| was.is_some_and(|was| was.outcome.as_ref() != Some(own)))?;
    let mut data = outcome_data(&outcome);
    data["schedule"] = json!(now.key);
    Some(("schedule.ended", data))
}

fn outcome_data(outcome: &Outcome) -> Value {
    let Outcome { result, at: _, due, commit: _, reasons } = outcome;
    json!({"result": result, "due": due, "reasons": names(reasons.iter().cloned())})
}

/// How far a change request came.
fn requested(change: &Change, before: &State) -> Option<Told> {
    let (now, was) = now_and_before::<ChangeRequest>(change, before)?;
    let mut data = json!({"changeRequest": now.key, "title": short(&now.title), "author": now.author.name});
    let Some(was) = was else {
        data["changes"] = names(now.ids().map(ToString::to_string));
        return Some(("changeRequest.opened", data));
    };
    let event = match now.status {
        RequestStatus::Merged if was.status != RequestStatus::Merged => "changeRequest.merged",
        RequestStatus::Closed if was.status != RequestStatus::Closed => "changeRequest.closed",
        _ if now.approvals.len() > was.approvals.len() => {
            data["approvedBy"] = names(now.approvals.iter().map(|own| own.by.name.clone()));
            "changeRequest.approved"
        }
        // Its time came, and it could not be made.
        _ => {
            let held = now.outcome.as_ref().filter(|own| was.outcome.as_ref() != Some(*own))?;
            data["outcome"] = outcome_data(held);
            "changeRequest.held"
        }
    };
    Some((event, data))
}

/// The steps that a release has taken, each with the playbooks that were run with it. One that is new or brought back
/// has taken none.
fn steps(change: &Change, before: &State, commit: &Commit) -> Vec<Told> {
    let Change::Put(document) = change else { return Vec::new() };
    let Some(Ok(was)) = before.get(change.id()).map(|entry| entry.document.parse::<Release>()) else {
        return Vec::new();
    };
    let Ok(now) = document.parse::<Release>() else { return Vec::new() };
    let was = was.progress.map(|own| own.steps).unwrap_or_default();
    let Some(progress) = &now.progress else { return Vec::new() };
    let is_new = |step: &&Step| !was.contains(step);
    let told = |step: &Step| {
        let playbooks = step.playbooks.iter().map(|playbook: &Key| run(playbook, commit));
        playbooks.chain([(step_event(step.kind), step_data(&now, step))]).collect::<Vec<_>>()
    };
    progress.steps.iter().filter(is_new).flat_map(told).collect()
}

fn step_data(release: &Release, step: &Step) -> Value {
    json!({
        "release": release.key(),
        "flag": release.flag.as_str(),
        "environment": release.environment.as_str(),
        "stage": step.stage,
        "reasons": names(step.reasons.iter().cloned()),
    })
}

fn step_event(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Started => "release.started",
        StepKind::Promoted => "release.promoted",
        StepKind::Paused => "release.paused",
        StepKind::Resumed => "release.resumed",
        StepKind::Approved => "release.approved",
        StepKind::Withdrawn => "release.withdrawn",
        StepKind::RolledBack => "release.rolledBack",
        StepKind::Killed => "release.killed",
        StepKind::Completed => "release.completed",
        StepKind::Arrived => "release.arrived",
    }
}

/// The first of `all`, each kept short; the last says how many are left out.
fn names(all: impl Iterator<Item = String>) -> Value {
    let all: Vec<String> = all.collect();
    let left = all.len().saturating_sub(MAX_NAMES);
    let more = (left > 0).then(|| format!("… and {left} more"));
    all.iter().take(MAX_NAMES).map(|name| short(name)).chain(more).collect()
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use usher_core::model::parse_strict;

    use super::*;

    fn document(kind: &Kind, text: &Value) -> Document {
        parse_strict(kind, text.to_string().as_bytes()).unwrap()
    }

    fn flag(killed: &Value, default: &str) -> Document {
        let config =
            json!({"enabled": true, "offVariant": "off", "default": {"variant": default}, "killed": killed});
        document(
            &Kind::Flag,
            &json!({"key": "gate", "type": "boolean", "variants": {"on": true, "off": false},
                "environments": {"production": config, "staging": {"enabled": true, "offVariant": "off"}}}),
        )
    }

    fn release(steps: &[(&str, &str)]) -> Document {
        let steps: Vec<Value> = steps
            .iter()
            .enumerate()
            .map(|(n, (kind, why))| json!({"at": Timestamp::from_millis(n as i64), "kind": kind, "stage": "all", "reasons": [why]}))
            .collect();
        let now = Timestamp::EPOCH;
        let mut plan = json!({"key": "r", "flag": "gate", "environment": "production", "variant": "on",
            "control": "off", "stages": [{"name": "all", "bake": "1h"}]});
        if !steps.is_empty() {
            plan["progress"] =
                json!({"status": "running", "started": now, "stage": 0, "since": now, "steps": steps});
        }
        document(&Kind::Release, &plan)
    }

    fn put(document: &Document) -> Change {
        Change::Put(document.clone())
    }

    fn commit(seq: u64, message: &str, changes: Vec<Change>) -> Commit {
        Commit {
            seq: Seq(seq),
            at: Timestamp::from_millis(1_000),
            actor: Actor::system("test"),
            message: message.to_owned(),
            idempotency_key: Some("never told".to_owned()),
            changes,
        }
    }

    fn epoch() -> Epoch {
        Epoch::from_bytes([1; 16])
    }

    fn told(message: &str, before: &[Document], changes: Vec<Change>) -> Vec<Message> {
        let before = State::of(Seq(7), Timestamp::EPOCH, before.to_vec());
        messages(epoch(), &commit(8, message, changes), &before)
    }

    fn types(messages: &[Message]) -> Vec<&str> {
        messages.iter().map(|message| message.event).collect()
    }

    #[test]
    fn a_kill_names_only_where_it_is_new() {
        let before = flag(&json!({"venues": ["anfield"]}), "on");
        let after = flag(&json!({"venues": ["anfield", "dome"], "cohorts": ["staff"]}), "off");
        let all = told("Kill it", &[before], vec![put(&after)]);
        let body = serde_json::to_value(&all[0]).unwrap();
        assert_eq!(all[0].id, format!("{}-8-1000-0", epoch()));
        assert_eq!(
            body,
            json!({"type": "flag.killed", "seq": 8, "at": "1970-01-01T00:00:01.000Z", "message": "Kill it",
                "actor": {"kind": "system", "id": "usher", "name": "test"},
                "data": {"flag": "gate", "killed": [
                    {"everywhere": false, "venues": ["dome"], "cohorts": ["staff"], "environment": "production"}]}})
        );
    }

    #[test]
    fn any_other_change_of_a_flag_names_its_environments() {
        let (plain, killed) = (flag(&json!({}), "on"), flag(&json!({"all": true}), "on"));
        let off = flag(&json!({}), "off");
        let of = |before: &[Document], change: Change| {
            let all = told("", before, vec![change]);
            all.first().map(|one| (one.event, one.data["change"].clone(), one.data["environments"].clone()))
        };
        let changed = |what: &str, environments: Value| Some(("flag.changed", json!(what), environments));
        assert_eq!(of(&[], put(&plain)), changed("created", json!(["production", "staging"])));
        assert_eq!(of(std::slice::from_ref(&plain), put(&off)), changed("changed", json!(["production"])));
        assert_eq!(of(&[killed], put(&plain)), changed("changed", json!(["production"])), "revived");
        let gone = Change::Delete(plain.id().clone());
        assert_eq!(of(std::slice::from_ref(&plain), gone.clone()), changed("deleted", Value::Null));
        assert_eq!(of(&[], gone), None);
        assert_eq!(
            of(std::slice::from_ref(&plain), put(&plain)),
            None,
            "nothing is told of what changed nothing"
        );
    }

    #[test]
    fn each_new_step_of_a_release_is_told_once_with_its_reasons() {
        let started = release(&[("started", "go")]);
        let back = release(&[("started", "go"), ("rolledBack", "it hurts"), ("arrived", "all had it")]);
        let (plain, killed) = (flag(&json!({}), "on"), flag(&json!({"all": true}), "on"));
        let all = told("", &[started.clone(), plain], vec![put(&back), put(&killed)]);
        assert_eq!(types(&all), ["release.rolledBack", "release.arrived", "flag.killed"]);
        let data = json!({"release": "r", "flag": "gate", "environment": "production", "stage": "all", "reasons": ["it hurts"]});
        assert_eq!(all[0].data, data);
        let ids: Vec<&str> = all.iter().map(|one| one.id.rsplit_once('-').unwrap().1).collect();
        assert_eq!(ids, ["0", "1", "2"]);
        assert!(
            told("", std::slice::from_ref(&back), vec![put(&started)]).is_empty(),
            "taking back a change is no step"
        );
        assert!(told("", &[], vec![put(&back)]).is_empty(), "nor is bringing back a release");
        assert!(told("", &[release(&[])], vec![put(&release(&[]))]).is_empty());
        assert_eq!(types(&told("", &[release(&[])], vec![put(&started)])), ["release.started"]);
    }

    #[test]
    fn playbooks_that_a_guard_ran_are_told_like_those_run_by_hand() {
        let started = release(&[("started", "go")]);
        let mut back = release(&[("started", "go"), ("rolledBack", "it hurts")]).value();
        back["progress"]["steps"][1]["playbooks"] = json!(["gates", "money"]);
        let back = document(&Kind::Release, &back);
        let killed = flag(&json!({"all": true}), "on");
        let all = told("Release r: is taken back", &[started], vec![put(&back), put(&killed)]);
        assert_eq!(types(&all), ["playbook.run", "playbook.run", "release.rolledBack", "flag.killed"]);
        assert_eq!(all[0].data, json!({"playbook": "gates", "changed": ["release/r", "flag/gate"]}));
        assert_eq!(all[1].data["playbook"], "money");
    }

    #[test]
    fn every_step_has_its_own_type_which_is_that_of_the_document() {
        use StepKind::{
            Approved, Arrived, Completed, Killed, Paused, Promoted, Resumed, RolledBack, Started, Withdrawn,
        };
        for kind in
            [Started, Promoted, Paused, Resumed, Approved, Withdrawn, RolledBack, Killed, Completed, Arrived]
        {
            let name = serde_json::to_value(kind).unwrap();
            assert_eq!(step_event(kind), format!("release.{}", name.as_str().unwrap()));
            assert!(EVENTS.contains(&step_event(kind)));
        }
    }

    #[test]
    fn playbooks_and_broken_freezes_are_known_by_what_the_commit_is_called() {
        let book = document(
            &Kind::Playbook,
            &json!({"key": "calm", "name": "Calm", "plays": [{"notice": {"text": "Hello"}}]}),
        );
        let venue = document(&Kind::Venue, &json!({"key": "dome", "name": "Dome"}));
        let of =
            |message: &str| types(&told(message, std::slice::from_ref(&book), vec![put(&venue)])).join(" ");
        assert_eq!(of("Playbook calm"), "playbook.run");
        assert_eq!(of("Playbook calm: now"), "playbook.run");
        assert_eq!(of("Playbook none: now"), "", "there is no such playbook");
        assert_eq!(of("Break glass (stuck): Playbook calm"), "freeze.broken playbook.run");
        assert_eq!(of("Break glass (stuck): "), "freeze.broken");
        assert_eq!(of("The glass"), "");
    }

    #[test]
    fn a_schedule_is_told_of_when_it_is_over() {
        let mut text = json!({"key": "open", "at": "2027-05-15T17:00:00Z",
            "plays": [{"notice": {"text": "Doors"}}]});
        let waiting = document(&Kind::Schedule, &text);
        text["outcome"] = json!({"result": "refused", "at": Timestamp::EPOCH, "due": Timestamp::EPOCH,
            "reasons": ["the final is frozen"]});
        let over = document(&Kind::Schedule, &text);
        let all = told("", std::slice::from_ref(&waiting), vec![put(&over)]);
        assert_eq!(types(&all), ["schedule.ended"]);
        let data = json!({"schedule": "open", "result": "refused", "due": Timestamp::EPOCH,
            "reasons": ["the final is frozen"]});
        assert_eq!(all[0].data, data);
        assert!(told("", &[], vec![put(&waiting)]).is_empty());
        assert!(told("", &[], vec![put(&over)]).is_empty(), "bringing back a record ends nothing");
        assert!(told("", std::slice::from_ref(&over), vec![put(&over)]).is_empty());
    }

    #[test]
    fn each_step_of_a_change_request_is_told() {
        let by = |name: &str| json!({"kind": "user", "id": name, "name": name});
        let request = |change: &Value| {
            let mut text = json!({"key": "cr-1", "title": "Raise it", "author": by("ana"), "status": "open",
                "changes": [{"put": {"kind": "flag", "key": "gate", "secret": "not told"}}],
                "expected": {"flag/gate": 3}, "opened": Timestamp::EPOCH});
            for (field, value) in change.as_object().unwrap() {
                text[field] = value.clone();
            }
            document(&Kind::ChangeRequest, &text)
        };
        let approved = json!({"approvals": [{"by": by("ben"), "at": Timestamp::EPOCH}]});
        let held = json!({"outcome": {"result": "refused", "at": Timestamp::EPOCH, "due": Timestamp::EPOCH,
            "reasons": ["frozen"]}});
        let open = request(&json!({}));
        let of = |change: &Value| told("", std::slice::from_ref(&open), vec![put(&request(change))]);
        let new = told("", &[], vec![put(&open)]);
        assert_eq!(types(&new), ["changeRequest.opened"]);
        let data =
            json!({"changeRequest": "cr-1", "title": "Raise it", "author": "ana", "changes": ["flag/gate"]});
        assert_eq!(new[0].data, data);
        assert_eq!(of(&approved)[0].data["approvedBy"], json!(["ben"]));
        assert_eq!(types(&of(&approved)), ["changeRequest.approved"]);
        assert_eq!(types(&of(&json!({"status": "merged"}))), ["changeRequest.merged"]);
        assert_eq!(types(&of(&json!({"status": "closed"}))), ["changeRequest.closed"]);
        assert_eq!(types(&of(&held)), ["changeRequest.held"]);
        assert_eq!(of(&held)[0].data["outcome"]["reasons"], json!(["frozen"]));
        assert!(of(&json!({"title": "Raise it more"})).is_empty());
    }

    #[test]
    fn keys_and_people_are_never_told_of_and_a_message_stays_small() {
        let id = |kind: Kind, n: usize| Change::Delete(DocumentId::new(kind, format!("d{n}")));
        let mut changes = vec![id(Kind::User, 1), id(Kind::Key, 1), id(Kind::Other("vault".into()), 1)];
        let words = format!("Break glass (stuck): {}", "ä".repeat(5_000));
        assert_eq!(told(&words, &[], changes.clone())[0].data["changed"], json!([]));
        assert!(told("", &[], changes.clone()).is_empty());
        changes.extend((0..500).map(|n| id(Kind::Venue, n)));
        let all = told(&words, &[], changes);
        let changed = all[0].data["changed"].as_array().unwrap();
        assert_eq!((changed.len(), changed[50].as_str().unwrap()), (51, "… and 450 more"));
        let body = serde_json::to_string(&all[0]).unwrap();
        assert!(body.len() < 4_000 && !body.contains("never told") && !body.contains("d1\"],"), "{body}");
    }
}
