//! Signed contexts: whether a token that a phone passes on is one of a backend, and what it says.
//!
//! The algorithm is pinned to Ed25519; the key is the one that the token names, which must be a live context key of the
//! same environment; type, issuer, audience and expiry are required. What it costs is one look at the key's document
//! and one check of a signature. A token is never logged.

use std::sync::Arc;

use actix_web::http::StatusCode;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind};
use usher_core::{
    Context,
    model::{Credential, CredentialType, EnvironmentKey, Key, Timestamp, VenueKey},
    signed_context::{Claims, MAX_BYTES, TYPE, Unfit},
};

use crate::{
    problem::Problem,
    source::{Signer, Source},
};

/// When to come again where it is being asked whose a signature is, in seconds.
const COME_AGAIN_SECONDS: u32 = 1;

/// A context, and whose word it is.
#[derive(Debug)]
pub struct Asked {
    /// For whom flags are asked.
    pub context: Context,
    /// Who signed for it, where somebody did.
    pub signed: Option<SignedBy>,
}

/// Who signed for a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// The key.
    pub key: Key,
    /// From when on the signature is refused.
    pub ends: Timestamp,
}

/// What a client says of whom it asks for, checked against what its key may claim: what is signed is what counts, and a
/// key that is narrowed to venues speaks for those only, and for its one venue without being asked.
///
/// # Errors
/// A signed context that is missing where the key requires one, or is not taken (403); that can't be checked yet (503);
/// no venue where there are several to choose from (400), or one that is not the key's (403).
pub fn asked(
    source: &dyn Source,
    credential: &Credential,
    mut context: Context,
    now: Timestamp,
) -> Result<Asked, Problem> {
    let token = context.take_signed().map_err(|error| Why::Form.problem(error))?;
    let environment = credential.environment.as_ref();
    let environment = environment.ok_or_else(|| Problem::forbidden("This key has no environment."))?;
    let is_client = credential.credential_type == CredentialType::Client;
    let Some(token) = token else {
        may_be_unsigned(credential)?;
        if let Some(venue) = place(&credential.venues, context.venue(), "Send the venue")? {
            context.set("venue", venue.as_str());
        }
        return Ok(Asked { context: if is_client { context.unsigned() } else { context }, signed: None });
    };
    let (claims, signer) = read(source, environment, &token, now)?;
    let mut signed = claims.signed().map_err(refused)?;
    for (key, whose) in [(&*signer, "The key that signed this context"), (credential, "This key")] {
        let venue = place_of(key, whose, signed.context().venue())?;
        if let Some(venue) = venue {
            signed = signed.at(venue.as_str());
        }
    }
    let by = SignedBy { key: signer.key.clone(), ends: claims.ends() };
    Ok(Asked { context: context.with_signed(signed), signed: Some(by) })
}

/// Whether a key takes a context that nobody has signed.
///
/// # Errors
/// It does not (403).
pub fn may_be_unsigned(credential: &Credential) -> Result<(), Problem> {
    if !credential.requires_signed_contexts() {
        return Ok(());
    }
    let mend = "there is none, and this key asks for one: have your backend sign it with a context key (`usher_sdk::signed_context`), and send it as the attribute `signedContext` of the context";
    Err(Why::Required.problem(mend))
}

/// Whether a signature that was good may go on being used, at a stream that has been open since.
///
/// # Errors
/// It has expired, or its key was revoked.
pub fn still(
    source: &dyn Source,
    environment: &EnvironmentKey,
    by: &SignedBy,
    now: Timestamp,
) -> Result<(), Problem> {
    if now >= by.ends {
        return Err(refused(Unfit::Expired { seconds: now.since(by.ends) / 1_000 }));
    }
    match source.signer(environment, &by.key) {
        // What was good is, until it is known not to be.
        Signer::NotYet => Ok(()),
        found => live(found, &by.key, now).map(drop),
    }
}

/// What a token says, and who signed it.
fn read(
    source: &dyn Source,
    environment: &EnvironmentKey,
    token: &str,
    now: Timestamp,
) -> Result<(Claims, Arc<Credential>), Problem> {
    if token.len() > MAX_BYTES {
        return Err(Why::Form.problem(format!("it has {} bytes: sign at most {MAX_BYTES}", token.len())));
    }
    let header = decode_header(token);
    let header = header.map_err(|_| Why::Form.problem("it is not a JWT of the form that Usher signs"))?;
    if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(TYPE) {
        let mend = format!("its header must say `\"alg\": \"EdDSA\"` and `\"typ\": \"{TYPE}\"`");
        return Err(Why::Form.problem(mend));
    }
    if header.crit.is_some() {
        return Err(Why::Form.problem("its header has a `crit`: nothing that it may ask for is known here"));
    }
    let Some(kid) = header.kid.filter(|kid| kid.parse::<Key>().is_ok()) else {
        return Err(Why::Form.problem("its header must name the context key as `kid`"));
    };
    let signer = live(source.signer(environment, &kid), &kid, now)?;
    let public = signer.public_key.as_deref().and_then(|public| URL_SAFE_NO_PAD.decode(public).ok());
    // The library takes any length for granted.
    let public = public.filter(|public| public.len() == 32);
    let public = public.ok_or_else(|| Why::Key.problem("the key that signed it has no public key here"))?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[&kid]);
    validation.set_audience(&[environment.as_str()]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    // Times are looked at by the server's own clock, below.
    validation.validate_exp = false;
    let decoded = decode::<Claims>(token, &DecodingKey::from_ed_der(&public), &validation);
    let claims = decoded.map_err(|error| unreadable(&error, environment))?.claims;
    claims.check(now).map_err(refused)?;
    Ok((claims, signer))
}

/// The key of a signature, if what it signs is taken.
fn live(found: Signer, key: &str, now: Timestamp) -> Result<Arc<Credential>, Problem> {
    match found {
        Signer::Known(signer) if signer.is_live(now) => Ok(signer),
        Signer::Known(signer) => {
            let why = if signer.revoked_at.is_some() { "was revoked" } else { "has expired" };
            Err(Why::Key.problem(format!("the context key {key}, which signed it, {why}: sign with another")))
        }
        Signer::Unknown => {
            let mend = "it is signed by no context key of this environment, or by one that was revoked or has expired: sign with one of this environment";
            Err(Why::Key.problem(mend))
        }
        Signer::NotYet => {
            let detail = "It can't be told yet whose signature is on this context: come again.";
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Err(Problem::new(status, "signer_not_known_yet", detail).retry_after(COME_AGAIN_SECONDS))
        }
    }
}

/// Why a signed context is refused, for programs.
#[derive(Clone, Copy)]
enum Why {
    Required,
    Expired,
    Early,
    Key,
    Environment,
    Form,
}

impl Why {
    fn code(self) -> &'static str {
        match self {
            Self::Required => "signed_context_required",
            Self::Expired => "signed_context_expired",
            Self::Early => "signed_context_not_yet_valid",
            Self::Key => "signed_context_key",
            Self::Environment => "signed_context_environment",
            Self::Form => "signed_context_invalid",
        }
    }

    fn problem(self, detail: impl std::fmt::Display) -> Problem {
        let detail = format!("The signed context is not taken: {detail}.");
        Problem::new(StatusCode::FORBIDDEN, self.code(), detail)
    }
}

/// Whether a problem is one of a signed context: what helps is another one.
#[must_use]
pub fn is_about_signed_context(problem: &Problem) -> bool {
    problem.code().starts_with("signed_context_")
}

fn refused(unfit: Unfit) -> Problem {
    let (why, mend) = match &unfit {
        Unfit::Expired { .. } => (Why::Expired, ": ask your backend for a new one"),
        Unfit::Early { .. } => (Why::Early, ""),
        Unfit::Lifetime { .. } | Unfit::Content(_) => (Why::Form, ""),
    };
    why.problem(format!("{unfit}{mend}"))
}

fn unreadable(error: &jsonwebtoken::errors::Error, environment: &EnvironmentKey) -> Problem {
    match error.kind() {
        ErrorKind::InvalidAudience => {
            let mend = format!("its `aud` is not {environment}: sign with a context key of that environment");
            Why::Environment.problem(mend)
        }
        ErrorKind::InvalidIssuer => Why::Form.problem("its `iss` must be the context key that signed it"),
        ErrorKind::InvalidSignature => {
            Why::Form.problem("its signature does not fit: pass on what your backend has signed, unaltered")
        }
        ErrorKind::MissingRequiredClaim(claim) => Why::Form.problem(format!("it has no `{claim}`")),
        _ => Why::Form.problem("its claims can't be read: it needs `iss`, `aud`, `iat` and `exp`"),
    }
}

/// Where a context is by this key, if the key knows better than the context.
fn place_of<'k>(
    key: &'k Credential,
    whose: &str,
    venue: Option<&str>,
) -> Result<Option<&'k VenueKey>, Problem> {
    match venue {
        Some(venue) if !key.venues.is_empty() && !key.venues.iter().any(|own| own.as_str() == venue) => {
            Err(Problem::forbidden(format!("{whose} is not for {venue}.")))
        }
        venue => place(&key.venues, venue, "Sign the venue"),
    }
}

/// The one venue that a key is for, where the context names none.
fn place<'k>(
    allowed: &'k [VenueKey],
    venue: Option<&str>,
    mend: &str,
) -> Result<Option<&'k VenueKey>, Problem> {
    match (venue, allowed) {
        (_, []) => Ok(None),
        (Some(venue), allowed) if allowed.iter().any(|own| own.as_str() == venue) => Ok(None),
        (Some(venue), _) => Err(Problem::forbidden(format!("This key is not for {venue}."))),
        (None, [only]) => Ok(Some(only)),
        (None, _) => {
            let mend = format!("{mend}: this key is for several.");
            Err(Problem::bad_value("context.venue", "nothing", "the context has no venue", &mend))
        }
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use usher_core::{
        model::Steering,
        protocol::{SignerBody, Standing},
        signed_context::{SigningSecret, pkcs8},
    };

    use super::*;
    use crate::{auth::secret, source, world::Hub};

    /// A source that knows one context key, and nothing else.
    struct Only(Arc<Credential>);

    impl Source for Only {
        fn hub(&self, _: &str) -> Result<&Hub, Problem> {
            Err(Problem::not_found("hub"))
        }

        fn credential<'a>(&'a self, _: &'a str) -> source::Asked<'a> {
            source::Asked::Now(Err(source::unknown_key()))
        }

        fn known(&self, _: &str) -> Option<Arc<Credential>> {
            None
        }

        fn named(&self, _: &str) -> Option<Arc<Credential>> {
            None
        }

        fn standing(&self, _: &str) -> Option<Standing> {
            None
        }

        fn steering(&self, _: &str) -> Option<Arc<[Steering]>> {
            None
        }

        fn signer(&self, environment: &str, key: &str) -> Signer {
            let own = self.0.environment.as_deref() == Some(environment) && *self.0.key == *key;
            if own { Signer::Known(Arc::clone(&self.0)) } else { Signer::Unknown }
        }

        fn signers(&self, _: &str) -> Result<Vec<Arc<Credential>>, Problem> {
            Ok(vec![Arc::clone(&self.0)])
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    /// A key, and a token that it has signed.
    fn signed() -> (Only, Credential, String) {
        let (key, environment): (Key, EnvironmentKey) =
            ("app".parse().unwrap(), "production".parse().unwrap());
        let (secret, public_key) = secret::signing(&key, &environment).unwrap();
        let secret: SigningSecret = secret.parse().unwrap();
        let private: [u8; 32] = URL_SAFE_NO_PAD.decode(&secret.private).unwrap().try_into().unwrap();
        let claims = serde_json::json!({"iss": "app", "aud": "production", "iat": 1_000, "exp": 2_000, "targetingKey": "u-17",
            "venue": "wembley-stadium", "cohorts": ["gate-staff"], "attributes": {"tier": "season"}});
        let header = Header {
            kid: Some("app".to_owned()),
            typ: Some(TYPE.to_owned()),
            ..Header::new(Algorithm::EdDSA)
        };
        let token = encode(&header, &claims, &EncodingKey::from_ed_der(&pkcs8(&private))).unwrap();
        let (venues, created_at) = (Vec::new(), at(0));
        let signer =
            SignerBody { key, name: "App".to_owned(), public_key, venues, created_at, expires_at: None };
        let signer = signer.credential(environment.clone());
        let phones =
            Credential { credential_type: CredentialType::Client, public_key: None, ..signer.clone() };
        (Only(Arc::new(signer)), phones, token)
    }

    fn told(source: &Only, phones: &Credential, token: &str) -> Result<Asked, Problem> {
        let context = Context::anonymous().with(usher_core::signed_context::ATTRIBUTE, token);
        asked(source, phones, context, at(1_500))
    }

    #[test]
    fn no_byte_of_a_token_can_be_another() {
        let (source, phones, token) = signed();
        let good = told(&source, &phones, &token).unwrap();
        assert_eq!(good.context.targeting_key(), Some("u-17"));
        assert_eq!(good.signed.unwrap().ends, at(2_060));
        let mut tried = 0;
        for place in 0..token.len() {
            // Two of its bits, others at each place: all of them take seconds.
            for bit in [place % 7, (place + 3) % 7] {
                let mut bytes = token.clone().into_bytes();
                bytes[place] ^= 1 << bit;
                let Ok(tampered) = String::from_utf8(bytes) else { continue };
                let refused = told(&source, &phones, &tampered).unwrap_err();
                assert!(is_about_signed_context(&refused), "{tampered}: {refused}");
                tried += 1;
            }
            // Nor can one be left out, or come twice.
            let (head, tail) = token.split_at(place);
            for tampered in [format!("{head}{}", &tail[1..]), format!("{head}{}{tail}", &tail[..1])] {
                assert!(told(&source, &phones, &tampered).is_err(), "{tampered}");
            }
        }
        assert!(tried > 600, "{tried}");
        // Padding is not another way to write it.
        for tampered in [format!("{token}="), format!("{token} "), format!(" {token}"), format!("{token}.")] {
            assert!(told(&source, &phones, &tampered).is_err(), "{tampered}");
        }
    }

    #[test]
    fn a_key_that_can_not_be_one_is_no_panic() {
        let (source, phones, token) = signed();
        for public in
            [None, Some(""), Some("AAAA"), Some("!"), Some(&*"A".repeat(43)), Some(&*"_".repeat(42))]
        {
            let signer = Credential { public_key: public.map(ToOwned::to_owned), ..(*source.0).clone() };
            assert!(told(&Only(Arc::new(signer)), &phones, &token).is_err(), "{public:?}");
        }
    }
}
