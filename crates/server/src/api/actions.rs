//! The same done with many flags at once, in one commit: what is chosen on a board. All of it, or nothing.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use usher_core::model::{CohortKey, Document, DocumentId, Flag, Kind, VariantKey, VenueKey, parse_strict};
use usher_journal::{Change, Expected};
use utoipa::ToSchema;

use super::{
    flags::{Action, Target, apply},
    write::{TRIES, Write, Written},
};
use crate::{app::App, body::Body, problem::Problem};

/// Flags that are changed at once, at most.
const MAX_FLAGS: usize = 1_000;

/// What is done, and with what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Many {
    /// In which environment.
    environment: String,
    /// Each flag once.
    flags: Vec<Chosen>,
    /// Which variant venues get.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    variant: Option<VariantKey>,
    /// Why.
    #[serde(default)]
    message: Option<String>,
}

/// One of the flags, and where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chosen {
    /// The flag.
    key: String,
    /// At these venues only.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    venues: Vec<VenueKey>,
    /// For these cohorts only.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    cohorts: Vec<CohortKey>,
}

/// Turns many flags on or off, kills or revives them, or clears settings of venues, in one commit.
#[utoipa::path(post, path = "/api/v1/actions/{action}", tag = "flags", operation_id = "act_on_flags",
    params(("action" = Action, Path, description = "What to do")), request_body = Many,
    responses((status = 200, description = "Done, or as wanted already", body = Written), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn act(
    request: HttpRequest,
    app: web::Data<App>,
    action: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let action = Action::read(&action)?;
    let many: Many = usher_core::problem::from_json(&body)?;
    many.check()?;
    if let Some(replayed) = Write::new(&app, &request, many.message.as_deref(), &body)?.replayed().await? {
        return Ok(HttpResponse::Ok().json(replayed.written));
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let write = Write::new(&app, &request, many.message.as_deref(), &body)?;
        let write = write.or_message(|| many.words(action));
        let turn = write.turn().await?;
        let state = app.world.snapshot().state.clone();
        let (mut changes, mut expected, mut first) = (Vec::new(), Vec::new(), None);
        for (n, chosen) in many.flags.iter().enumerate() {
            let id = DocumentId::new(Kind::Flag, &*chosen.key);
            let entry = state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
            let document = many.after(chosen, action, &entry.document);
            let document = document.map_err(|problem| problem.within(&format!("flags[{n}]"), &chosen.key))?;
            expected.push((id, Expected::Version(entry.version)));
            if document != entry.document {
                changes.push(Change::Put(document));
            }
            first.get_or_insert(&entry.document);
        }
        if changes.is_empty() {
            if request.headers().get("Idempotency-Key").is_none() {
                let nothing = Written { seq: state.seq(), at: app.world.snapshot().at(), replayed: false };
                return Ok(HttpResponse::Ok().json(nothing));
            }
            // The journal remembers the key with a commit, and none is empty.
            changes.extend(first.cloned().map(Change::Put));
        }
        match write.commit_in(turn, changes, expected).await {
            Ok(done) => return Ok(HttpResponse::Ok().json(done)),
            // Somebody was faster. What is wanted does not depend on what was there, so it is tried anew.
            Err(problem) if problem.code() == "conflict" && tries < TRIES => {}
            Err(problem) => return Err(problem),
        }
    }
}

impl Many {
    fn check(&self) -> Result<(), Problem> {
        let count = self.flags.len();
        if count == 0 || count > MAX_FLAGS {
            let mend = format!("Choose at least one flag, and at most {MAX_FLAGS}.");
            return Err(Problem::bad_value("flags", count, "so many can't be changed at once", &mend));
        }
        let mut keys: Vec<&str> = self.flags.iter().map(|chosen| &*chosen.key).collect();
        keys.sort_unstable();
        match keys.windows(2).find(|two| two[0] == two[1]) {
            Some(twice) => {
                let mend = "Name it once, with all of its venues.";
                Err(Problem::bad_value("flags", twice[0], "this flag is named twice", mend))
            }
            None => Ok(()),
        }
    }

    /// A flag once it is done.
    fn after(&self, chosen: &Chosen, action: Action, before: &Document) -> Result<Document, Problem> {
        let mut flag = before.parse::<Flag>()?;
        let target = Target {
            venues: chosen.venues.clone(),
            cohorts: chosen.cohorts.clone(),
            variant: self.variant.clone(),
            message: None,
        };
        apply(&mut flag, &self.environment, action, &target)?;
        // A variant that does not exist, say: what is written is checked like any other.
        Ok(parse_strict(&Kind::Flag, Document::from_model(&flag)?.json().as_bytes())?)
    }

    /// What the commit is called.
    fn words(&self, action: Action) -> String {
        let keys: Vec<&str> = self.flags.iter().map(|chosen| &*chosen.key).collect();
        format!("{} {} in {}", action.verb(), keys.join(", "), self.environment)
    }
}
