//! Keys.

use clap::{Subcommand, ValueEnum};

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
