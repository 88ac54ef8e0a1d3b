//! Signs contexts, in a backend: for the phones of its users, which can't be believed themselves.
//!
//! A backend gets a context key (`usher key create app-backend --environment production --kind context`), keeps its
//! secret to itself, and signs for each user what it knows of them. No network is asked. The phone passes the result on
//! ([`Builder::signed_context`](crate::Builder::signed_context)); Usher checks it. With OpenFeature's own clients it is
//! the attribute `signedContext` of the context.
//!
//! ```
//! use std::time::Duration;
//! use usher_sdk::{Context, signed_context::Signer};
//! # let secret = format!("usx_app~{}~production", "A".repeat(43));
//! let signer = Signer::new(&secret)?;
//! let context = Context::new("u-17").with("venue", "wembley-stadium").with("tier", "season");
//! let token = signer.sign(&context, &["gate-staff"], Duration::from_secs(3_600))?;
//! // to the phone, with the answer to its sign-in
//! # assert_eq!(token.split('.').count(), 3);
//! # Ok::<(), usher_sdk::signed_context::SignError>(())
//! ```

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Map, Value};
use usher_core::{
    Context,
    model::Timestamp,
    signed_context::{Claims, MAX_BYTES, NoSigningSecret, SigningSecret, TYPE, Unfit, pkcs8},
};

use crate::shared::now;

/// Why a context can't be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Not the secret of a context key.
    #[error(transparent)]
    Secret(#[from] NoSigningSecret),
    /// What the server would refuse: good for too long, too many cohorts, attributes that are none.
    #[error("the server would refuse this signed context: {0}")]
    Unfit(#[from] Unfit),
    /// Longer than the server takes.
    #[error("this signed context has {0} bytes, of {MAX_BYTES} at most: sign fewer attributes")]
    TooLong(usize),
    /// It can't be signed.
    #[error("the context can't be signed: {0}")]
    Signing(String),
}

/// Signs contexts with one key. To be kept: the key is read once.
pub struct Signer {
    secret: SigningSecret,
    key: EncodingKey,
}

impl Signer {
    /// Of the secret of a context key (`usx_…`).
    ///
    /// # Errors
    /// It is none.
    pub fn new(secret: &str) -> Result<Self, SignError> {
        let secret: SigningSecret = secret.trim().parse()?;
        let private = URL_SAFE_NO_PAD.decode(&secret.private).ok();
        let private: [u8; 32] = private.and_then(|bytes| bytes.try_into().ok()).ok_or(NoSigningSecret)?;
        Ok(Self { key: EncodingKey::from_ed_der(&pkcs8(&private)), secret })
    }

    /// Signs that whoever holds the result is this context, and in these cohorts: those whose conditions the context
    /// fulfils need not be listed. It is good from now on for so long, a day at most; until then it can only be taken
    /// back with the key that signed it.
    ///
    /// # Errors
    /// What the server would refuse: see [`SignError`].
    pub fn sign(&self, context: &Context, cohorts: &[&str], lasts: Duration) -> Result<String, SignError> {
        self.sign_at(context, cohorts, lasts, now())
    }

    /// The same at another time than now.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn sign_from(
        &self,
        context: &Context,
        cohorts: &[&str],
        lasts: Duration,
        from: SystemTime,
    ) -> Result<String, SignError> {
        let since = from.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let from = Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        self.sign_at(context, cohorts, lasts, from)
    }

    fn sign_at(
        &self,
        context: &Context,
        cohorts: &[&str],
        lasts: Duration,
        from: Timestamp,
    ) -> Result<String, SignError> {
        let SigningSecret { key, environment, .. } = &self.secret;
        let iat = from.millis() / 1_000;
        let text = |fields: &mut Map<String, Value>, name: &str| match fields.shift_remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let Value::Object(mut attributes) = context.to_json() else {
            return Err(SignError::Signing("the context is no object".to_owned()));
        };
        let (targeting_key, venue) = (text(&mut attributes, "targetingKey"), text(&mut attributes, "venue"));
        let claims = Claims {
            iss: key.to_string(),
            aud: environment.to_string(),
            iat,
            exp: iat.saturating_add(i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX)),
            nbf: None,
            targeting_key,
            venue,
            cohorts: cohorts.iter().map(|&cohort| cohort.to_owned()).collect(),
            attributes,
        };
        claims.check(from)?;
        claims.signed()?;
        let kid = Some(key.to_string());
        let header = Header { kid, typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::EdDSA) };
        let token =
            encode(&header, &claims, &self.key).map_err(|error| SignError::Signing(error.to_string()))?;
        if token.len() > MAX_BYTES { Err(SignError::TooLong(token.len())) } else { Ok(token) }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({:?})", self.secret)
    }
}

/// Signs one context: [`Signer::sign`], for who signs seldom.
///
/// # Errors
/// See [`SignError`].
pub fn signed_context(
    secret: &str,
    context: &Context,
    cohorts: &[&str],
    lasts: Duration,
) -> Result<String, SignError> {
    Signer::new(secret)?.sign(context, cohorts, lasts)
}
