//! How many of those who are connected have a commit, for all that they and those who count elsewhere have said.

use std::{collections::HashMap, sync::Arc};

use usher_core::{
    model::Seq,
    protocol::{Census, View},
};

use super::{Connection, Connections, source};

impl Connections {
    /// How many devices of an environment have all up to `seq` that concerns them, in the whole fleet, and how many there
    /// are. `head` is the last commit that concerns a view.
    pub(crate) fn having(&self, environment: &str, seq: Seq, head: impl Fn(&View) -> Seq) -> (u64, u64) {
        let here = self.all.iter().filter(|own| &**own.view.environment() == environment);
        // As with edges, nothing else is locked while these are.
        let here: Vec<Arc<Connection>> = here.map(|own| Arc::clone(&own)).collect();
        let mut heads: HashMap<&View, Seq> = HashMap::new();
        let (mut has, mut all) = (0_u64, 0_u64);
        let mut add = |(some, of): (u64, u64)| {
            (has, all) = (has.saturating_add(some), all.saturating_add(of));
        };
        for own in &here {
            let needed = seq.min(*heads.entry(&own.view).or_insert_with(|| head(&own.view)));
            let is_level = own.has() >= needed;
            if own.edge.is_none() {
                add((u64::from(is_level), 1));
            } else if let Some(census) = self.below().censuses.get(&source(own)) {
                let (some, of) = counted_with(census, environment, needed);
                add((if is_level { some } else { 0 }, of));
            }
        }
        for (_, census) in self.nodes().censuses.iter() {
            add(counted_with(census, environment, seq));
        }
        (has, all)
    }
}

/// The devices of an environment that are counted elsewhere: those that have all up to `seq`, for all that is told, and
/// how many there are. A source tells of the commits that somebody there still lacks.
fn counted_with(census: &Census, environment: &str, seq: Seq) -> (u64, u64) {
    let of = census.clients.iter().filter(|own| *own.group.environment == *environment);
    let all = of.fold(0, |sum: u64, own| sum.saturating_add(own.count));
    if census.seq < seq {
        return (0, all);
    }
    let older = census.commits.iter().filter(|own| own.from < seq);
    let lack = older.map(|own| own.total().pending()).max().unwrap_or_default();
    (all.saturating_sub(lack), all)
}
