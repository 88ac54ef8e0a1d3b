//! Signed contexts: what a backend says of whoever holds a phone, so that the phone can't say otherwise.
//!
//! A signed context is a JWT (RFC 7519), signed with Ed25519 (`alg: EdDSA`, RFC 8037). Its header names the key (`kid`)
//! and its own type (`typ`, so that no other token passes for one); its claims are [`Claims`]. It travels as the
//! attribute [`ATTRIBUTE`] of the context, which every surface has, so that any OpenFeature provider can send it.
//!
//! Here are its form, its limits and what it means; signing and checking signatures are done where the keys are.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Context,
    context::Signed,
    model::{EnvironmentKey, Key, Timestamp},
    problem::Problems,
};

/// The attribute of a context that carries it; never an attribute that rules see.
pub const ATTRIBUTE: &str = "signedContext";
/// What the header says that it is.
pub const TYPE: &str = "usher-context+jwt";
/// What the secrets of its keys begin with.
pub const SECRET_PREFIX: &str = "usx_";
/// Longest one, in bytes: it is sent with every request, and a phone may send it on in a header.
pub const MAX_BYTES: usize = 8 * 1024;
/// The longest time for which one may be good, in seconds: a phone that was lost goes on no longer.
pub const MAX_LIFETIME_SECONDS: i64 = 24 * 60 * 60;
/// By how much clocks of backends and servers may differ, in seconds.
pub const LEEWAY_SECONDS: i64 = 60;
/// Cohorts that one may list.
pub const MAX_COHORTS: usize = 64;

/// Characters of 32 bytes in base64url without padding.
const KEY_CHARACTERS: usize = 43;
/// Between the parts of a secret: in no key, no environment and no base64.
const BETWEEN: char = '~';
/// What only has one place in a token.
const RESERVED: [&str; 4] = ["targetingKey", "venue", "cohorts", ATTRIBUTE];

/// An Ed25519 private key as cryptographic libraries read it (PKCS #8, RFC 8410, section 7).
#[must_use]
pub fn pkcs8(private: &[u8; 32]) -> [u8; 48] {
    // A sequence of version 0, the algorithm 1.3.101.112, and the key as a string within a string.
    const HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let mut bytes = [0; 48];
    bytes[..16].copy_from_slice(&HEAD);
    bytes[16..].copy_from_slice(private);
    bytes
}

/// What a signed context says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// Who signed it: the key's identity, the same as the header's `kid`.
    pub iss: String,
    /// For which environment.
    pub aud: String,
    /// When it was signed, in seconds since 1970.
    pub iat: i64,
    /// From when on it is refused, likewise.
    pub exp: i64,
    /// From when on it is good, likewise; from when it was signed, without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targeting_key: Option<String>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<String>,
    /// The cohorts that they are in because the backend says so, whatever else they fulfil.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cohorts: Vec<String>,
    /// What else is known of them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

/// Why a signed context is not taken, whoever signed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Too late.
    #[error("it expired {seconds} s ago")]
    Expired {
        /// How long ago.
        seconds: i64,
    },
    /// Too early.
    #[error("it is not valid before {seconds} s from now: compare the clocks of the backend and the server")]
    Early {
        /// How long it takes until then.
        seconds: i64,
    },
    /// Good for too long.
    #[error(
        "it is good for {seconds} s, from `iat` to `exp`: sign for at least 1 s, and {MAX_LIFETIME_SECONDS} s at most"
    )]
    Lifetime {
        /// How long it is good.
        seconds: i64,
    },
    /// What it says can't be said.
    #[error("{0}")]
    Content(String),
}

impl Claims {
    /// Whether it is good at `now`.
    ///
    /// # Errors
    /// It expired, is not yet good, or is good for too long.
    pub fn check(&self, now: Timestamp) -> Result<(), Unfit> {
        let now = now.millis().div_euclid(1_000);
        let seconds = self.exp.saturating_sub(self.iat);
        if !(1..=MAX_LIFETIME_SECONDS).contains(&seconds) {
            return Err(Unfit::Lifetime { seconds });
        }
        let from = self.nbf.unwrap_or(self.iat).max(self.iat);
        if from > now.saturating_add(LEEWAY_SECONDS) {
            return Err(Unfit::Early { seconds: from.saturating_sub(now) });
        }
        if now >= self.exp.saturating_add(LEEWAY_SECONDS) {
            return Err(Unfit::Expired { seconds: now.saturating_sub(self.exp) });
        }
        Ok(())
    }

    /// From when on it is refused, with what clocks may differ by.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        Timestamp::from_millis(self.exp.saturating_add(LEEWAY_SECONDS).saturating_mul(1_000))
    }

    /// What is signed, to be put together with what a phone says: see [`Context::with_signed`].
    ///
    /// # Errors
    /// Attributes that are no context's, or that have a place of their own in the token; too many cohorts.
    pub fn signed(&self) -> Result<Signed, Unfit> {
        let content = |detail: String| Unfit::Content(detail);
        if self.cohorts.len() > MAX_COHORTS {
            return Err(content(format!(
                "it lists {} cohorts: list at most {MAX_COHORTS}",
                self.cohorts.len()
            )));
        }
        if let Some(name) = RESERVED.into_iter().find(|name| self.attributes.contains_key(*name)) {
            return Err(content(format!("`attributes` has a `{name}`: that is a claim of its own")));
        }
        let mut fields = self.attributes.clone();
        let own = [("targetingKey", &self.targeting_key), ("venue", &self.venue)];
        for (name, text) in own.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
            fields.insert(name.to_owned(), Value::from(text.as_str()));
        }
        let context = Context::from_json(&Value::Object(fields));
        let context = context.map_err(|problems: Problems| content(problems.to_string()))?;
        Ok(Signed::new(context, self.cohorts.iter().map(String::as_str)))
    }
}

/// The secret of a context key, as it was shown once: `usx_<key>~<private key>~<environment>`. It says all that a
/// backend has to know to sign.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret {
    /// The key's identity.
    pub key: Key,
    /// The environment.
    pub environment: EnvironmentKey,
    /// The private key: 32 bytes in base64url without padding.
    pub private: String,
}

impl SigningSecret {
    /// The secret as a text. It is not what `Display` gives, so that it is not shown by mistake.
    #[must_use]
    pub fn expose(&self) -> String {
        let Self { key, environment, private } = self;
        format!("{SECRET_PREFIX}{key}{BETWEEN}{private}{BETWEEN}{environment}")
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the private key.
        write!(f, "SigningSecret({}, {})", self.key, self.environment)
    }
}

/// Not the secret of a context key. What was given instead is not repeated: it may be another secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the secret of a context key: give the whole of what `usher key create --kind context` has shown (usx_…)"
)]
pub struct NoSigningSecret;

impl FromStr for SigningSecret {
    type Err = NoSigningSecret;

    fn from_str(text: &str) -> Result<Self, NoSigningSecret> {
        let parts = text.strip_prefix(SECRET_PREFIX).ok_or(NoSigningSecret)?;
        let mut parts = parts.split(BETWEEN);
        let (Some(key), Some(private), Some(environment), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoSigningSecret);
        };
        if !is_32_bytes(private) {
            return Err(NoSigningSecret);
        }
        Ok(Self {
            key: key.parse().map_err(|_| NoSigningSecret)?,
            environment: environment.parse().map_err(|_| NoSigningSecret)?,
            private: private.to_owned(),
        })
    }
}

/// Whether this is a public key, as far as can be told without arithmetic.
#[must_use]
pub fn is_public_key(text: &str) -> bool {
    is_32_bytes(text)
}

/// Whether this is 32 bytes in base64url without padding, written in the one way that there is.
fn is_32_bytes(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    // The last character holds four bits; the two below them are zero.
    text.len() == KEY_CHARACTERS
        && text.bytes().all(plain)
        && text.ends_with(|last| "AEIMQUYcgkosw048".contains(last))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(iat: i64, exp: i64) -> Claims {
        let (iss, aud) = ("k".to_owned(), "production".to_owned());
        Claims {
            iss,
            aud,
            iat,
            exp,
            nbf: None,
            targeting_key: None,
            venue: None,
            cohorts: Vec::new(),
            attributes: Map::new(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn it_is_good_in_its_time_and_a_little_around_it() {
        let good = claims(1_000, 2_000);
        for now in [940, 1_000, 1_999, 2_000, 2_059] {
            assert_eq!(good.check(at(now)), Ok(()), "{now}");
        }
        assert_eq!(good.check(at(939)), Err(Unfit::Early { seconds: 61 }));
        assert_eq!(good.check(at(2_060)), Err(Unfit::Expired { seconds: 60 }));
        assert_eq!(good.ends(), at(2_060));
        let later = Claims { nbf: Some(1_500), ..good };
        assert_eq!(later.check(at(1_439)), Err(Unfit::Early { seconds: 61 }));
        assert_eq!(later.check(at(1_440)), Ok(()));
        // It can't be made good before it was signed.
        assert!(Claims { nbf: Some(0), ..claims(1_000, 2_000) }.check(at(900)).is_err());
    }

    #[test]
    fn it_is_good_for_a_day_at_most() {
        assert_eq!(claims(0, MAX_LIFETIME_SECONDS).check(at(10)), Ok(()));
        for (iat, exp) in [
            (0, MAX_LIFETIME_SECONDS + 1),
            (10, 10),
            (10, 9),
            (0, i64::MAX),
            (i64::MIN, i64::MAX),
            (i64::MAX, i64::MIN),
        ] {
            assert!(matches!(claims(iat, exp).check(at(10)), Err(Unfit::Lifetime { .. })), "{iat} {exp}");
        }
    }

    #[test]
    fn what_has_a_claim_of_its_own_is_no_attribute() {
        for name in RESERVED {
            let attributes = Map::from_iter([(name.to_owned(), json!("x"))]);
            assert!(
                matches!(Claims { attributes, ..claims(0, 1) }.signed(), Err(Unfit::Content(_))),
                "{name}"
            );
        }
        let cohorts = vec!["c".to_owned(); MAX_COHORTS + 1];
        assert!(Claims { cohorts, ..claims(0, 1) }.signed().is_err());
    }

    #[test]
    fn a_secret_goes_through_text_and_is_not_shown_by_mistake() {
        let secret = SigningSecret {
            key: "0a.b_c-d".parse().unwrap(),
            environment: "pre-production.eu_1".parse().unwrap(),
            private: format!("{}A", "-_".repeat(21)),
        };
        assert_eq!(secret.expose().parse(), Ok(secret.clone()));
        assert!(!format!("{secret:?}").contains("-_-_"));
        let good = secret.expose();
        let bad = [
            good[1..].to_owned(),
            format!("{good}~"),
            good.replace('~', "."),
            "usk_x".to_owned(),
            good.replace("A~", "B~"),
            String::new(),
        ];
        for bad in bad {
            assert_eq!(bad.parse::<SigningSecret>(), Err(NoSigningSecret), "{bad}");
        }
    }
}
