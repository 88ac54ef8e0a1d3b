//! Panics end here, before they reach somebody else's stack.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::FlagsError;

/// What `work` gives, or `instead` where it panics.
pub(crate) fn or<T>(instead: T, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(instead)
}

/// The same, with an error where it panics.
pub(crate) fn result<T>(work: impl FnOnce() -> Result<T, FlagsError>) -> Result<T, FlagsError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(FlagsError::Internal(text.unwrap_or_else(|| "it panicked".to_owned())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::panic)]
    fn a_panic_gives_the_default_or_an_error_that_says_what() {
        assert_eq!((or(7, || panic!("on purpose")), or(7, || 8)), (7, 8));
        let error = result::<()>(|| panic!("on {}", "purpose")).unwrap_err();
        assert_eq!(error.to_string(), "a fault in Usher's library: on purpose");
    }
}
