//! `usher change`.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use super::{documents, schedule, written};
use crate::{
    args::{Change, One, Open, Output},
    client::{Belief, Client, segment},
    failure::Refused,
    output::{self, text},
};

const ALL: &str = "/api/v1/change-requests";

pub async fn run(client: &Client, change: Change, shown: Output) -> Result<()> {
    match change {
        Change::Ls { search } => list(client, search.as_deref(), shown).await,
        Change::Get { key } => get(client, &key, shown).await,
        Change::Open(new) => open(client, new, shown).await,
        Change::Approve { key, seen } => {
            let belief = seen.map(|seen| Belief::Version(format!("\"{seen}\"")));
            let path = format!("{ALL}/{}/approve", segment(&key));
            let answer = client.ask(Method::POST, &path, &[], None, belief.as_ref()).await?.body;
            written(&answer, &format!("{key} is approved"), shown);
            Ok(())
        }
        Change::Comment { key, text } => {
            let path = format!("{ALL}/{}/comments", segment(&key));
            written(
                &client.post(&path, &json!({"text": text})).await?,
                &format!("{key} is commented on"),
                shown,
            );
            Ok(())
        }
        Change::Merge(one) => decide(client, "merge", "is made", one, shown).await,
        Change::Close(one) => decide(client, "close", "is closed", one, shown).await,
    }
}

async fn decide(client: &Client, verb: &str, done: &str, one: One, shown: Output) -> Result<()> {
    let path = format!("{ALL}/{}/{verb}", segment(&one.key));
    let answer = client.post(&path, &json!({"message": one.message.message})).await?;
    written(&answer, &format!("{} {done}", one.key), shown);
    Ok(())
}

/// Opens one; changes it, where there is one with this key.
async fn open(client: &Client, new: Open, shown: Output) -> Result<()> {
    let Open { title, file, key, at, venue, time_zone, message } = new;
    let mut body = json!({"title": title, "message": message.message.unwrap_or_default(),
        "changes": changes(documents::read_json(&file)?)});
    if let Some(at) = &at {
        let venues: Vec<String> = venue.into_iter().collect();
        body["applyAt"] = schedule::when(at, time_zone.as_deref(), &venues)?;
    }
    let Some(key) = key else {
        let answer = client.post(ALL, &body).await?;
        written(&answer, &format!("{} is open", text(&answer["document"]["key"])), shown);
        return Ok(());
    };
    let path = format!("{ALL}/{}", segment(&key));
    let answer = match client.ask(Method::GET, &path, &[], None, None).await {
        Ok(now) => {
            let belief = now.etag.map(Belief::Version);
            client.ask(Method::PUT, &path, &[], Some(&body), belief.as_ref()).await?.body
        }
        Err(error) if error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == 404) => {
            body["key"] = json!(key);
            client.post(ALL, &body).await?
        }
        Err(error) => return Err(error),
    };
    written(&answer, &format!("{key} is open"), shown);
    Ok(())
}

/// What a file says: one document, or a list of changes.
fn changes(file: Value) -> Value {
    if file.is_array() {
        return file;
    }
    match file.get("changes") {
        Some(changes) => changes.clone(),
        None => json!([{"put": file}]),
    }
}

async fn list(client: &Client, search: Option<&str>, shown: Output) -> Result<()> {
    let items = documents::all(client, "change-requests", search).await?;
    if shown == Output::Json {
        output::json(&Value::Array(items));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let own = &item["document"];
            let approved = own["approvals"].as_array().map_or(0, Vec::len).to_string();
            vec![
                text(&own["key"]),
                text(&own["status"]),
                approved,
                text(&own["author"]["name"]),
                text(&own["title"]),
            ]
        })
        .collect();
    output::table(&["KEY", "STATUS", "APPROVED", "AUTHOR", "TITLE"], &rows);
    Ok(())
}

async fn get(client: &Client, key: &str, shown: Output) -> Result<()> {
    let view = client.get(&format!("{ALL}/{}", segment(key)), &[]).await?;
    if shown == Output::Json {
        output::json(&view);
        return Ok(());
    }
    let (own, standing) = (&view["document"], &view["standing"]);
    let mut rows = Vec::new();
    let mut say = |name: &str, text: String| {
        if !text.is_empty() {
            rows.push(vec![name.to_owned(), text]);
        }
    };
    say("title", text(&own["title"]));
    say("why", text(&own["message"]));
    say("author", text(&own["author"]["name"]));
    say("status", text(&own["status"]));
    say("version", text(&view["version"]));
    say("due", text(&view["due"]["at"]));
    let approved: Vec<String> = standing["approvedBy"].as_array().into_iter().flatten().map(text).collect();
    say(
        "approved",
        format!("{} of {} {}", approved.len(), standing["needed"], approved.join(", ")).trim_end().to_owned(),
    );
    for reason in standing["reasons"].as_array().into_iter().flatten() {
        say("lacks", text(reason));
    }
    for conflict in view["conflicts"].as_array().into_iter().flatten() {
        let by = text(&conflict["by"]);
        say("conflict", format!("{} is at {}, by {by}", text(&conflict["document"]), conflict["version"]));
    }
    for change in view["diff"].as_array().into_iter().flatten() {
        let name = format!("{}/{}", text(&change["kind"]), text(&change["key"]));
        say(&text(&change["action"]), name);
        for (path, before, after) in differences(&change["before"], &change["after"]) {
            say("", format!("{path}: {before} → {after}"));
        }
    }
    if let Some(reach) = view.get("reach") {
        let venues = reach["venues"].as_array().map_or(0, Vec::len);
        say("reaches", format!("{}, {}", documents::counted(venues, "venue"), devices(&reach["devices"])));
    }
    for comment in own["comments"].as_array().into_iter().flatten() {
        say("comment", format!("{}: {}", text(&comment["by"]["name"]), text(&comment["text"])));
    }
    output::table(&["WHAT", key], &rows);
    Ok(())
}

fn devices(count: &Value) -> String {
    documents::counted(usize::try_from(count.as_u64().unwrap_or_default()).unwrap_or(usize::MAX), "device")
}

/// The leaves that are not the same, with what they are before and after.
fn differences(before: &Value, after: &Value) -> Vec<(String, String, String)> {
    let (old, new) = (output::leaves(before), output::leaves(after));
    let find = |all: &[(String, String)], path: &str| {
        all.iter().find(|(own, _)| own == path).map_or_else(|| "nothing".to_owned(), |(_, text)| text.clone())
    };
    let gone = old.iter().filter(|(path, _)| !new.iter().any(|(own, _)| own == path));
    let paths = new.iter().chain(gone).map(|(path, _)| path);
    paths
        .map(|path| (path.clone(), find(&old, path), find(&new, path)))
        .filter(|(_, before, after)| before != after)
        .collect()
}
