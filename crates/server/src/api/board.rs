//! The board: flags down, venues across, and what each venue gets.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use usher_core::{
    Ruleset,
    board::Exposure,
    model::{Flag, Kind, Seq, Timestamp},
};
use usher_journal::{Entry, State};
use utoipa::{IntoParams, ToSchema};

use super::{documents::is_of, schemas::ExposureSchema, world_at};
use crate::{app::App, clock, problem::Problem, world::Snapshot};

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
    /// Only flags of this owner.
    owner: Option<String>,
    /// Only flags with this tag.
    tag: Option<String>,
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
    /// Whether to say what the venues are: true, when not said. Without, `venues` stays empty; the cells are there.
    venue_heads: Option<bool>,
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
    /// Names the venues of the workspace: cells fit the venues of another answer to the same search that says the same
    /// here.
    venues_tag: String,
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
    flag_type: String,
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

/// What a venue is searched by and shown with. To read thousands of documents whole takes long.
#[derive(Default, Deserialize)]
#[serde(default)]
struct VenueHead {
    name: String,
    city: String,
    country: String,
    tags: Vec<String>,
    capacity: Option<u32>,
}

/// What a flag is searched by.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FlagHead {
    name: String,
    #[serde(rename = "type")]
    flag_type: String,
    owner: Option<String>,
    tags: Vec<String>,
}

/// A part of a document; nothing of it where this version does not understand it.
fn head<H: DeserializeOwned + Default>(entry: &Entry) -> H {
    serde_json::from_str(entry.document.json()).unwrap_or_default()
}

fn contains(text: &str, search: &str) -> bool {
    text.to_lowercase().contains(search)
}

/// The text searched for, and the keys asked for.
struct Wanted<'q> {
    search: String,
    only: Option<Vec<&'q str>>,
}

impl<'q> Wanted<'q> {
    fn new(search: Option<&str>, only: Option<&'q str>) -> Self {
        Self {
            search: search.unwrap_or_default().to_lowercase(),
            only: only.map(|list| list.split(',').collect()),
        }
    }

    fn names(&self, entry: &Entry) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&entry.document.key()))
    }
}

fn venues<'s>(state: &'s State, query: &BoardQuery) -> Vec<&'s Entry> {
    let wanted = Wanted::new(query.venue_search.as_deref(), query.venues.as_deref());
    let is_search = !wanted.search.is_empty() || query.country.is_some();
    let fits = |entry: &&Entry| {
        if !is_search {
            return true;
        }
        let venue: VenueHead = head(entry);
        query.country.as_ref().is_none_or(|country| *country == venue.country)
            && [entry.document.key(), &venue.name, &venue.city, &venue.country]
                .into_iter()
                .any(|text| contains(text, &wanted.search))
    };
    state.of_kind(&Kind::Venue).filter(|entry| wanted.names(entry)).filter(fits).collect()
}

fn flags<'s>(state: &'s State, query: &BoardQuery) -> Vec<&'s Entry> {
    let wanted = Wanted::new(query.search.as_deref(), query.flags.as_deref());
    let fits = |entry: &&Entry| {
        if wanted.search.is_empty() || contains(entry.document.key(), &wanted.search) {
            return true;
        }
        let flag: FlagHead = head(entry);
        [flag.name.as_str(), flag.owner.as_deref().unwrap_or_default()]
            .into_iter()
            .chain(flag.tags.iter().map(String::as_str))
            .any(|text| contains(text, &wanted.search))
    };
    let (owner, tag) = (query.owner.as_deref(), query.tag.as_deref());
    let is_wanted = |entry: &&Entry| wanted.names(entry) && is_of(&entry.document, owner, tag);
    state.of_kind(&Kind::Flag).filter(is_wanted).filter(fits).collect()
}

/// Tells one set of venues from another: whoever adds or changes one makes a newer version, who deletes makes them fewer.
fn venues_tag(state: &State) -> String {
    let (count, newest) = state
        .of_kind(&Kind::Venue)
        .fold((0_usize, Seq::ZERO), |(count, newest), entry| (count + 1, newest.max(entry.version)));
    format!("{count}-{newest}")
}

fn row(ruleset: &Ruleset, entry: &Entry, venues: &[&Entry], now: Timestamp) -> BoardFlag {
    let key = entry.document.key();
    let mut outcomes: Vec<Exposure> = Vec::new();
    let cells = venues.iter().map(|venue| {
        let exposure = ruleset.exposure(key, venue.document.key(), now);
        outcomes.iter().position(|own| *own == exposure).unwrap_or_else(|| {
            outcomes.push(exposure);
            outcomes.len() - 1
        })
    });
    let cells = cells.collect();
    // One that this version does not understand has its row all the same.
    let flag = entry.document.parse::<Flag>().ok();
    let config = flag.as_ref().and_then(|flag| flag.environments.get(ruleset.environment()));
    let killed = config.map_or_else(BoardKilled::default, |config| BoardKilled {
        all: config.killed.all,
        venues: config.killed.venues.iter().map(ToString::to_string).collect(),
        cohorts: config.killed.cohorts.iter().map(ToString::to_string).collect(),
    });
    let FlagHead { name, flag_type, owner, tags } = head(entry);
    BoardFlag {
        key: key.to_owned(),
        name,
        flag_type,
        version: entry.version,
        configured: config.is_some(),
        enabled: config.is_some_and(|config| config.enabled),
        killed,
        tags,
        owner,
        outcomes,
        cells,
    }
}

/// The part of the board that `query` asks for, with what `connected` says of each venue.
fn part(
    query: BoardQuery,
    snapshot: &Snapshot,
    ruleset: &Ruleset,
    connected: impl Fn(&str) -> usize,
    now: Timestamp,
) -> Board {
    let state = &*snapshot.state;
    let (all_venues, all_flags) = (venues(state, &query), flags(state, &query));
    let limit = query.venue_limit.unwrap_or(VENUES).min(MAX_VENUES);
    let columns = all_venues.iter().skip(query.venue_offset.unwrap_or(0)).take(limit);
    let columns: Vec<&Entry> = columns.copied().collect();
    let limit = query.limit.unwrap_or(FLAGS).min(MAX_FLAGS);
    let rows = all_flags.iter().skip(query.offset.unwrap_or(0)).take(limit);
    let flags = rows.map(|entry| row(ruleset, entry, &columns, now)).collect();
    let shown: &[&Entry] = if query.venue_heads.unwrap_or(true) { &columns } else { &[] };
    let venues = shown.iter().map(|entry| {
        let VenueHead { name, city, country, tags, capacity } = head(entry);
        let key = entry.document.key().to_owned();
        BoardVenue { connected: connected(&key), key, name, city, country, tags, capacity }
    });
    Board {
        seq: snapshot.seq(),
        total_flags: all_flags.len(),
        total_venues: all_venues.len(),
        venues_tag: venues_tag(state),
        venues: venues.collect(),
        flags,
        environment: query.environment,
    }
}

/// Reads a part of the board.
#[utoipa::path(get, path = "/api/v1/board", tag = "board", operation_id = "board", params(BoardQuery),
    responses((status = 200, description = "A part of the board", body = Board), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn board(app: web::Data<App>, query: web::Query<BoardQuery>) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    let snapshot = world_at(&app, query.at.as_deref()).await?;
    let ruleset = snapshot.ruleset(&query.environment).map(Arc::clone);
    let ruleset = ruleset.ok_or_else(|| Problem::not_found(format!("environment {}", query.environment)))?;
    let connected = app.connections.by_venue(Some(&query.environment));
    let now = clock::now();
    // Up to millions of cells; streams are not to wait for them.
    let part = web::block(move || {
        let connected = |venue: &str| connected.get(venue).copied().unwrap_or(0);
        part(query, &snapshot, &ruleset, connected, now)
    });
    Ok(HttpResponse::Ok().json(part.await.map_err(Problem::internal)?))
}
