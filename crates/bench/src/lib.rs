//! Benchmarks and the load driver.
