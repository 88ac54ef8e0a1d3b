//! The tests of releases, as one binary: it is compiled and linked once.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod a_change_needs_rights_where_it_is_about_something;
mod a_step_answers_what_was_seen_before_it;
mod a_step_changes_the_release_and_its_flag_and_nothing_else;
mod guards_say_what_was_seen;
mod harm_comes_first_and_nothing_is_promoted_blindly;
mod nobody_is_their_own_second_person;
mod stale_flags_are_found_for_a_reason;
