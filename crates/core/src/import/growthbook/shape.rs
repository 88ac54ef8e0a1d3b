//! What a feature can give: its values, under readable names.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::{field, list};
use crate::{
    context::Context,
    import::{CODE_DEFAULT, report::Notes, type_of},
    limits::{MAX_RULES, MAX_VARIANTS},
    model::{FlagType, VariantKey},
    problem::join,
};

/// Longer texts don't make good names.
const MAX_NAME_CHARACTERS: usize = 40;

/// A feature's variants, and which of them each of its rules serves.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) flag_type: FlagType,
    pub(super) variants: IndexMap<VariantKey, Value>,
    pub(super) default: VariantKey,
    /// The variant without a value, where something gives that.
    pub(super) null: Option<VariantKey>,
    pub(super) rules: Vec<Serves>,
    /// What a prerequisite asks of each variant: a context whose `value` it is. None for one that is too large.
    pub(super) contexts: Vec<Option<Context>>,
}

/// What a rule serves.
#[derive(Debug)]
pub(super) enum Serves {
    /// Nothing: it is there for its prerequisites, or for nothing at all.
    Nothing,
    /// One value.
    One(VariantKey),
    /// The variations of an experiment; those that pass on to the next rule have none.
    Several(Vec<Option<VariantKey>>),
}

/// Variants while they are collected.
#[derive(Default)]
struct Variants {
    named: IndexMap<VariantKey, Value>,
    /// What each was called where it was found, if anything.
    labels: Vec<Option<String>>,
}

impl Shape {
    pub(super) fn of(feature: &Value, notes: &mut Notes) -> Option<Self> {
        let Value::Object(fields) = feature else {
            notes.refused("", "this is not a feature");
            return None;
        };
        let mut variants = Variants::default();
        let default = variants.of_value(fields.get("defaultValue").unwrap_or(&Value::Null));
        let rules = list(fields, "rules", "", notes);
        if rules.len() > MAX_RULES {
            notes.refused("rules", format!("there are more than {MAX_RULES} rules"));
            return None;
        }
        let mut gates = false;
        let mut serves = Vec::with_capacity(rules.len());
        for (n, rule) in rules.iter().enumerate() {
            let Value::Object(rule) = rule else {
                notes.refused(format!("rules[{n}]"), "this is not a rule");
                return None;
            };
            let parents = rule.get("parentConditions").and_then(Value::as_array);
            gates |=
                parents.into_iter().flatten().any(|parent| parent.get("gate") == Some(&Value::Bool(true)));
            serves.push(variants.of_rule(rule, &format!("rules[{n}]"), notes)?);
        }
        let null = gates.then(|| variants.of_value(&Value::Null));
        let (Some(default), true, null) = (default, variants.named.len() <= MAX_VARIANTS, null) else {
            notes.refused("", format!("it has more than {MAX_VARIANTS} different values"));
            return None;
        };
        let Some(flag_type) = type_of(variants.named.values()) else {
            notes.refused("", "its values are of several types");
            return None;
        };
        let contexts = variants.named.values().map(context_of).collect();
        Some(Self {
            flag_type,
            variants: variants.named,
            default,
            null: null.flatten(),
            rules: serves,
            contexts,
        })
    }
}

fn context_of(value: &Value) -> Option<Context> {
    // An object that has nothing in it is there all the same.
    let is_empty = value.as_object().is_some_and(Map::is_empty);
    let value = if is_empty { json!({"\u{0}": true}) } else { value.clone() };
    Context::from_json(&json!({"value": value})).ok()
}

impl Variants {
    fn of_rule(&mut self, rule: &Map<String, Value>, at: &str, notes: &mut Notes) -> Option<Serves> {
        if let Some(value) = rule.get("force") {
            return self.of_value(value).map(Serves::One);
        }
        let variations = list(rule, "variations", at, notes);
        if variations.len() > MAX_VARIANTS {
            notes.refused(join(at, "variations"), format!("there are more than {MAX_VARIANTS} variations"));
            return None;
        }
        // Of one variation there is no experiment.
        if variations.len() < 2 {
            return Some(Serves::Nothing);
        }
        let meta = list(rule, "meta", at, notes);
        let mut own = HashSet::new();
        let mut several = Vec::with_capacity(variations.len());
        for (n, value) in variations.iter().enumerate() {
            let meta = meta.get(n).and_then(Value::as_object);
            if meta.is_some_and(|meta| meta.get("passthrough") == Some(&Value::Bool(true))) {
                several.push(None);
                continue;
            }
            let label = meta.and_then(|meta| label(meta, n));
            let variant = self.variant(value, label, |variant| !own.contains(variant))?;
            own.insert(variant.clone());
            several.push(Some(variant));
        }
        Some(Serves::Several(several))
    }

    /// The variant of a value that has no name of its own.
    fn of_value(&mut self, value: &Value) -> Option<VariantKey> {
        self.variant(value, None, |_| true)
    }

    /// The variant of a value and what it is called, among those that `may` be taken; a new one, if there is none.
    fn variant(
        &mut self,
        value: &Value,
        label: Option<&str>,
        may: impl Fn(&VariantKey) -> bool,
    ) -> Option<VariantKey> {
        let known = self.named.iter().zip(&self.labels);
        let mut known =
            known.filter(|((key, own), called)| called.as_deref() == label && *own == value && may(key));
        if let Some(((key, _), _)) = known.next() {
            return Some(key.clone());
        }
        if self.named.len() > MAX_VARIANTS {
            return None;
        }
        let wanted = label.map_or_else(|| self.name(value), str::to_owned);
        let numbered = (2..).map(|n| format!("{wanted}-{n}"));
        let mut names = std::iter::once(wanted.clone()).chain(numbered);
        let key: VariantKey = names.find(|name| !self.named.contains_key(name.as_str()))?.parse().ok()?;
        self.named.insert(key.clone(), value.clone());
        self.labels.push(label.map(str::to_owned));
        Some(key)
    }

    /// A name that tells the value, if it is short.
    fn name(&self, value: &Value) -> String {
        match value {
            Value::Null => CODE_DEFAULT.to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) if text.is_empty() => "empty".to_owned(),
            Value::String(text) if is_good_name(text) => text.clone(),
            _ => format!("value-{}", self.named.len() + 1),
        }
    }
}

fn is_good_name(text: &str) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= MAX_NAME_CHARACTERS
        && !text.chars().any(char::is_control)
}

/// What a variation is called: its name, or its key, unless that is only its number.
fn label(meta: &Map<String, Value>, n: usize) -> Option<&str> {
    let named = |name: &str| field(meta, name).and_then(Value::as_str).filter(|text| is_good_name(text));
    named("name").or_else(|| named("key").filter(|key| *key != n.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variants(feature: &Value) -> Vec<String> {
        let shape = Shape::of(feature, &mut Notes::default()).unwrap();
        shape.variants.iter().map(|(key, value)| format!("{key}: {value}")).collect()
    }

    #[test]
    fn variants_are_named_for_their_values_or_by_the_experiment() {
        assert_eq!(
            variants(&json!({"defaultValue": false, "rules": [{"force": true}]})),
            ["false: false", "true: true"]
        );
        let texts = json!({"defaultValue": "", "rules": [{"force": "blue"}, {"force": "x".repeat(50)}, {"force": "blue"}]});
        assert_eq!(variants(&texts)[..2], ["empty: \"\"", "blue: \"blue\""]);
        assert!(variants(&texts)[2].starts_with("value-3: "));
        let named = json!({"defaultValue": 1, "rules": [{
            "variations": [1, 2, 2, 3], "meta": [{"key": "0"}, {"key": "v1", "name": "Treatment"}, {"key": "2"}, {"passthrough": true}]}]});
        assert_eq!(variants(&named), ["1: 1", "Treatment: 2", "2: 2"]);
        // Two variations of one experiment stay apart even if they give the same.
        assert_eq!(
            variants(&json!({"defaultValue": 1, "rules": [{"variations": [1, 1]}]})),
            ["1: 1", "1-2: 1"]
        );
        assert_eq!(
            variants(&json!({"rules": [{"parentConditions": [{"id": "x", "gate": true}]}, {"force": 1.5}]})),
            ["code-default: null", "1.5: 1.5"]
        );
    }

    #[test]
    fn values_of_several_types_are_refused() {
        let mut notes = Notes::default();
        assert!(Shape::of(&json!({"defaultValue": 1, "rules": [{"force": "1"}]}), &mut notes).is_none());
        assert!(!notes.is_accepted());
    }
}
