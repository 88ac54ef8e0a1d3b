//! What `serve` and `edge` have in common: where settings come from, the log, and the end.

use std::{io::IsTerminal, path::Path};

use anyhow::{Context, Result};
use figment::{
    Figment, Source,
    error::Kind,
    providers::{Format, Serialized, Toml},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::failure::Usage;

/// What the names of variables start with.
pub const PREFIX: &str = "USHER_";
/// Variables that start alike but are no settings of a server.
pub const NOT_SETTINGS: &[&str] = &["url", "token", "log", "bin"];

/// With the settings of a file.
pub fn file(figment: Figment, path: Option<&Path>) -> Result<Figment> {
    let Some(path) = path else { return Ok(figment) };
    std::fs::metadata(path).map_err(|error| Usage(format!("{} can't be read: {error}", path.display())))?;
    Ok(figment.merge(Toml::file_exact(path)))
}

/// With those variables that are texts, whatever they look like.
pub fn texts(mut figment: Figment, prefix: &str, names: &[&str]) -> Figment {
    for name in names {
        if let Ok(text) = std::env::var(format!("{prefix}{}", name.to_uppercase())) {
            figment = figment.merge(Serialized::default(name, text));
        }
    }
    figment
}

/// A setting that can't be used, in words: its name, where it stands, and what is wrong. What a token looks
/// like is not told.
pub fn wrong(error: &figment::Error, prefix: &str) -> String {
    // Of a list, not the place within it.
    let last = error.path.iter().rev().find(|name| name.parse::<usize>().is_err());
    let name = match (&error.kind, last) {
        (Kind::UnknownField(name, _), _) | (_, Some(name)) => name.as_str(),
        (_, None) => "",
    };
    let place = match error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref()) {
        Some(Source::File(file)) if name.is_empty() => file.display().to_string(),
        Some(Source::File(file)) => format!("{}, `{name}`", file.display()),
        _ => format!("{prefix}{}", name.to_uppercase()),
    };
    match &error.kind {
        Kind::UnknownField(_, known) => {
            format!("{place}: there is no such setting; use one of {}", known.join(", "))
        }
        Kind::InvalidType(..)
            if matches!(name, "admin_token" | "keys" | "oidc_client_secret" | "redis" | "secret") =>
        {
            format!("{place}: it is not a text; write it in quotes")
        }
        kind => format!("{place}: {}", kind.to_string().trim_end()),
    }
}

/// `USHER_LOG` as in `debug`, or `info,usher_server=debug`.
pub fn log() -> Result<()> {
    let filter = match std::env::var("USHER_LOG") {
        Ok(text) => EnvFilter::try_new(&text).map_err(|error| Usage(format!("USHER_LOG={text}: {error}")))?,
        Err(_) => EnvFilter::new("info,actix_server=warn"),
    };
    // Colours are for people: a file of logs must not hold a terminal's codes.
    let coloured = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(coloured).with_writer(std::io::stderr).init();
    Ok(())
}

/// Listens from now on; what it gives back waits.
pub fn asked_to_stop() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("signals can't be heard")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals can't be heard")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
