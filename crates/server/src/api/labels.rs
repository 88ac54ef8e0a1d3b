//! Who answers for flags, and what they are filed under: to choose from.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use usher_core::model::Kind;
use utoipa::ToSchema;

use crate::app::App;

/// Owners and tags that are told; who has more searches by typing.
const MAX_TOLD: usize = 1_000;

/// Owners and tags of flags.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlagLabels {
    /// By name.
    owners: Vec<FlagLabel>,
    /// By name.
    tags: Vec<FlagLabel>,
}

/// An owner or a tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlagLabel {
    /// Its name.
    name: String,
    /// How many flags have it, archived ones too.
    count: usize,
}

/// What is read of a flag.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Labelled {
    owner: Option<String>,
    tags: Vec<String>,
}

/// Lists owners and tags of flags.
#[utoipa::path(get, path = "/api/v1/flag-labels", tag = "flags", operation_id = "flag_labels",
    responses((status = 200, description = "Owners and tags", body = FlagLabels)))]
pub async fn labels(app: web::Data<App>) -> HttpResponse {
    let snapshot = app.world.snapshot();
    let (mut owners, mut tags) = (BTreeMap::new(), BTreeMap::new());
    for entry in snapshot.state.of_kind(&Kind::Flag) {
        let own: Labelled = serde_json::from_str(entry.document.json()).unwrap_or_default();
        if let Some(owner) = own.owner {
            *owners.entry(owner).or_default() += 1;
        }
        for tag in own.tags {
            *tags.entry(tag).or_default() += 1;
        }
    }
    let listed = |all: BTreeMap<String, usize>| {
        all.into_iter().take(MAX_TOLD).map(|(name, count)| FlagLabel { name, count }).collect()
    };
    HttpResponse::Ok().json(FlagLabels { owners: listed(owners), tags: listed(tags) })
}
