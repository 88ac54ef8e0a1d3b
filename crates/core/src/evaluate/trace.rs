//! The record of an evaluation: what was asked, in order, and what was answered.

use std::fmt;

use serde::Serialize;

/// Every step of one evaluation, in order; the last one decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Trace {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What was looked at: `flag`, `enabled`, `killed`, `prerequisite`, `dark`, `venue`, `target`,
    /// `rule`, `default`.
    pub step: &'static str,
    /// How it went.
    pub outcome: Outcome,
    /// The same as a sentence.
    pub text: String,
    /// The rule, where the step is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What led to the outcome, as sentences: conditions with what the context had, draws with their bucket.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It did not settle the matter; the next step was taken.
    Passed,
    /// It gave the answer.
    Decided,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.steps.iter().enumerate() {
            let mark = if step.outcome == Outcome::Decided { "→" } else { "·" };
            writeln!(f, "{:>3}. {mark} {}", n + 1, step.text)?;
            for detail in &step.details {
                writeln!(f, "       {detail}")?;
            }
        }
        Ok(())
    }
}
