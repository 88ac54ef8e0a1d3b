//! Keys for cohorts and rules, made of what another system calls them.

use std::collections::{HashMap, HashSet};

/// Longest part of a name that is kept: there has to be room for what sets it apart from others.
const KEPT_BYTES: usize = 100;

/// Hands out each key once.
#[derive(Debug, Default)]
pub(super) struct SafeKeys {
    taken: HashSet<String>,
    /// The last number that was put behind a key.
    numbers: HashMap<String, usize>,
}

impl SafeKeys {
    /// A key like `wanted`, that nobody else has, in the letters that Usher's keys are made of; like `otherwise`, when
    /// nothing is left of it.
    pub(super) fn take(&mut self, wanted: &str, otherwise: &str) -> String {
        let own = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
        let safe: String =
            wanted.chars().map(own).skip_while(|c| !c.is_ascii_alphanumeric()).take(KEPT_BYTES).collect();
        let base = if safe.is_empty() { otherwise.to_owned() } else { safe };
        if self.taken.insert(base.clone()) {
            return base;
        }
        let number = self.numbers.entry(base.clone()).or_insert(1);
        loop {
            *number += 1;
            let key = format!("{base}-{number}");
            if self.taken.insert(key.clone()) {
                return key;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;

    #[test]
    fn keys_are_safe_and_each_is_handed_out_once() {
        let mut keys = SafeKeys::default();
        let long = "x".repeat(300);
        for (wanted, expected) in [
            ("beta-testers", "beta-testers"),
            ("beta testers", "beta-testers-2"),
            ("-_ beta/testers", "beta-testers-3"),
            ("beta-testers-4", "beta-testers-4"),
            ("beta-testers", "beta-testers-5"),
            ("", "rule"),
            ("日本", "rule-2"),
            (&long, &long[..100]),
        ] {
            let key = keys.take(wanted, "rule");
            assert_eq!(key, expected);
            assert!(key.parse::<Key>().is_ok());
        }
    }
}
