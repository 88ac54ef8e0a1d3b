//! Getting everything by plain HTTP, where a stream does not come through.

use std::{sync::Arc, time::Duration};

use reqwest::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use usher_core::{
    model::VenueKey,
    protocol::{Mode, RulesetBody, Standing, ValuesBody},
    schema::{SPOKEN, disk, is_spoken},
};

use crate::{asked::Asked, link::CONNECT_WITHIN, shared::Shared};

/// Longest time that one poll may take.
const LONGEST: Duration = Duration::from_secs(300);

/// What a poll has brought.
pub(crate) enum Polled {
    /// Nothing new.
    NotModified,
    /// All documents.
    Ruleset(Box<RulesetBody>, Option<String>),
    /// All values.
    Values(Box<ValuesBody>, Option<String>),
    /// The key was refused.
    Refused(String),
    /// The signed context was refused.
    Unsigned(String),
}

/// What a server says is wrong.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
}

/// The same, with what an edge says of itself.
pub(crate) type Said = (Polled, Option<Standing>);

/// A client for plain HTTP. It gives up on silence, not on a long answer over a slow line.
pub(crate) fn client() -> Result<reqwest::Client, String> {
    let builder = reqwest::Client::builder().connect_timeout(CONNECT_WITHIN).read_timeout(CONNECT_WITHIN);
    builder.build().map_err(|error| error.to_string())
}

/// Asks once. `tag` is that of what the client has.
///
/// # Errors
/// No connection, or an answer that can't be read.
pub(crate) async fn poll(
    http: reqwest::Client,
    shared: Arc<Shared>,
    asked: Arc<Asked>,
    tag: Option<String>,
) -> Result<Said, String> {
    timeout(LONGEST, ask(&http, &shared, &asked, tag))
        .await
        .unwrap_or_else(|_| Err("it takes too long".to_owned()))
}

async fn ask(
    http: &reqwest::Client,
    shared: &Shared,
    asked: &Asked,
    tag: Option<String>,
) -> Result<Said, String> {
    let config = &shared.config;
    let request = match config.mode {
        Mode::Ruleset => {
            let request = http.get(format!("{}/sdk/v1/ruleset", config.url));
            // Only what this venue needs.
            match config.venue.as_deref().filter(|venue| venue.parse::<VenueKey>().is_ok()) {
                Some(venue) => request.query(&[("venue", venue)]),
                None => request,
            }
        }
        Mode::Values => {
            http.post(format!("{}/sdk/v1/values", config.url)).json(&json!({"context": asked.context}))
        }
    };
    let offered = SPOKEN.map(|schema| schema.to_string()).join(",");
    let mut request = request.query(&[("schemas", offered)]).bearer_auth(&config.key);
    if let Some(tag) = tag {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    let response = request.send().await.map_err(|error| error.to_string())?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let standing = Standing::from_headers(header);
    match response.status() {
        StatusCode::NOT_MODIFIED => return Ok((Polled::NotModified, standing)),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => {
            let why = format!("the server refuses this key ({})", response.status());
            let problem = response.json::<Problem>().await.ok();
            let unsigned = problem.filter(|problem| problem.code.starts_with("signed_context_"));
            let refused = unsigned.map_or(Polled::Refused(why), |problem| Polled::Unsigned(problem.detail));
            return Ok((refused, standing));
        }
        status if !status.is_success() => return Err(format!("the server answered {status}")),
        _ => {}
    }
    let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(ToOwned::to_owned);
    let bytes = response.bytes().await.map_err(|error| error.to_string())?;
    let unreadable = |error: serde_json::Error| format!("the server's answer can't be read: {error}");
    let unknown =
        |schema: u32| format!("the server's answer is of schema {schema}, and {SPOKEN:?} are read here");
    let polled = match config.mode {
        Mode::Ruleset => {
            let body: RulesetBody = serde_json::from_slice(&bytes).map_err(unreadable)?;
            if !is_spoken(body.schema) {
                return Err(unknown(body.schema));
            }
            Polled::Ruleset(Box::new(body), tag)
        }
        Mode::Values => {
            let body: ValuesBody = serde_json::from_slice(&bytes).map_err(unreadable)?;
            Polled::Values(Box::new(disk::read_values(body).map_err(unknown)?), tag)
        }
    };
    Ok((polled, standing))
}
