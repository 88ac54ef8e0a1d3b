//! Talking to a server's administration API.

use anyhow::{Context, Result};
use reqwest::{Method, header};
use serde_json::Value;

use crate::{
    args::Server,
    failure::{Refused, Unreachable},
};

/// A server that can be asked.
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

/// An answer.
pub struct Answer {
    /// Its body.
    pub body: Value,
    /// The version of the document that it is.
    pub etag: Option<String>,
}

impl Client {
    pub fn new(server: &Server) -> Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(std::time::Duration::from_secs(60))
            .build()
            .context("the HTTP client can't be made")?;
        Ok(Self { http, url: server.url.trim_end_matches('/').to_owned(), token: server.token.clone() })
    }

    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        Ok(self.ask(Method::GET, path, query, None, None).await?.body)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        Ok(self.ask(Method::POST, path, &[], Some(body), None).await?.body)
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        if_match: Option<&str>,
    ) -> Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).query(query);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(version) = if_match {
            request = request.header(header::IF_MATCH, version);
        }
        let unreachable = |error: reqwest::Error| {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Unreachable { url: self.url.clone(), cause }
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let etag =
            response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(ToOwned::to_owned);
        let text = response.text().await.map_err(unreachable)?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(Answer { body, etag });
        }
        Err(Refused(refusal(status.as_u16(), &body)).into())
    }
}

/// A problem in words: what, where, and the mend.
fn refusal(status: u16, body: &Value) -> String {
    let detail = body["detail"].as_str().unwrap_or("the server gave no reason");
    let mut text = format!("refused ({status}): {detail}");
    if let Some(errors) = body["errors"].as_array().filter(|errors| !errors.is_empty()) {
        text = format!("refused ({status}):");
        for error in errors {
            let part = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            text += &format!(
                "\n  {}: {} (found {}). {}",
                part("field"),
                part("detail"),
                part("value"),
                part("mend")
            );
        }
    }
    text
}

/// A key as a part of a path.
pub fn segment(key: &str) -> String {
    let mut text = String::new();
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            other => text += &format!("%{other:02X}"),
        }
    }
    text
}
