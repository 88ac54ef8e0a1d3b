//! What a whole workspace costs to compile and to hold, and what a change of one flag costs in it. The floor is
//! reading the same documents' JSON into trees, which nobody can do without.

use std::{hint::black_box, time::Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;
use usher_bench::reference::{self, R1};
use usher_core::model::{Document, Seq};
use usher_testkit::allocations;

use super::compile;
use crate::table::{Form, Table, figure, median, ratio};

/// Flags of the workspaces: that of R3, and the largest that teams are known to have.
const FLAGS: [usize; 2] = [1_000, 5_000];
/// Times that each is compiled; the median counts.
const ROUNDS: usize = 15;

/// Prints a table of workspaces.
pub fn print(form: Form) -> Result<()> {
    let head = ["flags", "compiled in", "× reading its JSON", "heap", "a change of one flag"];
    let mut table = Table::new(head);
    for flags in FLAGS {
        let documents = reference::large(flags)?;
        let changed = documents.iter().find(|document| document.key() == R1).context("R1 is a flag")?;
        let (rules, heap) = allocations::held_by(|| compile(&documents));
        let rules = rules?;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let whole = milliseconds(|| black_box(compile(&documents)).is_ok());
            let floor = milliseconds(|| documents.iter().all(|document| black_box(tree(document)).is_ok()));
            let change = milliseconds(|| !black_box(rules.apply(Seq(2), [changed], [])).is_empty());
            rounds.push((whole, floor, change));
        }
        let of = |what: fn(&(f64, f64, f64)) -> f64| median(rounds.iter().map(what));
        table.row([
            flags.to_string(),
            format!("{} ms", figure(of(|round| round.0))),
            format!("× {}", ratio(of(|round| round.0 / round.1))),
            format!("{} MB", heap / 1_000_000),
            format!("{} µs", figure(of(|round| round.2 * 1e3))),
        ]);
    }
    table.print(form);
    Ok(())
}

fn tree(document: &Document) -> serde_json::Result<Value> {
    serde_json::from_str(document.json())
}

/// How long something takes. What it gives is dropped within that time too.
fn milliseconds(work: impl FnOnce() -> bool) -> f64 {
    let started = Instant::now();
    assert!(work(), "what is measured has failed");
    started.elapsed().as_secs_f64() * 1e3
}
