//! The journal's tests, as one binary: it is compiled and linked once.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod a_replaced_master_is_left;
mod damage_is_found_and_told_clearly;
mod many_nodes_are_one_journal;
mod nodes_talk_beside_the_journal;
mod redis_is_found_by_its_address;
mod redis_keeps_the_contract;
mod redis_must_be_safe;
mod sqlite_keeps_the_contract;
mod support;
mod taking_back_is_exact;
mod what_redis_loses_is_put_back;
