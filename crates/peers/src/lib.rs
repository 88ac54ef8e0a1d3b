//! The engines of other flag services, as they publish them, behind one small trait.
//!
//! They serve two ends. An importer is right when an imported flag gives every context what it had before, so
//! conformance tests ask the flag's old engine too. And a figure means little alone, so benchmarks ask the same
//! flags of the peers in the same run.
//!
//! An adapter adds nothing to what it wraps: flags are read in the peer's own format by the peer's own code,
//! contexts are made before they are asked with, and [`Peer::boolean`] and [`Peer::text`] are the least that a
//! user of the peer could call. Each peer is a cargo feature of its own.

mod peer;

#[cfg(feature = "datadog")]
mod datadog;
#[cfg(feature = "eppo")]
mod eppo;
#[cfg(feature = "flagd")]
mod flagd;
#[cfg(feature = "growthbook")]
mod growthbook;
#[cfg(feature = "launchdarkly")]
mod launchdarkly;
#[cfg(feature = "unleash")]
mod unleash;

#[cfg(feature = "datadog")]
pub use datadog::Datadog;
#[cfg(feature = "eppo")]
pub use eppo::{Eppo, Subject};
#[cfg(feature = "flagd")]
pub use flagd::Flagd;
#[cfg(feature = "growthbook")]
pub use growthbook::GrowthBook;
#[cfg(feature = "launchdarkly")]
pub use launchdarkly::LaunchDarkly;
pub use peer::{Answer, Peer, PeerError};
#[cfg(feature = "unleash")]
pub use unleash::Unleash;
