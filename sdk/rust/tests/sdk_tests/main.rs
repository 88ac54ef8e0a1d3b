//! The SDK's tests, as one binary: it is compiled and linked once. Beside it is what needs a process of its own.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod a_misbehaving_server_is_never_believed;
mod a_phone_rests_in_the_background;
mod a_quiet_client_rests;
mod a_refused_key_is_told;
mod acknowledgements_wait_where_many_would_come_at_once;
mod counts_arrive_once;
mod flags_survive_a_lost_server;
mod flags_survive_a_restart;
mod listeners_hear_what_changed;
mod metrics_are_joined_to_variants;
mod openfeature_clients_get_ushers_flags;
mod polling_takes_over_and_gives_back;
mod schemas_of_other_versions_are_read;
mod signed_contexts_are_passed_on;
mod somebody_elses_network_is_told;
mod support;
mod values_follow_their_context;
