//! Change requests.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Message, One};

#[derive(Debug, Subcommand)]
pub enum Change {
    /// List change requests.
    #[command(after_help = "Example: usher change ls")]
    Ls {
        /// Only those that contain this.
        search: Option<String>,
    },
    /// Show one: what it would change, whom that would reach, and what it still lacks.
    #[command(after_help = "Example: usher change get raise-limit")]
    Get {
        /// Its key.
        key: String,
    },
    /// Ask for a change that somebody else looks at before it is made.
    #[command(
        after_help = "Example: usher change open --key raise-limit --title 'Raise the limit' --file flag.json\n\nThe file holds one document as `usher flag get --output json` shows it, or a list of changes, each {\"put\": document} or {\"delete\": {\"kind\": …, \"key\": …}}; `-` is standard input."
    )]
    Open(Open),
    /// Say that it may be made, as a second person: needs --email, for a token is nobody.
    #[command(
        after_help = "Example: USHER_PASSWORD=… usher change approve raise-limit --email ana@example.org --seen 812"
    )]
    Approve {
        /// Its key.
        key: String,
        /// The version that was looked at, as `usher change get` shows it: another is not approved.
        #[arg(long)]
        seen: Option<u64>,
    },
    /// Say something about it.
    #[command(after_help = "Example: usher change comment raise-limit 'what about Anfield?'")]
    Comment {
        /// Its key.
        key: String,
        /// What.
        text: String,
    },
    /// Make it, in one commit.
    #[command(after_help = "Example: usher change merge raise-limit")]
    Merge(One),
    /// Drop it.
    #[command(after_help = "Example: usher change close raise-limit --message 'not this season'")]
    Close(One),
}

/// A request to be.
#[derive(Debug, clap::Args)]
pub struct Open {
    /// What it is about, in a line.
    #[arg(long)]
    pub title: String,
    /// What would change, as JSON; `-` for standard input.
    #[arg(long, short)]
    pub file: PathBuf,
    /// Its key; the server gives it one, without. One that is open already is changed, and its approvals are gone.
    #[arg(long)]
    pub key: Option<String>,
    /// Make it by itself then, once it is approved: an instant (2027-05-15T17:00:00Z), or a local time (2027-05-15T18:00)
    /// of --venue or --time-zone.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// The venue whose clocks show the local time.
    #[arg(long, requires = "at")]
    pub venue: Option<String>,
    /// Whose clocks show the local time, by its IANA name.
    #[arg(long, value_name = "ZONE", requires = "at")]
    pub time_zone: Option<String>,
    #[command(flatten)]
    pub message: Message,
}
