//! The engine for many nodes keeps what every engine promises, on a real Redis.

// A broken fixture should fail loudly.

use crate::support::{contract, redis};

macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $promise() {
                contract::$promise(redis::open).await;
            }
        )*
    };
}

promises!(
    commits_count_from_one_and_are_read_back_as_they_were_written,
    a_commit_is_written_whole_or_not_at_all,
    a_stale_version_is_refused_with_who_was_faster,
    a_name_used_again_gives_the_first_answer_or_is_refused,
    a_name_is_free_again_after_a_day,
    a_name_whose_first_request_still_runs_is_told_so,
    a_refused_request_does_not_use_its_name_up,
    concurrent_appends_leave_no_hole_and_lose_nothing,
    of_many_who_expect_the_same_version_one_wins,
    a_restart_changes_nothing,
    any_earlier_state_is_exact,
    history_is_newest_first_and_knows_each_document,
    a_place_that_no_journal_reaches_is_empty_not_an_error,
    time_never_goes_back,
    who_watches_is_told_of_each_commit,
    a_backup_opens_as_the_same_journal,
    a_long_journal_opens_and_travels_like_a_short_one,
);
