//! The second factor of a person: a code by time (TOTP, RFC 6238), or one of some recovery codes.
//!
//! That somebody has one, and since when, is in the journal, with the account; the secret is beside it (`shelf`), for it
//! has to be readable, and what the journal holds is there for ever, and in every copy of it. Where the secret is gone, after a
//! backup was restored say, nobody passes until an administrator has reset the factor: losing it opens nothing.

use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret, Totp};
use usher_core::model::{Role, SecondFactor, Timestamp, User};

use super::{secret, shelf::Shelf};
use crate::problem::Problem;

/// The shelf that secrets are on.
pub const SHELF: &str = "factors";
/// Whose codes they are, as an app shows it.
const ISSUER: &str = "Usher";
/// Bytes of a secret: as many as SHA-1 has, as RFC 4226 asks for.
const SECRET_BYTES: usize = 20;
/// How long a set-up may take that was begun.
const SETUP_MILLIS: i64 = 15 * 60 * 1000;
/// Codes for when the device is gone.
const RECOVERY_CODES: usize = 10;
/// Bytes of each, and characters between hyphens.
const RECOVERY_BYTES: usize = 10;
const GROUP: usize = 4;

/// What is kept of a factor.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    /// In base32, as apps take it.
    secret: String,
    /// When a set-up was begun that is not confirmed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    begun_at: Option<Timestamp>,
    /// The step of time of the last code that was taken: none is taken twice, nor an earlier one.
    #[serde(default)]
    last_step: u64,
    /// Hashes of recovery codes that are left.
    #[serde(default)]
    recovery: Vec<String>,
    /// Random, of the try that took the last code. Two servers that are given one code at a time would make the same of
    /// it, and each take what it finds for its own.
    #[serde(default)]
    taken_by: String,
}

/// What an app needs to make codes. Shown once.
pub struct Setup {
    /// In base32.
    pub secret: String,
    /// The same for an app to read.
    pub uri: String,
}

/// What a code was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// One by time.
    Code,
    /// A recovery code, which is used up.
    RecoveryCode,
}

/// Secrets of second factors.
pub struct Factors(Shelf);

impl Factors {
    /// Those on this shelf.
    #[must_use]
    pub fn new(shelf: Shelf) -> Self {
        Self(shelf)
    }

    /// Begins to set up a factor; one that was begun before is forgotten.
    ///
    /// # Errors
    /// It can't be kept.
    pub async fn begin(&self, user: &User, now: Timestamp) -> Result<Setup, Problem> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(Problem::internal)?;
        let secret = Secret::from(bytes).to_base32();
        let uri = totp(&secret, &user.email)?.to_url().map_err(Problem::internal)?;
        let kept = || Kept {
            secret: secret.clone(),
            begun_at: Some(now),
            last_step: 0,
            recovery: Vec::new(),
            taken_by: String::new(),
        };
        self.0.change(&begun(user), |found| *found = Some(kept())).await?;
        Ok(Setup { secret, uri })
    }

    /// Ends a set-up with a code of it: the factor, and its recovery codes. None where the code is wrong, or nothing was
    /// begun.
    ///
    /// # Errors
    /// It can't be kept.
    pub async fn confirm(
        &self,
        user: &User,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<(SecondFactor, Vec<String>)>, Problem> {
        let found: Option<Kept> = self
            .0
            .change(&begun(user), |found: &mut Option<Kept>| {
                found.take_if(|own| own.step(code, now).is_some())
            })
            .await?;
        let fresh = |own: &Kept| own.begun_at.is_some_and(|at| now.since(at) < SETUP_MILLIS);
        let Some(mut kept) = found.filter(fresh) else { return Ok(None) };
        let codes = (0..RECOVERY_CODES).map(|_| recovery_code()).collect::<Result<Vec<_>, _>>();
        let codes = codes.map_err(Problem::internal)?;
        kept.last_step = kept.step(code, now).unwrap_or_default();
        kept.begun_at = None;
        kept.recovery = codes.iter().map(|code| secret::hash(&plain(code))).collect();
        let factor = SecondFactor { id: secret::identity().map_err(Problem::internal)?, since: now };
        let mut kept = Some(kept);
        self.0.change(&factor.id, |found| *found = kept.take().or_else(|| found.take())).await?;
        Ok(Some((factor, codes)))
    }

    /// Takes a code, once. None where it is wrong, was used before, or the secret is gone.
    ///
    /// # Errors
    /// That can't be kept now.
    pub async fn pass(
        &self,
        factor: &SecondFactor,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<Passed>, Problem> {
        let by = secret::identity().map_err(Problem::internal)?;
        self.0.change(&factor.id, |found: &mut Option<Kept>| found.as_mut()?.take(code, now, &by)).await
    }

    /// Forgets the secret of a factor.
    ///
    /// # Errors
    /// That can't be kept now.
    pub async fn forget(&self, factor: &SecondFactor) -> Result<(), Problem> {
        self.0.change(&factor.id, |found: &mut Option<Kept>| *found = None).await
    }
}

impl Kept {
    /// The step of time that a code is of, if it is a code of about now.
    fn step(&self, code: &str, now: Timestamp) -> Option<u64> {
        let seconds = u64::try_from(now.millis() / 1000).ok()?;
        totp(&self.secret, "").ok()?.check(code.trim(), seconds)
    }

    fn take(&mut self, code: &str, now: Timestamp, by: &str) -> Option<Passed> {
        let passed = if let Some(step) = self.step(code, now) {
            if step <= self.last_step {
                return None;
            }
            self.last_step = step;
            Passed::Code
        } else {
            let hash = secret::hash(&plain(code));
            let place = self.recovery.iter().position(|own| *own == hash)?;
            self.recovery.remove(place);
            Passed::RecoveryCode
        };
        by.clone_into(&mut self.taken_by);
        Some(passed)
    }
}

/// Whether somebody has to set up a factor before they may do anything else.
#[must_use]
pub fn is_owed(user: &User) -> bool {
    user.second_factor.is_none() && user.open_id.is_none() && user.rights().highest() == Role::Admin
}

fn begun(user: &User) -> String {
    format!("begun {}", user.key)
}

/// Six digits every half minute, by SHA-1: what every app can do. One step earlier or later is taken, for clocks differ.
fn totp(secret: &str, account: &str) -> Result<Totp, Problem> {
    let secret = Secret::try_from_base32(secret).map_err(Problem::internal)?;
    // An account's name may hold no colon, which stands between it and the issuer.
    let builder =
        Builder::new().with_secret(secret).with_skew(1).with_account_name(account.replace(':', "."));
    builder.with_issuer(Some(ISSUER)).build().map_err(Problem::internal)
}

/// `abcd-efgh-2345-6723`: 80 random bits.
fn recovery_code() -> Result<String, getrandom::Error> {
    let mut bytes = [0; RECOVERY_BYTES];
    getrandom::fill(&mut bytes)?;
    let text = Secret::from(bytes).to_base32().to_lowercase();
    let groups: Vec<&str> =
        text.as_bytes().chunks(GROUP).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    Ok(groups.join("-"))
}

/// A recovery code however it was typed.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// The secret of RFC 6238, appendix B, and the last six digits of its codes.
    fn of_the_rfc() -> Kept {
        let secret = Secret::from(b"12345678901234567890".as_slice()).to_base32();
        Kept {
            secret,
            begun_at: None,
            last_step: 0,
            recovery: vec![secret::hash("abcdefgh23456723")],
            taken_by: String::new(),
        }
    }

    #[test]
    fn codes_are_those_of_the_standard_and_of_about_now() {
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")] {
            for off in [-30, 0, 30] {
                assert_eq!(
                    of_the_rfc().take(code, at(seconds + off), "me"),
                    Some(Passed::Code),
                    "{code} {off}"
                );
            }
            for off in [-60, 60] {
                assert_eq!(of_the_rfc().take(code, at(seconds + off), "me"), None, "{code} {off}");
            }
        }
        for wrong in ["", "28708", "2870820", "287083", "+87082", "２８７０８２", "-00001"] {
            assert_eq!(of_the_rfc().take(wrong, at(59), "me"), None, "{wrong}");
        }
    }

    #[test]
    fn a_code_is_taken_once_and_none_from_before_it() {
        let mut kept = of_the_rfc();
        let (earlier, later) = {
            let totp = totp(&kept.secret, "").unwrap();
            (totp.generate(30).to_string(), totp.generate(60).to_string())
        };
        assert_eq!(kept.take(&later, at(59), "me"), Some(Passed::Code), "a clock that is fast");
        assert_eq!(kept.take(&later, at(61), "me"), None);
        assert_eq!(kept.take(&earlier, at(59), "me"), None);
    }

    #[test]
    fn two_servers_that_take_one_code_at_a_time_make_two_things_of_it() {
        for code in ["287082", "abcd-efgh-2345-6723"] {
            let made = ["one", "two"].map(|by| {
                let mut kept = of_the_rfc();
                assert!(kept.take(code, at(59), by).is_some());
                serde_json::to_string(&kept).unwrap()
            });
            assert_ne!(made[0], made[1]);
        }
    }

    #[test]
    fn a_recovery_code_is_taken_once_however_it_is_typed() {
        let mut kept = of_the_rfc();
        assert_eq!(kept.take("abcd-efgh-2345-6724", at(59), "me"), None);
        assert_eq!(kept.take(" ABCD efgh 2345-6723 ", at(59), "me"), Some(Passed::RecoveryCode));
        assert_eq!(kept.take("abcd-efgh-2345-6723", at(59), "me"), None);
        let code = recovery_code().unwrap();
        assert_eq!((code.len(), plain(&code).len()), (19, 16), "{code}");
    }
}
