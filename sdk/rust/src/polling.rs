//! Getting everything by plain HTTP, where a stream does not come through.

use reqwest::{StatusCode, header};
use serde_json::json;
use usher_core::protocol::{Mode, RulesetBody, ValuesBody};

use crate::shared::Shared;

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
}

/// Asks once. `tag` is that of what the client has.
///
/// # Errors
/// No connection, or an answer that can't be read.
pub(crate) async fn poll(
    http: &reqwest::Client,
    shared: &Shared,
    tag: Option<&str>,
) -> Result<Polled, String> {
    let config = &shared.config;
    let request = match config.mode {
        Mode::Ruleset => http.get(format!("{}/sdk/v1/ruleset", config.url)),
        Mode::Values => {
            let context = shared.context.borrow().clone();
            http.post(format!("{}/sdk/v1/values", config.url)).json(&json!({"context": context}))
        }
    };
    let mut request = request.bearer_auth(&config.key);
    if let Some(tag) = tag {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    let response = request.send().await.map_err(|error| error.to_string())?;
    match response.status() {
        StatusCode::NOT_MODIFIED => return Ok(Polled::NotModified),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Ok(Polled::Refused(format!("the server refuses this key ({})", response.status())));
        }
        status if !status.is_success() => return Err(format!("the server answered {status}")),
        _ => {}
    }
    let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(ToOwned::to_owned);
    let bytes = response.bytes().await.map_err(|error| error.to_string())?;
    let unreadable = |error: serde_json::Error| format!("the server's answer can't be read: {error}");
    Ok(match config.mode {
        Mode::Ruleset => Polled::Ruleset(serde_json::from_slice(&bytes).map_err(unreadable)?, tag),
        Mode::Values => Polled::Values(serde_json::from_slice(&bytes).map_err(unreadable)?, tag),
    })
}
