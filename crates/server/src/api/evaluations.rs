//! How often a flag was evaluated: over time, by variant, venue or reason.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use usher_core::model::{DocumentId, Kind, Timestamp};
use utoipa::IntoParams;

use crate::{
    app::App,
    clock,
    evaluations::{Answer, Asked, By, DAY_MILLIS, DAYS, Step},
    problem::Problem,
};

/// Which evaluations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EvaluationsQuery {
    /// The environment.
    environment: String,
    /// From when on; a day before `to`, when not said.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// Until when; now, when not said.
    #[param(value_type = Option<String>)]
    to: Option<Timestamp>,
    /// What there is a line for; the variant, when not said.
    #[serde(default)]
    by: By,
    /// How long each count is of; an hour, when not said.
    #[serde(default)]
    step: Step,
}

/// Tells how often a flag was evaluated: as programs say that they have shown it, and by single answers over OFREP. Of
/// answers with all flags at once it is not known which of them a program uses.
#[utoipa::path(get, path = "/api/v1/flags/{key}/evaluations", tag = "flags", operation_id = "evaluations",
    params(("key" = String, Path, description = "The flag"), EvaluationsQuery),
    responses((status = 200, description = "How often, over time", body = Answer), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn evaluations(
    app: web::Data<App>,
    key: web::Path<String>,
    query: web::Query<EvaluationsQuery>,
) -> Result<HttpResponse, Problem> {
    let state = &app.world.snapshot().state;
    let EvaluationsQuery { environment, from, to, by, step } = query.into_inner();
    for id in [DocumentId::new(Kind::Flag, &**key), DocumentId::new(Kind::Environment, &*environment)] {
        if state.get(&id).is_none() {
            return Err(Problem::not_found(&id));
        }
    }
    let now = clock::now();
    let to = to.unwrap_or(now).min(now);
    let from = from.unwrap_or_else(|| Timestamp::from_millis(to.millis() - DAY_MILLIS));
    if from > to {
        let mend = "Give a time before `to`, which is now when not said.";
        return Err(Problem::bad_value("from", from, "this is later than `to`", mend));
    }
    // What is older is not kept, so nobody need be told of hours without end.
    let oldest = Timestamp::from_millis(now.millis() - DAYS * DAY_MILLIS);
    let (from, to) = (from.max(oldest), to.max(oldest));
    let asked = Asked { environment, flag: key.into_inner(), from, to, by, step };
    // Of a month of many flags this takes long; streams are not to wait for it.
    let answer = web::block(move || app.evaluations().answer(&asked, now)).await;
    Ok(HttpResponse::Ok().json(answer.map_err(Problem::internal)?))
}
