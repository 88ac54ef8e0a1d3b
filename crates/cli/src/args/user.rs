//! People.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Role {
    /// Sees everything, changes nothing.
    Viewer,
    /// Kills, revives and toggles.
    Operator,
    /// Edits documents.
    Editor,
    /// Manages people and keys.
    Admin,
}

#[derive(Debug, Subcommand)]
pub enum User {
    /// List everybody who can sign in.
    #[command(after_help = "Example: usher user ls")]
    Ls,
    /// Let somebody sign in. Without a password of theirs, one is made up and shown this once.
    #[command(after_help = "Example: usher user create ana@example.org --name Ana --role editor")]
    Create {
        /// What they sign in with.
        email: String,
        /// How they are shown.
        #[arg(long)]
        name: String,
        /// What they may do.
        #[arg(long, value_enum)]
        role: Role,
        /// A file with their password in its first line; `-` for standard input.
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
    /// Change what somebody may do, or their password.
    #[command(after_help = "Example: usher user set ana@example.org --role operator")]
    Set {
        /// What they sign in with.
        email: String,
        /// How they are shown.
        #[arg(long)]
        name: Option<String>,
        /// What they may do.
        #[arg(long, value_enum)]
        role: Option<Role>,
        /// A file with their new password in its first line; `-` for standard input.
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
    /// Remove somebody; their sessions end at once.
    #[command(after_help = "Example: usher user rm ana@example.org")]
    Rm {
        /// What they sign in with.
        email: String,
    },
}
