//! What tests of several importers share.

use std::panic::catch_unwind;

use serde_json::{Value, json};
use usher_core::{
    Context, Ruleset,
    import::{Entry, Format, Imported, Options, Outcome, import},
    model::{Document, Kind, Model, Seq, Timestamp, parse_strict},
};

pub fn options() -> Options {
    Options::new("production".parse().unwrap())
}

pub fn read(format: Format, source: &Value) -> Imported {
    read_with(format, source, &options())
}

pub fn read_with(format: Format, source: &Value, options: &Options) -> Imported {
    import(format, source.to_string().as_bytes(), options).unwrap_or_else(|found| panic!("{found}"))
}

/// What was imported, as if it had been written to the journal and read from there.
pub fn ruleset(imported: &Imported) -> Ruleset {
    let parse = |kind: Kind, json: String| {
        parse_strict(&kind, json.as_bytes()).unwrap_or_else(|found| panic!("{found}: {json}"))
    };
    let flags = imported.flags.iter().map(|flag| parse(Kind::Flag, serde_json::to_string(flag).unwrap()));
    let cohorts =
        imported.cohorts.iter().map(|cohort| parse(Kind::Cohort, serde_json::to_string(cohort).unwrap()));
    let all: Vec<Document> = flags.chain(cohorts).collect();
    Ruleset::compile("production".parse().unwrap(), Seq(1), &all)
}

/// The variant that a context gets, and its value.
pub fn gives(rules: &Ruleset, flag: &str, context: &Value) -> (String, Value) {
    let context = Context::from_json(context).unwrap();
    let evaluation = rules.evaluate(flag, &context, Timestamp::EPOCH);
    assert_eq!(evaluation.error, None, "{flag}");
    let value = evaluation.value().map_or(Value::Null, |value| serde_json::to_value(value).unwrap());
    (evaluation.variant().unwrap_or_default().to_owned(), value)
}

pub fn entry<'i>(imported: &'i Imported, source: &str) -> &'i Entry {
    imported
        .report
        .iter()
        .find(|entry| entry.source == source)
        .unwrap_or_else(|| panic!("nothing is told of {source}"))
}

/// `at: text` of the notes of an outcome.
pub fn notes(entry: &Entry, outcome: Outcome) -> Vec<String> {
    let own = entry.notes.iter().filter(|note| note.outcome == outcome);
    own.map(|note| format!("{}: {}", note.at, note.text)).collect()
}

/// Puts odd values in the place of every part of a source, one after the other. However it is read then, nothing
/// panics, and what comes out of it is valid.
pub fn bears_odd_values_everywhere(format: Format, source: &Value) {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("venue.x"),
        json!("\u{0}"),
        json!([]),
        json!({}),
        json!([null]),
        json!([[1]]),
        json!({"$not": null}),
        json!({"a": {"b": []}}),
        json!("x".repeat(300)),
    ];
    let mut paths = Vec::new();
    collect(source, &mut Vec::new(), &mut paths);
    for path in &paths {
        for value in &odd {
            let mut changed = source.clone();
            *changed.pointer_mut(path).unwrap() = value.clone();
            let text = changed.to_string();
            let imported = catch_unwind(|| import(format, text.as_bytes(), &options()));
            let Ok(imported) = imported.unwrap_or_else(|_| panic!("{path} = {value}")) else { continue };
            for flag in &imported.flags {
                assert!(flag.validate().is_empty(), "{path} = {value}");
            }
            for cohort in &imported.cohorts {
                assert!(cohort.validate().is_empty(), "{path} = {value}");
            }
            for entry in &imported.report {
                let refused = entry.notes.iter().any(|note| note.outcome == Outcome::Refused);
                assert_eq!(
                    entry.key.is_none(),
                    refused,
                    "{path} = {value}: who is refused is told why: {entry:?}"
                );
            }
        }
    }
    assert!(paths.len() > 50);
}

fn collect(value: &Value, path: &mut Vec<String>, all: &mut Vec<String>) {
    let whole: String =
        path.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect();
    all.push(whole);
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(values) => values.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (name, inner) in parts {
        path.push(name);
        collect(inner, path, all);
        path.pop();
    }
}
