//! `usher flag`.

use anyhow::Result;
use serde_json::{Value, json};

use super::{documents, schedule, written};
use crate::{
    args::{About, Flag, Later, Output, Stale, Where},
    client::{Client, segment},
    output::{self, text},
};

pub async fn run(client: &Client, flag: Flag, shown: Output) -> Result<()> {
    match flag {
        Flag::Ls { search, owner, tag } => {
            let asked = [("search", search), ("owner", owner), ("tag", tag)];
            list(client, &named(&asked), shown).await
        }
        Flag::Get { key, at } => documents::get(client, "flags", &key, at.as_deref(), shown).await,
        Flag::Set(set) => documents::set(client, "flags", &set, shown).await,
        Flag::On { place, variant, later } => {
            act_then(client, "on", "on", place, json!({"variant": variant}), later, shown).await
        }
        Flag::Off { place, later } => act_then(client, "off", "off", place, json!({}), later, shown).await,
        Flag::Clear(place) => act(client, "clear", "cleared", place, json!({}), shown).await,
        Flag::Kill { place, cohort, later } => {
            act_then(client, "kill", "killed", place, json!({"cohorts": cohort}), later, shown).await
        }
        Flag::Revive { place, cohort, later } => {
            act_then(client, "revive", "revived", place, json!({"cohorts": cohort}), later, shown).await
        }
        Flag::About(about) => self::about(client, about, shown).await,
        Flag::Stale(stale) => self::stale(client, stale, shown).await,
        Flag::Archive { key, even_so, message } => {
            let body = json!({"message": message.message, "evenSo": even_so});
            let answer = client.post(&format!("/api/v1/flags/{}/archive", segment(&key)), &body).await?;
            written(&answer, &format!("{key} is archived"), shown);
            Ok(())
        }
    }
}

/// Does it now, or makes a schedule of it.
async fn act_then(
    client: &Client,
    action: &str,
    done: &str,
    place: Where,
    body: Value,
    later: Later,
    shown: Output,
) -> Result<()> {
    if later.at.is_some() {
        schedule::make(client, action, done, place, body, later, shown).await
    } else {
        act(client, action, done, place, body, shown).await
    }
}

async fn act(
    client: &Client,
    action: &str,
    done: &str,
    place: Where,
    mut body: Value,
    shown: Output,
) -> Result<()> {
    let Where { key, environment, venue, message } = place;
    body["venues"] = json!(venue);
    body["message"] = json!(message.message);
    let mut places = venue;
    places.extend(body["cohorts"].as_array().into_iter().flatten().map(text));
    let at = if places.is_empty() { String::new() } else { format!(" at {}", places.join(", ")) };
    let path = format!("/api/v1/flags/{}/environments/{}/{action}", segment(&key), segment(&environment));
    let answer = client.post(&path, &body).await?;
    written(&answer, &format!("{key} is {done}{at} in {environment}"), shown);
    let killed = &answer["document"]["environments"][&environment]["killed"];
    if action == "on" && *killed != Value::Null {
        eprintln!("But it is killed {}: only `usher flag revive` brings it back there.", kills(killed));
    }
    Ok(())
}

/// Where a flag is killed, in words.
fn kills(killed: &Value) -> String {
    if killed["all"] == true {
        return "everywhere".to_owned();
    }
    let places = ["venues", "cohorts"].map(|list| killed[list].as_array().into_iter().flatten().map(text));
    format!("at {}", places.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// What is asked of a query.
fn named<'a>(asked: &'a [(&'a str, Option<String>)]) -> Vec<(&'a str, &'a str)> {
    asked.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect()
}

/// Says who answers for it, what it is filed under, and how long it is meant to live.
async fn about(client: &Client, about: About, shown: Output) -> Result<()> {
    let About { key, owner, tag, untag, lifecycle, expires, message } = about;
    let edit = |flag: &mut serde_json::Map<String, Value>| {
        for (name, value) in [("owner", owner), ("lifecycle", lifecycle), ("expires", expires)] {
            match value {
                Some(value) if value.is_empty() => drop(flag.remove(name)),
                Some(value) => drop(flag.insert(name.to_owned(), value.into())),
                None => {}
            }
        }
        let mut tags: Vec<String> =
            flag.get("tags").and_then(Value::as_array).into_iter().flatten().map(text).collect();
        tags.retain(|own| !untag.contains(own) && !tag.contains(own));
        tags.extend(tag);
        flag.insert("tags".to_owned(), tags.into());
    };
    let answer = documents::change(client, "flags", &key, message.message.as_deref(), edit).await?;
    written(&answer, &format!("{key} is described"), shown);
    Ok(())
}

/// Lists flags that have had their day.
async fn stale(client: &Client, stale: Stale, shown: Output) -> Result<()> {
    let Stale { environment, owner, tag, reason, days } = stale;
    // The API's words are in camel case.
    let reason = reason.map(|own| match own.as_str() {
        "never-evaluated" => "neverEvaluated".to_owned(),
        "same-answer" => "sameAnswer".to_owned(),
        _ => own,
    });
    let days = days.map(|days| days.to_string());
    let asked =
        [("environment", environment), ("owner", owner), ("tag", tag), ("reason", reason), ("days", days)];
    let items = documents::pages(client, "stale-flags", &named(&asked)).await?;
    if shown == Output::Json {
        output::json(&Value::Array(items));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = items
        .iter()
        .flat_map(|flag| {
            flag["findings"].as_array().into_iter().flatten().map(|own| {
                let why = format!("{} {}", text(&own["detail"]), text(&own["mend"]));
                vec![
                    text(&flag["key"]),
                    text(&flag["owner"]),
                    day(&own["since"]),
                    text(&flag["references"]),
                    why,
                ]
            })
        })
        .collect();
    output::table(&["KEY", "OWNER", "SINCE", "IN CODE", "WHY"], &rows);
    Ok(())
}

/// The day of a time.
fn day(at: &Value) -> String {
    text(at).chars().take("2026-12-31".len()).collect()
}

async fn list(client: &Client, asked: &[(&str, &str)], shown: Output) -> Result<()> {
    let items = documents::pages(client, "flags", asked).await?;
    if shown == Output::Json {
        output::json(&Value::Array(items));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let flag = &item["document"];
            let states = flag["environments"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(environment, config)| format!("{environment}: {}", state(config)));
            vec![
                text(&flag["key"]),
                text(&flag["type"]),
                states.collect::<Vec<_>>().join(", "),
                text(&flag["owner"]),
                text(&flag["name"]),
            ]
        })
        .collect();
    output::table(&["KEY", "TYPE", "STATE", "OWNER", "NAME"], &rows);
    Ok(())
}

fn state(config: &Value) -> String {
    let killed = &config["killed"];
    let places = |list: &str| killed[list].as_array().map_or(0, Vec::len);
    if killed["all"] == true {
        return "killed".to_owned();
    }
    let on = if config["enabled"] == true { "on" } else { "off" };
    match places("venues") + places("cohorts") {
        0 => on.to_owned(),
        count => format!("{on}, killed in {count} places"),
    }
}
