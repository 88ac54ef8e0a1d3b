//! Importers: flags of other systems as Usher's documents, so that they evaluate exactly as before.
//!
//! Nothing is dropped in silence. Whatever a source says is mapped, or approximated and told, or the whole flag is
//! refused and told: half a flag would answer wrongly for somebody. Importing is pure; what becomes of the result is
//! up to the caller, so a dry run is the same call.

mod flagd;
mod growthbook;
mod launch_darkly;
mod merge;
mod needs;
mod rename;
mod report;
mod safe_keys;
mod unleash;

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    merge::merge,
    report::{Entry, Note, Outcome},
};
use crate::{
    limits::MAX_DOCUMENT_BYTES,
    model::{Cohort, Condition, Dialect, EnvironmentKey, Flag, FlagType, Model, Operator, Predicate, Scalar},
    problem::{Problem, Problems, parse_json},
};
use report::Report;

/// A system whose flags can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// flagd's flag definitions.
    Flagd,
    /// Unleash's client features, or its delta events.
    Unleash,
    /// LaunchDarkly's payload for server SDKs.
    LaunchDarkly,
    /// GrowthBook's features of an SDK connection.
    GrowthBook,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Flagd, Self::Unleash, Self::LaunchDarkly, Self::GrowthBook];

    /// Its name in commands and paths.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flagd => "flagd",
            Self::Unleash => "unleash",
            Self::LaunchDarkly => "launchdarkly",
            Self::GrowthBook => "growthbook",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == name);
        known.ok_or_else(|| "a format is flagd, unleash, launchdarkly or growthbook".to_owned())
    }
}

/// What an import is told besides the file.
#[derive(Clone, Debug)]
pub struct Options {
    /// The environment that the flags are configured in. A source file is of one environment.
    pub environment: EnvironmentKey,
    /// Whether client keys get the flags.
    pub client_visible: bool,
    /// Attributes that go by another name here: `userId` → `targetingKey`. The source's own names, when empty.
    pub rename: BTreeMap<String, String>,
    /// How the source's flagd draws.
    pub fractional: Fractional,
}

impl Options {
    /// Into `environment`, with nothing else said.
    #[must_use]
    pub fn new(environment: EnvironmentKey) -> Self {
        Self {
            environment,
            client_visible: false,
            rename: BTreeMap::new(),
            fractional: Fractional::default(),
        }
    }
}

/// The forms that flagd's `fractional` has had since it divides by weights: who used one keeps it.
///
/// The second is the default, for it is the one that flagd itself and nearly all of its providers had released when
/// this was written (November 2026): flagd with #1909 of March 2026, `@openfeature/flagd-core` up to 4.0.1, and the
/// providers for Go and .NET, whose suites leave out what is tagged `fractional-v3`. The third was out in the provider
/// for Rust alone (0.3.0, `flagd-evaluation-engine` 0.1.0), and under review for Java and Python.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fractional {
    /// Over the bare text; a key that is no text gives the default variant.
    #[default]
    V2,
    /// Over the key's CBOR encoding, whatever its type.
    V3,
}

/// What an import gives.
#[derive(Debug, Default)]
pub struct Imported {
    /// The flags, each configured in the one environment.
    pub flags: Vec<Flag>,
    /// The cohorts that they need.
    pub cohorts: Vec<Cohort>,
    /// What became of everything that the source has, in its order.
    pub report: Vec<Entry>,
}

/// Reads a file of another system.
///
/// # Errors
/// The file as a whole can't be understood. What is wrong with single flags is in the report.
pub fn import(format: Format, text: &[u8], options: &Options) -> Result<Imported, Problems> {
    let source = parse_json(text)?;
    let mut report = Report::default();
    match format {
        Format::Flagd => flagd::import(&source, options, &mut report)?,
        Format::Unleash => unleash::import(&source, options, &mut report)?,
        Format::LaunchDarkly => launch_darkly::import(&source, options, &mut report)?,
        Format::GrowthBook => growthbook::import(&source, options, &mut report)?,
    }
    Ok(report.finish(options))
}

/// The object that a source must be, or have at `field`.
fn object<'v>(value: &'v Value, field: &str) -> Result<&'v serde_json::Map<String, Value>, Problem> {
    value.as_object().ok_or_else(|| {
        Problem::new(field, value, "this is not an object", "Give the file as the other system exports it.")
    })
}

/// The variant of those who get what the code has; it has no value.
const CODE_DEFAULT: &str = "code-default";

/// The one type of all values; `None` when there are several. Nulls are of any, and alone of none in particular.
fn type_of<'v>(values: impl IntoIterator<Item = &'v Value>) -> Option<FlagType> {
    let mut found = None;
    for value in values {
        let own = match value {
            Value::Null => continue,
            Value::Bool(_) => FlagType::Boolean,
            Value::String(_) => FlagType::String,
            Value::Number(number) if number.is_i64() => FlagType::Integer,
            Value::Number(_) => FlagType::Float,
            Value::Array(_) | Value::Object(_) => FlagType::Object,
        };
        found = match (found, own) {
            (None, own) => Some(own),
            (Some(known), own) if known == own => Some(own),
            // A whole number is a number.
            (Some(FlagType::Integer), FlagType::Float) | (Some(FlagType::Float), FlagType::Integer) => {
                Some(FlagType::Float)
            }
            _ => return None,
        };
    }
    Some(found.unwrap_or(FlagType::Object))
}

/// Whether an attribute can be asked for under its name; noted, when it can't.
fn check_name(name: &str, options: &Options, at: &str, notes: &mut report::Notes) -> bool {
    let name = options.rename.get(name).map_or(name, String::as_str);
    let why = if name.is_empty() {
        "an attribute without a name can't be asked for here".to_owned()
    } else if name.starts_with("venue.") {
        format!("`{name}` is a field of the venue here; give the attribute another name as you import it")
    } else {
        return true;
    };
    notes.refused(at, why);
    false
}

/// A condition on an attribute.
fn compare(attribute: &str, operator: Operator, values: impl IntoIterator<Item = Scalar>) -> Condition {
    Condition::Attribute(Predicate {
        attribute: attribute.to_owned(),
        operator,
        values: values.into_iter().collect(),
        ignore_case: false,
        dialect: Dialect::default(),
    })
}

/// All of `conditions`, without a level that nothing needs.
fn all_of(mut conditions: Vec<Condition>) -> Condition {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        last => Condition::All(conditions.into_iter().chain(last).collect()),
    }
}

/// Any of `conditions`, without a level that nothing needs.
fn any_of(mut conditions: Vec<Condition>) -> Condition {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        last => Condition::Any(conditions.into_iter().chain(last).collect()),
    }
}

/// What never holds.
fn never() -> Condition {
    Condition::Any(Vec::new())
}

/// The opposite of a condition.
fn not(condition: Condition) -> Condition {
    match condition {
        Condition::Not(inner) => *inner,
        other => Condition::Not(Box::new(other)),
    }
}

/// What is wrong with a document that an importer made, as one sentence.
fn wrong(document: &impl Model) -> Option<String> {
    let problems = document.validate();
    if !problems.is_empty() {
        return Some(problems.to_string());
    }
    let bytes = serde_json::to_vec(document).map_or(0, |text| text.len());
    (bytes > MAX_DOCUMENT_BYTES)
        .then(|| format!("it would have {bytes} bytes here; a document has at most {MAX_DOCUMENT_BYTES}"))
}
