//! Importing.

use std::path::PathBuf;

use usher_core::import::Format;

use super::Message;

/// What to import, and how.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// flagd, unleash, launchdarkly or growthbook; left out for a file that `usher export` wrote.
    #[arg(value_name = "FORMAT", value_parser = format)]
    pub what: What,
    /// The file; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The environment that the flags of another system are of.
    #[arg(long, short)]
    pub environment: Option<String>,
    /// Only tell what would be done with each flag.
    #[arg(long)]
    pub dry_run: bool,
    /// Import nothing when anything is refused.
    #[arg(long)]
    pub strict: bool,
    /// Let client keys get the flags.
    #[arg(long)]
    pub client_visible: bool,
    /// An attribute that goes by another name here; may be given several times.
    #[arg(long, value_name = "FROM=TO")]
    pub rename: Vec<String>,
    /// For flagd: the form of `fractional` that its clients have.
    #[arg(long, value_parser = ["v2", "v3"])]
    pub fractional: Option<String>,
    #[command(flatten)]
    pub message: Message,
}

/// The first word: a format, or the file.
#[derive(Clone, Debug)]
pub enum What {
    Format(Format),
    File(PathBuf),
}

fn format(word: &str) -> Result<What, String> {
    Ok(word.parse().map_or_else(|_| What::File(word.into()), What::Format))
}
