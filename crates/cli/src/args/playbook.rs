//! Playbooks.

use clap::Subcommand;

use super::{Message, One, Set};

#[derive(Debug, Subcommand)]
pub enum Playbook {
    /// List playbooks.
    #[command(after_help = "Example: usher playbook ls")]
    Ls {
        /// Only those that contain this.
        search: Option<String>,
    },
    /// Show a playbook; with --output json as `playbook set` takes it.
    #[command(after_help = "Example: usher playbook get gates-fail")]
    Get {
        /// Its key.
        key: String,
    },
    /// Write a whole playbook from a file.
    #[command(after_help = "Example: usher playbook set gates-fail --file playbook.json")]
    Set(Set),
    /// Delete a playbook.
    #[command(after_help = "Example: usher playbook rm gates-fail")]
    Rm(One),
    /// Carry out all that it says, in one commit.
    #[command(after_help = "Example: usher playbook run gates-fail --message 'gate C does not scan'")]
    Run {
        /// Its key.
        key: String,
        #[command(flatten)]
        message: Message,
    },
    /// Run it in an environment for rehearsals, and measure how long it takes until every device there has it.
    #[command(
        after_help = "Example: usher playbook rehearse gates-fail --of production --environment rehearsal"
    )]
    Rehearse {
        /// Its key.
        key: String,
        /// The environment that it is for.
        #[arg(long)]
        of: String,
        /// The environment for rehearsals; its document says `"rehearsal": true`.
        #[arg(long, short)]
        environment: String,
    },
}
