//! What documents say about each other: nothing may point to what is not there, nor in a circle.
//!
//! Checked against the state as it would be after a change, so that one commit may bring a flag together with
//! its cohort. A kill at a venue whose name was mistyped would stop nothing, so a dangling reference is
//! refused wherever it stands.

mod outgoing;

use std::collections::{HashMap, HashSet};

use self::outgoing::{Reference, references};
use crate::{
    limits::MAX_REFERENCE_DEPTH,
    model::{Document, DocumentId, Flag, Kind, Venue, no_zone},
    problem::Problem,
};

/// Kinds of documents that point to others.
static KINDS_THAT_REFER: [Kind; 10] = [
    Kind::Flag,
    Kind::Cohort,
    Kind::Key,
    Kind::User,
    Kind::Event,
    Kind::Freeze,
    Kind::Release,
    Kind::Playbook,
    Kind::Schedule,
    Kind::ChangeRequest,
];

/// Documents by identity.
pub trait Catalogue {
    /// The document, if there is one.
    fn find(&self, id: &DocumentId) -> Option<Document>;

    /// All documents of a kind.
    fn all(&self, kind: &Kind) -> Vec<Document>;
}

/// What is wrong with the references from and to the documents that `changed`, in the state `after` the
/// change. Each problem comes with the changed document that it is about.
#[must_use]
pub fn check(after: &impl Catalogue, changed: &[DocumentId]) -> Vec<(DocumentId, Problem)> {
    let mut found = Vec::new();
    let mut chains = Chains::new(after);
    for id in changed {
        let Some(document) = after.find(id) else { continue };
        let outgoing = references(&document);
        found.extend(outgoing.iter().filter_map(|one| Some((id.clone(), dangling(after, one)?))));
        found.extend(chains.problem(id).map(|problem| (id.clone(), problem)));
    }
    found.extend(used_elsewhere(after, changed, &mut chains));
    found
}

/// The documents that point to a document, each with where it does so first, by kind and key.
#[must_use]
pub fn users_of(all: &impl Catalogue, id: &DocumentId) -> Vec<(Document, String)> {
    let used = HashSet::from([id]);
    let candidates = KINDS_THAT_REFER.iter().flat_map(|kind| users(all, kind, &used));
    let found = candidates.filter_map(|document| {
        let field = references(&document).into_iter().find(|one| one.to == *id)?.field;
        Some((document, field))
    });
    found.collect()
}

fn dangling(after: &impl Catalogue, reference: &Reference) -> Option<Problem> {
    let Reference { field, to, variants, zoned } = reference;
    let Some(document) = after.find(to) else {
        let mend = format!("Create the {} first, or correct the key.", to.kind);
        return Some(Problem::new(field, &to.key, format!("there is no {} with this key", to.kind), mend));
    };
    if *zoned && has_no_zone(&document) {
        return Some(no_zone(field, &to.key));
    }
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

fn has_no_zone(document: &Document) -> bool {
    document.parse::<Venue>().is_ok_and(|venue| venue.time_zone.is_none())
}

/// Chains of references between documents of one kind.
struct Chains<'a, C> {
    after: &'a C,
    /// How many references the longest chain from a document has; for those that were followed to the end and
    /// are fine. Without it, a web of references would be followed once for each path through it.
    lengths: HashMap<DocumentId, usize>,
}

impl<'a, C: Catalogue> Chains<'a, C> {
    fn new(after: &'a C) -> Self {
        Self { after, lengths: HashMap::new() }
    }

    /// What is wrong with the chains that begin at `id`: one leads back to itself, or goes on for too long.
    fn problem(&mut self, id: &DocumentId) -> Option<Problem> {
        self.follow(&mut vec![id.clone()]).err()
    }

    /// Whether any chain leads on from `id`.
    fn leads_on(&mut self, id: &DocumentId) -> bool {
        self.follow(&mut vec![id.clone()]).is_ok_and(|length| length > 0)
    }

    fn follow(&mut self, chain: &mut Vec<DocumentId>) -> Result<usize, Problem> {
        let Some(last) = chain.last().cloned() else { return Ok(0) };
        if let Some(length) = self.lengths.get(&last) {
            return Ok(*length);
        }
        let outgoing = self.after.find(&last).map_or_else(Vec::new, |document| references(&document));
        let mut longest = 0;
        for reference in outgoing.into_iter().filter(|one| one.to.kind == last.kind) {
            let refused = |chain: &[DocumentId], detail: &str, mend: String| {
                let keys = chain.iter().map(|id| &*id.key).chain([&*reference.to.key]);
                let shown = keys.collect::<Vec<_>>().join(" → ");
                Err(Problem::new(&reference.field, shown, detail, mend))
            };
            if chain.contains(&reference.to) {
                let mend = "Take one of these references out.".to_owned();
                return refused(chain, "this leads back to itself", mend);
            }
            let before = chain.len();
            let rest = if before > MAX_REFERENCE_DEPTH {
                0
            } else {
                chain.push(reference.to.clone());
                let rest = self.follow(chain);
                chain.pop();
                rest?
            };
            if before + rest > MAX_REFERENCE_DEPTH {
                let mend = format!("Keep such chains within {MAX_REFERENCE_DEPTH}.");
                return refused(chain, "this chain of references is too long", mend);
            }
            longest = longest.max(rest + 1);
        }
        self.lengths.insert(last, longest);
        Ok(longest)
    }
}

/// Documents that did not change and that now point to something missing in one that did, or whose chain through
/// one has become too long.
fn used_elsewhere<C: Catalogue>(
    after: &C,
    changed: &[DocumentId],
    chains: &mut Chains<'_, C>,
) -> Vec<(DocumentId, Problem)> {
    let all: HashSet<&DocumentId> = changed.iter().collect();
    let mut found = Vec::new();
    // What is gone is missed by whoever uses it; a flag also by whoever wants a variant that it had.
    let missed: HashSet<&DocumentId> =
        changed.iter().filter(|id| id.kind == Kind::Flag || after.find(id).is_none()).collect();
    // And a venue's local time by whoever goes by it.
    let unzoned = changed
        .iter()
        .filter(|id| id.kind == Kind::Venue && after.find(id).as_ref().is_some_and(has_no_zone));
    let missed_when: HashSet<&DocumentId> = missed.iter().copied().chain(unzoned).collect();
    for kind in &KINDS_THAT_REFER {
        let goes_by_clocks = matches!(kind, Kind::Schedule | Kind::ChangeRequest);
        let missed = if goes_by_clocks { &missed_when } else { &missed };
        for document in users(after, kind, missed) {
            let user = document.id();
            if all.contains(user) {
                continue;
            }
            for reference in references(&document).into_iter().filter(|one| missed.contains(&one.to)) {
                if let Some(problem) = dangling(after, &reference) {
                    let detail =
                        format!("{user} still uses this, at {}: {}", reference.field, problem.detail);
                    let mend = format!("Change {user} first, or in the same commit.");
                    let key = reference.to.key.clone();
                    found.push((reference.to, Problem::new("", key, detail, mend)));
                }
            }
        }
    }
    for kind in [Kind::Flag, Kind::Cohort] {
        let lengthened = changed.iter().filter(|id| id.kind == kind && chains.leads_on(id));
        found.extend(lengthened_elsewhere(after, lengthened.collect(), &all, &kind));
    }
    found
}

/// Chains that begin at a document that did not change, and lead through one of `through`.
fn lengthened_elsewhere(
    after: &impl Catalogue,
    through: Vec<&DocumentId>,
    changed: &HashSet<&DocumentId>,
    kind: &Kind,
) -> Vec<(DocumentId, Problem)> {
    let mut found = Vec::new();
    let mut chains = Chains::new(after);
    let mut level: HashMap<DocumentId, DocumentId> =
        through.into_iter().map(|id| (id.clone(), id.clone())).collect();
    // From user to user; a chain that is longer than this was found on the way.
    for _ in 0..=MAX_REFERENCE_DEPTH {
        let mut next = HashMap::new();
        for document in users(after, kind, &level.keys().collect()) {
            let user = document.id();
            // Those that did change lead on, and so are where others begin.
            if changed.contains(user) {
                continue;
            }
            let Some(to) = references(&document).into_iter().find_map(|one| level.get(&one.to)) else {
                continue;
            };
            if let Some(problem) = chains.problem(user) {
                let detail = format!("{user} uses this, at {}: {}", problem.field, problem.detail);
                found.push((to.clone(), Problem::new("", problem.value, detail, problem.mend)));
                return found;
            }
            next.insert(user.clone(), to.clone());
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    found
}

/// The documents of a kind that may use one of `used`.
fn users(after: &impl Catalogue, kind: &Kind, used: &HashSet<&DocumentId>) -> Vec<Document> {
    /// Up to so many keys are looked for in a text; for more, parsing it is no slower.
    const SEARCHED: usize = 16;
    if used.is_empty() {
        return Vec::new();
    }
    let mut all = after.all(kind);
    if used.len() <= SEARCHED {
        // Parsing is what costs; a text can't refer to a key that it does not contain.
        let keys: Vec<String> = used.iter().map(|id| quoted(&id.key)).collect();
        all.retain(|document| keys.iter().any(|key| document.json().contains(key.trim_matches('"'))));
    }
    all
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
    fn a_guard_names_a_playbook_that_is_there_as_long_as_the_release_is_to_come() {
        let plan = r#"{"key":"r","flag":"a","environment":"production","variant":"on","control":"off","stages":[{"name":"all"}],"guards":[{"name":"G","check":{"failures":{"metric":"m"}},"then":{"playbook":"gates"}}]}"#;
        let all = workspace().with(Kind::Flag, &flag("a", "")).with(Kind::Release, plan);
        let found = check(&all, &[DocumentId::new(Kind::Release, "r")]);
        assert_eq!(
            (found[0].1.field.as_str(), found[0].1.value.as_str()),
            ("guards[0].then.playbook", "gates")
        );
        let mut all = all.with(Kind::Playbook, r#"{"key":"gates","plays":[{"notice":{"text":"Hello"}}]}"#);
        assert_eq!(all.check(Kind::Release, "r"), Vec::<String>::new());
        all.0.remove(&DocumentId::new(Kind::Playbook, "gates"));
        assert!(all.check(Kind::Playbook, "gates")[0].contains("release/r still uses this"));
        let progress = r#","progress":{"status":"rolledBack","started":"1970-01-01T00:00:00Z","stage":0,"since":"1970-01-01T00:00:00Z"}}"#;
        let over = format!("{}{progress}", plan.strip_suffix('}').unwrap());
        assert_eq!(all.with(Kind::Release, &over).check(Kind::Playbook, "gates"), Vec::<String>::new());
    }

    #[test]
    fn circles_and_long_chains_are_refused() {
        let needs = |other: &str| format!(r#","prerequisites":[{{"flag":"{other}","variants":["on"]}}]"#);
        let all =
            workspace().with(Kind::Flag, &flag("a", &needs("b"))).with(Kind::Flag, &flag("b", &needs("a")));
        assert!(all.check(Kind::Flag, "a")[0].contains("a → b → a"));
        let mut chain = workspace().with(Kind::Flag, &flag("f0", ""));
        for n in 1..=8 {
            chain = chain.with(Kind::Flag, &flag(&format!("f{n}"), &needs(&format!("f{}", n - 1))));
        }
        assert_eq!(chain.check(Kind::Flag, "f8"), Vec::<String>::new());
        let chain = chain.with(Kind::Flag, &flag("f9", &needs("f8")));
        assert!(chain.check(Kind::Flag, "f9")[0].contains("too long"));
    }

    #[test]
    fn a_change_in_the_middle_does_not_make_a_chain_too_long() {
        let needs = |other: &str| format!(r#","prerequisites":[{{"flag":"{other}","variants":["on"]}}]"#);
        let mut chain = workspace().with(Kind::Flag, &flag("f0", ""));
        for n in 1..=7 {
            chain = chain.with(Kind::Flag, &flag(&format!("f{n}"), &needs(&format!("f{}", n - 1))));
        }
        let chain = chain.with(Kind::Flag, &flag("b", "")).with(Kind::Flag, &flag("a", &needs("b")));
        let chain = chain.with(Kind::Flag, &flag("b", &needs("f6")));
        assert_eq!(chain.check(Kind::Flag, "b"), Vec::<String>::new());
        let chain = chain.with(Kind::Flag, &flag("b", &needs("f7")));
        let found = chain.check(Kind::Flag, "b");
        assert!(found[0].contains("flag/a") && found[0].contains("too long"), "{found:?}");
    }

    #[test]
    fn a_web_of_references_is_checked_once_and_not_path_by_path() {
        // Eight layers of twelve flags that need all of the next: 12⁸ paths.
        let needs = |layer: usize| {
            let all = (0..12).map(|n| format!(r#"{{"flag":"l{layer}-{n}","variants":["on"]}}"#));
            format!(r#","prerequisites":[{}]"#, all.collect::<Vec<_>>().join(","))
        };
        let mut all = workspace();
        for layer in 0..8 {
            let config = if layer == 0 { String::new() } else { needs(layer - 1) };
            for n in 0..12 {
                all = all.with(Kind::Flag, &flag(&format!("l{layer}-{n}"), &config));
            }
        }
        assert_eq!(all.check(Kind::Flag, "l7-0"), Vec::<String>::new());
    }

    #[test]
    fn many_documents_in_one_commit_are_checked_in_no_time() {
        let mut all = workspace();
        for n in 0..3_000 {
            all = all.with(Kind::Flag, &flag(&format!("f{n}"), r#","venues":{"wembley-stadium":"on"}"#));
        }
        let changed: Vec<DocumentId> = all.0.keys().cloned().collect();
        let began = std::time::Instant::now();
        assert_eq!(check(&all, &changed).len(), 0);
        // Each against each took minutes; this is far above what it takes.
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    }

    #[test]
    fn a_venue_keeps_its_time_zone_as_long_as_somebody_goes_by_its_clocks() {
        let venue = |zone: &str| format!(r#"{{"key":"dome","name":"Dome"{zone}}}"#);
        let schedule = |more: &str| {
            format!(
                r#"{{"key":"s","at":{{"local":"2027-05-15T18:00","venue":"dome"}},"plays":[{{"notice":{{"text":"Doors"}}}}]{more}}}"#
            )
        };
        let all = workspace().with(Kind::Venue, &venue("")).with(Kind::Schedule, &schedule(""));
        assert!(all.check(Kind::Schedule, "s")[0].contains("Give the venue a `timeZone`"));
        assert!(all.check(Kind::Venue, "dome")[0].contains("schedule/s still uses this"));
        let all = all.with(Kind::Venue, &venue(r#","timeZone":"Europe/London""#));
        assert_eq!(all.check(Kind::Schedule, "s"), Vec::<String>::new());
        assert_eq!(all.check(Kind::Venue, "dome"), Vec::<String>::new());
        // What is over is a record.
        let over = r#","outcome":{"result":"done","at":"2027-05-15T17:00:00Z","due":"2027-05-15T17:00:00Z"}"#;
        let mut all = all.with(Kind::Schedule, &schedule(over));
        all.0.remove(&DocumentId::new(Kind::Venue, "dome"));
        assert_eq!(all.check(Kind::Venue, "dome"), Vec::<String>::new());
    }

    #[test]
    fn a_revoked_key_holds_on_to_nothing() {
        let key = |revoked: &str| {
            format!(
                r#"{{"key":"k","name":"K","type":"server","environment":"production","venues":["dome"],"hash":"h","prefix":"p","createdAt":"2026-01-01T00:00:00Z","createdBy":"a"{revoked}}}"#
            )
        };
        let all = workspace().with(Kind::Key, &key(""));
        assert_eq!(all.check(Kind::Venue, "dome").len(), 1);
        let all = all.with(Kind::Key, &key(r#","revokedAt":"2026-01-02T00:00:00Z""#));
        assert_eq!(all.check(Kind::Venue, "dome"), Vec::<String>::new());
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
