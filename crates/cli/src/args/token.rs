//! API tokens.

use clap::Subcommand;

use super::{Places, Role};

#[derive(Debug, Subcommand)]
pub enum Token {
    /// List API tokens.
    #[command(after_help = "Example: usher token ls")]
    Ls,
    /// Make an API token; its secret is shown this once.
    #[command(
        after_help = "Example: usher token create control-room --role operator --environment production --venue wembley-stadium --expires 30d"
    )]
    Create {
        /// What it is for.
        name: String,
        /// What it may do.
        #[arg(long, value_enum)]
        role: Role,
        #[command(flatten)]
        places: Places,
        /// From when on it is refused: a time, or a while from now, `12h` or `30d`. Without it, never.
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
    /// Revoke an API token at once.
    #[command(after_help = "Example: usher token revoke 3f2a…")]
    Revoke {
        /// The token's id.
        id: String,
    },
}
