//! Getting everything by plain HTTP, where a stream does not come through.

use std::{sync::Arc, time::Duration};

use reqwest::{StatusCode, header, redirect::Policy};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use usher_core::{
    model::VenueKey,
    protocol::{Mode, Resume, RulesetBody, Standing, ValuesBody},
    schema::{SPOKEN, disk, is_spoken},
};

use crate::{
    asked::Asked,
    limits,
    link::CONNECT_WITHIN,
    obstacle::{Obstacle, is_ours},
    shared::Shared,
    tls,
};

/// Longest text of a refusal that is read, in bytes.
const MAX_PROBLEM_BYTES: usize = 64 * 1024;
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

/// Why a poll has brought nothing.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) obstacle: Obstacle,
    pub(crate) why: String,
}

impl Failed {
    fn unwell(why: String) -> Self {
        Self { obstacle: Obstacle::Unwell, why }
    }
}

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Self {
        // By itself it only says that something failed, not what.
        let mut why = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            why = format!("{why}: {error}");
            cause = error.source();
        }
        Self { obstacle: Obstacle::of(&error), why }
    }
}

/// A client for plain HTTP at this address. It gives up on silence, not on a long answer over a slow line, and is led
/// nowhere else: a captive portal leads to itself.
pub(crate) async fn client(url: &str) -> Result<reqwest::Client, String> {
    let tls = if url.starts_with("https://") { (*tls::config().await).clone() } else { tls::none() };
    let stays = Policy::custom(|attempt| {
        let home = attempt.previous().first().and_then(|url| url.host_str());
        let same = home.is_some() && home == attempt.url().host_str() && attempt.previous().len() < 4;
        if same { attempt.follow() } else { attempt.stop() }
    });
    let builder = reqwest::Client::builder().connect_timeout(CONNECT_WITHIN).read_timeout(CONNECT_WITHIN);
    builder.redirect(stays).tls_backend_preconfigured(tls).build().map_err(|error| error.to_string())
}

/// Asks once. `tag` is that of what the client has, and `place` where that is from: it is given nothing older.
///
/// # Errors
/// No connection, or an answer that can't be read.
pub(crate) async fn poll(
    http: reqwest::Client,
    shared: Arc<Shared>,
    asked: Arc<Asked>,
    tag: Option<String>,
    place: Option<Resume>,
) -> Result<Said, Failed> {
    timeout(LONGEST, ask(&http, &shared, &asked, tag, place)).await.unwrap_or_else(|_| {
        Err(Failed { obstacle: Obstacle::Unreachable, why: "it takes too long".to_owned() })
    })
}

/// An answer's whole body, if it is no longer than this.
async fn whole(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, Failed> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(Failed::unwell(format!("the answer has more than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

async fn ask(
    http: &reqwest::Client,
    shared: &Shared,
    asked: &Asked,
    tag: Option<String>,
    place: Option<Resume>,
) -> Result<Said, Failed> {
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
    if let Some(Resume { epoch, seq, .. }) = place {
        request = request.query(&[("have", format!("{epoch}-{seq}"))]);
    }
    if let Some(tag) = tag {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    let response = request.send().await?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let standing = Standing::from_headers(header);
    let ours = is_ours(response.headers());
    match response.status() {
        StatusCode::NOT_MODIFIED => return Ok((Polled::NotModified, standing)),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST if ours => {
            let why = format!("the server refuses this key ({})", response.status());
            let body = whole(response, MAX_PROBLEM_BYTES).await.ok();
            let problem = body.and_then(|body| serde_json::from_slice::<Problem>(&body).ok());
            let unsigned = problem.filter(|problem| problem.code.starts_with("signed_context_"));
            let refused = unsigned.map_or(Polled::Refused(why), |problem| Polled::Unsigned(problem.detail));
            return Ok((refused, standing));
        }
        status if status.is_server_error() && status != StatusCode::NETWORK_AUTHENTICATION_REQUIRED => {
            return Err(Failed::unwell(format!("the server answered {status}")));
        }
        status if !ours => {
            let why = format!("somebody else answered {status} for the server, without its form");
            return Err(Failed { obstacle: Obstacle::Portal, why });
        }
        status if !status.is_success() => {
            return Err(Failed::unwell(format!("the server answered {status}")));
        }
        _ => {}
    }
    let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(ToOwned::to_owned);
    let bytes = whole(response, limits::all(config.mode)).await?;
    let unreadable =
        |error: serde_json::Error| Failed::unwell(format!("the server's answer can't be read: {error}"));
    let unknown = |schema: u32| {
        Failed::unwell(format!("the server's answer is of schema {schema}, and {SPOKEN:?} are read here"))
    };
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
