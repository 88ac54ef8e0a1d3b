//! One's own second factor, and for an administrator to take away somebody else's.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use qrcode::{QrCode, render::svg};
use serde::{Deserialize, Serialize};
use usher_core::model::{Document, SecondFactor, User};
use usher_journal::{Append, Change};
use utoipa::ToSchema;

use super::{identity, people, session::slow_down};
use crate::{
    app::App,
    auth::{Identity, password},
    body::Body,
    clock,
    problem::Problem,
};

/// Least width of the picture, in its own units.
const QR_WIDTH: u32 = 200;

/// What shows that it is really them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Password.
    password: String,
    /// A code of the factor that they have, or a recovery code; only to take it away.
    #[serde(default)]
    code: Option<String>,
}

/// A code of the app that was set up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Six digits.
    code: String,
}

/// What an app needs to make codes: shown this once.
#[derive(Serialize, ToSchema)]
pub struct FactorSetup {
    /// To be typed into an app, in base32.
    secret: String,
    /// The same as a URI, `otpauth://…`.
    uri: String,
    /// The same as a QR code: a picture in SVG.
    qr: String,
}

/// For when the app is gone: each is good once, and shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

/// Begins to set up a second factor, which holds once a code of it is given.
#[utoipa::path(post, path = "/api/v1/session/factor", tag = "session", operation_id = "begin_factor", request_body = Proof,
    responses((status = 200, description = "Begun", body = FactorSetup), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn begin(request: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    let user = own(&request)?;
    let Proof { password, .. } = people::read(&body)?;
    if user.second_factor.is_some() {
        let detail = "You have a second factor: take it away first.";
        return Err(Problem::new(StatusCode::CONFLICT, "conflict", detail));
    }
    prove(&request, &app, &user, password).await?;
    let setup = app.factors.begin(&user, clock::now()).await?;
    let qr = QrCode::new(&setup.uri).map_err(Problem::internal)?;
    let qr = qr.render::<svg::Color<'_>>().min_dimensions(QR_WIDTH, QR_WIDTH).build();
    Ok(HttpResponse::Ok().json(FactorSetup { secret: setup.secret, uri: setup.uri, qr }))
}

/// Sets it up: the code shows that the app has the secret.
#[utoipa::path(post, path = "/api/v1/session/factor/confirm", tag = "session", operation_id = "confirm_factor", request_body = Confirmation,
    responses((status = 200, description = "Set up", body = RecoveryCodes), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn confirm(request: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    let user = own(&request)?;
    let Confirmation { code } = people::read(&body)?;
    let names = slow_down(&request, &app, &user.email)?;
    let Some((factor, recovery_codes)) = app.factors.confirm(&user, &code, clock::now()).await? else {
        return Err(wrong_code());
    };
    app.throttle.forgive(&names);
    let message = format!("Set up the second factor of {}", user.name);
    put(&request, &app, &user, Some(factor), message).await?;
    Ok(HttpResponse::Ok().json(RecoveryCodes { recovery_codes }))
}

/// Takes one's own second factor away.
#[utoipa::path(post, path = "/api/v1/session/factor/remove", tag = "session", operation_id = "remove_factor", request_body = Proof,
    responses((status = 204, description = "Taken away"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn remove(request: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    let user = own(&request)?;
    let Proof { password, code } = people::read(&body)?;
    let factor = user.second_factor.as_ref().ok_or_else(|| Problem::not_found("second factor"))?;
    prove(&request, &app, &user, password).await?;
    let names = slow_down(&request, &app, &user.email)?;
    let passed = app.factors.pass(factor, code.as_deref().unwrap_or_default(), clock::now()).await?;
    passed.ok_or_else(wrong_code)?;
    app.throttle.forgive(&names);
    let message = format!("Take away the second factor of {}", user.name);
    put(&request, &app, &user, None, message).await?;
    app.factors.forget(factor).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Resets the second factor of somebody who has lost it: they sign in with their password alone until they have set up
/// another. Their sessions end.
#[utoipa::path(delete, path = "/api/v1/users/{key}/factor", tag = "people", operation_id = "reset_factor",
    params(("key" = String, Path, description = "The account")),
    responses((status = 204, description = "Reset"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn reset(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let user = people::find(&app, &key)?.0;
    people::refuse_oneself(&request, &key)?;
    let factor = user.second_factor.as_ref().ok_or_else(|| Problem::not_found("second factor"))?;
    let message = format!("Reset the second factor of {}", user.name);
    put(&request, &app, &user, None, message).await?;
    app.factors.forget(factor).await?;
    let by = identity(&request)?.actor().id;
    app.sessions.end_all(&user, &by, clock::now()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A code that is not taken.
pub(super) fn wrong_code() -> Problem {
    let detail = "This code is wrong, or was used before: wait for the next one.";
    Problem::new(StatusCode::FORBIDDEN, "wrong_code", detail)
}

/// The person who asks.
fn own(request: &HttpRequest) -> Result<Arc<User>, Problem> {
    match identity(request)? {
        Identity::Person(user) if user.open_id.is_some() => {
            Err(Problem::forbidden("You sign in through a provider: a second factor is its business."))
        }
        Identity::Person(user) => Ok(user),
        Identity::Program(_) => Err(Problem::forbidden("A token has no second factor: sign in.")),
    }
}

/// Asks for the password again: a browser that was left open is not enough.
async fn prove(request: &HttpRequest, app: &App, user: &User, given: String) -> Result<(), Problem> {
    let names = slow_down(request, app, &user.email)?;
    let hash = user.password_hash.clone();
    let good = web::block(move || password::verify(&given, &hash)).await.map_err(Problem::internal)?;
    if !good {
        let address = app.rates.address(request).to_string();
        tracing::warn!(target: "usher::audit", account = %user.key, address, "a password was wrong");
        return Err(Problem::bad_value("password", "…", "this password is wrong", "Give your own."));
    }
    app.throttle.forgive(&names);
    Ok(())
}

/// Writes who has which factor. Everybody may do that of themselves, so it does not ask for the right to change accounts.
async fn put(
    request: &HttpRequest,
    app: &App,
    user: &User,
    factor: Option<SecondFactor>,
    message: String,
) -> Result<(), Problem> {
    let actor = identity(request)?.actor();
    let (found, version) = people::find(app, &user.key)?;
    if found.second_factor != user.second_factor {
        return Err(Problem::new(StatusCode::CONFLICT, "conflict", "It was changed meanwhile: look again."));
    }
    tracing::info!(target: "usher::audit", account = %user.key, by = actor.id, message);
    let document = Document::from_model(&User { second_factor: factor, ..found })?;
    let expected = vec![(document.id().clone(), version)];
    let changes = vec![Change::Put(document)];
    let append = Append { expected, idempotency: None, actor, message, at: clock::now(), changes };
    app.world.append(append).await?;
    Ok(())
}
