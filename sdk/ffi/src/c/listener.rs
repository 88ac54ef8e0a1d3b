//! A listener whose functions are C.

use std::{
    ffi::{CString, c_char},
    sync::Arc,
};

use super::types::{UsherClient, UsherListener, UsherStatus};
use crate::{error::ListenerError, guard, listener::FlagsListener, status::StatusReport};

/// A listener of the caller's, until it is let go of.
struct Own(UsherListener);

// SAFETY: who adds a listener promises that its functions may be called with its data by another thread; this library
// never calls two at a time.
unsafe impl Send for Own {}
// SAFETY: likewise.
unsafe impl Sync for Own {}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: the caller's own function, with the caller's own data, for the last time.
            unsafe { release(self.0.user_data) };
        }
    }
}

impl FlagsListener for Own {
    fn on_change(&self, flags: Vec<String>) -> Result<(), ListenerError> {
        if let Some(on_change) = self.0.on_change {
            // A key with a zero in it can't be said in C.
            let flags: Vec<CString> = flags.into_iter().filter_map(|flag| CString::new(flag).ok()).collect();
            let pointers: Vec<*const c_char> = flags.iter().map(|flag| flag.as_ptr()).collect();
            // SAFETY: the caller's own function; what it is given lives until it returns.
            unsafe { on_change(self.0.user_data, pointers.as_ptr(), pointers.len()) };
        }
        Ok(())
    }

    fn on_status(&self, status: StatusReport) -> Result<(), ListenerError> {
        if let Some(on_status) = self.0.on_status {
            let status = UsherStatus::from(status);
            // SAFETY: as above.
            unsafe { on_status(self.0.user_data, &raw const status) };
        }
        Ok(())
    }
}

/// Adds a listener, which is copied. Its number, for `usher_remove_listener`; 0 when there is none, and then `release` is
/// not called.
///
/// # Safety
/// `client` is null or a client, `listener` null or a listener; its functions may be called with its data by another
/// thread until `release` is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_add_listener(
    client: *const UsherClient,
    listener: *const UsherListener,
) -> u64 {
    // SAFETY: null, or what the caller promises.
    let (Some(client), Some(listener)) = (unsafe { UsherClient::get(client) }, unsafe { listener.as_ref() })
    else {
        return 0;
    };
    guard::or(0, || client.add_listener(Arc::new(Own(*listener))).unwrap_or(0))
}

/// Removes a listener: no call of it begins any more. One that is under way may still end later.
///
/// # Safety
/// `client` is null or a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_remove_listener(client: *const UsherClient, number: u64) {
    // SAFETY: null, or what the caller promises.
    if let Some(client) = unsafe { UsherClient::get(client) } {
        client.remove_listener(number);
    }
}

/// Waits, for so many milliseconds at most, until a client that was closed calls no listener any more. Whether that is so.
///
/// # Safety
/// `client` is null or a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_wait_for_listeners(client: *const UsherClient, longest_ms: u32) -> bool {
    // SAFETY: null, or what the caller promises.
    unsafe { UsherClient::get(client) }.is_none_or(|client| client.wait_for_listeners(longest_ms))
}
