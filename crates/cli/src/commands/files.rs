//! `usher export`, `import`, `backup`, `restore`.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use usher_journal::SqliteJournal;

use super::{
    documents::{counted, name, read_json},
    history, written,
};
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
        let words = format!("{} is not what `usher export` writes: it has no `documents`", name(file));
        return Err(Usage(words).into());
    };
    let count = documents.len();
    let changes: Vec<Value> = documents.into_iter().map(|document| json!({"put": document})).collect();
    let message = message.message.clone().unwrap_or_else(|| format!("Import {}", counted(count, "document")));
    let answer = client.post("/api/v1/commits", &json!({"message": message, "changes": changes})).await?;
    written(&answer, &format!("{} imported", counted(count, "document")), shown);
    Ok(())
}

/// Works on the file itself, so that it needs neither a token nor a server that stops.
pub async fn backup(data: &Path, to: &Path, shown: Output) -> Result<()> {
    if !data.join("journal.db").exists() {
        return Err(Usage(format!("there is no journal in {}", data.display())).into());
    }
    if to.join("journal.db").exists() {
        return Err(Usage(format!("{} holds a journal already: name a new folder", to.display())).into());
    }
    SqliteJournal::copy(data, to)?;
    history::report(&history::verify_folder(to).await?, shown).context("the backup is not good")
}

pub async fn restore(from: &Path, data: &Path, shown: Output) -> Result<()> {
    if data.join("journal.db").exists() {
        return Err(Usage(format!("{} holds a journal already: name a new folder", data.display())).into());
    }
    // Checked before anything is written: a bad backup must not become a server.
    let found = history::verify_folder(from).await?;
    history::check(&found).context("the backup is not good")?;
    SqliteJournal::restore(from, data)?;
    history::report(&history::verify_folder(data).await?, shown).context("the copy is not good")
}
