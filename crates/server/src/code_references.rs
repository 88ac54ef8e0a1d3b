//! Where flags are named in code, as `usher refs` finds it: a report of each repository, replaced whole.
//!
//! It says how code looked at one commit of somebody's and decides nothing, so it is not in the journal but on a shelf
//! beside it, like sessions: in a file, or where nodes share the journal, with it.

use std::{collections::HashMap, fs, io, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};
use usher_core::{Problems, limits::MAX_FLAG_KEY_BYTES, model::Timestamp};
use usher_journal::Fleet;
use utoipa::ToSchema;

use crate::{auth::shelf::Shelf, problem::Problem};

/// The shelf that they are on.
const SHELF: &str = "code-references";
/// Repositories that are known.
const MAX_REPOSITORIES: usize = 200;
/// Places in one repository.
pub(crate) const MAX_REFERENCES: usize = 20_000;
/// Longest path of a file, in bytes.
const MAX_FILE_BYTES: usize = 512;
/// Longest snippet, in bytes: a line of code, not a file that was made smaller.
const MAX_SNIPPET_BYTES: usize = 200;
/// Longest name of a repository, in bytes.
const MAX_REPOSITORY_BYTES: usize = 128;

/// A place in code that names a flag.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeReference {
    /// The flag's key.
    pub flag: String,
    /// The file, from the repository's root.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The line itself, shortened.
    #[serde(default)]
    pub snippet: String,
}

/// What was found in a repository.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeReport {
    /// At which commit, in the words of its version control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// All places.
    pub references: Vec<CodeReference>,
}

/// A report as it is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kept {
    pub(crate) repository: String,
    pub(crate) at: Timestamp,
    pub(crate) by: String,
    pub(crate) report: CodeReport,
}

impl CodeReport {
    /// Whether it can be kept.
    ///
    /// # Errors
    /// What is too long, or too much.
    pub(crate) fn check(&self, repository: &str) -> Result<(), Problems> {
        let mut problems = Problems::default();
        let mut within = |field: String, value: &str, most: usize| {
            if value.is_empty() || value.len() > most || value.chars().any(char::is_control) {
                let detail = format!("this is not 1 to {most} bytes of text in one line");
                problems.push(usher_core::Problem::new(field, value, detail, "Shorten it, or leave it out."));
            }
        };
        within("repository".to_owned(), repository, MAX_REPOSITORY_BYTES);
        if let Some(commit) = &self.commit {
            within("commit".to_owned(), commit, MAX_REPOSITORY_BYTES);
        }
        for (n, own) in self.references.iter().enumerate().take(MAX_REFERENCES) {
            within(format!("references[{n}].flag"), &own.flag, MAX_FLAG_KEY_BYTES);
            within(format!("references[{n}].file"), &own.file, MAX_FILE_BYTES);
            if !own.snippet.is_empty() {
                within(format!("references[{n}].snippet"), &own.snippet, MAX_SNIPPET_BYTES);
            }
        }
        if self.references.len() > MAX_REFERENCES {
            let mend = format!("Report at most {MAX_REFERENCES} places of a repository.");
            let count = self.references.len();
            problems.push(usher_core::Problem::new("references", count, "there are too many places", mend));
        }
        problems.or(())
    }
}

/// All reports.
pub struct CodeReferences(Shelf);

impl CodeReferences {
    /// Those in a file of this folder. One that is damaged is set aside: a report that can be made anew keeps no server
    /// from starting.
    ///
    /// # Errors
    /// The file can't be used.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        Shelf::open(folder, SHELF).map(Self).or_else(|error| {
            let path = folder.join(format!("{SHELF}.json"));
            fs::rename(&path, path.with_extension("damaged"))?;
            let path = path.display();
            tracing::warn!(%path, %error, "what is known of code is set aside: look through it again");
            Shelf::open(folder, SHELF).map(Self)
        })
    }

    /// Those that all nodes share.
    pub(crate) fn shared(fleet: Arc<dyn Fleet>) -> Self {
        Self(Shelf::shared(fleet, SHELF))
    }

    /// Replaces what a repository had.
    ///
    /// # Errors
    /// There are too many repositories, or it can't be kept now.
    pub(crate) async fn put(&self, kept: Kept) -> Result<(), Problem> {
        let all = self.all().await?;
        let is_new = all.iter().all(|own| own.repository != kept.repository);
        if is_new && all.len() >= MAX_REPOSITORIES {
            let mend = "Remove one that is gone (`DELETE /api/v1/code-references/{repository}`).";
            let detail = "there are too many repositories";
            return Err(Problem::bad_value("repository", &kept.repository, detail, mend));
        }
        let name = kept.repository.clone();
        self.0.change(&name, move |own| *own = Some(kept.clone())).await
    }

    /// Forgets a repository; `false` when it was not known.
    ///
    /// # Errors
    /// It can't be kept now.
    pub(crate) async fn remove(&self, repository: &str) -> Result<bool, Problem> {
        self.0.change(repository, |own: &mut Option<Kept>| own.take().is_some()).await
    }

    /// All reports, by repository.
    ///
    /// # Errors
    /// They can't be read now.
    pub(crate) async fn all(&self) -> Result<Vec<Kept>, Problem> {
        let mut all: Vec<Kept> = self.0.all().await?;
        all.sort_by(|a, b| a.repository.cmp(&b.repository));
        Ok(all)
    }

    /// How many places name each flag; none while no repository has been looked through.
    ///
    /// # Errors
    /// They can't be read now.
    pub(crate) async fn counts(&self) -> Result<Option<HashMap<String, usize>>, Problem> {
        let all = self.all().await?;
        if all.is_empty() {
            return Ok(None);
        }
        let mut counts = HashMap::new();
        for own in all.into_iter().flat_map(|kept| kept.report.references) {
            *counts.entry(own.flag).or_default() += 1;
        }
        Ok(Some(counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_damaged_file_is_set_aside_and_keeps_nobody_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        let report = CodeReport { commit: None, references: Vec::new() };
        let kept = Kept { repository: "web".into(), at: Timestamp::EPOCH, by: "ci".into(), report };
        CodeReferences::open(folder.path()).unwrap().put(kept).await.unwrap();
        assert_eq!(CodeReferences::open(folder.path()).unwrap().all().await.unwrap().len(), 1);
        let path = folder.path().join("code-references.json");
        fs::write(&path, "{").unwrap();
        assert!(CodeReferences::open(folder.path()).unwrap().all().await.unwrap().is_empty());
        assert!(!path.exists() && path.with_extension("damaged").exists());
    }
}
