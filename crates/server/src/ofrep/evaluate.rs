//! Single and bulk evaluation.
//!
//! Answers are written straight from evaluations that borrow from the ruleset, and tagged over their whole text: the
//! context counts, not the configuration alone. `DEFAULT` is sent as a reason although the published list lacks it,
//! because flagd and OpenFeature itself use it.

use std::borrow::Cow;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::StatusCode,
    web,
};
use percent_encoding::percent_decode_str;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};
use usher_core::{Context, ErrorCode, Evaluation, limits::MAX_FLAG_KEY_BYTES, model::Timestamp};

use super::{
    MAX_BODY_BYTES, ON_EVERY_ANSWER, asker::Asker, events::EventStream, refusal::Refusal, told::Told,
};
use crate::{
    body::Body,
    clock, etag,
    metrics::Evaluated,
    onlooker::show,
    problem::Problem,
    sdk::{
        asked_with,
        evaluated::{ALL_FLAGS, Of},
    },
    standing::told,
    surface::Surface,
};

/// About as long as the answer of one flag is, so that the text of many need not grow often.
const BYTES_OF_A_FLAG: usize = 96;

/// `POST /ofrep/v1/evaluate/flags`, and the same with a `/{key}`.
pub(super) async fn answer(asked: ServiceRequest) -> Result<ServiceResponse, Error> {
    let (request, payload) = asked.into_parts();
    let answer = evaluated(&request, payload).await;
    let mut answer = answer.unwrap_or_else(|refusal| refusal.answer());
    let headers = answer.headers_mut();
    for (name, value) in ON_EVERY_ANSWER {
        headers.insert(name, value);
    }
    Ok(ServiceResponse::new(request, answer))
}

async fn evaluated(request: &HttpRequest, payload: Payload) -> Result<HttpResponse, Refusal> {
    // Read even if it is not looked at, so that the connection can be used again.
    let body = Body::read(request, payload, MAX_BODY_BYTES).await;
    let app = request.app_data::<web::Data<Surface>>();
    let app = app.ok_or_else(|| Problem::internal("there is no surface to ask"))?;
    let mut asker = Asker::new(request, app).await?;
    match request.match_info().unprocessed() {
        "" => {
            let told = Told::by(request);
            if let Some(told) = &told
                && told.awaited(&asker, app).await?
            {
                asker = Asker::anew(request, app).await?;
            }
            all(request, app, &asker, body, told.as_ref())
        }
        rest => one(request, app, &asker, body, &key_of(rest)),
    }
}

fn one(
    request: &HttpRequest,
    app: &Surface,
    asker: &Asker,
    body: Result<Body, Problem>,
    key: &str,
) -> Result<HttpResponse, Refusal> {
    if key.len() > MAX_FLAG_KEY_BYTES {
        let details = format!("A flag's key has at most {MAX_FLAG_KEY_BYTES} bytes.");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::General, details).of(key));
    }
    let body = body.map_err(|problem| Refusal::from(problem).of(key))?;
    let context = asker.context(request, app, &body).map_err(|refusal| refusal.of(key))?;
    let evaluation = asker.evaluate(key, &context, clock::now());
    let evaluated = Evaluated::default();
    evaluated.count(evaluation.reason);
    app.metrics.evaluated(&evaluated);
    let of = Of {
        flag: key,
        variant: evaluation.variant(),
        venue: context.venue(),
        reason: evaluation.reason.as_str(),
    };
    // What there is not would fill the room of what there is.
    if evaluation.error != Some(ErrorCode::FlagNotFound) {
        app.counts.evaluated.count(asker.flag_set(), of, 1);
    }
    if let Some(error) = evaluation.error {
        let status = match error {
            ErrorCode::FlagNotFound => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        };
        return Err(Refusal::new(status, error, details(error, key)).of(key));
    }
    let keyed = Keyed { key, evaluation };
    let mut text = Vec::with_capacity(BYTES_OF_A_FLAG * 2);
    serde_json::to_writer(&mut text, &keyed).map_err(Problem::internal)?;
    show(app, request, &body, &text);
    let Some(standing) = asker.standing else { return Ok(etag::answer(request, text)) };
    let dated = serde_json::to_vec(&Dated { keyed, as_of: standing.as_of }).map_err(Problem::internal)?;
    Ok(told(etag::answer_as(request, &etag::of(&text), dated), Some(standing)))
}

/// The flag's key in what follows of a path: all of it, for a key may have slashes.
fn key_of(rest: &str) -> Cow<'_, str> {
    percent_decode_str(rest.strip_prefix('/').unwrap_or(rest)).decode_utf8_lossy()
}

fn all(
    request: &HttpRequest,
    app: &Surface,
    asker: &Asker,
    body: Result<Body, Problem>,
    told_of: Option<&Told>,
) -> Result<HttpResponse, Refusal> {
    let body = body?;
    let context = asker.context(request, app, &body)?;
    // Who was told of another configuration than this answer is made from gets the whole answer, whatever it has: a tag
    // never turns that into a 304. Where it is the one that they expect, the tag decides as ever; and the configuration
    // never makes a 304 by itself, for it says nothing about the context.
    let position = told_of.map(|_| asker.position(app)).transpose()?;
    let other = told_of.zip(position.as_ref()).is_some_and(|(told, own)| told.differs(own));
    let now = clock::now();
    let flags = Flags { asker, context: &context, now, evaluated: Evaluated::default() };
    let bulk = Bulk { flags: &flags, stream: EventStream::of(asker, app, now)? };
    let mut text = Vec::with_capacity(BYTES_OF_A_FLAG * (asker.flags() + 8));
    serde_json::to_writer(&mut text, &bulk).map_err(Problem::internal)?;
    app.metrics.evaluated(&flags.evaluated);
    // Of each flag that would be many times the work; and that it was asked for, nobody knows.
    let of =
        Of { flag: ALL_FLAGS, variant: None, venue: context.venue(), reason: asked_with(asker.is_client()) };
    app.counts.evaluated.count(asker.flag_set(), of, 1);
    show(app, request, &body, &text);
    let tag = etag::of(&text);
    if let Some(standing) = asker.standing {
        // The time is no part of the tag: who has these flags already is told of it in a header.
        text.truncate(text.len() - END.len());
        text.extend(format!(r#","asOf":"{}"{END}"#, standing.as_of).into_bytes());
    }
    let answer = if other { etag::tagged(&tag, text) } else { etag::answer_as(request, &tag, text) };
    Ok(told(answer, asker.standing))
}

/// A parameter of a query, if it is there.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query).ok()?.into_inner();
    pairs.into_iter().find(|(own, _)| own == name).map(|(_, value)| value)
}

fn details(error: ErrorCode, flag: &str) -> String {
    match error {
        ErrorCode::FlagNotFound => format!("There is no flag `{flag}`."),
        ErrorCode::ParseError => format!("The flag `{flag}` can't be understood by this server."),
        other => other.as_str().to_owned(),
    }
}

/// An evaluation with its flag's key.
struct Keyed<'a> {
    key: &'a str,
    evaluation: Evaluation<'a>,
}

impl Serialize for Keyed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", self.key)?;
        match self.evaluation.error {
            // A failure within a bulk answer has no reason in OFREP's form.
            Some(error) => {
                map.serialize_entry("errorCode", error.as_str())?;
                map.serialize_entry("errorDetails", &details(error, self.key))?;
            }
            None => self.evaluation.serialize_fields(&mut map)?,
        }
        map.end()
    }
}

/// The same from an edge: with the time as of which it holds among the flag's metadata.
struct Dated<'a> {
    keyed: Keyed<'a>,
    as_of: Timestamp,
}

impl Serialize for Dated<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", self.keyed.key)?;
        self.keyed.evaluation.serialize_fields_as_of(&mut map, self.as_of)?;
        map.end()
    }
}

/// All flags that a caller may see: evaluated while they are written.
struct Flags<'a> {
    asker: &'a Asker,
    context: &'a Context,
    now: Timestamp,
    evaluated: Evaluated,
}

impl Serialize for Flags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(None)?;
        for (key, evaluation) in self.asker.evaluate_all(self.context, self.now) {
            self.evaluated.count(evaluation.reason);
            all.serialize_element(&Keyed { key, evaluation })?;
        }
        all.end()
    }
}

/// How a bulk answer ends: with its metadata.
const END: &str = "}}";

/// A bulk answer.
struct Bulk<'a> {
    flags: &'a Flags<'a>,
    stream: Option<EventStream>,
}

impl Serialize for Bulk<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata<'a> {
            flag_set_id: &'a str,
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("flags", self.flags)?;
        if let Some(stream) = &self.stream {
            map.serialize_entry("eventStreams", &[stream])?;
        }
        map.serialize_entry("metadata", &Metadata { flag_set_id: self.flags.asker.flag_set() })?;
        map.end()
    }
}
