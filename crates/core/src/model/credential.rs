//! Credentials of programs: SDK keys and API tokens. Only a hash of the secret is ever kept.

use serde::{Deserialize, Serialize};

use super::{
    EnvironmentKey, Key, Kind, Model, Rights, Role, RoleBinding, Timestamp, VenueKey, document::check_text,
};
use crate::{
    problem::{Problem, Problems},
    signed_context,
};

/// What a credential opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CredentialType {
    /// Reads an environment's ruleset (`usk_…`).
    Server,
    /// Gets evaluated values only (`uck_…`).
    Client,
    /// Uses the administration API (`uat_…`).
    Api,
    /// Signs contexts for phones, and opens nothing (`usx_…`). Of its key pair only the public half is kept.
    Context,
}

/// Whether whoever comes with a client key must show a context that a backend has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignedContexts {
    /// It may: without one, nobody vouches for what the phone says.
    Optional,
    /// It must, or it is refused.
    Required,
}

/// One credential. The secret itself was shown once, when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential {
    /// Its identity; not secret.
    pub key: Key,
    /// What it is for, as people know it.
    pub name: String,
    /// What it opens.
    #[serde(rename = "type")]
    pub credential_type: CredentialType,
    /// The environment it belongs to; none for API tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentKey>,
    /// The venues it is narrowed to; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueKey>,
    /// Of a client key: whether a context must be signed; it need not, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_contexts: Option<SignedContexts>,
    /// Of a context key: the public half of its Ed25519 key pair, 32 bytes in base64url without padding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// What an API token may do everywhere: all, where it does not say, as tokens did before they had a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What more an API token may do in some places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<RoleBinding>,
    /// SHA-256 of the secret, in hexadecimal. The secret has 256 random bits, so a slow hash would add nothing.
    pub hash: String,
    /// First characters of the secret, so that people can tell credentials apart.
    pub prefix: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl Credential {
    /// Whether whoever comes with it must show a signed context.
    #[must_use]
    pub fn requires_signed_contexts(&self) -> bool {
        self.signed_contexts == Some(SignedContexts::Required)
    }

    /// Whether it opens anything at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl Credential {
    /// What it may do with the administration API, and where.
    #[must_use]
    pub fn rights(&self) -> Rights {
        match (self.credential_type, self.role) {
            (CredentialType::Server | CredentialType::Client | CredentialType::Context, _) => {
                Rights::new(Role::Viewer, Vec::new())
            }
            (CredentialType::Api, role) => Rights::new(role.unwrap_or(Role::Admin), self.bindings.clone()),
        }
    }
}

impl Credential {
    /// What is said of signed contexts fits what the credential is.
    fn validate_signing(&self, problems: &mut Problems) {
        if self.signed_contexts.is_some() && self.credential_type != CredentialType::Client {
            let detail = "only a client key says whether contexts must be signed";
            let mend = "Leave it out: whoever has another key is believed.";
            problems.push(Problem::new("signedContexts", self.name.as_str(), detail, mend));
        }
        let is_context = self.credential_type == CredentialType::Context;
        let good = self.public_key.as_deref().map(signed_context::is_public_key);
        if is_context && good != Some(true) {
            let detail = "a context key has the public half of an Ed25519 key pair";
            let mend = "Give its 32 bytes in base64url without padding, or let the server make the key.";
            let found = self.public_key.as_deref().unwrap_or("nothing");
            problems.push(Problem::new("publicKey", found, detail, mend));
        } else if !is_context && good.is_some() {
            let mend = "Leave it out, or make it a key of type `context`.";
            problems.push(Problem::new("publicKey", self.name.as_str(), "only a context key has one", mend));
        }
    }
}

impl Model for Credential {
    const KIND: Kind = Kind::Key;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "name", &self.name, true);
        match (self.credential_type, &self.environment) {
            (CredentialType::Api, Some(environment)) => {
                let mend = "Leave the environment out.";
                problems.push(Problem::new(
                    "environment",
                    environment,
                    "an API token has no environment",
                    mend,
                ));
            }
            (CredentialType::Server | CredentialType::Client | CredentialType::Context, None) => {
                let mend = "Name the environment that the key is for.";
                problems.push(Problem::new(
                    "environment",
                    "nothing",
                    "an SDK key belongs to one environment",
                    mend,
                ));
            }
            _ => {}
        }
        self.validate_signing(&mut problems);
        let has_rights = self.role.is_some() || !self.bindings.is_empty();
        if self.credential_type == CredentialType::Api {
            if self.role.is_none() && has_rights {
                // Else the bindings would add nothing: without a role it may do everything everywhere.
                let mend =
                    "Give `role`, what it may do everywhere: `viewer`, for one that only has its bindings.";
                problems.push(Problem::new("role", "nothing", "a token with bindings has a role", mend));
            }
            RoleBinding::validate(&self.bindings, &mut problems);
        } else if has_rights {
            let mend =
                "Leave `role` and `bindings` out; an SDK key is narrowed by `environment` and `venues`.";
            problems.push(Problem::new("role", self.name.as_str(), "an SDK key has no role", mend));
        }
        problems
    }
}
