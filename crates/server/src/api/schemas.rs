//! The documents' schemas for the OpenAPI document. The core does not know of OpenAPI, so they stand here, as
//! JSON Schema; a test holds them against real documents.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

/// JSON Schemas by name.
const SCHEMAS: &str = include_str!("schemas.json");

fn schema(name: &str) -> RefOr<Schema> {
    let mut all: serde_json::Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    serde_json::from_value(all[name].take()).unwrap_or_default()
}

macro_rules! documents {
    ($($(#[$doc:meta])* $type:ident = $name:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Serialize)]
            pub struct $type;

            impl PartialSchema for $type {
                fn schema() -> RefOr<Schema> {
                    schema($name)
                }
            }

            impl ToSchema for $type {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed($name)
                }
            }
        )*
    };
}

documents! {
    /// A flag.
    FlagSchema = "Flag";
    /// A flag in one environment.
    FlagConfigSchema = "FlagConfig";
    /// A rule of a flag.
    RuleSchema = "Rule";
    /// What is asked of another flag.
    PrerequisiteSchema = "Prerequisite";
    /// A share of contexts.
    RolloutSchema = "Rollout";
    /// What is served.
    ServeSchema = "Serve";
    /// A condition.
    ConditionSchema = "Condition";
    /// A cohort.
    CohortSchema = "Cohort";
    /// A venue.
    VenueSchema = "Venue";
    /// An environment.
    EnvironmentSchema = "Environment";
    /// An evening at a venue.
    EventSchema = "Event";
    /// A time in which nothing is changed.
    FreezeSchema = "Freeze";
    /// What is done in an emergency.
    PlaybookSchema = "Playbook";
    /// What is done when.
    ScheduleSchema = "Schedule";
    /// When something is done.
    WhenSchema = "When";
    /// A change that is to be looked at before it is made.
    ChangeRequestSchema = "ChangeRequest";
    /// A staged rollout.
    ReleaseSchema = "Release";
    /// A role that holds in some places only.
    RoleBindingSchema = "RoleBinding";
    /// Who somebody is at an OpenID provider.
    OpenIdSchema = "OpenId";
    /// A credential, without its hash.
    KeySchema = "Key";
    /// What a venue gets from a flag.
    ExposureSchema = "Exposure";
    /// One document of a commit, before or after.
    DocumentSchema = "Document";
    /// A change of one document.
    ChangeSchema = "Change";
}

/// A page of documents.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageOf<T> {
    /// The documents.
    items: Vec<ItemOf<T>>,
    /// How many there are on all pages.
    total: usize,
    /// What to ask for the next page with; none on the last.
    next_cursor: Option<String>,
    /// As of this commit.
    seq: u64,
}

/// A document with its version.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemOf<T> {
    /// The commit that last wrote it.
    version: u64,
    /// When.
    updated_at: String,
    /// Who.
    updated_by: String,
    /// When a schedule is due.
    due: Option<super::schedules::DueSchema>,
    /// What a change request that is open still lacks.
    standing: Option<super::change_requests::view::StandingView>,
    /// The document.
    document: T,
}

/// The answer to a document that was written.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrittenOf<T> {
    /// The commit.
    seq: u64,
    /// Its time.
    at: String,
    /// The document's version.
    version: u64,
    /// The document as it is now.
    document: T,
    /// Whether this is the answer to an earlier sending, given again.
    replayed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_can_be_read_and_says_something() {
        let all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(SCHEMAS).unwrap();
        for (name, written) in all {
            let read: Schema = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(
                serde_json::to_value(read).unwrap()["properties"].is_object(),
                written["properties"].is_object(),
                "{name}"
            );
        }
    }
}
