//! The server's tests, as one binary: it is compiled and linked once. Beside it is what needs a process of its own.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod a_change_is_looked_at_by_somebody_else;
mod a_copy_that_is_served_is_another_journal;
mod a_fleet_counts_as_one;
mod a_freeze_is_broken_only_with_a_reason;
mod a_guard_runs_a_playbook;
mod a_key_opens_its_own_place_only;
mod a_phone_claims_only_what_is_signed;
mod a_playbook_is_run_and_rehearsed;
mod a_release_is_rehearsed;
mod a_release_minds_only_what_is_its_own;
mod a_release_never_goes_on_blindly;
mod a_schedule_is_done_once_in_its_time;
mod a_second_factor_is_asked_for;
mod an_invitation_opens_once;
mod another_sites_page_does_nothing;
mod bad_input_is_refused_and_writes_nothing;
mod bodies_that_harm_are_refused;
mod coming_back_costs_little;
mod convergence_is_counted_from_acks;
mod counts_are_taken_whole_or_not_at_all;
mod evaluations_are_kept_by_the_hour;
mod flags_are_killed_and_revived;
mod flags_leave_when_nobody_asks;
mod flags_of_other_systems_are_imported;
mod kills_hold_whatever_happens;
mod many_flags_are_changed_in_one_commit;
mod many_servers_are_one;
mod no_route_is_open;
mod ofrep_answers_as_published;
mod ofrep_change_events_arrive;
mod ofrep_refuses_in_its_words;
mod one_address_never_takes_the_server_down;
mod openapi_is_generated;
mod outside; // Not tests: what guards ask.
mod people_sign_in;
mod people_sign_in_through_a_provider;
mod polling_gives_what_streams_give;
mod preflight_tells_what_is_missing;
mod rights_end_where_they_are_bound;
mod rights_hold_by_every_way;
mod schemas_are_negotiated;
mod scoped_streams_carry_only_their_venues;
mod sending_again_changes_nothing;
mod sessions_are_listed_and_ended;
mod streams_carry_every_change;
mod streams_end_clearly;
mod support;
mod the_fleet_adds_up_what_was_counted;
mod tls_ends_here;
mod tricks_in_paths_and_headers_open_nothing;
mod webhooks_lose_nothing;
mod what_taking_back_would_change_is_told;
