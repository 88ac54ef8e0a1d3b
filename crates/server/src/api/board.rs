//! The board: flags down, venues across, and what each venue gets.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use usher_core::{
    Ruleset,
    board::Exposure,
    model::{Flag, Kind, Seq, Timestamp, Venue},
};
use usher_journal::State;
use utoipa::{IntoParams, ToSchema};

use super::{schemas::ExposureSchema, world_at};
use crate::{app::App, clock, problem::Problem};

/// Flags and venues on one answer, when not said, and at most: cells are computed for each pair.
const FLAGS: usize = 50;
const MAX_FLAGS: usize = 500;
const VENUES: usize = 200;
const MAX_VENUES: usize = 5_000;

/// Which part of the board.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct BoardQuery {
    /// The environment.
    environment: String,
    /// Only flags whose key, name, owner or tags contain this.
    search: Option<String>,
    /// Only venues whose key, name, city or country contain this.
    venue_search: Option<String>,
    /// Only venues in this country.
    country: Option<String>,
    /// Only these flags, separated by commas.
    flags: Option<String>,
    /// Only these venues, separated by commas.
    venues: Option<String>,
    /// Skip so many flags.
    offset: Option<usize>,
    /// At most so many flags.
    limit: Option<usize>,
    /// Skip so many venues.
    venue_offset: Option<usize>,
    /// At most so many venues.
    venue_limit: Option<usize>,
    /// As of this commit or time.
    at: Option<String>,
}

/// A part of the board.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// As of this commit.
    #[schema(value_type = u64)]
    seq: Seq,
    environment: String,
    /// Flags that fit, on all pages.
    total_flags: usize,
    /// Venues that fit, on all pages.
    total_venues: usize,
    venues: Vec<BoardVenue>,
    flags: Vec<BoardFlag>,
}

/// A column.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoardVenue {
    key: String,
    name: String,
    city: String,
    country: String,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
    /// Clients connected there now.
    connected: usize,
}

/// A row.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoardFlag {
    key: String,
    name: String,
    #[serde(rename = "type")]
    flag_type: &'static str,
    #[schema(value_type = u64)]
    version: Seq,
    /// Whether it is configured in this environment.
    configured: bool,
    enabled: bool,
    killed: BoardKilled,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// What there is to get.
    #[schema(value_type = Vec<ExposureSchema>)]
    outcomes: Vec<Exposure>,
    /// For each venue, in order, an index into `outcomes`.
    cells: Vec<usize>,
}

/// Where a flag is killed.
#[derive(Default, Serialize, ToSchema)]
pub struct BoardKilled {
    all: bool,
    venues: Vec<String>,
    cohorts: Vec<String>,
}

fn contains(text: &str, search: &str) -> bool {
    text.to_lowercase().contains(search)
}

fn venues(state: &State, query: &BoardQuery) -> Vec<Venue> {
    let search = query.venue_search.as_deref().unwrap_or_default().to_lowercase();
    let only: Option<Vec<&str>> = query.venues.as_deref().map(|list| list.split(',').collect());
    let all = state.of_kind(&Kind::Venue).filter_map(|entry| entry.document.parse::<Venue>().ok());
    all.filter(|venue| {
        only.as_ref().is_none_or(|only| only.contains(&venue.key.as_str()))
            && query.country.as_ref().is_none_or(|country| *country == venue.country)
            && (search.is_empty()
                || [venue.key.as_str(), &venue.name, &venue.city, &venue.country]
                    .into_iter()
                    .any(|text| contains(text, &search)))
    })
    .collect()
}

fn flags(state: &State, query: &BoardQuery) -> Vec<(Seq, Flag)> {
    let search = query.search.as_deref().unwrap_or_default().to_lowercase();
    let only: Option<Vec<&str>> = query.flags.as_deref().map(|list| list.split(',').collect());
    let all = state
        .of_kind(&Kind::Flag)
        .filter_map(|entry| Some((entry.version, entry.document.parse::<Flag>().ok()?)));
    all.filter(|(_, flag)| {
        only.as_ref().is_none_or(|only| only.contains(&flag.key.as_str()))
            && (search.is_empty()
                || [flag.key.as_str(), &flag.name, flag.owner.as_deref().unwrap_or_default()]
                    .into_iter()
                    .chain(flag.tags.iter().map(String::as_str))
                    .any(|text| contains(text, &search)))
    })
    .collect()
}

fn row(
    ruleset: &Arc<Ruleset>,
    version: Seq,
    flag: &Flag,
    venues: &[BoardVenue],
    now: Timestamp,
) -> BoardFlag {
    let mut outcomes: Vec<Exposure> = Vec::new();
    let cells = venues.iter().map(|venue| {
        let exposure = ruleset.exposure(&flag.key, &venue.key, now);
        outcomes.iter().position(|own| *own == exposure).unwrap_or_else(|| {
            outcomes.push(exposure);
            outcomes.len() - 1
        })
    });
    let cells = cells.collect();
    let config = flag.environments.get(ruleset.environment());
    let killed = config.map_or_else(BoardKilled::default, |config| BoardKilled {
        all: config.killed.all,
        venues: config.killed.venues.iter().map(ToString::to_string).collect(),
        cohorts: config.killed.cohorts.iter().map(ToString::to_string).collect(),
    });
    BoardFlag {
        key: flag.key.to_string(),
        name: flag.name.clone(),
        flag_type: flag.flag_type.as_str(),
        version,
        configured: config.is_some(),
        enabled: config.is_some_and(|config| config.enabled),
        killed,
        tags: flag.tags.clone(),
        owner: flag.owner.clone(),
        outcomes,
        cells,
    }
}

/// Reads a part of the board.
#[utoipa::path(get, path = "/api/v1/board", tag = "board", operation_id = "board", params(BoardQuery),
    responses((status = 200, description = "A part of the board", body = Board), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn board(app: web::Data<App>, query: web::Query<BoardQuery>) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    let snapshot = world_at(&app, query.at.as_deref()).await?;
    let ruleset = snapshot
        .ruleset(&query.environment)
        .ok_or_else(|| Problem::not_found(format!("environment {}", query.environment)))?;
    let connected = app.connections.by_venue(Some(&query.environment));
    let fitting_venues = venues(&snapshot.state, &query);
    let fitting_flags = flags(&snapshot.state, &query);
    let (total_flags, total_venues) = (fitting_flags.len(), fitting_venues.len());
    let limit = query.venue_limit.unwrap_or(VENUES).min(MAX_VENUES);
    let columns = fitting_venues.into_iter().skip(query.venue_offset.unwrap_or(0)).take(limit).map(|venue| {
        BoardVenue {
            connected: connected.get(venue.key.as_str()).copied().unwrap_or(0),
            key: venue.key.to_string(),
            name: venue.name,
            city: venue.city,
            country: venue.country,
            tags: venue.tags,
            capacity: venue.capacity,
        }
    });
    let columns: Vec<BoardVenue> = columns.collect();
    let limit = query.limit.unwrap_or(FLAGS).min(MAX_FLAGS);
    let now = clock::now();
    let offset = query.offset.unwrap_or(0);
    let ruleset = Arc::clone(ruleset);
    // Up to millions of cells; streams are not to wait for them.
    let (columns, rows) = web::block(move || {
        let rows = fitting_flags.iter().skip(offset).take(limit);
        let rows = rows.map(|(version, flag)| row(&ruleset, *version, flag, &columns, now)).collect();
        (columns, rows)
    })
    .await
    .map_err(Problem::internal)?;
    let environment = query.environment;
    let seq = snapshot.seq();
    Ok(HttpResponse::Ok().json(Board {
        seq,
        environment,
        total_flags,
        total_venues,
        venues: columns,
        flags: rows,
    }))
}
