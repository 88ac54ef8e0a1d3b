//! Nanoseconds of one evaluation of the reference flags, in the core, beside the floor.

#![allow(missing_docs, clippy::unwrap_used)] // What criterion's macros make has no docs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use usher_bench::{
    floor::{Floor, people},
    reference::{self, ENVIRONMENT, R1, R2},
};
use usher_core::{
    Ruleset,
    model::{Seq, Timestamp},
};

fn evaluate(criterion: &mut Criterion) {
    let (floor, people, contexts) = (Floor::default(), people(), reference::contexts());
    let compile = |documents: &[_]| Ruleset::compile(ENVIRONMENT.parse().unwrap(), Seq(1), documents.iter());
    let small = compile(&reference::small().unwrap());
    let large = compile(&reference::large(reference::R3_FLAGS).unwrap());
    for (group, flag) in [("R1", R1), ("R2", R2)] {
        let mut group = criterion.benchmark_group(group);
        let mut next = people.iter().cycle();
        group.bench_function("floor", |bench| {
            bench.iter(|| floor.evaluate(black_box(flag), next.next().unwrap()));
        });
        for (name, rules) in [("core", &small), ("core among 1,000 flags", &large)] {
            let mut next = contexts.iter().cycle();
            group.bench_function(name, |bench| {
                bench.iter(|| {
                    rules.evaluate(black_box(flag), next.next().unwrap(), Timestamp::EPOCH).variant()
                });
            });
        }
    }
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
