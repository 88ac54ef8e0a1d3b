//! Which journal a server works on, and where its own secrets are.

use std::{path::Path, sync::Arc};

use usher_journal::{Journal, JournalError, RedisJournal, SqliteJournal};

use crate::{auth::session::Sessions, run::StartError, settings::Settings};

/// The name under which all servers of a Redis share the key that signs sessions.
const SESSION_SECRET: &str = "session";

/// Opens the journal that the settings name, and the key that signs sessions: of this server alone with an embedded
/// journal, of all servers with a shared one.
///
/// # Errors
/// Either can't be used.
pub(crate) async fn open(settings: &Settings) -> Result<(Arc<dyn Journal>, Sessions), StartError> {
    let Some(options) = settings.redis() else {
        let journal = Arc::new(SqliteJournal::open(&settings.data)?);
        let folder: &Path = &settings.data;
        let sessions = Sessions::open(folder, settings.secure_cookies).map_err(|cause| {
            let what = format!("the session key in {} can't be used", folder.display());
            StartError::System { what, cause }
        })?;
        return Ok((journal, sessions));
    };
    let opened = tokio::task::spawn_blocking(move || RedisJournal::open(&options)).await;
    let journal = opened.map_err(|error| JournalError::Storage(error.to_string()))??;
    let key = journal.secret(SESSION_SECRET).await?;
    Ok((Arc::new(journal), Sessions::with_key(key.to_vec(), settings.secure_cookies)))
}
