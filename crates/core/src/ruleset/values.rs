//! Sets of values that a condition compares with: hashed when compiled, and asked without allocating.

use std::io::Write as _;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    context::{AttributeValue, Text},
    model::Scalar,
    short,
};

/// Up to this many texts are compared one after the other, which beats a hash table.
const LINEAR: usize = 8;

/// A set of texts.
#[derive(Clone, Debug)]
pub(crate) enum Texts {
    One(Text),
    Few(Box<[Text]>),
    Many(HashTable<Text>),
}

impl Texts {
    pub(crate) fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut texts: Vec<Text> = texts.into_iter().map(Text::from).collect();
        if texts.len() <= LINEAR {
            return match texts.pop() {
                Some(only) if texts.is_empty() => Self::One(only),
                last => Self::Few(texts.into_iter().chain(last).collect()),
            };
        }
        let mut table = HashTable::with_capacity(texts.len());
        for text in texts {
            if table.find(text.hash(), |own: &Text| own.as_str() == text.as_str()).is_none() {
                table.insert_unique(text.hash(), text, Text::hash);
            }
        }
        Self::Many(table)
    }

    #[inline]
    pub(crate) fn contains(&self, text: &Text) -> bool {
        match self {
            Self::One(own) => same_text(own, text),
            Self::Few(texts) => texts.iter().any(|own| same_text(own, text)),
            Self::Many(table) => is_among_many(table, text),
        }
    }

    /// As [`Texts::contains`], of a text that was not hashed before.
    pub(super) fn contains_plain(&self, text: &str) -> bool {
        match self {
            Self::Many(table) => table.find(xxh3_64(text.as_bytes()), |own| own.as_str() == text).is_some(),
            few => few.any(|own| own == text),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Few(texts) => texts.is_empty(),
            Self::Many(table) => table.is_empty(),
        }
    }

    /// The only text, if there is one and no other.
    pub(super) fn only(&self) -> Option<&Text> {
        match self {
            Self::One(text) => Some(text),
            Self::Few(_) | Self::Many(_) => None,
        }
    }

    pub(super) fn any(&self, mut test: impl FnMut(&str) -> bool) -> bool {
        match self {
            Self::One(text) => test(text.as_str()),
            Self::Few(texts) => texts.iter().any(|text| test(text.as_str())),
            Self::Many(table) => table.iter().any(|text| test(text.as_str())),
        }
    }
}

/// A set of values of any type.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    texts: Texts,
    others: Box<[AttributeValue]>,
    ignore_case: bool,
}

impl Values {
    pub(crate) fn new(values: &[Scalar], ignore_case: bool) -> Self {
        let texts = values.iter().filter_map(|value| match value {
            Scalar::Text(text) => Some(text.as_str()),
            _ => None,
        });
        Self { texts: Texts::new(texts), others: values.iter().filter_map(other).collect(), ignore_case }
    }

    #[inline]
    pub(crate) fn contains(&self, value: &AttributeValue) -> bool {
        match value {
            AttributeValue::Text(text) if !self.ignore_case => self.texts.contains(text),
            other => self.contains_other(other),
        }
    }

    /// The text that a single value must be, letter by letter, to be in the set.
    pub(crate) fn only_text(&self) -> Option<&Text> {
        if self.ignore_case || !self.others.is_empty() { None } else { self.texts.only() }
    }

    /// What is rare, and would keep the rest from being inlined: lists call for themselves.
    fn contains_other(&self, value: &AttributeValue) -> bool {
        match value {
            AttributeValue::Text(text) => self.texts.any(|own| same_folded(own, text.as_str())),
            AttributeValue::List(values) => elements(values).any(|value| self.contains(value)),
            value => self.others.iter().any(|own| same(own, value)),
        }
    }
}

/// The elements of a list that can be compared; those of lists within it are not its own.
fn elements(values: &[AttributeValue]) -> impl Iterator<Item = &AttributeValue> {
    values.iter().filter(|value| !matches!(value, AttributeValue::List(_)))
}

/// Calls `read` with a number or boolean as it is written, without touching the heap.
pub(crate) fn with_text_of(value: &AttributeValue, read: impl FnOnce(&str) -> bool) -> bool {
    // Longest of all is a float such as -2.2250738585072014e-308, written out: 1 + 2 + 307 + 17 digits.
    const LONGEST: usize = 352;
    let mut bytes = [0_u8; LONGEST];
    let mut rest = &mut bytes[..];
    if write!(rest, "{value}").is_err() {
        return false;
    }
    let length = LONGEST - rest.len();
    std::str::from_utf8(&bytes[..length]).is_ok_and(read)
}

fn other(value: &Scalar) -> Option<AttributeValue> {
    match value {
        Scalar::Bool(value) => Some((*value).into()),
        Scalar::Number(number) => number.as_i64().map(Into::into).or_else(|| number.as_f64().map(Into::into)),
        Scalar::Text(_) => None,
    }
}

/// Not inlined: sets are mostly small, and those are compared where they are asked for.
#[inline(never)]
fn is_among_many(table: &HashTable<Text>, text: &Text) -> bool {
    table.find(text.hash(), |own| same_text(own, text)).is_some()
}

/// Most texts differ in their hashes already.
#[inline]
fn same_text(a: &Text, b: &Text) -> bool {
    a.hash() == b.hash() && short::same(a.as_str().as_bytes(), b.as_str().as_bytes())
}

/// Equality of single values. Numbers are equal when they have the same value, whatever their form.
fn same(a: &AttributeValue, b: &AttributeValue) -> bool {
    use AttributeValue::{Bool, Float, Integer};
    match (a, b) {
        (Bool(a), Bool(b)) => a == b,
        (Integer(a), Integer(b)) => a == b,
        (Integer(_) | Float(_), Integer(_) | Float(_)) => {
            compare_numbers(a, b).is_some_and(std::cmp::Ordering::is_eq)
        }
        _ => false,
    }
}

/// Orders two numbers by value, exactly: an integer beyond 2⁵³ is not rounded on the way. `None` for NaN and
/// for what is not a number.
#[inline]
pub(crate) fn compare_numbers(a: &AttributeValue, b: &AttributeValue) -> Option<std::cmp::Ordering> {
    use AttributeValue::{Float, Integer};
    match (a, b) {
        (Integer(a), Integer(b)) => Some(a.cmp(b)),
        (Float(a), Float(b)) => a.partial_cmp(b),
        (Integer(a), Float(b)) => compare_mixed(*a, *b),
        (Float(a), Integer(b)) => compare_mixed(*b, *a).map(std::cmp::Ordering::reverse),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation)] // The float is within the integers' range where it is cast.
fn compare_mixed(integer: i64, float: f64) -> Option<std::cmp::Ordering> {
    use std::cmp::Ordering;
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2⁶³
    if float.is_nan() {
        return None;
    }
    if float >= LIMIT {
        return Some(Ordering::Less);
    }
    if float < -LIMIT {
        return Some(Ordering::Greater);
    }
    let whole = integer.cmp(&(float.trunc() as i64));
    Some(if whole.is_eq() { 0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal) } else { whole })
}

/// Whether two texts are the same but for case.
pub(crate) fn same_folded(a: &str, b: &str) -> bool {
    fold(a).eq(fold(b))
}

/// The characters of a text without case, by Unicode's full case folding: `ẞ`, `ß` and `SS` are the same, and so
/// are `Σ`, `σ` and `ς`. Lower, upper and lower again tells the same characters apart as the folding of Unicode
/// does (compared over all of Unicode), but for the dotless `ı`, which folds to itself.
pub(crate) fn fold(text: &str) -> impl Iterator<Item = char> + Clone {
    text.chars().flat_map(|c| {
        let simple = c.is_ascii() || c == 'ı';
        let one = simple.then(|| c.to_ascii_lowercase());
        let others =
            (!simple).then(|| c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase));
        one.into_iter().chain(others.into_iter().flatten())
    })
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    #[test]
    fn numbers_compare_by_value_beyond_2_53() {
        let big = (1_i64 << 53) + 1;
        assert_eq!(compare_numbers(&big.into(), &9_007_199_254_740_992.0.into()), Some(Ordering::Greater));
        assert_eq!(compare_numbers(&1_i64.into(), &1.5.into()), Some(Ordering::Less));
        assert_eq!(compare_numbers(&(-1_i64).into(), &(-1.5).into()), Some(Ordering::Greater));
        assert_eq!(compare_numbers(&i64::MAX.into(), &1e300.into()), Some(Ordering::Less));
        assert_eq!(compare_numbers(&0_i64.into(), &f64::NAN.into()), None);
        assert!(same(&2_i64.into(), &2.0.into()));
    }

    #[test]
    fn case_is_folded_as_unicode_says() {
        for same in [["Straße", "STRASSE"], ["ẞ", "ss"], ["ΟΔΟΣ", "οδος"], ["ὈΔΟΣ", "ὀδος"], ["ﬁn", "FIN"]]
        {
            assert!(same_folded(same[0], same[1]), "{same:?}");
        }
        // Cherokee's capitals are the older letters, and the Kelvin sign is a K.
        assert!(same_folded("\u{13A0}", "\u{AB70}") && same_folded("\u{212A}", "k"));
        assert!(!same_folded("ı", "i") && !same_folded("e", "é"));
    }

    #[test]
    fn small_and_large_sets_answer_alike() {
        let many: Vec<String> = (0..1000).map(|n| format!("u-{n}")).collect();
        let set = Texts::new(many.iter().map(String::as_str));
        assert!(set.contains(&"u-999".into()) && !set.contains(&"u-1000".into()));
        let few = Texts::new(["a", "b"]);
        assert!(few.contains(&"b".into()) && !few.contains(&"c".into()));
    }
}
