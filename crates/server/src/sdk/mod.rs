//! What SDKs ask for over plain HTTP: the twins of the stream, and a place for their counts.

pub(crate) mod counts;
pub(crate) mod evaluated;
pub mod events;
pub(crate) mod remembered;
pub mod signed;
pub(crate) mod sums;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Deserialize;
use serde_json::Value;
use usher_core::{
    Context,
    limits::MAX_CONTEXT_BYTES,
    model::{Credential, CredentialType, EnvironmentKey, VenueKey},
    protocol::{
        CHECKS_SIGNED_CONTEXTS, KeyBody, RulesetBody, SignerBody, SignersBody, SteeringBody, ValuesBody, View,
    },
    schema::{self, Form},
};

use self::{
    evaluated::{ALL_FLAGS, CLIENT_KEY, Of, SERVER_KEY},
    signed::Asked,
};
use crate::{
    auth::{
        self,
        refusals::{self, Whence},
    },
    body::Body,
    catching_up::catch_up,
    clock, etag,
    ofrep::{self, Position},
    onlooker::show,
    problem::Problem,
    standing::told,
    stream::session::values,
    surface::Surface,
};

/// The context of a client, checked against what its key may claim: see [`signed`]. `sent` is the length of what it came
/// in: measuring it alone would mean writing it anew, so that is done only where it may be too large.
///
/// # Errors
/// A context that can't be read (400), or that the key may not claim (403): see [`context_of`].
pub fn context_for(
    app: &Surface,
    credential: &Credential,
    whence: impl FnOnce() -> Whence,
    value: Option<&Value>,
    sent: usize,
) -> Result<Asked, Problem> {
    let empty = Value::Object(serde_json::Map::new());
    let value = value.unwrap_or(&empty);
    if sent > MAX_CONTEXT_BYTES && value.to_string().len() > MAX_CONTEXT_BYTES {
        let mend = format!("Keep it within {MAX_CONTEXT_BYTES} bytes.");
        return Err(Problem::bad_value("context", "…", "the context is too large", &mend));
    }
    context_of(app, credential, whence, Context::from_json(value)?)
}

/// A context that has been read, checked against what its key may claim. What is refused stands in the log.
///
/// # Errors
/// See [`signed::asked`].
pub fn context_of(
    app: &Surface,
    credential: &Credential,
    whence: impl FnOnce() -> Whence,
    context: Context,
) -> Result<Asked, Problem> {
    let asked = signed::asked(&*app.source, credential, context, clock::now());
    asked.inspect_err(|problem| refusals::note_context(&whence(), credential, problem))
}

/// What a credential is sent of the documents: all that it may see, or only what these of its venues need.
///
/// # Errors
/// A venue that the key is not for (403).
pub fn view_for(
    credential: &Credential,
    environment: &EnvironmentKey,
    asked: &[VenueKey],
) -> Result<View, Problem> {
    let allowed = &credential.venues;
    if let Some(venue) = asked.iter().find(|venue| !allowed.is_empty() && !allowed.contains(venue)) {
        return Err(Problem::forbidden(format!("This key is not for {venue}.")));
    }
    let venues = if asked.is_empty() { allowed } else { asked };
    Ok(View::new(environment.clone(), venues.iter().cloned()))
}

/// 503: so many combinations of venues are looked at that one more would slow down every change.
pub fn too_many_views() -> Problem {
    let detail = "Too many different sets of venues are looked at: ask without a venue, or later.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_views", detail).retry_after(30)
}

/// What is asked of `GET /sdk/v1/ruleset`.
#[derive(Deserialize)]
pub struct RulesetQuery {
    /// Only what this venue needs.
    venue: Option<VenueKey>,
    /// The payload schemas that whoever asks reads, with commas between: `1,2`.
    schemas: Option<String>,
    /// Where whoever asks stands: they are given nothing older.
    have: Option<String>,
}

/// Sees to it that what is known here includes what whoever asks has: an epoch and a commit, `EPOCH-SEQ`.
///
/// # Errors
/// No such place, or less is known here (503).
async fn includes(app: &Surface, environment: &str, have: Option<&str>) -> Result<(), Problem> {
    let Some(have) = have else { return Ok(()) };
    let Position { epoch, seq } = have.parse().map_err(|()| {
        let mend = "Say the `epoch` and the `seq` of what you have, with a hyphen between, or leave it out.";
        Problem::bad_value("have", have, "this is no place in a journal", mend)
    })?;
    catch_up(&*app.source, environment, epoch, seq).await
}

/// The payload schema of an answer to who offers these.
fn agreed(schemas: Option<&str>) -> Result<u32, Problem> {
    let offered = schema::offered(schemas).map_err(|error| {
        let mend = "Give the numbers of the schemas that you read, with commas between: 1,2.";
        Problem::bad_value("schemas", schemas.unwrap_or_default(), &error.to_string(), mend)
    })?;
    schema::negotiate(&offered).ok_or_else(|| {
        Problem::new(StatusCode::NOT_ACCEPTABLE, "unsupported_schema", schema::nothing_in_common(&offered))
    })
}

/// `GET /sdk/v1/ruleset`: all documents, for server keys.
pub async fn ruleset(
    request: HttpRequest,
    app: web::Data<Surface>,
    query: Result<web::Query<RulesetQuery>, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    let credential = auth::sdk_key(&request, &app).await?;
    let environment = match (&credential.environment, credential.credential_type) {
        (Some(environment), CredentialType::Server) => environment.clone(),
        _ => return Err(Problem::forbidden("Client keys get values, never rules: ask /sdk/v1/values.")),
    };
    let query = query.map_err(|error| {
        Problem::bad_value("query", request.query_string(), &error.to_string(), "Name a venue by its key.")
    })?;
    let schema = agreed(query.schemas.as_deref())?;
    let view = view_for(&credential, &environment, query.venue.as_slice())?;
    includes(&app, &environment, query.have.as_deref()).await?;
    let hub = app.source.hub(&environment)?;
    if !hub.streams().has_room_for(&view) {
        return Err(too_many_views());
    }
    let standing = app.source.standing(&environment);
    let view_tag = view.tag();
    let state = hub.streams().subscribe(view).borrow().clone();
    // One place in one journal says all about a view, so it makes the tag; documents need not be hashed. The time tells a
    // commit from one of the same number that a failover took away.
    let (epoch, at) = (state.snapshot.epoch, state.snapshot.at().millis());
    let tag = format!("\"{epoch}-{}-{at}-{environment}-{view_tag}-{schema}\"", state.head);
    if etag::matches(&request, &tag) {
        return Ok(told(etag::not_modified(&tag), standing));
    }
    // Of a large workspace this takes long; streams are not to wait for it.
    let text = web::block(move || {
        serde_json::to_string(&RulesetBody {
            epoch: state.snapshot.epoch,
            seq: state.head,
            schema,
            at: state.snapshot.at(),
            environment,
            view: Some(view_tag),
            came_in: None,
            documents: state.documents(Form::of(schema, false)),
            newer: Vec::new(),
        })
    });
    let text = text.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let answer = HttpResponse::Ok()
        .insert_header(("ETag", tag))
        .insert_header(("Cache-Control", "private, no-cache"))
        .content_type("application/json")
        .body(text);
    Ok(told(answer, standing))
}

/// `GET /sdk/v1/key`: what a key may ask for, asked by whoever has it.
pub async fn key(request: HttpRequest, app: web::Data<Surface>) -> Result<HttpResponse, Problem> {
    let credential = auth::sdk_key_of_others(&request, &app).await?;
    if credential.requires_signed_contexts() && !checks_signed_contexts(&request) {
        let detail = "This key takes signed contexts only, and the edge that asks is too old to check them: update it.";
        return Err(Problem::forbidden(detail));
    }
    let body = KeyBody::of(&credential).ok_or_else(|| Problem::forbidden("This key has no environment."))?;
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(body))
}

/// Whether who asks about a key says that it checks signed contexts.
fn checks_signed_contexts(request: &HttpRequest) -> bool {
    let checks = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    checks
        .is_ok_and(|all| all.iter().any(|(name, value)| name == "checks" && value == CHECKS_SIGNED_CONTEXTS))
}

/// `GET /sdk/v1/signers`: whose signatures under contexts are good, for edges.
pub async fn signers(request: HttpRequest, app: web::Data<Surface>) -> Result<HttpResponse, Problem> {
    let credential = auth::sdk_key(&request, &app).await?;
    let environment = match (&credential.environment, credential.credential_type) {
        (Some(environment), CredentialType::Server) => environment,
        _ => return Err(Problem::forbidden("Client keys are not told who signs contexts.")),
    };
    let allowed = &credential.venues;
    let seen = |mut signer: SignerBody| {
        if !allowed.is_empty() {
            // The names of other venues are not told. One that may sign for none of these may sign nothing here.
            let is_for_all = signer.venues.is_empty();
            signer.venues.retain(|venue| allowed.contains(venue));
            if signer.venues.is_empty() && !is_for_all {
                return None;
            }
        }
        Some(signer)
    };
    let all = app.source.signers(environment)?;
    let body =
        SignersBody { signers: all.iter().filter_map(|own| SignerBody::of(own)).filter_map(seen).collect() };
    Ok(etag::answer(&request, serde_json::to_vec(&body).map_err(Problem::internal)?))
}

/// `GET /sdk/v1/steering`: where clients are to be served, for edges.
pub async fn steering(request: HttpRequest, app: web::Data<Surface>) -> Result<HttpResponse, Problem> {
    let credential = auth::sdk_key(&request, &app).await?;
    let environment = match (&credential.environment, credential.credential_type) {
        (Some(environment), CredentialType::Server) => environment,
        _ => return Err(Problem::forbidden("Client keys are not told where others are served.")),
    };
    let steering = app.source.steering(environment);
    let text =
        serde_json::to_vec(&SteeringBody { steering: steering.as_deref().unwrap_or_default().to_vec() });
    Ok(etag::answer(&request, text.map_err(Problem::internal)?))
}

/// The reason that stands for an answer with all flags at once, by the kind of key that asked.
pub(crate) fn asked_with(client: bool) -> &'static str {
    if client { CLIENT_KEY } else { SERVER_KEY }
}

/// What is asked of `POST /sdk/v1/values`.
#[derive(Deserialize)]
pub struct ValuesRequest {
    #[serde(default)]
    context: Option<Value>,
}

/// `POST /sdk/v1/values`: all values for one context.
pub async fn values_now(
    request: HttpRequest,
    app: web::Data<Surface>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let credential = auth::sdk_key(&request, &app).await?;
    let schemas = ofrep::parameter(request.query_string(), "schemas");
    let schema = agreed(schemas.as_deref())?;
    let asked: ValuesRequest = usher_core::problem::from_json(&body)?;
    let Some(environment) = credential.environment.clone() else {
        return Err(Problem::forbidden("This key has no environment."));
    };
    let whence = || Whence::of(&request, &app.rates);
    let context = context_for(&app, &credential, whence, asked.context.as_ref(), body.len())?.context;
    includes(&app, &environment, ofrep::parameter(request.query_string(), "have").as_deref()).await?;
    let standing = app.source.standing(&environment);
    let hub = app.source.hub(&environment)?;
    let state = hub.streams().subscribe(View::new(environment.clone(), [])).borrow().clone();
    let client = credential.credential_type == CredentialType::Client;
    let values = ValuesBody {
        epoch: state.snapshot.epoch,
        seq: state.head,
        schema,
        at: state.snapshot.at(),
        environment,
        values: values(&state, &context, client, clock::now(), schema),
    };
    let text = serde_json::to_vec(&values).map_err(Problem::internal)?;
    let of = Of { flag: ALL_FLAGS, variant: None, venue: context.venue(), reason: asked_with(client) };
    app.counts.evaluated.count(&values.environment, of, 1);
    show(&app, &request, &body, &text);
    Ok(told(etag::answer(&request, text), standing))
}
