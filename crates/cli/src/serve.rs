//! `usher serve`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use figment::{
    Figment,
    providers::{Env, Serialized},
};
use serde_json::json;
use usher_server::Settings;

use crate::{
    args::{Output, Serve},
    demo,
    failure::Usage,
    output,
    process::{NOT_SETTINGS, PREFIX, asked_to_stop, file, log, texts, wrong},
};

/// Settings that are texts, whatever they look like: a token may be all digits.
const TEXTS: &[&str] = &[
    "listen",
    "data",
    "tls_certificate",
    "tls_key",
    "admin_token",
    "redis",
    "redis_workspace",
    "oidc_issuer",
    "oidc_client_id",
    "oidc_client_secret",
    "oidc_name",
    "oidc_public_url",
    "oidc_scopes",
    "oidc_groups_claim",
    "trusted_proxies",
];

/// Runs a server until it is told to stop.
pub async fn serve(serve: Serve, shown: Output) -> Result<()> {
    log()?;
    let Chosen { settings, fleeting } = settings(&serve)?;
    // Heard from the start: whoever reads that the server is ready may stop it at once.
    let stopped = asked_to_stop()?;
    let running = usher_server::run(settings).await?;
    let url = running.url();
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
    let mut figment = file(Figment::new(), serve.config.as_deref())?;
    // An edge's settings may stand in the same environment.
    let variables = Env::prefixed(PREFIX).ignore(NOT_SETTINGS).ignore(TEXTS);
    figment = figment.merge(variables.filter(|name| !name.starts_with("demo") && !name.starts_with("edge")));
    figment = texts(figment, PREFIX, TEXTS);
    if let Some(listen) = &serve.listen {
        figment = figment.merge(Serialized::default("listen", listen));
    }
    if let Some(data) = &serve.data {
        figment = figment.merge(Serialized::default("data", data));
    }
    figment = serve.tls.over(figment);
    if let Some(redis) = &serve.redis.redis {
        figment = figment.merge(Serialized::default("redis", redis));
    }
    if let Some(workspace) = &serve.redis.redis_workspace {
        figment = figment.merge(Serialized::default("redis_workspace", workspace));
    }
    // Every demo begins afresh, unless it is told where to stay.
    let fleeting =
        if serve.demo && figment.find_value("data").is_err() && figment.find_value("redis").is_err() {
            Some(demo::folder()?)
        } else {
            None
        };
    if let Some(folder) = &fleeting {
        figment = figment.merge(Serialized::default("data", folder));
    }
    let settings = figment.extract().map_err(|error| Usage(wrong(&error, PREFIX)))?;
    Ok(Chosen { settings, fleeting })
}
