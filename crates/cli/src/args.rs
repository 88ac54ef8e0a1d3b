//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Feature flags for live events.
#[derive(Debug, Parser)]
#[command(
    name = "usher",
    version,
    about,
    after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 refused by the server, 4 unreachable."
)]
pub struct Args {
    #[command(flatten)]
    pub server: Server,
    /// How results are shown.
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    #[command(subcommand)]
    pub command: Command,
}

/// Which server to talk to.
#[derive(Debug, clap::Args)]
pub struct Server {
    /// Address of the server.
    #[arg(long, global = true, env = "USHER_URL", default_value = "http://127.0.0.1:7080")]
    pub url: String,
    /// API token (`uat_…`).
    #[arg(long, global = true, env = "USHER_TOKEN", hide_env_values = true, default_value = "")]
    pub token: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For reading.
    Table,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a server.
    #[command(
        after_help = "Example: usher serve --listen 127.0.0.1:7080 --data ./usher-data\nSettings come from the --config file (TOML), then USHER_* variables, then flags."
    )]
    Serve(Serve),
    /// See and change flags.
    #[command(subcommand)]
    Flag(Flag),
    /// See and import venues.
    #[command(subcommand)]
    Venue(Venue),
    /// See and change cohorts.
    #[command(subcommand)]
    Cohort(Documents),
    /// See and change environments.
    #[command(subcommand)]
    Environment(Documents),
    /// Ask what somebody gets, and why.
    #[command(
        after_help = "Example: usher eval resale-guard --environment production targetingKey=u-17 venue=wembley-stadium --explain"
    )]
    Eval(Eval),
    /// Read and check the journal.
    #[command(subcommand)]
    Journal(Journal),
    /// Bring a flag, a venue's share of it, or everything back to what it was.
    #[command(
        after_help = "Example: usher rollback --to 2026-11-24T19:30:00Z --flag resale-guard --message 'queues at gate C'"
    )]
    Rollback(Rollback),
    /// Undo one commit.
    #[command(after_help = "Example: usher undo 1204 --message 'wrong venue'")]
    Undo(Undo),
    /// How far the last change, or a commit, has come.
    #[command(after_help = "Example: usher converge --watch")]
    Converge(Converge),
    /// Make, rotate and revoke keys.
    #[command(subcommand)]
    Key(Key),
    /// Write the workspace to standard output, as JSON that `usher import` takes back.
    #[command(after_help = "Example: usher export > workspace.json")]
    Export {
        /// As of this commit or time.
        #[arg(long)]
        at: Option<String>,
    },
    /// Read a workspace that `usher export` wrote.
    #[command(after_help = "Example: usher import workspace.json --message 'copy of staging'")]
    Import {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        message: Message,
    },
    /// Copy the journal of a server that is not running, or its folder's, to a new folder.
    #[command(after_help = "Example: usher backup --data ./usher-data ./backup-2026-11-24")]
    Backup {
        /// The server's folder.
        #[arg(long, default_value = "usher-data")]
        data: PathBuf,
        /// Where to.
        to: PathBuf,
    },
    /// Put a backup into a new folder, checked from its first commit to its last.
    #[command(after_help = "Example: usher restore ./backup-2026-11-24 --data ./usher-data")]
    Restore {
        /// The backup.
        from: PathBuf,
        /// The server's folder; must not hold a journal.
        #[arg(long, default_value = "usher-data")]
        data: PathBuf,
    },
    /// Check whether the server is well.
    #[command(after_help = "Example: usher doctor")]
    Doctor,
    /// Simulated devices for the demo.
    #[command(hide = true)]
    DemoDevices(DemoDevices),
}

#[derive(Debug, clap::Args)]
pub struct Serve {
    /// A TOML file of settings.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long)]
    pub listen: Option<String>,
    /// Folder of the journal.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Seed a workspace of real venues and realistic flags, with simulated devices.
    #[arg(long)]
    pub demo: bool,
    /// How many devices the demo simulates.
    #[arg(long, default_value_t = 300, requires = "demo")]
    pub devices: usize,
}

#[derive(Debug, clap::Args)]
pub struct DemoDevices {
    /// The server.
    #[arg(long)]
    pub at: String,
    /// How many.
    #[arg(long)]
    pub count: usize,
    /// The environment variables `USHER_DEMO_SERVER_KEY` and `USHER_DEMO_CLIENT_KEY` carry the keys: arguments
    /// can be read by every user of the machine.
    #[arg(long, env = "USHER_DEMO_SERVER_KEY", hide_env_values = true)]
    pub server_key: String,
    #[arg(long, env = "USHER_DEMO_CLIENT_KEY", hide_env_values = true)]
    pub client_key: String,
}

/// Why something is changed.
#[derive(Clone, Debug, clap::Args)]
pub struct Message {
    /// Why; shown in the history.
    #[arg(long, short)]
    pub message: Option<String>,
}

/// Where a flag is changed.
#[derive(Debug, clap::Args)]
pub struct Where {
    /// The flag's key.
    pub key: String,
    /// The environment.
    #[arg(long, short)]
    pub environment: String,
    /// At this venue only; may be given several times.
    #[arg(long)]
    pub venue: Vec<String>,
    #[command(flatten)]
    pub message: Message,
}

#[derive(Debug, Subcommand)]
pub enum Flag {
    /// List flags.
    #[command(after_help = "Example: usher flag ls resale")]
    Ls {
        /// Only those that contain this.
        search: Option<String>,
    },
    /// Show a flag.
    #[command(after_help = "Example: usher flag get resale-guard --at 2026-11-24T19:30:00Z")]
    Get {
        /// The flag's key.
        key: String,
        /// As of this commit or time.
        #[arg(long)]
        at: Option<String>,
    },
    /// Write a whole flag from a file.
    #[command(
        after_help = "Example: usher flag set resale-guard --file flag.json --message 'raise the limit'"
    )]
    Set(Set),
    /// Turn a flag on, or give venues its on variant.
    #[command(
        after_help = "Example: usher flag on resale-guard --environment production --venue wembley-stadium"
    )]
    On {
        #[command(flatten)]
        place: Where,
        /// Which variant the venues get.
        #[arg(long)]
        variant: Option<String>,
    },
    /// Turn a flag off, or give venues its off variant.
    #[command(after_help = "Example: usher flag off resale-guard --environment production")]
    Off(Where),
    /// Take the settings of venues away.
    #[command(
        after_help = "Example: usher flag clear resale-guard --environment production --venue wembley-stadium"
    )]
    Clear(Where),
    /// Off, whatever anybody edits, until it is revived.
    #[command(
        after_help = "Example: usher flag kill resale-guard --environment production --venue wembley-stadium"
    )]
    Kill {
        #[command(flatten)]
        place: Where,
        /// For this cohort only; may be given several times.
        #[arg(long)]
        cohort: Vec<String>,
    },
    /// Take a kill back.
    #[command(
        after_help = "Example: usher flag revive resale-guard --environment production --venue wembley-stadium"
    )]
    Revive {
        #[command(flatten)]
        place: Where,
        /// For this cohort only; may be given several times.
        #[arg(long)]
        cohort: Vec<String>,
    },
    /// Off everywhere for good, but for its history.
    #[command(after_help = "Example: usher flag archive old-checkout --message 'new checkout is everywhere'")]
    Archive {
        /// The flag's key.
        key: String,
        #[command(flatten)]
        message: Message,
    },
}

/// A whole document from a file.
#[derive(Debug, clap::Args)]
pub struct Set {
    /// Its key.
    pub key: String,
    /// The document, as JSON; `-` for standard input.
    #[arg(long, short)]
    pub file: PathBuf,
    #[command(flatten)]
    pub message: Message,
}

#[derive(Debug, Subcommand)]
pub enum Venue {
    /// List venues.
    #[command(after_help = "Example: usher venue ls England")]
    Ls {
        /// Only those that contain this.
        search: Option<String>,
    },
    /// Show a venue.
    #[command(after_help = "Example: usher venue get wembley-stadium")]
    Get {
        /// Its key.
        key: String,
    },
    /// Write a whole venue from a file.
    #[command(after_help = "Example: usher venue set wembley-stadium --file venue.json")]
    Set(Set),
    /// Import venues from CSV with the columns key, name, city, country, capacity; in one commit.
    #[command(after_help = "Example: usher venue import venues.csv --message 'the 2026 season'")]
    Import {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        message: Message,
    },
}

#[derive(Debug, Subcommand)]
pub enum Documents {
    /// List them.
    #[command(after_help = "Example: usher cohort ls")]
    Ls {
        /// Only those that contain this.
        search: Option<String>,
    },
    /// Show one.
    #[command(after_help = "Example: usher cohort get season-ticket-holders")]
    Get {
        /// Its key.
        key: String,
    },
    /// Write a whole one from a file.
    #[command(after_help = "Example: usher cohort set season-ticket-holders --file cohort.json")]
    Set(Set),
    /// Delete one that nothing refers to.
    #[command(after_help = "Example: usher cohort rm season-ticket-holders")]
    Rm {
        /// Its key.
        key: String,
        #[command(flatten)]
        message: Message,
    },
}

#[derive(Debug, clap::Args)]
pub struct Eval {
    /// The flag; all of them, when left out.
    #[arg(value_name = "FLAG")]
    pub flag: String,
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
    #[command(after_help = "Example: usher journal verify --data ./usher-data")]
    Verify {
        /// The folder of a server that is not running; without it, the running one is asked.
        #[arg(long)]
        data: Option<PathBuf>,
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
    /// See --venue.
    #[arg(long, short)]
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

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum KeyKind {
    /// Reads an environment's ruleset (`usk_…`).
    Server,
    /// Gets evaluated values only (`uck_…`).
    Client,
    /// Uses the administration API (`uat_…`).
    Api,
}

#[derive(Debug, Subcommand)]
pub enum Key {
    /// List keys.
    #[command(after_help = "Example: usher key ls")]
    Ls,
    /// Make a key; its secret is shown this once.
    #[command(
        after_help = "Example: usher key create scanners --environment production --kind client --venue wembley-stadium"
    )]
    Create {
        /// What it is for.
        name: String,
        /// What it opens.
        #[arg(long, value_enum)]
        kind: KeyKind,
        /// The environment it belongs to; none for `api`.
        #[arg(long, short)]
        environment: Option<String>,
        /// For this venue only; may be given several times.
        #[arg(long)]
        venue: Vec<String>,
    },
    /// Make a new secret; the old one lives on for a while.
    #[command(after_help = "Example: usher key rotate 3f2a… --overlap-seconds 86400")]
    Rotate {
        /// The key's id.
        id: String,
        /// For how long the old secret is still good.
        #[arg(long, default_value_t = 0)]
        overlap_seconds: u32,
    },
    /// Revoke a key at once; its streams close.
    #[command(after_help = "Example: usher key revoke 3f2a…")]
    Revoke {
        /// The key's id.
        id: String,
    },
}
