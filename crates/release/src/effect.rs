//! What a release does to its flag: rules of its own, before all others, one for each stage that it has reached.
//!
//! All of them draw by the same seed, so that a share that grows from stage to stage keeps everybody it had. What is not
//! the release's own is never touched.

use usher_core::{
    Problem,
    model::{
        Condition, Dialect, Flag, FlagConfig, HashAlgorithm, Key, Operator, Percent, Predicate, Release,
        Rollout, Rule, Scalar, Serve, Stage, VenueKey, WhenMissing,
    },
};

/// The beginning of the ids of rules that a release owns.
fn prefix(release: &Release) -> String {
    format!("release-{}-", release.key)
}

/// Makes the flag serve what `release` has reached with its stage `reached`, but not at the `withdrawn` venues.
///
/// # Errors
/// The flag is not configured in the release's environment, or a rule can't be made.
pub fn serve(
    release: &Release,
    flag: &mut Flag,
    reached: usize,
    withdrawn: &[VenueKey],
) -> Result<(), Problem> {
    let config = config(release, flag)?;
    clear(release, config);
    let stages = release.stages.get(..=reached).unwrap_or(&release.stages);
    let mut rules = Vec::new();
    for (n, stage) in stages.iter().enumerate() {
        // A dark stage ends where a stage that serves begins, and what a later stage covers needs no rule of its own.
        let over = stage.dark && stages.last().is_some_and(|last| !last.dark);
        if !over && !stages[n + 1..].iter().any(|later| covers(later, stage)) {
            rules.push(rule(release, n, stage, withdrawn)?);
        }
    }
    // Who is in several stages gets the same from each, so their order is all one.
    config.rules.splice(0..0, rules);
    Ok(())
}

/// Has the flag measure what the guards of `release` look at. Gives back what it did not measure before.
///
/// # Errors
/// The flag is not configured in the release's environment.
pub fn measure(release: &Release, flag: &mut Flag) -> Result<Vec<String>, Problem> {
    let config = config(release, flag)?;
    let mut added = Vec::new();
    for metric in release.guards.iter().filter_map(|guard| guard.check.metric()) {
        if !config.measure.iter().any(|own| own == metric) {
            config.measure.push(metric.to_owned());
            added.push(metric.to_owned());
        }
    }
    Ok(added)
}

/// Takes everything out of the flag that `release` has put there, with the metrics that it had it `measured`.
///
/// # Errors
/// The flag is not configured in the release's environment.
pub fn take_back(release: &Release, flag: &mut Flag, measured: &[String]) -> Result<(), Problem> {
    let config = config(release, flag)?;
    clear(release, config);
    config.measure.retain(|own| !measured.contains(own));
    Ok(())
}

/// The share of contexts at `venue` that get the variant once the stage `reached` is. `None` where that can't be told: by
/// cohort, or by other attributes than the person.
#[must_use]
pub fn share(release: &Release, reached: usize, venue: Option<&VenueKey>) -> Option<f64> {
    let stages = release.stages.get(..=reached).unwrap_or(&release.stages);
    let here = stages.iter().filter(|stage| {
        !stage.dark && (stage.venues.is_empty() || venue.is_some_and(|venue| stage.venues.contains(venue)))
    });
    let mut most = Percent::default();
    for stage in here {
        if !stage.cohorts.is_empty() || stage.by != ["targetingKey"] {
            return None;
        }
        most = most.max(stage.percent);
    }
    Some(most.value() / 100.0)
}

fn config<'f>(release: &Release, flag: &'f mut Flag) -> Result<&'f mut FlagConfig, Problem> {
    let key = flag.key.clone();
    flag.environments.get_mut(&release.environment).ok_or_else(|| {
        let mend = format!("Configure `{key}` for this environment first.");
        Problem::new("environment", &*release.environment, "the flag is not configured there", mend)
    })
}

fn clear(release: &Release, config: &mut FlagConfig) {
    let prefix = prefix(release);
    // Another release's key may begin with this one's: only a number may follow.
    let own = |rule: &Rule| rule.id.strip_prefix(&*prefix).is_some_and(|rest| rest.parse::<usize>().is_ok());
    config.rules.retain(|rule| !own(rule));
}

/// Whether everybody in `earlier` is in `later` too.
fn covers(later: &Stage, earlier: &Stage) -> bool {
    let venues = later.venues.is_empty()
        || (!earlier.venues.is_empty() && earlier.venues.iter().all(|venue| later.venues.contains(venue)));
    let cohorts = later.cohorts.is_empty()
        || (!earlier.cohorts.is_empty()
            && earlier.cohorts.iter().all(|cohort| later.cohorts.contains(cohort)));
    later.dark == earlier.dark
        && venues
        && cohorts
        && later.percent >= earlier.percent
        && (later.by == earlier.by || later.percent.steps() == Percent::STEPS)
}

fn rule(release: &Release, n: usize, stage: &Stage, withdrawn: &[VenueKey]) -> Result<Rule, Problem> {
    let id = format!("{}{}", prefix(release), n + 1);
    let id: Key = id.parse().map_err(|detail: String| {
        Problem::new("key", &*release.key, detail, "Give the release a shorter key.")
    })?;
    let at = |operator, venues: &[VenueKey]| {
        Condition::Attribute(Predicate {
            attribute: "venue".to_owned(),
            operator,
            values: venues.iter().map(|venue| Scalar::Text(venue.to_string())).collect(),
            ignore_case: false,
            dialect: Dialect::default(),
        })
    };
    let mut all = Vec::new();
    if !stage.venues.is_empty() {
        all.push(at(Operator::In, &stage.venues));
    }
    if !withdrawn.is_empty() {
        all.push(at(Operator::NotIn, withdrawn));
    }
    if !stage.cohorts.is_empty() {
        all.push(Condition::Any(stage.cohorts.iter().cloned().map(Condition::Cohort).collect()));
    }
    let whole = stage.percent.steps() == Percent::STEPS;
    let rollout = (!whole).then(|| Rollout {
        by: stage.by.clone(),
        percent: stage.percent,
        from: Percent::default(),
        seed: format!("release-{}", release.key),
        hash: HashAlgorithm::default(),
        fallback: Vec::new(),
        when_missing: WhenMissing::default(),
    });
    let name = if release.name.is_empty() { &*release.key } else { &release.name };
    Ok(Rule {
        id,
        name: format!("{name}: {}", stage.name),
        condition: (!all.is_empty()).then_some(Condition::All(all)),
        rollout,
        serve: Serve::Variant(release.variant.clone()),
        dark: stage.dark,
    })
}
