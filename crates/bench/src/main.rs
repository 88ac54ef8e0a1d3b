//! `usher-bench`: prints the figures of the README.

mod evaluate;
mod table;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use usher_testkit::allocations::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Measures Usher beside floors and peers.
#[derive(Parser)]
#[command(name = "usher-bench", version, about)]
struct Args {
    #[command(subcommand)]
    command: Command,
    /// How to print tables.
    #[arg(long, global = true, value_enum, default_value_t)]
    form: table::Form,
}

#[derive(Subcommand)]
enum Command {
    /// Nanoseconds and heap allocations of one evaluation, beside a floor written by hand; built with the feature
    /// `peers`, beside the engines of others too.
    Evaluate {
        /// Rounds of each subject, of which the median counts.
        #[arg(long, default_value_t = 21)]
        rounds: usize,
    },
}

fn main() -> Result<()> {
    let args = Args::parse();
    match args.command {
        Command::Evaluate { rounds } => evaluate::run(rounds.max(1), args.form),
    }
}
