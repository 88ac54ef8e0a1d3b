//! What somebody may do, and where.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
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

/// Where a role holds; everywhere, without any.
#[derive(Debug, clap::Args)]
pub struct Places {
    /// In this environment only; may be given several times.
    #[arg(long, short, value_name = "KEY", requires = "role")]
    pub environment: Vec<String>,
    /// At this venue only; may be given several times.
    #[arg(long, value_name = "KEY", requires = "role")]
    pub venue: Vec<String>,
}
