//! `usher-bench`: prints the figures of the README.

mod evaluate;
mod ofrep;
mod seats;
mod table;
mod workspace;

use std::net::SocketAddr;

use anyhow::Result;
use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use usher_testkit::allocations::Counting;

#[global_allocator]
static ALLOCATOR: Counting<MiMalloc> = Counting::over(MiMalloc);

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
        #[arg(long, default_value_t = 101)]
        rounds: usize,
    },
    /// Requests over OFREP, beside a bare actix-web echo of the same bytes.
    Ofrep {
        /// Rounds of each side, of which the median counts.
        #[arg(long, default_value_t = 9)]
        rounds: usize,
        /// Connections at once.
        #[arg(long, default_value_t = 64)]
        connections: usize,
        /// Length of a round, in milliseconds.
        #[arg(long, default_value_t = 1_000)]
        milliseconds: u64,
    },
    /// A change on its way to every seat of every venue, and all of them coming back at once: a simulation.
    Seats {
        #[command(flatten)]
        costs: seats::Costs,
        /// What chance is made of: the same seed tells the same story.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// The load driver, which `ofrep` starts by itself.
    #[command(hide = true)]
    Drive {
        /// Whom to drive.
        address: SocketAddr,
    },
}

fn main() -> Result<()> {
    let args = Args::parse();
    match args.command {
        Command::Evaluate { rounds } => evaluate::run(rounds.max(1), args.form),
        Command::Ofrep { rounds, connections, milliseconds } => {
            ofrep::run(rounds.max(1), connections.max(1), milliseconds.max(1), args.form)
        }
        Command::Seats { costs, seed } => seats::run(&costs, seed, args.form),
        Command::Drive { address } => ofrep::driver::run(address),
    }
}
