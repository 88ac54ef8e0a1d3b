//! `usher edge`.

use anyhow::Result;
use figment::{
    Figment,
    providers::{Env, Serialized},
};
use serde_json::json;
use usher_edge::{Settings, StartError};

use crate::{
    args::{Edge, Output},
    failure::Usage,
    output,
    process::{PREFIX, asked_to_stop, file, log, texts, wrong},
};

/// What the names of variables start with that are an edge's alone. They win over those that a server has too.
const EDGE: &str = "USHER_EDGE_";
/// Settings that an edge shares with a server, and its own that have no other name.
const SHARED: &[&str] = &[
    "metrics_open",
    "heartbeat_seconds",
    "max_connection_minutes",
    "drain_seconds",
    "workers",
    "key_check_seconds",
    "address_requests_per_second",
    "address_refusals_per_second",
    "ofrep_requests_per_second",
    "ofrep_event_streams",
    "ofrep_token_seconds",
];
/// Settings that are texts, whatever they look like.
const TEXTS: &[&str] =
    &["listen", "data", "name", "upstream", "shadow_url", "trusted_proxies", "tls_certificate", "tls_key"];
/// Settings that are lists, in a variable with commas between.
const LISTS: &[&str] = &["keys", "venues"];

/// Runs an edge until it is told to stop.
pub async fn edge(edge: Edge, shown: Output) -> Result<()> {
    log()?;
    let settings = settings(&edge)?;
    // Heard from the start: whoever reads that the edge is there may stop it at once.
    let stopped = asked_to_stop()?;
    let running = usher_edge::run(settings).await.map_err(|error| match error {
        StartError::Upstream(_) | StartError::Keys | StartError::NoServerKey => {
            Usage(error.to_string()).into()
        }
        other => anyhow::Error::from(other),
    })?;
    let url = running.url();
    match shown {
        Output::Json => output::line(&json!({"url": url}).to_string()),
        Output::Table => output::line(&format!("usher edge listens on {url}")),
    }
    stopped.await;
    tracing::info!("stopping");
    // Who is in a hurry says so twice.
    tokio::select! {
        () = running.retire() => {}
        () = asked_to_stop()? => {}
    }
    running.stop().await;
    Ok(())
}

/// TOML file, then variables, then flags.
fn settings(edge: &Edge) -> Result<Settings> {
    let mut figment = file(Figment::new(), edge.config.as_deref())?;
    figment = texts(figment.merge(Env::prefixed(PREFIX).only(SHARED)), PREFIX, TEXTS);
    figment = texts(figment.merge(Env::prefixed(EDGE).ignore(TEXTS).ignore(LISTS)), EDGE, TEXTS);
    for name in LISTS {
        if let Ok(text) = std::env::var(format!("{EDGE}{}", name.to_uppercase())) {
            let list: Vec<&str> = text.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
            figment = figment.merge(Serialized::default(name, list));
        }
    }
    let flags = [
        ("listen", &edge.listen),
        ("upstream", &edge.upstream),
        ("name", &edge.name),
        ("shadow_url", &edge.shadow),
    ];
    for (name, value) in flags {
        if let Some(value) = value {
            figment = figment.merge(Serialized::default(name, value));
        }
    }
    if let Some(data) = &edge.data {
        figment = figment.merge(Serialized::default("data", data));
    }
    figment = edge.tls.over(figment);
    for (name, list) in [("keys", &edge.key), ("venues", &edge.venue)] {
        if !list.is_empty() {
            figment = figment.merge(Serialized::default(name, list));
        }
    }
    Ok(figment.extract().map_err(|error| Usage(wrong(&error, EDGE)))?)
}
