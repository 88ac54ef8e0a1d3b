//! A listener whose functions are C.

use std::{
    ffi::{CString, c_char},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::types::{UsherClient, UsherListener, UsherStatus};
use crate::{error::ListenerError, guard, listener::FlagsListener, status::StatusReport};

/// A listener of the caller's, until it is let go of.
struct Own {
    listener: UsherListener,
    /// It was added, so it is released; of one that was not the caller keeps the data.
    added: AtomicBool,
}

// SAFETY: who adds a listener promises that its functions may be called with its data by another thread; this library
// never calls two at a time.
unsafe impl Send for Own {}
// SAFETY: likewise.
unsafe impl Sync for Own {}

impl Drop for Own {
    fn drop(&mut self) {
        if let (true, Some(release)) = (*self.added.get_mut(), self.listener.release) {
            // SAFETY: the caller's own function, with the caller's own data, for the last time.
            unsafe { release(self.listener.user_data) };
        }
    }
}

impl FlagsListener for Own {
    fn on_change(&self, flags: Vec<String>) -> Result<(), ListenerError> {
        if let Some(on_change) = self.listener.on_change {
            // A key with a zero in it can't be said in C.
            let flags: Vec<CString> = flags.into_iter().filter_map(|flag| CString::new(flag).ok()).collect();
            let pointers: Vec<*const c_char> = flags.iter().map(|flag| flag.as_ptr()).collect();
            // SAFETY: the caller's own function; what it is given lives until it returns.
            unsafe { on_change(self.listener.user_data, pointers.as_ptr(), pointers.len()) };
        }
        Ok(())
    }

    fn on_status(&self, status: StatusReport) -> Result<(), ListenerError> {
        if let Some(on_status) = self.listener.on_status {
            let status = UsherStatus::from(status);
            // SAFETY: as above.
            unsafe { on_status(self.listener.user_data, &raw const status) };
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
    guard::or(0, || {
        let own = Arc::new(Own { listener: *listener, added: AtomicBool::new(false) });
        let number = client.add_listener(Arc::clone(&own) as Arc<dyn FlagsListener>).unwrap_or(0);
        // This one is held until here, so that nobody lets go of it before it is known.
        own.added.store(number != 0, Ordering::Release);
        number
    })
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
