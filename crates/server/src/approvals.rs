//! Whether changes have to be looked at by somebody else first.

use usher_core::model::{DocumentId, Environment, EnvironmentKey};
use usher_journal::{Change, State};
use usher_release::approval;

/// What is asked for.
pub(crate) struct Asked<'c> {
    /// How many approvals.
    pub(crate) needed: u32,
    /// By which environment.
    pub(crate) environment: EnvironmentKey,
    /// Of which document.
    pub(crate) document: &'c DocumentId,
}

/// The most approvals that any environment asks for any of the changes; `None` where nobody asks for any.
pub(crate) fn asked<'c>(changes: &'c [Change], state: &State) -> Option<Asked<'c>> {
    let environments: Vec<Environment> = state.models();
    if environments.iter().all(|environment| environment.approvals == 0) {
        return None;
    }
    let all = changes.iter().flat_map(|change| {
        let before = state.get(change.id()).map(|entry| &entry.document);
        let asking = approval::asking(before, change.after(), &environments);
        asking.into_iter().map(|own| Asked {
            needed: own.approvals,
            environment: own.key.clone(),
            document: change.id(),
        })
    });
    all.max_by_key(|asked| asked.needed)
}
