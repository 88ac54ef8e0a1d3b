//! Flags and segments of LaunchDarkly, as its SDKs for servers get them: `{"flags": {…}, "segments": {…}}`, bare, or
//! as the data of a `put` of its stream, or as a file of its file data source, which may give `flagValues` instead.
//!
//! Contexts. The attributes of the context kind `user` stand at the top of an Usher context, under their own names;
//! nested ones have dots for slashes. Those of any other kind stand under the kind's name: `org.key`, `org.plan`. The
//! key of a user is `key`, or `targetingKey` (which OpenFeature's programs send) where there is no `key`. A kind is
//! part of a context when its key is.
//!
//! What a flag gives is what the published engine for server SDKs gives. Where that gives an error, which only a
//! flag that makes no sense can cause, the flag is refused.

mod attribute;
mod clause;
mod flag;
mod rollout;
mod segment;

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use self::flag::Facts;
use super::{Options, Report, object, report::Notes, safe_keys::SafeKeys};
use crate::{
    model::CohortKey,
    problem::{Problem, Problems},
};

/// The source, and what has to be known of all of it to map a part.
struct Source<'v> {
    flags: HashMap<&'v str, Facts>,
    /// The context kinds that anything in it asks for.
    kinds: HashSet<&'v str>,
    /// The cohort that each segment becomes.
    cohorts: HashMap<&'v str, CohortKey>,
    options: &'v Options,
}

pub(super) fn import(source: &Value, options: &Options, report: &mut Report) -> Result<(), Problems> {
    let payload = payload(source)?;
    let none = Map::new();
    let part = |name: &str| match payload.get(name) {
        None | Some(Value::Null) => Ok(&none),
        Some(value) => object(value, name),
    };
    let (flags, segments, values) = (part("flags")?, part("segments")?, part("flagValues")?);
    let mut keys = SafeKeys::default();
    let mut cohorts = HashMap::new();
    for key in segments.keys() {
        if let Ok(cohort) = keys.take(key, "segment").parse() {
            cohorts.insert(key.as_str(), cohort);
        }
    }
    let facts = flags.iter().map(|(key, flag)| (key.as_str(), Facts::of(flag)));
    let mut kinds = HashSet::new();
    for part in [flags, segments] {
        add_kinds(part, &mut kinds);
    }
    let source = Source { flags: facts.collect(), kinds, cohorts, options };
    for (key, segment) in segments {
        segment::import(&source, key, segment, &mut keys, report);
    }
    for (key, flag) in flags {
        flag::import(&source, key, flag, report);
    }
    for (key, value) in values {
        if flags.contains_key(key) {
            let mut notes = Notes::default();
            notes.refused("flagValues", "the file has a flag of this key among its `flags` too");
            report.flag(key, None, notes);
        } else {
            flag::import_value(&source, key, value, report);
        }
    }
    Ok(())
}

/// Every context kind that is named somewhere within. JSON nests only so deep when it is read.
fn add_kinds<'v>(fields: &'v Map<String, Value>, kinds: &mut HashSet<&'v str>) {
    let mut open: Vec<&Value> = fields.values().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Array(values) => open.extend(values),
            Value::Object(fields) => {
                for name in ["contextKind", "rolloutContextKind"] {
                    kinds.extend(fields.get(name).and_then(Value::as_str));
                }
                open.extend(fields.values());
            }
            _ => {}
        }
    }
}

/// Flags and segments, out of what they may be wrapped in.
fn payload(source: &Value) -> Result<&Map<String, Value>, Problem> {
    const PARTS: [&str; 3] = ["flags", "segments", "flagValues"];
    let fields = object(source, "")?;
    let has_any = |fields: &Map<String, Value>| PARTS.iter().any(|part| fields.contains_key(*part));
    match fields.get("data") {
        _ if has_any(fields) => Ok(fields),
        Some(data) if object(data, "data").is_ok_and(has_any) => object(data, "data"),
        _ => Err(Problem::new(
            "flags",
            "nothing",
            "there are no flags here",
            "Give what a server SDK gets: {\"flags\": {…}, \"segments\": {…}}.",
        )),
    }
}

/// A field that may be left out or null.
fn field<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// A list that may be left out. A value of another type is noted, and makes the whole be refused.
fn list<'v>(fields: &'v Map<String, Value>, name: &str, at: &str, notes: &mut Notes) -> &'v [Value] {
    match field(fields, name) {
        None => &[],
        Some(Value::Array(values)) => values,
        Some(_) => {
            notes.refused(at, "this is not a list");
            &[]
        }
    }
}

/// A boolean that may be left out, and is `false` then.
fn boolean(fields: &Map<String, Value>, name: &str, at: &str, notes: &mut Notes) -> bool {
    match field(fields, name) {
        None => false,
        Some(Value::Bool(value)) => *value,
        Some(_) => {
            notes.refused(at, "this is neither true nor false");
            false
        }
    }
}

/// A text that may be left out, and is empty then.
fn text<'v>(fields: &'v Map<String, Value>, name: &str, at: &str, notes: &mut Notes) -> &'v str {
    match field(fields, name) {
        None => "",
        Some(Value::String(value)) => value,
        Some(_) => {
            notes.refused(at, "this is not a text");
            ""
        }
    }
}

/// Texts of a list. Others are noted, and make the whole be refused.
fn texts<'v>(values: &'v [Value], at: &str, notes: &mut Notes) -> Vec<&'v str> {
    let own: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    if own.len() < values.len() {
        notes.refused(at, "not everything in this list is a text");
    }
    own
}

/// Notes every field that is not among those that are known: who reads it may take it into account.
fn note_unknown(fields: &Map<String, Value>, known: &[&str], at: &str, notes: &mut Notes) {
    for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
        let text =
            "this field is not known here and was left out; if it bears on who gets what, that differs";
        notes.approximated(crate::problem::join(at, name), text);
    }
}
