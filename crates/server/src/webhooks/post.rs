//! Sending one message once, and when to send it again.

use std::time::Duration;

use usher_core::model::Timestamp;

use super::{WebhookSettings, message::Message, signature::sign};
use crate::{clock, problem::plain};

/// How long a receiver may take to answer.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The least and the most that is waited before a message is sent again. In between it doubles, and up to half of it is
/// left to chance, so that receivers that fail together are not all asked together.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// How old a message becomes before it is skipped, in milliseconds: a receiver that is gone for a day has other worries.
const MAX_AGE: i64 = 24 * 60 * 60 * 1_000;
/// How often a message is sent at least: also one that was too old already when the server came back.
const MIN_TRIES: u32 = 3;

/// Where messages of one webhook go.
pub(super) struct Receiver {
    client: reqwest::Client,
    url: String,
    key: Vec<u8>,
}

impl Receiver {
    pub(super) fn new(client: reqwest::Client, settings: &WebhookSettings, key: Vec<u8>) -> Self {
        Self { client, url: settings.url.clone(), key }
    }

    /// Sends it once.
    ///
    /// # Errors
    /// It was not taken; with the reason, in which there is nothing secret.
    pub(super) async fn send(&self, message: &Message) -> Result<(), String> {
        let body = serde_json::to_string(message).map_err(|error| error.to_string())?;
        let at = clock::now().millis() / 1_000;
        let signature = sign(&self.key, &message.id, at, &body).map_err(|error| error.to_string())?;
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", signature)
            .body(body)
            .timeout(ANSWER_WITHIN);
        // Addresses may hold secrets.
        let answer = request.send().await.map_err(|error| plain(&error.without_url()))?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(format!("it was answered {status}")) }
    }
}

/// How long to wait after a message has failed so many `tries`; none when it is to be skipped. `draw` is between 0
/// and 1.
pub(super) fn again(tries: u32, made: Timestamp, now: Timestamp, draw: f64) -> Option<Duration> {
    if now.since(made) > MAX_AGE && tries >= MIN_TRIES {
        return None;
    }
    let most = (FIRST_WAIT * 2).saturating_mul(1 << tries.saturating_sub(1).min(16)).min(LONGEST_WAIT);
    Some(most.mul_f64(0.5 + draw.clamp(0.0, 1.0) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_one_second_to_five_minutes() {
        let wait = |tries, draw| again(tries, Timestamp::EPOCH, Timestamp::EPOCH, draw).unwrap().as_secs();
        let least: Vec<u64> = (1..11).map(|tries| wait(tries, 0.0)).collect();
        assert_eq!(least, [1, 2, 4, 8, 16, 32, 64, 128, 150, 150]);
        let most: Vec<u64> = (1..11).map(|tries| wait(tries, 1.0)).collect();
        assert_eq!(most, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(wait(u32::MAX, 1.0), 300);
    }

    #[test]
    fn a_message_is_skipped_after_a_day_and_never_before_its_third_try() {
        let (made, day) = (Timestamp::EPOCH, Timestamp::from_millis(MAX_AGE));
        let later = Timestamp::from_millis(MAX_AGE + 1);
        assert!(again(1_000, made, day, 0.0).is_some());
        assert!(again(2, made, later, 0.0).is_some());
        assert!(again(3, made, later, 0.0).is_none());
    }
}
