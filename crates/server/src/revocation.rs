//! Ends what a credential has open once it opens nothing any more, at whichever server that was decided.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use usher_core::model::{Credential, DocumentId, Kind};
use usher_journal::Change;

use crate::{app::App, clock};

/// Watches commits, until the server stops.
pub(crate) async fn watch(app: Arc<App>) {
    let mut commits = app.world.commits();
    loop {
        match commits.recv().await {
            Ok(commit) => {
                let changed = commit.changes.iter().map(Change::id).filter(|id| id.kind == Kind::Key);
                changed.for_each(|id| end_if_gone(&app, id));
            }
            // Which ones were changed is not known any more, so all are looked at.
            Err(RecvError::Lagged(_)) => {
                let state = Arc::clone(&app.world.snapshot().state);
                state.of_kind(&Kind::Key).for_each(|entry| end_if_gone(&app, entry.document.id()));
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn end_if_gone(app: &App, id: &DocumentId) {
    let snapshot = app.world.snapshot();
    let credential = snapshot.state.get(id).and_then(|entry| entry.document.parse::<Credential>().ok());
    if !credential.is_some_and(|own| own.is_live(clock::now())) {
        app.close_credential(&id.key);
    }
}
