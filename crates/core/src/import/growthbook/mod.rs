//! Features and saved groups of GrowthBook, as its SDK connections give them: `{"features": {…}, "savedGroups": {…}}`,
//! or the features alone.
//!
//! Contexts carry GrowthBook's own attribute names; nested ones have dots, as GrowthBook's paths do.
//!
//! What a feature gives is what GrowthBook's specification for SDKs, 0.12, says, and what its official Rust SDK does.
//! Before 0.12, SDKs converted between types when they compared, and took one place more into a percentage. What the
//! specification leaves to the app (forced variations, sticky buckets, the address of a page) is not in the file.

mod condition;
mod draw;
mod feature;
mod groups;
mod parents;
mod rule;
mod shape;

use std::collections::HashMap;

use serde_json::{Map, Value};

use self::{groups::Groups, shape::Shape};
use super::{Options, Report, object, report::Notes};
use crate::problem::{Problem, Problems};

/// What has to be known of the whole source to map a part.
struct Source<'v> {
    /// What each feature can give; none for one that is refused for that.
    shapes: HashMap<&'v str, Option<Shape>>,
    /// Experiments that everybody is forced into, by key.
    forced: Option<&'v Map<String, Value>>,
    options: &'v Options,
}

pub(super) fn import(source: &Value, options: &Options, report: &mut Report) -> Result<(), Problems> {
    let fields = object(source, "")?;
    for name in ["encryptedFeatures", "encryptedSavedGroups"] {
        if fields.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
            let detail = "this is encrypted, and only its SDK connection has the key";
            let mend = "Give the file of an SDK connection without encryption, or decrypt it first.";
            return Err(Problem::new(name, "…", detail, mend).into());
        }
    }
    let features = features(fields)?;
    let mut groups = Groups::new(fields.get("savedGroups"));
    let mut shapes = HashMap::new();
    let mut notes: HashMap<&str, Notes> = HashMap::new();
    for (key, feature) in features {
        let mut own = Notes::default();
        shapes.insert(key.as_str(), Shape::of(feature, &mut own));
        notes.insert(key, own);
    }
    let forced = fields.get("forcedVariations").and_then(Value::as_object);
    let source = Source { shapes, forced, options };
    for (key, feature) in features {
        let mut notes = notes.remove(key.as_str()).unwrap_or_default();
        let flag = feature::map(&source, key, feature, &mut groups, &mut notes);
        report.flag(key, flag, notes);
    }
    groups.finish(options, report);
    for (n, experiment) in
        fields.get("experiments").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let key = experiment
            .get("key")
            .and_then(Value::as_str)
            .map_or_else(|| format!("experiments[{n}]"), str::to_owned);
        let mut notes = Notes::default();
        notes.refused("", "this experiment is no feature: it changes pages, or redirects, within a browser");
        report.flag(&key, None, notes);
    }
    Ok(())
}

/// The features, which may be the whole file.
fn features(fields: &Map<String, Value>) -> Result<&Map<String, Value>, Problem> {
    match fields.get("features") {
        Some(features) => object(features, "features"),
        None if !fields.is_empty() && fields.values().all(is_feature) => Ok(fields),
        None => Err(Problem::new(
            "features",
            "nothing",
            "there are no features here",
            "Give what an SDK connection gives: {\"features\": {…}}.",
        )),
    }
}

fn is_feature(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|own| own.is_empty() || own.contains_key("defaultValue") || own.contains_key("rules"))
}

/// A field that may be left out or null.
fn field<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// A text that may be left out; an empty one counts as left out. One of another type is noted, and makes the whole be
/// refused.
fn text<'v>(fields: &'v Map<String, Value>, name: &str, at: &str, notes: &mut Notes) -> Option<&'v str> {
    match field(fields, name) {
        None => None,
        Some(Value::String(value)) => Some(value.as_str()).filter(|value| !value.is_empty()),
        Some(_) => {
            notes.refused(crate::problem::join(at, name), "this is not a text");
            None
        }
    }
}

/// A list that may be left out. A value of another type is noted, and makes the whole be refused.
fn list<'v>(fields: &'v Map<String, Value>, name: &str, at: &str, notes: &mut Notes) -> &'v [Value] {
    match field(fields, name) {
        None => &[],
        Some(Value::Array(values)) => values,
        Some(_) => {
            notes.refused(crate::problem::join(at, name), "this is not a list");
            &[]
        }
    }
}

/// A number that may be left out. A value of another type is noted, and makes the whole be refused.
fn number(fields: &Map<String, Value>, name: &str, at: &str, notes: &mut Notes) -> Option<f64> {
    let value = field(fields, name)?;
    let number = value.as_f64();
    if number.is_none() {
        notes.refused(crate::problem::join(at, name), "this is not a number");
    }
    number
}
