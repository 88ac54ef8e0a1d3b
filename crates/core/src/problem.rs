//! What is wrong with an input, said so that a person can mend it.
//!
//! Whoever reads a document, a context or a request answers with [`Problems`]: one [`Problem`] for each
//! bad field, with the field's path, the value that was found (shortened) and what to do about it.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Longest excerpt of a bad value that is repeated to its sender, in characters.
const MAX_EXCERPT: usize = 80;
/// Longest path and longest sentence of a problem, in characters: both may name a field as it was sent.
const MAX_DETAIL: usize = 400;

/// One field that can't be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Path of the field, `environments.production.rules[0].serve`; empty for the document as a whole.
    pub field: String,
    /// The value found there, as JSON, shortened.
    pub value: String,
    /// What is wrong with it.
    pub detail: String,
    /// What the person can do.
    pub mend: String,
}

impl Problem {
    /// A problem with `value` at `field`.
    pub fn new(
        field: impl Into<String>,
        value: impl fmt::Display,
        detail: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            field: excerpt(field.into(), MAX_DETAIL),
            value: excerpt(value.to_string(), MAX_EXCERPT),
            detail: excerpt(detail.into(), MAX_DETAIL),
            mend: mend.into(),
        }
    }

    /// The same problem, its field named from one level further out.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.field = join(outer, &self.field);
        self
    }
}

/// Joins two parts of a field path: `rules` and `[0].serve` make `rules[0].serve`.
#[must_use]
pub fn join(outer: &str, inner: &str) -> String {
    match (outer.is_empty(), inner.is_empty()) {
        (true, _) => inner.to_owned(),
        (_, true) => outer.to_owned(),
        _ if inner.starts_with('[') => format!("{outer}{inner}"),
        _ => format!("{outer}.{inner}"),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{} (found {}). {}", self.detail, self.value, self.mend)
    }
}

/// All that is wrong with one input. Never empty when it is used as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// `Ok(value)` when nothing was found wrong.
    ///
    /// # Errors
    /// `self`, when there is at least one problem.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds all of `other`, their fields named from `outer`.
    pub fn extend_within(&mut self, outer: &str, other: Self) {
        self.0.extend(other.0.into_iter().map(|problem| problem.within(outer)));
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Reads JSON text strictly as a `T`: errors carry the path and the value they are about.
///
/// # Errors
/// One [`Problem`]: the text is not JSON, nests too deeply, or does not have the shape of a `T`.
pub fn from_json<T: serde::de::DeserializeOwned>(text: &[u8]) -> Result<T, Problems> {
    from_value(parse_json(text)?)
}

/// Reads JSON text as a tree.
///
/// # Errors
/// One [`Problem`] with line and column.
pub fn parse_json(text: &[u8]) -> Result<Value, Problems> {
    serde_json::from_slice(text).map_err(|error| {
        let detail = if error.to_string().contains("recursion limit") {
            "this JSON nests too deeply".to_owned()
        } else {
            format!("this is not valid JSON: {error}")
        };
        let start = String::from_utf8_lossy(&text[..text.len().min(4 * MAX_EXCERPT)]).into_owned();
        Problem::new("", start, detail, "Send one well-formed JSON object in UTF-8.").into()
    })
}

/// Reads a JSON tree strictly as a `T`.
///
/// # Errors
/// One [`Problem`] that names the path within the tree.
pub fn from_value<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Problems> {
    // A list would be read as the fields in their order, and an empty one as all their defaults.
    if !value.is_object() {
        return Err(Problem::new("", value, "this is not an object", "Send one JSON object.").into());
    }
    // The tree is read by reference, so that the offending value can still be shown.
    serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().clone();
        let detail = error.into_inner().to_string();
        let mut at = Some(&value);
        for segment in &path {
            use serde_path_to_error::Segment;
            at = match segment {
                Segment::Seq { index } => at.and_then(|v| v.get(index)),
                Segment::Map { key } => at.and_then(|v| v.get(key)),
                Segment::Enum { .. } | Segment::Unknown => at,
            };
        }
        let field = match path.to_string() {
            dot if dot == "." => String::new(),
            path => path,
        };
        let found = at.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        Problem::new(field, found, detail.clone(), mend_for(&detail)).into()
    })
}

fn mend_for(detail: &str) -> &'static str {
    if detail.starts_with("unknown field") {
        "Remove the field or correct its name."
    } else if detail.starts_with("unknown variant") {
        "Use one of the names listed."
    } else if detail.starts_with("missing field") {
        "Add the field."
    } else if detail.starts_with("invalid type") {
        "Give a value of the expected type."
    } else {
        "Correct the value."
    }
}

fn excerpt(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}
