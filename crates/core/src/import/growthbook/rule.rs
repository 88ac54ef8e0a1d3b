//! Rules: forced values, percentages and experiments.

use serde_json::{Map, Value};

use super::{
    Source,
    condition::Asking,
    draw::{self, Draw, Hash, Undrawable},
    field,
    groups::Groups,
    list, number,
    parents::{self, Parent},
    shape::Serves,
    text,
};
use crate::{
    import::{all_of, not, report::Notes},
    model::{Condition, Prerequisite, Rollout, Serve, Split, VariantKey, WhenMissing},
    problem::join,
};

const KNOWN: &[&str] = &[
    "id",
    "condition",
    "parentConditions",
    "force",
    "variations",
    "weights",
    "key",
    "hashAttribute",
    "fallbackAttribute",
    "hashVersion",
    "disableStickyBucketing",
    "bucketVersion",
    "minBucketVersion",
    "range",
    "coverage",
    "namespace",
    "ranges",
    "meta",
    "filters",
    "seed",
    "name",
    "phase",
    "tracks",
];

/// Prerequisites of one rule. Each may stand in the conditions of those that follow it.
const MAX_PARENTS: usize = 16;

/// What a rule becomes.
#[derive(Default)]
pub(super) struct Mapped {
    /// Prerequisites of the whole feature, asked before any of its rules.
    pub(super) prerequisites: Vec<Prerequisite>,
    /// For whom the feature gives nothing at all, any of these.
    pub(super) blocks: Vec<Condition>,
    /// Whom it matches, how many of them, and what they get.
    pub(super) serves: Option<(Option<Condition>, Option<Rollout>, Serve)>,
}

/// A rule on its way.
pub(super) struct Mapper<'a, 'v> {
    pub(super) source: &'a Source<'v>,
    pub(super) groups: &'a mut Groups<'v>,
    /// The feature's key.
    pub(super) key: &'a str,
    /// Whether no rule before it can have served anything.
    pub(super) is_first: bool,
}

impl Mapper<'_, '_> {
    pub(super) fn rule(
        &mut self,
        fields: &Map<String, Value>,
        serves: &Serves,
        at: &str,
        notes: &mut Notes,
    ) -> Option<Mapped> {
        for (name, why) in [
            ("url", "which page somebody is on is not known here"),
            ("urlPatterns", "which page somebody is on is not known here"),
            ("contextualBanditRef", "a contextual bandit is decided by what its service has learned"),
            ("contextualVariations", "a contextual bandit is decided by what its service has learned"),
        ] {
            if field(fields, name).is_some() {
                notes.refused(join(at, name), why);
            }
        }
        for name in fields.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
            let text =
                "this field is not known here and was left out; if it bears on who gets what, that differs";
            notes.approximated(join(at, name), text);
        }
        let parents = self.parents(fields, at, notes);
        let condition = self.condition(fields, at, notes);
        let filters = draw::filters(fields, self.source.options, at, notes);
        let served = self.serve(fields, serves, at, notes);
        let (parents, condition, filters, served) = (parents?, condition?, filters?, served?);

        let mut mapped = Mapped::default();
        let mut met: Vec<Condition> = Vec::new();
        for parent in parents {
            let own = parent.condition();
            if parent.is_gate && self.is_first && met.is_empty() && mapped.blocks.is_empty() {
                match parent.wanted {
                    Some(wanted) => mapped.prerequisites.push(wanted),
                    None => mapped.blocks.push(Condition::All(Vec::new())),
                }
            } else if parent.is_gate {
                mapped.blocks.push(all_of(met.iter().cloned().chain([not(own)]).collect()));
            } else {
                met.push(own);
            }
        }
        if let Some((conditions, rollout, serve)) = served {
            let all: Vec<Condition> = met
                .into_iter()
                .chain([filters, condition])
                .chain(conditions)
                .filter(|condition| *condition != Condition::All(Vec::new()))
                .collect();
            mapped.serves = Some(((!all.is_empty()).then(|| all_of(all)), rollout, serve));
        }
        Some(mapped)
    }

    fn parents(&self, fields: &Map<String, Value>, at: &str, notes: &mut Notes) -> Option<Vec<Parent>> {
        let parents = list(fields, "parentConditions", at, notes);
        if parents.len() > MAX_PARENTS {
            notes.refused(
                join(at, "parentConditions"),
                format!("there are more than {MAX_PARENTS} prerequisites"),
            );
            return None;
        }
        let mut all = Some(Vec::new());
        for (n, parent) in parents.iter().enumerate() {
            let at = join(at, &format!("parentConditions[{n}]"));
            let mapped = parents::read(self.source, parent, &at, notes);
            all = all.zip(mapped).map(|(mut all, mapped)| {
                all.push(mapped);
                all
            });
        }
        all
    }

    fn condition(&mut self, fields: &Map<String, Value>, at: &str, notes: &mut Notes) -> Option<Condition> {
        match field(fields, "condition") {
            None => Some(Condition::All(Vec::new())),
            Some(condition) => {
                let mut asking = Asking { options: self.source.options, groups: Some(self.groups), notes };
                asking.condition(condition, &join(at, "condition"))
            }
        }
    }

    /// What the rule serves, with the conditions that its draw brings along; the inner `None` when it serves nobody.
    fn serve(
        &self,
        fields: &Map<String, Value>,
        serves: &Serves,
        at: &str,
        notes: &mut Notes,
    ) -> Option<Option<Served>> {
        match serves {
            Serves::Nothing => {
                if field(fields, "variations").is_some() {
                    notes.mapped(at, "an experiment with less than two variations is passed by, as before");
                }
                Some(None)
            }
            Serves::One(variant) => self.force(fields, variant, at, notes),
            Serves::Several(variants) => self.experiment(fields, variants, at, notes),
        }
    }

    fn force(
        &self,
        fields: &Map<String, Value>,
        variant: &VariantKey,
        at: &str,
        notes: &mut Notes,
    ) -> Option<Option<Served>> {
        let serve = Serve::Variant(variant.clone());
        let range = match field(fields, "range").map(draw::range) {
            Some(None) => {
                notes.refused(join(at, "range"), "a range is a list of two numbers");
                return None;
            }
            range => range.flatten(),
        };
        let coverage = number(fields, "coverage", at, notes);
        let within = match (range, coverage) {
            (None, None) => return Some(Some((Vec::new(), None, serve))),
            (Some(range), _) => range,
            (None, Some(coverage)) => draw::Range(0.0, coverage),
        };
        let by = draw::hash_attribute(fields, "hashAttribute", self.source.options, at, notes)?;
        note_sticky_buckets(fields, at, notes);
        let seed = text(fields, "seed", at, notes).unwrap_or(self.key).to_owned();
        let Ok(hash) = Hash::read(fields, Hash::V1, at, notes) else { return Some(None) };
        if range.is_none() && hash.has_place_at(within.1) {
            let text = "who is exactly at this is outside, as the specification has it since 0.12; SDKs from before \
                        took that one place in";
            notes.mapped(join(at, "coverage"), text);
        }
        Some(Some((Vec::new(), Some(Draw { by, seed, hash }.share(within)), serve)))
    }

    fn experiment(
        &self,
        fields: &Map<String, Value>,
        variants: &[Option<VariantKey>],
        at: &str,
        notes: &mut Notes,
    ) -> Option<Option<Served>> {
        let by = draw::hash_attribute(fields, "hashAttribute", self.source.options, at, notes)?;
        note_sticky_buckets(fields, at, notes);
        let key = text(fields, "key", at, notes).unwrap_or(self.key);
        if let Some(forced) = self.source.forced.and_then(|forced| forced.get(key)) {
            notes.refused(
                at,
                format!("the file forces everybody to the variation {forced} of this experiment"),
            );
        }
        let seed = text(fields, "seed", at, notes).unwrap_or(key).to_owned();
        let ranges = draw::ranges(fields, variants.len(), at, notes)?;
        // Filters took the place of namespaces.
        let namespace = match field(fields, "namespace").filter(|_| field(fields, "filters").is_none()) {
            None => None,
            Some(namespace) => Some(draw::namespace(namespace, &by, &join(at, "namespace"), notes)?),
        };
        let hash = match Hash::read(fields, Hash::V1, at, notes) {
            Ok(hash) => hash,
            Err(Undrawable) => return Some(None),
        };
        let draw = Draw { by, seed, hash };
        // A range without a variation puts nobody into the experiment.
        let ranges: Vec<_> = ranges
            .into_iter()
            .enumerate()
            .map(|(n, range)| (range, variants.get(n).cloned().flatten()))
            .collect();
        let split = Split {
            by: vec![draw.by.clone()],
            seed: draw.seed.clone(),
            weights: draw.parts(&ranges),
            hash: draw.hash.algorithm(),
            fallback: Vec::new(),
            when_missing: WhenMissing::Outside,
            otherwise: None,
        };
        // Who can't be drawn goes on to the next rule; a split alone would serve them.
        Some(Some((namespace.into_iter().collect(), Some(draw.everybody()), Serve::Split(split))))
    }
}

/// Conditions, share and what is served.
type Served = (Vec<Condition>, Option<Rollout>, Serve);

/// Where an app keeps what it once gave to somebody, that is not in the file.
fn note_sticky_buckets(fields: &Map<String, Value>, at: &str, notes: &mut Notes) {
    if fields.get("disableStickyBucketing") == Some(&Value::Bool(true)) {
        return;
    }
    for (name, text) in [
        (
            "fallbackAttribute",
            "an SDK with sticky buckets may draw by this, and keep what it has drawn; here only `hashAttribute` is drawn by",
        ),
        (
            "minBucketVersion",
            "an SDK with sticky buckets leaves out whom it has put into an older version; here nobody's past is known",
        ),
    ] {
        let says_something = field(fields, name)
            .is_some_and(|value| value.as_f64() != Some(0.0) && value.as_str() != Some(""));
        if says_something {
            notes.approximated(join(at, name), text);
        }
    }
}
