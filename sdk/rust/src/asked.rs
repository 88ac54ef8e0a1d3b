//! Values mode: who the values are asked for, which may change while answers are on their way.

use serde_json::Value;
use usher_core::Context;

/// Who the values are asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Counts the contexts: values that were made for an earlier one are not published any more.
    pub(crate) generation: u64,
    /// The context, as the server reads it.
    pub(crate) context: Value,
    /// Whom the values are kept for on disk: a person's other attributes change, and are no other person.
    pub(crate) person: Option<String>,
}

impl Asked {
    /// A context, with the venue that the client was built for.
    pub(crate) fn new(generation: u64, context: &Context, venue: Option<&str>) -> Self {
        let mut json = context.to_json();
        if let (Some(venue), Some(fields)) = (venue, json.as_object_mut()) {
            fields.entry("venue").or_insert_with(|| venue.into());
        }
        Self { generation, context: json, person: context.targeting_key().map(ToOwned::to_owned) }
    }
}
