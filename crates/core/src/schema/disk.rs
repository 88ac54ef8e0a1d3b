//! Flags on disk, for this version of an app and for the one before.
//!
//! A file is of the oldest schema that this version knows, so that an app that is put back to the version before finds
//! its flags. What that schema can't say is beside it, under a name that older versions pass over.

use super::{Form, NEWEST, OLDEST, documents::written, values};
use crate::protocol::{RulesetBody, ValuesBody};

/// Documents as they are kept on disk, whichever schema they came in: for an SDK, or for an edge.
#[must_use]
pub fn kept_ruleset(body: RulesetBody, is_edge: bool) -> RulesetBody {
    let form = Form::of(OLDEST, is_edge);
    let mut newer = Vec::new();
    let documents = body.documents.into_iter().map(|document| {
        let one = written(&document, form);
        // What differs says something that schema 1 can't.
        if one != document {
            newer.push(document);
        }
        one
    });
    RulesetBody { schema: OLDEST, documents: documents.collect(), newer, ..body }
}

/// What was kept, as this version reads it.
///
/// # Errors
/// The number of a schema that it does not know.
pub fn read_ruleset(mut body: RulesetBody) -> Result<RulesetBody, u32> {
    if !super::is_spoken(body.schema) {
        return Err(body.schema);
    }
    // A file of a version that did not say: it can only be known of what the oldest schema can't say.
    let known = if body.newer.is_empty() { OLDEST } else { NEWEST };
    body.came_in.get_or_insert(known);
    for newer in std::mem::take(&mut body.newer) {
        match body.documents.iter_mut().find(|own| own.id() == newer.id()) {
            Some(own) => *own = newer,
            None => body.documents.push(newer),
        }
    }
    Ok(RulesetBody { schema: NEWEST, ..body })
}

/// Values as they are kept on disk; in schema 1, as they are in an SDK's memory.
#[must_use]
pub fn kept_values(body: ValuesBody) -> ValuesBody {
    ValuesBody { values: values::all_to_one(body.values, body.schema), schema: OLDEST, ..body }
}

/// What was kept, or polled, in schema 1.
///
/// # Errors
/// The number of a schema that this version does not know.
pub fn read_values(body: ValuesBody) -> Result<ValuesBody, u32> {
    if super::is_spoken(body.schema) { Ok(kept_values(body)) } else { Err(body.schema) }
}
