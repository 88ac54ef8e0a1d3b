//! What there is to answer from before the network: the disk, else the bootstrap, else nothing.

use usher_core::{
    model::{EnvironmentKey, Timestamp},
    protocol::{Mode, Resume, RulesetBody, ValuesBody},
    schema::disk,
};

use crate::{
    bootstrap::Flags,
    cache::Missing,
    shared::Config,
    snapshot::{Data, Snapshot},
    status::Source,
    values::Values,
};

/// What there is to begin with.
pub(crate) struct Beginning {
    pub(crate) source: Source,
    pub(crate) flags: Option<(EnvironmentKey, Flags)>,
    /// Where on the journal the flags are from; the disk knows.
    pub(crate) place: Option<Resume>,
    /// When the server last confirmed them.
    pub(crate) heard: Timestamp,
    /// What an operator should know.
    pub(crate) reports: Vec<String>,
}

impl Beginning {
    /// Looks for it. In values mode the disk is asked for what it has for this person.
    pub(crate) fn find(config: &Config, person: Option<&str>) -> Self {
        let mut reports = Vec::new();
        if let Some(cache) = config.cache.as_ref().map(|folder| folder.place(person)) {
            let read = match config.mode {
                Mode::Ruleset => cache.read_as(disk::read_ruleset).map(Self::cached_ruleset),
                Mode::Values => cache.read_as(disk::read_values).map(Self::cached_values),
            };
            match read {
                Ok(beginning) => return beginning,
                Err(Missing::None) => {}
                Err(Missing::Damaged(report)) => reports.push(report),
            }
        }
        let flags = config.bootstrap.clone().map(|own| (own.environment, own.flags));
        let source = if flags.is_some() { Source::Bootstrap } else { Source::Nothing };
        Self { source, flags, place: None, heard: Timestamp::EPOCH, reports }
    }

    fn cached_ruleset((body, heard): (RulesetBody, Timestamp)) -> Self {
        let place = body.place();
        Self::cached(body.environment, Flags::Documents(body.documents), place, heard)
    }

    fn cached_values((body, heard): (ValuesBody, Timestamp)) -> Self {
        let place = body.place();
        Self::cached(body.environment, Flags::Values(body.values), place, heard)
    }

    fn cached(environment: EnvironmentKey, flags: Flags, place: Resume, heard: Timestamp) -> Self {
        let (flags, place) = (Some((environment, flags)), Some(place));
        Self { source: Source::Cache, flags, place, heard, reports: Vec::new() }
    }

    /// Values as a snapshot.
    pub(crate) fn snapshot(&self) -> Snapshot {
        match &self.flags {
            Some((_, Flags::Values(values))) => {
                Snapshot { data: Data::Values(Values::read(values)), source: self.source }
            }
            _ => Snapshot::nothing(),
        }
    }
}
