//! `usher journal`, `usher undo`, `usher rollback`.

use std::path::Path;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use usher_journal::{Journal as _, Point, RedisJournal, RedisOptions, SqliteJournal};

use super::written;
use crate::{
    args::{Journal, Output, Rollback, Undo},
    client::Client,
    failure::Usage,
    output::{self, text},
};

/// Commits asked for at a time; the server gives no more.
const PAGE: usize = 500;

pub async fn journal(client: &Client, command: Journal, shown: Output) -> Result<()> {
    match command {
        Journal::Ls { flag, venue, limit } => {
            let commits = list(client, flag.as_deref(), venue.as_deref(), limit).await?;
            if shown == Output::Json {
                output::json(&Value::Array(commits));
            } else {
                let rows: Vec<Vec<String>> = commits.iter().map(row).collect();
                output::table(&["COMMIT", "AT", "WHO", "WHY", "WHAT"], &rows);
            }
            Ok(())
        }
        Journal::Show { seq } => {
            let commit = client.get(&format!("/api/v1/commits/{seq}"), &[]).await?;
            match shown {
                Output::Json => output::json(&commit),
                Output::Table => show(&commit),
            }
            Ok(())
        }
        Journal::Verify { data, redis } => {
            let found = match (data, redis.options()) {
                (Some(folder), _) => verify_folder(&folder).await?,
                (None, Some(options)) => verify_redis(&options)?,
                (None, None) => client.get("/api/v1/verify", &[]).await?,
            };
            report(&found, shown)
        }
    }
}

/// Commits, newest first, page after page.
async fn list(client: &Client, flag: Option<&str>, venue: Option<&str>, limit: usize) -> Result<Vec<Value>> {
    let mut commits = Vec::new();
    let mut before = None;
    while commits.len() < limit {
        let page = (limit - commits.len()).min(PAGE).to_string();
        let mut query = vec![("limit", page.as_str())];
        query.extend(flag.map(|flag| ("flag", flag)));
        query.extend(venue.map(|venue| ("venue", venue)));
        query.extend(before.as_deref().map(|before| ("before", before)));
        let mut answer = client.get("/api/v1/commits", &query).await?;
        if let Value::Array(more) = answer["items"].take() {
            commits.extend(more);
        }
        before = match answer["nextBefore"].as_u64() {
            Some(next) => Some(next.to_string()),
            None => break,
        };
    }
    Ok(commits)
}

/// A commit, and each field that it changed.
fn show(commit: &Value) {
    output::line(&format!("commit {} at {}", commit["seq"], text(&commit["at"])));
    output::line(&format!("  by {}: {}", text(&commit["actor"]["name"]), text(&commit["message"])));
    for change in commit["changes"].as_array().into_iter().flatten() {
        let part = |name: &str| text(&change[name]);
        output::line(&format!("\n{} {}/{}", part("action"), part("kind"), part("key")));
        let leaves = |name: &str| match &change[name] {
            Value::Null => Vec::new(),
            document => output::leaves(document),
        };
        let (before, after) = (leaves("before"), leaves("after"));
        for (path, old) in before.iter().filter(|leaf| !after.contains(leaf)) {
            match after.iter().find(|(own, _)| own == path) {
                Some((_, new)) => output::line(&format!("  {path}: {old} → {new}")),
                None => output::line(&format!("  {path}: {old} → (gone)")),
            }
        }
        for (path, new) in after.iter().filter(|(path, _)| !before.iter().any(|(own, _)| own == path)) {
            output::line(&format!("  {path}: {new}"));
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

/// Checks the journal in a Redis, which may be in use.
pub fn verify_redis(options: &RedisOptions) -> Result<Value> {
    Ok(serde_json::to_value(RedisJournal::verify_at(options)?)?)
}

/// Shows what a check found; problems make the command fail.
pub fn report(found: &Value, shown: Output) -> Result<()> {
    let checked = check(found);
    match shown {
        Output::Json => output::json(found),
        Output::Table if checked.is_ok() => output::line(&format!(
            "clean: {} commits, {} documents, epoch {}, head {}",
            found["commits"],
            found["documents"],
            text(&found["epoch"]),
            text(&found["head"])
        )),
        Output::Table => {}
    }
    checked
}

/// Fails where a check found problems.
pub fn check(found: &Value) -> Result<()> {
    let problems: Vec<String> = found["problems"].as_array().into_iter().flatten().map(text).collect();
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
    let to = match rollback.to.parse::<Point>() {
        Ok(Point::Seq(seq)) => json!({"seq": seq}),
        Ok(Point::Time(at)) => json!({"at": at}),
        Err(detail) => {
            let to = &rollback.to;
            let words =
                format!("--to {to}: {detail}. Give a commit's number, or a time as 2026-11-24T19:30:00Z");
            return Err(Usage(words).into());
        }
    };
    let scope = if rollback.everything {
        json!({"everything": true})
    } else if rollback.venue.is_some() {
        json!({"flag": rollback.flag, "venue": rollback.venue, "environment": rollback.environment})
    } else {
        json!({"flag": rollback.flag})
    };
    let body = json!({"to": to, "scope": scope, "message": rollback.message.message});
    let answer = client.post("/api/v1/rollback", &body).await?;
    written(&answer, &format!("rolled back to {}", rollback.to), shown);
    Ok(())
}
