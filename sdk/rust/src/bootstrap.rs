//! Flags that a program brings along.

use serde::Deserialize;
use usher_core::{
    model::{Document, EnvironmentKey},
    protocol::{Mode, ValueMap},
    schema::{OLDEST, SPOKEN, is_spoken, values::all_to_one},
};

use crate::builder::BuildError;

/// Flags that a program brings along, for a first start without a server.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    pub(crate) environment: EnvironmentKey,
    pub(crate) flags: Flags,
}

/// Flags, in the form of a mode.
#[derive(Clone, Debug)]
pub(crate) enum Flags {
    Documents(Vec<Document>),
    Values(ValueMap),
}

impl Bootstrap {
    /// Reads flags of an environment. For ruleset mode: what `usher export` writes, or what
    /// `GET /sdk/v1/ruleset` answers. For values mode: what `POST /sdk/v1/values` answers.
    ///
    /// ```
    /// use usher_sdk::{Bootstrap, Client, Context, Mode};
    /// let flags = r#"{"values": {"resale-guard": {"value": true, "variant": "on", "reason": "STATIC"}}}"#;
    /// let client = Client::builder("http://127.0.0.1:1", "uck_…")
    ///     .mode(Mode::Values)
    ///     .bootstrap(Bootstrap::from_json("production", flags)?)
    ///     .build()?;
    /// assert!(client.boolean("resale-guard", &Context::anonymous(), false));
    /// # Ok::<(), usher_sdk::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// Text that is none of these, or that says it is of another environment.
    pub fn from_json(environment: &str, json: &str) -> Result<Self, BuildError> {
        #[derive(Deserialize)]
        struct Text {
            environment: Option<String>,
            schema: Option<u32>,
            documents: Option<Vec<Document>>,
            values: Option<ValueMap>,
        }
        let bad = |why: String| Err(BuildError::Bootstrap(why));
        let text: Text =
            serde_json::from_str(json).map_err(|error| BuildError::Bootstrap(error.to_string()))?;
        if let Some(other) = text.environment.filter(|own| own != environment) {
            return bad(format!("it is of the environment `{other}`, not of `{environment}`"));
        }
        let schema = text.schema.unwrap_or(OLDEST);
        if !is_spoken(schema) {
            return bad(format!("it is of schema {schema}, and this version reads {SPOKEN:?}"));
        }
        let flags = match (text.documents, text.values) {
            (Some(documents), None) => Flags::Documents(documents),
            (None, Some(values)) => Flags::Values(all_to_one(values, schema)),
            (Some(_), Some(_)) => return bad("it has both `documents` and `values`: keep one".to_owned()),
            (None, None) => return bad("it has neither `documents` nor `values`".to_owned()),
        };
        let environment = environment.parse().map_err(BuildError::Bootstrap)?;
        Ok(Self { environment, flags })
    }

    /// Itself, if a client in this mode can use it.
    pub(crate) fn for_mode(self, mode: Mode) -> Result<Self, BuildError> {
        let mend = match (mode, &self.flags) {
            (Mode::Ruleset, Flags::Documents(_)) | (Mode::Values, Flags::Values(_)) => return Ok(self),
            (Mode::Ruleset, Flags::Values(_)) => {
                "it has `values`, and a client in ruleset mode needs `documents`: take what \
                 GET /sdk/v1/ruleset answers, or what `usher export` writes"
            }
            (Mode::Values, Flags::Documents(_)) => {
                "it has `documents`, and a client in values mode needs `values`: take what \
                 POST /sdk/v1/values answers"
            }
        };
        Err(BuildError::Bootstrap(mend.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        for (json, why) in [
            ("7", "invalid type"),
            ("{}", "neither"),
            (r#"{"documents": [], "values": {}}"#, "both"),
            (r#"{"documents": [], "environment": "staging"}"#, "`staging`"),
            (r#"{"documents": [], "schema": 9}"#, "schema 9"),
        ] {
            let error = Bootstrap::from_json("production", json).unwrap_err().to_string();
            assert!(error.contains(why), "{json}: {error}");
        }
        let values = Bootstrap::from_json("production", r#"{"values": {}}"#).unwrap();
        assert!(values.clone().for_mode(Mode::Values).is_ok());
        assert!(values.for_mode(Mode::Ruleset).unwrap_err().to_string().contains("/sdk/v1/ruleset"));
    }
}
