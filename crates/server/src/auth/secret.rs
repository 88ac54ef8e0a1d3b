//! Secrets of programs: random, shown once, kept as a hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{AlgorithmParameters, Jwk},
};
use sha2::{Digest, Sha256};
use usher_core::{
    model::{CredentialType, EnvironmentKey, Key},
    signed_context::{SECRET_PREFIX, SigningSecret, pkcs8},
};

/// Characters of a secret that are kept, so that people can tell credentials apart.
pub const PREFIX_CHARACTERS: usize = 10;

/// A new secret: what it opens as a prefix, and 256 random bits.
///
/// # Errors
/// The system has no randomness to give.
pub fn generate(kind: CredentialType) -> Result<String, getrandom::Error> {
    let prefix = match kind {
        CredentialType::Server => "usk_",
        CredentialType::Client => "uck_",
        CredentialType::Api => "uat_",
        // It opens nothing; those that sign are made by `signing`.
        CredentialType::Context => SECRET_PREFIX,
    };
    Ok(format!("{prefix}{}", random()?))
}

/// Why there is no key pair.
#[derive(Debug, thiserror::Error)]
pub enum NoKeyPair {
    /// The system has no randomness to give.
    #[error("the system has no randomness to give: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The arithmetic failed, which it never does.
    #[error("the public key can't be computed: {0}")]
    Arithmetic(String),
}

/// A new Ed25519 key pair that signs contexts: the secret, which holds the private half, and the public half. Only the
/// second is kept, so that whoever reads a journal can sign nothing.
///
/// # Errors
/// See [`NoKeyPair`].
pub fn signing(key: &Key, environment: &EnvironmentKey) -> Result<(String, String), NoKeyPair> {
    let mut private = [0; 32];
    getrandom::fill(&mut private)?;
    let pair = EncodingKey::from_ed_der(&pkcs8(&private));
    let jwk = Jwk::from_encoding_key(&pair, Algorithm::EdDSA);
    let jwk = jwk.map_err(|error| NoKeyPair::Arithmetic(error.to_string()))?;
    let AlgorithmParameters::OctetKeyPair(public) = jwk.algorithm else {
        return Err(NoKeyPair::Arithmetic("it is of another kind".to_owned()));
    };
    let (key, environment) = (key.clone(), environment.clone());
    let secret = SigningSecret { key, environment, private: URL_SAFE_NO_PAD.encode(private) };
    Ok((secret.expose(), public.x))
}

/// 256 random bits.
///
/// # Errors
/// The system has no randomness to give.
pub fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of a secret: SHA-256 in hexadecimal. Secrets have 256 random bits, so a slow hash would only
/// slow down the server.
#[must_use]
pub fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = vec![0; bytes.len() * 2];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    // Digits are text.
    String::from_utf8(text).unwrap_or_default()
}

/// A short random identity, for documents that people don't name.
///
/// # Errors
/// The system has no randomness to give.
pub fn identity() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}
