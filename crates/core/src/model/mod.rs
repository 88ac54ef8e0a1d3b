//! The documents of a workspace: flags, cohorts, venues, environments, events, freezes, releases, playbooks,
//! schedules, change requests, credentials and people.
//!
//! There is one type for one thing. What the journal keeps and the wire carries is a [`Document`]: its
//! identity and its JSON text, untouched, so that a field this version does not know is never lost. Who
//! needs to look inside parses it to its typed [`Model`]; parsing is strict, and whatever it lets through
//! is valid for good.

mod actor;
mod change;
mod change_request;
mod cohort;
mod condition;
mod credential;
mod document;
mod draw;
mod environment;
mod event;
mod flag;
mod freeze;
mod key;
mod moment;
mod playbook;
mod release;
mod rights;
mod schedule;
mod sequence;
mod steering;
mod time;
mod user;
mod venue;
mod when;

pub use actor::{Actor, ActorKind};
pub use change::Change;
pub use change_request::{Approval, ChangeRequest, Comment, MAX_COMMENTS, RequestStatus};
pub use cohort::{Claims, Cohort};
pub use condition::{CURRENT_TIME, Condition, Dialect, Operator, Predicate, Scalar};
pub use credential::{Credential, CredentialType, SignedContexts};
pub use document::{Document, DocumentId, Kind, Model, parse_strict};
pub use draw::{HashAlgorithm, Rollout, Split, WeightedVariant, WhenMissing};
pub use environment::Environment;
pub use event::Event;
pub use flag::{
    Flag, FlagConfig, FlagType, Killed, Lifecycle, Prerequisite, Rule, Serve, StaleThen, Target, WhenStale,
};
pub use freeze::{Freeze, Held};
pub use key::{CohortKey, EnvironmentKey, FlagKey, Key, Percent, VariantKey, VenueKey};
pub use moment::{Moment, Span};
pub use playbook::{At, Notice, Of, Play, Playbook, Rehearsal, Restore};
pub use release::{
    Check, Expectation, Guard, Probe, Progress, RehearsedStep, Rehearsing, Release, ReleaseRehearsal,
    Requirements, Scope, Stage, Status, Step, StepKind, Then, WhenUnknown, Worse,
};
pub use rights::{OutOfScope, Rights, RoleBinding};
pub use schedule::{Ended, Outcome, Schedule, Turn};
pub use sequence::{Epoch, Seq};
pub use steering::{Advice, Steering};
pub use time::{Duration, Timestamp};
pub use user::{Invitation, OpenId, Role, SecondFactor, User};
pub use venue::Venue;
pub(crate) use when::no_zone;
pub use when::{Clock, Due, LocalTime, Turned, When};
