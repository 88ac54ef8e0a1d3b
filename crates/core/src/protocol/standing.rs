//! What an edge says of itself: how old its data is, and whose keys it has been shown.

use serde::{Deserialize, Serialize};

use crate::model::{Credential, CredentialType, EnvironmentKey, Key, Timestamp, VenueKey};

/// How old what an edge says may be. A server that has the journal says nothing of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// When the data was last confirmed by who has the journal, by the clock of the edge that heard it.
    pub as_of: Timestamp,
    /// How long ago that was when this was said, in milliseconds: for whoever's clock differs.
    pub age_ms: u64,
    /// Whether an edge on the way has lost its upstream: nobody knows what is new since then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

impl Standing {
    /// The headers of an edge's answers: the time, the age in milliseconds, and whether it is stale.
    pub const HEADERS: [&str; 3] = ["usher-as-of", "usher-age-ms", "usher-stale"];

    /// The standing in the headers of an answer, by their names; none where it is not from an edge.
    pub fn from_headers<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<Self> {
        let [as_of, age_ms, stale] = Self::HEADERS;
        Some(Self {
            as_of: header(as_of)?.parse().ok()?,
            age_ms: header(age_ms)?.parse().ok()?,
            stale: header(stale) == Some("true"),
        })
    }
}

/// What `GET /sdk/v1/key` tells a key about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyBody {
    /// Its identity; not secret.
    pub key: Key,
    /// What it is for, as people know it.
    pub name: String,
    /// What it opens.
    pub kind: CredentialType,
    /// Its environment.
    pub environment: EnvironmentKey,
    /// The venues it is narrowed to; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueKey>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl KeyBody {
    /// What is told of a credential; `None` for one that has no environment.
    #[must_use]
    pub fn of(credential: &Credential) -> Option<Self> {
        Some(Self {
            key: credential.key.clone(),
            name: credential.name.clone(),
            kind: credential.credential_type,
            environment: credential.environment.clone()?,
            venues: credential.venues.clone(),
            created_at: credential.created_at,
            expires_at: credential.expires_at,
        })
    }

    /// The credential that it is told of, for who knows the hash of its secret.
    #[must_use]
    pub fn credential(self, hash: String) -> Credential {
        Credential {
            key: self.key,
            name: self.name,
            credential_type: self.kind,
            environment: Some(self.environment),
            venues: self.venues,
            role: None,
            bindings: Vec::new(),
            hash,
            prefix: String::new(),
            created_at: self.created_at,
            created_by: String::new(),
            expires_at: self.expires_at,
            revoked_at: None,
        }
    }
}
