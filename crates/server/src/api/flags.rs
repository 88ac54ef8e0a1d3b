//! What people do with flags in a hurry: on, off, kill, revive, clear, archive. Each is atomic and needs no
//! version, because it says what shall be, not what changes.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use usher_core::model::{
    CohortKey, Document, DocumentId, Flag, FlagConfig, FlagType, Kind, Lifecycle, VariantKey, VenueKey,
};
use usher_journal::{Change, Expected};
use utoipa::ToSchema;

use super::{
    schemas::{FlagSchema, WrittenOf},
    write::{TRIES, Write, Written},
};
use crate::{app::App, archiving, body::Body, problem::Problem};

/// What can be done with a flag in an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Turn it on; at venues: give them a variant.
    On,
    /// Turn it off; at venues: give them the off variant.
    Off,
    /// Off, whatever anybody edits, until it is revived.
    Kill,
    /// Take a kill back.
    Revive,
    /// Take the settings of venues away.
    Clear,
}

impl Action {
    /// The one in a path.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn read(name: &str) -> Result<Self, Problem> {
        serde_json::from_value(name.into()).map_err(|_| {
            let mend = "Use one of on, off, kill, revive, clear.";
            Problem::bad_value("action", name, "this can't be done", mend)
        })
    }

    /// What it does, as commits are called.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::On => "Turn on",
            Self::Off => "Turn off",
            Self::Kill => "Kill",
            Self::Revive => "Revive",
            Self::Clear => "Clear",
        }
    }
}

/// Where, and what.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Target {
    /// At these venues only.
    #[schema(value_type = Vec<String>)]
    pub venues: Vec<VenueKey>,
    /// For these cohorts only.
    #[schema(value_type = Vec<String>)]
    pub cohorts: Vec<CohortKey>,
    /// Which variant venues get.
    #[schema(value_type = Option<String>)]
    pub variant: Option<VariantKey>,
    /// Why.
    pub message: Option<String>,
}

/// Does it to a flag.
///
/// # Errors
/// What makes no sense: no such environment, a variant that can't be guessed, an action without venues.
pub fn apply(flag: &mut Flag, environment: &str, action: Action, target: &Target) -> Result<(), Problem> {
    let on = on_variant(flag, environment, target.variant.as_ref());
    let Some(config) = flag.environments.get_mut(environment) else {
        let mend = "Configure the flag for this environment first.";
        return Err(Problem::bad_value("environment", environment, "the flag is not configured there", mend));
    };
    if !target.cohorts.is_empty() && !matches!(action, Action::Kill | Action::Revive) {
        let mend = "Use a rule for cohorts; only kill and revive take them.";
        return Err(Problem::bad_value(
            "cohorts",
            target.cohorts.len(),
            "this can't be done for a cohort",
            mend,
        ));
    }
    let everywhere = target.venues.is_empty() && target.cohorts.is_empty();
    match action {
        Action::On if everywhere => config.enabled = true,
        Action::Off if everywhere => config.enabled = false,
        Action::On => set(config, &target.venues, &on?),
        Action::Off => {
            let off = config.off_variant.clone();
            set(config, &target.venues, &off);
        }
        Action::Clear if everywhere => {
            let mend = "Name the venues whose settings shall go.";
            return Err(Problem::bad_value("venues", "[]", "there is nothing to clear", mend));
        }
        Action::Clear => config.venues.retain(|venue, _| !target.venues.contains(venue)),
        Action::Kill => kill(config, target, everywhere),
        Action::Revive => {
            if everywhere {
                config.killed.all = false;
            }
            config.killed.venues.retain(|venue| !target.venues.contains(venue));
            config.killed.cohorts.retain(|cohort| !target.cohorts.contains(cohort));
        }
    }
    Ok(())
}

fn set(config: &mut FlagConfig, venues: &[VenueKey], variant: &VariantKey) {
    for venue in venues {
        config.venues.insert(venue.clone(), variant.clone());
    }
}

fn kill(config: &mut FlagConfig, target: &Target, everywhere: bool) {
    config.killed.all |= everywhere;
    for venue in &target.venues {
        if !config.killed.venues.contains(venue) {
            config.killed.venues.push(venue.clone());
        }
    }
    for cohort in &target.cohorts {
        if !config.killed.cohorts.contains(cohort) {
            config.killed.cohorts.push(cohort.clone());
        }
    }
}

/// The variant that "on" means: the one named, the true one, or the only one that is not the off variant.
fn on_variant(flag: &Flag, environment: &str, named: Option<&VariantKey>) -> Result<VariantKey, Problem> {
    if let Some(named) = named {
        return Ok(named.clone());
    }
    let off = flag.environments.get(environment).map(|config| &config.off_variant);
    let mut others = flag.variants.iter().filter(|(key, _)| Some(*key) != off);
    let truthy =
        flag.variants.iter().find(|(_, value)| flag.flag_type == FlagType::Boolean && **value == json!(true));
    match (truthy, others.next(), others.next()) {
        (Some((key, _)), ..) | (None, Some((key, _)), None) => Ok(key.clone()),
        _ => {
            let mend = "Name the variant that the venues shall get.";
            Err(Problem::bad_value(
                "variant",
                "nothing",
                "this flag has several variants that could be meant",
                mend,
            ))
        }
    }
}

/// Turns a flag on or off, kills or revives it, or clears the settings of venues.
#[utoipa::path(post, path = "/api/v1/flags/{key}/environments/{environment}/{action}", tag = "flags", operation_id = "act_on_flag",
    params(("key" = String, Path, description = "The flag"), ("environment" = String, Path, description = "The environment"), ("action" = Action, Path, description = "What to do")),
    request_body = Target,
    responses((status = 200, description = "Done", body = inline(WrittenOf<FlagSchema>)), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn act(
    request: HttpRequest,
    app: web::Data<App>,
    path: web::Path<(String, String, String)>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (key, environment, action) = path.into_inner();
    let action = Action::read(&action)?;
    let target: Target =
        if body.is_empty() { Target::default() } else { usher_core::problem::from_json(&body)? };
    let message = || {
        let verb = action.verb();
        let venues = target.venues.iter().map(|venue| venue.as_str());
        let places: Vec<&str> = venues.chain(target.cohorts.iter().map(|cohort| cohort.as_str())).collect();
        let place = if places.is_empty() { String::new() } else { format!(" at {}", places.join(", ")) };
        format!("{verb} {key}{place} in {environment}")
    };
    change(&app, &request, &key, &body, target.message.as_deref(), message, |flag| {
        apply(flag, &environment, action, &target)
    })
    .await
}

/// Why a flag is archived.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Archive {
    /// Why.
    message: Option<String>,
    /// Whether it is archived though somebody still asks for it. What would break without it is in the way all the same.
    even_so: bool,
}

/// Archives a flag: off everywhere, but for its history. While somebody still asks for it that is refused with 409,
/// `still_asked`, and who they are in `askers`.
#[utoipa::path(post, path = "/api/v1/flags/{key}/archive", tag = "flags", operation_id = "archive_flag",
    params(("key" = String, Path, description = "The flag")), request_body = Archive,
    responses((status = 200, description = "Done", body = inline(WrittenOf<FlagSchema>)), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn archive(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let archive: Archive =
        if body.is_empty() { Archive::default() } else { usher_core::problem::from_json(&body)? };
    let message = || format!("Archive {key}");
    let write = Write::new(&app, &request, archive.message.as_deref(), &body)?;
    if write.replayed().await?.is_none() {
        // Another server may have brought it back just now: then it is asked for.
        app.world.catch_up().await?;
        check_askers(&app, &write, &key, archive.even_so).await?;
    }
    change(&app, &request, &key, &body, archive.message.as_deref(), message, |flag| {
        flag.lifecycle = Lifecycle::Archived;
        Ok(())
    })
    .await
}

/// Refuses to archive a flag for which somebody still asks.
async fn check_askers(app: &App, write: &Write<'_>, key: &str, even_so: bool) -> Result<(), Problem> {
    let id = DocumentId::new(Kind::Flag, key);
    let state = app.world.snapshot().state.clone();
    let entry = state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
    let mut flag = entry.document.parse::<Flag>()?;
    if flag.lifecycle == Lifecycle::Archived {
        return Ok(());
    }
    flag.lifecycle = Lifecycle::Archived;
    write.check_rights(&[Change::Put(Document::from_model(&flag)?)], &state)?;
    let mut askers = archiving::askers(app, &state, entry).await?;
    if even_so {
        askers.retain(|own| own.must_go);
    }
    if askers.is_empty() { Ok(()) } else { Err(archiving::refusal(key, askers)) }
}

async fn change(
    app: &App,
    request: &HttpRequest,
    key: &str,
    body: &[u8],
    message: Option<&str>,
    default_message: impl Fn() -> String,
    edit: impl Fn(&mut Flag) -> Result<(), Problem>,
) -> Result<HttpResponse, Problem> {
    let id = DocumentId::new(Kind::Flag, key);
    if let Some(replayed) = Write::new(app, request, message, body)?.replayed().await?
        && let Some((document, _)) = replayed.document(&id)
    {
        return Ok(written(&replayed.written, document));
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let write = Write::new(app, request, message, body)?.or_message(&default_message);
        let turn = write.turn().await?;
        let state = app.world.snapshot().state.clone();
        let entry = state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
        let mut flag = entry.document.parse::<Flag>()?;
        edit(&mut flag)?;
        let document = Document::from_model(&flag)?;
        // A variant that does not exist, say: what is written is checked like any other.
        let document = usher_core::model::parse_strict(&Kind::Flag, document.json().as_bytes())?;
        if document == entry.document && request.headers().get("Idempotency-Key").is_none() {
            let nothing = Written { seq: entry.version, at: entry.at, replayed: false };
            return Ok(written(&nothing, &document));
        }
        let expected = vec![(id.clone(), Expected::Version(entry.version))];
        match write.commit_in(turn, vec![Change::Put(document.clone())], expected).await {
            Ok(done) => return Ok(written(&done, &document)),
            // Somebody was faster. What is wanted does not depend on what was there, so it is tried anew.
            Err(problem) if problem.code() == "conflict" && tries < TRIES => {}
            Err(problem) => return Err(problem),
        }
    }
}

fn written(written: &Written, document: &Document) -> HttpResponse {
    let Written { seq, at, replayed } = written;
    HttpResponse::Ok()
        .insert_header(("ETag", format!("\"{seq}\"")))
        .json(json!({"seq": seq, "at": at, "version": seq, "document": document, "replayed": replayed}))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn flag(config: Value) -> Flag {
        let mut whole = json!({"enabled": true, "offVariant": "off", "default": {"variant": "on"}});
        whole.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
        serde_json::from_value(json!({"key": "f", "type": "boolean", "variants": {"on": true, "off": false},
            "environments": {"production": whole}}))
        .unwrap()
    }

    fn after(mut flag: Flag, action: Action, target: &Value) -> Result<Value, String> {
        let target = serde_json::from_value(target.clone()).unwrap();
        apply(&mut flag, "production", action, &target).map_err(|problem| problem.detail().to_owned())?;
        Ok(serde_json::to_value(&flag.environments["production"]).unwrap())
    }

    #[test]
    fn a_kill_at_a_venue_is_added_to_others_and_revived_alone() {
        let killed = flag(json!({"killed": {"venues": ["dome"]}}));
        let config = after(killed.clone(), Action::Kill, &json!({"venues": ["wembley", "dome"]})).unwrap();
        assert_eq!(config["killed"]["venues"], json!(["dome", "wembley"]));
        let config = after(killed.clone(), Action::Revive, &json!({"venues": ["dome"]})).unwrap();
        assert_eq!(config.get("killed"), None);
        let config = after(killed, Action::Kill, &json!({})).unwrap();
        assert_eq!(config["killed"]["all"], true);
    }

    #[test]
    fn on_at_a_venue_gives_it_the_true_variant_and_off_the_off_variant() {
        let config = after(flag(json!({})), Action::On, &json!({"venues": ["wembley"]})).unwrap();
        assert_eq!(config["venues"], json!({"wembley": "on"}));
        let config = after(flag(json!({})), Action::Off, &json!({"venues": ["wembley"]})).unwrap();
        assert_eq!((&config["venues"]["wembley"], &config["enabled"]), (&json!("off"), &json!(true)));
        let set = flag(json!({"venues": {"wembley": "on", "dome": "on"}}));
        let config = after(set, Action::Clear, &json!({"venues": ["wembley"]})).unwrap();
        assert_eq!(config["venues"], json!({"dome": "on"}));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(after(flag(json!({})), Action::Clear, &json!({})).is_err());
        assert!(after(flag(json!({})), Action::On, &json!({"cohorts": ["staff"]})).is_err());
        let mut colours = flag(json!({}));
        colours.flag_type = FlagType::String;
        colours.variants = serde_json::from_value(json!({"off": "", "red": "r", "blue": "b"})).unwrap();
        assert!(after(colours.clone(), Action::On, &json!({"venues": ["dome"]})).is_err());
        let config = after(colours, Action::On, &json!({"venues": ["dome"], "variant": "red"})).unwrap();
        assert_eq!(config["venues"]["dome"], "red");
    }
}
