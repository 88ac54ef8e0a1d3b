//! What people do with releases: start, go on, stop, take back; and what they see of them meanwhile.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use usher_core::model::{
    Actor, Document, DocumentId, Environment, EnvironmentKey, Flag, Kind, Progress, Release,
    ReleaseRehearsal, Role, Seq, Status, Step, StepKind,
};
use usher_journal::{Change, Entry, State};
use usher_release::{
    Move, approval, effect,
    preflight::{Finding, Weight},
};
use utoipa::ToSchema;

use super::{
    identity,
    schemas::{ReleaseSchema, WrittenOf},
    write::{TRIES, Write, Written},
};
use crate::{
    app::App,
    body::Body,
    clock,
    problem::Problem,
    releases::{self, NotTaken, View},
    scopes,
};

/// Why it is done.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Why {
    /// Why: the message of the commit, and what the release's record says.
    message: Option<String>,
}

/// What was seen of a release at the last look.
#[utoipa::path(get, path = "/api/v1/releases/{key}/status", tag = "releases", operation_id = "release_status",
    params(("key" = String, Path, description = "The release")),
    responses((status = 200, description = "What its guards say, and what follows", body = View), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn status(app: web::Data<App>, key: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = DocumentId::new(Kind::Release, key.as_str());
    let state = Arc::clone(&app.world.snapshot().state);
    let entry = state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
    let release: Release = entry.document.parse()?;
    let Some(progress) = &release.progress else {
        return Ok(HttpResponse::Ok().json(json!({"key": release.key, "status": "planned"})));
    };
    Ok(HttpResponse::Ok().json(View::now(&release, progress, app.releases.view(&key))))
}

/// What stands in its way, and what somebody should know before it begins.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preflight {
    /// Whether it can begin.
    ready: bool,
    /// What was looked at: `about`, `weight` (`well`, `warning`, `blocker`) and `detail`.
    #[schema(value_type = Vec<FindingSchema>)]
    findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Serialize, ToSchema)]
#[schema(as = Finding)]
#[allow(dead_code)] // Only described.
struct FindingSchema {
    /// What, in a word.
    about: String,
    /// `well`, `warning` or `blocker`.
    weight: String,
    /// What was found, in a sentence.
    detail: String,
}

/// Looks at everything that should be so before a release begins. What its guards ask outside is asked, once.
#[utoipa::path(get, path = "/api/v1/releases/{key}/preflight", tag = "releases", operation_id = "release_preflight",
    params(("key" = String, Path, description = "The release")),
    responses((status = 200, description = "What was found", body = Preflight), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn preflight(app: web::Data<App>, key: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = DocumentId::new(Kind::Release, key.as_str());
    let state = Arc::clone(&app.world.snapshot().state);
    let release: Release = state.get(&id).ok_or_else(|| Problem::not_found(&id))?.document.parse()?;
    let findings = releases::preflight(&app, &state, &release).await;
    let ready = findings.iter().all(|own| own.weight != Weight::Blocker);
    Ok(HttpResponse::Ok().json(Preflight { ready, findings }))
}

/// Where a release is rehearsed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = RehearseRelease)]
#[serde(deny_unknown_fields)]
pub struct Rehearse {
    /// The environment for rehearsals, to which devices in rehearsal are connected.
    #[schema(value_type = String)]
    environment: EnvironmentKey,
}

/// How a rehearsal went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RehearsedRelease)]
pub struct Rehearsed {
    /// The commit that ended it: the flag is there as it was, and the release has the record.
    #[schema(value_type = u64)]
    seq: Seq,
    /// What was noted in the release.
    #[schema(value_type = Object)]
    rehearsal: ReleaseRehearsal,
}

/// Takes its stages one after the other, without baking, and then takes it back: on a copy of its flag in an environment
/// for rehearsals. Measures how long each takes until every device connected to that has it, and leaves the flag there
/// as it was.
#[utoipa::path(post, path = "/api/v1/releases/{key}/rehearse", tag = "releases", operation_id = "rehearse_release",
    params(("key" = String, Path, description = "The release")), request_body = Rehearse,
    responses((status = 200, description = "Rehearsed, and noted in the release", body = Rehearsed), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn rehearse(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let Rehearse { environment } = usher_core::problem::from_json(&body)?;
    let identity = identity(&request)?;
    // It is written without a request in the end, so here is where it is asked.
    scopes::check_environment(&identity.rights(), Role::Editor, "environment", &environment)?;
    let actor = identity.actor();
    // By itself: who asked may go away, and it is ended all the same.
    let rehearsal = releases::rehearse(app.into_inner(), key.into_inner(), environment, actor);
    let (seq, rehearsal) = tokio::spawn(rehearsal).await.map_err(Problem::internal)??;
    Ok(HttpResponse::Ok().json(Rehearsed { seq, rehearsal }))
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident $path:literal $operation:literal = $step:expr;)*) => {
        $(
            $(#[$doc])*
            #[utoipa::path(post, path = $path, tag = "releases", operation_id = $operation,
                params(("key" = String, Path, description = "The release"), ("Idempotency-Key" = Option<String>, Header, description = "Sending it again changes nothing")), request_body = Why,
                responses((status = 200, description = "Done", body = inline(WrittenOf<ReleaseSchema>)), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
            pub async fn $name(request: HttpRequest, app: web::Data<App>, key: web::Path<String>, body: Body) -> Result<HttpResponse, Problem> {
                act(&app, &request, &key, &body, $step).await
            }
        )*
    };
}

actions! {
    /// Begins its first stage.
    start "/api/v1/releases/{key}/start" "start_release" = |by| Move::Start(by.id);
    /// Begins its next stage now, whatever it still waits for.
    promote "/api/v1/releases/{key}/promote" "promote_release" = |_| Move::Promote;
    /// Lets the next stage begin, where the stage asks for that.
    approve "/api/v1/releases/{key}/approve" "approve_release" = |by| Move::Approve(by.name);
    /// Stops it where it is.
    pause "/api/v1/releases/{key}/pause" "pause_release" = |_| Move::Pause;
    /// Lets it go on; the stage's time begins anew.
    resume "/api/v1/releases/{key}/resume" "resume_release" = |_| Move::Resume;
    /// Takes it back everywhere.
    roll_back "/api/v1/releases/{key}/rollback" "roll_back_release" = |_| Move::RollBack;
}

async fn act(
    app: &App,
    request: &HttpRequest,
    key: &str,
    body: &[u8],
    step: impl Fn(Actor) -> Move,
) -> Result<HttpResponse, Problem> {
    let why: Why = if body.is_empty() { Why::default() } else { usher_core::problem::from_json(body)? };
    let id = DocumentId::new(Kind::Release, key);
    let by = identity(request)?.actor();
    let name = by.name.clone();
    let step = step(by.clone());
    let mut tries = 0;
    loop {
        tries += 1;
        let write = Write::new(app, request, None, body)?;
        if let Some(replayed) = write.replayed().await?
            && let Some((document, _)) = replayed.document(&id)
        {
            return Ok(answer(&replayed.written, document));
        }
        let turn = write.turn().await?;
        let state = Arc::clone(&app.world.snapshot().state);
        let entry = state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
        if !write.breaks_glass() {
            let release: Release = entry.document.parse()?;
            second_person(&release, &step, &by, &state)?;
        }
        let reasons = vec![format!("{name}: {}", why.message.as_deref().unwrap_or("by hand"))];
        let planned = releases::plan(&state, key, &step, reasons, clock::now())?;
        let message = match &why.message {
            Some(own) => format!("{}: {own}", planned.message),
            None => planned.message,
        };
        // Its plan was looked at when it was written.
        let mut write = write.or_message(|| message).approved();
        if matches!(step, Move::RollBack | Move::Pause) {
            // What stops harm is never frozen.
            write = write.despite_freezes();
        }
        match write.commit_in(turn, planned.changes.clone(), planned.expected).await {
            Ok(done) => {
                let Some(Change::Put(document)) = planned.changes.first() else {
                    return Err(Problem::internal("a step changed nothing"));
                };
                return Ok(answer(&done, document));
            }
            Err(problem) if problem.code() == "conflict" && tries < TRIES => {}
            Err(problem) => return Err(problem),
        }
    }
}

/// Refuses whoever may not let a release go on, where its environment asks for a second person.
fn second_person(release: &Release, step: &Move, by: &Actor, state: &State) -> Result<(), Problem> {
    let id = DocumentId::new(Kind::Environment, &*release.environment);
    let environment = state.get(&id).and_then(|entry| entry.document.parse::<Environment>().ok());
    if environment.is_none_or(|environment| environment.approvals == 0) {
        return Ok(());
    }
    approval::may_let_go_on(release, step, by)
        .map_err(|why| Problem::new(StatusCode::FORBIDDEN, "approval_needed", why))
}

fn answer(written: &Written, document: &Document) -> HttpResponse {
    let Written { seq, at, replayed } = written;
    HttpResponse::Ok()
        .insert_header(("ETag", format!("\"{seq}\"")))
        .json(json!({"seq": seq, "at": at, "version": seq, "document": document, "replayed": replayed}))
}

impl From<NotTaken> for Problem {
    fn from(error: NotTaken) -> Self {
        match error {
            NotTaken::Journal(error) => error.into(),
            NotTaken::Problems(problems) => problems.into(),
        }
    }
}

/// `document` with the progress and the rehearsals that it has: only the server writes those. One that runs keeps its
/// plan, for what its guards have seen is about that; and so does one that is being rehearsed.
///
/// # Errors
/// The plan of such a release was changed, or it is none.
pub(super) fn keep(document: Document, current: Option<&Entry>) -> Result<Document, Problem> {
    let mut release: Release = document.parse()?;
    let now = current.and_then(|entry| entry.document.parse::<Release>().ok());
    let Some(now) = now else {
        (release.progress, release.rehearsals, release.rehearsing) = (None, Vec::new(), None);
        return Ok(Document::from_model(&release)?);
    };
    release.progress.clone_from(&now.progress);
    release.rehearsals.clone_from(&now.rehearsals);
    release.rehearsing.clone_from(&now.rehearsing);
    if release != now {
        let busy = if now.progress.as_ref().is_some_and(Progress::is_watched) {
            Some(("progress", "running", "runs", "Take it back first, or wait until it is complete."))
        } else if now.rehearsing.is_some() {
            Some(("rehearsing", "going on", "is being rehearsed", "Wait until that is over."))
        } else {
            None
        };
        if let Some((field, value, what, mend)) = busy {
            let detail = format!("the plan of a release that {what} can't be changed");
            return Err(Problem::bad_value(field, value, &detail, mend));
        }
    }
    Ok(Document::from_model(&release)?)
}

/// What is brought back from earlier, by somebody, from the state `now` into `after`. A release comes back with how far
/// it had come only where its flag serves that then: else it keeps what it has. And it never runs by itself, nor is it
/// approved: a word that somebody gave once is not theirs to give again who brings it back.
///
/// # Errors
/// A release that can't be written, or another plan for one that runs.
pub(super) fn halt(document: Document, now: &State, after: &State, by: &Actor) -> Result<Document, Problem> {
    let (Kind::Release, Ok(mut release)) = (document.kind(), document.parse::<Release>()) else {
        return Ok(document);
    };
    let current = now.get(document.id());
    if !is_served(&release, after) {
        return keep(document, current);
    }
    let current = current.and_then(|entry| entry.document.parse::<Release>().ok()?.progress);
    let Some(progress) = release.progress.as_mut().filter(|own| own.is_watched()) else {
        return Ok(document);
    };
    (progress.status, progress.approved_by) = (Status::Paused, None);
    // Of one that still runs, whoever began it stays nobody's second person.
    let same = |run: &Progress| run.is_watched() && run.started == progress.started;
    progress.started_by = current.filter(same).map_or_else(|| Some(by.id.clone()), |run| run.started_by);
    let stage = release.stages.get(progress.stage).map_or_else(String::new, |stage| stage.name.clone());
    let reasons = vec!["An earlier state was brought back.".to_owned()];
    progress.note(Step { at: clock::now(), kind: StepKind::Paused, stage, reasons, playbooks: Vec::new() });
    Ok(Document::from_model(&release)?)
}

/// Refuses to take a release away that runs, and leave its flag as it is: nobody would watch that any more.
///
/// # Errors
/// 409, with what to do first.
pub(super) fn let_go(current: Option<&Entry>, after: &State) -> Result<(), Problem> {
    let release = current.and_then(|entry| entry.document.parse::<Release>().ok());
    if release.is_some_and(|release| release.progress.is_some() && is_served(&release, after)) {
        return super::kills::let_go(current, None);
    }
    Ok(())
}

/// Whether a release's flag serves just what its progress says: the rules of its stage, or none of its own.
fn is_served(release: &Release, state: &State) -> bool {
    let entry = state.get(&DocumentId::new(Kind::Flag, &*release.flag));
    let Some(mut flag) = entry.and_then(|entry| entry.document.parse::<Flag>().ok()) else { return false };
    let rules = |flag: &Flag| flag.environments.get(&release.environment).map(|own| own.rules.clone());
    let found = rules(&flag).unwrap_or_default();
    let served = match &release.progress {
        Some(own) if own.status != Status::RolledBack => {
            effect::serve(release, &mut flag, own.stage, &own.withdrawn)
        }
        _ => effect::take_back(release, &mut flag, &[]),
    };
    let meant = rules(&flag).unwrap_or_default();
    // In whichever order: others may have put rules of theirs before.
    served.is_ok() && meant.len() == found.len() && meant.iter().all(|rule| found.contains(rule))
}
