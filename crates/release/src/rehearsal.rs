//! Rehearsing a release: the steps that are taken in another environment, and what they were taken of.

use usher_core::{
    Problem,
    model::{EnvironmentKey, Flag, FlagConfig, Killed, Release, StepKind, Timestamp},
};
use xxhash_rust::xxh3::xxh3_128;

use crate::{Move, effect};

/// A release and its flag in an environment for rehearsals. Nothing here is written as it is: of the flag only what it
/// is in that environment, of the release nothing.
#[derive(Clone, Debug)]
pub struct Rehearsed {
    release: Release,
    flag: Flag,
}

impl Rehearsed {
    /// Begins the first stage of `release` in `environment`, where the flag is what it is where it is to be released.
    ///
    /// # Errors
    /// The release could not begin with this flag.
    pub fn start(
        release: &Release,
        flag: &Flag,
        environment: &EnvironmentKey,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let mut own = Self { release: release.clone(), flag: flag.clone() };
        if let Some(config) = flag.environments.get(&release.environment) {
            own.flag.environments.insert(environment.clone(), config.clone());
        }
        own.release.environment.clone_from(environment);
        (own.release.progress, own.release.rehearsing) = (None, None);
        own.step(&Move::Start("rehearsal".to_owned()), now)?;
        Ok(own)
    }

    /// Begins the next stage. `false` where there is none.
    ///
    /// # Errors
    /// The flag can't be what the stage says.
    pub fn promote(&mut self, now: Timestamp) -> Result<bool, Problem> {
        let stage = self.release.progress.as_ref().map_or(0, |own| own.stage);
        let more = stage + 1 < self.release.stages.len();
        if more {
            self.step(&Move::Promote, now)?;
        }
        Ok(more)
    }

    /// Takes it back.
    ///
    /// # Errors
    /// The flag can't be taken back.
    pub fn roll_back(&mut self, now: Timestamp) -> Result<(), Problem> {
        self.step(&Move::RollBack, now)
    }

    fn step(&mut self, step: &Move, now: Timestamp) -> Result<(), Problem> {
        step.take(&mut self.release, &mut self.flag, Vec::new(), now).map(|_| ())
    }

    /// What the flag is now in the environment for rehearsals.
    #[must_use]
    pub fn config(&self) -> Option<&FlagConfig> {
        self.flag.environments.get(&self.release.environment)
    }

    /// What was done last, and the stage that it is in.
    #[must_use]
    pub fn last(&self) -> Option<(StepKind, &str)> {
        let step = self.release.progress.as_ref()?.steps.last()?;
        Some((step.kind, &step.stage))
    }
}

/// A fingerprint of all that a rehearsal of `release` depends on: the plan, and the flag where it is to be released.
/// Names, kills and what is measured are not part of it, nor what the release itself does to the flag.
#[must_use]
pub fn fingerprint(release: &Release, flag: &Flag) -> String {
    let plan = Release {
        name: String::new(),
        description: String::new(),
        progress: None,
        rehearsals: Vec::new(),
        rehearsing: None,
        ..release.clone()
    };
    let mut flag = flag.clone();
    drop(effect::take_back(release, &mut flag, &[]));
    let config = flag.environments.get(&release.environment).map(|config| FlagConfig {
        killed: Killed::default(),
        measure: Vec::new(),
        ..config.clone()
    });
    let of_flag = (flag.flag_type, &flag.variants, flag.client_visible, flag.lifecycle, flag.minimum_schema);
    let whole = (plan, of_flag, config);
    // What can't be written as JSON can't have been read either.
    let text = serde_json::to_vec(&whole).unwrap_or_default();
    format!("{:032x}", xxh3_128(&text))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use usher_core::model::{Model, parse_strict};

    use super::*;

    fn model<M: Model>(json: &Value) -> M {
        parse_strict(&M::KIND, json.to_string().as_bytes()).unwrap().parse().unwrap()
    }

    fn flag() -> Flag {
        let config =
            |variant: &str| json!({"enabled": true, "offVariant": "off", "default": {"variant": variant}});
        model(&json!({"key": "checkout", "type": "boolean", "variants": {"on": true, "off": false},
            "environments": {"production": config("off"), "stage": config("on")}}))
    }

    fn release() -> Release {
        model(
            &json!({"key": "r", "flag": "checkout", "environment": "production", "variant": "on", "control": "off",
            "stages": [{"name": "canary", "percent": 10}, {"name": "all"}]}),
        )
    }

    #[test]
    fn its_steps_are_those_of_the_release_and_only_where_it_is_rehearsed() {
        let (release, flag, now) = (release(), flag(), Timestamp::EPOCH);
        let stage: EnvironmentKey = "stage".parse().unwrap();
        let mut own = Rehearsed::start(&release, &flag, &stage, now).unwrap();
        let mut story = vec![(own.last().unwrap().0, own.config().unwrap().rules.len())];
        while own.promote(now).unwrap() {
            story.push((own.last().unwrap().0, own.config().unwrap().rules.len()));
        }
        own.roll_back(now).unwrap();
        story.push((own.last().unwrap().0, own.config().unwrap().rules.len()));
        assert_eq!(story, [(StepKind::Started, 1), (StepKind::Promoted, 1), (StepKind::RolledBack, 0)]);
        assert_eq!(own.config(), flag.environments.get("production"), "what it was copied from");
        assert_eq!(own.flag.environments.get("production"), flag.environments.get("production"));
    }

    #[test]
    fn a_flag_that_could_not_be_released_is_not_rehearsed() {
        let mut flag = flag();
        flag.environments.get_mut("production").unwrap().enabled = false;
        let refused = Rehearsed::start(&release(), &flag, &"stage".parse().unwrap(), Timestamp::EPOCH);
        assert!(refused.is_err_and(|problem| problem.to_string().contains("the flag is off")));
    }

    #[test]
    fn the_fingerprint_is_of_the_plan_and_the_flag_and_not_of_what_happens_to_them() {
        let (release, flag) = (release(), flag());
        let before = fingerprint(&release, &flag);
        let (mut run, mut served) = (release.clone(), flag.clone());
        for step in [Move::Start("ana".to_owned()), Move::Promote] {
            step.take(&mut run, &mut served, Vec::new(), Timestamp::EPOCH).unwrap();
            assert_eq!(fingerprint(&run, &served), before, "while it runs");
        }
        Move::Kill.take(&mut run, &mut served, Vec::new(), Timestamp::EPOCH).unwrap();
        run.name = "Another name".to_owned();
        served.environments.get_mut("stage").unwrap().enabled = false;
        assert_eq!(fingerprint(&run, &served), before, "and after it was taken back");
        let mut other = release.clone();
        other.stages.pop();
        assert_ne!(fingerprint(&other, &flag), before);
        let mut other = flag.clone();
        other.environments.get_mut("production").unwrap().off_variant = "on".parse().unwrap();
        assert_ne!(fingerprint(&release, &other), before);
    }
}
