//! Whether a program has asked for a flag, for whoever wants to know which flags are still needed.
//!
//! Evaluation does not touch it: an SDK marks a flag that its program has read. Flags that did not change are shared from
//! one ruleset to the next, and so are their marks.

use std::sync::atomic::{AtomicBool, Ordering};

/// A mark that is set often and taken away seldom: where it is set already it is only looked at, so that threads don't
/// slow each other down. It is no part of what it stands with: all marks are equal.
#[derive(Debug, Default)]
pub struct Mark(AtomicBool);

impl Mark {
    /// Sets it.
    #[inline]
    pub fn set(&self) {
        if !self.0.load(Ordering::Relaxed) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Takes it away; whether it was set.
    pub fn take(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed)
    }
}

impl Clone for Mark {
    fn clone(&self) -> Self {
        Self(AtomicBool::new(self.0.load(Ordering::Relaxed)))
    }
}

impl PartialEq for Mark {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Context, Ruleset,
        model::{Document, Kind, Seq, Timestamp, parse_strict},
    };

    fn flag(key: &str) -> Document {
        let config =
            r#"{"production": {"enabled": true, "offVariant": "off", "default": {"variant": "off"}}}"#;
        let flag = format!(
            r#"{{"key": "{key}", "type": "boolean", "variants": {{"off": false}}, "environments": {config}}}"#
        );
        parse_strict(&Kind::Flag, flag.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_read_is_told_once_and_outlives_a_change_of_other_flags() {
        let all = [flag("a"), flag("b"), flag("c")];
        let ruleset = Ruleset::compile("production".parse().unwrap(), Seq(1), &all);
        let ask = |flag: &str| ruleset.evaluate(flag, &Context::anonymous(), Timestamp::EPOCH).mark_asked();
        assert!(ruleset.evaluate("c", &Context::anonymous(), Timestamp::EPOCH).error.is_none());
        ask("a");
        ask("a");
        ask("nothing");
        ruleset.mark_asked("b");
        let next = ruleset.apply(Seq(2), [&flag("d")], []);
        let mut asked = next.take_asked();
        asked.sort();
        assert_eq!(asked, ["a", "b"], "what was only evaluated, as a prerequisite may be, is not among them");
        assert!(ruleset.take_asked().is_empty());
    }
}
