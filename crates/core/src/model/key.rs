//! Keys and percentages: checked once, when they are parsed, and valid from then on.

use std::{borrow::Borrow, fmt, ops::Deref, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::limits::{MAX_FLAG_KEY_BYTES, MAX_KEY_BYTES};

fn check_key(key: &str) -> Result<(), String> {
    let mut characters = key.chars();
    let start = characters.next().is_some_and(|c| c.is_ascii_alphanumeric());
    if start
        && key.len() <= MAX_KEY_BYTES
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    {
        return Ok(());
    }
    Err(format!(
        "a key starts with a letter or digit, goes on with letters, digits, `.`, `_` and `-`, and has at most {MAX_KEY_BYTES} characters"
    ))
}

fn check_flag_key(key: &str) -> Result<(), String> {
    if !key.is_empty() && key.len() <= MAX_FLAG_KEY_BYTES && !key.chars().any(char::is_control) {
        return Ok(());
    }
    Err(format!("a flag key has 1 to {MAX_FLAG_KEY_BYTES} bytes and no control characters"))
}

macro_rules! key_type {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The key's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(key: &str) -> Result<Self, String> {
                $check(key)?;
                Ok(Self(key.into()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

key_type!(
    /// Key of any document that Usher makes: `[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}`.
    Key, check_key
);
key_type!(
    /// Key of a flag: any UTF-8 of up to 256 bytes without control characters, so that imported flags keep theirs.
    FlagKey, check_flag_key
);
key_type!(
    /// Key of one variant of a flag, under the same rule as a flag's key.
    VariantKey, check_flag_key
);
key_type!(
    /// Key of a venue, `wembley-stadium`.
    VenueKey, check_key
);
key_type!(
    /// Key of a cohort, `season-ticket-holders`.
    CohortKey, check_key
);
key_type!(
    /// Key of an environment, `production`.
    EnvironmentKey, check_key
);

/// A share between 0 and 100 percent, in steps of 0.001 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u32);

impl Percent {
    /// How many steps make the whole.
    pub const STEPS: u32 = 100_000;

    /// The share as a number of [`Percent::STEPS`].
    #[must_use]
    pub fn steps(self) -> u32 {
        self.0
    }

    /// A share of so many [`Percent::STEPS`]; more than all of them is all.
    #[must_use]
    pub fn from_steps(steps: u32) -> Self {
        Self(steps.min(Self::STEPS))
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// The share in percent, 0.0 to 100.0.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl TryFrom<f64> for Percent {
    type Error = String;
    fn try_from(percent: f64) -> Result<Self, String> {
        let steps = (percent * 1000.0).round();
        if !(0.0..=100.0).contains(&percent) || (steps - percent * 1000.0).abs() > 1e-6 {
            return Err("a percentage is a number from 0 to 100 in steps of 0.001".to_owned());
        }
        // In range by the check above, so the conversion is exact.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(Self(steps as u32))
    }
}

impl Serialize for Percent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value())
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked_when_parsed() {
        for good in ["a", "wembley-stadium", "0.x_Y"] {
            assert!(good.parse::<VenueKey>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a b", "ä", &"k".repeat(129)] {
            assert!(bad.parse::<VenueKey>().is_err(), "{bad}");
        }
        assert!("résumé / neu".parse::<FlagKey>().is_ok());
        assert!("tab\t".parse::<FlagKey>().is_err());
        assert!("x".repeat(257).parse::<FlagKey>().is_err());
    }

    #[test]
    fn percentages_keep_three_decimals() {
        assert_eq!(Percent::try_from(12.345).unwrap().steps(), 12_345);
        assert_eq!(Percent::try_from(100.0).unwrap().steps(), Percent::STEPS);
        for bad in [-0.001, 100.001, 0.000_5, f64::NAN, f64::INFINITY] {
            assert!(Percent::try_from(bad).is_err(), "{bad}");
        }
    }
}
