//! Tokens that open a stream of change events: a browser's `EventSource` sends no headers, so one stands in the
//! address.
//!
//! They are signed and not kept, so any number of them costs nothing. A token names its credential and is bound to
//! what that may see; it opens a stream and nothing else, for a few minutes, as long as the credential is live. Time
//! is cut into windows, and a credential has one token a window. So a bulk answer stays the same, to the byte, while
//! nothing changes within a window, and can be answered with a 304; and whoever asks in the next window is sent a
//! fresh token, never a 304 to one that has run out.

use std::{sync::Arc, time::Duration};

use actix_web::http::StatusCode;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use usher_core::{
    ErrorCode,
    model::{Credential, Timestamp},
};

use super::refusal::Refusal;
use crate::{auth::secret, problem::Problem};

/// Seconds of a window.
pub const TOKEN_SECONDS: u32 = 300;

const ISSUER: &str = "usher";
const AUDIENCE: &str = "usher-ofrep-events";
/// Characters of what binds a token to what its credential may see.
const SCOPE_CHARACTERS: usize = 32;

#[derive(Serialize, Deserialize)]
struct Claims {
    /// The credential.
    sub: String,
    /// What it may see.
    scope: String,
    iss: String,
    aud: String,
    /// In milliseconds: where its window begins. Whoever has the token asked no earlier.
    window: i64,
    exp: i64,
}

/// Makes and reads them.
pub(super) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    window_millis: i64,
}

/// What a token says.
pub(super) struct Opened {
    pub(super) credential: Arc<Credential>,
    /// Whoever has it asked no earlier than this.
    pub(super) asked: Timestamp,
}

impl Tokens {
    pub(super) fn new(key: &[u8], window: Duration) -> Self {
        Self {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            window_millis: i64::try_from(window.as_millis()).unwrap_or(i64::MAX).max(1),
        }
    }

    /// The token of a credential for now.
    pub(super) fn issue(&self, credential: &Credential, now: Timestamp) -> Result<String, Refusal> {
        // Windows begin when the credential was made, so that those of many do not end together.
        let age = now.since(credential.created_at).max(0);
        let window = credential.created_at.millis() + age - age % self.window_millis;
        let claims = Claims {
            sub: credential.key.to_string(),
            scope: scope(credential),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            window,
            exp: (window + 2 * self.window_millis) / 1000,
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.encoding);
        token.map_err(|error| Problem::internal(error).into())
    }

    /// Whose token it is, if it opens anything. `named` finds a credential.
    pub(super) fn read(
        &self,
        token: &str,
        named: impl Fn(&str) -> Option<Arc<Credential>>,
        now: Timestamp,
    ) -> Result<Opened, Refusal> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // By the server's own clock, below.
        validation.validate_exp = false;
        // The signature is compared in constant time.
        let claims = decode::<Claims>(token, &self.decoding, &validation).map_err(|_| refused())?.claims;
        if claims.exp.saturating_mul(1000) <= now.millis() {
            return Err(refused());
        }
        let live = named(&claims.sub).filter(|own| own.is_live(now) && scope(own) == claims.scope);
        let credential = live.ok_or_else(refused)?;
        Ok(Opened { credential, asked: Timestamp::from_millis(claims.window) })
    }
}

/// Whatever is wrong with a token: who forges one learns nothing from it.
pub(super) fn refused() -> Refusal {
    let details =
        "This stream's address has run out or is none: take it from `eventStreams` of a fresh bulk answer.";
    Refusal::new(StatusCode::UNAUTHORIZED, ErrorCode::General, details)
}

/// Of all that decides what a credential may see, its secret included.
fn scope(credential: &Credential) -> String {
    let all = format!(
        "{}\n{:?}\n{:?}\n{:?}",
        credential.hash, credential.credential_type, credential.environment, credential.venues
    );
    secret::hash(&all)[..SCOPE_CHARACTERS].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use usher_core::model::Document;

    use super::*;

    const MINUTE: i64 = 60_000;

    fn tokens() -> Tokens {
        Tokens::new(&[7; 32], Duration::from_secs(300))
    }

    fn credential(more: serde_json::Value) -> Credential {
        let mut whole = json!({
            "kind": "key", "key": "0011223344556677", "name": "phones", "type": "client",
            "environment": "production", "venues": ["anfield"], "hash": "ab".repeat(32), "prefix": "uck_abcdef",
            "createdAt": "2026-11-24T12:00:00Z", "createdBy": "test"
        });
        for (name, value) in more.as_object().unwrap() {
            whole[name] = value.clone();
        }
        serde_json::from_value::<Document>(whole).unwrap().parse().unwrap()
    }

    /// Knows this credential and no other.
    fn world(credential: &Credential) -> impl Fn(&str) -> Option<Arc<Credential>> + use<> {
        let own = Arc::new(credential.clone());
        move |key| (*own.key == *key).then(|| Arc::clone(&own))
    }

    fn after(credential: &Credential, millis: i64) -> Timestamp {
        Timestamp::from_millis(credential.created_at.millis() + millis)
    }

    #[test]
    fn a_token_is_the_same_within_its_window_and_another_in_the_next() {
        let (tokens, own) = (tokens(), credential(json!({})));
        let at = |minutes: i64| tokens.issue(&own, after(&own, minutes * MINUTE)).unwrap();
        assert_eq!(at(0), at(4));
        assert_ne!(at(4), at(5));
        assert_eq!(at(5), at(9));
    }

    #[test]
    fn a_token_opens_for_one_window_at_least_and_two_at_most() {
        let (tokens, own) = (tokens(), credential(json!({})));
        let world = world(&own);
        let late = tokens.issue(&own, after(&own, 5 * MINUTE - 1)).unwrap();
        let opens = |millis| tokens.read(&late, &world, after(&own, millis)).ok();
        assert_eq!(opens(5 * MINUTE).unwrap().asked, own.created_at);
        assert!(opens(10 * MINUTE - 1).is_some());
        assert!(opens(10 * MINUTE).is_none());
    }

    #[test]
    fn a_token_opens_what_its_credential_may_see_and_nothing_else() {
        let (tokens, own) = (tokens(), credential(json!({})));
        let now = after(&own, 0);
        let token = tokens.issue(&own, now).unwrap();
        for more in [
            json!({"revokedAt": "2026-11-24T12:00:00Z"}),
            json!({"expiresAt": "2026-11-24T12:00:00Z"}),
            json!({"environment": "staging"}),
            json!({"venues": ["anfield", "wembley-stadium"]}),
            json!({"venues": []}),
            json!({"type": "server"}),
            json!({"hash": "cd".repeat(32)}),
            json!({"key": "7766554433221100"}),
        ] {
            assert!(tokens.read(&token, world(&credential(more.clone())), now).is_err(), "{more}");
        }
        assert!(tokens.read(&token, world(&own), now).is_ok());
    }

    #[test]
    fn what_another_server_signed_or_nobody_opens_nothing() {
        let (tokens, own) = (tokens(), credential(json!({})));
        let (world, now) = (world(&own), after(&own, 0));
        let foreign = Tokens::new(&[8; 32], Duration::from_secs(300)).issue(&own, now).unwrap();
        let token = tokens.issue(&own, now).unwrap();
        let (body, _) = token.rsplit_once('.').unwrap();
        // {"alg":"none"}
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", token.split('.').nth(1).unwrap());
        for bad in ["", "x", &foreign, body, &format!("{body}."), &format!("{token}x"), &unsigned] {
            assert!(tokens.read(bad, &world, now).is_err(), "{bad}");
        }
    }
}
