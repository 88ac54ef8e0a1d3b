//! `usher export`, `backup`, `restore`.

use std::path::Path;

use anyhow::{Context, Result};
use usher_journal::{RedisJournal, RedisOptions, SqliteJournal};

use super::history;
use crate::{args::Output, client::Client, failure::Usage, output};

pub async fn export(client: &Client, at: Option<&str>) -> Result<()> {
    let query: Vec<(&str, &str)> = at.map(|at| ("at", at)).into_iter().collect();
    output::text_as_is(&client.text("/api/v1/export", &query).await?);
    Ok(())
}

/// Works on the journal itself, so that it needs neither a token nor a server that stops.
pub async fn backup(data: &Path, redis: Option<RedisOptions>, to: &Path, shown: Output) -> Result<()> {
    if redis.is_none() && !data.join("journal.db").exists() {
        return Err(Usage(format!("there is no journal in {}", data.display())).into());
    }
    if to.join("journal.db").exists() {
        return Err(Usage(format!("{} holds a journal already: name a new folder", to.display())).into());
    }
    match redis {
        Some(options) => RedisJournal::copy(&options, to)?,
        None => SqliteJournal::copy(data, to)?,
    }
    history::report(&history::verify_folder(to).await?, shown).context("the backup is not good")
}

pub async fn restore(from: &Path, data: &Path, redis: Option<RedisOptions>, shown: Output) -> Result<()> {
    if redis.is_none() && data.join("journal.db").exists() {
        return Err(Usage(format!("{} holds a journal already: name a new folder", data.display())).into());
    }
    // Checked before anything is written: a bad backup must not become a server.
    let found = history::verify_folder(from).await?;
    history::check(&found).context("the backup is not good")?;
    let copy = match redis {
        Some(options) => {
            RedisJournal::restore(from, &options)?;
            history::verify_redis(&options)?
        }
        None => {
            SqliteJournal::restore(from, data)?;
            history::verify_folder(data).await?
        }
    };
    history::report(&copy, shown).context("the copy is not good")
}
