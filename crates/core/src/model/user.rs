//! People who sign in.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Key, Kind, Model, Rights, RoleBinding, Timestamp, document::check_text};
use crate::problem::{Problem, Problems};

/// Longest name of a provider, in bytes.
const MAX_ISSUER_BYTES: usize = 1_024;
/// Longest name that a provider may have for somebody, in bytes, as OpenID Connect has it.
const MAX_SUBJECT_BYTES: usize = 255;

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Sees everything, changes nothing.
    Viewer,
    /// Kills, revives and toggles.
    Operator,
    /// Edits documents.
    Editor,
    /// Manages people and credentials.
    Admin,
}

impl Role {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    /// Identity, made with the account.
    pub key: Key,
    /// What they sign in with, in lower case.
    pub email: String,
    /// How they are shown.
    pub name: String,
    /// argon2id hash in PHC form; empty for who was invited and has not set a password yet, and for who signs in through
    /// a provider.
    pub password_hash: String,
    /// What they may do everywhere.
    pub role: Role,
    /// What more they may do in some places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<RoleBinding>,
    /// What they show besides their password, if they have set that up. The secret of it is elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<SecondFactor>,
    /// With what they set their first password, if they have not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Invitation>,
    /// Who they are at an OpenID provider, if they sign in there and not with a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_id: Option<OpenId>,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A link that lets somebody set their first password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invitation {
    /// Hash of the secret in the link.
    pub hash: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// That somebody has a second factor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecondFactor {
    /// By which its secret is found.
    pub id: String,
    /// When it was set up.
    pub since: Timestamp,
}

/// Who somebody is at an OpenID provider. Addresses and names change hands there; this does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenId {
    /// The provider, `https://id.example.org`.
    pub issuer: String,
    /// What it calls them, its own way: `sub` in a token.
    pub subject: String,
}

impl OpenId {
    fn validate(&self, problems: &mut Problems) {
        for (field, text, longest) in [
            ("openId.issuer", &self.issuer, MAX_ISSUER_BYTES),
            ("openId.subject", &self.subject, MAX_SUBJECT_BYTES),
        ] {
            if text.is_empty() || text.len() > longest || text.chars().any(char::is_control) {
                let mend = format!("Give a text of at most {longest} bytes, as the provider tells it.");
                problems.push(Problem::new(field, text, "this is none of a provider's", mend));
            }
        }
    }
}

impl User {
    /// What they may do, and where.
    #[must_use]
    pub fn rights(&self) -> Rights {
        Rights::new(self.role, self.bindings.clone())
    }
}

impl Model for User {
    const KIND: Kind = Kind::User;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "name", &self.name, true);
        if !self.email.contains('@') || self.email.chars().any(|c| c.is_whitespace() || c.is_uppercase()) {
            let mend = "Give an address such as `ana@example.org`, in lower case.";
            problems.push(Problem::new("email", &self.email, "this is not an e-mail address", mend));
        }
        RoleBinding::validate(&self.bindings, &mut problems);
        if let Some(open_id) = &self.open_id {
            open_id.validate(&mut problems);
            if !self.password_hash.is_empty() || self.invitation.is_some() {
                let mend = "Keep the one or the other.";
                problems.push(Problem::new("openId", "…", "an account has one way in", mend));
            }
        }
        problems
    }
}
