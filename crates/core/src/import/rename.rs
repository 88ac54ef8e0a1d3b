//! Attributes by another name: a source's `userId` is often what apps now send as `targetingKey`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Cohort, Condition, Flag, Rollout, Serve, Split};

type Names = BTreeMap<String, String>;

/// Renames the attributes that a cohort asks for.
pub(super) fn cohort(cohort: &mut Cohort, names: &Names) {
    if let Some(by) = &mut cohort.by {
        one(by, names);
    }
    if let Some(own) = &mut cohort.condition {
        condition(own, names);
    }
}

/// Renames the attributes that a flag asks for.
pub(super) fn flag(flag: &mut Flag, names: &Names) {
    for config in flag.environments.values_mut() {
        config.targets.iter_mut().for_each(|target| one(&mut target.by, names));
        for rule in &mut config.rules {
            if let Some(own) = &mut rule.condition {
                condition(own, names);
            }
            if let Some(own) = &mut rule.rollout {
                rollout(own, names);
            }
            serve(&mut rule.serve, names);
        }
        if let Some(default) = &mut config.default {
            serve(default, names);
        }
    }
}

fn serve(serve: &mut Serve, names: &Names) {
    if let Serve::Split(Split { by, fallback, .. }) = serve {
        by.iter_mut().chain(fallback).for_each(|name| one(name, names));
    }
}

fn rollout(rollout: &mut Rollout, names: &Names) {
    rollout.by.iter_mut().chain(&mut rollout.fallback).for_each(|name| one(name, names));
}

fn condition(own: &mut Condition, names: &Names) {
    match own {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter_mut().for_each(|part| condition(part, names));
        }
        Condition::Not(inner) => condition(inner, names),
        Condition::Cohort(_) | Condition::Prerequisite(_) => {}
        Condition::Attribute(predicate) => one(&mut predicate.attribute, names),
        Condition::Rollout(own) => rollout(own, names),
        Condition::Logic(logic) => variables(logic, names),
    }
}

fn variables(logic: &mut Value, names: &Names) {
    match logic {
        Value::Array(parts) => parts.iter_mut().for_each(|part| variables(part, names)),
        Value::Object(fields) => {
            for (operator, arguments) in fields {
                match (operator.as_str(), arguments) {
                    ("var", Value::String(name)) => one(name, names),
                    ("var", Value::Array(parts)) => match parts.split_first_mut() {
                        Some((Value::String(name), rest)) => {
                            one(name, names);
                            rest.iter_mut().for_each(|part| variables(part, names));
                        }
                        _ => parts.iter_mut().for_each(|part| variables(part, names)),
                    },
                    ("missing" | "missing_some", listed) => texts(listed, names),
                    (_, other) => variables(other, names),
                }
            }
        }
        _ => {}
    }
}

/// Renames in a list of names, or in lists of them.
fn texts(listed: &mut Value, names: &Names) {
    match listed {
        Value::String(name) => one(name, names),
        Value::Array(parts) => parts.iter_mut().for_each(|part| texts(part, names)),
        _ => {}
    }
}

fn one(name: &mut String, names: &Names) {
    if let Some(other) = names.get(name.as_str()) {
        name.clone_from(other);
    }
}
