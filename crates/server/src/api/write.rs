//! Everything that changes the workspace goes through here.

use actix_web::HttpRequest;
use serde::Serialize;
use sha2::{Digest, Sha256};
use usher_core::{
    Problems,
    limits::MAX_TEXT_BYTES,
    model::{DocumentId, Seq, Timestamp},
    references,
};
use usher_journal::{Append, Appended, Change, Expected, Idempotency};
use utoipa::ToSchema;

use super::identity;
use crate::{app::App, clock, problem::Problem};

/// A request that changes something.
pub struct Write<'a> {
    app: &'a App,
    request: &'a HttpRequest,
    message: String,
    idempotency: Option<Idempotency>,
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
        Ok(Self { app, request, message, idempotency })
    }

    /// What `If-Match` and `If-None-Match` say about a document.
    ///
    /// # Errors
    /// A tag that is no version.
    pub fn expectation(&self, id: &DocumentId) -> Result<Option<(DocumentId, Expected)>, Problem> {
        let header = |name: &str| self.request.headers().get(name).and_then(|value| value.to_str().ok());
        if header("If-None-Match") == Some("*") {
            return Ok(Some((id.clone(), Expected::Absent)));
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

    /// Calls the commit something, where its sender has not.
    #[must_use]
    pub fn or_message(mut self, message: impl FnOnce() -> String) -> Self {
        if self.message.is_empty() {
            self.message = message();
        }
        self
    }

    /// The commit, if it makes sense in the state that it would make.
    ///
    /// # Errors
    /// Dangling references, a conflict, or a journal that can't be written; then nothing was.
    pub async fn commit(
        self,
        changes: Vec<Change>,
        expected: Vec<(DocumentId, Expected)>,
    ) -> Result<Written, Problem> {
        let actor = identity(self.request)?.actor();
        // One at a time: two changes that make sense alone may not make sense together.
        let _turn = self.app.writing.lock().await;
        let state = &self.app.world.snapshot().state;
        let after = state.with(&changes);
        let ids: Vec<DocumentId> = changes.iter().map(|change| change.id().clone()).collect();
        let many = ids.len() > 1;
        let found = references::check(&after, &ids)
            .into_iter()
            .map(|(id, problem)| if many { problem.within(&id.to_string()) } else { problem });
        Problems(found.collect()).or(())?;
        let append = Append {
            expected,
            idempotency: self.idempotency,
            actor,
            message: self.message,
            at: clock::now(),
            changes,
        };
        Ok(self.app.world.append(append).await?.into())
    }
}
