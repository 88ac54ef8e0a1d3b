//! A small `EventSource`: it opens a stream of OFREP change events by its address, without any header of its own.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Answer, Api, Server};

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(10);
const ALL: &str = "/ofrep/v1/evaluate/flags";

/// An open stream.
pub struct Events {
    response: reqwest::Response,
    text: String,
    /// What it would return with.
    pub last_id: String,
    pub headers: Vec<(String, String)>,
}

/// What came between two empty lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    pub id: Option<String>,
    pub event: Option<String>,
    pub retry: Option<u64>,
    pub data: Option<Value>,
    pub is_comment: bool,
}

/// The address that a bulk answer offers.
pub async fn address(api: &Api) -> String {
    let answer = api.post(ALL, &json!({"context": {"targetingKey": "u-1"}})).await.expect(200).json();
    answer["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap().to_owned()
}

impl Events {
    /// A stream of whoever has this key, opened for the first time.
    pub async fn of(server: &Server, key: &str) -> Self {
        Self::open(server, &address(&server.with(key)).await, None).await
    }

    /// The same, as of now: it is told of what changes from here on.
    pub async fn from_now(server: &Server, key: &str) -> Self {
        let address = address(&server.with(key)).await;
        let last = Self::open(server, &address, None).await.began().await;
        Self::open(server, &address, Some(&last)).await
    }

    pub async fn open(server: &Server, address: &str, last_id: Option<&str>) -> Self {
        match Self::try_open(server, address, last_id).await {
            Ok(events) => events,
            Err(answer) => panic!("{answer:?}"),
        }
    }

    /// A stream, or how it was refused.
    pub async fn try_open(server: &Server, address: &str, last_id: Option<&str>) -> Result<Self, Answer> {
        let mut api = server.nobody().header("Accept", "text/event-stream");
        if let Some(last_id) = last_id {
            api = api.header("Last-Event-ID", last_id);
        }
        let response = api.response("GET", address, None).await;
        if response.status() != 200 {
            return Err(Answer::read(format!("GET {address}"), response).await);
        }
        let headers = super::api::headers(&response);
        let last_id = last_id.unwrap_or_default().to_owned();
        Ok(Self { response, text: String::new(), last_id, headers })
    }

    /// What comes next; none once the server has ended the stream.
    pub async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = Block::read(block);
                self.text = rest.to_owned();
                if let Some(id) = &block.id {
                    self.last_id.clone_from(id);
                }
                return Some(block);
            }
            let chunk =
                timeout(PATIENCE, self.response.chunk()).await.unwrap_or_else(|_| panic!("nothing came"));
            self.text.push_str(std::str::from_utf8(&chunk.ok().flatten()?).unwrap());
        }
    }

    /// The id that it begins with.
    pub async fn began(&mut self) -> String {
        self.block().await.unwrap().id.unwrap()
    }

    /// The next event, past signs of life.
    pub async fn event(&mut self) -> Block {
        loop {
            let block = self.block().await.unwrap_or_else(|| panic!("ended instead of an event"));
            if block.data.is_some() {
                return block;
            }
        }
    }

    /// The commit that the next event tells of.
    pub async fn told(&mut self) -> u64 {
        seq(&self.event().await.id.unwrap())
    }

    /// Waits until the server ends it, with nothing said but signs of life.
    pub async fn ends(&mut self) {
        while let Some(block) = self.block().await {
            assert_eq!(block.data, None, "{block:?}");
        }
    }
}

/// The commit in an id.
pub fn seq(id: &str) -> u64 {
    id.rsplit_once('-').unwrap().1.parse().unwrap()
}

impl Block {
    fn read(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.lines() {
            match line.split_once(':').unwrap() {
                ("", _) => block.is_comment = true,
                ("id", value) => block.id = Some(value.trim_start().to_owned()),
                ("event", value) => block.event = Some(value.trim_start().to_owned()),
                ("retry", value) => block.retry = Some(value.trim_start().parse().unwrap()),
                ("data", value) => block.data = Some(serde_json::from_str(value).unwrap()),
                (other, _) => panic!("{other} in {text}"),
            }
        }
        block
    }
}
