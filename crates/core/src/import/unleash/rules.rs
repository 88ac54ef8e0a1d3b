//! Strategies as rules, each with the variants that it gives.

use super::{
    Known,
    constraints::is_in,
    source::{Feature, Strategy, Variant},
    strategies::{BY_LOT, Enables, Reader, by_lot, lot},
    variants::Variants,
};
use crate::{
    import::{all_of, any_of, report::Notes},
    limits::MAX_RULES,
    model::{
        CURRENT_TIME, Condition, HashAlgorithm, Key, Rollout, Rule, Serve, Split, WeightedVariant,
        WhenMissing,
    },
};

/// The rules of a feature. `None` where Unleash could not read one of its strategies, and keeps it off.
pub(super) fn rules(
    feature: &Feature,
    variants: &Variants,
    known: &Known<'_>,
    notes: &mut Notes,
) -> Option<Vec<Rule>> {
    let strategies = feature.strategies.as_deref().unwrap_or_default();
    if strategies.len() > MAX_RULES {
        notes.refused(
            "strategies",
            format!("there are more than {MAX_RULES}, the most that a flag's rules may be"),
        );
        return None;
    }
    let mut own = Rules { rules: Vec::new(), feature, variants, notes };
    if strategies.is_empty() {
        own.add("always", "No strategies: everybody", None, Vec::new(), None);
    }
    for (n, strategy) in strategies.iter().enumerate() {
        let at = format!("strategies[{n}]");
        if strategy.disabled == Some(true) {
            own.notes.mapped(at, "it is switched off, and left out");
            continue;
        }
        match (Reader { feature, strategy, known, at: &at, notes: own.notes }).read() {
            Enables::Unread => return None,
            Enables::Nobody => {}
            Enables::Some(conditions, rollout) => {
                let title = strategy.title.as_deref().filter(|title| !title.is_empty());
                let name = title.unwrap_or(&strategy.name);
                own.add(&format!("strategy-{}", n + 1), name, Some((strategy, &at)), conditions, rollout);
            }
        }
    }
    Some(own.rules)
}

struct Rules<'r> {
    rules: Vec<Rule>,
    feature: &'r Feature,
    variants: &'r Variants,
    notes: &'r mut Notes,
}

impl Rules<'_> {
    /// The rules of one strategy: those who are given a variant whatever the draw, then all others.
    fn add(
        &mut self,
        id: &str,
        name: &str,
        strategy: Option<(&Strategy, &str)>,
        conditions: Vec<Condition>,
        rollout: Option<Rollout>,
    ) {
        let own = strategy.and_then(|(strategy, _)| strategy.variants.as_deref()).unwrap_or_default();
        let serve = match strategy {
            // A strategy's variants are drawn as the strategy is.
            Some((strategy, at)) if !own.is_empty() => {
                let group = strategy.parameter("groupId").unwrap_or_else(|| self.feature.name.clone());
                let stickiness = strategy.parameter("stickiness");
                self.serve(own, &group, stickiness.as_deref(), at)
            }
            _ => {
                let served = self.feature.variants.as_deref().unwrap_or_default();
                for (m, variant) in served.iter().enumerate() {
                    let overrides = variant.overrides.iter().flatten();
                    let asked: Vec<Condition> =
                        overrides.map(|own| is_in(&own.context_name, own.values.iter().cloned())).collect();
                    if let (Some(key), false) = (self.variants.key(variant), asked.is_empty()) {
                        let all = conditions.iter().cloned().chain([any_of(asked)]).collect();
                        let id = format!("{id}-override-{}", m + 1);
                        self.push(&id, name, all, rollout.clone(), Serve::Variant(key));
                    }
                }
                let stickiness = served.first().and_then(|first| first.stickiness.as_deref());
                self.serve(served, &self.feature.name.clone(), stickiness, id)
            }
        };
        if let Some(serve) = serve {
            self.push(id, name, conditions, rollout, serve);
        }
    }

    fn push(
        &mut self,
        id: &str,
        name: &str,
        conditions: Vec<Condition>,
        rollout: Option<Rollout>,
        serve: Serve,
    ) {
        // One more than there may be is enough to be told so.
        if let (Ok(id), true) = (id.parse::<Key>(), self.rules.len() <= MAX_RULES) {
            let condition = (!conditions.is_empty()).then(|| all_of(conditions));
            self.rules.push(Rule { id, name: name.to_owned(), condition, rollout, serve, dark: false });
        }
    }

    fn serve(
        &mut self,
        served: &[Variant],
        group: &str,
        stickiness: Option<&str>,
        at: &str,
    ) -> Option<Serve> {
        let weight = |variant: &Variant| WeightedVariant {
            variant: self.variants.key(variant),
            weight: variant.weight,
        };
        let weights: Vec<WeightedVariant> = served.iter().map(weight).collect();
        if weights.iter().all(|weighted| weighted.weight == 0) {
            if !weights.is_empty() {
                self.notes.mapped("variants", "all weights are zero: nobody is given a variant");
            }
            return self.variants.none().map(Serve::Variant);
        }
        let mut seed = group.to_owned();
        let (by, fallback) = match stickiness {
            None | Some("default") => ("userId", vec!["sessionId".to_owned()]),
            // Unleash's engine looks for the time among properties, where it never is.
            Some("random" | "" | CURRENT_TIME) => {
                seed = lot(group, at);
                if served.len() > 1 {
                    by_lot("variants", self.notes);
                }
                (BY_LOT, Vec::new())
            }
            Some(name) => (name, Vec::new()),
        };
        Some(Serve::Split(Split {
            by: vec![by.to_owned()],
            seed,
            weights,
            hash: HashAlgorithm::Murmur3Unleash,
            fallback,
            when_missing: WhenMissing::Random,
            otherwise: None,
        }))
    }
}
