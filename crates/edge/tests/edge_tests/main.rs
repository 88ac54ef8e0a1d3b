//! The edge's tests, as one binary: it is compiled and linked once.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod a_kill_reaches_devices_behind_edges;
mod a_narrowed_edge_holds_nothing_of_other_venues;
mod a_shadow_is_asked_the_same;
mod an_edge_goes_on_without_its_upstream;
mod an_edge_leaves_one_by_one;
mod clients_are_steered;
mod clients_move_between_server_and_edge;
mod counts_are_passed_on_once;
mod keys_are_checked_upstream;
mod schemas_are_negotiated_at_edges;
mod signed_contexts_are_checked_at_edges;
mod support;
