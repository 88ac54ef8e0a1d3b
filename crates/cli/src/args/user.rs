//! People.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Places, Role};

#[derive(Debug, Subcommand)]
pub enum User {
    /// List everybody who can sign in.
    #[command(after_help = "Example: usher user ls")]
    Ls,
    /// Let somebody sign in. Without a password of theirs, one is made up and shown this once.
    #[command(
        after_help = "Example: usher user create ana@example.org --name Ana --role editor\nExample: usher user create ben@example.org --name Ben --role operator --environment production --venue wembley-stadium"
    )]
    Create {
        /// What they sign in with.
        email: String,
        /// How they are shown.
        #[arg(long)]
        name: String,
        /// What they may do: there, with `--environment` or `--venue`, and see everything else; without, everywhere.
        #[arg(long, value_enum)]
        role: Role,
        #[command(flatten)]
        places: Places,
        /// A file with their password in its first line; `-` for standard input.
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
    /// Invite somebody: prints a link with which they set their password, once, within a week.
    #[command(
        after_help = "Example: usher user invite ana@example.org --name Ana --role editor\nExample: usher user invite ana@example.org --again"
    )]
    Invite {
        /// What they will sign in with.
        email: String,
        /// How they are shown.
        #[arg(long, required_unless_present = "again")]
        name: Option<String>,
        /// What they may do: there, with `--environment` or `--venue`, and see everything else; without, everywhere.
        #[arg(long, value_enum, required_unless_present = "again")]
        role: Option<Role>,
        #[command(flatten)]
        places: Places,
        /// Make a new link for somebody who has not taken the first, which opens nothing any more.
        #[arg(long, conflicts_with_all = ["name", "role"])]
        again: bool,
    },
    /// Change what somebody may do, or their password.
    #[command(
        after_help = "Example: usher user set ana@example.org --role operator\nExample: usher user set ben@example.org --role operator --venue berlin-dome --add"
    )]
    Set {
        /// What they sign in with.
        email: String,
        /// How they are shown.
        #[arg(long)]
        name: Option<String>,
        /// What they may do from now on: there, with `--environment` or `--venue`, and see everything else; without,
        /// everywhere.
        #[arg(long, value_enum)]
        role: Option<Role>,
        #[command(flatten)]
        places: Places,
        /// What they may do already stays; this is added.
        #[arg(long, requires = "role")]
        add: bool,
        /// A file with their new password in its first line; `-` for standard input.
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
    /// List where somebody is signed in, and since when.
    #[command(after_help = "Example: usher user sessions ana@example.org")]
    Sessions {
        /// What they sign in with.
        email: String,
    },
    /// Sign somebody out everywhere: all their sessions end at once.
    #[command(after_help = "Example: usher user sign-out ana@example.org")]
    SignOut {
        /// What they sign in with.
        email: String,
    },
    /// Have a new key sign sessions. Tokens of the one before are taken until they expire, in minutes.
    #[command(after_help = "Example: usher user new-session-key")]
    NewSessionKey,
    /// Remove somebody; their sessions end at once.
    #[command(after_help = "Example: usher user rm ana@example.org")]
    Rm {
        /// What they sign in with.
        email: String,
    },
}
