//! `usher key`.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::written;
use crate::{
    args::{Key, KeyKind, Output, SigningPolicy},
    client::{Client, segment},
    output::{self, text},
};

pub async fn run(client: &Client, key: Key, shown: Output) -> Result<()> {
    match key {
        Key::Ls => list(client, shown).await,
        Key::Create { name, kind, environment, venue, signed_contexts } => {
            let kind = match kind {
                KeyKind::Server => "server",
                KeyKind::Client => "client",
                KeyKind::Api => "api",
                KeyKind::Context => "context",
            };
            let mut body = json!({"name": name, "type": kind, "environment": environment, "venues": venue});
            if let Some(policy) = signed_contexts {
                body["signedContexts"] = policy_name(policy).into();
            }
            show(&client.post("/api/v1/keys", &body).await?, "key", shown)
        }
        Key::Rotate { id, overlap_seconds } => {
            let path = format!("/api/v1/keys/{}/rotate", segment(&id));
            show(&client.post(&path, &json!({"overlapSeconds": overlap_seconds})).await?, "key", shown)
        }
        Key::SignedContexts { id, policy } => {
            let (path, policy) =
                (format!("/api/v1/keys/{}/signed-contexts", segment(&id)), policy_name(policy));
            let answer = client.post(&path, &json!({"signedContexts": policy})).await?;
            written(&answer, &format!("signed contexts are {policy} for {id}"), shown);
            Ok(())
        }
        Key::Revoke { id } => {
            let answer = client.post(&format!("/api/v1/keys/{}/revoke", segment(&id)), &json!({})).await?;
            written(&answer, &format!("{id} is revoked"), shown);
            Ok(())
        }
    }
}

fn policy_name(policy: SigningPolicy) -> &'static str {
    match policy {
        SigningPolicy::Optional => "optional",
        SigningPolicy::Required => "required",
    }
}

/// Shows what was made; `what` is what people call it. A secret that nobody has seen is lost, and what it opens is open:
/// so whoever made it is told how to go on.
pub(super) fn show(created: &Value, what: &str, shown: Output) -> Result<()> {
    let (id, name) = (text(&created["key"]["key"]), text(&created["key"]["name"]));
    match shown {
        Output::Json => output::json(created),
        Output::Table => output::line(&text(&created["secret"])),
    }
    output::finish().with_context(|| {
        let again = match what {
            "key" => format!("`usher key rotate {id}` gives it another"),
            _ => "make another".to_owned(),
        };
        format!("{what} {id} ({name}) is made, but its secret is lost: {again}, `usher {what} revoke {id}` ends it")
    })?;
    if shown == Output::Table {
        eprintln!("This is {what} {id}; its secret is shown this once.");
    }
    Ok(())
}

/// Whether it opens anything.
pub(super) fn state(key: &Value) -> String {
    match (&key["revokedAt"], &key["expiresAt"]) {
        (Value::String(at), _) => format!("revoked {at}"),
        (_, Value::String(at)) => format!("until {at}"),
        _ => "live".to_owned(),
    }
}

async fn list(client: &Client, shown: Output) -> Result<()> {
    let answer = client.get("/api/v1/keys", &[]).await?;
    if shown == Output::Json {
        output::json(&answer["items"]);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = answer["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|key| {
            ["key", "type", "environment", "prefix", "name"]
                .iter()
                .map(|name| text(&key[*name]))
                .chain([state(key)])
                .collect()
        })
        .collect();
    output::table(&["ID", "KIND", "ENVIRONMENT", "STARTS WITH", "NAME", "STATE"], &rows);
    Ok(())
}
