//! Flags of flagd: its flag definitions, `{"flags": {…}, "$evaluators": {…}, "metadata": {…}}`.
//!
//! Sources: flagd's documentation of flag definitions and of its custom operations, its schemas (v0), its decision
//! records on code defaults, on disabled flags, on `fractional`, and the published testbed.
//!
//! - A flag that is disabled, or has no default variant, gives the code's default: a variant without a value stands
//!   for it, and is what turning the flag off gives here, as in flagd.
//! - Targeting becomes rules in flagd's order: branches of `if` with native conditions where those say exactly the
//!   same for every context, with a `logic` condition elsewhere. `null` gives the default variant with the reason
//!   `DEFAULT`: no rule is made for it, and the rules behind it leave those contexts out.
//! - `fractional` becomes a split. Its reason here is `SPLIT`, where flagd says `TARGETING_MATCH`.
//!
//! Where flagd's engines differ among themselves, this is followed:
//! - JSONLogic as [`crate::ruleset`] has it: its reference, and flagd's engines where they agree against that. The
//!   engine for Rust takes what is missing for `0`, `false` and an empty text in `==`, reads strict versions only, and
//!   makes an error of what is no number; flagd's own takes a text that is no number for 0 in arithmetic, and cuts
//!   space off the ends of what `cat` gives; the one for JavaScript writes what is missing as `null` in `cat`.
//! - A key of `fractional` that is `null` gives the default variant, as in the providers and in the testbed; flagd's own
//!   engine of the second form draws by flag and targeting key then.
//! - Keys are hashed as UTF-8, as flagd does; the provider for JavaScript hashes UTF-16, and draws differently by keys
//!   beyond ASCII.

mod choices;
mod conditions;
mod draws;
mod evaluators;
mod targeting;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Fractional, Options, Report, object, report::Notes};
use crate::{
    limits::{MAX_TEXT_BYTES, MAX_VARIANTS},
    model::{Flag, FlagConfig, FlagKey, FlagType, Lifecycle, Scalar, Serve, VariantKey},
    problem::{Problem, Problems},
};
use evaluators::Evaluators;
use targeting::Targeting;

/// Why a flag can't be kept: where, and how so.
struct Refusal {
    at: String,
    text: String,
}

impl Refusal {
    fn new(at: impl Into<String>, text: impl Into<String>) -> Self {
        Self { at: at.into(), text: text.into() }
    }
}

pub(super) fn import(source: &Value, options: &Options, report: &mut Report) -> Result<(), Problems> {
    let source = object(source, "")?;
    let Some(flags) = source.get("flags") else {
        let mend = "Give the file as flagd reads it, `{\"flags\": {…}}`.";
        return Err(Problem::new("flags", "nothing", "there are no flags", mend).into());
    };
    let size = flags.as_object().map(Map::len).or(flags.as_array().map(Vec::len)).unwrap_or_default();
    let set = Set {
        evaluators: Evaluators::new(source.get("$evaluators"), size),
        metadata: source.get("metadata").and_then(Value::as_object),
        options,
    };
    match flags {
        Value::Object(flags) => flags.iter().for_each(|(key, flag)| set.add(key, flag, report)),
        Value::Array(flags) => {
            let mut seen = std::collections::HashSet::new();
            for (n, flag) in flags.iter().enumerate() {
                match flag.get("key").and_then(Value::as_str) {
                    Some(key) if seen.insert(key) => set.add(key, flag, report),
                    Some(key) => refuse(key, "another flag of the list has the same key", report),
                    None => refuse(&format!("flags[{n}]"), "a flag of a list needs a `key`", report),
                }
            }
        }
        other => {
            let mend = "Give an object of flags by key, or a list of flags with keys.";
            return Err(Problem::new("flags", other, "this is neither an object nor a list", mend).into());
        }
    }
    Ok(())
}

fn refuse(key: &str, text: &str, report: &mut Report) {
    let mut notes = Notes::default();
    notes.refused("", text);
    report.flag(key, None, notes);
}

/// What the flags of a file share.
struct Set<'s> {
    evaluators: Evaluators<'s>,
    metadata: Option<&'s Map<String, Value>>,
    options: &'s Options,
}

impl Set<'_> {
    fn add(&self, key: &str, flag: &Value, report: &mut Report) {
        let mut notes = Notes::default();
        let flag =
            self.flag(key, flag, &mut notes).map_err(|Refusal { at, text }| notes.refused(at, text)).ok();
        report.flag(key, flag, notes);
    }

    fn flag(&self, key: &str, source: &Value, notes: &mut Notes) -> Result<Flag, Refusal> {
        let flag_key: FlagKey = key.parse().map_err(|why: String| Refusal::new("", why))?;
        let Some(source) = source.as_object() else { return Err(Refusal::new("", "this is no object")) };
        let enabled = match source.get("state").and_then(Value::as_str) {
            Some("ENABLED") => true,
            Some("DISABLED") => false,
            _ => return Err(Refusal::new("state", "a state is `ENABLED` or `DISABLED`")),
        };
        let (flag_type, mut variants) = variants(source.get("variants"))?;
        let default = default_variant(source.get("defaultVariant"), &variants)?;
        let code_default = code_default(&variants)?;
        let mut targeting =
            Targeting::new(key, &variants, default.as_ref(), &code_default, self.options, notes);
        if let Some(source) = source.get("targeting").filter(|source| !is_nothing(source)) {
            targeting.read(&self.evaluators.resolved(source, key)?)?;
        }
        let (rules, needs_code_default) = targeting.finish();
        // A flag with as many variants as there may be has no room for one more.
        let room = variants.len() < MAX_VARIANTS;
        let off = match &default {
            Some(default) if enabled && !needs_code_default && !room => default.clone(),
            _ => {
                variants.insert(code_default.clone(), Value::Null);
                code_default
            }
        };
        let config = FlagConfig {
            enabled,
            off_variant: off,
            killed: crate::model::Killed::default(),
            prerequisites: Vec::new(),
            venues: IndexMap::new(),
            targets: Vec::new(),
            rules,
            default: default.map(Serve::Variant),
            when_stale: None,
            measure: Vec::new(),
        };
        let description = source.get("description").and_then(Value::as_str).unwrap_or_default();
        Ok(Flag {
            key: flag_key,
            name: String::new(),
            description: if description.len() <= MAX_TEXT_BYTES {
                description.to_owned()
            } else {
                String::new()
            },
            flag_type,
            variants,
            owner: None,
            tags: Vec::new(),
            lifecycle: Lifecycle::default(),
            expires: None,
            client_visible: false,
            minimum_schema: None,
            metadata: self.metadata(source.get("metadata"), notes),
            environments: IndexMap::from([(self.options.environment.clone(), config)]),
        })
    }

    /// The set's, and over it the flag's.
    fn metadata(&self, own: Option<&Value>, notes: &mut Notes) -> IndexMap<String, Scalar> {
        let own = own.and_then(Value::as_object);
        let mut merged = IndexMap::new();
        for (name, value) in self.metadata.into_iter().chain(own).flatten() {
            let value = match value {
                Value::Null => continue,
                Value::Bool(value) => Scalar::Bool(*value),
                Value::Number(number) => Scalar::Number(number.clone()),
                Value::String(text) => Scalar::Text(text.clone()),
                Value::Array(_) | Value::Object(_) => {
                    notes.approximated(
                        format!("metadata.{name}"),
                        "metadata is a text, a number or a boolean; this one is left out of the answers",
                    );
                    continue;
                }
            };
            merged.insert(name.clone(), value);
        }
        merged
    }
}

/// Whether there is no targeting at all.
fn is_nothing(targeting: &Value) -> bool {
    targeting.is_null() || targeting.as_object().is_some_and(Map::is_empty)
}

/// The variants, and the one type that all of them have. Numbers are whole when each is written so.
fn variants(source: Option<&Value>) -> Result<(FlagType, IndexMap<VariantKey, Value>), Refusal> {
    let source = source.and_then(Value::as_object).filter(|source| !source.is_empty());
    let Some(source) = source else { return Err(Refusal::new("variants", "a flag needs variants")) };
    let mut common: Option<FlagType> = None;
    let mut variants = IndexMap::with_capacity(source.len() + 1);
    for (name, value) in source {
        let at = || format!("variants.{name}");
        let own = match value {
            Value::Bool(_) => FlagType::Boolean,
            Value::String(_) => FlagType::String,
            Value::Number(number) if number.is_i64() => FlagType::Integer,
            Value::Number(_) => FlagType::Float,
            Value::Object(_) | Value::Array(_) => FlagType::Object,
            Value::Null => return Err(Refusal::new(at(), "a variant needs a value")),
        };
        common = Some(match (common, own) {
            (None, own) => own,
            (Some(FlagType::Integer | FlagType::Float), FlagType::Float)
            | (Some(FlagType::Float), FlagType::Integer) => FlagType::Float,
            (Some(before), own) if before == own => own,
            (Some(before), own) => {
                let (before, own) = (before.as_str(), own.as_str());
                let text = format!("all variants have one type here, and this one is {own} after {before}");
                return Err(Refusal::new(at(), text));
            }
        });
        let key: VariantKey = name.parse().map_err(|why: String| Refusal::new(at(), why))?;
        variants.insert(key, value.clone());
    }
    // There is at least one.
    Ok((common.unwrap_or(FlagType::Object), variants))
}

/// None stands for the code's default.
fn default_variant(
    source: Option<&Value>,
    variants: &IndexMap<VariantKey, Value>,
) -> Result<Option<VariantKey>, Refusal> {
    match source {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if name.is_empty() => Ok(None),
        Some(Value::String(name)) => match variants.get_key_value(name.as_str()) {
            Some((key, _)) => Ok(Some(key.clone())),
            None => Err(Refusal::new("defaultVariant", format!("the flag has no variant `{name}`"))),
        },
        Some(_) => Err(Refusal::new("defaultVariant", "the default variant is a variant's name, or null")),
    }
}

/// A name that none of the variants has, for the one without a value.
fn code_default(variants: &IndexMap<VariantKey, Value>) -> Result<VariantKey, Refusal> {
    let names = std::iter::once("code-default".to_owned()).chain((2..).map(|n| format!("code-default-{n}")));
    let mut free = names.take(variants.len() + 1).filter(|name| !variants.contains_key(name.as_str()));
    let name = free.next().and_then(|name| name.parse().ok());
    name.ok_or_else(|| Refusal::new("variants", "no name is left for the code's default"))
}

/// Where in an expression something stands: `targeting.if[0]`.
fn within(at: &str, operator: &str, n: usize) -> String {
    format!("{at}.{operator}[{n}]")
}

/// The one operator of an operation, and its arguments.
fn operation(value: &Value) -> Option<(&str, &[Value])> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let (operator, arguments) = fields.iter().next()?;
    Some((operator, arguments.as_array().map_or(std::slice::from_ref(arguments), Vec::as_slice)))
}

/// The name of an attribute, where an expression is nothing but that: without a default, and not into a list.
fn attribute(value: &Value) -> Option<&str> {
    let ("var", [Value::String(name)]) = operation(value)? else { return None };
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_index = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) && name.contains('.');
    (!name.is_empty() && !name.starts_with("$flagd") && !is_index).then_some(name)
}
