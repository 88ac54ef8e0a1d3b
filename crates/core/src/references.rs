//! What documents say about each other: nothing may point to what is not there, nor in a circle.
//!
//! Checked against the state as it would be after a change, so that one commit may bring a flag together with
//! its cohort. A kill at a venue whose name was mistyped would stop nothing, so a dangling reference is
//! refused wherever it stands.

use crate::{
    limits::MAX_REFERENCE_DEPTH,
    model::{Cohort, Credential, Document, DocumentId, Flag, FlagConfig, Kind},
    problem::Problem,
};

/// Documents by identity.
pub trait Catalogue {
    /// The document, if there is one.
    fn find(&self, id: &DocumentId) -> Option<Document>;

    /// All documents of a kind.
    fn all(&self, kind: &Kind) -> Vec<Document>;
}

/// One reference: where it stands, and what it points to.
struct Reference {
    field: String,
    to: DocumentId,
    /// The variants that the other flag must have.
    variants: Vec<String>,
}

impl Reference {
    fn new(field: impl Into<String>, kind: Kind, key: &str) -> Self {
        Self { field: field.into(), to: DocumentId::new(kind, key), variants: Vec::new() }
    }
}

/// What is wrong with the references from and to the documents that `changed`, in the state `after` the
/// change. Each problem comes with the changed document that it is about.
#[must_use]
pub fn check(after: &impl Catalogue, changed: &[DocumentId]) -> Vec<(DocumentId, Problem)> {
    let mut found = Vec::new();
    for id in changed {
        match after.find(id) {
            Some(document) => {
                let outgoing = references(&document);
                found.extend(outgoing.iter().filter_map(|one| Some((id.clone(), dangling(after, one)?))));
                found.extend(circle(after, id).map(|problem| (id.clone(), problem)));
                if id.kind == Kind::Flag {
                    found.extend(used_elsewhere(after, changed, id).map(|problem| (id.clone(), problem)));
                }
            }
            None => found.extend(used_elsewhere(after, changed, id).map(|problem| (id.clone(), problem))),
        }
    }
    found
}

/// All that a document points to. One that can't be parsed points to nothing: it is refused, or kept, for that.
fn references(document: &Document) -> Vec<Reference> {
    match document.kind() {
        Kind::Flag => document.parse::<Flag>().map_or_else(|_| Vec::new(), |flag| flag_references(&flag)),
        Kind::Cohort => {
            document.parse::<Cohort>().map_or_else(|_| Vec::new(), |cohort| cohort_references(&cohort))
        }
        Kind::Key => {
            document.parse::<Credential>().map_or_else(|_| Vec::new(), |key| credential_references(&key))
        }
        _ => Vec::new(),
    }
}

fn flag_references(flag: &Flag) -> Vec<Reference> {
    let mut all = Vec::new();
    for (environment, config) in &flag.environments {
        let at = format!("environments.{environment}");
        all.push(Reference::new(&at, Kind::Environment, environment));
        config_references(&at, config, &mut all);
    }
    all
}

fn config_references(at: &str, config: &FlagConfig, all: &mut Vec<Reference>) {
    for (n, venue) in config.killed.venues.iter().enumerate() {
        all.push(Reference::new(format!("{at}.killed.venues[{n}]"), Kind::Venue, venue));
    }
    for (n, cohort) in config.killed.cohorts.iter().enumerate() {
        all.push(Reference::new(format!("{at}.killed.cohorts[{n}]"), Kind::Cohort, cohort));
    }
    for (n, prerequisite) in config.prerequisites.iter().enumerate() {
        let variants = prerequisite.variants.iter().map(ToString::to_string).collect();
        let field = format!("{at}.prerequisites[{n}]");
        all.push(Reference { variants, ..Reference::new(field, Kind::Flag, &prerequisite.flag) });
    }
    for venue in config.venues.keys() {
        all.push(Reference::new(format!("{at}.venues.{venue}"), Kind::Venue, venue));
    }
    for (n, rule) in config.rules.iter().enumerate() {
        if let Some(condition) = &rule.condition {
            condition.each_cohort(&mut |cohort| {
                all.push(Reference::new(format!("{at}.rules[{n}].if"), Kind::Cohort, cohort));
            });
        }
    }
}

fn cohort_references(cohort: &Cohort) -> Vec<Reference> {
    let mut all = Vec::new();
    for (n, venue) in cohort.venues.iter().enumerate() {
        all.push(Reference::new(format!("venues[{n}]"), Kind::Venue, venue));
    }
    if let Some(condition) = &cohort.condition {
        condition.each_cohort(&mut |inner| all.push(Reference::new("if", Kind::Cohort, inner)));
    }
    all
}

fn credential_references(key: &Credential) -> Vec<Reference> {
    let environment = key
        .environment
        .iter()
        .map(|environment| Reference::new("environment", Kind::Environment, environment));
    let venues = key.venues.iter().enumerate();
    environment
        .chain(venues.map(|(n, venue)| Reference::new(format!("venues[{n}]"), Kind::Venue, venue)))
        .collect()
}

fn dangling(after: &impl Catalogue, reference: &Reference) -> Option<Problem> {
    let Reference { field, to, variants } = reference;
    let Some(document) = after.find(to) else {
        let mend = format!("Create the {} first, or correct the key.", to.kind);
        return Some(Problem::new(field, &to.key, format!("there is no {} with this key", to.kind), mend));
    };
    let missing = variants.iter().find(|wanted| {
        !document.parse::<Flag>().is_ok_and(|flag| flag.variants.contains_key(wanted.as_str()))
    })?;
    let mend = format!("Use a variant that `{}` has.", to.key);
    Some(Problem::new(
        format!("{field}.variants"),
        missing,
        format!("flag `{}` has no such variant", to.key),
        mend,
    ))
}

/// The first chain of references that leads from `id` back to itself, or goes on for too long.
fn circle(after: &impl Catalogue, id: &DocumentId) -> Option<Problem> {
    let mut chain = vec![id.clone()];
    follow(after, &mut chain)
}

fn follow(after: &impl Catalogue, chain: &mut Vec<DocumentId>) -> Option<Problem> {
    let last = chain.last()?.clone();
    let document = after.find(&last)?;
    for reference in references(&document).into_iter().filter(|one| one.to.kind == last.kind) {
        let shown = || {
            let keys: Vec<&str> = chain.iter().map(|id| &*id.key).chain([&*reference.to.key]).collect();
            keys.join(" → ")
        };
        if chain.contains(&reference.to) {
            let mend = "Take one of these references out.";
            return Some(Problem::new(&reference.field, shown(), "this leads back to itself", mend));
        }
        if chain.len() > MAX_REFERENCE_DEPTH {
            let mend = format!("Keep such chains within {MAX_REFERENCE_DEPTH}.");
            return Some(Problem::new(
                &reference.field,
                shown(),
                "this chain of references is too long",
                mend,
            ));
        }
        chain.push(reference.to.clone());
        let found = follow(after, chain);
        chain.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}

/// A document that did not change and that now points to something missing in `id`, or makes a chain through
/// it too long.
fn used_elsewhere(after: &impl Catalogue, changed: &[DocumentId], id: &DocumentId) -> Option<Problem> {
    for kind in [Kind::Flag, Kind::Cohort, Kind::Key] {
        for document in after.all(&kind) {
            // Parsing is what costs; the text can't refer to a key that it does not contain.
            if changed.contains(document.id()) || !document.json().contains(quoted(&id.key).trim_matches('"'))
            {
                continue;
            }
            let broken = references(&document).into_iter().filter(|one| one.to == *id);
            for reference in broken {
                if let Some(problem) = dangling(after, &reference) {
                    let user = document.id();
                    let detail =
                        format!("{user} still uses this, at {}: {}", reference.field, problem.detail);
                    let mend = format!("Change {user} first, or in the same commit.");
                    return Some(Problem::new("", &id.key, detail, mend));
                }
            }
        }
    }
    None
}

fn quoted(key: &str) -> String {
    serde_json::to_string(key).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::parse_strict;

    #[derive(Default)]
    struct Documents(BTreeMap<DocumentId, Document>);

    impl Documents {
        fn with(mut self, kind: Kind, json: &str) -> Self {
            let document = parse_strict(&kind, json.as_bytes()).unwrap();
            self.0.insert(document.id().clone(), document);
            self
        }

        fn check(&self, kind: Kind, key: &str) -> Vec<String> {
            check(self, &[DocumentId::new(kind, key)])
                .into_iter()
                .map(|(_, problem)| problem.to_string())
                .collect()
        }
    }

    impl Catalogue for Documents {
        fn find(&self, id: &DocumentId) -> Option<Document> {
            self.0.get(id).cloned()
        }

        fn all(&self, kind: &Kind) -> Vec<Document> {
            self.0.values().filter(|document| document.kind() == kind).cloned().collect()
        }
    }

    fn flag(key: &str, config: &str) -> String {
        format!(
            r#"{{"key":"{key}","type":"boolean","variants":{{"on":true,"off":false}},"environments":{{"production":{{"offVariant":"off","default":{{"variant":"on"}}{config}}}}}}}"#
        )
    }

    fn workspace() -> Documents {
        Documents::default()
            .with(Kind::Environment, r#"{"key":"production","name":"Production"}"#)
            .with(Kind::Venue, r#"{"key":"wembley-stadium","name":"Wembley"}"#)
            .with(Kind::Cohort, r#"{"key":"staff","name":"Staff","keys":["u-1"]}"#)
    }

    #[test]
    fn references_to_what_exists_are_fine() {
        let config = r#","killed":{"venues":["wembley-stadium"],"cohorts":["staff"]},"rules":[{"id":"r","if":{"cohort":"staff"},"serve":{"variant":"on"}}]"#;
        let all = workspace().with(Kind::Flag, &flag("a", config));
        assert_eq!(all.check(Kind::Flag, "a"), Vec::<String>::new());
    }

    #[test]
    fn dangling_references_name_the_field_and_the_key() {
        for (config, field, value) in [
            (r#","killed":{"venues":["wembly"]}"#, "environments.production.killed.venues[0]", "wembly"),
            (r#","venues":{"wembly":"on"}"#, "environments.production.venues.wembly", "wembly"),
            (
                r#","rules":[{"id":"r","if":{"not":{"cohort":"nobody"}},"serve":{"variant":"on"}}]"#,
                "environments.production.rules[0].if",
                "nobody",
            ),
            (
                r#","prerequisites":[{"flag":"b","variants":["on"]}]"#,
                "environments.production.prerequisites[0]",
                "b",
            ),
        ] {
            let all = workspace().with(Kind::Flag, &flag("a", config));
            let found = check(&all, &[DocumentId::new(Kind::Flag, "a")]);
            assert_eq!((found[0].1.field.as_str(), found[0].1.value.as_str()), (field, value));
        }
    }

    #[test]
    fn circles_and_long_chains_are_refused() {
        let needs = |other: &str| format!(r#","prerequisites":[{{"flag":"{other}","variants":["on"]}}]"#);
        let all =
            workspace().with(Kind::Flag, &flag("a", &needs("b"))).with(Kind::Flag, &flag("b", &needs("a")));
        assert!(all.check(Kind::Flag, "a")[0].contains("a → b → a"));
        let mut chain = workspace().with(Kind::Flag, &flag("f0", ""));
        for n in 1..=9 {
            chain = chain.with(Kind::Flag, &flag(&format!("f{n}"), &needs(&format!("f{}", n - 1))));
        }
        assert_eq!(chain.check(Kind::Flag, "f8"), Vec::<String>::new());
        assert!(chain.check(Kind::Flag, "f9")[0].contains("too long"));
    }

    #[test]
    fn what_is_in_use_is_not_deleted_and_keeps_its_variants() {
        let config = r#","prerequisites":[{"flag":"b","variants":["on"]}],"rules":[{"id":"r","if":{"cohort":"staff"},"serve":{"variant":"on"}}]"#;
        let mut all = workspace().with(Kind::Flag, &flag("b", "")).with(Kind::Flag, &flag("a", config));
        all.0.remove(&DocumentId::new(Kind::Cohort, "staff"));
        assert!(all.check(Kind::Cohort, "staff")[0].contains("flag/a still uses this"));
        let renamed = r#"{"key":"b","type":"boolean","variants":{"yes":true,"off":false},"environments":{}}"#;
        let all = all.with(Kind::Flag, renamed);
        assert!(all.check(Kind::Flag, "b")[0].contains("flag/a still uses this"));
    }
}
