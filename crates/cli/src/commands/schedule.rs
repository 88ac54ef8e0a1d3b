//! `usher schedule`, and flags that are changed at a time instead of now.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use usher_core::model::{LocalTime, Timestamp};

use super::{documents, written};
use crate::{
    args::{Documents, Later, Output, Where},
    client::{Belief, Client, segment},
    failure::Usage,
    output::{self, text},
};

/// Longest key, in characters.
const MAX_KEY: usize = 128;

pub async fn run(client: &Client, command: Documents, shown: Output) -> Result<()> {
    match command {
        Documents::Ls { search } => list(client, search.as_deref(), shown).await,
        other => documents::run(client, "schedules", other, shown).await,
    }
}

async fn list(client: &Client, search: Option<&str>, shown: Output) -> Result<()> {
    let items = documents::all(client, "schedules", search).await?;
    if shown == Output::Json {
        output::json(&Value::Array(items));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let (schedule, due) = (&item["document"], &item["due"]);
            let outcome = &schedule["outcome"];
            // What is over was due when it was done, wherever its event has gone since.
            let due = if outcome.is_null() { &due["at"] } else { &outcome["due"] };
            let result = if outcome.is_null() { "planned".to_owned() } else { text(&outcome["result"]) };
            let local = if outcome.is_null() { text(&item["due"]["local"]) } else { String::new() };
            vec![text(&schedule["key"]), result, text(due), local, text(&schedule["name"])]
        })
        .collect();
    output::table(&["KEY", "STATE", "DUE", "LOCAL", "NAME"], &rows);
    Ok(())
}

/// Makes a schedule of what would have been done now: `action` at `place`, with what `body` says besides.
pub async fn make(
    client: &Client,
    action: &str,
    done: &str,
    place: Where,
    body: Value,
    later: Later,
    shown: Output,
) -> Result<()> {
    let Where { key: flag, environment, venue, message } = place;
    let at = when(later.at.as_deref().unwrap_or_default(), later.time_zone.as_deref(), &venue)?;
    let mut play = body;
    play["flag"] = json!(flag);
    play["environment"] = json!(environment);
    play["venues"] = json!(venue);
    if let Some(fields) = play.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    let mut places = venue;
    places.extend(play["cohorts"].as_array().into_iter().flatten().map(text));
    let place = if places.is_empty() { String::new() } else { format!(" at {}", places.join(", ")) };
    let name = format!("{flag} is {done}{place} in {environment}");
    let key = later.schedule.unwrap_or_else(|| {
        let parts = [later.at.as_deref().unwrap_or_default(), action, &flag, &environment];
        named(parts.into_iter().chain(places.iter().map(String::as_str)))
    });
    let document = json!({"key": key, "name": name, "at": at, "plays": [{action: play}]});
    let path = format!("/api/v1/schedules/{}", segment(&key));
    let query = [("message", message.message.as_deref().unwrap_or_default())];
    // Another schedule is not written over: whoever types the same twice is told so.
    let answer = client.ask(Method::PUT, &path, &query, Some(&document), Some(&Belief::Absent)).await?.body;
    let due = client.get(&format!("{path}/due"), &[]).await?;
    let local = due["local"].as_str().map_or_else(String::new, |local| format!(", {local}"));
    written(&answer, &format!("schedule {key}: {name} from {}{local}", text(&due["at"])), shown);
    Ok(())
}

/// When that is, as a schedule says it: an instant; or a local time, of the one venue or of the zone that was named.
pub fn when(at: &str, time_zone: Option<&str>, venues: &[String]) -> Result<Value> {
    if at.parse::<LocalTime>().is_err() {
        return match (at.parse::<Timestamp>(), time_zone) {
            (Ok(instant), None) => Ok(json!(instant)),
            (Ok(_), Some(_)) => {
                Err(Usage("--at names an instant, so --time-zone says nothing: leave one of them out".to_owned()).into())
            }
            (Err(_), _) => Err(Usage(format!(
                "--at {at} is no time: give an instant (2027-05-15T17:00:00Z) or a local time (2027-05-15T18:00)"
            ))
            .into()),
        };
    }
    match (time_zone, venues) {
        (Some(zone), _) => Ok(json!({"local": at, "timeZone": zone})),
        (None, [venue]) => Ok(json!({"local": at, "venue": venue})),
        (None, _) => Err(Usage(
            "a local time needs one --venue, whose clocks show it, or a --time-zone such as Europe/London"
                .to_owned(),
        )
        .into()),
    }
}

/// A key that tells what it is about, and begins with the time, so that a list is in its order.
fn named<'p>(parts: impl Iterator<Item = &'p str>) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let key = parts.collect::<Vec<_>>().join("-");
    key.chars().map(plain).take(MAX_KEY).collect()
}
