//! A signed context as a client has it: it reads what the token says, and can't tell whether it is true.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A signed context, passed on as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) text: Arc<str>,
    /// What it says, but for when and by which key it was signed: one that only renews another says the same.
    says: Option<Map<String, Value>>,
}

impl Token {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.into(), says: claims(text) }
    }

    /// Whom it speaks of.
    pub(crate) fn person(&self) -> Option<&str> {
        self.says.as_ref()?.get("targetingKey")?.as_str()
    }

    /// Whether the answers for the one are those for the other.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.says.is_some() && self.says == other.says
    }
}

/// The claims of a JWT; none where it is no JWT. The server says so then.
fn claims(text: &str) -> Option<Map<String, Value>> {
    let bytes = from_base64url(text.split('.').nth(1)?)?;
    let mut claims = Map::deserialize(&mut serde_json::Deserializer::from_slice(&bytes)).ok()?;
    for name in ["iss", "iat", "exp", "nbf", "jti"] {
        claims.shift_remove(name);
    }
    Some(claims)
}

/// Bytes of base64url without padding (RFC 4648, section 5). A dozen lines, rather than a crate in every phone's app.
fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut gathered, mut bits) = (0_u32, 0);
    for character in text.bytes() {
        let six = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        (gathered, bits) = ((gathered << 6) | u32::from(six), bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((gathered >> bits) & 0xFF).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whom_it_speaks_of_and_whether_it_only_renews() {
        // {"iss":"k","exp":1,"targetingKey":"ü-17"}, then with another time, then of somebody else.
        let token = |payload: &str| Token::new(&format!("e30.{payload}.c2ln"));
        let one = token("eyJpc3MiOiJrIiwiZXhwIjoxLCJ0YXJnZXRpbmdLZXkiOiLDvC0xNyJ9");
        assert_eq!(one.person(), Some("ü-17"));
        let renewed = token("eyJpc3MiOiJrIiwiZXhwIjoyLCJ0YXJnZXRpbmdLZXkiOiLDvC0xNyJ9");
        assert!(one.says_the_same(&renewed));
        let other = token("eyJpc3MiOiJrIiwiZXhwIjoyLCJ0YXJnZXRpbmdLZXkiOiJ1LTE4In0");
        assert!(!one.says_the_same(&other));
        for bad in ["", "a", "a.b.c", "a.!.c", "a.e30"] {
            assert_eq!(Token::new(bad).person(), None, "{bad}");
        }
    }
}
