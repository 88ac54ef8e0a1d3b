//! What goes wrong where a caller can do something about it. Reading a flag never fails.

use usher_sdk::BuildError;

/// Why a client can't be made, or does not take what it is given.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum FlagsError {
    /// A setting, or a context, that can't be used; the message says which and what would help.
    #[error("{0}")]
    Invalid(String),
    /// The device does not give what a client needs: a thread, randomness.
    #[error("{0}")]
    System(String),
    /// A fault of ours. It has been caught, and the client goes on.
    #[error("a fault in Usher's library: {0}")]
    Internal(String),
}

impl From<BuildError> for FlagsError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Url(_) | BuildError::Bootstrap(_) => Self::Invalid(error.to_string()),
            BuildError::Thread(_) | BuildError::Randomness(_) => Self::System(error.to_string()),
        }
    }
}

/// What a listener has thrown. It is reported in the client's diagnostics, and nothing else happens.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum ListenerError {
    /// With what it says of itself.
    #[error("{reason}")]
    Failed {
        /// That.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ListenerError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: error.reason }
    }
}
