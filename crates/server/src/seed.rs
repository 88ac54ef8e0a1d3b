//! The first start: the environments every workspace has, and the administrator's token.

use usher_core::{
    Problems,
    model::{Credential, CredentialType, Document, Environment, Kind},
};
use usher_journal::{Actor, Append, AppendError, Change, Expected, Journal};

use crate::{auth::secret, clock, settings::Secret};

/// Shortest token that is accepted from `USHER_ADMIN_TOKEN`, in characters.
pub const MIN_TOKEN_CHARACTERS: usize = 24;

/// Why a workspace could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Too easy to guess.
    #[error(
        "the administrator's token (USHER_ADMIN_TOKEN) has fewer than {MIN_TOKEN_CHARACTERS} characters: give a longer, random one"
    )]
    ShortToken,
    /// The journal refused.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A document could not be made.
    #[error(transparent)]
    Document(#[from] Problems),
}

/// Begins a workspace, if the journal is empty. On later starts the token is ignored: it can have been revoked.
///
/// # Errors
/// See [`SeedError`].
pub async fn seed(journal: &dyn Journal, admin_token: Option<&Secret>) -> Result<(), SeedError> {
    if admin_token.is_some_and(|token| token.expose().chars().count() < MIN_TOKEN_CHARACTERS) {
        return Err(SeedError::ShortToken);
    }
    if !journal.state().is_empty() {
        return Ok(());
    }
    let mut documents =
        vec![environment("production", "Production", true)?, environment("staging", "Staging", false)?];
    if let Some(token) = admin_token {
        documents.push(admin(token)?);
    }
    let expected = documents.iter().map(|document| (document.id().clone(), Expected::Absent)).collect();
    let changes = documents.into_iter().map(Change::Put).collect();
    let append = Append {
        expected,
        idempotency: None,
        actor: Actor::system("First start"),
        message: "Begin the workspace".to_owned(),
        at: clock::now(),
        changes,
    };
    journal.append(append).await?;
    Ok(())
}

/// An environment, as a document.
///
/// # Errors
/// A key that is none.
pub fn environment(key: &str, name: &str, critical: bool) -> Result<Document, Problems> {
    let key = key.parse().map_err(|detail: String| {
        usher_core::Problem::new("key", key, detail, "Use letters, digits, `.`, `_` and `-`.")
    })?;
    Document::from_model(&Environment { key, name: name.to_owned(), description: String::new(), critical })
}

fn admin(token: &Secret) -> Result<Document, Problems> {
    let key = "admin-token".parse().map_err(|detail: String| {
        usher_core::Problem::new("key", Kind::Key, detail, "Use letters, digits, `.`, `_` and `-`.")
    })?;
    Document::from_model(&Credential {
        key,
        name: "Administrator's token".to_owned(),
        credential_type: CredentialType::Api,
        environment: None,
        venues: Vec::new(),
        hash: secret::hash(token.expose()),
        // Nothing of a token that somebody else made up: its start may be most of it.
        prefix: "given".to_owned(),
        created_at: clock::now(),
        created_by: "first start".to_owned(),
        expires_at: None,
        revoked_at: None,
    })
}
