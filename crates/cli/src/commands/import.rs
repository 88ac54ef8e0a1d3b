//! `usher import`: of other systems, and of what `usher export` wrote.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use usher_core::import::Format;

use super::{
    documents::{counted, name, read, read_json},
    written,
};
use crate::{
    args::{Import, Output, What},
    client::Client,
    failure::Usage,
    output::{self, text},
};

pub async fn run(client: &Client, import: Import, shown: Output) -> Result<()> {
    match (&import.what, &import.file) {
        (What::File(file), None) => workspace(client, file, &import, shown).await,
        (What::Format(format), Some(file)) => foreign(client, *format, file, &import, shown).await,
        (What::Format(format), None) => {
            let words = format!("name the file too: usher import {} FILE", format.as_str());
            Err(Usage(words).into())
        }
        (What::File(word), Some(_)) => {
            let words = format!(
                "`{}` is no format: use flagd, unleash, launchdarkly or growthbook, or none for a file that `usher export` wrote",
                word.display()
            );
            Err(Usage(words).into())
        }
    }
}

/// All documents that `usher export` wrote.
async fn workspace(client: &Client, file: &Path, import: &Import, shown: Output) -> Result<()> {
    let foreign = [
        (import.environment.is_some(), "--environment"),
        (import.dry_run, "--dry-run"),
        (import.strict, "--strict"),
        (import.client_visible, "--client-visible"),
        (!import.rename.is_empty(), "--rename"),
        (import.fractional.is_some(), "--fractional"),
    ];
    if let Some((_, option)) = foreign.into_iter().find(|(given, _)| *given) {
        let words = format!("{option} is for the flags of another system: usher import FORMAT FILE");
        return Err(Usage(words).into());
    }
    let mut export = read_json(file)?;
    let Value::Array(documents) = export["documents"].take() else {
        let words = format!(
            "{} is not what `usher export` writes: it has no `documents`. For the flags of another system: usher import FORMAT FILE",
            name(file)
        );
        return Err(Usage(words).into());
    };
    let count = documents.len();
    let changes: Vec<Value> = documents.into_iter().map(|document| json!({"put": document})).collect();
    let message = import.message.message.clone();
    let message = message.unwrap_or_else(|| format!("Import {}", counted(count, "document")));
    let answer = client.post("/api/v1/commits", &json!({"message": message, "changes": changes})).await?;
    written(&answer, &format!("{} imported", counted(count, "document")), shown);
    Ok(())
}

/// The flags of another system.
async fn foreign(client: &Client, format: Format, file: &Path, import: &Import, shown: Output) -> Result<()> {
    let Some(environment) = &import.environment else {
        return Err(
            Usage("say which environment the flags are of: --environment production".to_owned()).into()
        );
    };
    let mut rename = Vec::with_capacity(import.rename.len());
    for pair in &import.rename {
        match pair.split_once('=') {
            Some((from, to)) if !from.is_empty() && !to.is_empty() && !pair.contains([',', ':']) => {
                rename.push(format!("{from}:{to}"));
            }
            _ => {
                let words = format!("--rename {pair}: give two names, --rename userId=targetingKey");
                return Err(Usage(words).into());
            }
        }
    }
    let rename = rename.join(",");
    let mut query = vec![("environment", environment.as_str())];
    query.extend(import.dry_run.then_some(("dryRun", "true")));
    query.extend(import.strict.then_some(("strict", "true")));
    query.extend(import.client_visible.then_some(("clientVisible", "true")));
    query.extend((!rename.is_empty()).then_some(("rename", rename.as_str())));
    query.extend(import.fractional.as_deref().map(|form| ("fractional", form)));
    query.extend(import.message.message.as_deref().map(|message| ("message", message)));
    let path = format!("/api/v1/import/{}", format.as_str());
    let answer = client.send(&path, &query, read(file)?).await?;
    match shown {
        Output::Json => output::json(&answer),
        Output::Table => tell(&answer),
    }
    Ok(())
}

/// A line a flag, its notes below, and the sum at the end.
fn tell(report: &Value) {
    let entries = report["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<String>> = entries
        .iter()
        .flat_map(|entry| {
            let of_entry = ["kind", "source", "outcome", "change"].map(|field| text(&entry[field]));
            let notes = entry["notes"].as_array().map(Vec::as_slice).unwrap_or_default();
            let notes = notes.iter().map(|note| {
                let told = format!("{} {}", text(&note["at"]), text(&note["text"]));
                vec![
                    String::new(),
                    String::new(),
                    text(&note["outcome"]),
                    String::new(),
                    told.trim().to_owned(),
                ]
            });
            let mut lines = vec![[of_entry.as_slice(), &[String::new()]].concat()];
            lines.extend(notes);
            lines
        })
        .collect();
    output::table(&["KIND", "KEY", "OUTCOME", "CHANGE", "NOTE"], &rows);
    let count = |outcome: &str| report["counts"][outcome].as_u64().unwrap_or_default();
    let sum = format!(
        "{} mapped, {} approximated, {} refused",
        count("mapped"),
        count("approximated"),
        count("refused")
    );
    output::line(&match (report["dryRun"].as_bool(), report["seq"].as_u64()) {
        (Some(true), _) => format!("{sum}; nothing was written"),
        (_, Some(seq)) => format!("{sum} (commit {seq})"),
        (_, None) => format!("{sum}; nothing has changed"),
    });
}
