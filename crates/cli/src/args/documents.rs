//! Flags, venues, cohorts and environments.

use std::path::PathBuf;

use clap::Subcommand;

use super::Message;

/// Where a flag is changed.
#[derive(Debug, clap::Args)]
pub struct Where {
    /// The flag's key.
    pub key: String,
    /// The environment.
    #[arg(long, short)]
    pub environment: String,
    /// At this venue only; may be given several times.
    #[arg(long)]
    pub venue: Vec<String>,
    #[command(flatten)]
    pub message: Message,
}

/// When a flag is changed, if not now.
#[derive(Debug, clap::Args)]
pub struct Later {
    /// Not now, but then, by the server itself: an instant (2027-05-15T17:00:00Z), or a local time (2027-05-15T18:00) of
    /// the one --venue or of the --time-zone.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Whose clocks show the local time, by its IANA name.
    #[arg(long, value_name = "ZONE", requires = "at")]
    pub time_zone: Option<String>,
    /// What the schedule is called that this makes; without it, it gets a key that tells what it does.
    #[arg(long, value_name = "KEY", requires = "at")]
    pub schedule: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Flag {
    /// List flags.
    #[command(after_help = "Example: usher flag ls resale --owner payments")]
    Ls {
        /// Only those that contain this.
        search: Option<String>,
        /// Only those of this owner.
        #[arg(long)]
        owner: Option<String>,
        /// Only those with this tag.
        #[arg(long)]
        tag: Option<String>,
    },
    /// Show a flag; with --output json as `flag set` takes it.
    #[command(after_help = "Example: usher flag get resale-guard --at 2026-11-24T19:30:00Z")]
    Get {
        /// The flag's key.
        key: String,
        /// As of this commit or time.
        #[arg(long)]
        at: Option<String>,
    },
    /// Write a whole flag from a file.
    #[command(
        after_help = "Example: usher flag set resale-guard --file flag.json --message 'raise the limit'"
    )]
    Set(Set),
    /// Turn a flag on, or give venues its on variant.
    #[command(
        after_help = "Example: usher flag on resale-guard --environment production --venue wembley-stadium\nExample: usher flag on resale-guard --environment production --venue wembley-stadium --at 2027-05-15T18:00"
    )]
    On {
        #[command(flatten)]
        place: Where,
        /// Which variant the venues get.
        #[arg(long)]
        variant: Option<String>,
        #[command(flatten)]
        later: Later,
    },
    /// Turn a flag off, or give venues its off variant.
    #[command(after_help = "Example: usher flag off resale-guard --environment production")]
    Off {
        #[command(flatten)]
        place: Where,
        #[command(flatten)]
        later: Later,
    },
    /// Take the settings of venues away.
    #[command(
        after_help = "Example: usher flag clear resale-guard --environment production --venue wembley-stadium"
    )]
    Clear(Where),
    /// Off, whatever anybody edits, until it is revived.
    #[command(
        after_help = "Example: usher flag kill resale-guard --environment production --venue wembley-stadium"
    )]
    Kill {
        #[command(flatten)]
        place: Where,
        /// For this cohort only; may be given several times.
        #[arg(long)]
        cohort: Vec<String>,
        #[command(flatten)]
        later: Later,
    },
    /// Take a kill back.
    #[command(
        after_help = "Example: usher flag revive resale-guard --environment production --venue wembley-stadium"
    )]
    Revive {
        #[command(flatten)]
        place: Where,
        /// For this cohort only; may be given several times.
        #[arg(long)]
        cohort: Vec<String>,
        #[command(flatten)]
        later: Later,
    },
    /// Say who answers for a flag, what it is filed under, and how long it is meant to live.
    #[command(
        after_help = "Example: usher flag about resale-guard --owner payments --tag resale --expires 2027-06-30"
    )]
    About(About),
    /// List flags that have had their day: never evaluated, always the same answer, or past their day.
    #[command(after_help = "Example: usher flag stale --owner payments")]
    Stale(Stale),
    /// Off everywhere for good, but for its history. Refused while somebody still asks for it.
    #[command(after_help = "Example: usher flag archive old-checkout --message 'new checkout is everywhere'")]
    Archive {
        /// The flag's key.
        key: String,
        /// Archive it though somebody still asks for it; what would break without it is in the way all the same.
        #[arg(long)]
        even_so: bool,
        #[command(flatten)]
        message: Message,
    },
}

/// What is said of a flag that no rule looks at. What is not named stays.
#[derive(Debug, clap::Args)]
pub struct About {
    /// The flag's key.
    pub key: String,
    /// Who answers for it; an empty text takes that away.
    #[arg(long, value_name = "NAME")]
    pub owner: Option<String>,
    /// Add a tag; may be given several times.
    #[arg(long)]
    pub tag: Vec<String>,
    /// Take a tag away; may be given several times.
    #[arg(long, value_name = "TAG")]
    pub untag: Vec<String>,
    /// Whether it is meant to go away.
    #[arg(long, value_parser = ["temporary", "permanent"])]
    pub lifecycle: Option<String>,
    /// The day by which it should be gone; an empty text takes that away.
    #[arg(long, value_name = "DAY")]
    pub expires: Option<String>,
    #[command(flatten)]
    pub message: Message,
}

/// Which flags that have had their day.
#[derive(Debug, clap::Args)]
pub struct Stale {
    /// Only what is so in this environment.
    #[arg(long, short)]
    pub environment: Option<String>,
    /// Only those of this owner.
    #[arg(long)]
    pub owner: Option<String>,
    /// Only those with this tag.
    #[arg(long)]
    pub tag: Option<String>,
    /// Only those with this reason.
    #[arg(long, value_parser = ["expired", "never-evaluated", "same-answer"])]
    pub reason: Option<String>,
    /// How many days without an evaluation are too many. [default: 7]
    #[arg(long)]
    pub days: Option<u32>,
}

/// A whole document from a file.
#[derive(Debug, clap::Args)]
pub struct Set {
    /// Its key.
    pub key: String,
    /// The document, as JSON; `-` for standard input.
    #[arg(long, short)]
    pub file: PathBuf,
    #[command(flatten)]
    pub message: Message,
}

#[derive(Debug, Subcommand)]
pub enum Venue {
    /// List venues.
    #[command(after_help = "Example: usher venue ls England")]
    Ls {
        /// Only those that contain this.
        search: Option<String>,
    },
    /// Show a venue; with --output json as `venue set` takes it.
    #[command(after_help = "Example: usher venue get wembley-stadium")]
    Get {
        /// Its key.
        key: String,
    },
    /// Write a whole venue from a file.
    #[command(after_help = "Example: usher venue set wembley-stadium --file venue.json")]
    Set(Set),
    /// Import venues from CSV with the columns key, name, city, country, capacity; in one commit. What else is
    /// known of a venue, its tags say, stays.
    #[command(after_help = "Example: usher venue import venues.csv --message 'the 2026 season'")]
    Import {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        message: Message,
    },
}

#[derive(Debug, Subcommand)]
pub enum Documents {
    /// List them.
    #[command(after_help = "Example: usher cohort ls")]
    Ls {
        /// Only those that contain this.
        search: Option<String>,
    },
    /// Show one; with --output json as `set` takes it.
    #[command(after_help = "Example: usher cohort get season-ticket-holders")]
    Get {
        /// Its key.
        key: String,
    },
    /// Write a whole one from a file.
    #[command(after_help = "Example: usher cohort set season-ticket-holders --file cohort.json")]
    Set(Set),
    /// Delete one that nothing refers to.
    #[command(after_help = "Example: usher cohort rm season-ticket-holders")]
    Rm {
        /// Its key.
        key: String,
        #[command(flatten)]
        message: Message,
    },
}
