//! `usher release`.

use std::time::Duration;

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use usher_core::model::Document;
use usher_release::template;

use super::{documents, written};
use crate::{
    args::{One, Output, Release, Template, TemplateKind},
    client::{Client, segment},
    failure::Usage,
    output::{self, text},
};

/// How often a watched release is asked about.
const WATCH_EVERY: Duration = Duration::from_secs(1);

pub async fn run(client: &Client, release: Release, shown: Output) -> Result<()> {
    match release {
        Release::Ls { search } => list(client, search.as_deref(), shown).await,
        Release::Get { key } => documents::get(client, "releases", &key, None, shown).await,
        Release::Template(parts) => plan(parts),
        Release::Set(set) => documents::set(client, "releases", &set, shown).await,
        Release::Rm(One { key, message }) => {
            let path = format!("/api/v1/releases/{}", segment(&key));
            let message = message.message.unwrap_or_default();
            let answer = client.ask(Method::DELETE, &path, &[("message", &message)], None, None).await?.body;
            written(&answer, &format!("{key} is deleted"), shown);
            Ok(())
        }
        Release::Preflight { key } => preflight(client, &key, shown).await,
        Release::Rehearse { key, environment } => rehearse(client, &key, &environment, shown).await,
        Release::Start(one) => act(client, "start", "has begun", one, shown).await,
        Release::Promote(one) => act(client, "promote", "goes on with its next stage", one, shown).await,
        Release::Approve(one) => act(client, "approve", "may go on", one, shown).await,
        Release::Pause(one) => act(client, "pause", "is paused", one, shown).await,
        Release::Resume(one) => act(client, "resume", "goes on", one, shown).await,
        Release::Rollback(one) => act(client, "rollback", "is taken back", one, shown).await,
        Release::Watch { key, once } => watch(client, &key, once, shown).await,
    }
}

async fn act(client: &Client, action: &str, done: &str, one: One, shown: Output) -> Result<()> {
    let path = format!("/api/v1/releases/{}/{action}", segment(&one.key));
    let answer = client.post(&path, &json!({"message": one.message.message})).await?;
    written(&answer, &format!("{} {done}", one.key), shown);
    Ok(())
}

/// Fails where something stands in the way, so that a script can ask before it starts one.
async fn preflight(client: &Client, key: &str, shown: Output) -> Result<()> {
    let found = client.get(&format!("/api/v1/releases/{}/preflight", segment(key)), &[]).await?;
    if shown == Output::Json {
        output::json(&found);
    } else {
        let rows = found["findings"].as_array().into_iter().flatten();
        let rows = rows.map(|own| ["weight", "about", "detail"].map(|name| text(&own[name])).to_vec());
        output::table(&["WEIGHT", "ABOUT", "DETAIL"], &rows.collect::<Vec<_>>());
    }
    ensure!(found["ready"] == true, "{key} can't begin so");
    Ok(())
}

async fn rehearse(client: &Client, key: &str, environment: &str, shown: Output) -> Result<()> {
    let path = format!("/api/v1/releases/{}/rehearse", segment(key));
    let ran = client.post_patiently(&path, &json!({"environment": environment})).await?;
    if shown == Output::Json {
        output::json(&ran);
        return Ok(());
    }
    output::line(&format!("{key} is rehearsed in {environment} (commit {})", ran["seq"]));
    let rows = ran["rehearsal"]["steps"].as_array().into_iter().flatten().map(|step| {
        let last = step["lastMillis"].as_u64().map_or_else(|| "–".to_owned(), |last| format!("{last} ms"));
        let had = format!("{} of {}", step["converged"], step["devices"]);
        vec![text(&step["kind"]), text(&step["stage"]), had, last]
    });
    output::table(&["STEP", "STAGE", "DEVICES", "LAST AFTER"], &rows.collect::<Vec<_>>());
    for line in ran["rehearsal"]["leftOut"].as_array().into_iter().flatten() {
        output::line(&text(line));
    }
    Ok(())
}

fn plan(parts: Template) -> Result<()> {
    fn key<K: std::str::FromStr<Err = String>>(name: &str, text: &str) -> Result<K> {
        text.parse().map_err(|error| Usage(format!("--{name} {text}: {error}")).into())
    }
    let venues = parts.venue.iter().map(|venue| key("venue", venue)).collect::<Result<Vec<_>>>()?;
    let make = match parts.kind {
        TemplateKind::Festival => template::festival,
        TemplateKind::ArenaLeague => template::arena_league,
        TemplateKind::Checkout => template::checkout,
    };
    let release = make(template::Parts {
        key: key("key", &parts.key)?,
        flag: key("flag", &parts.flag)?,
        environment: key("environment", &parts.environment)?,
        variant: key("variant", &parts.variant)?,
        control: key("control", &parts.control)?,
        venues,
        metric: parts.metric,
    });
    let document = Document::from_model(&release).map_err(|problems| Usage(problems.to_string()))?;
    let mut value = document.value();
    if let Some(fields) = value.as_object_mut() {
        // The path says what it is.
        fields.shift_remove("kind");
    }
    output::json(&value);
    Ok(())
}

async fn list(client: &Client, search: Option<&str>, shown: Output) -> Result<()> {
    let items = documents::all(client, "releases", search).await?;
    if shown == Output::Json {
        output::json(&Value::Array(items));
        return Ok(());
    }
    let rows = items.iter().map(|item| {
        let release = &item["document"];
        let progress = &release["progress"];
        let stages = release["stages"].as_array().map_or(0, Vec::len);
        let (status, stage) = match progress["stage"].as_u64() {
            Some(stage) => (text(&progress["status"]), format!("{} of {stages}", stage + 1)),
            None => ("planned".to_owned(), format!("– of {stages}")),
        };
        vec![text(&release["key"]), status, stage, text(&release["flag"]), text(&release["environment"])]
    });
    output::table(&["KEY", "STATUS", "STAGE", "FLAG", "ENVIRONMENT"], &rows.collect::<Vec<_>>());
    Ok(())
}

async fn watch(client: &Client, key: &str, once: bool, shown: Output) -> Result<()> {
    let path = format!("/api/v1/releases/{}/status", segment(key));
    let mut before = Value::Null;
    loop {
        let mut status = client.get(&path, &[]).await?;
        if let Some(fields) = status.as_object_mut() {
            // It is looked at all the time; that alone is no news.
            fields.shift_remove("lookedAt");
        }
        if status != before {
            match shown {
                Output::Json => output::json(&status),
                Output::Table => show(&status),
            }
        }
        if once || !matches!(status["status"].as_str(), Some("running" | "paused")) {
            return Ok(());
        }
        before = status;
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

fn show(status: &Value) {
    let place = match status["stage"].as_u64() {
        Some(stage) => format!(", stage {stage} of {} ({})", status["stages"], text(&status["stageName"])),
        None => String::new(),
    };
    output::line(&format!("{}: {}{place}", text(&status["key"]), text(&status["status"])));
    for reason in status["reasons"].as_array().into_iter().flatten() {
        output::line(&format!("  {}", text(reason)));
    }
    for guard in status["guards"].as_array().into_iter().flatten() {
        let said =
            format!("  {} is {}: {}", text(&guard["name"]), text(&guard["state"]), text(&guard["detail"]));
        output::line(&said);
    }
}
