//! Sessions of people: a short-lived JWT in a cookie that scripts can't read.
//!
//! The algorithm is pinned, audience, issuer and expiry are required, and the key is this server's own, chosen
//! by nothing in the token.

use std::{fs, io, path::Path, sync::Arc};

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
    http::{Method, header},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use usher_core::model::{Timestamp, User};

use super::secret;
use crate::problem::Problem;

/// The cookie's name.
pub const COOKIE: &str = "usher_session";

/// How long a session lasts without use, in seconds; each use renews it.
const LIFETIME_SECONDS: i64 = 8 * 60 * 60;

const ISSUER: &str = "usher";
const AUDIENCE: &str = "usher-ui";
const KEY_BYTES: usize = 32;
/// Characters of the stamp by which a session knows the password that it was opened with.
const STAMP_CHARACTERS: usize = 16;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    /// Of the password at the time: a new one ends all sessions of the old.
    stamp: String,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// Makes and reads session tokens.
pub struct Sessions {
    key: Vec<u8>,
    encoding: EncodingKey,
    decoding: DecodingKey,
    secure: bool,
}

impl Sessions {
    /// Opens the signing key in `folder`, or makes one that only its owner can read.
    ///
    /// # Errors
    /// The file can't be read or written, or does not hold a key.
    pub fn open(folder: &Path, secure: bool) -> io::Result<Self> {
        let path = folder.join("session.key");
        let key = match fs::read(&path) {
            Ok(key) if key.len() == KEY_BYTES => key,
            Ok(_) => {
                let message =
                    format!("{} does not hold a key: remove it, and people sign in again", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(&path)?,
            Err(error) => return Err(error),
        };
        Ok(Self::with_key(key, secure))
    }

    /// Signs with a key that is kept elsewhere: all servers that have it take each other's sessions.
    #[must_use]
    pub fn with_key(key: Vec<u8>, secure: bool) -> Self {
        let (encoding, decoding) = (EncodingKey::from_secret(&key), DecodingKey::from_secret(&key));
        Self { key, encoding, decoding, secure }
    }

    /// A key of its own for another purpose: what is signed for one is nothing to the other.
    #[must_use]
    pub fn key_for(&self, purpose: &str) -> [u8; KEY_BYTES] {
        Sha256::new().chain_update(purpose).chain_update(&self.key).finalize().into()
    }

    /// A new session, and when it ends.
    ///
    /// # Errors
    /// The token can't be signed.
    pub fn issue(&self, user: &User, now: Timestamp) -> Result<(Cookie<'static>, Timestamp), Problem> {
        let iat = now.millis() / 1000;
        let exp = iat + LIFETIME_SECONDS;
        let (sub, stamp) = (user.key.to_string(), stamp(user));
        let claims = Claims { sub, stamp, iss: ISSUER.to_owned(), aud: AUDIENCE.to_owned(), iat, exp };
        let token =
            encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).map_err(Problem::internal)?;
        Ok((self.cookie(token, Duration::seconds(LIFETIME_SECONDS)), Timestamp::from_millis(exp * 1000)))
    }

    /// A cookie that takes the session away.
    #[must_use]
    pub fn end(&self) -> Cookie<'static> {
        self.cookie(String::new(), Duration::ZERO)
    }

    /// The one of these users whose session it is, as they are now.
    ///
    /// # Errors
    /// Forged, foreign or expired, of somebody who is gone, or from before their password was changed.
    pub fn read<'u>(
        &self,
        token: &str,
        now: Timestamp,
        mut users: impl Iterator<Item = &'u Arc<User>>,
    ) -> Result<Arc<User>, Problem> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 0;
        let expired = || Problem::unauthorized("This session has ended; sign in again.");
        let claims = decode::<Claims>(token, &self.decoding, &validation).map_err(|_| expired())?.claims;
        if claims.exp * 1000 <= now.millis() {
            return Err(expired());
        }
        let user = users.find(|own| *own.key == *claims.sub);
        user.filter(|own| stamp(own) == claims.stamp).cloned().ok_or_else(expired)
    }

    fn cookie(&self, value: String, max_age: Duration) -> Cookie<'static> {
        Cookie::build(COOKIE, value)
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Strict)
            .max_age(max_age)
            .finish()
    }
}

/// Of the hash of a password, which is salted: the same password set again makes another one.
fn stamp(user: &User) -> String {
    secret::hash(&user.password_hash)[..STAMP_CHARACTERS].to_owned()
}

fn make_key(path: &Path) -> io::Result<Vec<u8>> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut key = vec![0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&key)?;
    file.sync_all()?;
    Ok(key)
}

/// Refuses a request that a browser sends on behalf of another site. `SameSite=Strict` keeps the cookie at home
/// already; this holds where a browser does not.
///
/// # Errors
/// 403 for another site's request.
pub fn check_same_origin(request: &HttpRequest) -> Result<(), Problem> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let refused = || Problem::forbidden("This request comes from another site.");
    if let Some(origin) = header("Origin") {
        let host = header(header::HOST.as_str()).unwrap_or_default();
        let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        return if own == Some(host) { Ok(()) } else { Err(refused()) };
    }
    match header("Sec-Fetch-Site") {
        Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(refused()),
        // Neither: not a browser of this decade. Reading is harmless; changing needs a token.
        None if matches!(*request.method(), Method::GET | Method::HEAD) => Ok(()),
        None => Err(refused()),
    }
}
