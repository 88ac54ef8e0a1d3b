//! What an edge does as a client does, for `usher-edge` alone: no part of this crate's promises.
#![doc(hidden)]

pub use crate::{
    cache::{Cache, CacheFolder, Missing, Written},
    jitter::draw,
    link::{CONNECT_WITHIN, End, Socket, open, send},
};
