//! Talking to a server's administration API.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Method, RequestBuilder, header, redirect};
use serde_json::{Value, json};

use crate::{
    args::Server,
    failure::{Refused, Unreachable, Usage},
};

/// Longest wait for an answer: a journal of many commits takes a while to be verified.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest wait for what waits for devices itself, which it does not do for longer.
const LONG_PATIENCE: Duration = Duration::from_secs(300);
/// The variable with the password of whoever signs in.
const PASSWORD: &str = "USHER_PASSWORD";
/// The variable with a code of their second factor.
const CODE: &str = "USHER_CODE";
/// Longest wait for a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// A server that can be asked.
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    /// Why a freeze is broken.
    glass: Option<String>,
    /// The cookie of whoever has signed in.
    session: Option<String>,
}

/// An answer.
pub struct Answer {
    /// Its body.
    pub body: Value,
    /// The version of the document that it is.
    pub etag: Option<String>,
}

/// What a writer believes about the document that it writes.
pub enum Belief {
    /// It has this version.
    Version(String),
    /// It is not there.
    Absent,
}

impl Client {
    pub fn new(server: &Server) -> Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .connect_timeout(CONNECT_PATIENCE)
            // A redirected POST becomes a GET, and a token is for the server that it was given for.
            .redirect(redirect::Policy::none())
            .build()
            .context("the HTTP client can't be made")?;
        Ok(Self {
            http,
            url: server.url.trim_end_matches('/').to_owned(),
            token: server.token.clone(),
            glass: server.break_glass.clone(),
            session: None,
        })
    }

    /// Itself, as the person who has this address, if one is given.
    pub async fn signed_in(mut self, email: Option<&str>) -> Result<Self> {
        let Some(email) = email else { return Ok(self) };
        // Only here, for every user of the machine can read arguments.
        let Ok(password) = std::env::var(PASSWORD) else {
            return Err(Usage(format!("--email needs the password in {PASSWORD}")).into());
        };
        self.token.clear();
        let mut body = json!({"email": email, "password": password, "brief": true});
        if let Ok(code) = std::env::var(CODE) {
            body["code"] = code.into();
        }
        let request = self.request(Method::POST, "/api/v1/session", &[]).json(&body);
        let response = request.send().await.map_err(|error| self.unsent(&error, false))?;
        // The first is the one that every request carries.
        let cookie = response.headers().get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
        let session = cookie.and_then(|cookie| cookie.split(';').next()).map(ToOwned::to_owned);
        let status = response.status();
        if !status.is_success() {
            let body: Value = response.json().await.unwrap_or_default();
            let status = status.as_u16();
            let mend = match body["code"].as_str() {
                Some("second_factor_needed" | "wrong_code") => format!("Give a fresh code in {CODE}."),
                _ => format!("Give the address of an account, and its password in {PASSWORD}."),
            };
            return Err(Refused { status, words: refusal(status, &body, &mend) }.into());
        }
        self.session = session;
        Ok(self)
    }

    /// Where a page of the server is.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        Ok(self.ask(Method::GET, path, query, None, None).await?.body)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        Ok(self.ask(Method::POST, path, &[], Some(body), None).await?.body)
    }

    /// The same, for what takes minutes where devices do not answer.
    pub async fn post_patiently(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.request(Method::POST, path, &[]).json(body).timeout(LONG_PATIENCE);
        self.parsed(&self.carry_out(true, request).await?.0)
    }

    /// Reads an answer as it is.
    pub async fn text(&self, path: &str, query: &[(&str, &str)]) -> Result<String> {
        Ok(self.carry_out(false, self.request(Method::GET, path, query)).await?.0)
    }

    /// Sends JSON that was written elsewhere, as it is.
    pub async fn send(&self, path: &str, query: &[(&str, &str)], json: Vec<u8>) -> Result<Value> {
        let request = self.request(Method::POST, path, query);
        let request = request.header(header::CONTENT_TYPE, "application/json").body(json);
        self.parsed(&self.carry_out(true, request).await?.0)
    }

    /// Has something done that there is nothing to say of.
    pub async fn tell(&self, method: Method, path: &str) -> Result<()> {
        self.carry_out(true, self.request(method, path, &[])).await.map(drop)
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        belief: Option<&Belief>,
    ) -> Result<Answer> {
        let writes = method != Method::GET;
        let mut request = self.request(method, path, query);
        if let Some(body) = body {
            request = request.json(body);
        }
        match belief {
            Some(Belief::Version(version)) => request = request.header(header::IF_MATCH, version),
            Some(Belief::Absent) => request = request.header(header::IF_NONE_MATCH, "*"),
            None => {}
        }
        let (text, etag) = self.carry_out(writes, request).await?;
        Ok(Answer { body: self.parsed(&text)?, etag })
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url)).query(query);
        let request = match &self.glass {
            Some(reason) => request.header("Usher-Break-Glass", reason),
            None => request,
        };
        match &self.session {
            // As a person's own browser would, asked by nobody's page.
            Some(cookie) => request.header(header::COOKIE, cookie).header("Sec-Fetch-Site", "none"),
            None if self.token.is_empty() => request,
            None => request.bearer_auth(&self.token),
        }
    }

    fn parsed(&self, text: &str) -> Result<Value> {
        serde_json::from_str(text).with_context(|| {
            format!("{} does not answer as an Usher server does: is USHER_URL right?", self.url)
        })
    }

    /// The text of an answer, and its ETag.
    async fn carry_out(&self, writes: bool, request: RequestBuilder) -> Result<(String, Option<String>)> {
        let response = request.send().await.map_err(|error| self.unsent(&error, writes))?;
        let status = response.status();
        let header = |name| {
            let value: Option<&header::HeaderValue> = response.headers().get(name);
            value.and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
        };
        let (etag, location) = (header(header::ETAG), header(header::LOCATION));
        let text = response.text().await.map_err(|error| self.unsent(&error, writes))?;
        if status.is_success() {
            return Ok((text, etag));
        }
        let words = match location.filter(|_| status.is_redirection()) {
            Some(place) => format!("{} sends elsewhere, to {place}: set USHER_URL to where it is", self.url),
            None => {
                let body = serde_json::from_str(&text).unwrap_or_default();
                refusal(status.as_u16(), &body, "Give an API token as USHER_TOKEN.")
            }
        };
        Err(Refused { status: status.as_u16(), words }.into())
    }

    /// Why there is no answer. Tells apart what can't have been done and what may have been.
    fn unsent(&self, error: &reqwest::Error, writes: bool) -> anyhow::Error {
        // The innermost cause is the one that says something.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        if error.is_builder() {
            let words = format!(
                "{:?} can't be asked: {cause}. Give an address such as https://usher.example as --url or USHER_URL, and a token without blanks as USHER_TOKEN",
                self.url
            );
            return Usage(words).into();
        }
        let maybe_done = writes && !error.is_connect();
        Unreachable { url: self.url.clone(), cause: cause.to_string(), maybe_done }.into()
    }
}

/// A problem in words: what, where, and the mend; `identify` is how one says who one is.
fn refusal(status: u16, body: &Value, identify: &str) -> String {
    let detail = body["detail"].as_str().unwrap_or("the server gave no reason");
    let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut words = format!("refused ({status}):");
    if errors.is_empty() {
        words += &format!(" {detail}");
    }
    for error in errors {
        let part = |name: &str| error[name].as_str().unwrap_or_default();
        words +=
            &format!("\n  {}: {} (found {}). {}", part("field"), part("detail"), part("value"), part("mend"));
    }
    if status == 401 {
        words += &format!(" {identify}");
    }
    words
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
