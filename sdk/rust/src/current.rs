//! The snapshot that a client answers from now, and how threads read it.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::{ArcSwap, Cache, Guard};

use crate::snapshot::Snapshot;

/// Clients that one thread remembers; one with more reads the rest a little slower.
const REMEMBERED: usize = 4;

type Slot = Arc<ArcSwap<Snapshot>>;

/// What a thread has seen of a client.
struct Seen {
    slot: Slot,
    cache: Cache<Slot, Arc<Snapshot>>,
}

impl Seen {
    fn new(slot: &Slot) -> Self {
        Self { slot: Arc::clone(slot), cache: Cache::new(Arc::clone(slot)) }
    }

    /// Whether only this thread still holds the client's slot, twice.
    fn is_gone(&self) -> bool {
        Arc::strong_count(&self.slot) == 2
    }
}

thread_local! {
    static SEEN: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
}

/// The snapshot that a client answers from now.
///
/// A thread remembers what it read last and only looks whether it is still that: to take hold of what others may
/// exchange meanwhile costs a good part of an evaluation. An idle thread thereby keeps what it read last, which shares
/// with newer snapshots all that did not change.
pub(crate) struct Current(Slot, Arc<AtomicU64>);

/// What the edition counts in. The seven lowest bits are the changes under way.
const EDITION: u64 = 0x100;
/// The bit between them says that the client is not live.
const AWAY: u64 = 0x80;

impl Current {
    /// What a client that is not live begins with.
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(snapshot)), Arc::new(AtomicU64::new(AWAY)))
    }

    /// Which answers there are now; see [`crate::Client::edition`].
    pub(crate) fn edition(&self) -> &Arc<AtomicU64> {
        &self.1
    }

    /// Does something after which nobody may go on with an answer that was read before.
    pub(crate) fn changing<T>(&self, change: impl FnOnce() -> T) -> T {
        self.begin_change();
        let done = change();
        self.end_change();
        done
    }

    /// The client is live from now on, or it is not any more. To be told once for each time, and not twice at a time.
    pub(crate) fn set_live(&self, live: bool) {
        self.1.fetch_add(if live { EDITION - AWAY } else { AWAY }, Ordering::SeqCst);
    }

    fn begin_change(&self) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }

    fn end_change(&self) {
        self.1.fetch_add(EDITION - 1, Ordering::SeqCst);
    }

    /// Takes hold of it.
    pub(crate) fn load(&self) -> Guard<Arc<Snapshot>> {
        self.0.load()
    }

    /// Exchanges it.
    pub(crate) fn store(&self, snapshot: Snapshot) {
        self.changing(|| self.0.store(Arc::new(snapshot)));
    }

    /// Reads it.
    #[inline]
    pub(crate) fn read<T>(&self, read: impl Fn(&Snapshot) -> T) -> T {
        let seen = SEEN.try_with(|seen| {
            let Ok(mut seen) = seen.try_borrow_mut() else { return read(&self.0.load()) };
            let known = seen.iter_mut().position(|own| Arc::ptr_eq(&own.slot, &self.0));
            match known.or_else(|| self.remember(&mut seen)).and_then(|known| seen.get_mut(known)) {
                Some(own) => read(own.cache.load()),
                None => read(&self.0.load()),
            }
        });
        // While a thread ends there is nothing that it could remember by.
        seen.unwrap_or_else(|_| read(&self.0.load()))
    }

    /// Where this thread remembers it from now on, if it can.
    #[cold]
    fn remember(&self, seen: &mut Vec<Seen>) -> Option<usize> {
        seen.retain(|own| !own.is_gone());
        let room = seen.len() < REMEMBERED;
        room.then(|| {
            seen.push(Seen::new(&self.0));
            seen.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{snapshot::Data, status::Source, values::Values};

    fn from(source: Source) -> Snapshot {
        Snapshot { data: Data::Values(Values::default()), source }
    }

    #[test]
    fn a_thread_sees_what_was_exchanged_since() {
        let current = Current::new(from(Source::Bootstrap));
        assert_eq!(current.read(|snapshot| snapshot.source), Source::Bootstrap);
        std::thread::scope(|scope| {
            scope.spawn(|| current.store(from(Source::Server)));
        });
        assert_eq!(current.read(|snapshot| snapshot.source), Source::Server);
    }

    #[test]
    fn an_answer_may_be_kept_while_the_client_is_live_and_nothing_is_exchanged() {
        let current = Current::new(from(Source::Server));
        let edition = || current.edition().load(Ordering::SeqCst);
        let settled = |edition: u64| edition.is_multiple_of(EDITION);
        assert_eq!(edition(), AWAY, "not live yet");
        current.set_live(true);
        let first = edition();
        assert!(settled(first));
        current.read(|_| ());
        assert_eq!(edition(), first);
        current.changing(|| {
            assert!(!settled(edition()));
            current.store(from(Source::Server));
            assert!(!settled(edition()), "one of two changes is still under way");
        });
        assert!(settled(edition()) && edition() != first);
        current.set_live(false);
        let away = edition();
        assert_eq!(away % EDITION, AWAY);
        current.store(from(Source::Server));
        assert_eq!((edition() % EDITION, edition() == away), (AWAY, false));
        current.set_live(true);
        assert!(settled(edition()));
    }

    #[test]
    fn clients_are_not_mistaken_for_one_another_however_many_there_are() {
        let sources = [Source::Bootstrap, Source::Cache, Source::Server];
        let many: Vec<_> = (0..REMEMBERED * 3).map(|n| Current::new(from(sources[n % 3]))).collect();
        for _ in 0..2 {
            for (n, current) in many.iter().enumerate() {
                assert_eq!(current.read(|snapshot| snapshot.source), sources[n % 3]);
            }
        }
    }

    #[test]
    fn a_client_that_is_gone_makes_room() {
        let mut last = None;
        for _ in 0..REMEMBERED * 3 {
            let current = Current::new(from(Source::Server));
            current.read(|_| ());
            last = Some(Arc::downgrade(&current.0));
        }
        let other = Current::new(from(Source::Server));
        for _ in 0..REMEMBERED {
            Current::new(from(Source::Server)).read(|_| ());
        }
        other.read(|_| ());
        assert_eq!(last.unwrap().strong_count(), 0, "its snapshot is kept no longer");
        SEEN.with(|seen| assert!(seen.borrow().len() <= REMEMBERED));
    }
}
