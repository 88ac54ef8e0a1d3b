//! Access tokens: a JWT of some minutes. The algorithm is pinned; the token names its key, which is one of the server's
//! own, and issuer, audience and expiry are required.

use actix_web::cookie::time::Duration;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use usher_core::model::Timestamp;

use super::{keys::Keys, record::Session};
use crate::problem::Problem;

const ALGORITHM: Algorithm = Algorithm::HS256;
/// Who signs.
pub const ISSUER: &str = "usher";
const AUDIENCE: &str = "usher-ui";

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    /// The session.
    sid: String,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// What a token says, once it is known to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The session.
    pub session: String,
    /// The person.
    pub user: String,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// A token for a session, and what it says.
///
/// # Errors
/// It can't be signed.
pub fn issue(
    keys: &Keys,
    session: &Session,
    lasts: Duration,
    now: Timestamp,
) -> Result<(String, Access), Problem> {
    let iat = now.millis() / 1000;
    let exp = (iat + lasts.whole_seconds()).min(session.ends_at().millis() / 1000);
    let (sub, sid) = (session.opened.user.to_string(), session.id.clone());
    let access =
        Access { session: sid.clone(), user: sub.clone(), expires_at: Timestamp::from_millis(exp * 1000) };
    let claims = Claims { sub, sid, iss: ISSUER.to_owned(), aud: AUDIENCE.to_owned(), iat, exp };
    Ok((sign(keys, &claims)?, access))
}

/// What a token says; nothing of one that is forged, foreign or expired.
pub async fn read(keys: &Keys, token: &str, now: Timestamp) -> Option<Access> {
    let claims: Claims = verified(keys, token, AUDIENCE, now).await?;
    let expires_at = Timestamp::from_millis(claims.exp.saturating_mul(1000));
    (expires_at > now).then_some(Access { session: claims.sid, user: claims.sub, expires_at })
}

/// Signs claims, which name issuer, audience and expiry.
///
/// # Errors
/// They can't be signed.
pub fn sign(keys: &Keys, claims: &impl Serialize) -> Result<String, Problem> {
    let (kid, key) = keys.newest();
    let header = Header { kid: Some(kid), ..Header::new(ALGORITHM) };
    encode(&header, claims, &EncodingKey::from_secret(&key)).map_err(Problem::internal)
}

/// Claims that were signed here for this audience. Whether they have expired is looked at by whoever reads them, by the
/// server's own clock.
pub async fn verified<C: DeserializeOwned>(
    keys: &Keys,
    token: &str,
    audience: &str,
    now: Timestamp,
) -> Option<C> {
    let kid = decode_header(token).ok()?.kid?;
    let key = keys.named(&kid, now).await?;
    let mut validation = Validation::new(ALGORITHM);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.validate_exp = false;
    // The signature is compared in constant time.
    Some(decode::<C>(token, &DecodingKey::from_secret(&key), &validation).ok()?.claims)
}
