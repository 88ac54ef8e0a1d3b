//! `usher doctor`.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::{
    args::Output,
    client::Client,
    output::{self, text},
};

/// Checks, in the order in which one would look; stops at nothing, and fails if any check does.
pub async fn run(client: &Client, shown: Output) -> Result<()> {
    let mut checks: Vec<(&str, bool, String)> = Vec::new();
    // Without an answer at all there is nothing more to look at.
    let ready = client.get("/readyz", &[]).await;
    if let Err(error) = &ready
        && error.is::<crate::failure::Unreachable>()
    {
        return Err(ready.err().unwrap_or_else(|| anyhow::anyhow!("no answer")));
    }
    if let Ok(answer) = &ready
        && answer["edge"].is_string()
    {
        return edge(answer, shown);
    }
    checks.push(match ready {
        Ok(answer) => ("ready", true, format!("at commit {}", answer["seq"])),
        Err(error) => ("ready", false, format!("{error:#}")),
    });
    checks.push(match client.get("/api/v1/session", &[]).await {
        Ok(answer) => {
            let user = &answer["user"];
            ("token", true, format!("{}, {}", text(&user["name"]), text(&user["role"])))
        }
        Err(error) => ("token", false, format!("{error:#}")),
    });
    let mut durability = None;
    checks.push(match client.get("/api/v1/workspace", &[]).await {
        Ok(answer) => {
            durability = Some(durability_of(&answer["journal"]));
            let counts = &answer["counts"];
            let seen = format!(
                "{} flags, {} venues, {} clients connected, version {}",
                counts["flags"],
                counts["venues"],
                answer["connections"],
                text(&answer["version"])
            );
            ("workspace", true, seen)
        }
        Err(error) => ("workspace", false, format!("{error:#}")),
    });
    checks.extend(durability);
    checks.push(match client.get("/api/v1/verify", &[]).await {
        Ok(found) => {
            let problems = found["problems"].as_array().map_or(0, Vec::len);
            ("journal", problems == 0, format!("{} commits, {problems} problems", found["commits"]))
        }
        Err(error) => ("journal", false, format!("{error:#}")),
    });
    conclude(&checks, shown)
}

/// An edge has no more than this to look at: what else there is, its upstream has.
fn edge(ready: &Value, shown: Output) -> Result<()> {
    let name = format!("edge {}, {} clients connected", text(&ready["edge"]), ready["connections"]);
    let mut checks = vec![("ready", true, name)];
    for one in ready["environments"].as_array().into_iter().flatten() {
        let stale = one["stale"] == true;
        let what = if stale { "upstream is lost" } else { "confirmed" };
        let found = format!(
            "{} at commit {}, {what}, as of {}",
            text(&one["environment"]),
            one["seq"],
            text(&one["asOf"])
        );
        checks.push(("upstream", !stale, found));
    }
    for why in ready["refused"].as_array().into_iter().flatten() {
        checks.push(("key", false, text(why)));
    }
    conclude(&checks, shown)
}

/// Shows what was found; fails if any of it is not well.
fn conclude(checks: &[(&str, bool, String)], shown: Output) -> Result<()> {
    let failed = checks.iter().filter(|(_, good, _)| !good).count();
    if shown == Output::Json {
        let list: Vec<Value> = checks
            .iter()
            .map(|(name, good, detail)| json!({"check": name, "good": good, "detail": detail}))
            .collect();
        output::json(&Value::Array(list));
    } else {
        let row = |(name, good, detail): &(&str, bool, String)| {
            vec![if *good { "ok" } else { "FAILED" }.to_owned(), (*name).to_owned(), detail.clone()]
        };
        output::table(&["", "CHECK", "FOUND"], &checks.iter().map(row).collect::<Vec<_>>());
    }
    if failed > 0 {
        bail!("{failed} of {} checks failed", checks.len());
    }
    Ok(())
}

/// How safe an acknowledged change is. What an operator has accepted is no failure, but it is told.
fn durability_of(journal: &Value) -> (&'static str, bool, String) {
    let Value::Object(told) = &journal["durability"] else {
        return ("durable", true, "this server does not tell".to_owned());
    };
    let field = |name: &str| told.get(name).map(text).unwrap_or_default();
    let mut seen = format!("{}, synchronised {}", field("engine"), field("sync"));
    if field("engine") != "SQLite" {
        seen += &format!(", on {} of {} replicas", field("replicasNeeded"), field("replicas"));
    }
    if let Some(weakness) = told.get("weakness") {
        seen += &format!("; accepted: {}", text(weakness));
    }
    if let Some(notice) = told.get("notice") {
        seen += &format!("; {}", text(notice));
    }
    match journal.get("reason") {
        Some(reason) => ("durable", false, format!("{}: {}; {seen}", text(&journal["health"]), text(reason))),
        None => ("durable", true, seen),
    }
}
