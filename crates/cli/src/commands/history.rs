//! `usher journal`, `usher undo`, `usher rollback`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use usher_journal::{Journal as _, SqliteJournal};

use super::written;
use crate::{
    args::{Journal, Output, Rollback, Undo},
    client::Client,
    failure::Usage,
    output::{self, text},
};

pub async fn journal(client: &Client, command: Journal, shown: Output) -> Result<()> {
    match command {
        Journal::Ls { flag, venue, limit } => {
            let limit = limit.to_string();
            let mut query = vec![("limit", limit.as_str())];
            query.extend(flag.as_deref().map(|flag| ("flag", flag)));
            query.extend(venue.as_deref().map(|venue| ("venue", venue)));
            let answer = client.get("/api/v1/commits", &query).await?;
            if shown == Output::Json {
                output::json(&answer);
            } else {
                let commits = answer["items"].as_array().into_iter().flatten();
                let rows: Vec<Vec<String>> = commits.map(row).collect();
                output::table(&["COMMIT", "AT", "WHO", "WHY", "WHAT"], &rows);
            }
            Ok(())
        }
        Journal::Show { seq } => {
            output::json(&client.get(&format!("/api/v1/commits/{seq}"), &[]).await?);
            Ok(())
        }
        Journal::Verify { data } => {
            let found = match data {
                Some(folder) => verify_folder(&folder).await?,
                None => client.get("/api/v1/verify", &[]).await?,
            };
            report(&found, shown)
        }
    }
}

fn row(commit: &Value) -> Vec<String> {
    let changes = commit["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut what: Vec<String> = changes
        .iter()
        .take(3)
        .map(|one| format!("{} {}/{}", text(&one["action"]), text(&one["kind"]), text(&one["key"])))
        .collect();
    if changes.len() > 3 {
        what.push(format!("and {} more", changes.len() - 3));
    }
    vec![
        commit["seq"].to_string(),
        text(&commit["at"]),
        text(&commit["actor"]["name"]),
        text(&commit["message"]),
        what.join(", "),
    ]
}

/// Checks the journal in a folder that no server uses.
pub async fn verify_folder(folder: &Path) -> Result<Value> {
    if !folder.join("journal.db").exists() {
        return Err(Usage(format!("there is no journal in {}", folder.display())).into());
    }
    let journal = SqliteJournal::open(folder)?;
    Ok(serde_json::to_value(journal.verify().await?)?)
}

/// Shows what a check found; problems make the command fail.
pub fn report(found: &Value, shown: Output) -> Result<()> {
    let problems: Vec<String> = found["problems"].as_array().into_iter().flatten().map(text).collect();
    match shown {
        Output::Json => output::json(found),
        Output::Table if problems.is_empty() => output::line(&format!(
            "clean: {} commits, {} documents, epoch {}, head {}",
            found["commits"],
            found["documents"],
            text(&found["epoch"]),
            text(&found["head"])
        )),
        Output::Table => {}
    }
    if !problems.is_empty() {
        bail!("the journal is damaged:\n  {}", problems.join("\n  "));
    }
    Ok(())
}

pub async fn undo(client: &Client, undo: &Undo, shown: Output) -> Result<()> {
    let body = json!({"message": undo.message.message, "force": undo.force});
    let answer = client.post(&format!("/api/v1/commits/{}/undo", undo.seq), &body).await?;
    written(&answer, &format!("commit {} is undone", undo.seq), shown);
    Ok(())
}

pub async fn rollback(client: &Client, rollback: Rollback, shown: Output) -> Result<()> {
    if !rollback.everything && rollback.flag.is_none() {
        return Err(Usage("say what to roll back: --flag KEY, or --everything".to_owned()).into());
    }
    let to = match rollback.to.parse::<u64>() {
        Ok(seq) => json!({"seq": seq}),
        Err(_) => json!({"at": rollback.to}),
    };
    let scope = if rollback.everything {
        json!({"everything": true})
    } else if rollback.venue.is_some() {
        json!({"flag": rollback.flag, "venue": rollback.venue, "environment": rollback.environment})
    } else {
        json!({"flag": rollback.flag})
    };
    let body = json!({"to": to, "scope": scope, "message": rollback.message.message});
    let answer = client.post("/api/v1/rollback", &body).await.context("nothing was rolled back")?;
    written(&answer, &format!("rolled back to {}", rollback.to), shown);
    Ok(())
}
