//! Credentials of programs: SDK keys and API tokens. Only a hash of the secret is ever kept.

use serde::{Deserialize, Serialize};

use super::{
    EnvironmentKey, Key, Kind, Model, Rights, Role, RoleBinding, Timestamp, VenueKey, document::check_text,
};
use crate::problem::{Problem, Problems};

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
            (CredentialType::Server | CredentialType::Client, _) => Rights::new(Role::Viewer, Vec::new()),
            (CredentialType::Api, role) => Rights::new(role.unwrap_or(Role::Admin), self.bindings.clone()),
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
            (CredentialType::Server | CredentialType::Client, None) => {
                let mend = "Name the environment that the key reads.";
                problems.push(Problem::new(
                    "environment",
                    "nothing",
                    "an SDK key belongs to one environment",
                    mend,
                ));
            }
            _ => {}
        }
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
