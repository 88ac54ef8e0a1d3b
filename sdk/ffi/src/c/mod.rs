//! The same client for C: scanners with toolchains of their own. `include/usher.h` is made from here, by a test.
//!
//! Pointers that callers hand over are looked at before they are used: null, and text that is no UTF-8, give the default
//! or an error. What can't be seen (a client that was freed, a text without an end) is the caller's promise. Texts that
//! are given back belong to the caller, who frees them with `usher_string_free`. No panic gets out.

mod client;
mod listener;
mod status;
mod text;
mod types;
