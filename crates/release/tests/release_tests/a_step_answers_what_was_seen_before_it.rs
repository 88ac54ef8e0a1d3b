//! What was seen before something was taken back, or before somebody let a release go on, has no consequence twice; what
//! is seen afterwards has.

use serde_json::{Value, json};
use usher_core::model::{Flag, Model, Progress, Release, Status, Timestamp, parse_strict};
use usher_release::{
    Answer, Calendar, Counted, Exposed, Move, Reading, SETTLES, Seen, Side, Watch, decide,
    stats::{Moments, Tally},
};

/// Failed of 200 with the variant, where the control has 2 of 200.
const BAD: u64 = 100;
const FINE: u64 = 2;

fn model<M: Model>(json: &Value) -> M {
    parse_strict(&M::KIND, json.to_string().as_bytes()).unwrap().parse().unwrap()
}

fn failures() -> Value {
    json!({"failures": {"metric": "pay"}})
}

/// A release that runs, its flag, and what is known of it.
struct Story {
    release: Release,
    flag: Flag,
    watch: Watch,
    now: i64,
}

impl Story {
    /// In this stage, with guards of these checks.
    fn at(stage: usize, rollback: &str, guards: &[(Value, Value)]) -> Self {
        let guard = |(n, (check, then)): (usize, &(Value, Value))| json!({"name": format!("g{n}"), "check": check, "then": then, "minimumSample": 100, "unknownAfter": "60s"});
        let guards: Vec<Value> = guards.iter().enumerate().map(guard).collect();
        let stages: Vec<Value> =
            [10, 30, 50, 90].iter().map(|n| json!({"name": format!("s{n}"), "percent": n})).collect();
        let release: Release = model(&json!({
            "key": "r", "flag": "f", "environment": "production", "variant": "on", "control": "off",
            "stages": stages, "guards": guards, "rollback": rollback,
        }));
        let flag = model(&json!({
            "key": "f", "type": "boolean", "variants": {"on": true, "off": false},
            "environments": {"production": {"enabled": true, "offVariant": "off", "default": {"variant": "off"}}},
        }));
        let watch = Watch::new(&release, 0, Timestamp::EPOCH);
        let mut own = Self { release, flag, watch, now: 0 };
        own.take(&Move::Start("ana".to_owned()));
        (0..stage).for_each(|_| own.take(&Move::Promote));
        own
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    fn progress(&self) -> &Progress {
        self.release.progress.as_ref().unwrap()
    }

    /// The step is in the journal; what is known goes on from it.
    fn take(&mut self, step: &Move) {
        self.commit(step);
        self.follow();
    }

    fn commit(&mut self, step: &Move) {
        self.now += 1;
        let now = self.time();
        step.take(&mut self.release, &mut self.flag, Vec::new(), now).unwrap();
    }

    fn follow(&mut self) {
        let now = self.time();
        self.watch.follow(&self.release, self.release.progress.as_ref().unwrap(), now);
    }

    fn later(&mut self, seconds: i64) -> &mut Self {
        self.now += seconds * 1_000;
        self
    }

    /// So many of 200 failed with the variant, there or nobody knows where.
    fn count(&mut self, venue: &str, failed: u64) -> &mut Self {
        let counted = [(Side::Variant, failed), (Side::Control, 2)].map(|(side, failed)| Counted {
            metric: "pay".to_owned(),
            side,
            venue: venue.parse().ok(),
            tally: Tally::new(failed, 200),
            moments: Moments::default(),
        });
        self.watch.count(&self.release, &counted, self.time());
        self
    }

    fn answer(&mut self, answer: Answer) -> &mut Self {
        self.watch.answer(0, answer, self.time());
        self
    }

    /// What a look asks for.
    fn look(&self) -> Option<Move> {
        let readings = self.watch.readings(&self.release, self.time());
        let seen = Seen {
            guards: &readings,
            doubts: self.watch.mismatch().into_iter().collect(),
            exposures: self.watch.exposures(),
            converged: None,
            calendar: Calendar::default(),
            unwatched: 0,
            clock_drift: 0,
        };
        let decision = decide(&self.release, self.progress(), &seen, self.time());
        Move::of(decision, &self.release, self.progress()).map(|(step, _)| step)
    }

    /// Takes the step that a look asks for, which is to be this one.
    fn does(&mut self, wanted: &Move) {
        assert_eq!(self.look().as_ref(), Some(wanted));
        self.take(wanted);
    }

    fn settle(&mut self) -> &mut Self {
        self.later(SETTLES.millis() / 1_000)
    }
}

fn withdraw(venue: &str) -> Move {
    Move::Withdraw(vec![venue.parse().unwrap()])
}

fn bad() -> Answer {
    Answer::Bad("It says breach.".to_owned())
}

#[test]
fn a_venue_that_was_taken_back_is_no_reason_to_take_back_the_others() {
    let mut story = Story::at(1, "venue", &[(failures(), json!("rollBack"))]);
    story.later(15).count("arena", BAD).count("dome", FINE);
    story.does(&withdraw("arena"));
    assert_eq!(story.look(), None, "what was seen is answered");
    // Programs there sent once more what they saw before.
    story.later(15).count("arena", BAD).count("dome", FINE);
    assert_eq!(story.look(), None);
    story.settle().count("arena", BAD).count("dome", FINE);
    assert_eq!((story.look(), story.progress().status), (None, Status::Paused));
    story.take(&Move::Resume);
    story.later(15).count("arena", BAD).count("dome", FINE);
    assert_eq!(story.look(), Some(Move::Promote));
    // What hurts elsewhere is taken back there, at once, and everything only where nothing else is left to do.
    story.later(1).count("dome", BAD);
    story.does(&withdraw("dome"));
    story.later(15).count("", BAD);
    assert_eq!(story.look(), None, "nobody knows where that was, nor whether before");
    story.settle().count("", BAD);
    assert_eq!(story.look(), Some(Move::RollBack));
}

#[test]
fn a_stage_that_was_taken_back_is_no_reason_to_take_back_the_one_before() {
    let mut story = Story::at(3, "stage", &[(json!({"webhook": {"url": "http://w"}}), json!("rollBack"))]);
    story.later(15).answer(bad());
    story.does(&Move::StageBack);
    assert_eq!((story.look(), story.progress().stage), (None, 2));
    for _ in 0..2 {
        story.later(10).answer(bad());
        assert_eq!(story.look(), None, "it takes its time to get well");
    }
    story.settle().answer(Answer::Well("It says ok.".to_owned()));
    assert_eq!(story.look(), None);
    story.take(&Move::Resume);
    story.later(15).answer(Answer::Well("It says ok.".to_owned()));
    assert_eq!(story.look(), Some(Move::Promote));
    story.later(15).answer(bad());
    story.does(&Move::StageBack);
    story.settle().answer(bad());
    assert_eq!(story.look(), Some(Move::StageBack), "it did not get well");
}

#[test]
fn what_comes_late_does_not_walk_a_release_back_stage_by_stage() {
    let mut story = Story::at(3, "stage", &[(failures(), json!("rollBack"))]);
    story.later(15).count("", BAD);
    story.does(&Move::StageBack);
    for venue in ["", "arena", "dome"] {
        story.later(7).count(venue, BAD);
        assert_eq!(story.look(), None, "{venue}");
        let readings = story.watch.readings(&story.release, story.time());
        assert!(matches!(readings[0], Reading::Early(_)), "{readings:?}");
    }
    story.settle().count("arena", BAD);
    assert_eq!(story.look(), Some(Move::StageBack), "that is of the stage that it is in");
}

#[test]
fn who_lets_it_go_on_has_answered_what_was_seen_before() {
    for by in [Move::Resume, Move::Promote] {
        let mut story = Story::at(1, "all", &[(failures(), json!("pause"))]);
        story.later(15).count("arena", BAD);
        story.does(&Move::Pause);
        assert_eq!(story.look(), None, "it is paused once");
        story.take(&by);
        assert_eq!(story.look(), None, "{by:?}");
        story.later(15).count("arena", FINE);
        assert_eq!(story.look(), Some(Move::Promote), "{by:?}");
        story.count("arena", BAD);
        assert_eq!(story.look(), Some(Move::Pause), "what is seen after that counts");
    }
    // Who only says that it may go on later has not.
    let mut story = Story::at(1, "all", &[(failures(), json!("pause"))]);
    story.later(15).count("arena", BAD);
    story.take(&Move::Approve("Ann".to_owned()));
    assert_eq!(story.look(), Some(Move::Pause));
}

#[test]
fn a_guard_that_kills_never_waits() {
    let kills = (failures(), json!("kill"));
    let mut story =
        Story::at(3, "stage", &[(json!({"webhook": {"url": "http://w"}}), json!("rollBack")), kills]);
    story.later(15).answer(bad());
    story.does(&Move::StageBack);
    story.later(1).count("", BAD);
    assert_eq!(story.look(), Some(Move::Kill));
}

#[test]
fn at_a_venue_that_was_taken_back_no_split_is_asked_for() {
    let mut story = Story::at(2, "venue", &[(failures(), json!("rollBack"))]);
    let exposed = |side, venue: &str| Exposed { side, venue: venue.parse().ok(), count: 500, dark: false };
    let show = |story: &mut Story, all: &[Exposed]| {
        let now = story.time();
        story.watch.expose(&story.release, all, now);
    };
    story.settle();
    show(&mut story, &[exposed(Side::Variant, "arena")]);
    assert!(story.watch.mismatch().is_some(), "half of them should have the control");
    story.take(&withdraw("arena"));
    assert_eq!(story.watch.mismatch(), None, "shares begin anew");
    story.settle();
    let before = story.watch.exposures();
    show(&mut story, &[exposed(Side::Control, "arena")]);
    show(&mut story, &[exposed(Side::Variant, "dome"), exposed(Side::Control, "dome")]);
    assert_eq!((story.watch.mismatch(), story.watch.exposures()), (None, before + 500));
    show(&mut story, &[exposed(Side::Control, "dome"), exposed(Side::Control, "dome")]);
    assert!(story.watch.mismatch().is_some(), "elsewhere it is");
}

#[test]
fn a_restart_does_not_bring_back_what_was_answered() {
    let mut story = Story::at(2, "venue", &[(failures(), json!("rollBack"))]);
    story.later(15).count("arena", BAD);
    let kept = serde_json::to_value(&story.watch).unwrap();
    story.commit(&withdraw("arena"));
    story.watch = serde_json::from_value(kept.clone()).unwrap();
    story.follow();
    assert_eq!(story.look(), None, "kept before the step, read after it");
    story.later(15).count("arena", BAD);
    assert_eq!(story.look(), None);
    // And what was kept after it goes on.
    story.count("dome", BAD);
    let later = serde_json::to_value(&story.watch).unwrap();
    story.watch = serde_json::from_value(later).unwrap();
    story.follow();
    assert_eq!(story.look(), Some(withdraw("dome")));
    // An older version did not write of which steps it was.
    let mut older = kept;
    for new in ["entered", "withdrawn", "answered", "doubted"] {
        older.as_object_mut().unwrap().shift_remove(new);
    }
    story.watch = serde_json::from_value(older).unwrap();
    story.follow();
    assert_eq!(story.look(), None);
}
