//! Cohorts, ready to be asked.

use super::{
    Uses,
    condition::{CompiledCondition, Source},
    parse_cohort,
    table::{KeyRef, Keyed},
    values::Texts,
};
use crate::model::{Claims, Document};

/// A cohort's parts; none at all when it could not be compiled, and then it is not known who is in it.
#[derive(Debug)]
pub(crate) struct CompiledCohort {
    pub(crate) key: KeyRef,
    pub(crate) parts: Option<CohortParts>,
    pub(crate) uses: Uses,
}

#[derive(Debug)]
pub(crate) struct CohortParts {
    pub(crate) name: Box<str>,
    pub(crate) condition: Option<CompiledCondition>,
    pub(crate) by: Source,
    pub(crate) keys: Texts,
    pub(crate) venues: Texts,
    pub(crate) claims: Option<Claims>,
}

impl CompiledCohort {
    pub(crate) fn compile(document: &Document) -> Self {
        let key = KeyRef::new(document.key());
        let broken = |key| Self { key, parts: None, uses: Uses::default() };
        let Ok(cohort) = parse_cohort(document) else { return broken(key) };
        let mut uses = Uses::default();
        let condition = match &cohort.condition {
            None => None,
            Some(condition) => {
                uses.add(condition);
                match CompiledCondition::compile(condition) {
                    Ok(condition) => Some(condition),
                    Err(_) => return broken(key),
                }
            }
        };
        let by = cohort.by.as_deref().unwrap_or("targetingKey");
        uses.add_attribute(by);
        let parts = CohortParts {
            name: cohort.name.as_str().into(),
            condition,
            by: Source::new(by),
            keys: Texts::new(cohort.keys.iter().map(String::as_str)),
            venues: Texts::new(cohort.venues.iter().map(|venue| venue.as_str())),
            claims: cohort.claims,
        };
        Self { key, parts: Some(parts), uses }
    }
}

impl Keyed for CompiledCohort {
    fn key(&self) -> &KeyRef {
        &self.key
    }
}
