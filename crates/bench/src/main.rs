//! `usher-bench`: prints the figures of the README.

mod bindings;
mod evaluate;
mod fanout;
mod ofrep;
mod releases;
mod seats;
mod storm;
mod table;
mod workspace;

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand, ValueEnum};
use mimalloc::MiMalloc;
use usher_bench::load::{Plan, raise_file_limit};
use usher_testkit::allocations::Counting;

#[global_allocator]
static ALLOCATOR: Counting<MiMalloc> = Counting::over(MiMalloc);

/// Files that a process needs besides its clients.
const SPARE_FILES: u64 = 200;

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
    /// Nanoseconds of a read through the bindings for C and Python, beside the plain Rust call and a call of nothing.
    /// `sdk/ffi/build` and `sdk/python/build` make what it runs.
    Bindings {
        /// Rounds of each, of which the median counts.
        #[arg(long, default_value_t = 5)]
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
    /// Releases of a harmless variant and of harmful ones, through the decision of real releases: a simulation.
    Releases {
        /// How many of each kind.
        #[arg(long, default_value_t = 10_000)]
        count: u64,
        /// What chance is made of: the same seed tells the same stories.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Tables, or one line of JSON.
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// A kill that goes to all clients of one server, beside bare broadcasts of the same bytes.
    Fanout {
        #[command(flatten)]
        clients: Clients,
        /// Kills and revivals.
        #[arg(long, default_value_t = 20)]
        rounds: usize,
    },
    /// All clients lose their server at once, and come back; then the same with some of them slow or flapping.
    Storm {
        #[command(flatten)]
        clients: Clients,
        /// Of a hundred clients, how many read slowly or stop reading.
        #[arg(long, default_value_t = 17)]
        slow: usize,
        /// Of a hundred clients, how many leave and come back all the time.
        #[arg(long, default_value_t = 16)]
        flapping: usize,
        /// Kills and revivals before and after.
        #[arg(long, default_value_t = 10)]
        rounds: usize,
    },
    /// A bare broadcast, which `fanout` starts by itself.
    #[command(hide = true)]
    Floor {
        /// What sends.
        kind: fanout::floor::Kind,
    },
    /// The load driver, which `ofrep` starts by itself.
    #[command(hide = true)]
    Drive {
        /// Whom to drive.
        address: SocketAddr,
    },
}

/// How figures are put.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Tables.
    #[default]
    Table,
    /// One line of JSON.
    Json,
}

/// Clients of a load.
#[derive(clap::Args)]
struct Clients {
    /// How many.
    #[arg(long, default_value_t = 15_000)]
    clients: usize,
    /// Of a hundred, how many get values; the others hold documents.
    #[arg(long, default_value_t = 50)]
    values: usize,
    /// What chance begins with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Clients {
    fn plan(&self, slow_percent: usize, flapping_percent: usize) -> Result<Plan> {
        let files = raise_file_limit()?;
        let (clients, values_percent, seed) = (self.clients.max(1), self.values, self.seed);
        let needed = u64::try_from(clients)? + SPARE_FILES;
        ensure!(needed <= files, "{clients} clients need {needed} open files, and {files} are allowed");
        Ok(Plan { clients, values_percent, slow_percent, flapping_percent, seed })
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    match args.command {
        Command::Evaluate { rounds } => evaluate::run(rounds.max(1), args.form),
        Command::Bindings { rounds } => bindings::run(rounds.max(1), args.form),
        Command::Ofrep { rounds, connections, milliseconds } => {
            ofrep::run(rounds.max(1), connections.max(1), milliseconds.max(1), args.form)
        }
        Command::Seats { costs, seed } => seats::run(&costs, seed, args.form),
        Command::Releases { count, seed, output } => {
            releases::run(count.max(1), seed, output == Output::Json, args.form)
        }
        Command::Fanout { clients, rounds } => fanout::run(&clients.plan(0, 0)?, rounds.max(1), args.form),
        Command::Storm { clients, slow, flapping, rounds } => {
            storm::run(&clients.plan(slow, flapping)?, rounds.max(1), args.form)
        }
        Command::Floor { kind } => fanout::floor::run(kind),
        Command::Drive { address } => ofrep::driver::run(address),
    }
}
