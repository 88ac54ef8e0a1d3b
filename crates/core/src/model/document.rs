//! Documents as the journal keeps them and the wire carries them: an identity and JSON text.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _};
use serde_json::{Value, value::RawValue};

use super::{
    ChangeRequest, Cohort, Credential, Environment, Event, Flag, Freeze, Key, Playbook, Release, Schedule,
    User, Venue,
};
use crate::{
    limits::{MAX_DOCUMENT_BYTES, MAX_TEXT_BYTES},
    problem::{self, Problem, Problems},
};

/// What a document is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An environment.
    Environment,
    /// A venue.
    Venue,
    /// A cohort.
    Cohort,
    /// A flag.
    Flag,
    /// A program's credential.
    Key,
    /// A person.
    User,
    /// What a person may do where.
    RoleBinding,
    /// An evening at a venue.
    Event,
    /// A time in which nothing is changed.
    Freeze,
    /// A staged rollout.
    Release,
    /// Pre-authorised actions.
    Playbook,
    /// What is done when.
    Schedule,
    /// A change that is to be looked at before it is made.
    ChangeRequest,
    /// A kind that only a newer version knows: kept and passed on, never looked into.
    Other(Box<str>),
}

impl Kind {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Environment => "environment",
            Self::Venue => "venue",
            Self::Cohort => "cohort",
            Self::Flag => "flag",
            Self::Key => "key",
            Self::User => "user",
            Self::RoleBinding => "roleBinding",
            Self::Event => "event",
            Self::Freeze => "freeze",
            Self::Release => "release",
            Self::Playbook => "playbook",
            Self::Schedule => "schedule",
            Self::ChangeRequest => "changeRequest",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Kind {
    fn from(name: &str) -> Self {
        match name {
            "environment" => Self::Environment,
            "venue" => Self::Venue,
            "cohort" => Self::Cohort,
            "flag" => Self::Flag,
            "key" => Self::Key,
            "user" => Self::User,
            "roleBinding" => Self::RoleBinding,
            "event" => Self::Event,
            "freeze" => Self::Freeze,
            "release" => Self::Release,
            "playbook" => Self::Playbook,
            "schedule" => Self::Schedule,
            "changeRequest" => Self::ChangeRequest,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(String::deserialize(deserializer)?.as_str().into())
    }
}

/// Which document: its kind and its key. In text `flag/resale-guard`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentId {
    /// What it is.
    pub kind: Kind,
    /// Its key within that kind.
    pub key: Box<str>,
}

impl DocumentId {
    /// The document of `kind` with `key`.
    pub fn new(kind: Kind, key: impl Into<Box<str>>) -> Self {
        Self { kind, key: key.into() }
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.key)
    }
}

impl FromStr for DocumentId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((kind, key)) if !kind.is_empty() && !key.is_empty() => Ok(Self::new(kind.into(), key)),
            _ => Err("a document is named by kind and key, `flag/resale-guard`".to_owned()),
        }
    }
}

/// A typed view of a document.
pub trait Model: Serialize + DeserializeOwned {
    /// The kind it is the view of.
    const KIND: Kind;

    /// The document's key.
    fn key(&self) -> &str;

    /// What its shape alone does not rule out: limits, dangling variants, bad patterns.
    fn validate(&self) -> Problems;
}

/// One document: cheap to clone, its JSON text shared. In JSON one flat object that begins with `kind` and
/// `key`. Two documents are equal when their texts are.
#[derive(Clone)]
pub struct Document {
    id: Arc<DocumentId>,
    json: Arc<RawValue>,
}

impl Document {
    /// The document of a typed model.
    ///
    /// # Errors
    /// A model whose values JSON can't write.
    pub fn from_model<M: Model>(model: &M) -> Result<Self, Problems> {
        let fields = serde_json::to_string(model)
            .map_err(|error| Problem::new("", model.key(), error.to_string(), "Correct the value."))?;
        let text = format!(r#"{{"kind":"{}",{}"#, M::KIND, &fields[1..]);
        let json = RawValue::from_string(text)
            .map_err(|error| Problem::new("", model.key(), error.to_string(), "Correct the value."))?;
        Ok(Self { id: Arc::new(DocumentId::new(M::KIND, model.key())), json: json.into() })
    }

    /// Which document it is.
    #[must_use]
    pub fn id(&self) -> &DocumentId {
        &self.id
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.id.kind
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.id.key
    }

    /// Its JSON text, `kind` included.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get()
    }

    /// Its JSON as a tree.
    #[must_use]
    pub fn value(&self) -> Value {
        // A raw value was parsed when it was made, so this can't fail.
        serde_json::from_str(self.json.get()).unwrap_or(Value::Null)
    }

    /// Its typed view.
    ///
    /// # Errors
    /// What this version does not understand in it, or does not allow.
    pub fn parse<M: Model>(&self) -> Result<M, Problems> {
        parse_model(self.value())
    }
}

fn parse_model<M: Model>(mut value: Value) -> Result<M, Problems> {
    if let Value::Object(fields) = &mut value {
        match fields.shift_remove("kind") {
            Some(kind) if kind != M::KIND.as_str() => {
                let mend = format!("Send a document of kind `{}`, or leave `kind` out.", M::KIND);
                return Err(Problem::new("kind", kind, "this is a document of another kind", mend).into());
            }
            _ => {}
        }
    }
    let model: M = problem::from_value(value)?;
    model.validate().or(model)
}

/// Reads a document of `kind` from JSON text as the API takes it: strictly, in canonical form afterwards.
///
/// # Errors
/// Every field that can't be accepted, with its path, its value and the mend.
pub fn parse_strict(kind: &Kind, text: &[u8]) -> Result<Document, Problems> {
    fn canonical<M: Model>(text: &[u8]) -> Result<Document, Problems> {
        Document::from_model(&parse_model::<M>(problem::parse_json(text)?)?)
    }
    if text.len() > MAX_DOCUMENT_BYTES {
        let mend = format!("Keep a document within {MAX_DOCUMENT_BYTES} bytes.");
        return Err(
            Problem::new("", format!("{} bytes", text.len()), "this document is too large", mend).into()
        );
    }
    match kind {
        Kind::Environment => canonical::<Environment>(text),
        Kind::Venue => canonical::<Venue>(text),
        Kind::Cohort => canonical::<Cohort>(text),
        Kind::Flag => canonical::<Flag>(text),
        Kind::Key => canonical::<Credential>(text),
        Kind::User => canonical::<User>(text),
        Kind::Event => canonical::<Event>(text),
        Kind::Freeze => canonical::<Freeze>(text),
        Kind::Release => canonical::<Release>(text),
        Kind::Playbook => canonical::<Playbook>(text),
        Kind::Schedule => canonical::<Schedule>(text),
        Kind::ChangeRequest => canonical::<ChangeRequest>(text),
        Kind::RoleBinding | Kind::Other(_) => {
            let mend = "Use one of environment, venue, cohort, flag, event, freeze, release, playbook, schedule, key, user.";
            Err(Problem::new("kind", kind, "documents of this kind can't be written yet", mend).into())
        }
    }
}

/// Notes a text that is missing or too long.
pub(super) fn check_text(problems: &mut Problems, field: &str, text: &str, required: bool) {
    if required && text.trim().is_empty() {
        problems.push(Problem::new(field, "nothing", "this must not be empty", "Give it a text."));
    }
    if text.len() > MAX_TEXT_BYTES {
        let mend = format!("Keep it within {MAX_TEXT_BYTES} bytes.");
        problems.push(Problem::new(field, format!("{} bytes", text.len()), "this text is too long", mend));
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the text: a credential's or a person's hashes don't belong in a log.
        write!(f, "Document({})", self.id)
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.json, &other.json) || self.json.get() == other.json.get()
    }
}

impl Eq for Document {}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let id: DocumentId = serde_json::from_str(json.get()).map_err(D::Error::custom)?;
        let key = match &id.kind {
            // Imported flags keep their keys, whatever they look like.
            Kind::Flag | Kind::Other(_) => id.key.parse::<super::FlagKey>().map(drop),
            _ => id.key.parse::<Key>().map(drop),
        };
        key.map_err(D::Error::custom)?;
        Ok(Self { id: Arc::new(id), json: json.into() })
    }
}
