//! Running playbooks, and rehearsing them.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use usher_core::model::{
    Document, DocumentId, EnvironmentKey, Flag, Kind, Playbook, Rehearsal, Seq, parse_strict,
};
use usher_journal::{Change, Expected, State};
use utoipa::ToSchema;

use super::{
    identity,
    write::{TRIES, Write, Written},
};
use crate::{
    app::App,
    body::Body,
    clock,
    playbooks::{Instead, Played, announce, find, play},
    problem::Problem,
    rehearsals::{Arrived, arrived, check_ground},
};

/// Why it is run.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Why: the message of the commit.
    message: Option<String>,
}

/// What running a playbook did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ran {
    /// The commit; the newest one, where there was nothing to do.
    #[schema(value_type = u64)]
    seq: Seq,
    /// The documents that it changed.
    changed: Vec<String>,
    /// What people were told.
    notices: Vec<String>,
    /// What was left out, in sentences.
    left_out: Vec<String>,
    /// Whether this is the answer to an earlier sending, given again.
    replayed: bool,
}

/// Carries out all that a playbook says, in one commit.
#[utoipa::path(post, path = "/api/v1/playbooks/{key}/run", tag = "playbooks", operation_id = "run_playbook",
    params(("key" = String, Path, description = "The playbook"), ("Idempotency-Key" = Option<String>, Header, description = "Sending it again changes nothing")), request_body = Run,
    responses((status = 200, description = "Done", body = Ran), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn run(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let run: Run = if body.is_empty() { Run::default() } else { usher_core::problem::from_json(&body)? };
    let by = identity(&request)?.actor().name;
    let mut tries = 0;
    loop {
        tries += 1;
        let write = Write::new(&app, &request, None, &body)?;
        if let Some(replayed) = write.replayed().await? {
            let Written { seq, .. } = replayed.written;
            let none =
                Ran { seq, changed: Vec::new(), notices: Vec::new(), left_out: Vec::new(), replayed: true };
            return Ok(HttpResponse::Ok().json(none));
        }
        let turn = write.turn().await?;
        let state = Arc::clone(&app.world.snapshot().state);
        let playbook = find(&state, &key)?;
        let Played { mut changes, mut expected, notices, left_out } =
            play(&app, &state, &playbook.plays, &format!("{by}: playbook {}", playbook.key), None).await?;
        let changed = changes.iter().map(|change| change.id().to_string()).collect();
        let message = called(&playbook, run.message.as_deref(), &notices);
        if changes.is_empty() {
            // Nothing is changed, but people are told something.
            write.check_plan(Document::from_model(&playbook)?, &state)?;
            let (put, own) = write.nothing([&DocumentId::new(Kind::Playbook, &**key)], &state).unzip();
            (changes, expected) = (put.into_iter().collect(), own.into_iter().collect());
        }
        let done = if changes.is_empty() {
            Ok(state.seq())
        } else {
            // What it does was looked at when it was written.
            write
                .or_message(|| message)
                .approved()
                .commit_in(turn, changes, expected)
                .await
                .map(|written| written.seq)
        };
        match done {
            Ok(seq) => {
                for text in &notices {
                    announce(&app, &playbook.key, &by, text);
                }
                return Ok(HttpResponse::Ok().json(Ran { seq, changed, notices, left_out, replayed: false }));
            }
            Err(problem) if problem.code() == "conflict" && tries < TRIES => {}
            Err(problem) => return Err(problem),
        }
    }
}

fn called(playbook: &Playbook, why: Option<&str>, notices: &[String]) -> String {
    let why = why.into_iter().chain(notices.iter().map(String::as_str)).collect::<Vec<_>>().join(" · ");
    if why.is_empty() {
        format!("Playbook {}", playbook.key)
    } else {
        format!("Playbook {}: {why}", playbook.key)
    }
}

/// Where a playbook is rehearsed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rehearse {
    /// The environment that the playbook is for.
    #[schema(value_type = String)]
    of: EnvironmentKey,
    /// The environment for rehearsals, to which devices in rehearsal are connected.
    #[schema(value_type = String)]
    environment: EnvironmentKey,
}

/// How a rehearsal went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsed {
    /// The commit that was rehearsed.
    #[schema(value_type = u64)]
    seq: Seq,
    /// Devices that were to have it.
    devices: u64,
    /// Devices that had it.
    converged: u64,
    /// When the last of them had it, in milliseconds after the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_millis: Option<u64>,
    /// What could not be rehearsed, in sentences.
    left_out: Vec<String>,
}

/// Copies all flags of one environment to the one for rehearsals, runs the playbook there, and measures how long it takes
/// until every device connected to that has it.
#[utoipa::path(post, path = "/api/v1/playbooks/{key}/rehearse", tag = "playbooks", operation_id = "rehearse_playbook",
    params(("key" = String, Path, description = "The playbook")), request_body = Rehearse,
    responses((status = 200, description = "Rehearsed, and noted in the playbook", body = Rehearsed), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn rehearse(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let Rehearse { of, environment } = usher_core::problem::from_json(&body)?;
    let by = identity(&request)?.actor().name;
    let write =
        |message: String| Ok::<_, Problem>(Write::new(&app, &request, None, &body)?.or_message(|| message));
    // What goes before is only stage-setting: if somebody is faster, the rehearsal is begun anew by whoever wants it.
    let copying = write(format!("Rehearsal of {key}: {of} is copied to {environment}"))?.unrepeatable();
    let turn = copying.turn().await?;
    let state = Arc::clone(&app.world.snapshot().state);
    find(&state, &key)?;
    let changes = copied(&state, &of, &environment)?;
    if !changes.is_empty() {
        let expected = versions(&state, &changes);
        let copied = copying.commit_in(turn, changes, expected).await?;
        arrived(&app, copied.seq).await;
    } else {
        drop(turn);
    }

    let playing = write(format!("Rehearsal of {key}"))?.unrepeatable();
    let turn = playing.turn().await?;
    let state = Arc::clone(&app.world.snapshot().state);
    let playbook = find(&state, &key)?;
    let instead = Instead { of: &of, play_in: &environment };
    let Played { changes, expected, left_out, .. } =
        play(&app, &state, &playbook.plays, &by, Some(instead)).await?;
    if changes.is_empty() {
        let detail =
            format!("The playbook {key} would change nothing in {environment}: nothing can be measured.");
        return Err(Problem::new(StatusCode::CONFLICT, "nothing_to_rehearse", detail));
    }
    let seq = playing.commit_in(turn, changes, expected).await?.seq;
    let Arrived { devices, converged, last_millis } = arrived(&app, seq).await;

    let noting =
        write(format!("Rehearsal of {key}: {converged} of {devices} devices had it"))?.unrepeatable();
    let turn = noting.turn().await?;
    let state = Arc::clone(&app.world.snapshot().state);
    let mut playbook = find(&state, &key)?;
    playbook.note(Rehearsal { at: clock::now(), by, environment, devices, converged, last_millis });
    let changes = vec![Change::Put(Document::from_model(&playbook)?)];
    let expected = versions(&state, &changes);
    noting.commit_in(turn, changes, expected).await?;
    Ok(HttpResponse::Ok().json(Rehearsed { seq, devices, converged, last_millis, left_out }))
}

/// Every flag as it is in `of`, in the environment for rehearsals too.
fn copied(state: &State, of: &EnvironmentKey, to: &EnvironmentKey) -> Result<Vec<Change>, Problem> {
    check_ground(state, of, to)?;
    let mut changes = Vec::new();
    for entry in state.of_kind(&Kind::Flag) {
        let Ok(mut flag) = entry.document.parse::<Flag>() else { continue };
        let Some(config) = flag.environments.get(of).cloned() else { continue };
        if flag.environments.get(to) != Some(&config) {
            flag.environments.insert(to.clone(), config);
            changes.push(Change::Put(parse_strict(
                &Kind::Flag,
                Document::from_model(&flag)?.json().as_bytes(),
            )?));
        }
    }
    Ok(changes)
}

fn versions(state: &State, changes: &[Change]) -> Vec<(DocumentId, Expected)> {
    let version = |change: &Change| {
        let own = state.get(change.id()).map_or(Expected::Absent, |entry| Expected::Version(entry.version));
        (change.id().clone(), own)
    };
    changes.iter().map(version).collect()
}

/// `document` with the rehearsals that it has: only the server writes those.
///
/// # Errors
/// It is none.
pub(super) fn keep(document: &Document, current: Option<&Document>) -> Result<Document, Problem> {
    let mut playbook: Playbook = document.parse()?;
    let now = current.and_then(|current| current.parse::<Playbook>().ok());
    playbook.rehearsals = now.map(|now| now.rehearsals).unwrap_or_default();
    Ok(Document::from_model(&playbook)?)
}
