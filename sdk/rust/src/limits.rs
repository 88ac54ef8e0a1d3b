//! How much is taken from a server, whatever it says: one that is hostile, or broken, must not fill the memory. A client
//! that is offered more keeps what it has.

use usher_core::protocol::{MAX_SNAPSHOT_BYTES, Mode};

/// All values of one context, in bytes: they have a phone's memory.
const MAX_VALUES_BYTES: usize = 4 * 1024 * 1024;
/// Largest frame of documents, in bytes. A snapshot has parts that are far smaller; a delta is one frame.
const MAX_RULESET_FRAME_BYTES: usize = 64 * 1024 * 1024;

/// Largest frame of a stream, in bytes.
pub(crate) fn frame(mode: Mode) -> usize {
    match mode {
        Mode::Ruleset => MAX_RULESET_FRAME_BYTES,
        Mode::Values => MAX_VALUES_BYTES,
    }
}

/// All that a client has at a time, in bytes of JSON.
pub(crate) fn all(mode: Mode) -> usize {
    match mode {
        Mode::Ruleset => MAX_SNAPSHOT_BYTES,
        Mode::Values => MAX_VALUES_BYTES,
    }
}
