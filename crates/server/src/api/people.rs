//! People who sign in: made with a password, changed, removed. Their sessions end with them.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use usher_core::model::{
    Document, DocumentId, Key, Kind, OpenId, Role, RoleBinding, Seq, Timestamp, User, parse_strict,
};
use usher_journal::{AppendError, Change, Entry, Expected};
use utoipa::ToSchema;

use super::{
    identity,
    schemas::{OpenIdSchema, RoleBindingSchema},
    write::{Write, Written},
};
use crate::{app::App, auth::password, auth::secret, body::Body, clock, problem::Problem};

/// Characters of the hash of an e-mail address that make an account's key: one address, one account.
const KEY_CHARACTERS: usize = 16;

/// Somebody who can sign in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its identity.
    #[schema(value_type = String)]
    key: Key,
    /// What they sign in with.
    email: String,
    /// How they are shown.
    name: String,
    /// What they may do everywhere: `viewer`, `operator`, `editor` or `admin`.
    #[schema(value_type = String)]
    role: Role,
    /// What more they may do in some places.
    #[schema(value_type = Vec<RoleBindingSchema>)]
    bindings: Vec<RoleBinding>,
    /// Whether they have a second factor.
    second_factor: bool,
    /// Until when they can take their invitation; none for who has a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    invited_until: Option<Timestamp>,
    /// Who they are at the OpenID provider, if they sign in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<OpenIdSchema>)]
    open_id: Option<OpenId>,
    /// When the account was made.
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// The commit that changed it last: what `If-Match` takes.
    #[schema(value_type = u64)]
    version: Seq,
}

impl Account {
    /// What is shown of an account.
    pub(super) fn new(user: User, version: Seq) -> Self {
        let User {
            key,
            email,
            name,
            role,
            bindings,
            created_at,
            second_factor,
            invitation,
            open_id,
            password_hash: _,
        } = user;
        let (second_factor, invited_until) = (second_factor.is_some(), invitation.map(|own| own.expires_at));
        Self { key, email, name, role, bindings, second_factor, invited_until, open_id, created_at, version }
    }

    fn read(entry: &Entry) -> Result<Self, Problem> {
        Ok(Self::new(entry.document.parse()?, entry.version))
    }
}

/// All accounts.
#[derive(Serialize, ToSchema)]
pub struct AccountList {
    items: Vec<Account>,
}

/// An account to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// What they sign in with.
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
    /// Ten characters or more.
    password: String,
}

/// What changes about an account.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountChange {
    /// How they are shown.
    name: Option<String>,
    /// What they may do everywhere.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// What more they may do in some places, all of it.
    #[schema(value_type = Option<Vec<RoleBindingSchema>>)]
    bindings: Option<Vec<RoleBinding>>,
    /// A new password. Who signed in through a provider signs in with it from then on.
    password: Option<String>,
    /// Who they are at the OpenID provider: from then on they sign in there and their password is gone, and what they may
    /// do is what their groups may.
    #[serde(default)]
    #[schema(value_type = Option<OpenIdSchema>)]
    open_id: Option<OpenId>,
}

/// Lists everybody who can sign in.
#[utoipa::path(get, path = "/api/v1/users", tag = "people", operation_id = "list_users",
    responses((status = 200, description = "All accounts", body = AccountList)))]
pub async fn list(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let snapshot = app.world.snapshot();
    let items = snapshot.state.of_kind(&Kind::User).map(Account::read).collect::<Result<_, Problem>>()?;
    Ok(HttpResponse::Ok().json(AccountList { items }))
}

/// Makes an account.
#[utoipa::path(post, path = "/api/v1/users", tag = "people", operation_id = "create_user", request_body = NewAccount,
    responses((status = 201, description = "Made", body = Account), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn create(request: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    let new: NewAccount = read(&body)?;
    let email = new.email.trim().to_lowercase();
    let write = write(
        &app,
        &request,
        &json!({"email": email, "name": new.name, "role": new.role, "bindings": new.bindings}),
    )?
    .or_message(|| format!("Create the account of {}", new.name));
    let key = key_of(&email)?;
    let mut replayed = write.replayed().await?.is_some();
    if !replayed {
        refuse_known(&app, &email)?;
        let password_hash = hashed(new.password.clone()).await?;
        let user = User {
            key: key.clone(),
            email,
            name: new.name,
            password_hash,
            role: new.role,
            bindings: new.bindings,
            second_factor: None,
            invitation: None,
            open_id: None,
            created_at: clock::now(),
        };
        let document = checked(&user)?;
        let expected = vec![(document.id().clone(), Expected::Absent)];
        replayed = write.commit(vec![Change::Put(document)], expected).await?.replayed;
    }
    if replayed {
        check_password(&write, &key, new.password).await?;
    }
    answer(&app, StatusCode::CREATED, &key)
}

/// Changes an account. Who is signed in stays so, with the new rights.
#[utoipa::path(put, path = "/api/v1/users/{key}", tag = "people", operation_id = "change_user",
    params(("key" = String, Path, description = "The account"), ("If-Match" = Option<String>, Header, description = "The version that is changed")), request_body = AccountChange,
    responses((status = 200, description = "Changed", body = Account), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn change(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let AccountChange { name, role, bindings, password, open_id } = read(&body)?;
    if password.is_some() && open_id.is_some() {
        let mend = "Give the one or the other.";
        return Err(Problem::bad_value("openId", "…", "an account has one way in", mend));
    }
    let seen = json!({"name": name, "role": role, "bindings": bindings, "password": password.is_some(), "openId": open_id});
    let mut write = write(&app, &request, &seen)?;
    let mut replayed = write.replayed().await?.is_some();
    if !replayed {
        let (user, version) = find(&app, &key)?;
        let asked = write.expectation(&DocumentId::new(Kind::User, &*user.key))?;
        if role.is_some_and(|role| role < user.role) {
            refuse_oneself(&request, &key)?;
        }
        write = write.or_message(|| format!("Change the account of {}", user.name));
        let user = match (password.clone(), open_id) {
            // A link that is still on its way would set it once more.
            (Some(password), _) => {
                User { password_hash: hashed(password).await?, invitation: None, open_id: None, ..user }
            }
            (None, Some(open_id)) => tied(&app, user, open_id)?,
            (None, None) => user,
        };
        let (name, role) = (name.unwrap_or_else(|| user.name.clone()), role.unwrap_or(user.role));
        let bindings = bindings.unwrap_or_else(|| user.bindings.clone());
        let document = checked(&User { name, role, bindings, ..user })?;
        let mut expected = vec![(document.id().clone(), version)];
        // What it was read at, and what its sender has seen: not what this server happens to know.
        expected.extend(asked);
        replayed = write.commit(vec![Change::Put(document)], expected).await?.replayed;
    }
    if let Some(password) = password.filter(|_| replayed) {
        check_password(&write, &key, password).await?;
    }
    answer(&app, StatusCode::OK, &key)
}

/// The account as it is now.
fn answer(app: &App, status: StatusCode, key: &str) -> Result<HttpResponse, Problem> {
    let id = DocumentId::new(Kind::User, key);
    let snapshot = app.world.snapshot();
    let entry = snapshot.state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
    let tag = format!("\"{}\"", entry.version);
    Ok(HttpResponse::build(status).insert_header(("ETag", tag)).json(Account::read(entry)?))
}

/// Refuses a request that was carried out before with another password: an idempotency key is kept with all that it was
/// sent with, but for that, and who sends a new one must not be told that it was set.
async fn check_password(write: &Write<'_>, key: &str, password: String) -> Result<(), Problem> {
    let Some(replayed) = write.replayed().await? else { return Ok(()) };
    let id = DocumentId::new(Kind::User, key);
    let set = replayed.document(&id).and_then(|(document, _)| document.parse::<User>().ok());
    let hash = set.map(|user| user.password_hash).unwrap_or_default();
    let same = web::block(move || password::verify(&password, &hash)).await.map_err(Problem::internal)?;
    if same { Ok(()) } else { Err(AppendError::KeyReused(replayed.written.seq).into()) }
}

/// Removes an account; its sessions end at once.
#[utoipa::path(delete, path = "/api/v1/users/{key}", tag = "people", operation_id = "delete_user",
    params(("key" = String, Path, description = "The account")),
    responses((status = 200, description = "Removed", body = Written), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn delete(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let write = Write::new(&app, &request, None, &[])?;
    if let Some(replayed) = write.replayed().await? {
        return Ok(HttpResponse::Ok().json(replayed.written));
    }
    let (user, version) = find(&app, &key)?;
    refuse_oneself(&request, &key)?;
    let id = DocumentId::new(Kind::User, &*user.key);
    let write = write.or_message(|| format!("Remove the account of {}", user.name));
    let written = write.commit(vec![Change::Delete(id.clone())], vec![(id, version)]).await?;
    Ok(HttpResponse::Ok().json(written))
}

/// An account whose person signs in through the provider from now on, and in no other way.
fn tied(app: &App, user: User, open_id: OpenId) -> Result<User, Problem> {
    let own = |other: &User| other.open_id.as_ref() == Some(&open_id) && other.key != user.key;
    if app.world.snapshot().users.values().any(|other| own(other)) {
        let mend = "Remove the account that is tied to it first.";
        return Err(Problem::bad_value("openId", &open_id.subject, "another account is tied to it", mend));
    }
    let password_hash = String::new();
    Ok(User { password_hash, invitation: None, second_factor: None, open_id: Some(open_id), ..user })
}

/// The key of the account of an address.
pub(super) fn key_of(email: &str) -> Result<Key, Problem> {
    secret::hex(&Sha256::digest(email.as_bytes()))[..KEY_CHARACTERS].parse().map_err(Problem::internal)
}

/// Refuses an address that has an account.
pub(super) fn refuse_known(app: &App, email: &str) -> Result<(), Problem> {
    if app.world.snapshot().users.contains_key(email) {
        let mend = "Change the account that there is.";
        return Err(Problem::bad_value("email", email, "there is an account of this address", mend));
    }
    Ok(())
}

/// A body with a password, none of which is repeated when it can't be read.
pub(super) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    usher_core::problem::from_json(body).map_err(|mut problems| {
        for problem in &mut problems.0 {
            "…".clone_into(&mut problem.value);
            if ["password", "code", "invitation"].contains(&problem.field.as_str()) {
                "this must be a text".clone_into(&mut problem.detail);
            }
        }
        problems.into()
    })
}

/// The write of a request; its fingerprint, which is kept, knows nothing of a password.
fn write<'a>(
    app: &'a App,
    request: &'a HttpRequest,
    without_password: &serde_json::Value,
) -> Result<Write<'a>, Problem> {
    Write::new(app, request, None, without_password.to_string().as_bytes())
}

pub(super) async fn hashed(password: String) -> Result<String, Problem> {
    if password.chars().count() < password::MIN_CHARACTERS {
        let mend = format!("Give {} characters or more.", password::MIN_CHARACTERS);
        return Err(Problem::bad_value("password", "…", "this password is too short", &mend));
    }
    let hash = web::block(move || password::hash(&password)).await.map_err(Problem::internal)?;
    hash.map_err(Problem::internal)
}

/// Nobody shuts themselves out: the last administrator could not be let in again.
pub(super) fn refuse_oneself(request: &HttpRequest, key: &str) -> Result<(), Problem> {
    if identity(request)?.actor().id == key {
        return Err(Problem::forbidden("This is your own account: ask another administrator."));
    }
    Ok(())
}

pub(super) fn find(app: &App, key: &str) -> Result<(User, Expected), Problem> {
    let id = DocumentId::new(Kind::User, key);
    let snapshot = app.world.snapshot();
    let entry = snapshot.state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
    Ok((entry.document.parse()?, Expected::Version(entry.version)))
}

pub(super) fn checked(user: &User) -> Result<Document, Problem> {
    Ok(parse_strict(&Kind::User, Document::from_model(user)?.json().as_bytes())?)
}
