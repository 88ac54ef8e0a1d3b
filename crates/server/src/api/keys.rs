//! Credentials of programs: made, rotated with an overlap, revoked at once. The secret is shown once.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Deserialize;
use serde_json::{Value, json};
use usher_core::model::{
    Credential, CredentialType, Document, DocumentId, EnvironmentKey, Kind, Role, RoleBinding,
    SignedContexts, Timestamp, VenueKey, parse_strict,
};
use usher_journal::{Change, Entry, Expected};
use usher_release::scope;
use utoipa::ToSchema;

use super::{
    identity,
    schemas::{KeySchema, RoleBindingSchema},
    write::{Write, Written},
};
use crate::{app::App, auth::secret, body::Body, clock, problem::Problem};

/// Longest time that an old secret lives on beside the new one, in seconds.
const MAX_OVERLAP_SECONDS: u32 = 30 * 24 * 60 * 60;

/// A credential to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewKey {
    /// What it is for.
    name: String,
    /// What it opens: `server`, `client` or `api`; or `context`, which opens nothing and signs contexts for phones.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    credential_type: CredentialType,
    /// The environment it belongs to; none for `api`.
    #[schema(value_type = Option<String>)]
    environment: Option<EnvironmentKey>,
    /// The venues it is narrowed to.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    venues: Vec<VenueKey>,
    /// Of a client key: whether a context must be signed, `optional` or `required`. Without it, it need not.
    #[schema(value_type = Option<String>)]
    signed_contexts: Option<SignedContexts>,
    /// What an API token may do everywhere: `viewer`, `operator`, `editor` or `admin`. Without it: nothing, with
    /// `bindings`, and everything without.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// What more an API token may do in some places.
    #[serde(default)]
    #[schema(value_type = Vec<RoleBindingSchema>)]
    bindings: Vec<RoleBinding>,
    /// From when on it is refused.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
}

/// A secret, shown this once, and what is kept of it.
#[derive(serde::Serialize, ToSchema)]
pub struct CreatedKey {
    /// The secret.
    secret: String,
    /// The credential.
    key: KeySchema,
}

/// A page of credentials.
#[derive(serde::Serialize, ToSchema)]
pub struct KeyList {
    /// The credentials, newest last.
    items: Vec<KeySchema>,
}

/// A credential without its hash.
pub(super) fn shown(document: &Document) -> Value {
    let mut value = document.value();
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove("hash");
        for secret in ["passwordHash", "secondFactor", "invitation"] {
            fields.shift_remove(secret);
        }
    }
    value
}

/// What a credential may do everywhere. Tokens say so from the beginning: those that do not are from before they could.
fn role(new: &NewKey) -> Option<Role> {
    let usual = || if new.bindings.is_empty() { Role::Admin } else { Role::Viewer };
    new.role.or_else(|| (new.credential_type == CredentialType::Api).then(usual))
}

/// Lists all credentials, revoked ones too; for an administrator of some places, those of these places.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", operation_id = "list_keys",
    responses((status = 200, description = "All credentials", body = KeyList)))]
pub async fn list(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let snapshot = app.world.snapshot();
    let rights = identity(&request)?.rights();
    let is_theirs = |document: &&Document| {
        let needs = scope::needs(Role::Admin, None, Some(document), &*snapshot.state);
        needs
            .iter()
            .all(|need| rights.may(need.role, need.reach.environment.as_ref(), &need.reach.venues).is_ok())
    };
    let all = snapshot.state.of_kind(&Kind::Key).map(|entry| &entry.document);
    let items: Vec<Value> = all.filter(is_theirs).map(shown).collect();
    Ok(HttpResponse::Ok().json(json!({"items": items})))
}

/// Makes a credential.
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", operation_id = "create_key", request_body = NewKey,
    responses((status = 201, description = "Made; the secret is shown this once", body = CreatedKey), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn create(request: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    let new: NewKey = usher_core::problem::from_json(&body)?;
    if new.credential_type == CredentialType::Api && !new.venues.is_empty() {
        let mend = "Give `bindings`: [{\"role\": …, \"venues\": […]}].";
        let detail = "an API token is bound to venues by what it may do there";
        return Err(Problem::bad_value("venues", new.venues.len(), detail, mend));
    }
    let credential = |key: usher_core::model::Key, secret: &str, public_key| -> Result<Credential, Problem> {
        Ok(Credential {
            key,
            name: new.name.clone(),
            credential_type: new.credential_type,
            environment: new.environment.clone(),
            venues: new.venues.clone(),
            signed_contexts: new.signed_contexts,
            public_key,
            role: role(&new),
            bindings: new.bindings.clone(),
            hash: secret::hash(secret),
            prefix: secret.chars().take(secret::PREFIX_CHARACTERS).collect(),
            created_at: clock::now(),
            created_by: identity(&request)?.actor().name,
            expires_at: new.expires_at,
            revoked_at: None,
        })
    };
    let key = new_identity()?;
    let (secret, public_key) = generate(new.credential_type, &key, new.environment.as_ref())?;
    let document = checked(&credential(key, &secret, public_key)?)?;
    let write = Write::new(&app, &request, None, &body)?.or_message(|| format!("Create key “{}”", new.name));
    once(&write).await?;
    let expected = vec![(document.id().clone(), Expected::Absent)];
    only_now(&write.commit(vec![Change::Put(document.clone())], expected).await?)?;
    Ok(HttpResponse::Created().json(json!({"secret": secret, "key": shown(&document)})))
}

/// How long the old secret lives on.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rotation {
    /// Seconds for which both secrets are good.
    overlap_seconds: u32,
}

/// Makes a new secret for a credential; the old one lives on for the overlap.
#[utoipa::path(post, path = "/api/v1/keys/{key}/rotate", tag = "keys", operation_id = "rotate_key",
    params(("key" = String, Path, description = "The credential")), request_body = Rotation,
    responses((status = 201, description = "Made; the secret is shown this once", body = CreatedKey), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn rotate(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let rotation: Rotation =
        if body.is_empty() { Rotation::default() } else { usher_core::problem::from_json(&body)? };
    if rotation.overlap_seconds > MAX_OVERLAP_SECONDS {
        let mend = format!("Give at most {MAX_OVERLAP_SECONDS} seconds, which is 30 days.");
        return Err(Problem::bad_value(
            "overlapSeconds",
            rotation.overlap_seconds,
            "this is too long",
            &mend,
        ));
    }
    let write = Write::new(&app, &request, None, &body)?.or_message(|| format!("Rotate key “{key}”"));
    once(&write).await?;
    let (old, entry) = find(&app, &key)?;
    let now = clock::now();
    if !old.is_live(now) {
        return Err(Problem::bad_value(
            "key",
            &*key,
            "this key has expired or was revoked",
            "Create a new one.",
        ));
    }
    let end = Timestamp::from_millis(now.millis() + i64::from(rotation.overlap_seconds) * 1000);
    let identity_of_new = new_identity()?;
    let (secret, public_key) = generate(old.credential_type, &identity_of_new, old.environment.as_ref())?;
    let new = Credential {
        key: identity_of_new,
        public_key,
        hash: secret::hash(&secret),
        prefix: secret.chars().take(secret::PREFIX_CHARACTERS).collect(),
        created_at: now,
        created_by: identity(&request)?.actor().name,
        ..old.clone()
    };
    let old = Credential { expires_at: Some(old.expires_at.map_or(end, |own| own.min(end))), ..old };
    let (new, old) = (checked(&new)?, checked(&old)?);
    let expected = vec![(entry.document.id().clone(), Expected::Version(entry.version))];
    only_now(&write.commit(vec![Change::Put(new.clone()), Change::Put(old)], expected).await?)?;
    if rotation.overlap_seconds == 0 {
        app.close_credential(&key);
    }
    Ok(HttpResponse::Created().json(json!({"secret": secret, "key": shown(&new)})))
}

/// Revokes a credential at once; its open streams close.
#[utoipa::path(post, path = "/api/v1/keys/{key}/revoke", tag = "keys", operation_id = "revoke_key",
    params(("key" = String, Path, description = "The credential")),
    responses((status = 200, description = "Revoked", body = super::write::Written), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn revoke(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let write = Write::new(&app, &request, None, &[])?;
    if let Some(replayed) = write.replayed().await? {
        return Ok(HttpResponse::Ok().json(replayed.written));
    }
    let (credential, entry) = find(&app, &key)?;
    let name = credential.name.clone();
    let revoked =
        Credential { revoked_at: Some(credential.revoked_at.unwrap_or(clock::now())), ..credential };
    let expected = vec![(entry.document.id().clone(), Expected::Version(entry.version))];
    let write = write.or_message(|| format!("Revoke key “{name}”"));
    let written = write.commit(vec![Change::Put(checked(&revoked)?)], expected).await?;
    app.close_credential(&key);
    Ok(HttpResponse::Ok().json(written))
}

/// What is asked of client keys from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SigningPolicy {
    /// Whether a context must be signed: `optional` or `required`.
    #[schema(value_type = String)]
    signed_contexts: SignedContexts,
}

/// Says whether whoever comes with a client key must show a signed context. Where they must, streams without one close.
#[utoipa::path(post, path = "/api/v1/keys/{key}/signed-contexts", tag = "keys", operation_id = "require_signed_contexts",
    params(("key" = String, Path, description = "The credential")), request_body = SigningPolicy,
    responses((status = 200, description = "Done", body = super::write::Written), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn signed_contexts(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let policy: SigningPolicy = usher_core::problem::from_json(&body)?;
    let write = Write::new(&app, &request, None, &body)?;
    if let Some(replayed) = write.replayed().await? {
        return Ok(HttpResponse::Ok().json(replayed.written));
    }
    let (credential, entry) = find(&app, &key)?;
    let required = policy.signed_contexts == SignedContexts::Required;
    let what = if required { "Require signed contexts of" } else { "Require no signed contexts of" };
    let write = write.or_message(|| format!("{what} key “{}”", credential.name));
    let changed = Credential { signed_contexts: Some(policy.signed_contexts), ..credential };
    let expected = vec![(entry.document.id().clone(), Expected::Version(entry.version))];
    let written = write.commit(vec![Change::Put(checked(&changed)?)], expected).await?;
    if required {
        // They are looked at again: those that have shown one stay.
        app.close_credential(&key);
    }
    Ok(HttpResponse::Ok().json(written))
}

/// A new secret, and of a key pair the half that is kept.
fn generate(
    kind: CredentialType,
    key: &usher_core::model::Key,
    environment: Option<&EnvironmentKey>,
) -> Result<(String, Option<String>), Problem> {
    if kind != CredentialType::Context {
        return Ok((secret::generate(kind).map_err(Problem::internal)?, None));
    }
    let mend = "Name the environment that it signs for.";
    let environment = environment.ok_or_else(|| {
        Problem::bad_value("environment", "nothing", "a context key has an environment", mend)
    })?;
    let (secret, public) = secret::signing(key, environment).map_err(Problem::internal)?;
    Ok((secret, Some(public)))
}

/// Refuses a request that was carried out before.
pub(super) async fn once(write: &Write<'_>) -> Result<(), Problem> {
    write.replayed().await?.map_or(Ok(()), |replayed| only_now(&replayed.written))
}

/// Refuses to answer again: the first answer held a secret, which nobody keeps.
pub(super) fn only_now(written: &Written) -> Result<(), Problem> {
    if !written.replayed {
        return Ok(());
    }
    let detail = format!(
        "This was done in commit {}, and its secret is shown only once: rotate the key to get another.",
        written.seq
    );
    Err(Problem::new(StatusCode::CONFLICT, "secret_shown_once", detail))
}

fn find(app: &App, key: &str) -> Result<(Credential, Entry), Problem> {
    let id = DocumentId::new(Kind::Key, key);
    let snapshot = app.world.snapshot();
    let entry = snapshot.state.get(&id).ok_or_else(|| Problem::not_found(&id))?;
    Ok((entry.document.parse()?, entry.clone()))
}

fn checked(credential: &Credential) -> Result<Document, Problem> {
    Ok(parse_strict(&Kind::Key, Document::from_model(credential)?.json().as_bytes())?)
}

fn new_identity() -> Result<usher_core::model::Key, Problem> {
    secret::identity().map_err(Problem::internal)?.parse().map_err(Problem::internal)
}
