//! The task's own copy of what the server has sent: raw, so that it can be amended and kept on disk.
//!
//! Every change of it is compiled and published as one new snapshot, with the names of the flags whose answers
//! may have changed.

use std::collections::BTreeMap;

use usher_core::{
    Ruleset,
    model::{Document, DocumentId, EnvironmentKey, Kind, Seq},
    protocol::{Mode, ValueMap},
};

use crate::{
    limits,
    shared::Shared,
    snapshot::{Data, Snapshot},
    status::Source,
    values::Values,
};

/// What was to be amended is not there, or it would become too much: all of it has to be asked for anew.
#[derive(Debug)]
pub(crate) struct Lost;

/// What the server has sent.
#[derive(Default)]
pub(crate) struct Store {
    /// What environment it is of; the server says so before it sends anything.
    pub(crate) environment: Option<EnvironmentKey>,
    pub(crate) documents: BTreeMap<DocumentId, Document>,
    pub(crate) values: ValueMap,
    /// Which of the contexts that were asked for the values are for; see [`crate::asked::Asked`].
    pub(crate) generation: u64,
}

impl Store {
    pub(crate) fn replace(
        &mut self,
        shared: &Shared,
        documents: Vec<Document>,
        seq: Seq,
        source: Source,
    ) -> Result<(), Lost> {
        let environment = self.environment.clone().ok_or(Lost)?;
        let documents: BTreeMap<DocumentId, Document> =
            documents.into_iter().map(|document| (document.id().clone(), document)).collect();
        let after = Ruleset::compile(environment, seq, documents.values());
        let before = std::mem::replace(&mut self.documents, documents);
        let differs = |id: &&DocumentId| before.get(*id) != self.documents.get(*id);
        let ids: Vec<&DocumentId> = before.keys().chain(self.documents.keys()).filter(differs).collect();
        let flags = affected(&after, &ids);
        shared.publish(self.generation, Snapshot { data: Data::Ruleset(after), source }, flags);
        Ok(())
    }

    pub(crate) fn amend(
        &mut self,
        shared: &Shared,
        put: Vec<Document>,
        delete: &[DocumentId],
        seq: Seq,
    ) -> Result<(), Lost> {
        let before = shared.snapshot.load();
        let Data::Ruleset(ruleset) = &before.data else { return Err(Lost) };
        let sizes = self.documents.values().chain(&put).map(|document| document.json().len());
        fits(Mode::Ruleset, sizes)?;
        let after = ruleset.apply(seq, &put, delete);
        let ids: Vec<&DocumentId> = put.iter().map(Document::id).chain(delete).collect();
        let flags = affected(&after, &ids);
        for id in delete {
            self.documents.remove(id);
        }
        self.documents.extend(put.into_iter().map(|document| (document.id().clone(), document)));
        let snapshot = Snapshot { data: Data::Ruleset(after), source: Source::Server };
        shared.publish(self.generation, snapshot, flags);
        Ok(())
    }

    /// All values are new, and for the context of this generation.
    pub(crate) fn replace_values(
        &mut self,
        shared: &Shared,
        values: ValueMap,
        generation: u64,
        source: Source,
    ) {
        let before = shared.snapshot.load();
        let after = Values::read(&values);
        let flags = different(&before.data, &after);
        (self.values, self.generation) = (values, generation);
        shared.publish(generation, Snapshot { data: Data::Values(after), source }, flags);
    }

    pub(crate) fn amend_values(
        &mut self,
        shared: &Shared,
        put: ValueMap,
        delete: &[String],
    ) -> Result<(), Lost> {
        fits(
            Mode::Values,
            self.values.iter().chain(&put).map(|(flag, value)| flag.len() + value.get().len()),
        )?;
        let flags: Vec<String> = put.keys().chain(delete).cloned().collect();
        for flag in delete {
            self.values.shift_remove(flag);
        }
        self.values.extend(put);
        if self.generation != shared.asked.borrow().generation {
            // Nobody asks for this context any more; all values for the new one are on their way.
            return Ok(());
        }
        let before = shared.snapshot.load();
        let Data::Values(values) = &before.data else { return Err(Lost) };
        let after = values.amended(&flags, &self.values);
        let snapshot = Snapshot { data: Data::Values(after), source: Source::Server };
        shared.publish(self.generation, snapshot, flags);
        Ok(())
    }
}

/// That there is room for so many bytes; what is replaced counts for a moment, as it does in memory.
fn fits(mode: Mode, sizes: impl Iterator<Item = usize>) -> Result<(), Lost> {
    if sizes.sum::<usize>() > limits::all(mode) { Err(Lost) } else { Ok(()) }
}

/// The flags whose answers may differ after these documents have changed, those that are gone included.
fn affected(after: &Ruleset, ids: &[&DocumentId]) -> Vec<String> {
    let gone = ids.iter().filter(|id| id.kind == Kind::Flag && !after.contains(&id.key));
    let gone = gone.map(|id| id.key.to_string());
    after.affected_by(ids.iter().copied()).into_iter().map(ToOwned::to_owned).chain(gone).collect()
}

/// The flags whose values differ.
pub(crate) fn different(before: &Data, after: &Values) -> Vec<String> {
    let none = Values::default();
    after.different_from(if let Data::Values(values) = before { values } else { &none })
}
