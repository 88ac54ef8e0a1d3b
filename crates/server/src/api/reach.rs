//! The reach of a change, before it is made: which venues would get something else, and how many devices are
//! there now.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use usher_core::{
    board::Exposure,
    model::{Document, DocumentId, EnvironmentKey, Kind, Seq, Venue},
    references,
};
use usher_journal::Change;
use utoipa::ToSchema;

use super::{
    commits::{RawChange, checked},
    schemas::{ChangeSchema, ExposureSchema},
};
use crate::{app::App, body::Body, clock, problem::Problem};

/// Largest body of a draft, in bytes: any viewer may send one. It holds all that a rollback of thousands of flags would
/// change; what is imported is more, and nobody asks whom that reaches.
pub(super) const MAX_DRAFT_BYTES: usize = 8 * 1024 * 1024;
/// Flags whose reach is computed, and differences that are listed.
const MAX_FLAGS: usize = 50;
const MAX_DIFFERENCES: usize = 2_000;

/// A change that has not been made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Draft {
    /// What would change.
    #[schema(value_type = Vec<ChangeSchema>)]
    changes: Vec<RawChange>,
    /// Only in this environment.
    environment: Option<String>,
}

/// How far it would reach.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    /// What venues would get instead.
    venues: Vec<Difference>,
    /// Devices connected now at those venues.
    devices: usize,
    /// Flags that lean on what would change.
    prerequisites: Vec<String>,
    /// Whether there are more differences than are listed.
    truncated: bool,
}

/// One venue that would get something else.
#[derive(Serialize, ToSchema)]
pub struct Difference {
    /// The venue.
    key: String,
    /// Its name.
    name: String,
    /// Devices connected there now.
    devices: usize,
    /// The flag.
    flag: String,
    /// Where.
    environment: String,
    /// What it gets now.
    #[schema(value_type = ExposureSchema)]
    before: Exposure,
    /// What it would get.
    #[schema(value_type = ExposureSchema)]
    after: Exposure,
}

/// Computes the reach of a change from the real rules and the real connections.
#[utoipa::path(post, path = "/api/v1/reach", tag = "board", operation_id = "reach", request_body = Draft,
    responses((status = 200, description = "Its reach", body = Reach), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn reach(app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    // Many documents, and many flags at many venues; streams are not to wait for them.
    let look = move || {
        let Draft { changes, environment } = usher_core::problem::from_json(&body)?;
        compute(&app, &checked(changes)?, environment.as_deref())
    };
    let reach = web::block(look).await.map_err(Problem::internal)??;
    Ok(HttpResponse::Ok().json(reach))
}

/// The reach of changes, in one environment only if that is named.
///
/// # Errors
/// They point to what is not there.
pub(super) fn compute(app: &App, changes: &[Change], environment: Option<&str>) -> Result<Reach, Problem> {
    let snapshot = app.world.snapshot();
    let after = snapshot.state.with(changes);
    let ids: Vec<DocumentId> = changes.iter().map(|change| change.id().clone()).collect();
    usher_core::Problems(references::check(&after, &ids).into_iter().map(|(_, problem)| problem).collect())
        .or(())?;
    let put: Vec<&Document> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Put(document) => Some(document),
            Change::Delete(_) => None,
        })
        .collect();
    let delete: Vec<&DocumentId> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Put(_) => None,
            Change::Delete(id) => Some(id),
        })
        .collect();
    let now = clock::now();
    let mut reach = Reach { venues: Vec::new(), devices: 0, prerequisites: Vec::new(), truncated: false };
    let mut devices: BTreeMap<String, usize> = BTreeMap::new();
    let wanted = |key: &EnvironmentKey| environment.is_none_or(|own| own == key.as_str());
    for (environment, before) in snapshot.environments.iter().filter(|(key, _)| wanted(key)) {
        let after = before.apply(Seq(before.seq().0 + 1), put.iter().copied(), delete.iter().copied());
        let connected = app.connections.by_venue(Some(environment));
        let mut flags = after.affected_by(&ids);
        flags.extend(before.affected_by(&ids));
        flags.sort_unstable();
        flags.dedup();
        reach.truncated |= flags.len() > MAX_FLAGS;
        for flag in flags.into_iter().take(MAX_FLAGS) {
            if !ids.contains(&DocumentId::new(Kind::Flag, flag))
                && !reach.prerequisites.iter().any(|own| own == flag)
            {
                reach.prerequisites.push(flag.to_owned());
            }
            for entry in snapshot.state.of_kind(&Kind::Venue) {
                let key = entry.document.key();
                let (old, new) = (before.exposure(flag, key, now), after.exposure(flag, key, now));
                if old == new {
                    continue;
                }
                let here = connected.get(key).copied().unwrap_or(0);
                devices.insert(format!("{environment}/{key}"), here);
                if reach.venues.len() >= MAX_DIFFERENCES {
                    reach.truncated = true;
                    continue;
                }
                let name =
                    entry.document.parse::<Venue>().map_or_else(|_| key.to_owned(), |venue| venue.name);
                reach.venues.push(Difference {
                    key: key.to_owned(),
                    name,
                    devices: here,
                    flag: flag.to_owned(),
                    environment: environment.to_string(),
                    before: old,
                    after: new,
                });
            }
        }
    }
    reach.devices = devices.values().sum();
    Ok(reach)
}
