//! Sessions of people.
//!
//! A browser has two cookies that scripts can't read: an access token of some minutes (`token`), which every request
//! carries, and a refresh token (`record`), which only the routes of the session are sent, and which is exchanged for
//! the next each time. What is known of a session is kept beside the journal (`shelf`), so each can be listed and ended,
//! and is looked up with every request: one that was ended is over at once, and on other nodes a second later. Where
//! that can't be asked for, because Redis is away, people stay signed in until their access tokens expire.

mod keys;
mod record;
mod token;

use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use usher_core::model::{OpenId, Timestamp, User};

pub use keys::{KEY_BYTES, Keys, Ring};
pub use record::{Means, Opened, Session, agent};
pub use token::{Access, ISSUER, sign, verified};

use self::record::{Refresh, Turn};
use super::{secret, shelf::Shelf};
use crate::{app::App, clock, problem::Problem};

/// The cookie of the access token.
pub const COOKIE: &str = "usher_session";
/// The cookie of the refresh token.
pub const REFRESH_COOKIE: &str = "usher_refresh";
/// The only routes that a browser sends the refresh token to.
const REFRESH_PATH: &str = "/api/v1/session";
/// The shelf that sessions are on.
pub const SHELF: &str = "sessions";

/// How long an access token lasts, in seconds, unless it is set otherwise.
pub const ACCESS_SECONDS: u32 = 600;
/// Sessions that one person has at a time; another one ends the one that was not used for longest.
const MAX_EACH: usize = 32;
/// Characters of the stamp by which a session knows whose it is, and the password that it was opened with.
const STAMP_CHARACTERS: usize = 16;
/// How often it is looked after keys and sessions that are over.
const TEND: std::time::Duration = std::time::Duration::from_secs(60);

/// Opens, renews, reads and ends sessions.
pub struct Sessions {
    /// What signs access tokens.
    pub keys: Keys,
    shelf: Shelf,
    access: Duration,
    secure: bool,
}

/// A session that was opened or renewed: what a browser is to be sent, and whose it is.
pub struct Granted {
    /// Access first: a program that signs in takes that alone.
    pub cookies: Vec<Cookie<'static>>,
    /// When the access token expires.
    pub expires_at: Timestamp,
    /// Whose session it is.
    pub user: Arc<User>,
}

impl Sessions {
    /// Sessions on this shelf, whose tokens last so many seconds.
    #[must_use]
    pub fn new(keys: Keys, shelf: Shelf, access_seconds: u32, secure: bool) -> Self {
        Self { keys, shelf, access: Duration::seconds(access_seconds.into()), secure }
    }

    /// Opens a session. A brief one ends with its access token, and can't be renewed.
    ///
    /// # Errors
    /// It can't be kept.
    pub async fn open(
        &self,
        user: Arc<User>,
        (with, address, agent): (Means, String, String),
        brief: bool,
        now: Timestamp,
    ) -> Result<Granted, Problem> {
        let opened = Opened { user: user.key.clone(), stamp: stamp(&user), with, address, agent };
        let (mut session, refresh) = Session::begin(opened, now).map_err(Problem::internal)?;
        if brief {
            session =
                session.brief(Timestamp::from_millis(now.millis() + self.access.whole_seconds() * 1000));
        }
        self.make_room(&user, now).await?;
        self.shelf.change(&session.id, |kept| *kept = Some(session.clone())).await?;
        let Opened { with, address, .. } = &session.opened;
        tracing::info!(
            target: "usher::audit", account = %user.key, email = user.email, session = session.id,
            with = with.as_str(), address, "signed in"
        );
        self.granted(&session, (!brief).then_some(&refresh), user, now)
    }

    /// Exchanges a refresh token for new ones. One that was exchanged before ends its session.
    ///
    /// # Errors
    /// It opens nothing (401), or that can't be known (503).
    pub async fn refresh(
        &self,
        token: &str,
        address: &str,
        users: impl Fn(&str) -> Option<Arc<User>>,
        now: Timestamp,
    ) -> Result<Granted, Problem> {
        let token = Refresh::parse(token).ok_or_else(ended)?;
        let fresh = record::random().map_err(Problem::internal)?;
        let turn = |kept: &mut Option<Session>| {
            let session = kept.as_mut().filter(|session| !session.is_over(now))?;
            let turn = session.turn(&token, &fresh, now);
            let session = session.clone();
            if matches!(turn, Turn::Replayed) {
                *kept = None;
            }
            Some((turn, session))
        };
        match self.shelf.change(&token.session, turn).await? {
            Some((Turn::Next(next), session)) => {
                let user = owner(&session, users).ok_or_else(ended)?;
                self.granted(&session, Some(&next), user, now)
            }
            Some((Turn::Replayed, session)) => {
                tracing::warn!(
                    target: "usher::audit", account = %session.opened.user, session = session.id, address,
                    "a refresh token came a second time: its session is ended"
                );
                Err(ended())
            }
            Some((Turn::Foreign, _)) | None => Err(ended()),
        }
    }

    /// The one of these users whose access token it is, as they are now.
    ///
    /// # Errors
    /// Forged, foreign or expired, of a session that has ended, of somebody who is gone, or from before their password
    /// was changed (401); or that can't be known (503).
    pub async fn read(
        &self,
        token: &str,
        users: impl Fn(&str) -> Option<Arc<User>>,
        now: Timestamp,
    ) -> Result<(Arc<User>, Access), Problem> {
        let access = token::read(&self.keys, token, now).await.ok_or_else(ended)?;
        Ok((self.still(&access, users, now).await?, access))
    }

    /// The same for an access token that was good once: whether its session goes on.
    ///
    /// # Errors
    /// As for [`Sessions::read`].
    pub async fn still(
        &self,
        access: &Access,
        users: impl Fn(&str) -> Option<Arc<User>>,
        now: Timestamp,
    ) -> Result<Arc<User>, Problem> {
        let session: Option<Session> = self.shelf.get(&access.session).await?;
        let session = session.filter(|own| *own.opened.user == *access.user && !own.is_over(now));
        session.and_then(|session| owner(&session, users)).ok_or_else(ended)
    }

    /// The sessions of a person that go on, the one used last first.
    ///
    /// # Errors
    /// They can't be read now.
    pub async fn of(&self, user: &User, now: Timestamp) -> Result<Vec<Session>, Problem> {
        let mut all: Vec<Session> = self.shelf.all().await?;
        let own = |session: &Session| session.opened.user == user.key && session.opened.stamp == stamp(user);
        all.retain(|session| own(session) && !session.is_over(now));
        all.sort_by_key(|session| std::cmp::Reverse((session.last_used_at, session.made_at)));
        Ok(all)
    }

    /// One session, whosever it is.
    ///
    /// # Errors
    /// It can't be read now.
    pub async fn find(&self, id: &str) -> Result<Option<Session>, Problem> {
        self.shelf.get(id).await
    }

    /// Ends a session; `by` is who does that.
    ///
    /// # Errors
    /// That can't be kept now.
    pub async fn end(&self, id: &str, by: &str) -> Result<(), Problem> {
        if let Some(session) = self.shelf.change(id, Option::<Session>::take).await? {
            tracing::info!(
                target: "usher::audit", account = %session.opened.user, session = session.id, by, "a session was ended"
            );
        }
        Ok(())
    }

    /// Ends all sessions of a person; `by` is who does that.
    ///
    /// # Errors
    /// That can't be kept now.
    pub async fn end_all(&self, user: &User, by: &str, now: Timestamp) -> Result<(), Problem> {
        for session in self.of(user, now).await? {
            self.end(&session.id, by).await?;
        }
        Ok(())
    }

    /// Cookies that take those of a session away.
    #[must_use]
    pub fn no_cookies(&self) -> [Cookie<'static>; 2] {
        [
            self.cookie(COOKIE, "/", String::new(), Duration::ZERO),
            self.cookie(REFRESH_COOKIE, REFRESH_PATH, String::new(), Duration::ZERO),
        ]
    }

    fn granted(
        &self,
        session: &Session,
        refresh: Option<&Refresh>,
        user: Arc<User>,
        now: Timestamp,
    ) -> Result<Granted, Problem> {
        let (token, access) = token::issue(&self.keys, session, self.access, now)?;
        let lasts = |until: Timestamp| Duration::seconds((until.since(now).max(0) + 999) / 1000);
        let mut cookies = vec![self.cookie(COOKIE, "/", token, lasts(access.expires_at))];
        if let Some(refresh) = refresh {
            let lasts = lasts(session.ends_at());
            cookies.push(self.cookie(REFRESH_COOKIE, REFRESH_PATH, refresh.text(), lasts));
        }
        Ok(Granted { cookies, expires_at: access.expires_at, user })
    }

    fn cookie(
        &self,
        name: &'static str,
        path: &'static str,
        value: String,
        lasts: Duration,
    ) -> Cookie<'static> {
        Cookie::build(name, value)
            .path(path)
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Strict)
            .max_age(lasts)
            .finish()
    }

    async fn make_room(&self, user: &User, now: Timestamp) -> Result<(), Problem> {
        for session in self.of(user, now).await?.iter().skip(MAX_EACH - 1) {
            self.end(&session.id, "too many sessions").await?;
        }
        Ok(())
    }

    /// Forgets sessions that are over.
    async fn forget(&self, now: Timestamp) -> Result<(), Problem> {
        let all: Vec<Session> = self.shelf.all().await?;
        for session in all.iter().filter(|session| session.is_over(now)) {
            let forget = |kept: &mut Option<Session>| drop(kept.take_if(|kept| kept.is_over(now)));
            self.shelf.change(&session.id, forget).await?;
        }
        Ok(())
    }
}

/// Looks after keys and sessions, until the server stops.
pub(crate) async fn tend(app: Arc<App>) {
    loop {
        tokio::time::sleep(TEND).await;
        let now = clock::now();
        for tended in [app.sessions.keys.tend(now).await, app.sessions.forget(now).await] {
            if let Err(problem) = tended {
                tracing::debug!(%problem, "sessions have to wait");
            }
        }
    }
}

fn ended() -> Problem {
    Problem::unauthorized("This session has ended; sign in again.")
}

fn owner(session: &Session, users: impl Fn(&str) -> Option<Arc<User>>) -> Option<Arc<User>> {
    users(&session.opened.user).filter(|user| stamp(user) == session.opened.stamp)
}

/// Of the hash of a password, which is salted: the same password set again makes another one; of who they are at the
/// provider, where they sign in there: an account can be tied to somebody else; and of when the account was made, for
/// one of the same address may come after it.
fn stamp(user: &User) -> String {
    let tied = |OpenId { issuer, subject }: &OpenId| format!(" {issuer} {subject}");
    let tied = user.open_id.as_ref().map(tied).unwrap_or_default();
    secret::hash(&format!("{} {}{tied}", user.created_at, user.password_hash))[..STAMP_CHARACTERS].to_owned()
}
