//! Who is told of a change: every flag whose answer it can alter, however far the document is from the flag.

use crate::support::{NOW, document, flag, ruleset, venue};
use serde_json::{Value, json};
use usher_core::{
    Context,
    model::{Document, DocumentId, Kind},
};

fn cohort(value: &Value) -> Document {
    let mut whole = json!({"name": "Some"});
    for (name, own) in value.as_object().unwrap() {
        whole[name] = own.clone();
    }
    document(Kind::Cohort, &whole)
}

fn affected(documents: &[Document], changed: &DocumentId) -> Vec<String> {
    ruleset(documents).affected_by([changed]).into_iter().map(ToOwned::to_owned).collect()
}

fn for_cohort(key: &str) -> Value {
    json!({"rules": [{"id": "r", "if": {"cohort": key}, "serve": {"variant": "on"}}]})
}

#[test]
fn a_venue_reaches_whoever_lists_one_of_its_fields() {
    let park = DocumentId::new(Kind::Venue, "park");
    let documents = [
        venue("park", "England"),
        cohort(&json!({"key": "english", "by": "venue.country", "keys": ["England"]})),
        flag(
            "by-target",
            &json!({"targets": [{"by": "venue.country", "values": ["England"], "variant": "on"}]}),
        ),
        flag("by-cohort", &for_cohort("english")),
        flag("killed", &json!({"killed": {"cohorts": ["english"]}})),
        flag("needs", &json!({"prerequisites": [{"flag": "by-cohort", "variants": ["on"]}]})),
        flag("elsewhere", &json!({"venues": {"park": "on"}})),
    ];
    assert_eq!(affected(&documents, &park), ["by-cohort", "by-target", "killed", "needs"]);
}

#[test]
fn a_cohort_reaches_flags_through_other_cohorts_and_prerequisites() {
    let within = |inner: &str| json!({"cohort": inner});
    let documents = [
        cohort(&json!({"key": "inner", "keys": ["u-1"]})),
        cohort(&json!({"key": "middle", "if": {"not": within("inner")}})),
        cohort(&json!({"key": "outer", "if": {"any": [within("middle")]}})),
        flag("killed", &json!({"killed": {"cohorts": ["outer"]}})),
        flag("needs", &json!({"prerequisites": [{"flag": "killed", "variants": ["on"]}]})),
        flag("needs-that", &json!({"prerequisites": [{"flag": "needs", "variants": ["on"]}]})),
        flag("alone", &json!({})),
    ];
    let inner = DocumentId::new(Kind::Cohort, "inner");
    assert_eq!(affected(&documents, &inner), ["killed", "needs", "needs-that"]);
}

/// The longest chain that is accepted when it is written (see `references`): eight references.
#[test]
fn the_end_of_the_longest_chain_of_cohorts_still_counts() {
    let mut documents =
        vec![venue("park", "England"), cohort(&json!({"key": "c0", "by": "venue", "keys": ["park"]}))];
    for n in 1..=8 {
        let inner = format!("c{}", n - 1);
        documents.push(cohort(&json!({"key": format!("c{n}"), "if": {"cohort": inner}})));
    }
    documents.push(flag("f", &json!({"killed": {"cohorts": ["c8"]}, "default": {"variant": "on"}})));
    let ruleset = ruleset(&documents);
    let context = Context::new("u-1").with("venue", "park");
    assert_eq!(ruleset.evaluate("f", &context, NOW).variant(), Some("off"));
    assert_eq!(ruleset.exposure("f", "park", NOW).variant.as_deref(), Some("off"));
}
