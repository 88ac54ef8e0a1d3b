//! Releases.

use clap::{Subcommand, ValueEnum};

use super::{Message, Set};

#[derive(Debug, Subcommand)]
pub enum Release {
    /// List releases, and how far they are.
    #[command(after_help = "Example: usher release ls")]
    Ls {
        /// Only those that contain this.
        search: Option<String>,
    },
    /// Show a release; with --output json as `release set` takes it.
    #[command(after_help = "Example: usher release get cup-final-checkout")]
    Get {
        /// Its key.
        key: String,
    },
    /// Write a plan that is ready to be edited.
    #[command(
        after_help = "Example: usher release template festival cup-final-checkout --flag new-checkout --environment production --variant on --control off --venue wembley-stadium --venue anfield > plan.json"
    )]
    Template(Template),
    /// Write a whole plan from a file. One that runs can't be changed.
    #[command(after_help = "Example: usher release set cup-final-checkout --file plan.json")]
    Set(Set),
    /// Delete one that does not run.
    #[command(after_help = "Example: usher release rm cup-final-checkout")]
    Rm(One),
    /// Look at everything that should be so before it begins.
    #[command(after_help = "Example: usher release preflight cup-final-checkout")]
    Preflight {
        /// Its key.
        key: String,
    },
    /// Take its stages one after the other in an environment for rehearsals, then take it back there, and measure how
    /// long each takes until every device there has it. The flag is left there as it was.
    #[command(after_help = "Example: usher release rehearse cup-final-checkout --environment rehearsal")]
    Rehearse {
        /// Its key.
        key: String,
        /// The environment for rehearsals; its document says `"rehearsal": true`.
        #[arg(long, short)]
        environment: String,
    },
    /// Begin its first stage; from then on the server moves it, and takes it back when a guard is breached.
    #[command(
        after_help = "Example: usher release start cup-final-checkout --message 'tickets go on sale at ten'"
    )]
    Start(One),
    /// Begin its next stage now, whatever it still waits for.
    #[command(
        after_help = "Example: usher release promote cup-final-checkout --message 'seen with our own eyes'"
    )]
    Promote(One),
    /// Let the next stage begin, where the stage asks for that.
    #[command(after_help = "Example: usher release approve cup-final-checkout")]
    Approve(One),
    /// Stop it where it is. Guards go on taking it back when it hurts.
    #[command(after_help = "Example: usher release pause cup-final-checkout --message 'queues at gate C'")]
    Pause(One),
    /// Let it go on; the stage's time begins anew.
    #[command(after_help = "Example: usher release resume cup-final-checkout")]
    Resume(One),
    /// Take it back everywhere.
    #[command(after_help = "Example: usher release rollback cup-final-checkout --message 'payments fail'")]
    Rollback(One),
    /// Show what its guards say and what follows, until it is over or Ctrl-C.
    #[command(after_help = "Example: usher release watch cup-final-checkout")]
    Watch {
        /// Its key.
        key: String,
        /// Show it once.
        #[arg(long)]
        once: bool,
    },
}

/// One release.
#[derive(Debug, clap::Args)]
pub struct One {
    /// Its key.
    pub key: String,
    #[command(flatten)]
    pub message: Message,
}

/// What a plan is made of.
#[derive(Debug, clap::Args)]
pub struct Template {
    /// Which kind of plan.
    pub kind: TemplateKind,
    /// The key of the release.
    pub key: String,
    /// The flag.
    #[arg(long)]
    pub flag: String,
    /// The environment.
    #[arg(long, short)]
    pub environment: String,
    /// What is released.
    #[arg(long)]
    pub variant: String,
    /// What those get who are not reached yet.
    #[arg(long)]
    pub control: String,
    /// The venues, the smallest first; may be given several times.
    #[arg(long, required = true)]
    pub venue: Vec<String>,
    /// What programs track as gone well or failed.
    #[arg(long, default_value = "checkout")]
    pub metric: String,
}

/// Kinds of plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TemplateKind {
    /// In the dark, one venue, a few, all; never while doors are open.
    Festival,
    /// Arena by arena, whole arenas at a time.
    ArenaLeague,
    /// A growing share of people everywhere, watched closely.
    Checkout,
}
