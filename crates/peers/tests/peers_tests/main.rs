//! The tests beside peers' engines, as one binary: it is compiled and linked once.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod each_peer_answers_in_its_own_format;
#[cfg(feature = "flagd")]
mod flagd_flags_answer_as_before;
#[cfg(feature = "growthbook")]
mod growthbook_features_evaluate_as_before;
#[cfg(feature = "launchdarkly")]
mod launchdarkly_flags_evaluate_as_before;
mod random;
#[cfg(feature = "flagd")]
mod random_flagd_flags_answer_as_before;
mod support;
#[cfg(feature = "unleash")]
mod unleash_features_answer_as_before;
