//! Features, as flags.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Source, groups::Groups, rule::Mapper, text};
use crate::{
    import::{any_of, report::Notes, safe_keys::SafeKeys},
    model::{Condition, Flag, FlagConfig, Killed, Lifecycle, Rule, Serve, VariantKey},
};

const KNOWN: &[&str] = &["defaultValue", "rules", "metadata"];

pub(super) fn map<'v>(
    source: &Source<'v>,
    key: &str,
    feature: &Value,
    groups: &mut Groups<'v>,
    notes: &mut Notes,
) -> Option<Flag> {
    let (Value::Object(fields), Some(Some(shape))) = (feature, source.shapes.get(key)) else { return None };
    for name in fields.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
        let text =
            "this field is not known here and was left out; if it bears on who gets what, that differs";
        notes.approximated(name, text);
    }
    let mut ids = SafeKeys::default();
    let mut prerequisites = Vec::new();
    let mut rules: Option<Vec<Rule>> = Some(Vec::new());
    let mut is_first = true;
    let given = fields.get("rules").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (n, (rule, serves)) in given.iter().zip(&shape.rules).enumerate() {
        let at = format!("rules[{n}]");
        let Value::Object(rule) = rule else { continue };
        let mapped = Mapper { source, groups, key, is_first }.rule(rule, serves, &at, notes);
        let Some(mapped) = mapped else {
            rules = None;
            continue;
        };
        prerequisites.extend(mapped.prerequisites);
        let id = text(rule, "id", &at, notes).unwrap_or_default();
        let mut add = |suffix: &str, name: &str, condition: Option<Condition>, rollout, serve| {
            is_first = false;
            if let Ok(id) = ids.take(&format!("{id}{suffix}"), "rule").parse()
                && let Some(rules) = &mut rules
            {
                rules.push(Rule { id, name: name.to_owned(), condition, rollout, serve, dark: false });
            }
        };
        if let (false, Some(null)) = (mapped.blocks.is_empty(), &shape.null) {
            let condition = Some(any_of(mapped.blocks)).filter(|own| *own != Condition::All(Vec::new()));
            add(".prerequisite", "", condition, None, Serve::Variant(null.clone()));
        }
        if let Some((condition, rollout, serve)) = mapped.serves {
            add("", &name(rule, &at, notes), condition, rollout, serve);
        }
    }
    note_values(shape.variants.keys(), notes);
    let off = off_variant(shape);
    let config = FlagConfig {
        enabled: true,
        off_variant: off,
        killed: Killed::default(),
        prerequisites,
        venues: IndexMap::new(),
        targets: Vec::new(),
        rules: rules?,
        default: Some(Serve::Variant(shape.default.clone())),
        when_stale: None,
        measure: Vec::new(),
    };
    Some(Flag {
        key: key.parse().map_err(|why: String| notes.refused("", why)).ok()?,
        name: String::new(),
        description: String::new(),
        flag_type: shape.flag_type,
        variants: shape.variants.clone(),
        owner: None,
        tags: Vec::new(),
        lifecycle: Lifecycle::default(),
        expires: None,
        client_visible: false,
        minimum_schema: None,
        metadata: IndexMap::new(),
        environments: IndexMap::from([(source.options.environment.clone(), config)]),
    })
}

/// What a flag gives when it is turned off here. A feature whose prerequisite fails gives nothing. There is no other
/// way to be off in the source, so it is what is nearest to that: `false`, or what everybody gets.
fn off_variant(shape: &super::shape::Shape) -> VariantKey {
    let is_false = |value: &Value| *value == Value::Bool(false);
    let no = shape.variants.iter().find(|(_, value)| is_false(value)).map(|(key, _)| key);
    shape.null.as_ref().or(no).unwrap_or(&shape.default).clone()
}

/// What an experiment is called.
fn name(rule: &Map<String, Value>, at: &str, notes: &mut Notes) -> String {
    text(rule, "name", at, notes).or_else(|| text(rule, "key", at, notes)).unwrap_or_default().to_owned()
}

fn note_values<'k>(variants: impl Iterator<Item = &'k VariantKey>, notes: &mut Notes) {
    let names: Vec<String> = variants.map(|variant| format!("`{variant}`")).collect();
    notes.mapped("", format!("its values are the variants {}", names.join(", ")));
}
