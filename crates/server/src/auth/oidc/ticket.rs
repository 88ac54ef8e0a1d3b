//! What a browser keeps while its person is at the provider: a cookie, signed like an access token with the keys that
//! all nodes share, so that it may come back to any of them. Only the browser that began can end it: what the provider
//! sends back is taken with the ticket of that `state` alone, and the code in it opens nothing without the `verifier`.

use serde::{Deserialize, Serialize};
use usher_core::model::Timestamp;

use crate::{
    auth::session::{ISSUER, Keys, sign, verified},
    problem::Problem,
};

/// The cookie that holds it. A page that another site leads to has to be sent it, so it is `SameSite=Lax`.
pub const COOKIE: &str = "usher_oidc";
/// The only routes that a browser sends it to.
pub const PATH: &str = "/api/v1/session/oidc";
/// How long somebody may take at the provider, in seconds.
pub const LASTS_SECONDS: i64 = 600;
/// No access token is a ticket, and no ticket an access token.
const AUDIENCE: &str = "usher-oidc";
/// The page to go on with where none is named.
pub const FIRST_PAGE: &str = "/board";
/// Longest address of a page to go on with, in bytes.
const MAX_TO_BYTES: usize = 512;

/// What is remembered of a sign-in that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Comes back with the person.
    pub state: String,
    /// Comes back in the token.
    pub nonce: String,
    /// Shows the provider that whoever ends it has begun it (PKCE).
    pub verifier: String,
    /// The page to go on with.
    pub to: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    ticket: Ticket,
    iss: String,
    aud: String,
    exp: i64,
}

/// A ticket as a cookie holds it.
///
/// # Errors
/// It can't be signed.
pub(super) fn write(keys: &Keys, ticket: &Ticket, now: Timestamp) -> Result<String, Problem> {
    let exp = now.millis() / 1000 + LASTS_SECONDS;
    let (iss, aud) = (ISSUER.to_owned(), AUDIENCE.to_owned());
    sign(keys, &Claims { ticket: ticket.clone(), iss, aud, exp })
}

/// The ticket in a cookie; none in one that is forged, of another purpose, or too old.
pub(super) async fn read(keys: &Keys, cookie: &str, now: Timestamp) -> Option<Ticket> {
    let claims: Claims = verified(keys, cookie, AUDIENCE, now).await?;
    (claims.exp.saturating_mul(1000) > now.millis()).then_some(claims.ticket)
}

/// A page of our own to go on with: nobody is led elsewhere by a link to the sign-in.
pub(super) fn own_page(to: &str) -> &str {
    let own = to.strip_prefix('/').is_some_and(|rest| !rest.starts_with(['/', '\\']));
    let plain = to.len() <= MAX_TO_BYTES && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if own && plain { to } else { FIRST_PAGE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::session::{KEY_BYTES, Ring};

    fn keys(folder: &std::path::Path, byte: u8) -> Keys {
        let ring = Ring::of(&[byte; KEY_BYTES], Timestamp::from_millis(0));
        std::fs::write(folder.join("session.key"), serde_json::to_vec(&ring).unwrap()).unwrap();
        Keys::open(folder, 600_000).unwrap()
    }

    fn ticket() -> Ticket {
        let text = |text: &str| text.to_owned();
        Ticket { state: text("s"), nonce: text("n"), verifier: text("v"), to: text("/flags") }
    }

    #[tokio::test]
    async fn a_ticket_is_read_by_any_node_that_has_the_keys_and_by_no_other_until_it_is_too_old() {
        let (here, there, elsewhere) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let now = Timestamp::from_millis(1_000_000);
        let (one, other) = (keys(here.path(), 1), keys(there.path(), 1));
        let cookie = write(&one, &ticket(), now).unwrap();
        assert_eq!(read(&other, &cookie, now).await, Some(ticket()));
        assert_eq!(read(&keys(elsewhere.path(), 2), &cookie, now).await, None);
        let later = |seconds: i64| Timestamp::from_millis(now.millis() + seconds * 1000);
        assert!(read(&one, &cookie, later(LASTS_SECONDS - 1)).await.is_some());
        assert_eq!(read(&one, &cookie, later(LASTS_SECONDS)).await, None);
    }

    #[tokio::test]
    async fn nothing_else_that_the_keys_sign_is_a_ticket() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, now) = (keys(folder.path(), 1), Timestamp::from_millis(0));
        for (iss, aud) in [(ISSUER, "usher-ui"), ("another", AUDIENCE)] {
            let (iss, aud) = (iss.to_owned(), aud.to_owned());
            let cookie = sign(&keys, &Claims { ticket: ticket(), iss, aud, exp: 600 }).unwrap();
            assert_eq!(read(&keys, &cookie, now).await, None);
        }
        assert_eq!(read(&keys, "nonsense", now).await, None);
    }

    #[test]
    fn people_go_on_at_a_page_of_ours() {
        for own in ["/", "/board", "/flags/a?at=7"] {
            assert_eq!(own_page(own), own);
        }
        let long = format!("/{}", "a".repeat(MAX_TO_BYTES));
        for other in
            ["", "board", "https://evil.example", "//evil.example", "/\\evil.example", "/a b", "/\n", &long]
        {
            assert_eq!(own_page(other), FIRST_PAGE, "{other:?}");
        }
    }
}
