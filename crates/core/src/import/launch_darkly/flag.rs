//! Flags.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Source, attribute::Kind, boolean, clause, field, list, rollout, text, texts};
use crate::{
    import::{Report, all_of, check_name, report::Notes, safe_keys::SafeKeys},
    limits::{MAX_CONDITION_VALUES, MAX_VARIANTS},
    model::{Flag, FlagConfig, FlagType, Killed, Lifecycle, Prerequisite, Rule, Serve, Target, VariantKey},
    problem::join,
};

const KNOWN: &[&str] = &[
    "key",
    "version",
    "on",
    "targets",
    "contextTargets",
    "rules",
    "prerequisites",
    "fallthrough",
    "offVariation",
    "variations",
    "clientSide",
    "clientSideAvailability",
    "salt",
    "sel",
    "trackEvents",
    "trackEventsFallthrough",
    "debugEventsUntilDate",
    "deleted",
    "migration",
    "samplingRatio",
    "excludeFromSummaries",
    "_flagVersion",
];

/// What others have to know of a flag to ask for it.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The name of each variation.
    variants: Vec<VariantKey>,
    is_on: bool,
    off: Option<usize>,
    has_prerequisites: bool,
}

impl Facts {
    pub(super) fn of(flag: &Value) -> Self {
        let values = flag.get("variations").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let off = flag.get("offVariation").and_then(Value::as_u64);
        Self {
            variants: if values.len() > MAX_VARIANTS { Vec::new() } else { names(values) },
            is_on: flag.get("on") == Some(&Value::Bool(true)),
            off: off.and_then(|off| usize::try_from(off).ok()),
            has_prerequisites: flag
                .get("prerequisites")
                .and_then(Value::as_array)
                .is_some_and(|prerequisites| !prerequisites.is_empty()),
        }
    }
}

/// Booleans go by their value when each has one variation; all others by their index, which is all the source has.
fn names(values: &[Value]) -> Vec<VariantKey> {
    let count = |wanted: bool| values.iter().filter(|value| **value == Value::Bool(wanted)).count();
    let by_value = count(true) <= 1
        && count(false) <= 1
        && values.iter().all(|value| matches!(value, Value::Bool(_) | Value::Null));
    let name = |(n, value): (usize, &Value)| match value {
        Value::Bool(value) if by_value => value.to_string(),
        _ => n.to_string(),
    };
    values.iter().enumerate().map(name).filter_map(|name| name.parse().ok()).collect()
}

pub(super) fn import(source: &Source<'_>, key: &str, flag: &Value, report: &mut Report) {
    let mut notes = Notes::default();
    let flag = match flag {
        Value::Object(fields) => map(source, key, fields, &mut notes),
        _ => {
            notes.refused("", "this is not a flag");
            None
        }
    };
    report.flag(key, flag, notes);
}

/// A flag of a file that gives everybody one value.
pub(super) fn import_value(source: &Source<'_>, key: &str, value: &Value, report: &mut Report) {
    let mut notes = Notes::default();
    let values = std::slice::from_ref(value);
    let flag = type_of(values, "", &mut notes).and_then(|flag_type| {
        let name = names(values).pop()?;
        notes.mapped("", format!("everybody gets this value, as the variant `{name}`"));
        let config = FlagConfig { default: Some(Serve::Variant(name.clone())), ..empty_config(name.clone()) };
        new_flag(source, key, flag_type, IndexMap::from([(name, value.clone())]), config, &mut notes)
    });
    report.flag(key, flag, notes);
}

fn map(source: &Source<'_>, key: &str, fields: &Map<String, Value>, notes: &mut Notes) -> Option<Flag> {
    super::note_unknown(fields, KNOWN, "", notes);
    if boolean(fields, "deleted", "deleted", notes) {
        notes.refused("deleted", "the flag has been deleted");
        return None;
    }
    let values = list(fields, "variations", "variations", notes);
    if values.is_empty() || values.len() > MAX_VARIANTS {
        notes.refused(
            "variations",
            format!("there are {} variations; a flag has 1 to {MAX_VARIANTS} here", values.len()),
        );
        return None;
    }
    let flag_type = type_of(values, "variations", notes)?;
    let variants = names(values);
    note_names(values, &variants, notes);
    note_clients(source, fields, notes);
    if field(fields, "migration").is_some() {
        notes.mapped("migration", "its stages are the values of a flag like any other");
    }
    let mut all: IndexMap<VariantKey, Value> = variants.iter().cloned().zip(values.iter().cloned()).collect();
    let off = match field(fields, "offVariation") {
        Some(_) => rollout::variant(fields.get("offVariation"), &variants, "offVariation", notes),
        None => code_default(&mut all, notes),
    };
    let mapper = Mapper {
        source,
        variants: &variants,
        prefix: format!(
            "{}.{}",
            field(fields, "key").and_then(Value::as_str).unwrap_or(key),
            text(fields, "salt", "salt", notes)
        ),
    };
    let is_on = boolean(fields, "on", "on", notes);
    let prerequisites = mapper.prerequisites(fields, notes);
    let targets = mapper.targets(fields, notes);
    let rules = mapper.rules(fields, notes);
    let fallthrough = match field(fields, "fallthrough") {
        Some(Value::Object(serve)) => {
            super::note_unknown(serve, &["variation", "rollout"], "fallthrough", notes);
            mapper.serve(serve, "fallthrough", notes)
        }
        _ => {
            notes.refused("fallthrough", "a flag without it gives an error to whom no rule matches");
            None
        }
    };
    let config = FlagConfig {
        enabled: is_on,
        prerequisites: prerequisites?,
        targets: targets?,
        rules: rules?,
        default: Some(fallthrough?),
        ..empty_config(off?)
    };
    new_flag(source, key, flag_type, all, config, notes)
}

fn empty_config(off: VariantKey) -> FlagConfig {
    FlagConfig {
        enabled: true,
        off_variant: off,
        killed: Killed::default(),
        prerequisites: Vec::new(),
        venues: IndexMap::new(),
        targets: Vec::new(),
        rules: Vec::new(),
        default: None,
        when_stale: None,
        measure: Vec::new(),
    }
}

fn new_flag(
    source: &Source<'_>,
    key: &str,
    flag_type: FlagType,
    variants: IndexMap<VariantKey, Value>,
    config: FlagConfig,
    notes: &mut Notes,
) -> Option<Flag> {
    let key = key.parse().map_err(|why: String| notes.refused("key", why)).ok()?;
    Some(Flag {
        key,
        name: String::new(),
        description: String::new(),
        flag_type,
        variants,
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

/// The one type of all values.
fn type_of(values: &[Value], at: &str, notes: &mut Notes) -> Option<FlagType> {
    let found = crate::import::type_of(values);
    if found.is_none() {
        notes.refused(at, "the variations are of several types");
    }
    found
}

/// A variant without a value, for those who get what the code has. Its name must not be another's.
fn code_default(variants: &mut IndexMap<VariantKey, Value>, notes: &mut Notes) -> Option<VariantKey> {
    let key: VariantKey = crate::import::CODE_DEFAULT.parse().ok()?;
    variants.insert(key.clone(), Value::Null);
    let text = format!("when it is off the code's default applies: the variant `{key}`, which has no value");
    notes.mapped("offVariation", text);
    Some(key)
}

fn note_names(values: &[Value], variants: &[VariantKey], notes: &mut Notes) {
    let by_value =
        values.iter().zip(variants).any(|(value, name)| value.is_boolean() && name.parse::<bool>().is_ok());
    let how = if by_value { "by their values" } else { "by their index, from 0 on" };
    notes.mapped("variations", format!("the variants are named {how}"));
}

/// Who may see a flag is said for the whole import, so what the source says is only told.
fn note_clients(source: &Source<'_>, fields: &Map<String, Value>, notes: &mut Notes) {
    let availability = field(fields, "clientSideAvailability");
    let says = |name: &str| availability.and_then(|own| own.get(name)) == Some(&Value::Bool(true));
    let legacy = fields.get("clientSide") == Some(&Value::Bool(true));
    let was_visible =
        says("usingEnvironmentId") || says("usingMobileKey") || (availability.is_none() && legacy);
    match (was_visible, source.options.client_visible) {
        (true, false) => notes.mapped(
            "clientSideAvailability",
            "clients could see it; here it is not visible to client keys, unless the import says so",
        ),
        (false, true) => notes.mapped(
            "clientSideAvailability",
            "clients could not see it; here it is visible to client keys, for the import says so",
        ),
        _ => {}
    }
}

/// A flag's configuration on its way.
struct Mapper<'s, 'v> {
    source: &'s Source<'v>,
    variants: &'s [VariantKey],
    /// The seed of its rollouts: key and salt.
    prefix: String,
}

impl Mapper<'_, '_> {
    fn prerequisites(&self, fields: &Map<String, Value>, notes: &mut Notes) -> Option<Vec<Prerequisite>> {
        let mut all = Some(Vec::new());
        for (n, prerequisite) in list(fields, "prerequisites", "prerequisites", notes).iter().enumerate() {
            let mapped = self.prerequisite(prerequisite, &format!("prerequisites[{n}]"), notes);
            all = all.zip(mapped).map(|(mut all, mapped)| {
                all.push(mapped);
                all
            });
        }
        all
    }

    fn prerequisite(&self, prerequisite: &Value, at: &str, notes: &mut Notes) -> Option<Prerequisite> {
        let Some(key) = prerequisite.get("key").and_then(Value::as_str) else {
            notes.refused(at, "a prerequisite names a flag by its key");
            return None;
        };
        if let Value::Object(fields) = prerequisite {
            super::note_unknown(fields, &["key", "variation"], at, notes);
        }
        let Some(other) = self.source.flags.get(key) else {
            notes.refused(at, format!("it needs the flag `{key}`, which is not in this file"));
            return None;
        };
        let index =
            prerequisite.get("variation").and_then(Value::as_u64).and_then(|own| usize::try_from(own).ok());
        let Some(variant) = index.and_then(|index| other.variants.get(index)) else {
            notes.refused(at, format!("the flag `{key}` has no such variation"));
            return None;
        };
        // A flag that is on, but held back by its own prerequisites, gives its off variation, and here that is not
        // enabled. There it satisfies who asks for that variation.
        let may_be_held_back = other.is_on && other.has_prerequisites && index == other.off;
        if may_be_held_back {
            let text = format!(
                "`{key}` may also give `{variant}` because its own prerequisites fail; so it is not asked whether it is enabled"
            );
            notes.mapped(at, text);
        }
        Some(Prerequisite {
            flag: key.parse().map_err(|why: String| notes.refused(at, why)).ok()?,
            variants: vec![variant.clone()],
            enabled: (!may_be_held_back).then_some(true),
        })
    }

    /// Targets in the order in which they are tried. Those of users stand in a list of their own; where there are
    /// targets of other kinds, an empty one of users tells where they belong.
    fn targets(&self, fields: &Map<String, Value>, notes: &mut Notes) -> Option<Vec<Target>> {
        let users = list(fields, "targets", "targets", notes);
        let others = list(fields, "contextTargets", "contextTargets", notes);
        let numbered = |name: &'static str| move |(n, target)| (format!("{name}[{n}]"), target);
        let users: Vec<(String, &Value)> = users.iter().enumerate().map(numbered("targets")).collect();
        let others: Vec<(String, &Value)> =
            others.iter().enumerate().map(numbered("contextTargets")).collect();
        if others.is_empty() {
            return self.all_targets(users.iter(), notes);
        }
        // Several placeholders of one variation would each stand for all of its lists; only the first can decide.
        let mut by_variation: IndexMap<String, Vec<&(String, &Value)>> = IndexMap::new();
        for user in &users {
            by_variation.entry(variation(user.1)).or_default().push(user);
        }
        let mut in_order = Vec::new();
        for other in &others {
            let values = other.1.get("values").and_then(Value::as_array);
            let kind = other.1.get("contextKind").and_then(Value::as_str).unwrap_or("user");
            if kind == "user" && values.is_some_and(Vec::is_empty) {
                in_order.extend(by_variation.swap_remove(&variation(other.1)).into_iter().flatten());
            } else {
                in_order.push(other);
            }
        }
        for unused in by_variation.values().flatten() {
            notes.mapped(&unused.0, "no context target stands for these, so nobody is targeted by them");
        }
        self.all_targets(in_order.into_iter(), notes)
    }

    fn all_targets<'t, 'v: 't>(
        &self,
        targets: impl Iterator<Item = &'t (String, &'v Value)>,
        notes: &mut Notes,
    ) -> Option<Vec<Target>> {
        let mut all = Some(Vec::new());
        for (at, target) in targets {
            let mapped = self.target(target, at, notes);
            all = all.zip(mapped).map(|(mut all, mapped)| {
                all.extend(mapped);
                all
            });
        }
        all
    }

    fn target(&self, target: &Value, at: &str, notes: &mut Notes) -> Option<Vec<Target>> {
        let Value::Object(fields) = target else {
            notes.refused(at, "this is not a target");
            return None;
        };
        super::note_unknown(fields, &["values", "variation", "contextKind"], at, notes);
        let kind = Kind::read(field(fields, "contextKind"), &join(at, "contextKind"), notes)?;
        let values = texts(list(fields, "values", &join(at, "values"), notes), &join(at, "values"), notes);
        if values.is_empty() {
            return Some(Vec::new());
        }
        let variant =
            rollout::variant(fields.get("variation"), self.variants, &join(at, "variation"), notes)?;
        let mut all = Vec::new();
        for by in kind.key_names(self.source) {
            if !check_name(&by, self.source.options, at, notes) {
                return None;
            }
            all.extend(values.chunks(MAX_CONDITION_VALUES).map(|values| Target {
                by: by.clone(),
                values: values.iter().map(|value| (*value).to_owned()).collect(),
                variant: variant.clone(),
            }));
        }
        Some(all)
    }

    fn rules(&self, fields: &Map<String, Value>, notes: &mut Notes) -> Option<Vec<Rule>> {
        let mut ids = SafeKeys::default();
        let mut all = Some(Vec::new());
        for (n, rule) in list(fields, "rules", "rules", notes).iter().enumerate() {
            let mapped = self.rule(rule, &format!("rules[{n}]"), &mut ids, notes);
            all = all.zip(mapped).map(|(mut all, mapped)| {
                all.push(mapped);
                all
            });
        }
        all
    }

    fn rule(&self, rule: &Value, at: &str, ids: &mut SafeKeys, notes: &mut Notes) -> Option<Rule> {
        let Value::Object(fields) = rule else {
            notes.refused(at, "this is not a rule");
            return None;
        };
        let known = ["id", "_id", "clauses", "variation", "rollout", "trackEvents", "ref", "description"];
        super::note_unknown(fields, &known, at, notes);
        let id = ids.take(text(fields, "id", &join(at, "id"), notes), "rule");
        let name = text(fields, "description", &join(at, "description"), notes);
        let clauses = clause::all(self.source, fields, at, notes);
        let serve = self.serve(fields, at, notes);
        let (clauses, serve) = (clauses?, serve?);
        Some(Rule {
            id: id.parse().map_err(|why: String| notes.refused(join(at, "id"), why)).ok()?,
            name: name.to_owned(),
            condition: (!clauses.is_empty()).then(|| all_of(clauses)),
            rollout: None,
            serve,
            dark: false,
        })
    }

    /// A variation, or else a rollout.
    fn serve(&self, fields: &Map<String, Value>, at: &str, notes: &mut Notes) -> Option<Serve> {
        if let Some(index) = field(fields, "variation") {
            let at = join(at, "variation");
            return rollout::variant(Some(index), self.variants, &at, notes).map(Serve::Variant);
        }
        match field(fields, "rollout") {
            Some(rollout) => {
                rollout::serve(self.source, rollout, self.variants, &self.prefix, &join(at, "rollout"), notes)
            }
            None => {
                notes.refused(at, "there is neither a variation nor a rollout, so the flag gives an error");
                None
            }
        }
    }
}

/// The variation that a target is for, to compare it with another's.
fn variation(target: &Value) -> String {
    target.get("variation").map(ToString::to_string).unwrap_or_default()
}
