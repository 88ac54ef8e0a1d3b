//! `usher playbook`.

use anyhow::Result;
use serde_json::{Value, json};

use super::documents;
use crate::{
    args::{Documents, One, Output, Playbook},
    client::{Client, segment},
    output::{self, text},
};

pub async fn run(client: &Client, playbook: Playbook, shown: Output) -> Result<()> {
    let documents = match playbook {
        Playbook::Ls { search } => Documents::Ls { search },
        Playbook::Get { key } => Documents::Get { key },
        Playbook::Set(set) => Documents::Set(set),
        Playbook::Rm(One { key, message }) => Documents::Rm { key, message },
        Playbook::Run { key, message } => {
            let path = format!("/api/v1/playbooks/{}/run", segment(&key));
            let ran = client.post(&path, &json!({"message": message.message})).await?;
            told(&ran, shown, || {
                let changed = list(&ran["changed"]);
                if changed.is_empty() {
                    format!("{key} had nothing to do (commit {})", ran["seq"])
                } else {
                    format!("{key} has run (commit {}): {}", ran["seq"], changed.join(", "))
                }
            });
            return Ok(());
        }
        Playbook::Rehearse { key, of, environment } => {
            let path = format!("/api/v1/playbooks/{}/rehearse", segment(&key));
            let ran = client.post(&path, &json!({"of": of, "environment": environment})).await?;
            told(&ran, shown, || {
                let last = ran["lastMillis"]
                    .as_u64()
                    .map_or_else(String::new, |last| format!(", the last after {last} ms"));
                format!("{key} is rehearsed: {} of {} devices had it{last}", ran["converged"], ran["devices"])
            });
            return Ok(());
        }
    };
    documents::run(client, "playbooks", documents, shown).await
}

/// Shows what was done, what people were told, and what was left out.
fn told(ran: &Value, shown: Output, done: impl FnOnce() -> String) {
    if shown == Output::Json {
        return output::json(ran);
    }
    output::line(&done());
    for line in list(&ran["notices"]).into_iter().chain(list(&ran["leftOut"])) {
        output::line(&format!("  {line}"));
    }
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}
