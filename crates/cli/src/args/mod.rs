//! What can be typed. Each command has an example of its own in its help.

mod change;
mod documents;
mod history;
mod import;
mod key;
mod playbook;
mod release;
mod rights;
mod tls;
mod token;
mod user;

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use usher_journal::RedisOptions;

pub use change::{Change, Open};
pub use documents::{About, Documents, Flag, Later, Set, Stale, Venue, Where};
pub use history::{Converge, Eval, Journal, Rollback, Undo};
pub use import::{Import, What};
pub use key::{Key, KeyKind, SigningPolicy};
pub use playbook::Playbook;
pub use release::{One, Release, Template, TemplateKind};
pub use rights::{Places, Role};
pub use tls::Tls;
pub use token::Token;
pub use user::User;

/// Feature flags for live events.
#[derive(Debug, Parser)]
#[command(
    name = "usher",
    version,
    after_help = "Example: USHER_URL=https://usher.example USHER_TOKEN=uat_… usher flag ls\n\nExit codes: 0 done, 1 failed, 2 usage, 3 refused by the server, 4 unreachable."
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

impl Args {
    /// What was typed; ends the program where that makes no sense.
    pub fn read() -> Self {
        let matches = Self::tree().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// All commands. Documents of several kinds share theirs, but not their examples.
    fn tree() -> clap::Command {
        let others = [
            ("environment", "rehearsal"),
            ("event", "cup-final"),
            ("freeze", "finals"),
            ("schedule", "doors-open"),
        ];
        others.into_iter().fold(Self::command(), |tree, (name, key)| {
            tree.mut_subcommand(name, |documents| {
                documents.mut_subcommands(|command| {
                    let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                    let example = example.replace("cohort", name);
                    command.after_help(example.replace("season-ticket-holders", key))
                })
            })
        })
    }
}

/// A journal that many servers share.
#[derive(Debug, clap::Args)]
pub struct Redis {
    /// Address of the Redis that keeps the journal, for many servers: redis://host:port, rediss:// for TLS,
    /// redis+sentinel://host:port,host:port/master-name, redis+cluster://host:port,host:port. With a password, use the
    /// variable.
    #[arg(long, env = "USHER_REDIS", hide_env_values = true, value_name = "URL")]
    pub redis: Option<String>,
    /// Which workspace of that Redis. [default: default]
    #[arg(long, env = "USHER_REDIS_WORKSPACE", value_name = "NAME")]
    pub redis_workspace: Option<String>,
}

impl Redis {
    /// Where the journal is, if it is in Redis.
    pub fn options(&self) -> Option<RedisOptions> {
        let mut options = RedisOptions::new(self.redis.as_deref()?);
        if let Some(workspace) = &self.redis_workspace {
            options.workspace.clone_from(workspace);
        }
        Some(options)
    }
}

/// Which server to talk to.
#[derive(Debug, clap::Args)]
pub struct Server {
    /// Address of the server.
    #[arg(long, global = true, env = "USHER_URL", default_value = "http://127.0.0.1:7080")]
    pub url: String,
    /// API token (`uat_…`).
    #[arg(
        long,
        global = true,
        env = "USHER_TOKEN",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub token: String,
    /// Sign in with this e-mail address, and the password in USHER_PASSWORD, instead of with a token: who approves
    /// something has to be somebody.
    // With an id of its own, for `usher user create` is told an e-mail address too.
    #[arg(id = "sign_in_as", long = "email", global = true, env = "USHER_EMAIL", value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Change something in spite of a freeze or of approvals that are asked for, and say why: the history shows it.
    #[arg(long, global = true, value_name = "REASON")]
    pub break_glass: Option<String>,
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
    /// Run an edge: a relay near venues, that goes on without its upstream.
    #[command(
        after_help = "Example: USHER_EDGE_KEYS=usk_… usher edge --upstream https://usher.example.org --venue wembley-stadium --name edge-wembley\nSettings come from the --config file (TOML), then USHER_EDGE_* variables, then flags. Every user of the machine can read flags: give keys by USHER_EDGE_KEYS (commas between) or by the file."
    )]
    Edge(Edge),
    /// See and change flags.
    #[command(
        subcommand,
        after_help = "Example: usher flag kill resale-guard --environment production --venue wembley-stadium"
    )]
    Flag(Flag),
    /// See, change and import venues.
    #[command(subcommand, after_help = "Example: usher venue import venues.csv")]
    Venue(Venue),
    /// See and change cohorts.
    #[command(subcommand, after_help = "Example: usher cohort get season-ticket-holders")]
    Cohort(Documents),
    /// See and change environments.
    #[command(subcommand, after_help = "Example: usher environment ls")]
    Environment(Documents),
    /// See and change events: when doors open, when it starts, when the last ticket is scanned.
    #[command(subcommand, after_help = "Example: usher event set cup-final --file event.json")]
    Event(Documents),
    /// See and change freezes: times in which nothing is changed at a venue.
    #[command(subcommand, after_help = "Example: usher freeze set finals --file freeze.json")]
    Freeze(Documents),
    /// See and change schedules: what the server does by itself, and when.
    #[command(subcommand, after_help = "Example: usher schedule set doors-open --file schedule.json")]
    Schedule(Documents),
    /// Ask for changes that somebody else looks at before they are made, and look at theirs.
    #[command(
        subcommand,
        after_help = "Example: usher change open --title 'Raise the limit' --file flag.json"
    )]
    Change(Change),
    /// Release a flag stage by stage, watched by guards that take it back.
    #[command(subcommand, after_help = "Example: usher release watch cup-final-checkout")]
    Release(Release),
    /// Run what was thought through for an emergency, and rehearse it.
    #[command(
        subcommand,
        after_help = "Example: usher playbook run gates-fail --message 'gate C does not scan'"
    )]
    Playbook(Playbook),
    /// Ask what somebody gets, and why.
    #[command(
        after_help = "Example: usher eval resale-guard --environment production targetingKey=u-17 venue=wembley-stadium --explain"
    )]
    Eval(Eval),
    /// Read and check the journal.
    #[command(subcommand, after_help = "Example: usher journal ls --venue wembley-stadium")]
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
    #[command(
        subcommand,
        after_help = "Example: usher key create gates --environment production --kind server"
    )]
    Key(Key),
    /// Make and revoke API tokens, for programs that use the administration API.
    #[command(
        subcommand,
        after_help = "Example: usher token create control-room --role operator --venue wembley-stadium --expires 30d"
    )]
    Token(Token),
    /// Say who can sign in, and what they may do.
    #[command(subcommand, after_help = "Example: usher user create ana@example.org --name Ana --role editor")]
    User(User),
    /// Write the workspace to standard output, as JSON that `usher import` takes back.
    #[command(after_help = "Example: usher export > workspace.json")]
    Export {
        /// As of this commit or time.
        #[arg(long)]
        at: Option<String>,
    },
    /// Take over the flags of another system, or all documents that `usher export` wrote; in one commit. What is not
    /// in the file stays.
    #[command(
        after_help = "Example: usher import flagd flags.json --environment production --dry-run\nExample: usher import unleash features.json --environment production --rename userId=targetingKey\nExample: usher import workspace.json --message 'copy of staging'\n\nEach flag of another system is mapped, approximated (its notes say how it differs) or refused (they say why)."
    )]
    Import(Import),
    /// Copy a server's journal to a new folder and check the copy. The server may be running.
    #[command(
        after_help = "Example: usher backup --data ./usher-data ./backup-2026-11-24\nExample: usher backup --redis redis://127.0.0.1:6379 ./backup-2026-11-24"
    )]
    Backup {
        /// The server's folder, where its journal is not in Redis.
        #[arg(long, default_value = "usher-data")]
        data: PathBuf,
        #[command(flatten)]
        redis: Redis,
        /// Where to.
        to: PathBuf,
    },
    /// Put a backup into a server's new folder, or a Redis without a journal, checked from its first commit to its last.
    #[command(
        after_help = "Example: usher restore ./backup-2026-11-24 --data ./usher-data\nExample: usher restore ./backup-2026-11-24 --redis redis://127.0.0.1:6379"
    )]
    Restore {
        /// The backup.
        from: PathBuf,
        /// The server's folder; must not hold a journal.
        #[arg(long, default_value = "usher-data")]
        data: PathBuf,
        #[command(flatten)]
        redis: Redis,
    },
    /// Look through a checked-out repository for flags, and tell the server where code names them.
    #[command(
        after_help = "Example: usher refs . --repository acme/checkout --commit 4f1c2d9\n\nKeys are looked for between quotes, in files that version control does not ignore. What was reported of the repository before is replaced."
    )]
    Refs(Refs),
    /// Check whether the server is well.
    #[command(after_help = "Example: usher doctor")]
    Doctor,
    /// Simulated devices for the demo.
    #[command(hide = true)]
    DemoDevices(DemoDevices),
}

#[derive(Debug, clap::Args)]
pub struct Refs {
    /// The repository's folder.
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// What it is called; its folder's name, when not said.
    #[arg(long, value_name = "NAME")]
    pub repository: Option<String>,
    /// The commit that is checked out.
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// Show what would be reported, and report nothing.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub struct Serve {
    /// A TOML file of settings.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long)]
    pub listen: Option<String>,
    /// Folder of the journal, where it is not in Redis.
    #[arg(long)]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub tls: Tls,
    #[command(flatten)]
    pub redis: Redis,
    /// Seed a workspace of real venues and realistic flags, with simulated devices.
    #[arg(long)]
    pub demo: bool,
    /// How many devices the demo simulates.
    #[arg(long, default_value_t = 300, requires = "demo")]
    pub devices: usize,
}

#[derive(Debug, clap::Args)]
pub struct Edge {
    /// A TOML file of settings.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one. 127.0.0.1:7081 by default.
    #[arg(long)]
    pub listen: Option<String>,
    /// Address of the server, or of another edge.
    #[arg(long)]
    pub upstream: Option<String>,
    /// A server key (`usk_…`); one for each environment that is relayed.
    #[arg(long)]
    pub key: Vec<String>,
    /// Relay this venue, and hold nothing of others; all that the keys are for, without any.
    #[arg(long)]
    pub venue: Vec<String>,
    /// Folder of the copy on disk.
    #[arg(long)]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub tls: Tls,
    /// What it is called upstream.
    #[arg(long)]
    pub name: Option<String>,
    /// Ask this server or edge what clients ask here, and tell where the two differ.
    #[arg(long, value_name = "URL")]
    pub shadow: Option<String>,
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
