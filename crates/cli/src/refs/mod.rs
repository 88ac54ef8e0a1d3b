//! Where a checked-out repository names flags: `walk` finds its files, `scan` reads them.

mod scan;
mod walk;

pub use scan::{Found, Place};
pub use walk::{Repository, look_through};
