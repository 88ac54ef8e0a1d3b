//! What each kind of document points to.

use crate::model::{
    ChangeRequest, Clock, Cohort, Credential, Document, DocumentId, Event, Flag, FlagConfig, Freeze, Kind,
    Play, Playbook, Progress, Release, RequestStatus, RoleBinding, Schedule, Then, User, When,
};

/// One reference: where it stands, and what it points to.
pub(super) struct Reference {
    pub(super) field: String,
    pub(super) to: DocumentId,
    /// The variants that the other flag must have.
    pub(super) variants: Vec<String>,
    /// Whether the venue must have a time zone.
    pub(super) zoned: bool,
}

impl Reference {
    fn new(field: impl Into<String>, kind: Kind, key: &str) -> Self {
        Self { field: field.into(), to: DocumentId::new(kind, key), variants: Vec::new(), zoned: false }
    }
}

/// All that a document points to. One that can't be parsed points to nothing: it is refused, or kept, for that.
pub(super) fn references(document: &Document) -> Vec<Reference> {
    match document.kind() {
        Kind::Flag => document.parse::<Flag>().map_or_else(|_| Vec::new(), |flag| flag_references(&flag)),
        Kind::Cohort => {
            document.parse::<Cohort>().map_or_else(|_| Vec::new(), |cohort| cohort_references(&cohort))
        }
        Kind::Key => document
            .parse::<Credential>()
            .ok()
            // Nobody comes with a revoked key any more, so what it was for may go.
            .filter(|key| key.revoked_at.is_none())
            .map_or_else(Vec::new, |key| credential_references(&key)),
        Kind::User => {
            document.parse::<User>().map_or_else(|_| Vec::new(), |user| binding_references(&user.bindings))
        }
        Kind::Event => document
            .parse::<Event>()
            .map_or_else(|_| Vec::new(), |event| vec![Reference::new("venue", Kind::Venue, &event.venue)]),
        Kind::Freeze => {
            document.parse::<Freeze>().map_or_else(|_| Vec::new(), |freeze| freeze_references(&freeze))
        }
        Kind::Playbook => document
            .parse::<Playbook>()
            .map_or_else(|_| Vec::new(), |playbook| play_references(&playbook.plays)),
        Kind::Schedule => document
            .parse::<Schedule>()
            .ok()
            // What is over is a record: what it was about may go.
            .filter(|schedule| schedule.outcome.is_none())
            .map_or_else(Vec::new, |schedule| schedule_references(&schedule)),
        Kind::ChangeRequest => document
            .parse::<ChangeRequest>()
            .ok()
            .filter(|request| request.status == RequestStatus::Open)
            // What it changes is looked at when it is made.
            .and_then(|request| request.apply_at.and_then(|at| when_reference("applyAt", &at)))
            .into_iter()
            .collect(),
        Kind::Release => document
            .parse::<Release>()
            .ok()
            // What is over is a record: what it was about may go.
            .filter(|release| release.progress.as_ref().is_none_or(Progress::is_watched))
            .map_or_else(Vec::new, |release| release_references(&release)),
        _ => Vec::new(),
    }
}

fn flag_references(flag: &Flag) -> Vec<Reference> {
    let mut all = Vec::new();
    for (environment, config) in &flag.environments {
        let at = format!("environments.{environment}");
        all.push(Reference::new(&at, Kind::Environment, environment));
        config_references(&at, config, &mut all);
    }
    all
}

fn config_references(at: &str, config: &FlagConfig, all: &mut Vec<Reference>) {
    for (n, venue) in config.killed.venues.iter().enumerate() {
        all.push(Reference::new(format!("{at}.killed.venues[{n}]"), Kind::Venue, venue));
    }
    for (n, cohort) in config.killed.cohorts.iter().enumerate() {
        all.push(Reference::new(format!("{at}.killed.cohorts[{n}]"), Kind::Cohort, cohort));
    }
    for (n, prerequisite) in config.prerequisites.iter().enumerate() {
        let variants = prerequisite.variants.iter().map(ToString::to_string).collect();
        let field = format!("{at}.prerequisites[{n}]");
        all.push(Reference { variants, ..Reference::new(field, Kind::Flag, &prerequisite.flag) });
    }
    for venue in config.venues.keys() {
        all.push(Reference::new(format!("{at}.venues.{venue}"), Kind::Venue, venue));
    }
    for (n, rule) in config.rules.iter().enumerate() {
        if let Some(condition) = &rule.condition {
            condition.each_cohort(&mut |cohort| {
                all.push(Reference::new(format!("{at}.rules[{n}].if"), Kind::Cohort, cohort));
            });
            condition.each_prerequisite(&mut |prerequisite| {
                let variants = prerequisite.variants.iter().map(ToString::to_string).collect();
                let field = format!("{at}.rules[{n}].if");
                all.push(Reference { variants, ..Reference::new(field, Kind::Flag, &prerequisite.flag) });
            });
        }
    }
}

fn cohort_references(cohort: &Cohort) -> Vec<Reference> {
    let mut all = Vec::new();
    for (n, venue) in cohort.venues.iter().enumerate() {
        all.push(Reference::new(format!("venues[{n}]"), Kind::Venue, venue));
    }
    if let Some(condition) = &cohort.condition {
        condition.each_cohort(&mut |inner| all.push(Reference::new("if", Kind::Cohort, inner)));
    }
    all
}

fn credential_references(key: &Credential) -> Vec<Reference> {
    let environment = key
        .environment
        .iter()
        .map(|environment| Reference::new("environment", Kind::Environment, environment));
    let venues = key.venues.iter().enumerate();
    environment
        .chain(venues.map(|(n, venue)| Reference::new(format!("venues[{n}]"), Kind::Venue, venue)))
        .chain(binding_references(&key.bindings))
        .collect()
}

/// A place whose name was mistyped would let somebody do nothing at all.
fn binding_references(bindings: &[RoleBinding]) -> Vec<Reference> {
    let of_one = |(n, binding): (usize, &RoleBinding)| {
        let environments = binding.environments.iter().enumerate().map(move |(m, own)| {
            Reference::new(format!("bindings[{n}].environments[{m}]"), Kind::Environment, own)
        });
        let venues = binding
            .venues
            .iter()
            .enumerate()
            .map(move |(m, own)| Reference::new(format!("bindings[{n}].venues[{m}]"), Kind::Venue, own));
        environments.chain(venues).collect::<Vec<_>>()
    };
    bindings.iter().enumerate().flat_map(of_one).collect()
}

fn freeze_references(freeze: &Freeze) -> Vec<Reference> {
    let environments = freeze.environments.iter().enumerate();
    let venues = freeze.venues.iter().enumerate();
    environments
        .map(|(n, own)| Reference::new(format!("environments[{n}]"), Kind::Environment, own))
        .chain(venues.map(|(n, own)| Reference::new(format!("venues[{n}]"), Kind::Venue, own)))
        .collect()
}

fn schedule_references(schedule: &Schedule) -> Vec<Reference> {
    let when = when_reference("at", &schedule.at);
    when.into_iter().chain(play_references(&schedule.plays)).collect()
}

fn when_reference(field: &str, when: &When) -> Option<Reference> {
    match when {
        When::Local { clock: Clock::Venue(venue), .. } => {
            Some(Reference { zoned: true, ..Reference::new(format!("{field}.venue"), Kind::Venue, venue) })
        }
        When::Moment { event, .. } => Some(Reference::new(format!("{field}.event"), Kind::Event, event)),
        When::Local { .. } | When::Instant(_) => None,
    }
}

fn play_references(plays: &[Play]) -> Vec<Reference> {
    let mut all = Vec::new();
    for (n, play) in plays.iter().enumerate() {
        let at = |field: &str| format!("plays[{n}].{field}");
        match play {
            Play::Kill(own) | Play::Revive(own) | Play::On(own) | Play::Off(own) => {
                let variants = own.variant.iter().map(ToString::to_string).collect();
                all.push(Reference { variants, ..Reference::new(at("flag"), Kind::Flag, &own.flag) });
                all.push(Reference::new(at("environment"), Kind::Environment, &own.environment));
                all.extend(own.venues.iter().map(|venue| Reference::new(at("venues"), Kind::Venue, venue)));
                all.extend(
                    own.cohorts.iter().map(|cohort| Reference::new(at("cohorts"), Kind::Cohort, cohort)),
                );
            }
            Play::Restore(own) => all.push(Reference::new(at("flag"), Kind::Flag, &own.flag)),
            // A release that is over may go; then there is nothing to take back.
            Play::RollBack(_) | Play::Notice(_) => {}
        }
    }
    all
}

fn release_references(release: &Release) -> Vec<Reference> {
    let variants = vec![release.variant.to_string(), release.control.to_string()];
    let mut all = vec![
        Reference { variants, ..Reference::new("flag", Kind::Flag, &release.flag) },
        Reference::new("environment", Kind::Environment, &release.environment),
    ];
    for (n, event) in release.events.iter().enumerate() {
        all.push(Reference::new(format!("events[{n}]"), Kind::Event, event));
    }
    for (n, guard) in release.guards.iter().enumerate() {
        if let Then::Playbook(playbook) = &guard.then {
            all.push(Reference::new(format!("guards[{n}].then.playbook"), Kind::Playbook, playbook));
        }
    }
    for (n, stage) in release.stages.iter().enumerate() {
        for (m, venue) in stage.venues.iter().enumerate() {
            all.push(Reference::new(format!("stages[{n}].venues[{m}]"), Kind::Venue, venue));
        }
        for (m, cohort) in stage.cohorts.iter().enumerate() {
            all.push(Reference::new(format!("stages[{n}].cohorts[{m}]"), Kind::Cohort, cohort));
        }
    }
    all
}
