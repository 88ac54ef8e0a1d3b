//! Attribute references and context kinds, as attributes of an Usher context.

use super::Source;
use crate::{
    import::{any_of, check_name, compare, report::Notes},
    limits::MAX_CONTEXT_DEPTH,
    model::{Condition, Operator, Scalar},
};

/// A kind of context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind(String);

/// What a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    /// The kinds that a context is of.
    Kinds,
    /// The key of a context of this kind.
    Key(Kind),
    /// Whether a context of this kind is anonymous; it is not, when it does not say so.
    Anonymous(Kind),
    /// Any other, by its name in an Usher context.
    Named(String),
}

impl Kind {
    pub(super) fn user() -> Self {
        Self("user".to_owned())
    }

    /// Letters, digits, `.`, `_` and `-`; two words mean something else.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let well_formed = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        (well_formed && !matches!(name, "" | "kind" | "multi")).then(|| Self(name.to_owned()))
    }

    /// The kind that `value` names, or `user` where none is named. Noted when it is none, and when its attributes
    /// stand elsewhere than those of users.
    pub(super) fn read(value: Option<&serde_json::Value>, at: &str, notes: &mut Notes) -> Option<Self> {
        let Some(value) = value else { return Some(Self::user()) };
        let kind = value.as_str().and_then(Self::parse);
        match &kind {
            None => notes.refused(at, "this is not a context kind"),
            Some(Self(name)) if name != "user" => {
                notes.mapped_throughout(format!(
                    "attributes of the context kind `{name}` are looked for as `{name}.key` and so on"
                ));
            }
            Some(_) => {}
        }
        kind
    }

    pub(super) fn is_user(&self) -> bool {
        self.0 == "user"
    }

    /// The names of its key in an Usher context: the first that is there counts.
    pub(super) fn key_names(&self, source: &Source<'_>) -> Vec<String> {
        if !self.is_user() {
            return vec![format!("{}.key", self.0)];
        }
        let mut names = vec!["key".to_owned()];
        // Both may have become one.
        if source.options.rename.get("key").is_none_or(|name| name != "targetingKey") {
            names.push("targetingKey".to_owned());
        }
        names
    }

    /// Whether a context is of this kind, besides others.
    pub(super) fn is_there(&self, source: &Source<'_>) -> Condition {
        any_of(self.key_names(source).iter().map(|name| compare(name, Operator::Exists, [])).collect())
    }

    /// The name of one of its attributes in an Usher context.
    fn name(&self, parts: &[String]) -> String {
        let path = parts.join(".");
        if self.is_user() { path } else { format!("{}.{path}", self.0) }
    }
}

impl Attribute {
    /// Reads a reference; a literal name is no path, whatever it begins with. `Err` says why it leads nowhere.
    pub(super) fn read(reference: &str, is_literal: bool, kind: &Kind) -> Result<Self, &'static str> {
        let parts = if is_literal { literal(reference)? } else { path(reference)? };
        if parts.len() + usize::from(!kind.is_user()) > MAX_CONTEXT_DEPTH {
            return Err("this path goes deeper than a context can be here");
        }
        Ok(match parts.as_slice() {
            [only] if only == "kind" => Self::Kinds,
            [only] if only == "key" => Self::Key(kind.clone()),
            [only] if only == "anonymous" => Self::Anonymous(kind.clone()),
            parts => Self::Named(kind.name(parts)),
        })
    }

    /// Its names in an Usher context: the first that is there counts.
    pub(super) fn names(&self, source: &Source<'_>) -> Vec<String> {
        match self {
            Self::Kinds => Vec::new(),
            Self::Key(kind) => kind.key_names(source),
            Self::Anonymous(kind) => vec![kind.name(&["anonymous".to_owned()])],
            Self::Named(name) => vec![name.clone()],
        }
    }

    /// Whether a context has it.
    pub(super) fn is_there(&self, source: &Source<'_>) -> Condition {
        match self {
            Self::Kinds => Condition::All(Vec::new()),
            Self::Key(kind) | Self::Anonymous(kind) => kind.is_there(source),
            Self::Named(name) => compare(name, Operator::Exists, []),
        }
    }

    /// Whether a context of the right kind lacks it and it counts as `false` for that.
    pub(super) fn is_false_for_lack(&self, source: &Source<'_>) -> Option<Condition> {
        let Self::Anonymous(kind) = self else { return None };
        let lacking = self
            .names(source)
            .iter()
            .map(|name| compare(name, Operator::Exists, [Scalar::Bool(false)]))
            .collect::<Vec<_>>();
        Some(Condition::All(lacking.into_iter().chain([kind.is_there(source)]).collect()))
    }
}

/// The names of an attribute, if it can be asked for. Noted, when it can't, and when a user's attribute stands where
/// a context of another kind does.
pub(super) fn checked_names(
    source: &Source<'_>,
    attribute: &Attribute,
    kind: &Kind,
    at: &str,
    notes: &mut Notes,
) -> Option<Vec<String>> {
    let names = attribute.names(source);
    if !names.iter().all(|name| check_name(name, source.options, at, notes)) {
        return None;
    }
    if let Attribute::Named(name) = attribute
        && kind.is_user()
        && let Some(first) = name.split('.').next().filter(|first| source.kinds.contains(first))
    {
        let text = format!(
            "here the attribute `{first}` of a user stands where a context of the kind `{first}` does"
        );
        notes.approximated(at, text);
    }
    Some(names)
}

fn literal(name: &str) -> Result<Vec<String>, &'static str> {
    if name.is_empty() { Err("this names no attribute") } else { Ok(vec![name.to_owned()]) }
}

/// A name, or a path of names with a `/` before each, in which `~1` stands for `/` and `~0` for `~`.
fn path(reference: &str) -> Result<Vec<String>, &'static str> {
    let Some(path) = reference.strip_prefix('/') else { return literal(reference) };
    if path.is_empty() {
        return Err("this names no attribute");
    }
    let parts: Vec<String> =
        path.split('/').map(unescape).collect::<Option<_>>().ok_or("this is not a path to an attribute")?;
    Ok(parts)
}

fn unescape(part: &str) -> Option<String> {
    let mut rest = part.chars();
    let mut own = String::with_capacity(part.len());
    while let Some(c) = rest.next() {
        own.push(match c {
            '~' => match rest.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    (!own.is_empty()).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_published() {
        let named = |name: &str| Ok(Attribute::Named(name.to_owned()));
        let org = Kind::parse("org").unwrap();
        for (reference, expected) in [
            ("name", named("name")),
            ("/name", named("name")),
            ("/address/city", named("address.city")),
            ("a/b", named("a/b")),
            ("/a~1b/~0", named("a/b.~")),
            ("/kind", Ok(Attribute::Kinds)),
            ("key", Ok(Attribute::Key(Kind::user()))),
            ("/key/x", named("key.x")),
        ] {
            assert_eq!(Attribute::read(reference, false, &Kind::user()), expected, "{reference}");
        }
        for bad in ["", "/", "//", "/a/", "/a//b", "/~", "/~2", "/a/b/c/d/e/f/g/h/i"] {
            assert!(Attribute::read(bad, false, &Kind::user()).is_err(), "{bad}");
        }
        assert_eq!(Attribute::read("/a/b", true, &Kind::user()), named("/a/b"));
        assert_eq!(Attribute::read("plan", false, &org), named("org.plan"));
        for bad in ["", "kind", "multi", "a b", "ä"] {
            assert_eq!(Kind::parse(bad), None, "{bad}");
        }
    }
}
