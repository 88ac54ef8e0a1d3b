//! Flags of Unleash: features as clients get them, or delta events.
//!
//! Semantics are those of Yggdrasil, the engine under Unleash's SDKs and Edge, and of Unleash's client specification.
//! A strategy becomes a rule, tried in order, and there is no default: a feature that no strategy enables is not
//! enabled. A feature without variants is a boolean flag. One with variants gives their payloads; where Unleash
//! answers the variant `disabled`, so does the flag, without a value, and whether the feature is enabled shows in the
//! answer's metadata.
//!
//! Constraints are compared in Unleash's own way, see [`crate::model::Dialect`]. What Yggdrasil can't read turns the
//! feature off there, and the flag off here: its grammar of strategies is followed, but for texts that would break out
//! of their quotes into it.
//!
//! An empty `userId` or `sessionId` counts as missing, as in most of Unleash's SDKs; Yggdrasil draws by it.

mod attributes;
mod constraints;
mod events;
mod literal;
mod rules;
mod source;
mod strategies;
mod variants;

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashSet},
};

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::{
    source::{Dependency, Feature, Segment, Strategy},
    variants::Variants,
};
use super::{
    Options, Report, all_of, object,
    report::{Notes, Outcome},
};
use crate::{
    model::{Cohort, CohortKey, Flag, FlagConfig, Killed, Lifecycle, Prerequisite, VariantKey},
    problem::{Problem, Problems},
};

/// The variant of a feature that is not enabled, or has none for the context.
const DISABLED: &str = "disabled";

/// What is known of all features while one is mapped.
struct Known<'s> {
    features: BTreeMap<&'s str, Parent<'s>>,
    /// Whether Unleash can read them.
    segments: BTreeMap<i64, bool>,
}

/// A feature that others may depend on.
struct Parent<'s> {
    feature: &'s Feature,
    /// Read once, however many depend on it.
    variants: OnceCell<Option<Variants>>,
}

pub(super) fn import(source: &Value, options: &Options, report: &mut Report) -> Result<(), Problems> {
    let fields = object(source, "")?;
    if fields.contains_key("featureStrategies") {
        let mend =
            "Give what Unleash answers to `/api/client/features`: it has strategies within their features.";
        let detail = "this is an export for another Unleash, of all environments";
        return Err(Problem::new("featureStrategies", "…", detail, mend).into());
    }
    let (features, segments) = match fields.get("events") {
        Some(events) => events::fold(events)?,
        None => events::state(fields)?,
    };
    let mut read: Vec<Feature> = Vec::with_capacity(features.len());
    let mut names = HashSet::new();
    for (name, value) in &features {
        match parse::<Feature>(value) {
            Ok(feature) if names.insert(feature.name.clone()) => read.push(feature),
            Ok(_) => refuse(report, name, "another feature has this name"),
            Err(why) => refuse(report, name, &why),
        }
    }
    let mut known = Known {
        features: read
            .iter()
            .map(|feature| (feature.name.as_str(), Parent { feature, variants: OnceCell::new() }))
            .collect(),
        segments: BTreeMap::new(),
    };
    for (id, value) in &segments {
        let mut notes = Notes::default();
        let cohort = match parse::<Segment>(value) {
            Ok(segment) => {
                let cohort = cohort(&segment, options, &mut notes);
                known.segments.insert(segment.id, cohort.is_some() || notes.outcome() == Outcome::Refused);
                if cohort.is_none() && notes.outcome() < Outcome::Refused {
                    notes.refused(
                        "",
                        "Unleash turns off the features that use this segment, for it can't be read",
                    );
                }
                cohort
            }
            Err(why) => {
                known.segments.extend(id.parse::<i64>().map(|id| (id, true)));
                notes.refused("", why);
                None
            }
        };
        report.cohort(id, cohort, notes);
    }
    for feature in &read {
        let mut notes = Notes::default();
        let flag = flag(feature, &known, options, &mut notes);
        report.flag(&feature.name, flag, notes);
    }
    Ok(())
}

fn refuse(report: &mut Report, name: &str, why: &str) {
    let mut notes = Notes::default();
    notes.refused("", why);
    report.flag(name, None, notes);
}

fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let at = error.path().to_string();
        format!("{at}: {}", error.into_inner())
    })
}

/// The key of the cohort that a segment becomes.
fn segment_key(id: i64) -> Option<CohortKey> {
    format!("unleash-segment-{id}").parse().ok()
}

/// `None` where Unleash can't read it, or Usher can't hold it.
fn cohort(segment: &Segment, options: &Options, notes: &mut Notes) -> Option<Cohort> {
    let constraints = segment.constraints.iter().flatten().enumerate();
    let conditions = constraints
        .map(|(n, constraint)| constraints::condition(constraint, &format!("constraints[{n}]"), notes));
    let condition = all_of(conditions.collect::<Option<Vec<_>>>()?);
    attributes::tell_of_condition(&condition, options, notes);
    let name = segment.name.clone().filter(|name| !name.trim().is_empty());
    Some(Cohort {
        name: name.unwrap_or_else(|| format!("Segment {}", segment.id)),
        key: segment_key(segment.id)?,
        description: "A segment of Unleash".to_owned(),
        condition: Some(condition),
        by: None,
        keys: Vec::new(),
        claims: None,
        venues: Vec::new(),
    })
}

fn flag(feature: &Feature, known: &Known<'_>, options: &Options, notes: &mut Notes) -> Option<Flag> {
    let Ok(key) = feature.name.parse() else {
        notes.refused("name", "a flag's key has 1 to 256 bytes and no control characters");
        return None;
    };
    let variants = Variants::of(feature, notes)?;
    let mut config = FlagConfig {
        enabled: feature.enabled,
        off_variant: variants.off()?,
        killed: Killed::default(),
        prerequisites: Vec::new(),
        venues: IndexMap::new(),
        targets: Vec::new(),
        rules: Vec::new(),
        default: None,
        when_stale: None,
        measure: Vec::new(),
    };
    match rules::rules(feature, &variants, known, notes) {
        Some(rules) => {
            attributes::tell_of_rules(&rules, options, notes);
            config.rules = rules;
        }
        // Yggdrasil keeps a feature that it can't read off, and so does the flag.
        None => config.enabled = false,
    }
    for (n, dependency) in feature.dependencies.iter().flatten().enumerate() {
        match prerequisite(dependency, known, &format!("dependencies[{n}]"), notes) {
            Some(prerequisite) => config.prerequisites.push(prerequisite),
            None => config.enabled = false,
        }
    }
    let permanent = matches!(feature.kind.as_deref(), Some("operational" | "kill-switch" | "permission"));
    Some(Flag {
        key,
        name: String::new(),
        description: feature.description.clone().unwrap_or_default(),
        flag_type: variants.flag_type(),
        variants: variants.values(),
        owner: None,
        tags: vec!["unleash".to_owned()],
        lifecycle: if permanent { Lifecycle::Permanent } else { Lifecycle::Temporary },
        expires: None,
        client_visible: false,
        minimum_schema: None,
        metadata: IndexMap::new(),
        environments: IndexMap::from([(options.environment.clone(), config)]),
    })
}

/// Whether a strategy draws by the name of the feature that is asked for.
fn draws_by_name(strategy: &Strategy) -> bool {
    let is_settled = |rollout: String| matches!(rollout.as_str(), "0" | "100");
    strategy.name == "flexibleRollout"
        && strategy.parameter("groupId").is_none()
        && !strategy.parameter("rollout").is_none_or(is_settled)
}

/// `None` for a dependency that is never met.
fn prerequisite(
    dependency: &Dependency,
    known: &Known<'_>,
    at: &str,
    notes: &mut Notes,
) -> Option<Prerequisite> {
    let Dependency { feature, enabled, variants } = dependency;
    let Some(found) = known.features.get(feature.as_str()) else {
        notes.mapped(
            at,
            format!("there is no feature `{feature}`, so Unleash never enables this one: it is off"),
        );
        return None;
    };
    let parent = found.feature;
    if parent.dependencies.as_ref().is_some_and(|own| !own.is_empty()) {
        notes.mapped(
            at,
            format!("`{feature}` depends on others, so Unleash never enables this one: it is off"),
        );
        return None;
    }
    if parent.strategies.iter().flatten().any(draws_by_name) {
        notes.approximated(
            at,
            format!("`{feature}` draws without a group: on its own by its name, here too, but Unleash's engine draws it by this feature's name where this one asks"),
        );
    }
    let enabled = enabled.unwrap_or(true);
    let mut wanted: Vec<VariantKey> = Vec::new();
    let has_variants = Variants::any(parent);
    match variants.as_deref() {
        None | Some([]) => {}
        // A parent that has no variant for the context lets everybody on.
        Some(_) if !has_variants => {}
        Some(names) if enabled => {
            let read = || Variants::of(parent, &mut Notes::default());
            let of_parent = found.variants.get_or_init(read).as_ref()?;
            wanted = names.iter().flat_map(|name| of_parent.named(name)).collect();
            wanted.extend(DISABLED.parse());
        }
        Some(_) => notes.approximated(
            format!("{at}.variants"),
            format!("asked of `{feature}` while it is not enabled; here only that it is not enabled counts"),
        ),
    }
    Some(Prerequisite { flag: feature.parse().ok()?, variants: wanted, enabled: Some(enabled) })
}
