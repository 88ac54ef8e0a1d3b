//! People who sign in.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Key, Kind, Model, Rights, RoleBinding, Timestamp, document::check_text};
use crate::problem::{Problem, Problems};

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
    /// argon2id hash in PHC form; empty for who was invited and has not set a password yet.
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
        problems
    }
}
