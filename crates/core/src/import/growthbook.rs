//! Flags of GrowthBook.

use serde_json::Value;

use super::{Options, Report};
use crate::problem::{Problem, Problems};

pub(super) fn import(source: &Value, _options: &Options, _report: &mut Report) -> Result<(), Problems> {
    Err(Problem::new("", source, "this format is not supported yet", "Wait for it.").into())
}
