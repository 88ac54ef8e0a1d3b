//! Plain HTTP to the upstream.

use std::time::Duration;

/// A connection that is not there by then will not come.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Longest time that one request may take: somebody waits for it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The upstream, as it is asked over plain HTTP.
#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    upstream: String,
}

impl Http {
    /// For an upstream (`http://…`, `https://…`).
    pub(crate) fn new(upstream: &str) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder().connect_timeout(CONNECT_WITHIN).timeout(ANSWER_WITHIN);
        Ok(Self { client: client.build()?, upstream: upstream.to_owned() })
    }

    /// Asks with a key.
    pub(crate) fn get(&self, path: &str, key: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.upstream)).bearer_auth(key)
    }

    /// Tells with a key.
    pub(crate) fn post(&self, path: &str, key: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{path}", self.upstream)).bearer_auth(key)
    }

    /// Where it is.
    pub(crate) fn upstream(&self) -> &str {
        &self.upstream
    }
}
