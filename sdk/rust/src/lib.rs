//! Usher's SDK: evaluates locally, keeps flags on disk, never blocks.
