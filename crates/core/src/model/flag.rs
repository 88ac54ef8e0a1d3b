//! Flags: what can be switched, for whom, where.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    CohortKey, Condition, Duration, EnvironmentKey, FlagKey, Key, Kind, Model, Rollout, Scalar, Split,
    VariantKey, VenueKey, document::check_text,
};
use crate::{
    limits::{MAX_METADATA, MAX_TAGS, MAX_VARIANTS},
    problem::{Problem, Problems},
    ruleset,
    schema::NEWEST,
};

/// A flag: defined once, configured per environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flag {
    /// Its key, what code asks for.
    pub key: FlagKey,
    /// Its name, as people know it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The type of all of its variants.
    #[serde(rename = "type")]
    pub flag_type: FlagType,
    /// The values it can have, by name, in the order in which they are shown.
    pub variants: IndexMap<VariantKey, Value>,
    /// The team that answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Free labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether it is meant to go away.
    #[serde(default, skip_serializing_if = "Lifecycle::is_default")]
    pub lifecycle: Lifecycle,
    /// The day by which it should be gone, `2026-12-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<jiff::civil::Date>,
    /// Whether client keys get it at all, in any form.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub client_visible: bool,
    /// The oldest payload schema whose apps can be trusted with it: older ones get its off variant, with the reason
    /// `DISABLED`, whatever they are sent of it otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_schema: Option<u32>,
    /// What its answers carry besides, for the programs that ask: `{"team": "payments"}`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub metadata: IndexMap<String, Scalar>,
    /// How it is configured in each environment. One that is missing here: the flag is off there and gives the
    /// caller's default.
    #[serde(default)]
    pub environments: IndexMap<EnvironmentKey, FlagConfig>,
}

/// The type of a flag's variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FlagType {
    /// `true` or `false`.
    Boolean,
    /// A text.
    String,
    /// A whole number of at most 64 bits.
    Integer,
    /// A number.
    Float,
    /// Any JSON object or array.
    Object,
}

impl FlagType {
    /// Whether `value` is of this type. `null` (the code's default) fits all.
    #[must_use]
    pub fn fits(self, value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Bool(_) => self == Self::Boolean,
            Value::String(_) => self == Self::String,
            Value::Number(number) => self == Self::Float || (self == Self::Integer && number.is_i64()),
            Value::Object(_) | Value::Array(_) => self == Self::Object,
        }
    }

    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Object => "object",
        }
    }
}

/// How long a flag is meant to live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Lifecycle {
    /// It goes once its change is everywhere.
    #[default]
    Temporary,
    /// It stays: a kill switch, a setting.
    Permanent,
    /// It is gone, but for its history: off everywhere.
    Archived,
}

impl Lifecycle {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A flag in one environment. The order of its fields is the order of evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlagConfig {
    /// Whether it is on at all.
    #[serde(default)]
    pub enabled: bool,
    /// What it gives when it is off, killed, or its prerequisites fail.
    pub off_variant: VariantKey,
    /// Where it has been killed. Outlives every other edit.
    #[serde(default, skip_serializing_if = "Killed::is_empty")]
    pub killed: Killed,
    /// Flags that must give certain variants first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<Prerequisite>,
    /// What single venues get, before any rule.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub venues: IndexMap<VenueKey, VariantKey>,
    /// What single people, devices, orders… get, before any rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// Tried in order; the first that matches serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// What everybody else gets. Without it (as in Unleash, where a flag is on for those whom a strategy enables
    /// and off for all others): the off variant, and the flag does not count as enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Serve>,
    /// What an SDK does once its data has become old; without it, it holds the last value for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_stale: Option<WhenStale>,
    /// Metrics that programs count by the variant of this flag.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measure: Vec<String>,
}

/// Where a flag has been killed. Only reviving takes anything out of here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Killed {
    /// For everyone.
    #[serde(default)]
    pub all: bool,
    /// At these venues.
    #[serde(default)]
    pub venues: Vec<VenueKey>,
    /// For these cohorts.
    #[serde(default)]
    pub cohorts: Vec<CohortKey>,
}

impl Killed {
    /// Whether it is killed nowhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.venues.is_empty() && self.cohorts.is_empty()
    }
}

/// Another flag that must give one of `variants` first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prerequisite {
    /// The other flag.
    pub flag: FlagKey,
    /// The variants that let this flag go on; any, when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<VariantKey>,
    /// Whether the other flag must be enabled (`true`) or must not (`false`), whatever its variant. A flag is
    /// enabled for a context unless it is off, killed, held back by its own prerequisites, or nothing matched and
    /// it has no default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// Contexts that are given a variant one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The attribute that `values` list.
    pub by: String,
    /// Its values.
    pub values: Vec<String>,
    /// What they get.
    pub variant: VariantKey,
}

/// One rule: whom it matches, how many of them, what it serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Its identity within the flag, for statistics and links.
    pub id: Key,
    /// Its name, as people know it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whom it matches; everyone, when left out.
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// The share of them it applies to; the others go on to the next rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// What it serves.
    pub serve: Serve,
    /// Whether it is only counted: a dark rule is never served, and programs count whom it would have served what.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dark: bool,
}

/// What is served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Serve {
    /// One variant.
    Variant(VariantKey),
    /// Several variants by weight.
    Split(Split),
}

/// What an SDK does with data that has become old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WhenStale {
    /// How old, counted from the last word of the server.
    pub after: Duration,
    /// What then.
    pub then: StaleThen,
}

/// What an SDK gives once its data is too old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StaleThen {
    /// The last value.
    #[default]
    Hold,
    /// The off variant.
    Off,
    /// The default that the code passed.
    Default,
}

impl Model for Flag {
    const KIND: Kind = Kind::Flag;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "name", &self.name, false);
        check_text(&mut problems, "description", &self.description, false);
        if self.tags.len() > MAX_TAGS {
            problems.push(Problem::new(
                "tags",
                self.tags.len(),
                "too many tags",
                format!("Keep at most {MAX_TAGS}."),
            ));
        }
        if let Some(minimum) = self.minimum_schema.filter(|minimum| !(1..=NEWEST).contains(minimum)) {
            let mend = format!("Give 1 to {NEWEST}, which is what this version speaks, or leave it out.");
            problems.push(Problem::new("minimumSchema", minimum, "there is no such payload schema", mend));
        }
        if self.metadata.len() > MAX_METADATA {
            let mend = format!("Keep at most {MAX_METADATA}.");
            problems.push(Problem::new("metadata", self.metadata.len(), "too many entries", mend));
        }
        for (name, value) in &self.metadata {
            if let Scalar::Text(text) = value {
                check_text(&mut problems, &format!("metadata.{name}"), text, false);
            }
        }
        if self.variants.is_empty() || self.variants.len() > MAX_VARIANTS {
            let mend = format!("Give 1 to {MAX_VARIANTS} variants.");
            problems.push(Problem::new("variants", self.variants.len(), "wrong number of variants", mend));
        }
        for (key, value) in &self.variants {
            if !self.flag_type.fits(value) {
                let detail = format!("this value is not of the flag's type, {}", self.flag_type.as_str());
                let mend = "Give a value of that type, or change the type.";
                problems.push(Problem::new(format!("variants.{key}"), value, detail, mend));
            }
        }
        for (environment, config) in &self.environments {
            // Compiling is the one place that knows what makes sense, so it is also the check.
            if let Err(found) = ruleset::check_config(self, config) {
                problems.extend_within(&format!("environments.{environment}"), found);
            }
        }
        problems
    }
}
