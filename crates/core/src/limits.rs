//! Every bound that the model puts on its input, in one place, with its reason.
//!
//! A limit is part of the contract: crossing one is refused with an error that names it, never
//! truncated and never accepted in part.

/// Largest document, in bytes of JSON: large enough for a cohort of 100,000 short keys.
pub const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;
/// Longest key that Usher makes, in bytes: it must fit a path segment and a log line.
pub const MAX_KEY_BYTES: usize = 128;
/// Longest key of an imported flag, in bytes: what the widest of the other systems allows.
pub const MAX_FLAG_KEY_BYTES: usize = 256;
/// Variants of one flag.
pub const MAX_VARIANTS: usize = 100;
/// Rules of one flag in one environment: they are tried in order, so this bounds the time of an evaluation.
pub const MAX_RULES: usize = 200;
/// How deep conditions nest, the outermost counted as 1: bounds the recursion of parsing and evaluation.
pub const MAX_CONDITION_DEPTH: usize = 16;
/// Values that one condition compares with.
pub const MAX_CONDITION_VALUES: usize = 10_000;
/// Keys listed in one cohort.
pub const MAX_COHORT_KEYS: usize = 100_000;
/// Length of a chain of prerequisites, and of cohorts that refer to cohorts.
pub const MAX_REFERENCE_DEPTH: usize = 8;
/// Largest evaluation context, in bytes of JSON.
pub const MAX_CONTEXT_BYTES: usize = 64 * 1024;
/// Attributes of one evaluation context, nested ones counted by their dotted names.
pub const MAX_CONTEXT_ATTRIBUTES: usize = 256;
/// How deep an evaluation context nests.
pub const MAX_CONTEXT_DEPTH: usize = 8;
/// Weights of one split add up to no more than this (2³¹ - 1), so that every language can hold them.
pub const MAX_TOTAL_WEIGHT: u64 = i32::MAX as u64;
/// Longest free text (names, descriptions, messages), in bytes.
pub const MAX_TEXT_BYTES: usize = 4096;
/// Tags of one document.
pub const MAX_TAGS: usize = 64;
/// Compiled size of one regular expression, in bytes: keeps a hostile pattern from filling the memory.
pub const MAX_REGEX_BYTES: usize = 256 * 1024;
/// Entries of a flag's metadata: they go out with every answer.
pub const MAX_METADATA: usize = 32;
/// Metrics that are counted by the variants of one flag: whatever is tracked is counted once more for each of its flags.
pub const MAX_MEASURES: usize = 16;
/// Longest name of a metric, in bytes: as long as a flag's key, for both are names in the same batches.
pub const MAX_METRIC_BYTES: usize = MAX_FLAG_KEY_BYTES;
/// How deep the operations of a JSONLogic expression nest: bounds the recursion of reading and evaluating it.
pub const MAX_LOGIC_DEPTH: usize = 32;
/// Operations of one JSONLogic expression: bounds the time of an evaluation, and what `cat` can put together.
pub const MAX_LOGIC_NODES: usize = 1_000;
