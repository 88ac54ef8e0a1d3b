//! `usher serve`.

use std::{io::IsTerminal, path::PathBuf};

use anyhow::{Context, Result};
use figment::{
    Figment, Source,
    error::Kind,
    providers::{Env, Format, Serialized, Toml},
};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use usher_server::Settings;

use crate::{
    args::{Output, Serve},
    demo,
    failure::Usage,
    output,
};

/// What the names of variables start with.
const PREFIX: &str = "USHER_";
/// Variables that start alike but are no settings of a server.
const NOT_SETTINGS: &[&str] = &["url", "token", "log", "bin"];
/// Settings that are texts, whatever they look like: a token may be all digits.
const TEXTS: &[&str] = &["listen", "data", "admin_token"];

/// Runs a server until it is told to stop.
pub async fn serve(serve: Serve, shown: Output) -> Result<()> {
    log()?;
    let Chosen { settings, fleeting } = settings(&serve)?;
    // Heard from the start: whoever reads that the server is ready may stop it at once.
    let stopped = asked_to_stop()?;
    let running = usher_server::run(settings).await?;
    let url = format!("http://{}", running.address());
    let devices = if serve.demo {
        let seeded = demo::seed(running.app()).await.context("the demo workspace can't be made")?;
        match shown {
            Output::Json => output::line(
                &json!({"url": url, "email": seeded.email, "password": seeded.password,
                        "serverKey": seeded.server_key, "clientKey": seeded.client_key})
                .to_string(),
            ),
            Output::Table => {
                output::line(&format!("usher listens on {url}\n"));
                output::line(&format!("  Open        {url}"));
                output::line(&format!("  Sign in     {}  /  {}", seeded.email, seeded.password));
                output::line(&format!("  Server key  {}", seeded.server_key));
                output::line(&format!("  Client key  {}\n", seeded.client_key));
            }
        }
        Some(
            demo::start_devices(&url, &seeded, serve.devices)
                .context("the simulated devices can't be started")?,
        )
    } else {
        match shown {
            Output::Json => output::line(&json!({"url": url}).to_string()),
            Output::Table => output::line(&format!("usher listens on {url}")),
        }
        None
    };
    stopped.await;
    tracing::info!("stopping");
    drop(devices);
    // Who is in a hurry says so twice.
    tokio::select! {
        () = running.retire() => {}
        () = asked_to_stop()? => {}
    }
    running.stop().await;
    if let Some(folder) = fleeting {
        std::fs::remove_dir_all(&folder).with_context(|| format!("{} can't be removed", folder.display()))?;
    }
    Ok(())
}

/// What a server was told.
struct Chosen {
    settings: Settings,
    /// A folder for this demo alone.
    fleeting: Option<PathBuf>,
}

/// TOML file, then variables, then flags.
fn settings(serve: &Serve) -> Result<Chosen> {
    let mut figment = Figment::new();
    if let Some(path) = &serve.config {
        std::fs::metadata(path)
            .map_err(|error| Usage(format!("{} can't be read: {error}", path.display())))?;
        figment = figment.merge(Toml::file_exact(path));
    }
    let variables = Env::prefixed(PREFIX).ignore(NOT_SETTINGS).ignore(TEXTS);
    figment = figment.merge(variables.filter(|name| !name.starts_with("demo")));
    for name in TEXTS {
        if let Ok(text) = std::env::var(format!("{PREFIX}{}", name.to_uppercase())) {
            figment = figment.merge(Serialized::default(name, text));
        }
    }
    if let Some(listen) = &serve.listen {
        figment = figment.merge(Serialized::default("listen", listen));
    }
    if let Some(data) = &serve.data {
        figment = figment.merge(Serialized::default("data", data));
    }
    // Every demo begins afresh, unless it is told where to stay.
    let fleeting =
        if serve.demo && figment.find_value("data").is_err() { Some(demo::folder()?) } else { None };
    if let Some(folder) = &fleeting {
        figment = figment.merge(Serialized::default("data", folder));
    }
    let settings = figment.extract().map_err(|error| Usage(wrong(&error)))?;
    Ok(Chosen { settings, fleeting })
}

/// A setting that can't be used, in words: its name, where it stands, and what is wrong. What a token looks
/// like is not told.
fn wrong(error: &figment::Error) -> String {
    let name = match (&error.kind, error.path.last()) {
        (Kind::UnknownField(name, _), _) | (_, Some(name)) => name.as_str(),
        (_, None) => "",
    };
    let place = match error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref()) {
        Some(Source::File(file)) if name.is_empty() => file.display().to_string(),
        Some(Source::File(file)) => format!("{}, `{name}`", file.display()),
        _ => format!("{PREFIX}{}", name.to_uppercase()),
    };
    match &error.kind {
        Kind::UnknownField(_, known) => {
            format!("{place}: there is no such setting; use one of {}", known.join(", "))
        }
        Kind::InvalidType(..) if name == "admin_token" => {
            format!("{place}: it is not a text; write it in quotes")
        }
        kind => format!("{place}: {}", kind.to_string().trim_end()),
    }
}

/// `USHER_LOG` as in `debug`, or `info,usher_server=debug`.
fn log() -> Result<()> {
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
fn asked_to_stop() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("signals can't be heard")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals can't be heard")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
