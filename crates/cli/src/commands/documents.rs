//! Documents as such: listing, showing, writing from a file.

use std::{io::Read, path::Path};

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use super::written;
use crate::{
    args::{Documents, Output, Set, Venue},
    client::{Client, segment},
    failure::{Refused, Usage},
    output::{self, text},
    venues::read_csv,
};

/// Documents asked for at a time.
const PAGE: &str = "1000";

pub async fn run(client: &Client, kind: &str, command: Documents, shown: Output) -> Result<()> {
    match command {
        Documents::Ls { search } => {
            let items = all(client, kind, search.as_deref()).await?;
            show(items, &["key", "name", "description"], shown);
            Ok(())
        }
        Documents::Get { key } => get(client, kind, &key, None).await,
        Documents::Set(set) => self::set(client, kind, &set, shown).await,
        Documents::Rm { key, message } => {
            let path = format!("/api/v1/{kind}/{}", segment(&key));
            let message = message.message.unwrap_or_default();
            let answer = client.ask(Method::DELETE, &path, &[("message", &message)], None, None).await?.body;
            written(&answer, &format!("{key} is deleted"), shown);
            Ok(())
        }
    }
}

pub async fn venue(client: &Client, command: Venue, shown: Output) -> Result<()> {
    match command {
        Venue::Ls { search } => {
            let items = all(client, "venues", search.as_deref()).await?;
            show(items, &["key", "name", "city", "country", "capacity"], shown);
            Ok(())
        }
        Venue::Get { key } => get(client, "venues", &key, None).await,
        Venue::Set(set) => self::set(client, "venues", &set, shown).await,
        Venue::Import { file, message } => {
            let venues = read_csv(&file)?;
            let count = venues.len();
            let changes: Vec<Value> = venues.into_iter().map(|venue| json!({"put": venue})).collect();
            let message = message.message.unwrap_or_else(|| format!("Import {count} venues"));
            let answer =
                client.post("/api/v1/commits", &json!({"message": message, "changes": changes})).await?;
            written(&answer, &format!("{count} venues imported"), shown);
            Ok(())
        }
    }
}

/// Every document of a kind, page after page.
pub async fn all(client: &Client, kind: &str, search: Option<&str>) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut query = vec![("limit", PAGE)];
        query.extend(search.map(|search| ("search", search)));
        if !cursor.is_empty() {
            query.push(("cursor", &cursor));
        }
        let mut page = client.get(&format!("/api/v1/{kind}"), &query).await?;
        if let Value::Array(more) = page["items"].take() {
            items.extend(more);
        }
        match page["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return Ok(items),
        }
    }
}

pub async fn get(client: &Client, kind: &str, key: &str, at: Option<&str>) -> Result<()> {
    let query: Vec<(&str, &str)> = at.map(|at| ("at", at)).into_iter().collect();
    output::json(&client.get(&format!("/api/v1/{kind}/{}", segment(key)), &query).await?);
    Ok(())
}

/// Writes a document over the version that is there now: if somebody writes in between, the server refuses.
pub async fn set(client: &Client, kind: &str, set: &Set, shown: Output) -> Result<()> {
    let document = read_json(&set.file)?;
    let path = format!("/api/v1/{kind}/{}", segment(&set.key));
    let version = match client.ask(Method::GET, &path, &[], None, None).await {
        Ok(answer) => answer.etag,
        Err(error) if error.downcast_ref::<Refused>().is_some_and(|refused| refused.0.contains("(404)")) => {
            None
        }
        Err(error) => return Err(error),
    };
    let message = set.message.message.as_deref().unwrap_or_default();
    let query = [("message", message)];
    let answer = client.ask(Method::PUT, &path, &query, Some(&document), version.as_deref()).await?.body;
    written(&answer, &format!("{} is written", set.key), shown);
    Ok(())
}

/// A file, or standard input for `-`, as JSON.
pub fn read_json(file: &Path) -> Result<Value> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).context("standard input can't be read")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    }
    serde_json::from_str(&text)
        .map_err(|error| Usage(format!("{} is not JSON: {error}", file.display())).into())
}

fn show(items: Vec<Value>, columns: &[&str], shown: Output) {
    if shown == Output::Json {
        return output::json(&Value::Array(items));
    }
    let heading: Vec<String> = columns.iter().map(|column| column.to_uppercase()).collect();
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| columns.iter().map(|column| text(&item["document"][*column])).collect())
        .collect();
    output::table(&heading.iter().map(String::as_str).collect::<Vec<_>>(), &rows);
}
