//! What an edge says of itself: how old its data is, and whose keys it has been shown.

use serde::{Deserialize, Serialize};

use crate::model::{Credential, CredentialType, EnvironmentKey, Key, SignedContexts, Timestamp, VenueKey};

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
    /// Of a client key: whether a context must be signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_contexts: Option<SignedContexts>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// How an edge says, when it asks about a key, that it checks signed contexts: `?checks=signedContexts`. A key that
/// requires them is not given to one that does not.
pub const CHECKS_SIGNED_CONTEXTS: &str = "signedContexts";

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
            signed_contexts: credential.signed_contexts,
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
            signed_contexts: self.signed_contexts,
            public_key: None,
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

/// Whose signatures under contexts are good in an environment: what `GET /sdk/v1/signers` tells edges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignersBody {
    /// The keys that sign.
    pub signers: Vec<SignerBody>,
}

/// The public half of a key that signs contexts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignerBody {
    /// Its identity: what tokens call `kid`.
    pub key: Key,
    /// What it is for, as people know it.
    pub name: String,
    /// 32 bytes in base64url.
    pub public_key: String,
    /// The venues that it may sign for; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueKey>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl SignerBody {
    /// What is told of a context key; `None` of others.
    #[must_use]
    pub fn of(credential: &Credential) -> Option<Self> {
        Some(Self {
            key: credential.key.clone(),
            name: credential.name.clone(),
            public_key: credential.public_key.clone()?,
            venues: credential.venues.clone(),
            created_at: credential.created_at,
            expires_at: credential.expires_at,
        })
    }

    /// The credential that it is told of.
    #[must_use]
    pub fn credential(self, environment: EnvironmentKey) -> Credential {
        Credential {
            key: self.key,
            name: self.name,
            credential_type: CredentialType::Context,
            environment: Some(environment),
            venues: self.venues,
            signed_contexts: None,
            public_key: Some(self.public_key),
            role: None,
            bindings: Vec::new(),
            hash: String::new(),
            prefix: String::new(),
            created_at: self.created_at,
            created_by: String::new(),
            expires_at: self.expires_at,
            revoked_at: None,
        }
    }
}
