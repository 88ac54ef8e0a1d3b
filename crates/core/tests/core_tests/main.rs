//! The core's tests, as one binary: it is compiled and linked once. Beside it is what needs a process of its own.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod bad_documents_are_refused_clearly;
mod board_agrees_with_evaluation;
mod broken_cohorts_decide_nothing;
mod censuses_add_up;
mod changes_reach_all_they_touch;
mod conditions_hold_as_documented;
mod dark_rules_are_counted_never_served;
mod dialects_compare_as_their_systems_do;
mod evaluation_follows_its_order;
mod explanations_read_well;
mod flagd_flags_are_imported;
mod flags_say_what_other_systems_say;
mod growthbook_features_are_imported_whole;
mod imports;
mod launchdarkly_flags_are_imported_whole;
mod logic_agrees_with_its_reference;
mod logic_holds_as_documented;
mod properties;
mod schemas_are_read_by_their_neighbours;
mod support;
mod unleash_features_are_imported;
