//! A small client for the server's HTTP, that tells everything when something is not as expected.

use std::{path::Path, sync::LazyLock};

use reqwest::{Client, Method, Response};
use serde_json::Value;

static CLIENT: LazyLock<()> = LazyLock::new(|| {
    drop(rustls::crypto::ring::default_provider().install_default());
});

/// Makes sure that there is TLS: a server does not choose who makes it.
pub fn with_tls() {
    LazyLock::force(&CLIENT);
}

/// A way to ask the server, as somebody.
#[derive(Clone)]
pub struct Api {
    base: String,
    headers: Vec<(String, String)>,
    client: Client,
}

/// What the server said.
#[derive(Clone, Debug)]
pub struct Answer {
    pub asked: String,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Api {
    pub fn new(address: &str) -> Self {
        with_tls();
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { base: format!("http://{address}"), headers: Vec::new(), client }
    }

    /// The same over TLS, with a server that this authority vouches for, and no other.
    pub fn over_tls(address: &str, authority: &Path) -> Self {
        with_tls();
        let trusted = reqwest::Certificate::from_pem(&std::fs::read(authority).unwrap()).unwrap();
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).tls_certs_only([trusted]);
        Self { base: format!("https://{address}"), headers: Vec::new(), client: client.build().unwrap() }
    }

    /// With one more header on every request.
    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// The same at another server.
    pub fn at(&self, address: &str) -> Self {
        Self { base: format!("http://{address}"), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, Some(body.to_string())).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body.to_string())).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// Whether there is an answer at all.
    pub async fn reaches(&self, path: &str) -> bool {
        self.client.get(format!("{}{path}", self.base)).send().await.is_ok()
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<String>) -> Answer {
        Answer::read(format!("{method} {path}"), self.response(method, path, body).await).await
    }

    /// The answer as it begins, its body not read yet.
    pub async fn response(&self, method: &str, path: &str, body: Option<String>) -> Response {
        let method: Method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        request.send().await.unwrap()
    }
}

/// Names and values.
pub fn headers(response: &Response) -> Vec<(String, String)> {
    let headers = response.headers().iter();
    headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

impl Answer {
    /// All of it.
    pub async fn read(asked: String, response: Response) -> Self {
        let status = response.status().as_u16();
        let headers = headers(&response);
        let body = response.text().await.unwrap();
        Self { asked, status, headers, body }
    }

    /// Itself, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.body);
        self
    }

    /// Its problem, if it is one of this status and code, in RFC 9457's form.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.asked);
        let problem = answer.json();
        assert_eq!(
            (problem["status"].as_u64(), &problem["code"]),
            (Some(status.into()), &code.into()),
            "{problem}"
        );
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {problem}");
        }
        problem
    }

    /// Its refusal, if it is one of this status and code, in OFREP's form.
    #[track_caller]
    pub fn refusal(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/json", "{}", answer.asked);
        let refusal = answer.json();
        assert_eq!(refusal["errorCode"], code, "{refusal}");
        assert!(refusal["errorDetails"].as_str().is_some_and(|text| text.len() > 5), "{refusal}");
        refusal
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}: {}", self.asked, self.body))
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }
}
