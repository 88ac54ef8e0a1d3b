//! Saved groups, as cohorts: one for each attribute that a list is asked for, one for each condition.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value};

use super::condition::{Asking, check_path, scalar};
use crate::{
    import::{Options, Report, any_of, report::Notes, safe_keys::SafeKeys},
    limits::{MAX_CONDITION_VALUES, MAX_DOCUMENT_BYTES},
    model::{Cohort, CohortKey, Condition, Operator, Scalar},
};

/// A cohort's list has at most so many bytes of JSON, so that there is room for the rest.
const MAX_LIST_BYTES: usize = MAX_DOCUMENT_BYTES / 2;

/// A list becomes a cohort for each attribute that asks for it.
const MAX_ATTRIBUTES: usize = 16;

/// A saved group.
enum Group<'v> {
    /// Values alone, as groups were at first: only `$inGroup` and `$notInGroup` can ask for them.
    Values(&'v [Value]),
    /// Values; of which attribute is said where they are asked for, or here.
    List {
        attribute: Option<&'v str>,
        values: &'v [Value],
    },
    Condition(&'v Value),
    /// It makes no sense, so nobody is in it, asked either way.
    Nobody,
    /// Of a type that is not known.
    Unknown,
}

/// The saved groups of a source, and the cohorts that were made of them.
#[derive(Default)]
pub(super) struct Groups<'v> {
    groups: HashMap<&'v str, Group<'v>>,
    /// In the order of the source.
    ids: Vec<&'v str>,
    keys: SafeKeys,
    /// What is asked for already: a group, and the attribute that a list is asked for.
    made: HashMap<(String, String), Vec<CohortKey>>,
    /// The groups that are asked for, and by how many attributes a list is.
    used: HashMap<String, usize>,
    cohorts: Vec<(String, Option<Cohort>, Notes)>,
    /// Conditions that are asked for, but were not looked at yet.
    open: VecDeque<(&'v str, CohortKey, &'v Value)>,
}

impl<'v> Groups<'v> {
    pub(super) fn new(groups: Option<&'v Value>) -> Self {
        let mut all = Self::default();
        for (id, group) in groups.and_then(Value::as_object).into_iter().flatten() {
            all.ids.push(id);
            all.groups.insert(id, Group::of(group));
        }
        all
    }

    /// Whether the attribute `path` has a value that the group `id` lists: `$inGroup`. The inner `None` means that
    /// nobody has, asked either way.
    pub(super) fn listed(
        &mut self,
        id: &str,
        path: &str,
        options: &Options,
        at: &str,
        notes: &mut Notes,
    ) -> Option<Option<Condition>> {
        match self.groups.get(id) {
            None => {
                notes.mapped(at, format!("there is no saved group `{id}`, so it counts as an empty list"));
                Some(Some(crate::import::never()))
            }
            Some(Group::Values(values) | Group::List { values, .. }) => {
                let values = *values;
                let found =
                    check_path(path, options, at, notes).then(|| self.list(id, path, values, at, notes));
                found.flatten().map(Some)
            }
            Some(Group::Condition(_) | Group::Nobody) => {
                notes.mapped(
                    at,
                    format!("the saved group `{id}` has no list, so nobody is in it, nor out of it"),
                );
                Some(None)
            }
            Some(Group::Unknown) => {
                notes.refused(at, format!("the saved group `{id}` is of a type that is not known"));
                None
            }
        }
    }

    /// Whether a context is in the group that is referred to: `$savedGroup`. The inner `None`: nobody is.
    pub(super) fn referred(
        &mut self,
        reference: &Value,
        options: &Options,
        at: &str,
        notes: &mut Notes,
    ) -> Option<Option<Condition>> {
        let Some(id) = reference.get("id").and_then(Value::as_str) else { return Some(None) };
        let wanted = match reference.get("attributeKey") {
            None => None,
            Some(Value::String(name)) => Some(name.as_str()),
            Some(_) => return Some(None),
        };
        match self.groups.get_key_value(id) {
            None | Some((_, Group::Nobody | Group::Values(_))) => {
                notes.mapped(
                    at,
                    format!("nobody is in the saved group `{id}`, for it is none that can be referred to"),
                );
                Some(None)
            }
            Some((_, Group::List { attribute, values })) => {
                let (Some(path), values) = (wanted.or(*attribute), *values) else { return Some(None) };
                let path = path.to_owned();
                let found =
                    check_path(&path, options, at, notes).then(|| self.list(id, &path, values, at, notes));
                found.flatten().map(Some)
            }
            Some((id, Group::Condition(condition))) => {
                let (id, condition) = (*id, *condition);
                Some(self.condition(id, condition).map(Condition::Cohort))
            }
            Some((_, Group::Unknown)) => {
                notes.refused(at, format!("the saved group `{id}` is of a type that is not known"));
                None
            }
        }
    }

    /// The cohort of those whose attribute is in a list.
    fn list(
        &mut self,
        id: &str,
        path: &str,
        values: &[Value],
        at: &str,
        notes: &mut Notes,
    ) -> Option<Condition> {
        let name = (id.to_owned(), path.to_owned());
        if let Some(parts) = self.made.get(&name) {
            return Some(any_of(parts.iter().cloned().map(Condition::Cohort).collect()));
        }
        let attributes = self.used.entry(id.to_owned()).or_default();
        *attributes += 1;
        if *attributes > MAX_ATTRIBUTES {
            notes.refused(
                at,
                format!("the saved group `{id}` is asked for by more than {MAX_ATTRIBUTES} attributes"),
            );
            return None;
        }
        let parts: Vec<CohortKey> = chunks(values)
            .into_iter()
            .filter_map(|part| {
                let key: CohortKey = self.keys.take(&format!("{id}.{path}"), "group").parse().ok()?;
                let mut notes = Notes::default();
                notes.mapped("", format!("those whose `{path}` is in the list"));
                let in_one = |values: &[Scalar]| crate::import::compare(path, Operator::In, values.to_vec());
                let condition = any_of(part.chunks(MAX_CONDITION_VALUES).map(in_one).collect());
                self.cohorts.push((id.to_owned(), Some(cohort(key.clone(), id, condition)), notes));
                Some(key)
            })
            .collect();
        self.made.insert(name, parts.clone());
        Some(any_of(parts.into_iter().map(Condition::Cohort).collect()))
    }

    /// The cohort of those for whom a condition holds. It is looked at later, so that groups that lead to each other
    /// don't lead into the depths.
    fn condition(&mut self, id: &'v str, condition: &'v Value) -> Option<CohortKey> {
        let name = (id.to_owned(), String::new());
        if let Some(parts) = self.made.get(&name) {
            return parts.first().cloned();
        }
        let key: CohortKey = self.keys.take(id, "group").parse().ok()?;
        self.made.insert(name, vec![key.clone()]);
        self.used.insert(id.to_owned(), 0);
        self.open.push_back((id, key.clone(), condition));
        Some(key)
    }

    /// Looks at what is open, and reports all.
    pub(super) fn finish(mut self, options: &Options, report: &mut Report) {
        for id in std::mem::take(&mut self.ids) {
            if self.used.contains_key(id) {
                continue;
            }
            let mut notes = Notes::default();
            match self.groups.get(id) {
                Some(Group::Condition(condition)) => {
                    let condition = *condition;
                    self.condition(id, condition);
                    continue;
                }
                Some(Group::List { attribute: Some(path), values }) => {
                    let (path, values) = (*path, *values);
                    if check_path(path, options, "attributeKey", &mut notes) {
                        self.list(id, path, values, "", &mut notes);
                        continue;
                    }
                }
                Some(Group::Values(_) | Group::List { attribute: None, .. }) => {
                    notes.refused(
                        "",
                        "no rule asks for it, and it does not say of which attribute it lists values",
                    );
                }
                Some(Group::Nobody) => notes.refused("", "this makes no sense as a group"),
                Some(Group::Unknown) | None => notes.refused("type", "this type of group is not known"),
            }
            self.cohorts.push((id.to_owned(), None, notes));
        }
        while let Some((id, key, condition)) = self.open.pop_front() {
            let mut notes = Notes::default();
            let mapped = Asking { options, groups: Some(&mut self), notes: &mut notes }
                .condition(condition, "condition");
            let cohort = mapped.map(|condition| cohort(key, id, condition));
            self.cohorts.push((id.to_owned(), cohort, notes));
        }
        for (id, cohort, notes) in self.cohorts {
            report.cohort(&id, cohort, notes);
        }
    }
}

fn cohort(key: CohortKey, id: &str, condition: Condition) -> Cohort {
    Cohort {
        key,
        name: id.to_owned(),
        description: String::new(),
        condition: Some(condition),
        by: None,
        keys: Vec::new(),
        claims: None,
        venues: Vec::new(),
    }
}

impl<'v> Group<'v> {
    fn of(group: &'v Value) -> Self {
        let fields: &Map<String, Value> = match group {
            Value::Array(values) => return Self::Values(values),
            Value::Object(fields) => fields,
            _ => return Self::Nobody,
        };
        match fields.get("type").and_then(Value::as_str) {
            Some("list") => match fields.get("values") {
                Some(Value::Array(values)) => {
                    Self::List { attribute: fields.get("attributeKey").and_then(Value::as_str), values }
                }
                _ => Self::Nobody,
            },
            Some("condition") => match fields.get("condition") {
                Some(condition) if condition.is_object() => Self::Condition(condition),
                _ => Self::Nobody,
            },
            _ => Self::Unknown,
        }
    }
}

/// A list in parts that each fit a document. There always is one, if only an empty one. Lists, objects and null are
/// never the same as what a context has.
fn chunks(values: &[Value]) -> Vec<Vec<Scalar>> {
    let mut all = vec![Vec::new()];
    let mut bytes = 0;
    for value in values {
        let Some(own) = scalar(value) else { continue };
        bytes += value.to_string().len() + 1;
        if bytes > MAX_LIST_BYTES {
            all.push(Vec::new());
            bytes = 0;
        }
        if let Some(chunk) = all.last_mut() {
            chunk.push(own);
        }
    }
    all
}
