//! Ranges of the line from 0 to 1, as whole places.
//!
//! GrowthBook draws one of 1,000 places (version 1 of its hash) or 10,000 (version 2), and asks in floating point which
//! range the place divided by their number is in. Where a range begins and ends among the places is found with the
//! very same comparisons, so no rounding can put anybody elsewhere.

use serde_json::{Map, Value};

use super::{field, list, number, text};
use crate::{
    import::{Options, all_of, any_of, check_name, report::Notes},
    limits::MAX_VARIANTS,
    model::{Condition, HashAlgorithm, Percent, Rollout, VariantKey, WeightedVariant, WhenMissing},
    problem::join,
};

/// A range of floats: from the first on, up to the second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range(pub(super) f64, pub(super) f64);

/// A version of GrowthBook's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    V1,
    V2,
}

impl Hash {
    /// The version that a rule names, or `otherwise`. `Err` when nobody can be drawn by it.
    pub(super) fn read(
        fields: &Map<String, Value>,
        otherwise: Self,
        at: &str,
        notes: &mut Notes,
    ) -> Result<Self, Undrawable> {
        match number(fields, "hashVersion", at, notes) {
            None => Ok(otherwise),
            Some(0.0) => Ok(otherwise),
            Some(1.0) => Ok(Self::V1),
            Some(2.0) => Ok(Self::V2),
            Some(version) => {
                let text =
                    format!("there is no version {version} of the hash, so nobody is drawn, as before");
                notes.mapped(join(at, "hashVersion"), text);
                Err(Undrawable)
            }
        }
    }

    fn places(self) -> u32 {
        match self {
            Self::V1 => 1_000,
            Self::V2 => 10_000,
        }
    }

    pub(super) fn algorithm(self) -> HashAlgorithm {
        match self {
            Self::V1 => HashAlgorithm::Fnv1aGrowthbook,
            Self::V2 => HashAlgorithm::Fnv1aGrowthbook2,
        }
    }

    /// The first place that is not below `bound`.
    fn first_from(self, bound: f64) -> u32 {
        let (mut low, mut high) = (0, self.places());
        while low < high {
            let middle = low + (high - low) / 2;
            if f64::from(middle) / f64::from(self.places()) < bound {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Whether a place, not the first, is exactly at `bound`.
    pub(super) fn has_place_at(self, bound: f64) -> bool {
        let place = self.first_from(bound);
        #[allow(clippy::float_cmp)] // As GrowthBook compares them.
        let is_there = f64::from(place) / f64::from(self.places()) == bound;
        (1..self.places()).contains(&place) && is_there
    }

    /// The places within a range: the first, and the first beyond.
    fn within(self, range: Range) -> (u32, u32) {
        let (from, to) = (self.first_from(range.0), self.first_from(range.1));
        (from, to.max(from))
    }
}

/// A version of the hash that does not exist.
#[derive(Clone, Copy, Debug)]
pub(super) struct Undrawable;

/// Who draws, by what, and how.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    pub(super) by: String,
    pub(super) seed: String,
    pub(super) hash: Hash,
}

impl Draw {
    /// The share of those within a range.
    pub(super) fn share(&self, range: Range) -> Rollout {
        let (from, to) = self.hash.within(range);
        let step = Percent::STEPS / self.hash.places();
        Rollout {
            by: vec![self.by.clone()],
            percent: Percent::from_steps((to - from) * step),
            from: Percent::from_steps(from * step),
            seed: self.seed.clone(),
            hash: self.hash.algorithm(),
            fallback: Vec::new(),
            when_missing: WhenMissing::Outside,
        }
    }

    /// All who can be drawn.
    pub(super) fn everybody(&self) -> Rollout {
        self.share(Range(0.0, 2.0))
    }

    /// The line in parts: for each place the variant of the first range that it is in, if any.
    pub(super) fn parts(&self, ranges: &[(Range, Option<VariantKey>)]) -> Vec<WeightedVariant> {
        let own: Vec<((u32, u32), &Option<VariantKey>)> =
            ranges.iter().map(|(range, variant)| (self.hash.within(*range), variant)).collect();
        let mut edges: Vec<u32> = own.iter().flat_map(|((from, to), _)| [*from, *to]).collect();
        edges.extend([0, self.hash.places()]);
        edges.sort_unstable();
        edges.dedup();
        let mut parts: Vec<WeightedVariant> = Vec::new();
        for (from, to) in edges.iter().zip(edges.iter().skip(1)) {
            let first = own.iter().find(|((start, end), _)| (start..end).contains(&from));
            let variant = first.and_then(|(_, variant)| (*variant).clone());
            match parts.last_mut() {
                Some(last) if last.variant == variant => last.weight += to - from,
                _ => parts.push(WeightedVariant { variant, weight: to - from }),
            }
        }
        parts
    }
}

/// The ranges of an experiment's variations.
pub(super) fn ranges(
    fields: &Map<String, Value>,
    variations: usize,
    at: &str,
    notes: &mut Notes,
) -> Option<Vec<Range>> {
    if field(fields, "ranges").is_some() {
        let own = list(fields, "ranges", at, notes);
        return several(own, &join(at, "ranges"), notes);
    }
    let coverage = number(fields, "coverage", at, notes).unwrap_or(1.0).clamp(0.0, 1.0);
    let given: Option<Vec<f64>> = list(fields, "weights", at, notes).iter().map(Value::as_f64).collect();
    let Some(given) = given else {
        notes.refused(join(at, "weights"), "not all of these are numbers");
        return None;
    };
    let is_whole = given.len() == variations && (0.99..=1.01).contains(&given.iter().sum::<f64>());
    #[allow(clippy::cast_precision_loss)] // There are few.
    let weights = if is_whole {
        given
    } else {
        if !given.is_empty() {
            let text =
                "these are not weights of all variations that add up to 1, so all weigh the same, as before";
            notes.mapped(join(at, "weights"), text);
        }
        vec![1.0 / variations as f64; variations]
    };
    let mut sum = 0.0;
    let range = |weight: &f64| {
        let start = sum;
        sum += weight;
        Range(start, start + coverage * weight)
    };
    Some(weights.iter().map(range).collect())
}

/// A list of ranges.
fn several(ranges: &[Value], at: &str, notes: &mut Notes) -> Option<Vec<Range>> {
    if ranges.len() > MAX_VARIANTS {
        notes.refused(at, format!("there are more than {MAX_VARIANTS} ranges"));
        return None;
    }
    let read: Option<Vec<Range>> = ranges.iter().map(range).collect();
    if read.is_none() {
        notes.refused(at, "a range is a list of two numbers");
    }
    read
}

/// One range: `[0, 0.5]`.
pub(super) fn range(value: &Value) -> Option<Range> {
    match value.as_array()?.as_slice() {
        [from, to] => Some(Range(from.as_f64()?, to.as_f64()?)),
        _ => None,
    }
}

/// The attribute that a rule draws by.
pub(super) fn hash_attribute(
    fields: &Map<String, Value>,
    name: &str,
    options: &Options,
    at: &str,
    notes: &mut Notes,
) -> Option<String> {
    let attribute = text(fields, name, at, notes).unwrap_or("id");
    check_name(attribute, options, &join(at, name), notes).then(|| attribute.to_owned())
}

/// Filters, as a condition: a context has to be within one range of each.
pub(super) fn filters(
    fields: &Map<String, Value>,
    options: &Options,
    at: &str,
    notes: &mut Notes,
) -> Option<Condition> {
    let mut all = Some(Vec::new());
    for (n, filter) in list(fields, "filters", at, notes).iter().enumerate() {
        let mapped = filter_of(filter, options, &format!("{}[{n}]", join(at, "filters")), notes);
        all = all.zip(mapped).map(|(mut all, mapped)| {
            all.push(mapped);
            all
        });
    }
    all.map(all_of)
}

fn filter_of(filter: &Value, options: &Options, at: &str, notes: &mut Notes) -> Option<Condition> {
    let Value::Object(fields) = filter else {
        notes.refused(at, "this is not a filter");
        return None;
    };
    let by = hash_attribute(fields, "attribute", options, at, notes)?;
    let Some(seed) = field(fields, "seed").and_then(Value::as_str) else {
        notes.refused(join(at, "seed"), "a filter needs a seed");
        return None;
    };
    let ranges = several(list(fields, "ranges", at, notes), &join(at, "ranges"), notes)?;
    let Ok(hash) = Hash::read(fields, Hash::V2, at, notes) else { return Some(crate::import::never()) };
    let draw = Draw { by, seed: seed.to_owned(), hash };
    Some(any_of(ranges.into_iter().map(|range| Condition::Rollout(Box::new(draw.share(range)))).collect()))
}

/// A namespace, as a condition. It draws by what the experiment draws by.
pub(super) fn namespace(namespace: &Value, by: &str, at: &str, notes: &mut Notes) -> Option<Condition> {
    let read = match namespace.as_array().map(Vec::as_slice) {
        Some([Value::String(id), from, to]) => {
            from.as_f64().zip(to.as_f64()).map(|(from, to)| (id, Range(from, to)))
        }
        _ => None,
    };
    let Some((id, range)) = read else {
        notes.refused(at, "a namespace is a name and two numbers");
        return None;
    };
    let draw = Draw { by: by.to_owned(), seed: format!("__{id}"), hash: Hash::V1 };
    Some(Condition::Rollout(Box::new(draw.share(range))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(hash: Hash, range: Range) -> Vec<u32> {
        let total = f64::from(hash.places());
        (0..hash.places())
            .filter(|n| f64::from(*n) / total >= range.0 && f64::from(*n) / total < range.1)
            .collect()
    }

    #[test]
    fn places_are_those_whose_float_is_within() {
        // 0.1 + 0.2 is not 0.3, and a third of a third is nothing exact either.
        let bounds =
            [0.0, 0.1, 0.2, 0.1 + 0.2, 0.3, 1.0 / 3.0, 2.0 / 3.0, 0.7, 0.999, 1.0, -1.0, 2.0, 0.000_05];
        for hash in [Hash::V1, Hash::V2] {
            for from in bounds {
                for to in bounds {
                    let (first, beyond) = hash.within(Range(from, to));
                    assert_eq!(
                        (first..beyond).collect::<Vec<_>>(),
                        places(hash, Range(from, to)),
                        "{from} {to}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_first_range_that_a_place_is_in_decides() {
        let draw = Draw { by: "id".to_owned(), seed: String::new(), hash: Hash::V1 };
        let variant = |name: &str| Some(name.parse().unwrap());
        let ranges = [
            (Range(0.1, 0.3), variant("a")),
            (Range(0.2, 0.5), variant("b")),
            (Range(0.5, 0.6), None),
            (Range(0.0, 0.05), variant("b")),
            (Range(0.9, 0.8), variant("a")),
        ];
        let parts: Vec<_> = draw
            .parts(&ranges)
            .into_iter()
            .map(|part| (part.variant.map(|v| v.to_string()), part.weight))
            .collect();
        let named = |name: &str, weight| (Some(name.to_owned()), weight);
        assert_eq!(parts, [named("b", 50), (None, 50), named("a", 200), named("b", 200), (None, 500)]);
    }
}
