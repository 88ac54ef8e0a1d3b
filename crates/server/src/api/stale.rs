//! Flags that have had their day, each with the reason and what to do.

use std::collections::{HashMap, HashSet};

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use usher_core::model::{DocumentId, Flag, Kind, Lifecycle, Prerequisite, Seq, Timestamp};
use usher_journal::{Entry, State};
use usher_release::stale::{self, Evaluated, Facts, Finding};
use utoipa::{IntoParams, ToSchema};

use super::documents::is_of;
use crate::{
    app::App,
    clock,
    evaluations::{DAY_MILLIS, DAYS, KnownFlags},
    problem::Problem,
    sdk::evaluated::ALL_FLAGS,
};

/// Flags on a page, when not said, and at most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 5_000;

/// Which of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct StaleQuery {
    /// Only what is so in this environment.
    environment: Option<String>,
    /// Only those of this owner.
    owner: Option<String>,
    /// Only those with this tag.
    tag: Option<String>,
    /// Only those with this reason.
    #[param(value_type = Option<StaleReason>)]
    reason: Option<stale::Reason>,
    /// How many days without an evaluation are too many; 7, when not said.
    #[param(minimum = 1, maximum = 30)]
    days: Option<u32>,
    /// How many at most.
    limit: Option<usize>,
    /// Where the page before ended: its `nextCursor`.
    cursor: Option<String>,
}

/// Why a flag has had its day.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum StaleReason {
    /// The day by which it should be gone is over.
    Expired,
    /// Nobody has asked for it.
    NeverEvaluated,
    /// Everybody is given the same.
    SameAnswer,
}

/// One reason, in words.
#[derive(Serialize, ToSchema)]
pub struct StaleFinding {
    /// Which reason.
    reason: StaleReason,
    /// Since when it is so, as far as that is known.
    since: String,
    /// What was found, in a sentence.
    detail: String,
    /// What to do.
    mend: String,
}

/// A flag that has had its day.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StaleFlag {
    /// Its key.
    key: String,
    /// Its name.
    name: String,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    tags: Vec<String>,
    /// `temporary` or `permanent`.
    #[schema(value_type = String)]
    lifecycle: Lifecycle,
    /// When it was last changed, and by whom.
    #[schema(value_type = String)]
    updated_at: Timestamp,
    updated_by: String,
    /// When it was last evaluated, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    last_evaluated: Option<Timestamp>,
    /// Places in code that name it; none when no repository was ever looked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<usize>,
    /// All that says so.
    #[schema(value_type = Vec<StaleFinding>)]
    findings: Vec<Finding>,
}

/// A page of them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StaleFlags {
    /// By key.
    items: Vec<StaleFlag>,
    /// How many there are on all pages.
    total: usize,
    /// What to ask for the next page with; none on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// As of this commit.
    #[schema(value_type = u64)]
    seq: Seq,
    /// From when on evaluations are known: what was before is not.
    #[schema(value_type = String)]
    counted_since: Timestamp,
}

/// Lists flags that have had their day.
#[utoipa::path(get, path = "/api/v1/stale-flags", tag = "flags", operation_id = "stale_flags", params(StaleQuery),
    responses((status = 200, description = "A page of them", body = StaleFlags), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn list(app: web::Data<App>, query: web::Query<StaleQuery>) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    let snapshot = app.world.snapshot();
    if let Some(environment) = &query.environment {
        let id = DocumentId::new(Kind::Environment, environment.as_str());
        snapshot.state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
    }
    let days = query.days.unwrap_or(stale::UNUSED_DAYS);
    if !(1..=DAYS).contains(&i64::from(days)) {
        let mend = format!("Give 1 to {DAYS} days: evaluations are not kept for longer.");
        return Err(Problem::bad_value("days", days, "this can't be told", &mend));
    }
    let references = app.code_references.counts().await?;
    let now = clock::now();
    // Of thousands of flags this takes long; streams are not to wait for it.
    let answer = web::block(move || {
        let known = Known::new(&app, &snapshot.state, references, now);
        page(&snapshot.state, &known, &query, days)
    });
    Ok(HttpResponse::Ok().json(answer.await.map_err(Problem::internal)?))
}

/// What is known of all flags besides what they say themselves.
struct Known {
    now: Timestamp,
    counted_since: Timestamp,
    evaluated: HashMap<String, Vec<Evaluated>>,
    references: Option<HashMap<String, usize>>,
    /// Flags that others have as a prerequisite.
    needed: HashSet<String>,
}

impl Known {
    fn new(app: &App, state: &State, references: Option<HashMap<String, usize>>, now: Timestamp) -> Self {
        let since = Timestamp::from_millis(now.millis() - i64::from(stale::SAME_DAYS) * DAY_MILLIS);
        let all: KnownFlags = app.evaluations().known(since);
        let mut evaluated: HashMap<String, Vec<Evaluated>> = HashMap::new();
        for ((environment, flag), own) in all.into_iter().filter(|((_, flag), _)| flag != ALL_FLAGS) {
            let own = Evaluated { environment, last: own.last, variants: own.variants };
            evaluated.entry(flag).or_default().push(own);
        }
        let counted_since = app.evaluations().since(now);
        Self { now, counted_since, evaluated, references, needed: needed(state) }
    }

    fn stale(&self, entry: &Entry, environment: Option<&str>, days: u32) -> Option<StaleFlag> {
        let flag: Flag = entry.document.parse().ok()?;
        let evaluated = self.evaluated.get(&*flag.key).cloned().unwrap_or_default();
        let of_here = evaluated.iter().filter(|own| environment.is_none_or(|key| key == own.environment));
        let last_evaluated = of_here.map(|own| own.last).max();
        let references = self.references.as_ref().map(|all| all.get(&*flag.key).copied().unwrap_or(0));
        let facts = Facts {
            flag: &flag,
            changed: entry.at,
            counted_since: self.counted_since,
            evaluated,
            references,
            environment,
            is_needed: self.needed.contains(&*flag.key),
            unused_days: days,
        };
        let findings = stale::findings(&facts, self.now);
        (!findings.is_empty()).then(|| StaleFlag {
            key: flag.key.to_string(),
            name: flag.name,
            owner: flag.owner,
            tags: flag.tags,
            lifecycle: flag.lifecycle,
            updated_at: entry.at,
            updated_by: entry.actor.name.clone(),
            last_evaluated,
            references,
            findings,
        })
    }
}

/// Flags that others have as a prerequisite, themselves or in a condition.
fn needed(state: &State) -> HashSet<String> {
    let mut all = HashSet::new();
    for flag in state.models::<Flag>().iter().filter(|flag| flag.lifecycle != Lifecycle::Archived) {
        for config in flag.environments.values() {
            let mut note = |one: &Prerequisite| {
                all.insert(one.flag.to_string());
            };
            config.prerequisites.iter().for_each(&mut note);
            let conditions = config.rules.iter().filter_map(|rule| rule.condition.as_ref());
            conditions.for_each(|condition| condition.each_prerequisite(&mut note));
        }
    }
    all
}

fn page(state: &State, known: &Known, query: &StaleQuery, days: u32) -> StaleFlags {
    let environment = query.environment.as_deref();
    let is_wanted = |entry: &&Entry| is_of(&entry.document, query.owner.as_deref(), query.tag.as_deref());
    let has_reason = |own: &StaleFlag| {
        query.reason.is_none_or(|reason| own.findings.iter().any(|found| found.reason == reason))
    };
    let all = state.of_kind(&Kind::Flag).filter(is_wanted);
    let all = all.filter_map(|entry| known.stale(entry, environment, days));
    let mut items: Vec<StaleFlag> = all.filter(has_reason).collect();
    let total = items.len();
    items.retain(|own| query.cursor.as_ref().is_none_or(|after| own.key > *after));
    let limit = query.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| !is_last).map(|own| own.key.clone());
    let (seq, counted_since) = (state.seq(), known.counted_since);
    StaleFlags { items, total, next_cursor, seq, counted_since }
}
