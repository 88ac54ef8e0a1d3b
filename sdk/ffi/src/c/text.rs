//! Texts that come from C and go there.

use std::ffi::{CStr, CString, c_char};

use crate::error::FlagsError;

/// A text of the caller's: none for null and for what is no UTF-8.
///
/// # Safety
/// Null, or a text with an end that stays as long as `'a`.
pub(super) unsafe fn read<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller promises the rest.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

/// The same where null is none, and what is no UTF-8 an error that names it.
///
/// # Safety
/// As [`read`].
pub(super) unsafe fn optional(text: *const c_char, name: &str) -> Result<Option<String>, FlagsError> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: as above.
    match unsafe { read(text) } {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(FlagsError::Invalid(format!("`{name}` is no UTF-8"))),
    }
}

/// A text for the caller to keep and to free. One within which there is a zero, which JSON writes otherwise and C can't
/// have, ends there.
pub(super) fn give(text: &str) -> *mut c_char {
    let text = text.split('\0').next().unwrap_or_default();
    CString::new(text).map_or(std::ptr::null_mut(), CString::into_raw)
}

/// Says what went wrong, if somebody wants to know.
///
/// # Safety
/// `error` is null or may be written to.
pub(super) unsafe fn tell(error: *mut *mut c_char, text: &str) {
    if !error.is_null() {
        // SAFETY: not null, and the caller promises the rest.
        unsafe { *error = give(text) };
    }
}

/// Frees a text that a call has given back. Null is nothing.
///
/// # Safety
/// `text` is from a call of this library, and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_string_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: all texts that are given back come from `CString::into_raw`.
        drop(unsafe { CString::from_raw(text) });
    }
}
