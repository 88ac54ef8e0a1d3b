//! Everything that changes the workspace goes through here.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode, web};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;
use usher_core::{
    Problems,
    limits::MAX_TEXT_BYTES,
    model::{Document, DocumentId, Kind, Rights, Role, Seq, Timestamp},
    references,
};
use usher_journal::{Append, AppendError, Appended, Change, Check, Commit, Expected, Idempotency, State};
use utoipa::ToSchema;

use super::{commits::is_protected, identity, kills};
use crate::{
    app::App,
    approvals::{self, Asked},
    auth::rights::{self, Needs},
    clock, freezes,
    problem::Problem,
    schedules, scopes,
};

/// How often a change is tried anew when somebody else was faster: on another server, for those of this one take
/// turns.
pub(super) const TRIES: usize = 32;

/// The header by which a sender breaks the glass: with its reason, a change passes all freezes.
const BREAK_GLASS: &str = "Usher-Break-Glass";
/// Longest such reason, in bytes.
const MAX_REASON_BYTES: usize = 500;

/// The right to write: nobody else of this server writes as long as it is held.
pub(super) type Turn = OwnedMutexGuard<()>;

/// A request that changes something.
pub struct Write<'a> {
    app: &'a App,
    request: &'a HttpRequest,
    message: String,
    idempotency: Option<Idempotency>,
    /// Whether freezes are passed over, because what is done stops harm, or because its sender broke the glass.
    despite_freezes: bool,
    /// Why its sender broke the glass.
    glass: Option<String>,
    /// Whether somebody else has looked at what is done, now or when it was planned.
    approved: bool,
    /// The least role for what it does, by the route that it took.
    floor: Role,
}

/// The answer to a change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// The commit.
    #[schema(value_type = u64)]
    pub seq: Seq,
    /// Its time.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// Whether this is the answer to an earlier sending, given again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

impl From<Appended> for Written {
    fn from(appended: Appended) -> Self {
        Self { seq: appended.seq, at: appended.at, replayed: appended.replayed }
    }
}

/// An answer that was given before, and the commit that it was about.
pub struct Replayed {
    /// The answer.
    pub written: Written,
    commit: Commit,
    before: Arc<State>,
}

impl Replayed {
    /// The document as it was written then, and whether it was new.
    #[must_use]
    pub fn document(&self, id: &DocumentId) -> Option<(&Document, bool)> {
        self.commit.changes.iter().find_map(|change| match change {
            Change::Put(document) if document.id() == id => Some((document, self.before.get(id).is_none())),
            _ => None,
        })
    }

    /// What was changed then, in the order of the commit.
    pub(super) fn ids(&self) -> impl Iterator<Item = &DocumentId> {
        self.commit.changes.iter().map(Change::id)
    }
}

impl<'a> Write<'a> {
    /// Reads what a writing request says besides its body; `body` makes the fingerprint.
    ///
    /// # Errors
    /// A message or an idempotency key that can't be taken.
    pub fn new(
        app: &'a App,
        request: &'a HttpRequest,
        message: Option<&str>,
        body: &[u8],
    ) -> Result<Self, Problem> {
        let message = message.unwrap_or_default().to_owned();
        if message.len() > MAX_TEXT_BYTES {
            let mend = format!("Keep it within {MAX_TEXT_BYTES} bytes.");
            return Err(Problem::bad_value("message", message.len(), "the message is too long", &mend));
        }
        let idempotency = match request.headers().get("Idempotency-Key").map(|value| value.to_str()) {
            None => None,
            Some(Ok(key)) if (1..=256).contains(&key.len()) => {
                let actor = identity(request)?.actor();
                let mut hash = Sha256::new();
                for part in [request.method().as_str().as_bytes(), request.uri().to_string().as_bytes(), body]
                {
                    hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
                    hash.update(part);
                }
                // Two senders may use the same key for different things.
                Some(Idempotency { key: format!("{}:{key}", actor.id), fingerprint: hash.finalize().into() })
            }
            Some(_) => {
                let mend = "Send 1 to 256 ASCII characters.";
                return Err(Problem::bad_value("Idempotency-Key", "…", "this key can't be used", mend));
            }
        };
        let needs = request.match_pattern().and_then(|own| rights::needs(request.method().as_str(), &own));
        let mut write = Self {
            app,
            request,
            message,
            idempotency,
            despite_freezes: false,
            glass: None,
            approved: false,
            // A route that the table does not know is nobody's.
            floor: needs.and_then(Needs::role).unwrap_or(Role::Admin),
        };
        if let Some(reason) = request.headers().get(BREAK_GLASS) {
            let reason = reason.to_str().map(str::trim).unwrap_or_default();
            if reason.is_empty() || reason.len() > MAX_REASON_BYTES {
                let mend = format!("Say why, in 1 to {MAX_REASON_BYTES} ASCII characters.");
                return Err(Problem::bad_value(
                    BREAK_GLASS,
                    reason.len(),
                    "the glass is not broken without a reason",
                    &mend,
                ));
            }
            write.despite_freezes = true;
            write.glass = Some(reason.to_owned());
        }
        Ok(write)
    }

    /// The answer that this request got before, if it is sent again. Asked first: what was fine then may be
    /// refused, or do something else, now.
    ///
    /// # Errors
    /// The key was used for another request, or its first one is still running.
    pub async fn replayed(&self) -> Result<Option<Replayed>, Problem> {
        let Some(idempotency) = &self.idempotency else { return Ok(None) };
        let answered = self.app.world.answered(idempotency, clock::now()).await?;
        let Some(appended) = answered else { return Ok(None) };
        let (commit, before) = super::commits::find(self.app, appended.seq.0).await?;
        Ok(Some(Replayed { written: appended.into(), commit, before }))
    }

    /// What `If-Match` and `If-None-Match` say about a document.
    ///
    /// # Errors
    /// A tag that is no version.
    pub fn expectation(&self, id: &DocumentId) -> Result<Option<(DocumentId, Expected)>, Problem> {
        // One that can't be read stands for a condition all the same: it must not be passed over.
        let header = |name: &str| {
            self.request.headers().get(name).map(|value| value.to_str().unwrap_or("what is not ASCII"))
        };
        match header("If-None-Match") {
            None => {}
            Some("*") => return Ok(Some((id.clone(), Expected::Absent))),
            Some(other) => {
                let mend = "Send `*` for a document that must not be there yet, or `If-Match`.";
                return Err(Problem::bad_value("If-None-Match", other, "this can't be asked here", mend));
            }
        }
        let expected = match header("If-Match") {
            None => return Ok(None),
            Some("*") => Expected::Present,
            Some(tag) => {
                let version = tag.trim().strip_prefix("W/").unwrap_or(tag.trim()).trim_matches('"').parse();
                Expected::Version(Seq(version.map_err(|_| {
                    Problem::bad_value(
                        "If-Match",
                        tag,
                        "this is not a version",
                        "Send the ETag of the document as it came.",
                    )
                })?))
            }
        };
        Ok(Some((id.clone(), expected)))
    }

    /// Forgets that it may be sent again: for one of several commits of a request.
    #[must_use]
    pub(super) fn unrepeatable(mut self) -> Self {
        self.idempotency = None;
        self
    }

    /// Passes over freezes, because what is done stops harm.
    #[must_use]
    pub(super) fn despite_freezes(mut self) -> Self {
        self.despite_freezes = true;
        self
    }

    /// Passes over approvals, because what is done was looked at by somebody else, if that was asked for.
    #[must_use]
    pub(super) fn approved(mut self) -> Self {
        self.approved = true;
        self
    }

    /// Whether its sender breaks the glass.
    #[must_use]
    pub(super) fn breaks_glass(&self) -> bool {
        self.glass.is_some()
    }

    /// Refuses what somebody else has to look at first.
    fn check_approvals(&self, changes: &[Change], state: &State) -> Result<(), Problem> {
        if self.approved || self.despite_freezes {
            return Ok(());
        }
        approvals::asked(changes, state).map_or(Ok(()), |Asked { needed, environment, document }| {
            let count = if needed == 1 { "1 approval".to_owned() } else { format!("{needed} approvals") };
            let mend = format!("Open a change request (`POST /api/v1/change-requests`, `usher change open`), or send `{BREAK_GLASS}` with the reason why it can't wait.");
            let detail = format!("{document}: {environment} asks for {count} of what its clients notice. {mend}");
            Err(Problem::new(StatusCode::FORBIDDEN, "approval_needed", detail))
        })
    }

    /// Refuses what a freeze forbids.
    fn check_freezes(&self, changes: &[Change], state: &State) -> Result<(), Problem> {
        if self.despite_freezes {
            return Ok(());
        }
        freezes::forbids(changes, state, clock::now()).map_or(Ok(()), |(id, why)| {
            let mend = format!("Wait, or send `{BREAK_GLASS}` with the reason why it can't wait.");
            Err(Problem::new(StatusCode::CONFLICT, "frozen", format!("{id}: {why} {mend}")))
        })
    }

    /// What the commit is called: that the glass was broken is seen by whoever reads the history.
    fn called(&self) -> String {
        match &self.glass {
            Some(reason) => format!("Break glass ({reason}): {}", self.message),
            None => self.message.clone(),
        }
    }

    /// Calls the commit something, where its sender has not.
    #[must_use]
    pub fn or_message(mut self, message: impl FnOnce() -> String) -> Self {
        if self.message.is_empty() {
            self.message = message();
            let end = self.message.floor_char_boundary(MAX_TEXT_BYTES);
            self.message.truncate(end);
        }
        self
    }

    /// Writes one document as its author wants it, but for what is killed. Gives back what was written.
    ///
    /// # Errors
    /// See [`Write::commit`].
    pub async fn save(
        &self,
        document: Document,
        expected: Option<(DocumentId, Expected)>,
    ) -> Result<(Written, Document), Problem> {
        let (written, mut changes) =
            self.save_all(vec![Change::Put(document.clone())], expected.into_iter().collect()).await?;
        match changes.pop() {
            Some(Change::Put(saved)) => Ok((written, saved)),
            _ => Ok((written, document)),
        }
    }

    /// Writes documents as their author wants them, but for what is killed.
    ///
    /// # Errors
    /// See [`Write::commit`].
    pub async fn save_all(
        &self,
        changes: Vec<Change>,
        expected: Vec<(DocumentId, Expected)>,
    ) -> Result<(Written, Vec<Change>), Problem> {
        let mut tries = 0;
        loop {
            tries += 1;
            let turn = self.turn().await?;
            let state = Arc::clone(&self.app.world.snapshot().state);
            let mut all = expected.clone();
            let mut kept = Vec::with_capacity(changes.len());
            for change in &changes {
                let id = change.id();
                // A kill that comes in between must not be written over: then it is tried anew, with the kill.
                if id.kind == Kind::Flag {
                    let now =
                        state.get(id).map_or(Expected::Absent, |entry| Expected::Version(entry.version));
                    all.push((id.clone(), now));
                }
                kept.push(match change {
                    Change::Put(document) => Change::Put(kills::keep(document.clone(), state.get(id))?),
                    delete @ Change::Delete(_) => {
                        let own = expected.iter().find(|(own, _)| own == id).map(|(_, own)| *own);
                        kills::let_go(state.get(id), own)?;
                        delete.clone()
                    }
                });
            }
            match self.commit_in(turn, kept.clone(), all).await {
                Err(problem) if problem.code() == "conflict" && may_retry(&expected) && tries < TRIES => {}
                done => return Ok((done?, kept)),
            }
        }
    }

    /// Refuses whoever may not make these changes: before they are told why something else is in the way.
    ///
    /// # Errors
    /// 403, with where their rights end.
    pub(super) fn check_rights(&self, changes: &[Change], state: &State) -> Result<(), Problem> {
        scopes::check(&identity(self.request)?.rights(), self.floor, changes, state)
    }

    /// Refuses whoever may not carry out all that a plan says, whatever of it there is to do now.
    ///
    /// # Errors
    /// 403, with where their rights end.
    pub(super) fn check_plan(&self, plan: Document, state: &State) -> Result<(), Problem> {
        let anew = state.with(&[Change::Delete(plan.id().clone())]);
        scopes::check(&identity(self.request)?.rights(), self.floor, &[Change::Put(plan)], &anew)
    }

    /// Waits until nobody else of this server writes, and all that others have written is here. What is planned from
    /// the state from then on is written over no other; and where it finds nothing to do, there is nothing to do.
    ///
    /// # Errors
    /// The journal can't be written, or not be asked what there is.
    pub(super) async fn turn(&self) -> Result<Turn, Problem> {
        let turn = Arc::clone(&self.app.writing).lock_owned().await;
        self.app.world.catch_up().await?;
        Ok(turn)
    }

    /// What is committed where there is nothing to do, so that an idempotency key is remembered: one of the documents
    /// that it is about, as it is, or an environment, which every workspace has. Else the same request, sent again after
    /// somebody's edit, would take that edit back. None without a key.
    pub(super) fn nothing<'i>(
        &self,
        about: impl IntoIterator<Item = &'i DocumentId>,
        state: &State,
    ) -> Option<(Change, (DocumentId, Expected))> {
        self.idempotency.as_ref()?;
        let known = about.into_iter().filter(|id| !is_protected(&id.kind)).find_map(|id| state.get(id));
        let entry = known.or_else(|| state.of_kind(&Kind::Environment).next())?;
        let expected = (entry.document.id().clone(), Expected::Version(entry.version));
        Some((Change::Put(entry.document.clone()), expected))
    }

    /// The commit, if it makes sense in the state that it would make.
    ///
    /// # Errors
    /// Dangling references, a conflict, or a journal that can't be written; then nothing was.
    pub async fn commit(
        &self,
        changes: Vec<Change>,
        expected: Vec<(DocumentId, Expected)>,
    ) -> Result<Written, Problem> {
        self.commit_in(self.turn().await?, changes, expected).await
    }

    /// The same, in a turn that was taken before: two changes that make sense alone may not make sense together.
    ///
    /// # Errors
    /// As for [`Write::commit`].
    pub(super) async fn commit_in(
        &self,
        turn: Turn,
        changes: Vec<Change>,
        expected: Vec<(DocumentId, Expected)>,
    ) -> Result<Written, Problem> {
        let identity = identity(self.request)?;
        let (rights, floor) = (identity.rights(), self.floor);
        let (mut turn, mut changes, mut tries) = (turn, changes, 0);
        loop {
            tries += 1;
            let state = Arc::clone(&self.app.world.snapshot().state);
            let seq = state.seq();
            // Of a large import this takes long; streams are not to wait for it.
            let (read, own) = (Arc::clone(&state), rights.clone());
            let look = move || {
                scopes::check(&own, floor, &changes, &read)?;
                Ok::<_, Problem>(checked(changes, &read)?)
            };
            changes = web::block(look).await.map_err(Problem::internal)??;
            schedules::check_times(&changes, &state, clock::now())?;
            self.check_freezes(&changes, &state)?;
            self.check_approvals(&changes, &state)?;
            let append = Append {
                expected: expected.clone(),
                idempotency: self.idempotency.clone(),
                actor: identity.actor(),
                message: self.called(),
                changes: changes.clone(),
                at: clock::now(),
            };
            let check = still_fits(seq, changes.clone(), rights.clone(), floor);
            // By itself: who asked may go away, and the turn is over only once the next one can read the change.
            let world = Arc::clone(&self.app.world);
            let appended = tokio::spawn(async move { (world.append_checked(append, check).await, turn) });
            let (appended, held) = appended.await.map_err(Problem::internal)?;
            match appended {
                // On another server somebody has changed what this refers to: what is wrong now is told by name.
                Err(AppendError::Outdated) if tries < TRIES => turn = held,
                done => return Ok(done?.into()),
            }
        }
    }
}

/// Whether what was expected may hold still, though somebody was faster.
pub(super) fn may_retry<'e>(expected: impl IntoIterator<Item = &'e (DocumentId, Expected)>) -> bool {
    expected.into_iter().all(|(_, own)| *own == Expected::Present)
}

/// The changes, if they make sense in the state that they would make.
///
/// # Errors
/// What they point to that is not there.
pub(crate) fn checked(changes: Vec<Change>, state: &State) -> Result<Vec<Change>, Problems> {
    let ids: Vec<DocumentId> = changes.iter().map(|change| change.id().clone()).collect();
    let found = references::check(&state.with(&changes), &ids);
    let many = ids.len() > 1;
    let found =
        found.into_iter().map(|(id, problem)| if many { problem.within(&id.to_string()) } else { problem });
    Problems(found.collect()).or(changes)
}

/// Asked by a journal that others write too, where they have since changes were found to make sense at `seq`.
fn still_fits(seq: Seq, changes: Vec<Change>, rights: Rights, floor: Role) -> Check {
    Arc::new(move |state: &State| {
        state.seq() == seq
            || (scopes::check(&rights, floor, &changes, state).is_ok()
                && checked(changes.clone(), state).is_ok())
    })
}
