//! Invitations: an account without a password yet, and a link that lets one be set, once.
//!
//! The invitation is part of the account, as the hash of its secret: who was invited to do what, and by whom, is in the
//! journal like any other change of rights, every node knows it, and of two who open the link at once one is too late.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use usher_core::model::{Invitation, Role, RoleBinding, Timestamp, User};
use usher_journal::{Actor, ActorKind, Append, AppendError, Change, Expected};
use utoipa::ToSchema;

use super::{
    keys::{once, only_now},
    people::{self, Account},
    schemas::RoleBindingSchema,
    session::{self, check_passwords, slow_down_address},
    write::Write,
};
use crate::{
    app::App,
    auth::{origin::check_same_origin, secret, session::Means},
    body::Body,
    clock,
    problem::Problem,
};

/// How long a link opens an account.
const LASTS_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;
/// The page of the web UI that takes a link's secret. It is behind `#`, so that no server and no proxy is sent it.
const PAGE: &str = "/invitation#";
/// Longest secret that is looked at, in bytes.
const MAX_SECRET_BYTES: usize = 128;

/// Who is invited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// What they will sign in with.
    email: String,
    /// How they are shown.
    name: String,
    /// What they may do everywhere.
    #[schema(value_type = String)]
    role: Role,
    /// What more they may do in some places.
    #[serde(default)]
    #[schema(value_type = Vec<RoleBindingSchema>)]
    bindings: Vec<RoleBinding>,
}

/// A link for somebody: shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invited {
    /// Their account.
    account: Account,
    /// What is to be put behind the server's address, `/invitation#…`. Whoever has it can set the account's password.
    link: String,
    /// When it ends.
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

/// What somebody sends who opens a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// What is behind `#` in the link.
    invitation: String,
    /// Their password: ten characters or more.
    password: String,
}

/// Invites somebody: makes their account, and a link with which they set their password. Usher sends no mail.
#[utoipa::path(post, path = "/api/v1/invitations", tag = "people", operation_id = "invite", request_body = NewInvitation,
    responses((status = 201, description = "Invited; the link is shown this once", body = Invited), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn create(request: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    let new: NewInvitation = usher_core::problem::from_json(&body)?;
    let email = new.email.trim().to_lowercase();
    let write = Write::new(&app, &request, None, &body)?.or_message(|| format!("Invite {}", new.name));
    once(&write).await?;
    people::refuse_known(&app, &email)?;
    let (secret, invitation) = made()?;
    let user = User {
        key: people::key_of(&email)?,
        email,
        name: new.name,
        password_hash: String::new(),
        role: new.role,
        bindings: new.bindings,
        second_factor: None,
        invitation: Some(invitation),
        open_id: None,
        created_at: clock::now(),
    };
    invite(write, user, Expected::Absent, &secret).await
}

/// Makes a new link for somebody who has not taken the first; that one opens nothing any more.
#[utoipa::path(post, path = "/api/v1/users/{key}/invitation", tag = "people", operation_id = "invite_again",
    params(("key" = String, Path, description = "The account")),
    responses((status = 201, description = "Invited; the link is shown this once", body = Invited), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn renew(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let write = Write::new(&app, &request, None, &[])?;
    once(&write).await?;
    let (user, version) = people::find(&app, &key)?;
    if user.invitation.is_none() {
        let detail = "This account has a password: nobody is invited to it any more.";
        return Err(Problem::new(StatusCode::CONFLICT, "conflict", detail));
    }
    let write = write.or_message(|| format!("Invite {} again", user.name));
    let (secret, invitation) = made()?;
    invite(write, User { invitation: Some(invitation), ..user }, version, &secret).await
}

/// Takes an invitation: sets the password, and signs in.
#[utoipa::path(post, path = "/api/v1/invitations/accept", tag = "session", operation_id = "accept_invitation", request_body = Acceptance,
    responses((status = 200, description = "Signed in", body = session::Session), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn accept(request: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    if request.headers().contains_key("Origin") {
        check_same_origin(&request)?;
    }
    check_passwords(&app)?;
    let Acceptance { invitation, password } = people::read(&body)?;
    // Nobody guesses 256 bits, but looking for them costs something.
    let names = slow_down_address(&request, &app)?;
    let now = clock::now();
    let hash = secret::hash(invitation.get(..MAX_SECRET_BYTES).unwrap_or(&invitation));
    let open =
        |user: &User| user.invitation.as_ref().is_some_and(|own| own.hash == hash && own.expires_at > now);
    let Some(found) = app.world.snapshot().users.values().find(|user| open(user)).cloned() else {
        let address = app.rates.address(&request).to_string();
        tracing::warn!(target: "usher::audit", address, "an invitation that opens nothing was sent");
        return Err(used());
    };
    app.throttle.forgive(&names);
    let password_hash = people::hashed(password).await?;
    // As it is now: it may have been taken, or renewed, while the password was hashed.
    let (user, version) = people::find(&app, &found.key)?;
    if !open(&user) {
        return Err(used());
    }
    let user = User { password_hash, invitation: None, ..user };
    let document = people::checked(&user)?;
    let append = Append {
        expected: vec![(document.id().clone(), version)],
        idempotency: None,
        actor: Actor { kind: ActorKind::User, id: user.key.to_string(), name: user.name.clone() },
        message: format!("{} accepts the invitation", user.name),
        at: now,
        changes: vec![Change::Put(document)],
    };
    match app.world.append(append).await {
        Err(AppendError::Conflict { .. }) => return Err(used()),
        done => drop(done?),
    }
    session::open(&request, &app, user.into(), Means::Invitation, false).await
}

/// Whatever is wrong with a link: who tries one learns nothing from it.
fn used() -> Problem {
    Problem::unauthorized("This invitation was used, has run out, or never was one: ask for another.")
}

/// A secret, and what is kept of it.
fn made() -> Result<(String, Invitation), Problem> {
    let secret = secret::random().map_err(Problem::internal)?;
    let expires_at = Timestamp::from_millis(clock::now().millis() + LASTS_MILLIS);
    let invitation = Invitation { hash: secret::hash(&secret), expires_at };
    Ok((secret, invitation))
}

async fn invite(
    write: Write<'_>,
    user: User,
    expected: Expected,
    secret: &str,
) -> Result<HttpResponse, Problem> {
    let expires_at = user.invitation.as_ref().map(|own| own.expires_at);
    let document = people::checked(&user)?;
    let expected = vec![(document.id().clone(), expected)];
    let written = write.commit(vec![Change::Put(document)], expected).await?;
    only_now(&written)?;
    let link = format!("{PAGE}{secret}");
    let account = Account::new(user, written.seq);
    Ok(HttpResponse::Created().json(json!({"account": account, "link": link, "expiresAt": expires_at})))
}
