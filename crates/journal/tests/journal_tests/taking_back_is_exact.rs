//! Properties of folding, rolling back and undoing, over arbitrary journals.
// A fixture that breaks should fail loudly.

use std::collections::BTreeMap;

use crate::support::{actor, at, document};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};
use usher_core::model::{DocumentId, Kind, Seq};
use usher_journal::{Change, Commit, Forced, RestoreScope, State, rollback, undo};

const FLAGS: [&str; 3] = ["f0", "f1", "f2"];
const PLACES: [&str; 3] = ["v0", "v1", "v2"];

/// A flag in one environment: its number, its overrides, and where it is killed.
fn config() -> impl Strategy<Value = Value> {
    (
        0..4_u8,
        vec(0..3_usize, 0..3),
        option::of((any::<bool>(), vec(0..3_usize, 0..3), vec(0..3_usize, 0..2))),
    )
        .prop_map(|(number, overrides, killed)| {
            let mut config = json!({"number": number});
            for venue in overrides {
                config["venues"][PLACES[venue]] = format!("variant-{number}").into();
            }
            if let Some((all, mut venues, mut cohorts)) = killed {
                venues.dedup();
                cohorts.dedup();
                let venues: Vec<&str> = venues.into_iter().map(|venue| PLACES[venue]).collect();
                let cohorts: Vec<String> = cohorts.into_iter().map(|n| format!("c{n}")).collect();
                config["killed"] = json!({"all": all, "venues": venues, "cohorts": cohorts});
            }
            config
        })
}

fn change() -> impl Strategy<Value = Change> {
    let flag =
        (0..3_usize, option::of(config()), option::of(config())).prop_map(|(n, production, staging)| {
            let mut flag = json!({"kind": "flag", "key": FLAGS[n], "environments": {}});
            for (name, config) in [("production", production), ("staging", staging)] {
                if let Some(config) = config {
                    flag["environments"][name] = config;
                }
            }
            Change::Put(document(flag))
        });
    let venue = (0..3_usize, 0..5_u8).prop_map(|(n, size)| {
        Change::Put(document(json!({"kind": "venue", "key": PLACES[n], "size": size})))
    });
    let key = (0..2_u8, any::<bool>()).prop_map(|(n, revoked)| {
        Change::Put(document(json!({"kind": "key", "key": format!("k{n}"), "revoked": revoked})))
    });
    let gone = prop_oneof![
        (0..3_usize).prop_map(|n| Change::Delete(DocumentId::new(Kind::Flag, FLAGS[n]))),
        (0..3_usize).prop_map(|n| Change::Delete(DocumentId::new(Kind::Venue, PLACES[n]))),
    ];
    prop_oneof![6 => flag, 2 => venue, 1 => key, 2 => gone]
}

fn commits() -> impl Strategy<Value = Vec<Commit>> {
    vec(vec(change(), 1..4), 1..12).prop_map(|commits| {
        let commits = (1_u64..).zip(commits).map(|(seq, changes)| {
            let mut once: BTreeMap<DocumentId, Change> = BTreeMap::new();
            once.extend(changes.into_iter().map(|change| (change.id().clone(), change)));
            commit(seq, once.into_values().collect())
        });
        commits.collect()
    })
}

fn commit(seq: u64, changes: Vec<Change>) -> Commit {
    Commit {
        seq: Seq(seq),
        at: at(i64::try_from(seq).unwrap()),
        actor: actor("Ana"),
        message: String::new(),
        idempotency_key: None,
        changes,
    }
}

/// The state before the first commit, and after each.
fn states(commits: &[Commit]) -> Vec<State> {
    let mut all = vec![State::default()];
    for commit in commits {
        let mut next = all[all.len() - 1].clone();
        next.fold(commit);
        all.push(next);
    }
    all
}

fn after(state: &State, changes: Vec<Change>) -> State {
    let mut next = state.clone();
    if !changes.is_empty() {
        next.fold(&commit(state.seq().0 + 1, changes));
    }
    next
}

/// All documents that can be brought back, without what is killed in them.
fn bare(state: &State) -> BTreeMap<String, Value> {
    let entries = state.entries().filter(|entry| *entry.document.kind() != Kind::Key);
    let bare = entries.map(|entry| {
        let mut value = entry.document.value();
        for config in value.get_mut("environments").and_then(Value::as_object_mut).into_iter().flatten() {
            config.1.as_object_mut().unwrap().shift_remove("killed");
        }
        (entry.document.id().to_string(), value)
    });
    bare.collect()
}

fn credentials(state: &State) -> Vec<Value> {
    state.of_kind(&Kind::Key).map(|entry| entry.document.value()).collect()
}

/// Everything that is killed, as in `f0 production venue v1`.
fn kills(state: &State) -> Vec<String> {
    let mut all = Vec::new();
    for entry in state.of_kind(&Kind::Flag) {
        let value = entry.document.value();
        for (environment, config) in value["environments"].as_object().unwrap() {
            let place = format!("{} {environment}", entry.document.key());
            if config["killed"]["all"] == json!(true) {
                all.push(format!("{place} all"));
            }
            for list in ["venues", "cohorts"] {
                for item in config["killed"][list].as_array().into_iter().flatten() {
                    all.push(format!("{place} {list} {item}"));
                }
            }
        }
    }
    all.sort();
    all.dedup();
    all
}

proptest! {
    #[test]
    fn rolling_everything_back_gives_the_earlier_state_but_revives_nothing(
        commits in commits(), pick in any::<prop::sample::Index>(),
    ) {
        let states = states(&commits);
        let (then, now) = (&states[pick.index(states.len())], &states[states.len() - 1]);
        let restored = after(now, rollback(&RestoreScope::Everything, then, now));
        let mut expected = bare(then);
        for (id, value) in bare(&restored) {
            // A flag that was not there then stays if it is killed: whoever makes it again would revive it.
            let earlier = expected.entry(id).or_insert_with(|| json!(null));
            if earlier.is_null() {
                let place = format!("{} ", value["key"].as_str().unwrap());
                prop_assert!(kills(now).iter().any(|kill| kill.starts_with(&place)));
                *earlier = value.clone();
            }
            // Where a flag was killed in an environment that it did not have then, it keeps that environment.
            let Some(environments) = value.get("environments").and_then(Value::as_object) else { continue };
            for (environment, config) in environments {
                if earlier["environments"].get(environment).is_none() && earlier.is_object() {
                    let place = format!("{} {environment} ", value["key"].as_str().unwrap());
                    prop_assert!(kills(now).iter().any(|kill| kill.starts_with(&place)));
                    earlier["environments"][environment] = config.clone();
                }
            }
        }
        prop_assert_eq!(bare(&restored), expected);
        prop_assert_eq!(credentials(&restored), credentials(now), "credentials are never brought back");
        for kill in kills(now).into_iter().chain(kills(then)) {
            prop_assert!(kills(&restored).contains(&kill), "{} was revived", kill);
        }
        prop_assert_eq!(rollback(&RestoreScope::Everything, then, &restored), Vec::new(), "once is enough");
    }

    #[test]
    fn rolling_one_document_back_touches_no_other(
        commits in commits(), pick in any::<prop::sample::Index>(), flag in 0..3_usize,
    ) {
        let states = states(&commits);
        let (then, now) = (&states[pick.index(states.len())], &states[states.len() - 1]);
        let id = DocumentId::new(Kind::Flag, FLAGS[flag]);
        let changes = rollback(&RestoreScope::Document(id.clone()), then, now);
        prop_assert!(changes.len() <= 1 && changes.iter().all(|change| *change.id() == id));
        let restored = after(now, changes);
        let is_killed = kills(now).iter().any(|kill| kill.starts_with(&format!("{} ", FLAGS[flag])));
        prop_assert_eq!(restored.get(&id).is_some(), then.get(&id).is_some() || is_killed);
    }

    #[test]
    fn rolling_a_venues_share_back_restores_its_override_and_nothing_else(
        commits in commits(), pick in any::<prop::sample::Index>(), flag in 0..3_usize, venue in 0..3_usize,
    ) {
        let states = states(&commits);
        let (then, now) = (&states[pick.index(states.len())], &states[states.len() - 1]);
        let id = DocumentId::new(Kind::Flag, FLAGS[flag]);
        let scope = RestoreScope::FlagAtVenue {
            flag: FLAGS[flag].to_owned(),
            environment: "production".parse().unwrap(),
            venue: PLACES[venue].parse().unwrap(),
        };
        let restored = after(now, rollback(&scope, then, now));
        let read = |state: &State| state.get(&id).map(|entry| entry.document.value());
        let (Some(before), Some(current), Some(mut given)) = (read(then), read(now), read(&restored)) else {
            return Ok(());
        };
        let own = |flag: &Value| flag["environments"]["production"]["venues"].get(PLACES[venue]).cloned();
        if current["environments"].get("production").is_some() {
            prop_assert_eq!(own(&given), own(&before));
            let mut rest = current;
            for flag in [&mut rest, &mut given] {
                let config = flag["environments"]["production"].as_object_mut().unwrap();
                let mut venues = config.shift_remove("venues").unwrap_or_else(|| json!({}));
                venues.as_object_mut().unwrap().shift_remove(PLACES[venue]);
                config.insert("venues".to_owned(), venues);
            }
            prop_assert_eq!(given, rest);
        } else {
            prop_assert_eq!(given, current);
        }
    }

    #[test]
    fn undoing_the_last_commit_restores_its_documents_kills_and_all(commits in commits()) {
        let states = states(&commits);
        let (before, now) = (&states[states.len() - 2], &states[states.len() - 1]);
        let changes = undo(&commits[commits.len() - 1], before, now, Forced::No).unwrap();
        let restored = after(now, changes);
        prop_assert_eq!(bare(&restored), bare(before));
        prop_assert_eq!(kills(&restored), kills(before));
        prop_assert_eq!(credentials(&restored), credentials(now));
    }

    #[test]
    fn undoing_is_refused_exactly_where_a_document_has_changed_since(
        commits in commits(), pick in any::<prop::sample::Index>(),
    ) {
        let states = states(&commits);
        let n = pick.index(commits.len());
        let (commit, now) = (&commits[n], &states[states.len() - 1]);
        let touched_later = |id: &DocumentId| {
            // Deleting what is not there changes nothing, so nothing is in the way of it.
            let mut later = (n + 1..commits.len()).filter(|later| {
                commits[*later].changes.iter().any(|change| {
                    change.id() == id && (matches!(change, Change::Put(_)) || states[*later].get(id).is_some())
                })
            });
            later.next_back().map(|later| commits[later].seq)
        };
        let conflict = commit.changes.iter().map(Change::id).filter(|id| id.kind != Kind::Key).find_map(|id| {
            touched_later(id).map(|by| (id.clone(), by))
        });
        match (undo(commit, &states[n], now, Forced::No), conflict) {
            (Ok(_), None) => {}
            (Err(told), Some((document, by))) => prop_assert_eq!((told.document, told.by), (document, by)),
            (undone, conflict) => prop_assert!(false, "{:?} but {:?}", undone, conflict),
        }
    }

    #[test]
    fn undoing_by_force_revives_only_what_that_commit_killed(
        commits in commits(), pick in any::<prop::sample::Index>(),
    ) {
        let states = states(&commits);
        let n = pick.index(commits.len());
        let now = &states[states.len() - 1];
        let forced = Forced::Over(&commits[n + 1..]);
        let restored = after(now, undo(&commits[n], &states[n], now, forced).unwrap());
        // What it killed, and nobody has revived and killed again since.
        let own: Vec<String> = kills(&states[n + 1])
            .into_iter()
            .filter(|kill| !kills(&states[n]).contains(kill))
            .filter(|kill| states[n + 1..].iter().all(|state| kills(state).contains(kill)))
            .collect();
        for kill in kills(now) {
            if !own.contains(&kill) {
                prop_assert!(kills(&restored).contains(&kill), "{} was revived", kill);
            }
        }
    }

    #[test]
    fn what_changed_since_leads_from_any_earlier_state_to_the_last(
        commits in commits(), pick in any::<prop::sample::Index>(),
    ) {
        let states = states(&commits);
        let (then, now) = (&states[pick.index(states.len())], &states[states.len() - 1]);
        let (put, gone) = now.changed_since(then.seq());
        let mut documents: BTreeMap<DocumentId, Value> =
            then.entries().map(|entry| (entry.document.id().clone(), entry.document.value())).collect();
        documents.extend(put.into_iter().map(|document| (document.id().clone(), document.value())));
        gone.into_iter().for_each(|id| drop(documents.remove(id)));
        let expected: BTreeMap<DocumentId, Value> =
            now.entries().map(|entry| (entry.document.id().clone(), entry.document.value())).collect();
        prop_assert_eq!(documents, expected);
    }

    #[test]
    fn a_state_is_read_back_from_json_as_it_was(commits in commits()) {
        let states = states(&commits);
        let now = &states[states.len() - 1];
        prop_assert_eq!(&serde_json::from_str::<State>(&serde_json::to_string(now).unwrap()).unwrap(), now);
    }
}
