//! How often flags were evaluated, by environment, variant, venue and reason: by the hour, for thirty days.
//!
//! What was evaluated is taken away from where it is counted (`sdk::evaluated`) every second and whenever somebody
//! looks. Each day has a file of its own (`disk`), written once a minute and when the server stops: what a crash takes
//! is a minute. Where servers share a journal, they tell each other (`fleet::evaluations`), and each keeps all of it.
//! All of it is bounded: where there is no more room, the oldest days give up their venues first, and in the end nothing
//! that is new is told apart, so that nobody pushes out what is known by making things up.

mod asked;
mod day;
mod disk;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};
use usher_core::model::Timestamp;

pub(crate) use self::asked::{Answer, Asked, By, Step};
use self::day::Day;
pub(crate) use self::disk::Disk;
use crate::{
    app::App,
    clock,
    sdk::evaluated::{ALL_FLAGS, Evaluation},
};

/// Days that are kept, today included.
pub(crate) const DAYS: i64 = 30;
/// Rows of all days together: about forty megabytes.
const MAX_ROWS: usize = 400_000;
/// How often what was evaluated is taken away.
const TAKEN_EVERY: Duration = Duration::from_secs(1);
/// How often it is written to disk.
const WRITTEN_EVERY: Duration = Duration::from_secs(60);

pub(crate) const HOUR_MILLIS: i64 = 3_600_000;
pub(crate) const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// The number of the day since 1970, and the hour of it, in UTC.
fn place(at: Timestamp) -> (i64, u8) {
    let hour = at.millis().rem_euclid(DAY_MILLIS) / HOUR_MILLIS;
    (at.millis().div_euclid(DAY_MILLIS), u8::try_from(hour).unwrap_or(0))
}

/// What a node tells of its evaluations: of one hour and environment.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Told {
    /// Hours since 1970.
    hour: i64,
    environment: String,
    #[serde(flatten)]
    own: Evaluation,
}

impl Told {
    /// How often.
    pub(crate) fn count(&self) -> u64 {
        self.own.count
    }
}

/// What is known of a flag's evaluations in one environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// When it was last evaluated.
    pub(crate) last: Timestamp,
    /// How often since the time that was asked about.
    pub(crate) count: u64,
    /// Where that was.
    pub(crate) venues: BTreeSet<String>,
    /// What it gave in all the time that is kept.
    pub(crate) variants: BTreeSet<String>,
}

/// All that is known, by environment and flag.
pub(crate) type KnownFlags = HashMap<(String, String), Known>;

#[derive(Default)]
struct Inner {
    days: BTreeMap<i64, Day>,
    /// Whether other nodes are to hear of what comes here.
    has_peers: bool,
}

/// All that is kept.
#[derive(Default)]
pub(crate) struct Evaluations(Mutex<Inner>);

impl Inner {
    fn day(&mut self, number: i64, now: Timestamp) -> &mut Day {
        self.days.entry(number).or_insert_with(|| Day::new(now))
    }

    /// Makes room, and forgets what is too old.
    fn tidy(&mut self, now: Timestamp) {
        let (today, hour) = place(now);
        self.days.retain(|number, _| *number > today - DAYS);
        for (number, day) in &mut self.days {
            // The hour that is over can still be told of by others; an hour later it is closed.
            day.close_before(match today - number {
                // By the clock of another node, which is a little ahead.
                i64::MIN..=-1 => 0,
                0 => hour.saturating_sub(1),
                1 if hour == 0 => 23,
                _ => 24,
            });
        }
        let mut rows: usize = self.days.values().map(Day::len).sum();
        while rows > MAX_ROWS {
            let Some(day) = self.days.values_mut().find(|day| !day.is_folded) else { break };
            rows -= day.len();
            day.fold();
            rows += day.len();
        }
        if let Some(day) = self.days.get_mut(&today) {
            day.is_full = rows > MAX_ROWS;
        }
    }
}

impl Evaluations {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, what comes is kept to be told to others.
    fn has_peers(&self) {
        self.lock().has_peers = true;
    }

    /// Adds what came here since the last time.
    pub(crate) fn add(&self, taken: Vec<(String, Evaluation)>, now: Timestamp) {
        let mut inner = self.lock();
        let ((today, hour), has_peers) = (place(now), inner.has_peers);
        let day = inner.day(today, now);
        for (environment, own) in taken {
            day.count(hour, &environment, &own, now, has_peers);
        }
        inner.tidy(now);
    }

    /// Adds what another node tells; of hours that are closed nothing is taken any more.
    pub(crate) fn hear(&self, node: &str, told: &[Told], now: Timestamp) {
        let mut inner = self.lock();
        let (today, hour) = place(now);
        let open = today * 24 + i64::from(hour) - 1..=today * 24 + i64::from(hour) + 1;
        for Told { hour, environment, own } in told.iter().filter(|own| open.contains(&own.hour)) {
            let (number, hour) = (hour.div_euclid(24), u8::try_from(hour.rem_euclid(24)).unwrap_or(0));
            inner.day(number, now).hear(node, hour, environment, own, now);
        }
        inner.tidy(now);
    }

    /// What came here in hours that are not closed, at most so much of it.
    pub(crate) fn own(&self, most: usize) -> Vec<Told> {
        let inner = self.lock();
        let all = inner.days.iter().rev().flat_map(|(number, day)| {
            day.own().map(move |(hour, environment, own)| Told {
                hour: number * 24 + i64::from(hour),
                environment: environment.to_owned(),
                own,
            })
        });
        all.take(most).collect()
    }

    /// From when on evaluations are known, with no day missing.
    pub(crate) fn since(&self, now: Timestamp) -> Timestamp {
        let inner = self.lock();
        let (mut since, mut next) = (now, None);
        for (number, day) in inner.days.iter().rev() {
            if next.is_some_and(|next| number + 1 != next) {
                break;
            }
            (since, next) = (since.min(day.began), Some(*number));
        }
        since
    }

    /// What is asked, as it is now.
    pub(crate) fn answer(&self, asked: &Asked, now: Timestamp) -> Answer {
        let since = self.since(now);
        asked::answer(&self.lock().days, asked, since)
    }

    /// What is known of all flags; `since` says from when on they are counted. What was answered with all flags at once
    /// is with the flag [`ALL_FLAGS`].
    pub(crate) fn known(&self, since: Timestamp) -> KnownFlags {
        let inner = self.lock();
        let mut all = KnownFlags::new();
        for (number, day) in &inner.days {
            for (environment, flag, at) in day.last() {
                let own = all.entry((environment.to_owned(), flag.to_owned())).or_default();
                own.last = own.last.max(at);
            }
            for (hour, rows) in &day.hours {
                let ends = Timestamp::from_millis(number * DAY_MILLIS + (i64::from(*hour) + 1) * HOUR_MILLIS);
                for (row, count) in rows {
                    let names = (day.name(row.environment), day.name(row.flag));
                    let (Some(environment), Some(flag)) = names else { continue };
                    let own = all.entry((environment.to_owned(), flag.to_owned())).or_default();
                    if flag != ALL_FLAGS {
                        own.variants.insert(day.name(row.variant).unwrap_or_default().to_owned());
                    }
                    if ends > since {
                        own.count = own.count.saturating_add(*count);
                        own.venues.extend(day.name(row.venue).map(ToOwned::to_owned));
                    }
                }
            }
        }
        all
    }
}

impl App {
    /// Everything that was evaluated until now.
    pub(crate) fn evaluations(&self) -> &Evaluations {
        let taken = self.counts.evaluated.take(None, usize::MAX);
        if !taken.is_empty() {
            self.evaluations.add(taken, clock::now());
        }
        &self.evaluations
    }
}

/// Reads what is kept. Before anything is counted.
pub(crate) async fn load(app: &App) -> Disk {
    let epoch = app.world.journal().epoch();
    let (disk, days) = Disk::open(&app.settings.data, epoch).await;
    {
        let mut inner = app.evaluations.lock();
        inner.days = days;
        inner.tidy(clock::now());
    }
    if app.world.journal().fleet().is_some() {
        app.evaluations.has_peers();
    }
    // Counting begins now, whether there is anything to count or not.
    app.evaluations.add(Vec::new(), clock::now());
    disk
}

/// Takes away what was evaluated, and writes it to disk, until the server stops.
pub(crate) async fn run(app: Arc<App>, disk: Arc<Disk>) {
    let mut tick = interval(TAKEN_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written = Instant::now();
    loop {
        tick.tick().await;
        let taken = app.counts.evaluated.take(None, usize::MAX);
        app.evaluations.add(taken, clock::now());
        let dropped = app.counts.evaluated.take_dropped();
        if dropped > 0 {
            tracing::warn!(dropped, "evaluations were not counted: there are too many different ones");
        }
        if written.elapsed() >= WRITTEN_EVERY {
            written = Instant::now();
            write(&app, &disk).await;
        }
    }
}

/// Writes what is not on disk yet.
pub(crate) async fn write(app: &App, disk: &Disk) {
    let (changed, kept) = {
        let inner = &mut *app.evaluations().lock();
        let changed = inner.days.iter_mut().filter_map(|(number, day)| {
            std::mem::take(&mut day.is_changed).then(|| (*number, day::Kept::from(&*day)))
        });
        let changed: Vec<_> = changed.collect();
        (changed, inner.days.keys().copied().collect())
    };
    let tried: Vec<i64> = changed.iter().map(|(number, _)| *number).collect();
    if !disk.write(changed, kept).await {
        for (number, day) in &mut app.evaluations.lock().days {
            day.is_changed |= tried.contains(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(day: i64, hour: i64) -> Timestamp {
        Timestamp::from_millis(day * DAY_MILLIS + hour * HOUR_MILLIS + 1)
    }

    fn row(flag: &str, variant: &str, venue: &str, count: u64) -> (String, Evaluation) {
        let (variant, venue) = (Some(variant.to_owned()), Some(venue.to_owned()));
        let own = Evaluation { flag: flag.to_owned(), variant, venue, reason: "STATIC".to_owned(), count };
        ("production".to_owned(), own)
    }

    fn total(all: &Evaluations, by: By, now: Timestamp) -> Vec<(Option<String>, u64)> {
        let from = Timestamp::from_millis(now.millis() - DAYS * DAY_MILLIS);
        let flag = "f".to_owned();
        let asked = Asked { environment: "production".to_owned(), flag, from, to: now, by, step: Step::Day };
        let series = all.answer(&asked, now).series;
        series.into_iter().map(|own| (own.name, own.total)).collect()
    }

    #[test]
    fn thirty_days_are_kept_and_no_more() {
        let all = Evaluations::default();
        for day in 100..140 {
            all.add(vec![row("f", "on", "dome", 1)], at(day, 5));
        }
        let now = at(139, 6);
        assert_eq!(total(&all, By::Variant, now), [(Some("on".to_owned()), 30)]);
        assert_eq!(all.since(now), at(110, 5));
        let known = all.known(at(133, 0));
        let own = &known[&("production".to_owned(), "f".to_owned())];
        assert_eq!((own.count, own.last), (7, at(139, 5)));
        // A server that was away for days knows nothing of them.
        let later = at(142, 3);
        all.add(Vec::new(), later);
        assert_eq!(all.since(later), later);
    }

    #[test]
    fn without_room_the_oldest_days_give_up_venues_first_and_nothing_is_lost() {
        let all = Evaluations::default();
        let days = 60;
        for n in 0..days {
            // Of two hours a day, each as full as an hour can be.
            let many = |hour| {
                let rows = (0..11_000).map(|venue| row("f", "on", &format!("v{venue}"), 1)).collect();
                all.add(rows, at(100 + n / 2, hour + n % 2 * 2));
            };
            many(1);
        }
        let now = at(100 + days / 2 - 1, 5);
        let rows: usize = all.lock().days.values().map(Day::len).sum();
        assert!(rows <= MAX_ROWS, "{rows}");
        let counted = u64::try_from(days).unwrap() * 11_000;
        assert_eq!(total(&all, By::Variant, now), [(Some("on".to_owned()), counted)]);
        let by_venue = total(&all, By::Venue, now);
        let rest: u64 = by_venue.iter().map(|(_, count)| count).sum();
        assert_eq!(rest, counted, "what has no venue any more is under another name");
        let inner = all.lock();
        let folded: Vec<bool> = inner.days.values().map(|day| day.is_folded).collect();
        assert!(folded[0] && !folded[folded.len() - 1], "{folded:?}");
    }

    #[test]
    fn who_makes_up_flags_without_end_pushes_out_nothing() {
        let all = Evaluations::default();
        all.add(vec![row("f", "on", "dome", 1)], at(100, 1));
        let made_up = |hour| (0..21_000).map(|n| row(&format!("{hour}-{n}"), "on", "dome", 1)).collect();
        for hour in 0..24 {
            all.add(made_up(hour), at(101, hour));
        }
        let (rows, names) = {
            let inner = all.lock();
            (inner.days.values().map(Day::len).sum::<usize>(), inner.days[&101].names())
        };
        assert!(rows <= MAX_ROWS + 2 * 10_000 + 2 && names <= 100_000, "{rows} {names}");
        let now = at(101, 23);
        assert_eq!(total(&all, By::Variant, now), [(Some("on".to_owned()), 1)]);
    }

    #[test]
    fn what_another_node_tells_again_counts_once_even_after_a_restart() {
        let (one, two) = (Evaluations::default(), Evaluations::default());
        two.has_peers();
        let now = at(100, 23);
        two.add(vec![row("f", "on", "dome", 3)], now);
        for _ in 0..3 {
            one.hear("two", &two.own(100), now);
        }
        two.add(vec![row("f", "on", "dome", 4)], now);
        one.hear("two", &two.own(100), now);
        assert_eq!(total(&one, By::Variant, now), [(Some("on".to_owned()), 7)]);
        // As read from disk.
        let again = Evaluations::default();
        for (number, day) in &one.lock().days {
            again.lock().days.insert(*number, day::Kept::from(day).into());
        }
        let next = at(101, 0);
        two.add(vec![row("f", "on", "dome", 5)], next);
        again.hear("two", &two.own(100), next);
        again.hear("two", &two.own(100), next);
        assert_eq!(total(&again, By::Variant, next), [(Some("on".to_owned()), 12)]);
        let later = at(101, 2);
        two.add(Vec::new(), later);
        assert!(two.own(100).is_empty(), "hours that are closed are not told of any more");
    }

    proptest! {
        #[test]
        fn every_way_of_looking_at_it_adds_up_to_what_was_counted(
            rows in prop::collection::vec((0..3_i64, 0..24_i64, 0..4_u8, 0..4_u8, 1..100_u64), 0..60)
        ) {
            let all = Evaluations::default();
            let mut rows = rows;
            rows.sort_by_key(|own| (own.0, own.1));
            let mut counted = 0;
            for (day, hour, variant, venue, count) in rows {
                all.add(vec![row("f", &format!("v{variant}"), &format!("p{venue}"), count)], at(100 + day, hour));
                counted += count;
            }
            let now = at(103, 0);
            for by in [By::Variant, By::Venue, By::Reason] {
                let sum: u64 = total(&all, by, now).iter().map(|(_, count)| count).sum();
                prop_assert_eq!(sum, counted);
            }
            // And so it does after it was written and read.
            let again = Evaluations::default();
            for (number, day) in &all.lock().days {
                again.lock().days.insert(*number, day::Kept::from(day).into());
            }
            prop_assert_eq!(total(&again, By::Venue, now), total(&all, By::Venue, now));
        }
    }
}
