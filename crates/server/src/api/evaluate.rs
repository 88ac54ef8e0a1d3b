//! Asking what somebody gets, and why.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use usher_core::{Context, Evaluation, Ruleset};
use utoipa::ToSchema;

use super::world_at;
use crate::{app::App, body::Body, clock, problem::Problem};

/// A question.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    /// Where.
    environment: String,
    /// Which flag; all of them, when left out.
    flag: Option<String>,
    /// Who asks: `targetingKey`, `venue` and any attributes.
    #[serde(default)]
    #[schema(value_type = Object)]
    context: Value,
    /// As of this commit or time.
    at: Option<String>,
}

/// The answers.
#[derive(Serialize, ToSchema)]
pub struct Answers {
    evaluations: Vec<Explained>,
}

/// One answer, explained.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The flag.
    flag: String,
    /// The value; missing for the caller's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    /// The variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    /// OpenFeature's reason.
    reason: &'static str,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Every step, in order.
    #[schema(value_type = Vec<StepSchema>)]
    trace: usher_core::Trace,
}

/// One step of an explanation.
#[derive(Serialize, ToSchema)]
pub struct StepSchema {
    /// What was looked at.
    step: String,
    /// `passed` or `decided`.
    outcome: String,
    /// The same as a sentence.
    text: String,
    /// The rule, where the step is one.
    rule: Option<String>,
    /// What led to the outcome.
    details: Option<Vec<String>>,
}

impl Explained {
    fn new(flag: &str, ruleset: &Ruleset, context: &Context) -> Self {
        let (evaluation, trace): (Evaluation<'_>, _) = ruleset.explain(flag, context, clock::now());
        Self {
            flag: flag.to_owned(),
            value: evaluation.value().and_then(|value| serde_json::to_value(value).ok()),
            variant: evaluation.variant().map(ToOwned::to_owned),
            reason: evaluation.reason.as_str(),
            error_code: evaluation.error.map(|error| error.as_str()),
            rule: evaluation.rule.map(ToOwned::to_owned),
            trace,
        }
    }
}

/// Evaluates one flag or all, with every step on the way.
#[utoipa::path(post, path = "/api/v1/evaluate", tag = "evaluation", operation_id = "evaluate", request_body = Question,
    responses((status = 200, description = "The answers", body = Answers), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn evaluate(app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    let question: Question = usher_core::problem::from_json(&body)?;
    let snapshot = world_at(&app, question.at.as_deref()).await?;
    let ruleset = snapshot
        .ruleset(&question.environment)
        .ok_or_else(|| Problem::not_found(format!("environment {}", question.environment)))?;
    let empty = Value::Object(serde_json::Map::new());
    let context = Context::from_json(if question.context.is_null() { &empty } else { &question.context })?;
    let flags: Vec<&str> = match &question.flag {
        Some(flag) => vec![flag],
        None => ruleset.flag_keys().collect(),
    };
    let evaluations = flags.into_iter().map(|flag| Explained::new(flag, ruleset, &context)).collect();
    Ok(HttpResponse::Ok().json(Answers { evaluations }))
}
