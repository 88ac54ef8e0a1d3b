//! What each kind of guard makes of what was counted, look by look.

use proptest::prelude::*;
use serde_json::{Value, json};
use usher_core::model::{Kind, Release, Timestamp, parse_strict};
use usher_release::{
    Answer, Counted, Exposed, Reading, Side, Watch,
    stats::{Moments, Tally},
};

const SECOND: i64 = 1_000;

/// A release at two venues, half of the people each, with this one guard.
fn release(check: &Value) -> Release {
    let plan = json!({
        "key": "r", "flag": "f", "environment": "production", "variant": "on", "control": "off", "lookEvery": "15s",
        "stages": [{"name": "dark", "dark": true}, {"name": "half", "venues": ["dome", "arena"], "percent": 50},
                   {"name": "most", "percent": 90}],
        "guards": [{"name": "g", "check": check, "minimumSample": 200, "unknownAfter": "60s"}],
    });
    parse_strict(&Kind::Release, plan.to_string().as_bytes()).unwrap().parse().unwrap()
}

fn failures() -> Value {
    json!({"failures": {"metric": "pay"}})
}

struct Looks {
    release: Release,
    watch: Watch,
    now: i64,
}

impl Looks {
    fn at(check: &Value, stage: usize) -> Self {
        let release = release(check);
        let watch = Watch::new(&release, stage, Timestamp::EPOCH);
        Self { release, watch, now: 0 }
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    /// One look: failed of tried with the variant and with the control, at a venue.
    fn count(&mut self, venue: &str, variant: (u64, u64), control: (u64, u64)) -> &mut Self {
        self.now += 15 * SECOND;
        let counted =
            [(Side::Variant, variant), (Side::Control, control)].map(|(side, (failed, total))| Counted {
                metric: "pay".to_owned(),
                side,
                venue: venue.parse().ok(),
                tally: Tally::new(failed, total),
                moments: Moments::default(),
            });
        self.watch.count(&self.release, &counted, self.time());
        self
    }

    /// Values around a mean, of which every look brings so many.
    fn values(&mut self, variant: f64, control: f64, count: u64) -> &mut Self {
        self.now += 15 * SECOND;
        let moments = |mean: f64| {
            (0..count).map(|n| mean + (n % 11) as f64 - 5.0).fold(Moments::default(), |all, value| {
                all.and(Moments { count: 1, sum: value, squares: value * value })
            })
        };
        let counted = [(Side::Variant, variant), (Side::Control, control)].map(|(side, mean)| Counted {
            metric: "pay".to_owned(),
            side,
            venue: "dome".parse().ok(),
            tally: Tally::new(0, count),
            moments: moments(mean),
        });
        self.watch.count(&self.release, &counted, self.time());
        self
    }

    fn reading(&self) -> Reading {
        self.watch.readings(&self.release, self.time()).remove(0)
    }

    /// What it says, if it says that all is well.
    fn well(&self) -> String {
        match self.reading() {
            Reading::Well(said) => said,
            other => panic!("{other:?}"),
        }
    }

    fn early(&self) -> String {
        match self.reading() {
            Reading::Early(said) => said,
            other => panic!("{other:?}"),
        }
    }

    fn breached(&self) -> (String, Vec<String>) {
        match self.reading() {
            Reading::Breached { reason, venues } => {
                (reason, venues.iter().map(ToString::to_string).collect())
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn failures_at_one_venue_are_found_and_the_venue_named() {
    let mut looks = Looks::at(&failures(), 1);
    for _ in 0..20 {
        looks.count("dome", (2, 100), (2, 100)).count("arena", (1, 100), (1, 100));
    }
    assert!(looks.well().contains("`pay` failed 1.50 % of 4000 times with the variant"), "{}", looks.well());
    for _ in 0..10 {
        looks.count("arena", (12, 100), (1, 100)).count("dome", (2, 100), (2, 100));
    }
    let (reason, venues) = looks.breached();
    assert_eq!(venues, ["arena"], "{reason}");
    assert!(reason.contains("times as often"), "{reason}");
}

#[test]
fn too_little_is_said_and_what_has_no_control_beside_it_does_not_count() {
    let mut looks = Looks::at(&failures(), 1);
    looks.count("dome", (0, 150), (0, 150));
    assert!(looks.early().contains("150 of 200 needed"), "{}", looks.early());
    looks.count("arena", (0, 900), (0, 0));
    assert!(looks.early().contains("150 of 200 needed from the variant with the control beside them"));
    looks.count("dome", (0, 50), (0, 1));
    looks.well();
}

#[test]
fn a_variant_that_falls_silent_is_unknown_whatever_the_control_says() {
    let mut looks = Looks::at(&failures(), 1);
    looks.count("dome", (0, 300), (0, 300));
    for _ in 0..5 {
        looks.count("dome", (0, 0), (0, 300));
    }
    let Reading::Unknown { reason, millis } = looks.reading() else { panic!("{:?}", looks.reading()) };
    assert!(reason.contains("with the variant, for 75 s") && millis == 75 * SECOND, "{reason}");
    looks.count("dome", (0, 1), (0, 300));
    looks.well();
}

#[test]
fn in_the_dark_counts_have_to_arrive_and_there_is_nothing_to_compare() {
    let mut looks = Looks::at(&failures(), 0);
    looks.count("dome", (0, 0), (3, 300));
    assert!(looks.well().contains("in the dark"), "{}", looks.well());
    looks.now += 90 * SECOND;
    assert!(matches!(looks.reading(), Reading::Unknown { .. }));
}

#[test]
fn a_fixed_share_needs_no_control() {
    let check = json!({"failures": {"metric": "pay", "atMost": 2}});
    let mut looks = Looks::at(&check, 1);
    looks.count("dome", (4, 300), (0, 0));
    assert!(looks.well().contains("2 % may"), "{}", looks.well());
    looks.count("dome", (60, 600), (0, 0));
    assert!(looks.breached().0.contains("7.11 % of 900"), "{}", looks.breached().0);
}

#[test]
fn means_are_compared_the_way_that_is_worse() {
    for (worse, variant, hurts) in
        [("higher", 12.0, true), ("higher", 9.0, false), ("lower", 9.0, true), ("lower", 12.0, false)]
    {
        let check = json!({"mean": {"metric": "pay", "worse": worse}});
        let mut looks = Looks::at(&check, 1);
        looks.values(variant, 10.0, 154);
        assert!(matches!(looks.reading(), Reading::Early(_)) || hurts, "{worse} {:?}", looks.reading());
        for _ in 0..40 {
            looks.values(variant, 10.0, 154);
        }
        if hurts {
            assert!(looks.breached().0.contains("on average"), "{worse} {variant}");
        } else {
            assert!(looks.well().contains("10.000 with the control"), "{worse} {variant}");
        }
    }
    let tolerant = json!({"mean": {"metric": "pay", "worse": "higher", "tolerance": 50}});
    let mut looks = Looks::at(&tolerant, 1);
    for _ in 0..40 {
        looks.values(12.0, 10.0, 154);
    }
    looks.well();
}

#[test]
fn an_error_budget_that_burns_is_a_breach() {
    let check = json!({"budget": {"metric": "pay", "objective": 99.9}});
    let mut looks = Looks::at(&check, 1);
    for _ in 0..40 {
        looks.count("dome", (0, 500), (0, 0));
    }
    looks.well();
    for _ in 0..40 {
        looks.count("dome", (20, 500), (0, 0));
    }
    assert!(
        looks.breached().0.contains("times as fast as it may, in 1h and in 5m"),
        "{}",
        looks.breached().0
    );
}

#[test]
fn answers_from_outside_have_to_be_bad_as_often_and_as_long_as_the_plan_says() {
    let probe = json!({"probe": {"url": "http://p", "failures": 3}});
    let mut looks = Looks::at(&probe, 1);
    assert!(looks.early().contains("Not asked yet"));
    for n in 1..=3 {
        looks.now += 15 * SECOND;
        looks.watch.answer(0, Answer::Bad("It said 500.".to_owned()), looks.time());
        assert_eq!(matches!(looks.reading(), Reading::Breached { .. }), n == 3, "{n}");
    }
    looks.watch.answer(0, Answer::Well("It said 200.".to_owned()), looks.time());
    assert_eq!(looks.well(), "It said 200.");
    looks.watch.answer(0, Answer::None("Nobody there".to_owned()), looks.time());
    assert!(looks.early().contains("Nobody there"));
    looks.now += 61 * SECOND;
    assert!(
        matches!(looks.reading(), Reading::Unknown { reason, .. } if reason.contains("Nobody there, for 61 s"))
    );

    let prometheus = json!({"prometheus": {"url": "http://p", "query": "q", "above": 1, "window": "30s"}});
    let mut looks = Looks::at(&prometheus, 1);
    looks.watch.answer(0, Answer::Bad("It says 2.".to_owned()), looks.time());
    assert!(looks.early().contains("Not for long enough"));
    looks.now += 30 * SECOND;
    looks.watch.answer(0, Answer::Bad("It says 2.".to_owned()), looks.time());
    looks.breached();
    looks.watch.answer(7, Answer::Well(String::new()), looks.time());
}

/// One look at who was given what at a venue, so long after the last.
fn show(looks: &mut Looks, seconds: i64, venue: &str, variant: u64, control: u64) {
    looks.now += seconds * SECOND;
    let exposed = [(Side::Variant, variant), (Side::Control, control)].map(|(side, count)| Exposed {
        side,
        venue: venue.parse().ok(),
        count,
        dark: false,
    });
    looks.watch.expose(&looks.release, &exposed, looks.time());
}

#[test]
fn a_broken_split_is_noticed_where_it_is_and_a_stage_that_grows_is_none() {
    let mut looks = Looks::at(&failures(), 1);
    show(&mut looks, 40, "dome", 500, 510);
    show(&mut looks, 0, "elsewhere", 0, 9_000);
    assert_eq!((looks.watch.mismatch(), looks.watch.exposures()), (None, 500));
    let own = looks.release.clone();
    looks.watch.enter(&own, 2, looks.time());
    show(&mut looks, 40, "dome", 900, 100);
    assert_eq!(
        (looks.watch.mismatch(), looks.watch.exposures()),
        (None, 900),
        "the share is another one now"
    );
    show(&mut looks, 0, "arena", 100, 100);
    let said = looks.watch.mismatch().unwrap();
    assert!(said.contains("broken at arena: 50.0 % were given the variant instead of 90.0 %"), "{said}");
}

#[test]
fn what_was_shown_before_a_stage_began_does_not_break_its_split() {
    let mut looks = Looks::at(&failures(), 1);
    let own = looks.release.clone();
    looks.watch.enter(&own, 2, looks.time());
    show(&mut looks, 10, "dome", 500, 500);
    assert_eq!((looks.watch.mismatch(), looks.watch.exposures()), (None, 500), "it was on its way");
    show(&mut looks, 30, "dome", 900, 100);
    assert_eq!(looks.watch.mismatch(), None);
    show(&mut looks, 0, "dome", 500, 500);
    assert!(looks.watch.mismatch().is_some(), "that is of this stage");
    // The first one begins where everybody had the control.
    let mut looks = Looks::at(&failures(), 1);
    show(&mut looks, 10, "dome", 0, 1_000);
    assert_eq!(looks.watch.mismatch(), None);
}

#[test]
fn dark_exposures_count_in_dark_stages_only() {
    let mut looks = Looks::at(&failures(), 0);
    let own = looks.release.clone();
    let exposed = |dark| Exposed { side: Side::Variant, venue: None, count: 10, dark };
    looks.watch.expose(&own, &[exposed(true), exposed(false)], looks.time());
    assert_eq!(looks.watch.exposures(), 10);
    looks.watch.enter(&own, 1, looks.time());
    looks.watch.expose(&own, &[exposed(true)], looks.time());
    assert_eq!(looks.watch.exposures(), 0);
}

#[test]
fn after_a_gap_old_evidence_of_harm_stays_and_nothing_is_well_before_something_new_was_seen() {
    let mut looks = Looks::at(&failures(), 1);
    for _ in 0..20 {
        looks.count("dome", (1, 100), (1, 100));
    }
    looks.well();
    let until = looks.time();
    looks.now += 600 * SECOND;
    looks.watch.resume(until, looks.time());
    assert_eq!(looks.watch.unwatched(Timestamp::EPOCH), 600 * SECOND);
    assert_eq!(looks.watch.unwatched(looks.time()), 0);
    looks.now += 5 * SECOND;
    let Reading::Unknown { millis, .. } = looks.reading() else { panic!("{:?}", looks.reading()) };
    assert_eq!(millis, 5 * SECOND, "since it is watched again: the gap itself is nobody's silence");
    looks.count("dome", (0, 0), (1, 100));
    assert!(
        matches!(looks.reading(), Reading::Unknown { .. }),
        "the control's word does not stand in for it"
    );
    // A stage that begins by hand makes nothing known either.
    let (release, now) = (looks.release.clone(), looks.time());
    looks.watch.enter(&release, 2, now);
    assert!(matches!(looks.reading(), Reading::Unknown { .. }));
    looks.count("dome", (1, 100), (1, 100));
    looks.well();
    let mut hurt = Looks::at(&failures(), 1);
    for _ in 0..20 {
        hurt.count("dome", (9, 100), (1, 100));
    }
    hurt.breached();
    hurt.watch.resume(hurt.time(), hurt.time());
    hurt.breached();
}

#[test]
fn time_before_it_began_counts_as_watched_only_where_another_node_has_watched() {
    let at = |seconds: i64| Timestamp::from_millis(seconds * SECOND);
    let mut watch = Looks::at(&failures(), 1).watch;
    watch.doubt(at(100), at(400));
    watch.miss(at(390), at(410));
    assert_eq!(watch.unwatched(at(0)), 310 * SECOND, "each once");
    watch.vouch(at(500));
    assert_eq!(watch.unwatched(at(0)), 310 * SECOND, "one that came later knows no more");
    watch.vouch(at(150));
    assert_eq!((watch.unwatched(at(0)), watch.unwatched(at(140))), (70 * SECOND, 30 * SECOND));
    watch.vouch(at(300));
    assert_eq!(watch.unwatched(at(0)), 70 * SECOND, "what was vouched for stays so");
    watch.vouch(at(100));
    assert_eq!(watch.unwatched(at(0)), 20 * SECOND);
}

#[test]
fn who_is_asked_outside_is_asked_anew_after_a_gap_and_bad_answers_are_not_forgotten() {
    let probe = json!({"probe": {"url": "https://pay.example.org", "failures": 3}});
    let mut looks = Looks::at(&probe, 1);
    let answer = |looks: &mut Looks, answer: Answer| {
        looks.now += SECOND;
        let now = looks.time();
        looks.watch.answer(0, answer, now);
    };
    let bad = || Answer::Bad("It was answered 500.".to_owned());
    answer(&mut looks, bad());
    answer(&mut looks, bad());
    looks.watch.resume(looks.time(), Timestamp::from_millis(looks.now + SECOND));
    looks.now += SECOND;
    assert!(matches!(looks.reading(), Reading::Unknown { .. }), "{:?}", looks.reading());
    answer(&mut looks, Answer::None("No answer".to_owned()));
    assert!(matches!(looks.reading(), Reading::Unknown { .. }), "{:?}", looks.reading());
    answer(&mut looks, bad());
    looks.breached();
    let mut fine = Looks::at(&probe, 1);
    answer(&mut fine, Answer::Well("It was answered 200.".to_owned()));
    fine.watch.resume(fine.time(), fine.time());
    assert!(matches!(fine.reading(), Reading::Unknown { .. }), "{:?}", fine.reading());
    answer(&mut fine, Answer::Well("It was answered 200.".to_owned()));
    fine.well();
}

/// Something that happens to a watch.
#[derive(Clone, Debug)]
enum Event {
    Count { side: Side, venue: Option<u8>, failed: u64, total: u64, value: f64 },
    Expose { side: Side, venue: Option<u8>, count: u64, dark: bool },
    Answer { guard: usize, answer: Answer },
    Enter(usize),
    Gap,
}

fn any_event() -> impl Strategy<Value = Event> {
    let side = || prop_oneof![Just(Side::Variant), Just(Side::Control)];
    let venue = || proptest::option::of(0_u8..4);
    let answer = prop_oneof![
        Just(Answer::Well("As it should be.".to_owned())),
        Just(Answer::Bad("It is not.".to_owned())),
        Just(Answer::None("No answer".to_owned())),
    ];
    prop_oneof![
        6 => (side(), venue(), 0_u64..40, 0_u64..400, -1e9..1e9_f64).prop_map(|(side, venue, failed, more, value)| {
            Event::Count { side, venue, failed, total: failed + more, value }
        }),
        3 => (side(), venue(), 0_u64..500, any::<bool>())
            .prop_map(|(side, venue, count, dark)| Event::Expose { side, venue, count, dark }),
        2 => (4_usize..7, answer).prop_map(|(guard, answer)| Event::Answer { guard, answer }),
        1 => (0_usize..3).prop_map(Event::Enter),
        1 => Just(Event::Gap),
    ]
}

/// A release with a guard of every kind.
fn release_of_all() -> Release {
    let checks = [
        failures(),
        json!({"failures": {"metric": "pay", "atMost": 2}}),
        json!({"mean": {"metric": "pay", "worse": "higher", "tolerance": 5}}),
        json!({"budget": {"metric": "pay", "objective": 99.9}}),
        json!({"prometheus": {"url": "http://prometheus:9090", "query": "errors", "above": 1, "window": "30s"}}),
        json!({"probe": {"url": "https://pay.example.org", "failures": 2}}),
        json!({"webhook": {"url": "https://pay.example.org"}}),
    ];
    let mut plan = serde_json::to_value(release(&failures())).unwrap();
    plan["guards"] = checks
        .iter()
        .enumerate()
        .map(|(n, check)| json!({"name": format!("g{n}"), "check": check, "minimumSample": 200, "unknownAfter": "60s"}))
        .collect();
    parse_strict(&Kind::Release, plan.to_string().as_bytes()).unwrap().parse().unwrap()
}

fn happen(watch: &mut Watch, release: &Release, event: &Event, now: Timestamp) {
    let place = |venue: &Option<u8>| venue.map(|n| format!("venue-{n}").parse().unwrap());
    match event {
        Event::Count { side, venue, failed, total, value } => {
            let moments = Moments { count: *total, sum: *value, squares: value * value };
            let tally = Tally::new(*failed, *total);
            let metric = "pay".to_owned();
            let counted = Counted { metric, side: *side, venue: place(venue), tally, moments };
            watch.count(release, &[counted], now);
        }
        Event::Expose { side, venue, count, dark } => {
            let exposed = Exposed { side: *side, venue: place(venue), count: *count, dark: *dark };
            watch.expose(release, &[exposed], now);
        }
        Event::Answer { guard, answer } => watch.answer(*guard, answer.clone(), now),
        Event::Enter(stage) => watch.enter(release, *stage, now),
        Event::Gap => watch.resume(Timestamp::from_millis(now.millis() - 7 * SECOND), now),
    }
}

proptest! {
    /// Whatever was seen: what is kept and read again says the same, now and after all that follows.
    #[test]
    fn what_is_kept_and_read_again_says_the_same(
        before in proptest::collection::vec(any_event(), 0..40), after in proptest::collection::vec(any_event(), 0..10),
    ) {
        let release = release_of_all();
        let mut watch = Watch::new(&release, 0, Timestamp::EPOCH);
        let mut now = 0;
        for event in &before {
            now += 15 * SECOND;
            happen(&mut watch, &release, event, Timestamp::from_millis(now));
        }
        let kept = serde_json::to_string(&watch).unwrap();
        let mut read: Watch = serde_json::from_str(&kept).unwrap();
        prop_assert_eq!(&read, &watch);
        for event in &after {
            now += 15 * SECOND;
            let now = Timestamp::from_millis(now);
            happen(&mut watch, &release, event, now);
            happen(&mut read, &release, event, now);
            prop_assert_eq!(read.readings(&release, now), watch.readings(&release, now));
            prop_assert_eq!((read.mismatch(), read.exposures()), (watch.mismatch(), watch.exposures()));
        }
    }
}
