//! What is kept of a session, and what becomes of it when its refresh token comes. Pure: no clock, no store.
//!
//! A refresh token is good once; the next one comes in exchange. Whoever brings one that was exchanged before has a copy,
//! or somebody else has: nobody can tell who is who, so the session ends for both. Two tabs of one browser bring the
//! same one at once, though, and an answer can be lost on its way: for some seconds the token before is given the very
//! answer that it was given first.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use usher_core::model::{Key, Timestamp};

use crate::auth::secret;

/// How long a session lasts without use, in milliseconds; each use renews it.
const IDLE_MILLIS: i64 = 8 * 60 * 60 * 1000;
/// How long it lasts at most.
const LONGEST_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;
/// How long the token before is taken, in milliseconds.
const GRACE_MILLIS: i64 = 20_000;
/// Longest user agent that is kept, in characters.
const MAX_AGENT_CHARACTERS: usize = 256;
const SECRET_BYTES: usize = 32;
const FAMILY_BYTES: usize = 16;

/// A secret, before it is a text.
pub type Bytes = [u8; SECRET_BYTES];

/// Who opened a session, from where and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// The person.
    pub user: Key,
    /// Of their password at the time: a new one ends all sessions of the old.
    pub stamp: String,
    /// By which means.
    pub with: Means,
    /// The address that it was opened from, as this server saw it.
    pub address: String,
    /// What the browser says it is.
    pub agent: String,
}

/// How somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Means {
    /// With a password.
    Password,
    /// With a password and a code by time.
    PasswordAndCode,
    /// With a password and a recovery code.
    PasswordAndRecoveryCode,
    /// With an invitation.
    Invitation,
    /// Through an OpenID provider.
    Oidc,
}

impl Means {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordAndCode => "passwordAndCode",
            Self::PasswordAndRecoveryCode => "passwordAndRecoveryCode",
            Self::Invitation => "invitation",
            Self::Oidc => "oidc",
        }
    }
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Identity.
    pub id: String,
    /// Who opened it, from where and how.
    pub opened: Opened,
    /// When it was opened.
    pub made_at: Timestamp,
    /// When its refresh token was last exchanged.
    pub last_used_at: Timestamp,
    /// Hash of what all refresh tokens of this session have in common: without it, anybody who knows the session's
    /// identity could end it with a token that never was one.
    family: String,
    /// Hash of the refresh token that is good. A brief session has none, and ends with its first access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Before>,
    /// When a brief session ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

/// The refresh token that was exchanged last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    hash: String,
    at: Timestamp,
    /// The token that it was exchanged for, readable with it alone.
    next: String,
}

/// A refresh token.
pub struct Refresh {
    /// Which session it is of.
    pub session: String,
    family: String,
    secret: String,
}

impl Refresh {
    /// Reads what a browser sent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut next = || parts.next().filter(|part| !part.is_empty() && part.len() <= 64).map(str::to_owned);
        let token = Self { session: next()?, family: next()?, secret: next()? };
        parts.next().is_none().then_some(token)
    }

    /// As a browser is sent it.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { session, family, secret } = self;
        format!("{session}.{family}.{secret}")
    }
}

/// What becomes of a refresh token that comes.
pub enum Turn {
    /// It is exchanged for this one.
    Next(Refresh),
    /// It was exchanged a while ago: the session is not to go on.
    Replayed,
    /// It is not of this session.
    Foreign,
}

impl Session {
    /// A session that begins, with its first refresh token.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn begin(opened: Opened, now: Timestamp) -> Result<(Self, Refresh), getrandom::Error> {
        let mut family = [0; FAMILY_BYTES];
        getrandom::fill(&mut family)?;
        let token = Refresh {
            session: secret::identity()?,
            family: URL_SAFE_NO_PAD.encode(family),
            secret: URL_SAFE_NO_PAD.encode(random()?),
        };
        let session = Self {
            id: token.session.clone(),
            opened,
            made_at: now,
            last_used_at: now,
            family: secret::hash(&token.family),
            current: Some(secret::hash(&token.secret)),
            before: None,
            until: None,
        };
        Ok((session, token))
    }

    /// The same, but it ends then and can't be renewed.
    #[must_use]
    pub fn brief(mut self, until: Timestamp) -> Self {
        self.current = None;
        self.until = Some(until);
        self
    }

    /// When it ends, unless it is used before.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        let idle = self.last_used_at.millis().saturating_add(IDLE_MILLIS);
        let longest = self.made_at.millis().saturating_add(LONGEST_MILLIS);
        let until = self.until.map_or(i64::MAX, Timestamp::millis);
        Timestamp::from_millis(idle.min(longest).min(until))
    }

    /// Whether it has ended by itself.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ends_at() <= now
    }

    /// Exchanges a refresh token; `fresh` becomes the next one, where one is due.
    pub fn turn(&mut self, token: &Refresh, fresh: &Bytes, now: Timestamp) -> Turn {
        if secret::hash(&token.family) != self.family {
            return Turn::Foreign;
        }
        let next = |secret: String| {
            Turn::Next(Refresh { session: self.id.clone(), family: token.family.clone(), secret })
        };
        let came = secret::hash(&token.secret);
        if self.current.as_ref() == Some(&came) {
            let turn = next(URL_SAFE_NO_PAD.encode(fresh));
            self.current = Some(secret::hash(&URL_SAFE_NO_PAD.encode(fresh)));
            self.before = Some(Before { hash: came, at: now, next: sealed(&token.secret, fresh) });
            self.last_used_at = now;
            return turn;
        }
        match &self.before {
            Some(before) if before.hash == came && now.since(before.at) < GRACE_MILLIS => {
                opened(&token.secret, &before.next).map_or(Turn::Replayed, next)
            }
            _ => Turn::Replayed,
        }
    }
}

/// Random bytes for a token.
///
/// # Errors
/// The system has no randomness to give.
pub fn random() -> Result<Bytes, getrandom::Error> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A user agent as it may be kept and shown.
#[must_use]
pub fn agent(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_AGENT_CHARACTERS).collect()
}

/// `next`, which only whoever has `secret` can read: both are random, of one length, and `secret` seals nothing else.
fn sealed(secret: &str, next: &Bytes) -> String {
    URL_SAFE_NO_PAD.encode(masked(secret, next))
}

fn opened(secret: &str, sealed: &str) -> Option<String> {
    let bytes: Bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?.try_into().ok()?;
    Some(URL_SAFE_NO_PAD.encode(masked(secret, &bytes)))
}

fn masked(secret: &str, bytes: &Bytes) -> Bytes {
    let mask = Sha256::new().chain_update("usher refresh token").chain_update(secret).finalize();
    let mut masked = *bytes;
    masked.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn begun() -> (Session, Refresh) {
        let opened = Opened {
            user: "ana".parse().unwrap(),
            stamp: "s".to_owned(),
            with: Means::Password,
            address: "192.0.2.1".to_owned(),
            agent: "test".to_owned(),
        };
        Session::begin(opened, at(0)).unwrap()
    }

    fn next(turn: Turn) -> Refresh {
        match turn {
            Turn::Next(token) => token,
            Turn::Replayed => panic!("replayed"),
            Turn::Foreign => panic!("foreign"),
        }
    }

    #[test]
    fn a_token_is_exchanged_once_and_its_copy_ends_the_session() {
        let (mut session, first) = begun();
        let second = next(session.turn(&first, &[2; 32], at(1_000)));
        assert_ne!(first.text(), second.text());
        let third = next(session.turn(&second, &[3; 32], at(2_000)));
        // Two turns ago is too long ago, however short that was.
        assert!(matches!(session.turn(&first, &[4; 32], at(2_001)), Turn::Replayed));
        assert!(matches!(session.turn(&second, &[4; 32], at(2_000 + GRACE_MILLIS)), Turn::Replayed));
        next(session.turn(&third, &[5; 32], at(2_000 + GRACE_MILLIS)));
    }

    #[test]
    fn two_tabs_that_come_at_once_are_given_the_same() {
        let (mut session, first) = begun();
        let one = next(session.turn(&first, &[2; 32], at(1_000)));
        let before = session.clone();
        let two = next(session.turn(&first, &[9; 32], at(1_000 + GRACE_MILLIS - 1)));
        assert_eq!(one.text(), two.text());
        assert_eq!(session, before, "nothing is exchanged twice");
        next(session.turn(&two, &[3; 32], at(50_000)));
    }

    #[test]
    fn what_never_was_a_token_of_the_session_ends_nothing() {
        let (mut session, first) = begun();
        let before = session.clone();
        let stranger = Refresh { family: "AAAA".to_owned(), ..Refresh::parse(&first.text()).unwrap() };
        assert!(matches!(session.turn(&stranger, &[2; 32], at(1_000)), Turn::Foreign));
        assert_eq!(session, before);
        for bad in ["", "a", "a.b", "a..c", "a.b.c.d", &"x".repeat(5_000)] {
            assert!(Refresh::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_is_kept_holds_no_token() {
        let (mut session, first) = begun();
        let second = next(session.turn(&first, &[2; 32], at(1_000)));
        let kept = serde_json::to_string(&session).unwrap();
        for token in [&first, &second] {
            assert!(!kept.contains(&token.secret) && !kept.contains(&token.family), "{kept}");
        }
    }

    #[test]
    fn a_session_ends_without_use_and_after_a_week_in_any_case() {
        let (mut session, mut token) = begun();
        assert!(!session.is_over(at(IDLE_MILLIS - 1)) && session.is_over(at(IDLE_MILLIS)));
        let mut now = 0;
        while now + IDLE_MILLIS / 2 < LONGEST_MILLIS {
            now += IDLE_MILLIS / 2;
            assert!(!session.is_over(at(now)));
            token = next(session.turn(&token, &random().unwrap(), at(now)));
        }
        assert_eq!(session.ends_at(), at(LONGEST_MILLIS));
        let (session, token) = begun();
        let mut brief = session.brief(at(600_000));
        assert_eq!(brief.ends_at(), at(600_000));
        assert!(matches!(brief.turn(&token, &[2; 32], at(1)), Turn::Replayed));
    }
}
