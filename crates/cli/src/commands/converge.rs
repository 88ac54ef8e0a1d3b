//! `usher converge`.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::{
    args::{Converge, Output},
    client::Client,
    output::{self, text},
};

/// How often a watched commit is asked about.
const WATCH_EVERY: Duration = Duration::from_millis(250);

pub async fn run(client: &Client, converge: &Converge, shown: Output) -> Result<()> {
    let mut seq = converge.seq.map(|seq| seq.to_string());
    let mut before = Value::Null;
    loop {
        let query: Vec<(&str, &str)> = seq.as_deref().map(|seq| ("seq", seq)).into_iter().collect();
        let report = client.get("/api/v1/convergence", &query).await?;
        let count = |name: &str| report[name].as_u64().unwrap_or_default();
        let done = count("converged") + count("left") >= count("expected");
        match shown {
            // The ages of those that lag behind differ every time.
            _ if said(&report) == said(&before) => {}
            Output::Json => output::json(&report),
            Output::Table => show(&report),
        }
        if done || !converge.watch {
            return Ok(());
        }
        // From here on about this commit, also when there are newer ones.
        seq = Some(report["seq"].to_string());
        before = report;
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

/// What makes a report worth showing again.
fn said(report: &Value) -> [&Value; 4] {
    ["seq", "expected", "converged", "left"].map(|name| &report[name])
}

fn show(report: &Value) {
    let at = |one: &Value| {
        let millis =
            |name: &str| one[name].as_f64().map_or_else(String::new, |millis| format!("{millis:.0} ms"));
        vec![
            format!("{} of {}", one["converged"], one["expected"]),
            one["left"].to_string(),
            millis("p50Ms"),
            millis("p99Ms"),
            millis("maxMs"),
        ]
    };
    output::line(&format!("commit {}: {}", report["seq"], text(&report["message"])));
    let mut rows = vec![[vec!["all".to_owned()], at(report)].concat()];
    for venue in report["venues"].as_array().into_iter().flatten() {
        let name = Some(text(&venue["venue"]))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "(no venue)".to_owned());
        rows.push([vec![name], at(venue)].concat());
    }
    output::table(&["VENUE", "DEVICES", "LEFT", "P50", "P99", "LAST"], &rows);
}
