//! Which journal a server works on, and where its own secrets are.

use std::{path::Path, sync::Arc};

use usher_core::model::Timestamp;
use usher_journal::{Journal, JournalError, RedisJournal, SqliteJournal};

use crate::{
    auth::{
        factor::{self, Factors},
        session::{KEY_BYTES, Keys, Ring, SHELF, Sessions},
        shelf::Shelf,
    },
    code_references::CodeReferences,
    run::StartError,
    settings::Settings,
};

/// The name under which all servers of a Redis share the key that sessions begin with.
const SESSION_SECRET: &str = "session";
/// What the key is for that signs addresses of OFREP's event streams.
const EVENTS: &str = "usher ofrep events";

/// What a server works on.
pub(crate) struct Engine {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) sessions: Sessions,
    pub(crate) factors: Factors,
    pub(crate) code_references: CodeReferences,
    /// Signs the addresses of OFREP's event streams.
    pub(crate) events_key: [u8; KEY_BYTES],
}

/// Opens the journal that the settings name, and what is kept beside it: by this server alone with an embedded journal,
/// by all servers with a shared one.
///
/// # Errors
/// Either can't be used.
pub(crate) async fn open(settings: &Settings) -> Result<Engine, StartError> {
    let (seconds, secure) = (settings.session_access_seconds.max(1), settings.is_secure());
    let access_millis = i64::from(seconds) * 1000;
    let Some(options) = settings.redis() else {
        let journal = Arc::new(SqliteJournal::serve(&settings.data)?);
        let folder: &Path = &settings.data;
        let unusable = |cause| {
            let what = format!("what is kept beside the journal in {} can't be used", folder.display());
            StartError::System { what, cause }
        };
        let keys = Keys::open(folder, access_millis).map_err(unusable)?;
        let shelf = Shelf::open(folder, SHELF).map_err(unusable)?;
        let factors = Factors::new(Shelf::open(folder, factor::SHELF).map_err(unusable)?);
        let code_references = CodeReferences::open(folder).map_err(unusable)?;
        let events_key = keys.ring().key_for(EVENTS);
        let sessions = Sessions::new(keys, shelf, seconds, secure);
        return Ok(Engine { journal, sessions, factors, code_references, events_key });
    };
    let opened = tokio::task::spawn_blocking(move || RedisJournal::open(&options)).await;
    let journal = opened.map_err(|error| JournalError::Storage(error.to_string()))??;
    let secret = journal.secret(SESSION_SECRET).await?;
    let fleet = journal.fleet().ok_or_else(|| JournalError::Storage("its nodes can't talk".to_owned()))?;
    let keys = Keys::shared(Arc::clone(&fleet), secret, access_millis).await;
    let keys = keys.map_err(|problem| JournalError::Storage(problem.to_string()))?;
    let factors = Factors::new(Shelf::shared(Arc::clone(&fleet), factor::SHELF));
    let code_references = CodeReferences::shared(Arc::clone(&fleet));
    let sessions = Sessions::new(keys, Shelf::shared(fleet, SHELF), seconds, secure);
    // Not of the newest key: addresses that one server makes open streams at all, whenever they were started.
    let events_key = Ring::of(&secret, Timestamp::EPOCH).key_for(EVENTS);
    Ok(Engine { journal: Arc::new(journal), sessions, factors, code_references, events_key })
}
