//! `usher serve`.

use anyhow::{Context, Result};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use usher_server::Settings;

use crate::{
    args::{Output, Serve},
    demo, output,
};

/// Variables that start alike but belong to other commands.
const NOT_SETTINGS: &[&str] = &["url", "token", "log", "bin"];

/// Runs a server until it is told to stop.
pub async fn serve(serve: Serve, shown: Output) -> Result<()> {
    log();
    let settings = settings(&serve)?;
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
    stopped().await?;
    tracing::info!("stopping");
    drop(devices);
    running.stop().await;
    Ok(())
}

/// TOML file, then variables, then flags.
fn settings(serve: &Serve) -> Result<Settings> {
    let mut figment = Figment::new();
    if let Some(path) = &serve.config {
        figment = figment.merge(Toml::file_exact(path));
    }
    figment =
        figment.merge(Env::prefixed("USHER_").ignore(NOT_SETTINGS).filter(|name| !name.starts_with("demo")));
    if let Some(listen) = &serve.listen {
        figment = figment.merge(Serialized::default("listen", listen));
    }
    match &serve.data {
        Some(data) => figment = figment.merge(Serialized::default("data", data)),
        // Every demo begins afresh, unless it is told where to stay.
        None if serve.demo => figment = figment.merge(Serialized::default("data", demo::folder()?)),
        None => {}
    }
    figment
        .extract()
        .map_err(|error| crate::failure::Usage(format!("a setting can't be used: {error}")).into())
}

fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("USHER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,actix_server=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

async fn stopped() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("signals can't be heard")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals can't be heard")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
