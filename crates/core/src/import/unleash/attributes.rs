//! Names of attributes that mean something else here than in Unleash, or that Unleash's SDKs fill in by themselves.

use std::collections::BTreeSet;

use crate::{
    import::{Options, report::Notes},
    model::{CURRENT_TIME, Condition, Rule, Serve},
};

/// Tells what there is to tell of the attributes that rules ask for.
pub(super) fn tell_of_rules(rules: &[Rule], options: &Options, notes: &mut Notes) {
    let mut names = BTreeSet::new();
    for rule in rules {
        if let Some(condition) = &rule.condition {
            condition.each_attribute(&mut |name| {
                names.insert(name);
            });
        }
        if let Some(rollout) = &rule.rollout {
            names.extend(rollout.by.iter().chain(&rollout.fallback).map(String::as_str));
        }
        if let Serve::Split(split) = &rule.serve {
            names.extend(split.by.iter().chain(&split.fallback).map(String::as_str));
        }
    }
    tell(&names, options, notes);
}

/// The same of a cohort's condition.
pub(super) fn tell_of_condition(condition: &Condition, options: &Options, notes: &mut Notes) {
    let mut names = BTreeSet::new();
    condition.each_attribute(&mut |name| {
        names.insert(name);
    });
    tell(&names, options, notes);
}

fn tell(names: &BTreeSet<&str>, options: &Options, notes: &mut Notes) {
    for name in ["appName", "environment"].into_iter().filter(|name| names.contains(name)) {
        let text = format!("Unleash's SDKs fill in `{name}` by themselves; here the context has to bring it");
        notes.mapped("", text);
    }
    let here = |name: &&&str| options.rename.get(**name).map_or(**name, String::as_str).starts_with("venue.");
    for name in names.iter().filter(here) {
        let text = format!(
            "`{name}` is a field of the venue here, whatever a context says of it: give the attribute another name as you import it"
        );
        notes.approximated("", text);
    }
    if names.contains(CURRENT_TIME) && options.rename.contains_key(CURRENT_TIME) {
        let text = "renamed, `currentTime` is no longer the time of the evaluation where a context has none";
        notes.approximated("", text);
    }
}
