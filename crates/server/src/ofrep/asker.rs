//! Who asks, and what they may see.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use usher_core::{
    Context, ErrorCode, Evaluation, Ruleset,
    limits::MAX_CONTEXT_BYTES,
    model::{Credential, CredentialType, EnvironmentKey, Epoch, Seq, Timestamp},
    protocol::{Standing, View},
};

use super::{events::Position, refusal::Refusal};
use crate::{
    auth::{self, refusals::Whence},
    problem::Problem,
    sdk::{context_for, context_of},
    surface::Surface,
    world::{Place, StreamState, Touched},
};

/// What this caller may ask, and of which ruleset.
pub(super) struct Asker {
    pub(super) credential: Arc<Credential>,
    ruleset: Arc<Ruleset>,
    epoch: Epoch,
    seq: Seq,
    /// At an edge: how old its answers may be.
    pub(super) standing: Option<Standing>,
}

impl Asker {
    /// Who sent this request, if they may ask now.
    pub(super) async fn new(request: &HttpRequest, app: &Surface) -> Result<Self, Refusal> {
        let credential = auth::sdk_key(request, app).await?;
        limited(app, &credential)?;
        Self::now(credential, app)
    }

    /// The same caller, some time later: if they may still ask.
    pub(super) async fn anew(request: &HttpRequest, app: &Surface) -> Result<Self, Refusal> {
        Self::now(auth::sdk_key_again(request, app).await?, app)
    }

    fn now(credential: Arc<Credential>, app: &Surface) -> Result<Self, Refusal> {
        let environment = environment(&credential)?;
        // Asked before the flags are taken: they are no older than this says.
        let standing = app.source.standing(environment);
        let snapshot = app.source.hub(environment)?.snapshot();
        let ruleset = snapshot.ruleset(environment).cloned();
        let ruleset = ruleset.ok_or_else(|| Problem::forbidden("The environment of this key is gone."))?;
        Ok(Self { credential, ruleset, epoch: snapshot.epoch, seq: snapshot.seq(), standing })
    }

    /// The journal that it is answered from.
    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The last commit that it is answered from.
    pub(super) fn seq(&self) -> Seq {
        self.seq
    }

    /// Whether it sees only what clients may see.
    pub(super) fn is_client(&self) -> bool {
        is_client(&self.credential)
    }

    /// What a flag gives this caller.
    pub(super) fn evaluate(&self, flag: &str, context: &Context, now: Timestamp) -> Evaluation<'_> {
        if self.is_client() {
            self.ruleset.evaluate_for_client(flag, context, now)
        } else {
            self.ruleset.evaluate(flag, context, now)
        }
    }

    /// What every flag that this caller may see gives it, in the order of their keys.
    pub(super) fn evaluate_all(
        &self,
        context: &Context,
        now: Timestamp,
    ) -> impl Iterator<Item = (&str, Evaluation<'_>)> {
        self.ruleset.evaluate_all(context, now, self.is_client())
    }

    /// How many flags there are.
    pub(super) fn flags(&self) -> usize {
        self.ruleset.len()
    }

    /// The flags' environment: what OpenFeature calls a flag set.
    pub(super) fn flag_set(&self) -> &EnvironmentKey {
        self.ruleset.environment()
    }

    /// Which configuration this caller is being answered from.
    pub(super) fn position(&self, app: &Surface) -> Result<Position, Refusal> {
        let hub = app.source.hub(self.flag_set())?;
        let stream = hub.streams().subscribe(view(&self.credential)?);
        let touched = stream.borrow().touched;
        Ok(Position { epoch: self.epoch, seq: seen(&self.credential, &touched).seq })
    }

    /// The context in the body of a request.
    pub(super) fn context(
        &self,
        request: &HttpRequest,
        app: &Surface,
        body: &[u8],
    ) -> Result<Context, Refusal> {
        let refused = |status, code, details: &str| Refusal::new(status, code, details);
        let not_allowed = |problem: Problem| {
            if problem.comes_again_after().is_some() {
                return Refusal::from(problem);
            }
            let status = if problem.is(StatusCode::FORBIDDEN) {
                StatusCode::FORBIDDEN
            } else {
                StatusCode::BAD_REQUEST
            };
            refused(status, ErrorCode::InvalidContext, problem.detail())
        };
        let whence = || Whence::of(request, &app.rates);
        if body.len() <= MAX_CONTEXT_BYTES
            && let Some(context) = Context::quick(body)
        {
            let asked = context_of(app, &self.credential, whence, context).map_err(not_allowed)?;
            return Ok(asked.context);
        }
        let json = usher_core::problem::parse_json(body).map_err(|problems| {
            refused(StatusCode::BAD_REQUEST, ErrorCode::ParseError, &problems.to_string())
        })?;
        if !json.is_object() {
            let details = "The body must be an object with a `context`.";
            return Err(refused(StatusCode::BAD_REQUEST, ErrorCode::InvalidContext, details));
        }
        let context = json.get("context").filter(|context| !context.is_null());
        let asked = context_for(app, &self.credential, whence, context, body.len()).map_err(not_allowed)?;
        Ok(asked.context)
    }
}

/// Refuses a key that asks too often.
pub(super) fn limited(app: &Surface, credential: &Credential) -> Result<(), Refusal> {
    app.ofrep.limit.take::<str>(&credential.key).map_err(|seconds| {
        app.metrics.limited.inc();
        let details = format!("This key asks too often: ask again in {seconds} s.");
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::General, details).retry_after(seconds)
    })
}

/// What changes of a credential's view are looked for in.
pub(super) fn view(credential: &Credential) -> Result<View, Refusal> {
    Ok(View::new(environment(credential)?.clone(), credential.venues.iter().cloned()))
}

/// The last commit that a credential may notice.
pub(super) fn seen(credential: &Credential, touched: &Touched) -> Place {
    if is_client(credential) { touched.clients } else { touched.view }
}

/// The same, of a stream as it is.
pub(super) fn seen_on(credential: &Credential, state: &StreamState) -> Place {
    seen(credential, &state.touched)
}

fn is_client(credential: &Credential) -> bool {
    credential.credential_type == CredentialType::Client
}

fn environment(credential: &Credential) -> Result<&EnvironmentKey, Refusal> {
    // Every SDK key has one; the model sees to it.
    let environment = credential.environment.as_ref();
    environment.ok_or_else(|| Problem::forbidden("This key has no environment.").into())
}
