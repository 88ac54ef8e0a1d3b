//! Documents of every kind, as the API takes them: refused with a reason, or taken and the same when read back.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use usher_core::model::{Kind, parse_strict};

fuzz_target!(|bytes: &[u8]| {
    // What it has tells what it is meant for.
    let has = |field: &[u8]| bytes.windows(field.len()).any(|own| own == field);
    let kind = match () {
        () if has(b"variants") => Kind::Flag,
        () if has(b"capacity") => Kind::Venue,
        () if has(b"hash") => Kind::Key,
        () if has(b"role") => Kind::User,
        () if has(b"keys") => Kind::Cohort,
        () => Kind::Environment,
    };
    match parse_strict(&kind, bytes) {
        Ok(document) => {
            let again = parse_strict(&kind, document.json().as_bytes()).expect("taken once, taken again");
            assert_eq!(again.json(), document.json());
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(problems.0.iter().all(|found| !found.detail.is_empty() && !found.mend.is_empty()));
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    usher_fuzz::mutate_json(data, size, max_size, seed)
});
