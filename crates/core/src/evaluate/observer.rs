//! Who watches an evaluation: nobody (and then it costs nothing), or a trace.

use super::trace::{Step, Trace};

/// Told each step of an evaluation.
pub(super) trait Observer {
    /// Whether anybody listens; steps are only put into words if so.
    const LISTENS: bool;

    /// Takes note of one step.
    fn note(&mut self, step: Step);
}

/// Nobody.
pub(super) struct Silent;

impl Observer for Silent {
    const LISTENS: bool = false;

    fn note(&mut self, _: Step) {}
}

impl Observer for &mut Trace {
    const LISTENS: bool = true;

    fn note(&mut self, step: Step) {
        self.steps.push(step);
    }
}
