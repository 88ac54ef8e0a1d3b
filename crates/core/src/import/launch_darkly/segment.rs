//! Segments, as cohorts.
//!
//! Who is listed as included is in it, then who is listed as excluded is not, then the rules are asked. Long lists
//! become cohorts of their own, for a document has a largest size.

use serde_json::{Map, Value};

use super::{Source, attribute::Kind, boolean, clause, field, list, rollout, text, texts};
use crate::{
    import::{Report, all_of, any_of, compare, not, report::Notes, safe_keys::SafeKeys},
    limits::{MAX_COHORT_KEYS, MAX_DOCUMENT_BYTES},
    model::{Cohort, Condition, Operator, Scalar},
    problem::join,
};

/// Longer lists than this go into cohorts of their own.
const MAX_INLINE: usize = 1_000;
/// A cohort's list has at most so many bytes of JSON, so that there is room for the rest.
const MAX_LIST_BYTES: usize = MAX_DOCUMENT_BYTES / 2;

const KNOWN: &[&str] = &[
    "key",
    "included",
    "excluded",
    "includedContexts",
    "excludedContexts",
    "rules",
    "salt",
    "unbounded",
    "unboundedContextKind",
    "generation",
    "version",
    "deleted",
];

/// A segment on its way, with the cohorts that hold its long lists.
struct Lists<'k> {
    base: String,
    keys: &'k mut SafeKeys,
    cohorts: Vec<Cohort>,
}

pub(super) fn import(
    source: &Source<'_>,
    key: &str,
    segment: &Value,
    keys: &mut SafeKeys,
    report: &mut Report,
) {
    let mut notes = Notes::default();
    let Some(cohort_key) = source.cohorts.get(key) else { return };
    let mut lists = Lists { base: cohort_key.to_string(), keys, cohorts: Vec::new() };
    let parts = match segment {
        Value::Object(fields) => map(source, key, fields, &mut lists, &mut notes),
        _ => {
            notes.refused("", "this is not a segment");
            None
        }
    };
    let cohort = parts.map(|(by, listed, condition)| Cohort {
        key: cohort_key.clone(),
        name: key.to_owned(),
        description: String::new(),
        condition,
        by: Some(by),
        keys: listed,
        claims: None,
        venues: Vec::new(),
    });
    if cohort.is_some() && notes.is_accepted() {
        for part in lists.cohorts {
            let mut notes = Notes::default();
            notes.mapped(
                "",
                format!("a part of the lists of the segment `{key}`, which is too long for one document"),
            );
            report.cohort(key, Some(part), notes);
        }
    }
    report.cohort(key, cohort, notes);
}

/// What a cohort lists and by what, and its condition.
type Parts = (String, Vec<String>, Option<Condition>);

fn map(
    source: &Source<'_>,
    key: &str,
    fields: &Map<String, Value>,
    lists: &mut Lists<'_>,
    notes: &mut Notes,
) -> Option<Parts> {
    super::note_unknown(fields, KNOWN, "", notes);
    if boolean(fields, "deleted", "deleted", notes) {
        notes.refused("deleted", "the segment has been deleted");
        return None;
    }
    if boolean(fields, "unbounded", "unbounded", notes) {
        notes
            .refused("unbounded", "this is a big segment: whom it lists is kept elsewhere, not in this file");
        return None;
    }
    let included = texts(list(fields, "included", "included", notes), "included", notes);
    let excluded = texts(list(fields, "excluded", "excluded", notes), "excluded", notes);
    let included_contexts = contexts(source, fields, "includedContexts", notes);
    let excluded_contexts = contexts(source, fields, "excludedContexts", notes);
    let own_key = field(fields, "key").and_then(Value::as_str).unwrap_or(key);
    let salt = text(fields, "salt", "salt", notes);
    let rules = rules(source, fields, &format!("{own_key}.{salt}"), notes);
    let (included_contexts, excluded_contexts, rules) = (included_contexts?, excluded_contexts?, rules?);

    let names = Kind::user().key_names(source);
    let (by, others) = names.split_first()?;
    let mut ways_in = Vec::new();
    // The first list that fits is the cohort's own.
    let mut chunks = chunks(&included).into_iter();
    let own = chunks.next().unwrap_or_default();
    ways_in.extend(chunks.map(|chunk| lists.cohort("included", by, &chunk)));
    for name in others.iter().filter(|_| !included.is_empty()) {
        ways_in.push(lists.listed("included", name, &included));
    }
    for (names, values) in &included_contexts {
        ways_in.extend(names.iter().map(|name| lists.listed("included", name, values)));
    }
    if !rules.is_empty() {
        let mut ways_out = Vec::new();
        let user = (names.clone(), excluded);
        for (names, values) in
            excluded_contexts.iter().chain([&user]).filter(|(_, values)| !values.is_empty())
        {
            ways_out.extend(names.iter().map(|name| not(lists.listed("excluded", name, values))));
        }
        ways_in.push(all_of(ways_out.into_iter().chain([any_of(rules)]).collect()));
    }
    let condition = (!ways_in.is_empty()).then(|| any_of(ways_in));
    Some((by.clone(), own.into_iter().map(str::to_owned).collect(), condition))
}

/// Keys of contexts of some kind: the names that they go by, and the keys.
type Listed<'v> = (Vec<String>, Vec<&'v str>);

fn contexts<'v>(
    source: &Source<'_>,
    fields: &'v Map<String, Value>,
    name: &str,
    notes: &mut Notes,
) -> Option<Vec<Listed<'v>>> {
    let mut all = Some(Vec::new());
    for (n, target) in list(fields, name, name, notes).iter().enumerate() {
        let at = format!("{name}[{n}]");
        let listed = target.as_object().and_then(|target| {
            super::note_unknown(target, &["contextKind", "values"], &at, notes);
            let kind = Kind::read(field(target, "contextKind"), &join(&at, "contextKind"), notes)?;
            let at = join(&at, "values");
            Some((kind.key_names(source), texts(list(target, "values", &at, notes), &at, notes)))
        });
        if !target.is_object() {
            notes.refused(&at, "this is not a list of contexts");
        }
        all = all.zip(listed).map(|(mut all, listed)| {
            all.push(listed);
            all
        });
    }
    all
}

fn rules(
    source: &Source<'_>,
    fields: &Map<String, Value>,
    seed: &str,
    notes: &mut Notes,
) -> Option<Vec<Condition>> {
    let mut all = Some(Vec::new());
    for (n, rule) in list(fields, "rules", "rules", notes).iter().enumerate() {
        let at = format!("rules[{n}]");
        let condition = match rule {
            Value::Object(rule) => {
                let known =
                    ["id", "_id", "clauses", "weight", "bucketBy", "rolloutContextKind", "description"];
                super::note_unknown(rule, &known, &at, notes);
                let clauses = clause::all(source, rule, &at, notes);
                let share = rollout::share(source, rule, seed.to_owned(), &at, notes);
                clauses.zip(share).map(|(clauses, share)| all_of(clauses.into_iter().chain(share).collect()))
            }
            _ => {
                notes.refused(&at, "this is not a rule");
                None
            }
        };
        all = all.zip(condition).map(|(mut all, condition)| {
            all.push(condition);
            all
        });
    }
    all
}

impl Lists<'_> {
    /// Whether the attribute of this name is one of `values`.
    fn listed(&mut self, what: &str, name: &str, values: &[&str]) -> Condition {
        if values.len() <= MAX_INLINE {
            return compare(name, Operator::In, values.iter().map(|value| Scalar::Text((*value).to_owned())));
        }
        any_of(chunks(values).iter().map(|chunk| self.cohort(what, name, chunk)).collect())
    }

    /// A cohort of its own for a list.
    fn cohort(&mut self, what: &str, name: &str, values: &[&str]) -> Condition {
        let wanted = format!("{}.{what}-by-{name}", self.base);
        let Ok(key) = self.keys.take(&wanted, "segment").parse::<crate::model::CohortKey>() else {
            return crate::import::never();
        };
        self.cohorts.push(Cohort {
            key: key.clone(),
            name: wanted,
            description: String::new(),
            condition: None,
            by: Some(name.to_owned()),
            keys: values.iter().map(|value| (*value).to_owned()).collect(),
            claims: None,
            venues: Vec::new(),
        });
        Condition::Cohort(key)
    }
}

/// A list in parts that each fit a document.
fn chunks<'v>(values: &[&'v str]) -> Vec<Vec<&'v str>> {
    let mut all: Vec<Vec<&str>> = Vec::new();
    let mut bytes = usize::MAX;
    for value in values {
        let own = serde_json::to_string(value).map_or(0, |text| text.len() + 1);
        let is_full = all.last().is_none_or(|chunk| chunk.len() >= MAX_COHORT_KEYS);
        if is_full || bytes.saturating_add(own) > MAX_LIST_BYTES {
            all.push(Vec::new());
            bytes = 0;
        }
        bytes += own;
        if let Some(chunk) = all.last_mut() {
            chunk.push(value);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_where_a_document_is_full() {
        let long = "x".repeat(1_021);
        let values = vec![long.as_str(); 1_100];
        let parts = chunks(&values);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [512, 512, 76]);
        assert_eq!(chunks(&[]).len(), 0);
        let short = vec!["a"; MAX_COHORT_KEYS + 1];
        assert_eq!(chunks(&short).iter().map(Vec::len).collect::<Vec<_>>(), [MAX_COHORT_KEYS, 1]);
    }
}
