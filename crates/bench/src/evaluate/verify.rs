//! Whether all engines answer the same question.
//!
//! Who matches a rule is the same everywhere, so with the draws taken out everybody must get the same from every
//! engine. Hashes differ, so with the draws in only the shares can be compared, but for the floor, which draws as
//! Usher does.

use anyhow::{Result, ensure};
use usher_bench::{
    floor::{Floor, Person},
    reference::{R1, R1_PERCENT, R2, R2_VARIANTS},
};
use usher_core::{Context, Ruleset, model::Timestamp};

/// How far a share may be from what is expected, in standard deviations: once in 15,000 fair draws.
const DEVIATIONS: f64 = 4.0;

/// What everybody gets, context by context.
#[derive(PartialEq)]
pub struct Answers {
    /// Whether R1 is on.
    pub on: Vec<bool>,
    /// R2's variant.
    pub texts: Vec<String>,
}

/// What the core gives.
pub fn ours(rules: &Ruleset, contexts: &[Context]) -> Answers {
    let text = |flag, context| {
        rules.evaluate(flag, context, Timestamp::EPOCH).variant().unwrap_or_default().to_owned()
    };
    Answers {
        on: contexts.iter().map(|context| text(R1, context) == "on").collect(),
        texts: contexts.iter().map(|context| text(R2, context)).collect(),
    }
}

/// The floor must give everybody what the core gives, draws and all.
pub fn floor(floor: &Floor, people: &[Person], rules: &Ruleset, contexts: &[Context]) -> Result<()> {
    let by_hand = Answers {
        on: people.iter().map(|person| floor.evaluate(R1, person) == Some(1)).collect(),
        texts: people
            .iter()
            .map(|person| floor.evaluate(R2, person).and_then(|n| R2_VARIANTS.get(usize::try_from(n).ok()?)))
            .map(|variant| variant.copied().unwrap_or_default().to_owned())
            .collect(),
    };
    ensure!(by_hand == ours(rules, contexts), "the floor and the core disagree");
    Ok(())
}

/// Draws must fall on nobody whom the rules leave out, and fairly on the others.
#[cfg_attr(not(feature = "peers"), allow(dead_code))]
pub fn shares(engine: &str, answers: &Answers, matching: &Answers) -> Result<()> {
    let outside = answers.on.iter().zip(&matching.on).filter(|(on, matches)| **on && !**matches).count();
    ensure!(outside == 0, "{engine} gives R1 to {outside} whom its rule leaves out");
    let (on, of) = (count(&answers.on, |on| *on), count(&matching.on, |matches| *matches));
    is_fair(on, of, f64::from(R1_PERCENT) / 100.0, &format!("{engine}: R1"))?;
    for variant in R2_VARIANTS {
        let given = count(&answers.texts, |text| text == variant);
        is_fair(given, answers.texts.len(), 1.0 / 3.0, &format!("{engine}: R2's `{variant}`"))?;
    }
    Ok(())
}

fn count<T>(of: &[T], is: impl Fn(&T) -> bool) -> usize {
    of.iter().filter(|&one| is(one)).count()
}

#[allow(clippy::cast_precision_loss)] // A thousand.
fn is_fair(given: usize, of: usize, share: f64, what: &str) -> Result<()> {
    let (given, of) = (given as f64, of as f64);
    let deviation = (of * share * (1.0 - share)).sqrt();
    ensure!(
        (given - of * share).abs() <= DEVIATIONS * deviation,
        "{what}: {given} of {of} are not {share:.2}"
    );
    Ok(())
}
