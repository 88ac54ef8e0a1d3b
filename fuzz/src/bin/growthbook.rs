//! Files of GrowthBook, imported and asked.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use usher_core::import::Format;

fuzz_target!(|bytes: &[u8]| usher_fuzz::import_and_ask(Format::GrowthBook, bytes));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    usher_fuzz::mutate_json(data, size, max_size, seed)
});
