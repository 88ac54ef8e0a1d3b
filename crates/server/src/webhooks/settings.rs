//! What an operator can set of webhooks, and what is wrong with it.

use std::{collections::BTreeSet, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use usher_core::{Problem, Problems};

use super::message::EVENTS;
use crate::settings::Secret;

/// Webhooks of a server: each costs a task, a queue, and a position that is kept.
const MAX_WEBHOOKS: usize = 32;
/// Longest name, in bytes: it names a file.
const MAX_NAME_BYTES: usize = 64;
/// Shortest secret, in bytes: that of the Standard Webhooks specification.
const MIN_SECRET_BYTES: usize = 24;
/// How a secret begins that is written in base64, as the specification has it.
const BASE64_PREFIX: &str = "whsec_";
/// What is repeated of a bad address, in characters: the rest may be secret.
const SHOWN: usize = 12;

/// A receiver of what happens.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct WebhookSettings {
    /// What it is called: lower-case letters, digits and `-`. Its position is kept under this name.
    pub name: String,
    /// Where messages are sent, `https://…`. Never logged: it may hold a token.
    pub url: String,
    /// What they are signed with: `whsec_` and base64, or any other text as it is. 24 bytes or more.
    pub secret: Secret,
    /// The types that are sent; all of them, when empty.
    #[serde(default)]
    pub events: Vec<String>,
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("WebhookSettings");
        shown.field("name", &self.name).field("events", &self.events).finish_non_exhaustive()
    }
}

impl WebhookSettings {
    /// The key that signs.
    ///
    /// # Errors
    /// The secret is no base64, though it says so, or too short.
    pub(super) fn key(&self) -> Result<Vec<u8>, Problem> {
        let text = self.secret.expose();
        let key = match text.strip_prefix(BASE64_PREFIX) {
            None => text.as_bytes().to_vec(),
            Some(text) => STANDARD.decode(text).map_err(|_| {
                let detail = format!("what follows `{BASE64_PREFIX}` is not base64");
                Problem::new("secret", "…", detail, "Write it in base64, or leave the prefix out.")
            })?,
        };
        if key.len() < MIN_SECRET_BYTES {
            let mend = format!("Make one of {MIN_SECRET_BYTES} random bytes or more.");
            let found = format!("{} bytes", key.len());
            return Err(Problem::new("secret", found, "this secret is too short", mend));
        }
        Ok(key)
    }

    /// Whether messages of this type are sent.
    pub(super) fn wants(&self, event: &str) -> bool {
        self.events.is_empty() || self.events.iter().any(|own| own == event)
    }

    fn check(&self, problems: &mut Problems) {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name.len() > MAX_NAME_BYTES || !self.name.bytes().all(is_plain) {
            let mend = format!("Use 1 to {MAX_NAME_BYTES} lower-case letters, digits and `-`.");
            problems.push(Problem::new("name", &self.name, "this can't be a webhook's name", mend));
        }
        let url = reqwest::Url::parse(&self.url).ok();
        if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            let shown: String = self.url.chars().take(SHOWN).collect();
            let found = if shown == self.url { shown } else { format!("{shown}…") };
            let mend = "Give one that begins with `https://`, or `http://` within your own network.";
            problems.push(Problem::new(
                "url",
                found,
                "this is no address that messages can be sent to",
                mend,
            ));
        }
        if let Err(problem) = self.key() {
            problems.push(problem);
        }
        for event in self.events.iter().filter(|event| !EVENTS.contains(&event.as_str())) {
            let mend = format!("Use one of {}; or none, for all.", EVENTS.join(", "));
            problems.push(Problem::new("events", event, "there is no such event", mend));
        }
    }
}

/// Checks all webhooks of a server.
///
/// # Errors
/// All that is wrong with them.
pub(super) fn check(all: &[WebhookSettings]) -> Result<(), Problems> {
    let mut problems = Problems::default();
    if all.len() > MAX_WEBHOOKS {
        let mend = format!("Keep at most {MAX_WEBHOOKS}.");
        problems.push(Problem::new("webhooks", all.len(), "too many webhooks", mend));
    }
    let mut names = BTreeSet::new();
    for (n, own) in all.iter().enumerate() {
        let mut found = Problems::default();
        own.check(&mut found);
        if !names.insert(&own.name) {
            let mend = "Give each a name of its own.";
            found.push(Problem::new("name", &own.name, "two webhooks have this name", mend));
        }
        problems.extend_within(&format!("webhooks[{n}]"), found);
    }
    problems.or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(name: &str, url: &str, secret: &str, events: &[&str]) -> WebhookSettings {
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        WebhookSettings {
            name: name.to_owned(),
            url: url.to_owned(),
            secret: secret.to_owned().into(),
            events,
        }
    }

    const GOOD: &str = "twenty-four bytes at least";

    #[test]
    fn what_is_wrong_is_named_with_its_mend_and_no_secret_is_repeated() {
        let all = [
            hook("ops", "https://ops.example.org/hook", GOOD, &["flag.killed", "release.rolledBack"]),
            hook("ops", "hooks.example.org/t0k3n", "short-s3cret", &["flag.burnt"]),
            hook("../etc", "ftp://example.org/", "whsec_***", &[]),
        ];
        let said = check(&all).unwrap_err().to_string();
        for part in [
            "webhooks[1].name: two webhooks have this name (found ops)",
            "webhooks[1].url: this is no address that messages can be sent to (found hooks.exampl…)",
            "webhooks[1].secret: this secret is too short (found 12 bytes)",
            "webhooks[1].events: there is no such event (found flag.burnt). Use one of flag.killed",
            "webhooks[2].name: this can't be a webhook's name (found ../etc)",
            "webhooks[2].url:",
            "webhooks[2].secret: what follows `whsec_` is not base64",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(
            !said.contains("s3cret") && !said.contains("t0k3n") && !said.contains("webhooks[0]"),
            "{said}"
        );
        assert!(!format!("{all:?}").contains("example.org"), "{all:?}");
        check(&all[..1]).unwrap();
    }

    #[test]
    fn a_secret_is_text_or_base64_by_its_prefix() {
        let url = "https://example.org/";
        assert_eq!(hook("a", url, GOOD, &[]).key().unwrap(), GOOD.as_bytes());
        let written = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(hook("a", url, written, &[]).key().unwrap().len(), 24);
        assert!(hook("a", url, "whsec_c2hvcnQ=", &[]).key().is_err());
    }

    #[test]
    fn without_events_it_wants_all() {
        assert!(hook("a", "", "", &[]).wants("flag.killed"));
        assert!(!hook("a", "", "", &["flag.changed"]).wants("flag.killed"));
    }
}
