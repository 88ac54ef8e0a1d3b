//! `usher refs`: tells the server where code names flags.

use std::{collections::HashSet, path::Path};

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use super::documents;
use crate::{
    args::{Output, Refs},
    client::{Client, segment},
    output::{self, text},
    refs::{Found, Place, Repository, look_through},
};

pub async fn run(client: &Client, refs: Refs, shown: Output) -> Result<()> {
    let Refs { path, repository, commit, dry_run } = refs;
    let name = match repository {
        Some(name) => name,
        None => name_of(&path)?,
    };
    let flags = documents::all(client, "flags", None).await?;
    let keys: HashSet<String> = flags.iter().map(|item| text(&item["document"]["key"])).collect();
    let looked = tokio::task::spawn_blocking(move || look_through(&path, &keys)).await??;
    let references = listed(&looked, |found| &found.places);
    let unknown = listed(&looked, |found| &found.unknown);
    if !dry_run {
        let report = json!({"commit": commit, "references": references});
        let path = format!("/api/v1/code-references/{}", segment(&name));
        client.ask(Method::PUT, &path, &[], Some(&report), None).await?;
    }
    match shown {
        Output::Json => output::json(&json!({
            "repository": name, "commit": commit, "reported": !dry_run,
            "files": looked.read, "passedOver": looked.passed_over,
            "references": references, "unknown": unknown,
        })),
        Output::Table => {
            if dry_run {
                table(&references);
            }
            let named: HashSet<&str> = references.iter().filter_map(|own| own["flag"].as_str()).collect();
            let done = if dry_run { "not reported" } else { "reported" };
            output::line(&format!(
                "{name}: {} places name {} flags, in {} files; {done}",
                references.len(),
                named.len(),
                looked.read
            ));
        }
    }
    for own in &unknown {
        let place = format!("{}:{}", text(&own["file"]), own["line"]);
        eprintln!("{place} asks for `{}`, which there is not.", text(&own["flag"]));
    }
    Ok(())
}

/// A repository is called as its folder is, where nobody says otherwise.
fn name_of(path: &Path) -> Result<String> {
    let whole = path.canonicalize().with_context(|| path.display().to_string())?;
    let name = whole.file_name().context("give the repository a name, with --repository")?;
    Ok(name.to_string_lossy().into_owned())
}

fn listed(looked: &Repository, of: impl Fn(&Found) -> &Vec<Place>) -> Vec<Value> {
    let all = looked.files.iter().flat_map(|(file, found)| {
        of(found)
            .iter()
            .map(move |own| json!({"flag": own.flag, "file": file, "line": own.line, "snippet": own.snippet}))
    });
    all.collect()
}

fn table(references: &[Value]) {
    let rows: Vec<Vec<String>> = references
        .iter()
        .map(|own| {
            vec![text(&own["flag"]), format!("{}:{}", text(&own["file"]), own["line"]), text(&own["snippet"])]
        })
        .collect();
    output::table(&["FLAG", "PLACE", "LINE"], &rows);
}
