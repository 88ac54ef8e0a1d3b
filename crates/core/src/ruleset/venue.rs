//! Venues, ready to answer for `venue.country` and its like.

use super::table::{KeyRef, Keyed};
use crate::{
    context::{AttributeValue, Attributes, attribute_value},
    model::Venue,
};

/// A venue whose fields are attributes under their full names, `venue.country`.
#[derive(Debug)]
pub(crate) struct CompiledVenue {
    key: KeyRef,
    pub(crate) attributes: Attributes,
}

impl CompiledVenue {
    pub(crate) fn compile(venue: &Venue) -> Self {
        let mut attributes = Attributes::default();
        // Free attributes first: a built-in field of the same name wins.
        for (name, value) in &venue.attributes {
            if let Some(value) = attribute_value(value) {
                attributes.set(&format!("venue.{name}"), value);
            }
        }
        let mut set = |name: &str, value: Option<AttributeValue>| {
            if let Some(value) = value {
                attributes.set(name, value);
            }
        };
        let text = |text: &str| (!text.is_empty()).then(|| text.into());
        set("venue.key", text(&venue.key));
        set("venue.name", text(&venue.name));
        set("venue.city", text(&venue.city));
        set("venue.country", text(&venue.country));
        set("venue.region", venue.region.as_deref().and_then(text));
        set("venue.capacity", venue.capacity.map(|seats| i64::from(seats).into()));
        set("venue.timeZone", venue.time_zone.as_deref().and_then(text));
        set("venue.tags", Some(venue.tags.iter().map(String::as_str).collect::<Vec<_>>().into()));
        Self { key: KeyRef::new(&venue.key), attributes }
    }
}

impl Keyed for CompiledVenue {
    fn key(&self) -> &KeyRef {
        &self.key
    }
}
