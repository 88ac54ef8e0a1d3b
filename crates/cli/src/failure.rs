//! How a command ends that did not succeed.

use usher_server::{StartError, seed::SeedError};

/// The server said no.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub struct Refused {
    /// Its HTTP status.
    pub status: u16,
    /// Why, and the mend.
    pub words: String,
}

/// The server can't be reached.
#[derive(Debug, thiserror::Error)]
#[error(
    "{url} can't be reached: {cause}. Is the server running, and is USHER_URL right?{}",
    if *maybe_done { " The change may have been made: `usher journal ls` tells" } else { "" }
)]
pub struct Unreachable {
    /// Where it was looked for.
    pub url: String,
    /// What went wrong.
    pub cause: String,
    /// Whether something was being changed, and the server may have got that far.
    pub maybe_done: bool,
}

/// The command makes no sense as it was given.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// 1 failed, 2 usage, 3 refused by the server, 4 unreachable.
pub fn exit_code(failure: &anyhow::Error) -> u8 {
    if failure.is::<Usage>() || failure.downcast_ref::<StartError>().is_some_and(is_usage) {
        2
    } else if failure.is::<Refused>() {
        3
    } else if failure.is::<Unreachable>() {
        4
    } else {
        1
    }
}

fn is_usage(error: &StartError) -> bool {
    matches!(error, StartError::Seed(SeedError::ShortToken) | StartError::Webhooks(_))
}
