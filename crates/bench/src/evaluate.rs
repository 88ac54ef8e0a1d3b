//! `usher-bench evaluate`: what one evaluation costs.
//!
//! All subjects take turns, round by round, so that a noisy moment of the machine falls on all of them; the
//! median of the rounds counts.

use std::{hint::black_box, thread, time::Instant};

use anyhow::Result;
use usher_bench::{
    floor::{Floor, people},
    reference::{self, CONTEXTS, ENVIRONMENT, R1, R2},
};
use usher_core::{
    Context, Ruleset,
    model::{Seq, Timestamp},
};
use usher_sdk::Client;

use usher_testkit::allocations;

use crate::workspace::Workspace;

/// How often the contexts are gone through in one round.
const PASSES: usize = 100;

/// Something to measure: asks all contexts once.
struct Subject<'a> {
    name: &'static str,
    work: Box<dyn Fn() + Sync + 'a>,
    /// Index of the subject that it is compared with.
    beside: usize,
    nanoseconds: Vec<f64>,
    allocations: u64,
}

impl<'a> Subject<'a> {
    fn new(name: &'static str, beside: usize, work: impl Fn() + Sync + 'a) -> Self {
        Self { name, work: Box::new(work), beside, nanoseconds: Vec::new(), allocations: 0 }
    }

    /// Nanoseconds of one call.
    fn time(&self) -> f64 {
        let started = Instant::now();
        for _ in 0..PASSES {
            (self.work)();
        }
        per_call(started)
    }

    /// The same, while another thread does it too.
    fn time_beside_another(&self) -> f64 {
        thread::scope(|scope| {
            let other = scope.spawn(|| self.time());
            let own = self.time();
            other.join().map_or(own, |other| f64::midpoint(own, other))
        })
    }

    fn median(&self) -> f64 {
        let mut sorted = self.nanoseconds.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

#[allow(clippy::cast_precision_loss)] // Far fewer than 2⁵³.
fn per_call(started: Instant) -> f64 {
    started.elapsed().as_nanos() as f64 / (PASSES * CONTEXTS) as f64
}

/// Measures, and prints a table.
pub fn run(rounds: usize) -> Result<()> {
    let (small, large) = (reference::small()?, reference::large()?);
    let rules = Ruleset::compile(ENVIRONMENT.parse().map_err(anyhow::Error::msg)?, Seq(1), &small);
    let (one, many) = (Workspace::start(small)?, Workspace::start(large)?);
    let (one, many) = (one.client()?, many.client()?);
    let (floor, people, contexts) = (Floor::default(), people(), reference::contexts());
    let hand = |flag: &'static str| {
        let (floor, people) = (&floor, &people);
        move || {
            for person in people {
                black_box(floor.evaluate(black_box(flag), person));
            }
        }
    };
    let core = |flag: &'static str| {
        let (rules, contexts) = (&rules, &contexts);
        move || {
            for context in contexts {
                black_box(rules.evaluate(black_box(flag), context, Timestamp::EPOCH).variant());
            }
        }
    };
    let mut subjects = vec![
        Subject::new("R1 floor", 0, hand(R1)),
        Subject::new("R1 core", 0, core(R1)),
        Subject::new("R1 SDK", 0, boolean(&one, &contexts)),
        Subject::new("R3 SDK (R1 among 1,000 flags)", 2, boolean(&many, &contexts)),
        Subject::new("R2 floor", 4, hand(R2)),
        Subject::new("R2 core", 4, core(R2)),
        Subject::new("R2 SDK", 4, string(&one, &contexts)),
    ];
    for subject in &mut subjects {
        (subject.work)();
        subject.allocations = allocations::during(|| (subject.work)());
    }
    let mut together: Vec<f64> = Vec::new();
    for _ in 0..rounds {
        for subject in &mut subjects {
            let took = subject.time();
            subject.nanoseconds.push(took);
        }
        together.push(subjects[2].time_beside_another() / subjects[2].time());
    }
    println!("{:<32} {:>8} {:>8}  {:<32} {:>12}", "subject", "ns/call", "ratio", "beside", "allocations");
    for subject in &subjects {
        let beside = &subjects[subject.beside];
        let (own, other) = (subject.median(), beside.median());
        println!(
            "{:<32} {own:>8.1} {:>8.2}  {:<32} {:>12}",
            subject.name,
            own / other,
            beside.name,
            subject.allocations
        );
    }
    together.sort_unstable_by(f64::total_cmp);
    println!("R1 SDK, two threads beside one: {:.2}", together[together.len() / 2]);
    Ok(())
}

fn boolean<'a>(client: &'a Client, contexts: &'a [Context]) -> impl Fn() + Sync + 'a {
    move || {
        for context in contexts {
            black_box(client.boolean(black_box(R1), context, false));
        }
    }
}

fn string<'a>(client: &'a Client, contexts: &'a [Context]) -> impl Fn() + Sync + 'a {
    move || {
        for context in contexts {
            black_box(client.string(black_box(R2), context, ""));
        }
    }
}
