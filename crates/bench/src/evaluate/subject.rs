//! One engine at one piece of reference work, and how long it takes.

use std::{sync::Barrier, thread, time::Instant};

use usher_bench::reference::CONTEXTS;
use usher_testkit::allocations;

use crate::table::median;

/// How long a subject works in one round, about: long against a thread's start, shorter than the slices of time that
/// a busy machine gives.
const ROUND_NANOSECONDS: f64 = 1e6;
/// Most passes over the contexts in one round.
const MAX_PASSES: f64 = 200.0;

/// Whose engine it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Written by hand for the reference work alone.
    Floor,
    /// Usher's.
    Ours,
    /// Somebody else's.
    Peer,
}

/// Something to measure.
pub struct Subject<'a> {
    /// The engine.
    pub engine: String,
    /// Whose it is.
    pub whose: Whose,
    /// The reference work.
    pub work: &'static str,
    /// Asks all contexts once.
    pass: Box<dyn Fn() + Sync + 'a>,
    passes: u32,
    /// Nanoseconds a call, round by round: alone, and while another thread does the same.
    rounds: Vec<(f64, f64)>,
    /// What one call takes from the heap, on average.
    pub allocations: f64,
}

impl<'a> Subject<'a> {
    /// `pass` asks all contexts once.
    pub fn new(
        engine: impl Into<String>,
        whose: Whose,
        work: &'static str,
        pass: impl Fn() + Sync + 'a,
    ) -> Self {
        let pass = Box::new(pass);
        let engine = engine.into();
        Self { engine, whose, work, pass, passes: 1, rounds: Vec::new(), allocations: 0.0 }
    }

    /// Warms up, counts allocations, and settles how much work a round is.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Small numbers.
    pub fn prepare(&mut self) {
        (self.pass)();
        self.allocations = allocations::during(|| (self.pass)()) as f64 / CONTEXTS as f64;
        let passes = ROUND_NANOSECONDS / (self.time() * CONTEXTS as f64);
        self.passes = passes.clamp(1.0, MAX_PASSES) as u32;
    }

    /// Measures once more.
    pub fn round(&mut self) {
        // Whoever was measured before has left its own data in the caches.
        (self.pass)();
        let alone = self.time();
        let start = Barrier::new(2);
        let together = thread::scope(|scope| {
            let timed = || {
                start.wait();
                self.time()
            };
            let other = scope.spawn(timed);
            let own = timed();
            other.join().map_or(own, |other| f64::midpoint(own, other))
        });
        self.rounds.push((alone, together));
    }

    /// Nanoseconds of one call.
    #[allow(clippy::cast_precision_loss)] // Far fewer than 2⁵³.
    fn time(&self) -> f64 {
        let started = Instant::now();
        for _ in 0..self.passes {
            (self.pass)();
        }
        started.elapsed().as_nanos() as f64 / f64::from(self.passes) / CONTEXTS as f64
    }

    /// Nanoseconds of one call, the median of all rounds.
    pub fn nanoseconds(&self) -> f64 {
        median(self.rounds.iter().map(|(alone, _)| *alone))
    }

    /// How much longer a call takes than one of another subject: the median of the rounds' ratios, so that both
    /// sides of each had the same moment of the machine.
    pub fn beside(&self, other: &Self) -> f64 {
        let pairs = self.rounds.iter().zip(&other.rounds);
        median(pairs.map(|((own, _), (other, _))| own / other))
    }

    /// How much longer a call takes while another thread does the same: the median of the rounds' ratios.
    pub fn beside_another(&self) -> f64 {
        median(self.rounds.iter().map(|(alone, together)| together / alone))
    }
}
