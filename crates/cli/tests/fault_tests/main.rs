//! What happens when processes are killed, machines fail and deploys go on: whole servers, edges and clients, as
//! one binary, so that it is compiled and linked once.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod a_fleet_loses_nothing_whatever_fails;
mod a_fleet_loses_nothing_whoever_dies;
mod a_journal_is_kept_over_tls;
mod a_machine_that_fails_harms_nobody;
mod a_planned_stop_is_not_noticed;
mod a_rehearsal_that_is_broken_off_leaves_nothing;
mod a_release_is_never_half_done;
mod a_rolling_restart_is_not_noticed;
mod a_schedule_is_never_done_twice;
mod a_venue_is_parted_from_its_server;
mod a_webhook_hears_of_everything_whoever_dies;
mod an_acknowledged_commit_survives_kill_nine;
mod everything_speaks_tls;
mod many_clients_are_served;
mod phones_have_a_bad_network;
#[path = "../support/mod.rs"]
mod support;
mod what_guards_have_seen_outlives_a_restart;
