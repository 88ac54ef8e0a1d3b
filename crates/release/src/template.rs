//! Plans to begin with: what has proved itself, with the names filled in.

use usher_core::model::{
    Check, Duration, EnvironmentKey, FlagKey, Guard, Key, Percent, Release, Requirements, Scope, Span, Stage,
    Then, VariantKey, VenueKey, WhenUnknown,
};

/// What a plan is made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The release's key.
    pub key: Key,
    /// The flag.
    pub flag: FlagKey,
    /// The environment.
    pub environment: EnvironmentKey,
    /// What is released.
    pub variant: VariantKey,
    /// What those get who are not reached yet.
    pub control: VariantKey,
    /// The venues, the one that risks least first.
    pub venues: Vec<VenueKey>,
    /// What programs track as gone well or failed.
    pub metric: String,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
/// Venues of the stage after the first one.
const FEW: usize = 4;

/// In the dark, at one venue, at a few, at all of them; not before the day of an event, and never while it is on.
#[must_use]
pub fn festival(parts: Parts) -> Release {
    let all = parts.venues.clone();
    let stages = vec![
        Stage { dark: true, ..stage("dark", &all, 100, 30 * MINUTE) },
        stage("canary venue", first(&all, 1), 50, HOUR),
        stage("a few venues", first(&all, FEW), 50, 2 * HOUR),
        stage("most people", &all, 90, 2 * HOUR),
        stage("all", &all, 100, 0),
    ];
    Release {
        not_before: "doors-24h".parse().ok(),
        never: "doors"
            .parse()
            .ok()
            .zip("finalScan".parse().ok())
            .map(|(from, until)| Span { from, until })
            .into_iter()
            .collect(),
        ..release(parts, stages, Scope::All)
    }
}

/// One arena after the other, half of its people and then all of them; one that hurts is taken out alone.
#[must_use]
pub fn arena_league(parts: Parts) -> Release {
    let all = parts.venues.clone();
    let stages = (1..=all.len()).flat_map(|count| {
        let last = all.get(count - 1).map_or("", |venue| venue.as_str());
        [
            stage(&format!("half of {last}"), first(&all, count), 50, HOUR),
            stage(last, first(&all, count), 100, 24 * HOUR),
        ]
    });
    let stages = stages.collect();
    release(parts, stages, Scope::Venue)
}

/// A growing share of people at all venues at once.
#[must_use]
pub fn checkout(parts: Parts) -> Release {
    let all = parts.venues.clone();
    let share = |percent: u32, bake| Stage {
        requires: Requirements { exposures: Some(1_000), ..Requirements::default() },
        ..stage(&format!("{percent} %"), &all, percent, bake)
    };
    let stages = vec![
        share(1, HOUR),
        share(10, HOUR),
        share(50, 4 * HOUR),
        share(90, 4 * HOUR),
        stage("all", &all, 100, 0),
    ];
    release(parts, stages, Scope::All)
}

fn first(venues: &[VenueKey], count: usize) -> &[VenueKey] {
    venues.get(..count).unwrap_or(venues)
}

fn stage(name: &str, venues: &[VenueKey], percent: u32, bake: u64) -> Stage {
    Stage {
        name: name.to_owned(),
        dark: false,
        venues: venues.to_vec(),
        cohorts: Vec::new(),
        percent: Percent::from_steps(percent * (Percent::STEPS / 100)),
        by: vec!["targetingKey".to_owned()],
        bake: Duration::from_seconds(bake),
        requires: Requirements::default(),
    }
}

fn release(parts: Parts, stages: Vec<Stage>, rollback: Scope) -> Release {
    let failures = Check::Failures { metric: parts.metric.clone(), tolerance: None, at_most: None };
    Release {
        name: String::new(),
        description: String::new(),
        stages,
        guards: vec![Guard {
            name: parts.metric,
            check: failures,
            minimum_sample: 100,
            then: Then::RollBack,
            when_unknown: WhenUnknown::Pause,
            unknown_after: Duration::from_seconds(5 * MINUTE),
        }],
        rollback,
        look_every: Duration::from_seconds(15),
        false_alarms: Percent::from_steps(Percent::STEPS / 100),
        events: Vec::new(),
        not_before: None,
        never: Vec::new(),
        progress: None,
        rehearsals: Vec::new(),
        rehearsing: None,
        key: parts.key,
        flag: parts.flag,
        environment: parts.environment,
        variant: parts.variant,
        control: parts.control,
    }
}

#[cfg(test)]
mod tests {
    use usher_core::model::{Document, Kind, parse_strict};

    use super::*;

    #[test]
    fn every_template_is_a_plan_that_is_accepted() {
        let parts = Parts {
            key: "r".parse().unwrap(),
            flag: "f".parse().unwrap(),
            environment: "production".parse().unwrap(),
            variant: "on".parse().unwrap(),
            control: "off".parse().unwrap(),
            venues: ["a", "b", "c", "d", "e"].map(|venue| venue.parse().unwrap()).to_vec(),
            metric: "checkout".to_owned(),
        };
        for make in [festival, arena_league, checkout] {
            let release = make(parts.clone());
            let document = Document::from_model(&release).unwrap();
            let read = parse_strict(&Kind::Release, document.json().as_bytes()).unwrap();
            assert_eq!(read.parse::<Release>().unwrap(), release);
            assert!(
                release
                    .stages
                    .windows(2)
                    .all(|pair| pair[0].venues.len() <= pair[1].venues.len() || pair[0].dark)
            );
        }
        let alone = festival(Parts { venues: vec!["a".parse().unwrap()], ..parts });
        assert_eq!((alone.stages.len(), alone.never.len()), (5, 1));
    }
}
