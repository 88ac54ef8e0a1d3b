//! Flags of other systems, taken over in one commit, or looked at beforehand.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use usher_core::{
    Problems,
    import::{self, Entry, Format, Fractional, Imported, Note, Options, Outcome},
    model::{Cohort, Document, DocumentId, EnvironmentKey, Flag, Kind, Model},
};
use usher_journal::{Change, Expected, State};
use utoipa::{IntoParams, ToSchema};

use super::write::{TRIES, Write, Written};
use crate::{app::App, body::Body, problem::Problem};

/// How to import.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportQuery {
    /// The environment that the file is of.
    environment: String,
    /// Only tell what would be done.
    #[serde(default)]
    dry_run: bool,
    /// Import nothing when anything is refused.
    #[serde(default)]
    strict: bool,
    /// Whether client keys get the flags.
    #[serde(default)]
    client_visible: bool,
    /// Attributes that go by another name here: `userId:targetingKey,sessionId:session`.
    #[serde(default)]
    rename: String,
    /// For flagd: which form of `fractional` its clients have, `v2` or `v3`.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    fractional: Option<Fractional>,
    /// Why.
    #[serde(default)]
    message: String,
}

/// What an import did, or would do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// Whether nothing was written because that was asked for.
    dry_run: bool,
    /// The commit; none where nothing was written.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    written: Option<Written>,
    /// How many flags and cohorts there are of each outcome.
    counts: Counts,
    /// Every flag and cohort of the file.
    entries: Vec<ImportedEntry>,
}

/// How many flags and cohorts there are of each outcome.
#[derive(Default, Serialize, ToSchema)]
pub struct Counts {
    /// Evaluate as before.
    mapped: usize,
    /// Evaluate as before, but for what their notes say.
    approximated: usize,
    /// Were left out.
    refused: usize,
}

/// One flag or cohort of the file.
#[derive(Serialize, ToSchema)]
pub struct ImportedEntry {
    #[serde(flatten)]
    #[schema(value_type = EntrySchema)]
    entry: Entry,
    /// `created`, `updated` or `unchanged`; none for what was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
}

/// What became of a flag or cohort of the file.
#[derive(Serialize, ToSchema)]
pub struct EntrySchema {
    /// `flag` or `cohort`.
    kind: String,
    /// Its key in the file.
    source: String,
    /// Its key here.
    key: Option<String>,
    /// `mapped`, `approximated` or `refused`.
    outcome: String,
    /// What was done with its parts.
    notes: Vec<NoteSchema>,
}

/// What was done with one part.
#[derive(Serialize, ToSchema)]
pub struct NoteSchema {
    /// Where it stands in the file.
    at: String,
    /// `mapped`, `approximated` or `refused`.
    outcome: String,
    /// How, or why not.
    text: String,
}

impl ImportQuery {
    fn options(&self) -> Result<Options, Problem> {
        let environment: EnvironmentKey = self.environment.parse().map_err(|detail: String| {
            Problem::bad_value("environment", &self.environment, &detail, "Name an environment.")
        })?;
        let mut rename = BTreeMap::new();
        for pair in self.rename.split(',').filter(|pair| !pair.is_empty()) {
            match pair.split_once(':') {
                Some((from, to)) if !from.is_empty() && !to.is_empty() => {
                    rename.insert(from.to_owned(), to.to_owned());
                }
                _ => {
                    let mend = "Send pairs such as `userId:targetingKey`, with commas between them.";
                    return Err(Problem::bad_value("rename", pair, "this is not a pair of names", mend));
                }
            }
        }
        Ok(Options {
            client_visible: self.client_visible,
            rename,
            fractional: self.fractional.unwrap_or_default(),
            ..Options::new(environment)
        })
    }
}

/// Imports the flags of another system.
#[utoipa::path(post, path = "/api/v1/import/{format}", tag = "history", operation_id = "import", params(("format" = String, Path, description = "flagd, unleash, launchdarkly or growthbook"), ImportQuery), request_body(content = serde_json::Value, description = "The file as the other system gives it"),
    responses((status = 200, description = "What was done, or would be", body = ImportReport), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn import(
    request: HttpRequest,
    app: web::Data<App>,
    format: web::Path<String>,
    query: web::Query<ImportQuery>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let format: Format = format.parse().map_err(|detail: String| {
        Problem::bad_value("format", &*format, &detail, "Name one of them in the path.")
    })?;
    let options = query.options()?;
    let environment = DocumentId::new(Kind::Environment, options.environment.as_str());
    if app.world.snapshot().state.get(&environment).is_none() {
        return Err(Problem::not_found(format!("environment {}", options.environment)));
    }
    let write = Write::new(&app, &request, Some(&query.message), &body)?
        .or_message(|| format!("Import flags of {}", format.as_str()));
    let replayed = write.replayed().await?;
    let text = body.to_vec();
    // Of a large file this takes long; streams are not to wait for it.
    let imported = web::block(move || import::import(format, &text, &options)).await;
    let imported = Arc::new(imported.map_err(Problem::internal)??);
    let mut tries = 0;
    loop {
        tries += 1;
        if !query.dry_run {
            app.world.catch_up().await?;
        }
        let state = Arc::clone(&app.world.snapshot().state);
        let (own, now) = (Arc::clone(&imported), Arc::clone(&state));
        let plan = web::block(move || Plan::new(&own, &now)).await.map_err(Problem::internal)??;
        if let Some(replayed) = replayed {
            return Ok(HttpResponse::Ok().json(plan.report(false, Some(replayed.written))));
        }
        if query.strict && plan.counts.refused > 0 {
            return Err(plan.refusal());
        }
        let (mut changes, mut expected) = (plan.changes.clone(), plan.expected.clone());
        if changes.is_empty() && !query.dry_run {
            let (put, own) = write.nothing(&plan.ids(), &state).unzip();
            (changes, expected) = (put.into_iter().collect(), own.into_iter().collect());
        }
        if query.dry_run || changes.is_empty() {
            return Ok(HttpResponse::Ok().json(plan.report(query.dry_run, None)));
        }
        match write.save_all(changes, expected).await {
            // Somebody else has changed one of them meanwhile.
            Err(problem) if problem.code() == "conflict" && tries < TRIES => {}
            done => return Ok(HttpResponse::Ok().json(plan.report(false, Some(done?.0)))),
        }
    }
}

/// What an import changes in a state.
struct Plan {
    changes: Vec<Change>,
    expected: Vec<(DocumentId, Expected)>,
    entries: Vec<ImportedEntry>,
    counts: Counts,
}

impl Plan {
    fn new(imported: &Imported, state: &State) -> Result<Self, Problem> {
        let mut plan = Self {
            changes: Vec::new(),
            expected: Vec::new(),
            entries: Vec::with_capacity(imported.report.len()),
            counts: Counts::default(),
        };
        // By kind and key: a file of thousands of flags must not be searched for each of them.
        let cohorts: BTreeMap<&str, &Cohort> =
            imported.cohorts.iter().map(|cohort| (cohort.key.as_str(), cohort)).collect();
        let flags: BTreeMap<&str, &Flag> =
            imported.flags.iter().map(|flag| (flag.key.as_str(), flag)).collect();
        for entry in &imported.report {
            let mut entry = entry.clone();
            let key = entry.key.clone().unwrap_or_default();
            let change = match entry.kind {
                Kind::Cohort => match cohorts.get(key.as_str()) {
                    Some(cohort) => plan.put(&Document::from_model(*cohort)?, state),
                    None => None,
                },
                _ => match flags.get(key.as_str()) {
                    Some(flag) => match merged(flag, state) {
                        Ok(flag) => plan.put(&Document::from_model(&flag)?, state),
                        Err(problem) => {
                            entry.key = None;
                            entry.outcome = Outcome::Refused;
                            let text = problem.to_string();
                            entry.notes.push(Note { at: String::new(), outcome: Outcome::Refused, text });
                            None
                        }
                    },
                    None => None,
                },
            };
            match entry.outcome {
                Outcome::Mapped => plan.counts.mapped += 1,
                Outcome::Approximated => plan.counts.approximated += 1,
                Outcome::Refused => plan.counts.refused += 1,
            }
            plan.entries.push(ImportedEntry { entry, change });
        }
        Ok(plan)
    }

    fn put(&mut self, document: &Document, state: &State) -> Option<&'static str> {
        let id = document.id().clone();
        let (expected, change) = match state.get(&id) {
            Some(entry) if entry.document == *document => return Some("unchanged"),
            Some(entry) => (Expected::Version(entry.version), "updated"),
            None => (Expected::Absent, "created"),
        };
        self.expected.push((id, expected));
        self.changes.push(Change::Put(document.clone()));
        Some(change)
    }

    /// What it is about.
    fn ids(&self) -> Vec<DocumentId> {
        let id = |own: &ImportedEntry| Some(DocumentId::new(own.entry.kind.clone(), own.entry.key.clone()?));
        self.entries.iter().filter_map(id).collect()
    }

    fn report(self, dry_run: bool, written: Option<Written>) -> ImportReport {
        ImportReport { dry_run, written, counts: self.counts, entries: self.entries }
    }

    /// All that is refused, as one problem.
    fn refusal(&self) -> Problem {
        let refused = self.entries.iter().filter(|own| own.entry.outcome == Outcome::Refused);
        let problems = refused.map(|ImportedEntry { entry, .. }| {
            let why = entry.notes.iter().filter(|note| note.outcome == Outcome::Refused);
            let why: Vec<String> =
                why.map(|note| format!("{} {}", note.at, note.text).trim().to_owned()).collect();
            let mend = "Change it where it comes from, or import without `strict`.";
            usher_core::Problem::new(
                format!("{}/{}", entry.kind, entry.source),
                &entry.source,
                why.join("; "),
                mend,
            )
        });
        Problems(problems.collect()).into()
    }
}

/// A flag over the one that is there.
fn merged(flag: &Flag, state: &State) -> Result<Flag, usher_core::Problem> {
    let existing = match state.get(&DocumentId::new(Kind::Flag, flag.key())) {
        None => None,
        Some(entry) => Some(entry.document.parse::<Flag>().map_err(|found| {
            let mend = "Delete the flag here first.";
            usher_core::Problem::new(
                "key",
                flag.key(),
                format!("the flag that is there can't be read: {found}"),
                mend,
            )
        })?),
    };
    import::merge(existing.as_ref(), flag.clone())
}
