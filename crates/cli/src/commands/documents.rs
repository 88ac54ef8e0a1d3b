//! Documents as such: listing, showing, writing from a file.

use std::{collections::HashMap, io::Read, path::Path};

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::written;
use crate::{
    args::{Documents, Output, Set, Venue},
    client::{Belief, Client, segment},
    failure::{Refused, Usage},
    output::{self, text},
    venues::parse_csv,
};

/// Documents asked for at a time.
const PAGE: &str = "1000";

pub async fn run(client: &Client, kind: &str, command: Documents, shown: Output) -> Result<()> {
    match command {
        Documents::Ls { search } => {
            let items = all(client, kind, search.as_deref()).await?;
            let columns: &[&str] = match kind {
                "events" => &["key", "name", "venue", "doors", "start", "finalScan"],
                "freezes" => &["key", "reason", "from", "until"],
                _ => &["key", "name", "description"],
            };
            show(items, columns, shown);
            Ok(())
        }
        Documents::Get { key } => get(client, kind, &key, None, shown).await,
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
        Venue::Get { key } => get(client, "venues", &key, None, shown).await,
        Venue::Set(set) => self::set(client, "venues", &set, shown).await,
        Venue::Import { file, message } => import_venues(client, &file, message.message, shown).await,
    }
}

/// The columns of the file over what is known of each venue; in one commit, or not at all.
async fn import_venues(client: &Client, file: &Path, message: Option<String>, shown: Output) -> Result<()> {
    let rows = parse_csv(&read(file)?)
        .map_err(|problem| Usage(format!("{} is not a list of venues: {problem}", name(file))))?;
    let count = rows.len();
    let known = all(client, "venues", None).await?;
    let known: HashMap<&str, &Value> =
        known.iter().filter_map(|item| Some((item["document"]["key"].as_str()?, item))).collect();
    let mut changes = Vec::with_capacity(count);
    let mut expected = Map::new();
    for row in rows {
        let key = text(&row["key"]);
        let (version, venue) = match known.get(key.as_str()) {
            Some(item) => (item["version"].clone(), over(item["document"].clone(), row)),
            None => (0.into(), row),
        };
        // Whoever changes a venue meanwhile is not written over.
        expected.insert(format!("venue/{key}"), version);
        changes.push(json!({"put": venue}));
    }
    let message = message.unwrap_or_else(|| format!("Import {}", counted(count, "venue")));
    let body = json!({"message": message, "changes": changes, "expected": expected});
    let answer = client.post("/api/v1/commits", &body).await?;
    written(&answer, &format!("{} imported", counted(count, "venue")), shown);
    Ok(())
}

fn over(mut document: Value, row: Value) -> Value {
    if let (Some(fields), Value::Object(row)) = (document.as_object_mut(), row) {
        fields.extend(row);
    }
    document
}

/// Every document of a kind, page after page.
pub async fn all(client: &Client, kind: &str, search: Option<&str>) -> Result<Vec<Value>> {
    pages(client, kind, &search.map(|search| ("search", search)).into_iter().collect::<Vec<_>>()).await
}

/// Everything that a list has for a query, page after page.
pub async fn pages(client: &Client, kind: &str, asked: &[(&str, &str)]) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut query = vec![("limit", PAGE)];
        query.extend(asked);
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

pub async fn get(client: &Client, kind: &str, key: &str, at: Option<&str>, shown: Output) -> Result<()> {
    let query: Vec<(&str, &str)> = at.map(|at| ("at", at)).into_iter().collect();
    let document = client.get(&format!("/api/v1/{kind}/{}", segment(key)), &query).await?;
    match shown {
        Output::Json => output::json(&document),
        Output::Table => {
            let rows = output::leaves(&document).into_iter().map(|(path, text)| vec![path, text]);
            output::table(&["FIELD", "VALUE"], &rows.collect::<Vec<_>>());
        }
    }
    Ok(())
}

/// Changes a document that is there: if somebody writes in between, the server refuses.
pub async fn change(
    client: &Client,
    kind: &str,
    key: &str,
    message: Option<&str>,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Result<Value> {
    let path = format!("/api/v1/{kind}/{}", segment(key));
    let mut answer = client.ask(Method::GET, &path, &[], None, None).await?;
    if let Some(fields) = answer.body.as_object_mut() {
        change(fields);
    }
    let query = [("message", message.unwrap_or_default())];
    let belief = answer.etag.map(Belief::Version);
    Ok(client.ask(Method::PUT, &path, &query, Some(&answer.body), belief.as_ref()).await?.body)
}

/// Writes a document over the version that is there now: if somebody writes in between, the server refuses.
pub async fn set(client: &Client, kind: &str, set: &Set, shown: Output) -> Result<()> {
    let document = read_json(&set.file)?;
    let path = format!("/api/v1/{kind}/{}", segment(&set.key));
    let belief = match client.ask(Method::GET, &path, &[], None, None).await {
        Ok(answer) => answer.etag.map(Belief::Version),
        Err(error) if error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == 404) => {
            Some(Belief::Absent)
        }
        Err(error) => return Err(error),
    };
    let message = set.message.message.as_deref().unwrap_or_default();
    let query = [("message", message)];
    let answer = client.ask(Method::PUT, &path, &query, Some(&document), belief.as_ref()).await?.body;
    written(&answer, &format!("{} is written", set.key), shown);
    Ok(())
}

/// A file, or standard input for `-`.
pub fn read(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes).context("standard input can't be read")?;
    } else {
        bytes = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    }
    Ok(bytes)
}

/// What a file is called in a message.
pub fn name(file: &Path) -> String {
    if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() }
}

/// How many of a thing, in words.
pub fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// A file, or standard input for `-`, as JSON.
pub fn read_json(file: &Path) -> Result<Value> {
    serde_json::from_slice(&read(file)?)
        .map_err(|error| Usage(format!("{} is not JSON: {error}", name(file))).into())
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
