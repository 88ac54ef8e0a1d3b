//! Documents between the schemas.
//!
//! What a journal keeps has all there is, and so both schemas are written from it, each by leaving out what is not its
//! own; what came in one schema is written in the other by the same. Schema 2 leaves out what only people read. Schema 1
//! does not know `minimumSchema`: a flag that asks for more is turned off there, which is what its author wants of apps
//! that old; nor whose `claims` a cohort takes (see [`Form`]).

use serde_json::{Map, Value, json};

use super::Form;
use crate::model::{Document, Kind};

/// What only people read, of a flag and of a cohort. All of it may be missing.
const FOR_PEOPLE: [&str; 5] = ["description", "owner", "tags", "expires", "lifecycle"];
/// A lifecycle that evaluation asks for.
const ARCHIVED: &str = "archived";
const MINIMUM: &str = "minimumSchema";
const CLAIMS: &str = "claims";
/// What stays of a flag that is turned off for apps that are too old for it.
const STAYS: [&str; 7] = ["kind", "key", "type", "variants", "clientVisible", "metadata", "environments"];

/// A document as it is written in a form.
#[must_use]
pub fn written(document: &Document, form: Form) -> Document {
    if !is_concerned(document, form) {
        return document.clone();
    }
    let mut value = document.value();
    shape(document.kind(), &mut value, form);
    // It was a document before, and still has its kind and key.
    serde_json::from_value(value).unwrap_or_else(|_| document.clone())
}

/// Whether the form leaves out anything of a document; at a glance, so that most need not be read.
fn is_concerned(document: &Document, form: Form) -> bool {
    let has = |name: &str| document.json().contains(&format!("\"{name}\""));
    match (document.kind(), form) {
        (Kind::Flag | Kind::Cohort, Form::Two) => FOR_PEOPLE.into_iter().any(has),
        (Kind::Flag, Form::One | Form::OneOfEdges) => has(MINIMUM),
        (Kind::Cohort, Form::One) => has(CLAIMS),
        _ => false,
    }
}

/// The same, of a document's JSON, for who has it at hand.
pub(crate) fn shape(kind: &Kind, document: &mut Value, form: Form) {
    let Some(fields) = document.as_object_mut() else { return };
    match (kind, form) {
        (Kind::Flag | Kind::Cohort, Form::Two) => {
            let is_archived = fields.get("lifecycle").is_some_and(|own| own == ARCHIVED);
            fields.retain(|name, _| {
                !FOR_PEOPLE.contains(&name.as_str()) || (is_archived && name == "lifecycle")
            });
        }
        (Kind::Flag, Form::One | Form::OneOfEdges) => match fields.shift_remove(MINIMUM) {
            Some(minimum) if minimum.as_u64().is_none_or(|minimum| minimum > form.schema().into()) => {
                turn_off(fields);
            }
            _ => {}
        },
        (Kind::Cohort, Form::One) => drop(fields.shift_remove(CLAIMS)),
        _ => {}
    }
}

/// Leaves of a flag what gives its off variant: the rest may be more than an old app understands.
fn turn_off(fields: &mut Map<String, Value>) {
    let mut off = Vec::new();
    if let Some(environments) = fields.get_mut("environments").and_then(Value::as_object_mut) {
        for config in environments.values_mut() {
            let variant = config.get("offVariant").cloned().unwrap_or_default();
            let mut turned =
                json!({"enabled": false, "offVariant": variant, "default": {"variant": variant}});
            if let (Some(turned), Some(measure)) = (turned.as_object_mut(), config.get("measure")) {
                turned.insert("measure".to_owned(), measure.clone());
            }
            *config = turned;
            off.extend(variant.as_str().map(ToOwned::to_owned));
        }
    }
    if let Some(variants) = fields.get_mut("variants").and_then(Value::as_object_mut) {
        variants.retain(|variant, _| off.contains(variant));
    }
    fields.retain(|name, _| STAYS.contains(&name.as_str()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(json: Value) -> Document {
        serde_json::from_value(json).unwrap()
    }

    fn flag(minimum: Value) -> Document {
        document(
            json!({"kind": "flag", "key": "f", "name": "F", "description": "d", "owner": "o", "tags": ["t"], "type": "boolean",
            "variants": {"on": true, "off": false}, "clientVisible": true, "lifecycle": "permanent", "expires": "2027-01-01", "minimumSchema": minimum,
            "environments": {"production": {"enabled": true, "offVariant": "off", "default": {"variant": "on"},
                "rules": [{"id": "r", "name": "R", "serve": {"variant": "on"}}]}}}),
        )
    }

    #[test]
    fn schema_two_leaves_out_what_only_people_read() {
        let two = written(&flag(json!(2)), Form::Two).value();
        for name in FOR_PEOPLE {
            assert_eq!(two.get(name), None, "{name}");
        }
        for name in ["name", "type", "variants", "clientVisible", "minimumSchema", "environments"] {
            assert!(two.get(name).is_some(), "{name}");
        }
        // An archived flag is off everywhere, so that has to be told.
        let archived = document(json!({"kind": "flag", "key": "f", "lifecycle": "archived", "owner": "o"}));
        assert_eq!(
            written(&archived, Form::Two).value(),
            json!({"kind": "flag", "key": "f", "lifecycle": "archived"})
        );
        let cohort = document(
            json!({"kind": "cohort", "key": "c", "name": "C", "description": "d", "claims": "signed"}),
        );
        assert_eq!(
            written(&cohort, Form::Two).value(),
            json!({"kind": "cohort", "key": "c", "name": "C", "claims": "signed"})
        );
        // A venue's own attributes are what rules ask for.
        let venue = document(json!({"kind": "venue", "key": "v", "tags": ["t"], "description": "d"}));
        assert_eq!(written(&venue, Form::Two), venue);
    }

    #[test]
    fn schema_one_turns_off_what_asks_for_more() {
        for minimum in [json!(2), json!(3), json!("two")] {
            let one = written(&flag(minimum.clone()), Form::One).value();
            let off = json!({"enabled": false, "offVariant": "off", "default": {"variant": "off"}});
            assert_eq!(one["environments"]["production"], off, "{minimum}");
            assert_eq!((&one["variants"], &one["clientVisible"]), (&json!({"off": false}), &json!(true)));
            assert_eq!(one.get(MINIMUM), None);
        }
        let one = written(&flag(json!(1)), Form::One).value();
        assert_eq!((one.get(MINIMUM), &one["environments"]["production"]["enabled"]), (None, &json!(true)));
    }

    #[test]
    fn an_old_edge_does_not_open_a_cohort_that_it_cant_guard() {
        let cohort =
            document(json!({"kind": "cohort", "key": "c", "name": "C", "claims": "signed", "keys": ["k"]}));
        assert_eq!(written(&cohort, Form::One).value().get(CLAIMS), None);
        assert_eq!(written(&cohort, Form::OneOfEdges), cohort);
    }

    #[test]
    fn what_is_not_concerned_is_the_same_document() {
        let plain =
            document(json!({"kind": "flag", "key": "f", "type": "boolean", "variants": {"on": true}}));
        for form in Form::ALL {
            assert_eq!(written(&plain, form).json(), plain.json());
        }
        // What looks concerned and is not: the word is a value.
        let odd = document(json!({"kind": "flag", "key": "f", "name": "owner", "variants": {"tags": true}}));
        assert_eq!(written(&odd, Form::Two).value(), odd.value());
    }
}
