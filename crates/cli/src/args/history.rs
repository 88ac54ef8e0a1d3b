//! What was, what is, what it does to whom.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Message, Redis};

#[derive(Debug, clap::Args)]
pub struct Eval {
    /// The flag; all of them, when left out.
    pub flag: Option<String>,
    /// The context: `name=value` pairs, or one JSON object.
    pub context: Vec<String>,
    /// The environment.
    #[arg(long, short)]
    pub environment: String,
    /// As of this commit or time.
    #[arg(long)]
    pub at: Option<String>,
    /// Show every step on the way to the answer.
    #[arg(long)]
    pub explain: bool,
}

#[derive(Debug, Subcommand)]
pub enum Journal {
    /// List commits, newest first.
    #[command(after_help = "Example: usher journal ls --flag resale-guard")]
    Ls {
        /// Only those that changed this flag.
        #[arg(long)]
        flag: Option<String>,
        /// Only those that name this venue.
        #[arg(long)]
        venue: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Show a commit with its documents before and after.
    #[command(after_help = "Example: usher journal show 1204")]
    Show {
        /// Its number.
        seq: u64,
    },
    /// Check every commit: nothing altered, missing or out of order.
    #[command(
        after_help = "Example: usher journal verify --data ./usher-data\nExample: usher journal verify --redis redis://127.0.0.1:6379"
    )]
    Verify {
        /// The folder of a server that is not running; without it, the running one is asked.
        #[arg(long)]
        data: Option<PathBuf>,
        #[command(flatten)]
        redis: Redis,
    },
}

#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// The commit or time to go back to.
    #[arg(long)]
    pub to: String,
    /// This flag only.
    #[arg(long)]
    pub flag: Option<String>,
    /// With --flag and --environment: what this venue gets from it only.
    #[arg(long, requires = "flag", requires = "environment")]
    pub venue: Option<String>,
    /// With --venue: the environment. A whole flag is brought back in all of its environments.
    #[arg(long, short, requires = "venue")]
    pub environment: Option<String>,
    /// Every flag, cohort, venue and environment.
    #[arg(long, conflicts_with = "flag")]
    pub everything: bool,
    #[command(flatten)]
    pub message: Message,
}

#[derive(Debug, clap::Args)]
pub struct Undo {
    /// The commit's number.
    pub seq: u64,
    /// Also where documents have changed since.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub message: Message,
}

#[derive(Debug, clap::Args)]
pub struct Converge {
    /// The commit; the last one that concerned clients, when left out.
    pub seq: Option<u64>,
    /// Go on until all have it.
    #[arg(long)]
    pub watch: bool,
}
