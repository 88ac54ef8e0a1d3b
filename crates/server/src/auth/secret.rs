//! Secrets of programs: random, shown once, kept as a hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use usher_core::model::CredentialType;

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
    };
    Ok(format!("{prefix}{}", random()?))
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
