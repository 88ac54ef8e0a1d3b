//! What imported documents need of each other: a flag its cohorts and the flags it asks, a cohort its cohorts.
//!
//! Who needs what was refused is refused too; so is who needs what the source names but does not have at all, who
//! leads back to itself, and who stands at the head of a longer chain than may be written. Each document is looked at
//! once, however they hang together.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Imported, Note, Outcome};
use crate::{
    limits::MAX_REFERENCE_DEPTH,
    model::{Cohort, Flag, Kind},
};

/// Leaves out, and notes, every flag and cohort whose needs are not met.
pub(super) fn refuse(imported: &mut Imported) {
    let cohorts = imported.cohorts.iter().map(|cohort| (&*cohort.key, cohorts_of_cohort(cohort)));
    let refused = unmet(&Kind::Cohort, cohorts.collect());
    take_out(imported, &Kind::Cohort, &refused);
    imported.cohorts.retain(|cohort| !refused.contains_key(&*cohort.key));

    let cohorts: HashSet<&str> = imported.cohorts.iter().map(|cohort| &*cohort.key).collect();
    let lacks = |flag: &Flag| {
        let mut lacking = None;
        each_cohort(flag, &mut |cohort| {
            if lacking.is_none() && !cohorts.contains(cohort) {
                lacking = Some(lack(&Kind::Cohort, cohort));
            }
        });
        lacking
    };
    let refused: HashMap<String, String> =
        imported.flags.iter().filter_map(|flag| Some((flag.key.to_string(), lacks(flag)?))).collect();
    take_out(imported, &Kind::Flag, &refused);
    imported.flags.retain(|flag| !refused.contains_key(&*flag.key));

    let flags = imported.flags.iter().map(|flag| (&*flag.key, flags_of_flag(flag)));
    let refused = unmet(&Kind::Flag, flags.collect());
    take_out(imported, &Kind::Flag, &refused);
    imported.flags.retain(|flag| !refused.contains_key(&*flag.key));
}

fn lack(kind: &Kind, key: &str) -> String {
    format!("it needs the {kind} `{key}`, which is not imported")
}

fn cohorts_of_cohort(cohort: &Cohort) -> Vec<&str> {
    let mut all = Vec::new();
    if let Some(condition) = &cohort.condition {
        condition.each_cohort(&mut |inner| all.push(inner.as_str()));
    }
    all
}

fn each_cohort<'f>(flag: &'f Flag, visit: &mut impl FnMut(&'f str)) {
    let rules = flag.environments.values().flat_map(|config| &config.rules);
    for condition in rules.filter_map(|rule| rule.condition.as_ref()) {
        condition.each_cohort(&mut |cohort| visit(cohort.as_str()));
    }
}

fn flags_of_flag(flag: &Flag) -> Vec<&str> {
    let mut all = Vec::new();
    for config in flag.environments.values() {
        all.extend(config.prerequisites.iter().map(|one| one.flag.as_str()));
        for condition in config.rules.iter().filter_map(|rule| rule.condition.as_ref()) {
            condition.each_prerequisite(&mut |one| all.push(one.flag.as_str()));
        }
    }
    all
}

/// The documents of one kind, by key with the keys that they need, whose needs are not met; and why.
fn unmet(kind: &Kind, documents: Vec<(&str, Vec<&str>)>) -> HashMap<String, String> {
    let numbers: HashMap<&str, usize> =
        documents.iter().enumerate().map(|(number, (key, _))| (*key, number)).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); documents.len()];
    let mut open: Vec<usize> = vec![0; documents.len()];
    for (number, (_, needs)) in documents.iter().enumerate() {
        for needed in needs.iter().filter_map(|need| numbers.get(need)) {
            needed_by[*needed].push(number);
            open[number] += 1;
        }
    }
    // From those that need nothing, to those that need only what has been looked at: how long each chain is.
    let mut lengths: Vec<Option<usize>> = vec![None; documents.len()];
    let mut refused = HashMap::new();
    let mut next: VecDeque<usize> = (0..documents.len()).filter(|number| open[*number] == 0).collect();
    while let Some(number) = next.pop_front() {
        let (key, needs) = &documents[number];
        let mut length = Ok(0);
        for need in needs {
            match (numbers.get(need).and_then(|needed| lengths[*needed]), &mut length) {
                (None, _) => length = Err(lack(kind, need)),
                (Some(own), Ok(longest)) => *longest = (own + 1).max(*longest),
                (Some(_), Err(_)) => {}
            }
        }
        match length {
            Ok(length) if length <= MAX_REFERENCE_DEPTH => lengths[number] = Some(length),
            Ok(_) => {
                let why = format!(
                    "it begins a chain of more than {MAX_REFERENCE_DEPTH} {kind}s that need each other"
                );
                refused.insert((*key).to_owned(), why);
            }
            Err(why) => {
                refused.insert((*key).to_owned(), why);
            }
        }
        for user in &needed_by[number] {
            open[*user] -= 1;
            if open[*user] == 0 {
                next.push_back(*user);
            }
        }
    }
    for (number, (key, needs)) in documents.iter().enumerate().filter(|(number, _)| open[*number] > 0) {
        let through = needs.iter().find(|need| numbers.get(*need).is_some_and(|needed| open[*needed] > 0));
        let through = through.copied().unwrap_or_default();
        debug_assert!(lengths[number].is_none());
        refused.insert(
            (*key).to_owned(),
            format!("it needs the {kind} `{through}`, and that leads in a circle"),
        );
    }
    refused
}

/// Notes why documents are left out.
fn take_out(imported: &mut Imported, kind: &Kind, refused: &HashMap<String, String>) {
    if refused.is_empty() {
        return;
    }
    for entry in imported.report.iter_mut().filter(|entry| entry.kind == *kind) {
        if let Some(why) = entry.key.as_ref().and_then(|key| refused.get(key)) {
            entry.key = None;
            entry.outcome = Outcome::Refused;
            entry.notes.push(Note { at: String::new(), outcome: Outcome::Refused, text: why.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(documents: &[(&'static str, &[&'static str])]) -> Vec<String> {
        let documents = documents.iter().map(|(key, needs)| (*key, needs.to_vec())).collect();
        let mut all: Vec<String> =
            unmet(&Kind::Flag, documents).into_iter().map(|(key, why)| format!("{key}: {why}")).collect();
        all.sort();
        all
    }

    #[test]
    fn who_needs_what_is_not_there_is_refused_and_so_are_its_users() {
        assert_eq!(
            refused(&[("a", &["b", "d"]), ("b", &["c"]), ("d", &[])]),
            [
                "a: it needs the flag `b`, which is not imported",
                "b: it needs the flag `c`, which is not imported"
            ]
        );
    }

    #[test]
    fn circles_and_what_leads_to_them_are_refused() {
        assert_eq!(
            refused(&[("a", &["b"]), ("b", &["c"]), ("c", &["b", "d"]), ("d", &[]), ("e", &["e"])]),
            [
                "a: it needs the flag `b`, and that leads in a circle",
                "b: it needs the flag `c`, and that leads in a circle",
                "c: it needs the flag `b`, and that leads in a circle",
                "e: it needs the flag `e`, and that leads in a circle",
            ]
        );
    }

    #[test]
    fn a_chain_may_be_as_long_as_the_server_lets_it_be() {
        let keys: Vec<String> = (0..12).map(|n| format!("{n:02}")).collect();
        let documents = keys
            .iter()
            .enumerate()
            .map(|(n, key)| (key.as_str(), n.checked_sub(1).map(|m| keys[m].as_str()).into_iter().collect()))
            .collect();
        let mut refused: Vec<String> = unmet(&Kind::Flag, documents).into_keys().collect();
        refused.sort();
        // 08 needs eight others; 09 would need nine, and the rest need it.
        assert_eq!(refused, ["09", "10", "11"]);
    }
}
