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
    /// Signs contexts for phones, in a backend, and opens nothing (`usx_…`).
    Context,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SigningPolicy {
    /// A phone may come without: then nobody vouches for what it says.
    Optional,
    /// A phone that comes without is refused.
    Required,
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
        /// Whether phones must show a context that a backend has signed; for client keys.
        #[arg(long, value_enum)]
        signed_contexts: Option<SigningPolicy>,
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
    /// Say whether phones with this client key must show a context that a backend has signed.
    #[command(after_help = "Example: usher key signed-contexts 3f2a… required")]
    SignedContexts {
        /// The key's id.
        id: String,
        /// Whether they must.
        #[arg(value_enum)]
        policy: SigningPolicy,
    },
    /// Revoke a key at once; its streams close.
    #[command(after_help = "Example: usher key revoke 3f2a…")]
    Revoke {
        /// The key's id.
        id: String,
    },
}
