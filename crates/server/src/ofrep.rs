//! OFREP 0.3.0: OpenFeature's remote evaluation protocol, single and bulk.
//!
//! Facts from the published OpenAPI of open-feature/protocol. Answers are written straight from borrowed
//! evaluations, and tagged over their whole text: the context counts, not the configuration alone. `DEFAULT`
//! is sent as a reason although the published list lacks it, because flagd and OpenFeature itself use it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};
use usher_core::{
    Context, ErrorCode, Evaluation, Ruleset,
    limits::MAX_FLAG_KEY_BYTES,
    model::{Credential, CredentialType, Timestamp},
};

use crate::{app::App, auth, body::Body, clock, etag, problem::Problem, sdk::context_for};

/// Headers that a browser's OFREP client may send and see, for all of `/ofrep/`. Keys are no cookies, so any
/// origin may ask.
pub(crate) fn allow_any_origin(headers: &mut header::HeaderMap) {
    let pairs = [
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "ETag, Retry-After"),
        ("access-control-allow-headers", "Authorization, Content-Type, If-None-Match, X-API-Key"),
        ("access-control-allow-methods", "POST, GET, OPTIONS"),
        ("access-control-max-age", "86400"),
    ];
    for (name, value) in pairs {
        headers.insert(header::HeaderName::from_static(name), header::HeaderValue::from_static(value));
    }
}

/// The answer to a browser's question before its request.
pub(crate) async fn preflight() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// What this caller may ask, and of which ruleset.
struct Asker {
    ruleset: std::sync::Arc<Ruleset>,
    client_visible_only: bool,
    credential: std::sync::Arc<Credential>,
}

impl Asker {
    fn new(request: &HttpRequest, app: &App) -> Result<Self, Problem> {
        let credential = auth::sdk_key(request, app)?;
        let snapshot = app.world.snapshot();
        let environment = credential.environment.as_deref().unwrap_or_default();
        let ruleset = snapshot.ruleset(environment).cloned();
        let ruleset = ruleset.ok_or_else(|| Problem::forbidden("The environment of this key is gone."))?;
        let client_visible_only = credential.credential_type == CredentialType::Client;
        Ok(Self { ruleset, client_visible_only, credential })
    }

    fn sees(&self, flag: &str) -> bool {
        !self.client_visible_only || self.ruleset.is_client_visible(flag)
    }

    /// What a flag gives this caller.
    fn evaluate(&self, flag: &str, context: &Context, now: Timestamp) -> Evaluation<'_> {
        if self.client_visible_only {
            self.ruleset.evaluate_for_client(flag, context, now)
        } else {
            self.ruleset.evaluate(flag, context, now)
        }
    }

    fn context(&self, body: &[u8]) -> Result<Context, Refusal> {
        let body = usher_core::problem::parse_json(body).map_err(|problems| Refusal {
            code: ErrorCode::ParseError,
            details: problems.to_string(),
            status: StatusCode::BAD_REQUEST,
        })?;
        let invalid = |details: String| Refusal {
            code: ErrorCode::InvalidContext,
            details,
            status: StatusCode::BAD_REQUEST,
        };
        if !body.is_object() {
            return Err(invalid("The body must be an object with a `context`.".to_owned()));
        }
        context_for(&self.credential, body.get("context").filter(|context| !context.is_null())).map_err(
            |problem| {
                let status = if problem.code() == "forbidden" {
                    StatusCode::FORBIDDEN
                } else {
                    StatusCode::BAD_REQUEST
                };
                Refusal { status, ..invalid(problem.detail().to_owned()) }
            },
        )
    }
}

/// Why there is no evaluation.
struct Refusal {
    code: ErrorCode,
    details: String,
    status: StatusCode,
}

impl Refusal {
    fn answer(&self, key: Option<&str>) -> HttpResponse {
        let mut body = json!({"errorCode": self.code.as_str(), "errorDetails": self.details});
        if let (Some(key), Value::Object(fields)) = (key, &mut body) {
            fields.insert("key".to_owned(), key.into());
        }
        HttpResponse::build(self.status).json(body)
    }
}

fn details(error: ErrorCode, flag: &str) -> String {
    match error {
        ErrorCode::FlagNotFound => format!("There is no flag `{flag}`."),
        ErrorCode::ParseError => format!("The flag `{flag}` can't be understood by this server."),
        other => other.as_str().to_owned(),
    }
}

/// `POST /ofrep/v1/evaluate/flags/{key}`.
pub(crate) async fn one(
    request: HttpRequest,
    key: web::Path<String>,
    app: web::Data<App>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let asker = Asker::new(&request, &app)?;
    let key = key.into_inner();
    if key.len() > MAX_FLAG_KEY_BYTES {
        let details = format!("A flag's key has at most {MAX_FLAG_KEY_BYTES} bytes.");
        return Ok(
            Refusal { code: ErrorCode::General, details, status: StatusCode::BAD_REQUEST }.answer(None)
        );
    }
    let context = match asker.context(&body) {
        Ok(context) => context,
        Err(refusal) => return Ok(refusal.answer(Some(&key))),
    };
    let evaluation = asker.evaluate(&key, &context, clock::now());
    app.metrics.evaluated([evaluation.reason]);
    if let Some(error) = evaluation.error {
        let status =
            if error == ErrorCode::FlagNotFound { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
        return Ok(Refusal { code: error, details: details(error, &key), status }.answer(Some(&key)));
    }
    let text = serde_json::to_string(&Keyed { key: &key, evaluation }).map_err(Problem::internal)?;
    Ok(etag::answer(&request, text))
}

/// `POST /ofrep/v1/evaluate/flags`.
pub(crate) async fn all(
    request: HttpRequest,
    app: web::Data<App>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let asker = Asker::new(&request, &app)?;
    let context = match asker.context(&body) {
        Ok(context) => context,
        Err(refusal) => return Ok(refusal.answer(None)),
    };
    let now = clock::now();
    let mut keys: Vec<&str> = asker.ruleset.flag_keys().filter(|flag| asker.sees(flag)).collect();
    // In a fixed order, or the same answer would have another tag each time.
    keys.sort_unstable();
    let evaluate = |key| Keyed { key, evaluation: asker.evaluate(key, &context, now) };
    let flags: Vec<Keyed<'_>> = keys.into_iter().map(evaluate).collect();
    app.metrics.evaluated(flags.iter().map(|flag| flag.evaluation.reason));
    let text = serde_json::to_string(&Bulk { flags }).map_err(Problem::internal)?;
    Ok(etag::answer(&request, text))
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

/// All flags.
#[derive(Serialize)]
struct Bulk<'a> {
    flags: Vec<Keyed<'a>>,
}
