//! `usher export`, `import`, `backup`, `restore`.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use usher_journal::{Journal as _, SqliteJournal};

use super::{documents::read_json, history, written};
use crate::{
    args::{Message, Output},
    client::Client,
    failure::Usage,
    output,
};

pub async fn export(client: &Client, at: Option<&str>) -> Result<()> {
    let query: Vec<(&str, &str)> = at.map(|at| ("at", at)).into_iter().collect();
    output::json(&client.get("/api/v1/export", &query).await?);
    Ok(())
}

pub async fn import(client: &Client, file: &Path, message: &Message, shown: Output) -> Result<()> {
    let mut export = read_json(file)?;
    let Value::Array(documents) = export["documents"].take() else {
        return Err(Usage(format!(
            "{} is not what `usher export` writes: it has no `documents`",
            file.display()
        ))
        .into());
    };
    let count = documents.len();
    let changes: Vec<Value> = documents.into_iter().map(|document| json!({"put": document})).collect();
    let message = message.message.clone().unwrap_or_else(|| format!("Import {count} documents"));
    let answer = client.post("/api/v1/commits", &json!({"message": message, "changes": changes})).await?;
    written(&answer, &format!("{count} documents imported"), shown);
    Ok(())
}

pub async fn backup(data: &Path, to: &Path, shown: Output) -> Result<()> {
    if !data.join("journal.db").exists() {
        return Err(Usage(format!("there is no journal in {}", data.display())).into());
    }
    SqliteJournal::open(data)?.backup(to).await?;
    history::report(&history::verify_folder(to).await?, shown).context("the backup is not good")
}

pub async fn restore(from: &Path, data: &Path, shown: Output) -> Result<()> {
    if data.join("journal.db").exists() {
        return Err(Usage(format!("{} holds a journal already: name a new folder", data.display())).into());
    }
    // Checked before anything is written: a bad backup must not become a server.
    history::report(&history::verify_folder(from).await?, shown).context("the backup is not good")?;
    SqliteJournal::open(from)?.backup(data).await?;
    Ok(())
}
