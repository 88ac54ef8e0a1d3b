//! WebSockets that cost little: the bare socket, taken out of HTTP once it is upgraded.
//!
//! A connection has no task of HTTP, no channels and no buffers of its own. What comes is read into one buffer of the
//! worker, and only the beginning of a frame that is not whole yet is kept; what goes out is bytes that all receivers
//! share, written as far as the kernel takes them; inside TLS, its state comes on top (`stream`). Frames themselves are `actix-http`'s, which does no I/O there.

mod frame;
mod stream;
mod upgrade;
mod wire;

pub use frame::Frame;
pub(crate) use stream::Stream;
pub(crate) use upgrade::{accept, upgrading};
pub(crate) use wire::{Message, Socket, Unsent};
