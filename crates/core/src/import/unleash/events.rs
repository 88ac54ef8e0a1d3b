//! Features and segments, as a whole or folded from delta events.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::problem::{Problem, Problems};

type Documents = IndexMap<String, Value>;

/// Features by name and segments by id, as clients fetch them.
pub(super) fn state(fields: &Map<String, Value>) -> Result<(Documents, Documents), Problems> {
    let mut features = Documents::new();
    let mut segments = Documents::new();
    for (n, feature) in list(fields, "features")?.iter().enumerate() {
        // Two of one name are told of later; neither may hide the other here.
        let name = name(feature, "name").unwrap_or_else(|| format!("features[{n}]"));
        let key = if features.contains_key(&name) { format!("{name} (features[{n}])") } else { name };
        features.insert(key, feature.clone());
    }
    if fields.contains_key("segments") {
        for (n, segment) in list(fields, "segments")?.iter().enumerate() {
            let id = name(segment, "id").unwrap_or_else(|| format!("segments[{n}]"));
            segments.insert(id, segment.clone());
        }
    }
    Ok((features, segments))
}

/// What events leave, one after the other.
pub(super) fn fold(events: &Value) -> Result<(Documents, Documents), Problems> {
    let Value::Array(events) = events else {
        let mend = "Give the events as Unleash sends them.";
        return Err(Problem::new("events", events, "this is not a list", mend).into());
    };
    // What was removed keeps its place without a value: to close each gap would take long.
    let mut features = IndexMap::new();
    let mut segments = IndexMap::new();
    for (n, event) in events.iter().enumerate() {
        let at = format!("events[{n}]");
        let missing = |field: &str| {
            let mend = "Give the events as Unleash sends them.";
            Problem::new(format!("{at}.{field}"), "nothing", "the event lacks this", mend)
        };
        let part = |field: &'static str| event.get(field).ok_or_else(|| missing(field));
        let named = |value: &Value, field: &str| name(value, field).ok_or_else(|| missing(field));
        match event.get("type").and_then(Value::as_str) {
            Some("hydration") => {
                let fields = event.as_object().ok_or_else(|| missing("features"))?;
                let (all_features, all_segments) = state(fields)?;
                features = all_features.into_iter().map(|(name, own)| (name, Some(own))).collect();
                segments = all_segments.into_iter().map(|(id, own)| (id, Some(own))).collect();
            }
            Some("feature-updated") => {
                let feature = part("feature")?;
                features.insert(named(feature, "name")?, Some(feature.clone()));
            }
            Some("feature-removed") => {
                features.insert(named(event, "featureName")?, None);
            }
            Some("segment-updated") => {
                let segment = part("segment")?;
                segments.insert(named(segment, "id")?, Some(segment.clone()));
            }
            Some("segment-removed") => {
                segments.insert(named(event, "segmentId")?, None);
            }
            other => {
                let mend =
                    "Give hydration, feature-updated, feature-removed, segment-updated or segment-removed.";
                let found = other.unwrap_or("nothing");
                return Err(Problem::new(format!("{at}.type"), found, "this event is not known", mend).into());
            }
        }
    }
    let kept = |all: IndexMap<String, Option<Value>>| {
        all.into_iter().filter_map(|(name, own)| Some((name, own?))).collect()
    };
    Ok((kept(features), kept(segments)))
}

fn list<'v>(fields: &'v Map<String, Value>, name: &str) -> Result<&'v [Value], Problem> {
    match fields.get(name) {
        Some(Value::Array(values)) => Ok(values),
        Some(Value::Null) if name == "segments" => Ok(&[]),
        other => {
            let found = other.map_or_else(|| "nothing".to_owned(), ToString::to_string);
            let mend = "Give what Unleash answers to `/api/client/features`, or delta events.";
            Err(Problem::new(name, found, "this is not a list", mend))
        }
    }
}

fn name(value: &Value, field: &str) -> Option<String> {
    match value.get(field)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
