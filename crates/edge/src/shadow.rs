//! A shadow: another server or edge, of a new version perhaps, that is asked what this one was asked. Clients get this
//! one's answers alone; where the two differ, that is told.
//!
//! A flag that changes in between makes two answers differ that are both right, so that both are asked again before
//! anything is called a difference.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use usher_sdk::parts::draw;
use usher_server::onlooker::{ASKED_AGAIN, Onlooker, Seen};

use crate::metrics::Metrics;

/// Questions that wait for the shadow; more are dropped, for clients must not wait.
const WAITING: usize = 1_024;
/// Questions that the shadow is asked at a time.
const AT_ONCE: usize = 8;
/// How often two answers that differ are asked for again, and after what time each.
const AGAIN: u32 = 2;
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Longest time that the shadow may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Differences that are kept to be shown, newest last.
const KEPT: usize = 50;

/// A flag that the two answer differently.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Difference {
    pub(crate) flag: String,
    /// What this edge gives, as it is written; none where the flag is not there.
    pub(crate) own: Option<Value>,
    /// What the shadow gives.
    pub(crate) shadow: Option<Value>,
}

/// The shadow of an edge.
pub(crate) struct Shadow {
    url: String,
    /// Of a hundred questions.
    percent: f64,
    questions: mpsc::Sender<Seen>,
    metrics: Metrics,
    client: reqwest::Client,
    /// For this edge itself.
    own: reqwest::Client,
    latest: Mutex<VecDeque<Difference>>,
}

impl Shadow {
    /// A shadow at an address, and the questions that wait for it.
    pub(crate) fn new(
        url: &str,
        percent: f64,
        metrics: Metrics,
    ) -> reqwest::Result<(Arc<Self>, mpsc::Receiver<Seen>)> {
        let (questions, waiting) = mpsc::channel(WAITING);
        let client = || reqwest::Client::builder().timeout(ANSWER_WITHIN);
        // This process itself, whose certificate names another address than the one that it listens at.
        let (client, own) = (client().build()?, client().tls_danger_accept_invalid_certs(true).build()?);
        let url = url.trim_end_matches('/').to_owned();
        Ok((
            Arc::new(Self { url, percent, questions, metrics, client, own, latest: Mutex::default() }),
            waiting,
        ))
    }

    /// Asks the shadow until the edge stops; this edge itself is asked again at `own`.
    pub(crate) async fn run(self: Arc<Self>, own: String, mut waiting: mpsc::Receiver<Seen>) {
        let questions = stream::poll_fn(move |context| waiting.poll_recv(context));
        questions.for_each_concurrent(AT_ONCE, |seen| self.compare(&own, seen)).await;
    }

    /// The newest differences.
    pub(crate) fn latest(&self) -> Vec<Difference> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    async fn compare(&self, here: &str, seen: Seen) {
        let mut own = serde_json::from_slice(&seen.answer).ok();
        for again in 0..=AGAIN {
            let (Some(answer), Some(shadow)) = (&own, self.ask(&self.client, &self.url, &seen).await) else {
                return self.metrics.shadowed("failed");
            };
            let found = differences(answer, &shadow);
            if found.is_empty() {
                return self.metrics.shadowed("same");
            }
            if again == AGAIN {
                return self.tell(found);
            }
            tokio::time::sleep(AGAIN_AFTER).await;
            own = self.ask(&self.own, here, &seen).await;
        }
    }

    /// What is answered at an address, if it is an answer.
    async fn ask(&self, client: &reqwest::Client, address: &str, seen: &Seen) -> Option<Value> {
        let request = client.post(format!("{address}{}", seen.path)).bearer_auth(&seen.secret);
        let request = request.header("Content-Type", "application/json").header(ASKED_AGAIN, "1");
        let answer = match request.body(seen.question.clone()).send().await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(error = %error.without_url(), "no answer to compare");
                return None;
            }
        };
        // That there is no such flag is an answer.
        let status = answer.status();
        if status.is_success() || status == StatusCode::NOT_FOUND { answer.json().await.ok() } else { None }
    }

    fn tell(&self, found: Vec<Difference>) {
        self.metrics.shadowed("different");
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        for difference in found {
            if latest.iter().any(|known| known.flag == difference.flag && known.shadow == difference.shadow) {
                continue;
            }
            // Once for each way in which a flag differs: values may be large, and contexts are nobody's business.
            tracing::warn!(flag = difference.flag, "the shadow gives another answer; GET /shadow shows it");
            if latest.len() == KEPT {
                latest.pop_front();
            }
            latest.push_back(difference);
        }
    }
}

impl Onlooker for Shadow {
    fn looks(&self) -> bool {
        draw() * 100.0 < self.percent
    }

    fn see(&self, seen: Seen) {
        if self.questions.try_send(seen).is_err() {
            self.metrics.shadowed("dropped");
        }
    }
}

/// Which flags two answers to one question give differently: one flag, all flags over OFREP, or all values.
fn differences(own: &Value, shadow: &Value) -> Vec<Difference> {
    let (own, shadow) = (by_flag(own), by_flag(shadow));
    let flags = own.keys().chain(shadow.keys().filter(|flag| !own.contains_key(*flag)));
    let of = |answers: &Map<String, Value>, flag: &String| answers.get(flag).cloned();
    flags
        .map(|flag| Difference { flag: flag.clone(), own: of(&own, flag), shadow: of(&shadow, flag) })
        .filter(|difference| difference.own != difference.shadow)
        .collect()
}

/// Answers by flag, without what tells only how old they are.
fn by_flag(answer: &Value) -> Map<String, Value> {
    let mut all = Map::new();
    match (answer.get("flags").and_then(Value::as_array), answer.get("values").and_then(Value::as_object)) {
        (Some(flags), _) => {
            let key = |flag: &Value| flag["key"].as_str().unwrap_or_default().to_owned();
            all.extend(flags.iter().map(|flag| (key(flag), flag.clone())));
        }
        (None, Some(values)) => all.extend(values.clone()),
        (None, None) => {
            let key = answer["key"].as_str().unwrap_or_default().to_owned();
            all.insert(key, answer.clone());
        }
    }
    for metadata in all.values_mut().filter_map(|answer| answer.get_mut("metadata")?.as_object_mut()) {
        metadata.shift_remove("asOf");
    }
    // What had nothing but its age has no metadata.
    for answer in all.values_mut().filter_map(Value::as_object_mut) {
        answer
            .retain(|name, value| name != "metadata" || value.as_object().is_none_or(|own| !own.is_empty()));
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flags(own: &Value, shadow: &Value) -> Vec<String> {
        differences(own, shadow).into_iter().map(|difference| difference.flag).collect()
    }

    #[test]
    fn how_old_an_answer_is_makes_no_difference() {
        let own = json!({"key": "a", "value": true, "metadata": {"asOf": "2026-01-01T00:00:00Z"}});
        assert_eq!(flags(&own, &json!({"key": "a", "value": true})), Vec::<String>::new());
        let own = json!({"flags": [own], "metadata": {"asOf": "x"}, "eventStreams": [1]});
        let shadow = json!({"flags": [{"key": "a", "value": true}], "metadata": {}, "eventStreams": [2]});
        assert_eq!(flags(&own, &shadow), Vec::<String>::new());
    }

    #[test]
    fn what_is_given_otherwise_or_not_at_all_is_a_difference() {
        let own =
            json!({"flags": [{"key": "a", "value": 1}, {"key": "b", "value": 1}, {"key": "c", "value": 1}]});
        let shadow =
            json!({"flags": [{"key": "a", "value": 1}, {"key": "b", "value": 2}, {"key": "d", "value": 1}]});
        assert_eq!(flags(&own, &shadow), ["b", "c", "d"]);
        let own = json!({"values": {"a": {"value": 1, "reason": "SPLIT"}}});
        assert_eq!(flags(&own, &json!({"values": {"a": {"value": 1, "reason": "DEFAULT"}}})), ["a"]);
        assert_eq!(flags(&json!({"key": "a", "value": 1}), &json!({"key": "a", "value": "1"})), ["a"]);
    }
}
