//! The first start: the environments every workspace has, and the administrator's token.

use std::str::FromStr;

use usher_core::{
    Problem, Problems,
    model::{Credential, CredentialType, Document, Environment},
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
    /// No secret could be made.
    #[error("the system has no randomness to give: {0}")]
    Randomness(#[from] getrandom::Error),
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
    match journal.append(append).await {
        // Another server, started at the same time, was faster.
        Err(AppendError::Conflict { .. }) if !journal.state().is_empty() => Ok(()),
        done => Ok(done.map(drop)?),
    }
}

/// An environment, as a document.
///
/// # Errors
/// A key that is none.
pub fn environment(key: &str, name: &str, critical: bool) -> Result<Document, Problems> {
    let (key, name) = (parsed(key)?, name.to_owned());
    Document::from_model(&Environment {
        key,
        name,
        description: String::new(),
        critical,
        rehearsal: false,
        approvals: 0,
        steering: Vec::new(),
    })
}

/// An SDK key for all venues of an environment: its secret, and the document to append.
///
/// # Errors
/// A key or an environment that is none, or no randomness.
pub fn sdk_key(
    key: &str,
    name: &str,
    credential_type: CredentialType,
    environment: &str,
) -> Result<(String, Document), SeedError> {
    let secret = secret::generate(credential_type)?;
    let document = Document::from_model(&Credential {
        key: parsed(key)?,
        name: name.to_owned(),
        credential_type,
        environment: Some(parsed(environment)?),
        venues: Vec::new(),
        signed_contexts: None,
        public_key: None,
        role: None,
        bindings: Vec::new(),
        hash: secret::hash(&secret),
        prefix: secret.chars().take(secret::PREFIX_CHARACTERS).collect(),
        created_at: clock::now(),
        created_by: name.to_owned(),
        expires_at: None,
        revoked_at: None,
    })?;
    Ok((secret, document))
}

fn parsed<K: FromStr<Err = String>>(key: &str) -> Result<K, Problems> {
    key.parse()
        .map_err(|detail| Problem::new("key", key, detail, "Use letters, digits, `.`, `_` and `-`.").into())
}

fn admin(token: &Secret) -> Result<Document, Problems> {
    Document::from_model(&Credential {
        key: parsed("admin-token")?,
        name: "Administrator's token".to_owned(),
        credential_type: CredentialType::Api,
        environment: None,
        venues: Vec::new(),
        signed_contexts: None,
        public_key: None,
        role: None,
        bindings: Vec::new(),
        hash: secret::hash(token.expose()),
        // Nothing of a token that somebody else made up: its start may be most of it.
        prefix: "given".to_owned(),
        created_at: clock::now(),
        created_by: "first start".to_owned(),
        expires_at: None,
        revoked_at: None,
    })
}
