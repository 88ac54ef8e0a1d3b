//! The decision, case by case: what hurts is taken back before anything else is asked, and what is not known never
//! counts as well.

use proptest::prelude::*;
use serde_json::{Value, json};
use usher_core::model::{Event, Freeze, Kind, Model, Progress, Release, Status, Timestamp, parse_strict};
use usher_release::{Calendar, Decision, Move, Reading, Seen, decide};

const MINUTE: i64 = 60_000;

fn model<M: Model>(kind: &Kind, json: &Value) -> M {
    parse_strict(kind, json.to_string().as_bytes()).unwrap().parse().unwrap()
}

fn plan() -> Value {
    json!({
        "key": "r", "flag": "checkout", "environment": "production", "variant": "on", "control": "off",
        "stages": [
            {"name": "canary", "venues": ["dome"], "percent": 10, "bake": "10m"},
            {"name": "four", "venues": ["dome", "arena"], "percent": 50, "bake": "10m"},
            {"name": "all"}
        ],
        "guards": [
            {"name": "Errors", "check": {"failures": {"metric": "checkout"}}},
            {"name": "Payment", "check": {"webhook": {"url": "https://pay.example.org"}}, "then": "pause",
             "whenUnknown": "ignore"}
        ]
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut plan = plan();
    *plan.pointer_mut(field).unwrap() = value;
    plan
}

fn progress(status: Status, stage: usize) -> Progress {
    Progress {
        status,
        started_by: None,
        started: Timestamp::from_millis(0),
        stage,
        since: Timestamp::from_millis(0),
        approved_by: None,
        withdrawn: Vec::new(),
        measured: Vec::new(),
        steps: Vec::new(),
    }
}

fn well() -> Reading {
    Reading::Well("All went well.".to_owned())
}

fn breached(venues: &[&str]) -> Reading {
    let venues = venues.iter().map(|venue| venue.parse().unwrap()).collect();
    Reading::Breached { reason: "It fails.".to_owned(), venues }
}

fn unknown(minutes: i64) -> Reading {
    Reading::Unknown { reason: "Nothing came.".to_owned(), millis: minutes * MINUTE }
}

fn seen(guards: &[Reading]) -> Seen<'_> {
    Seen {
        guards,
        doubts: Vec::new(),
        exposures: 1_000,
        converged: Some(1.0),
        calendar: Calendar::default(),
        unwatched: 0,
        clock_drift: 0,
    }
}

/// What is decided in the first stage after `minutes`.
fn after(minutes: i64, plan: &Value, seen: &Seen<'_>) -> Decision {
    let release: Release = model(&Kind::Release, plan);
    decide(&release, &progress(Status::Running, 0), seen, Timestamp::from_millis(minutes * MINUTE))
}

fn why(decision: &Decision) -> String {
    match decision {
        Decision::Hold(reasons) => format!("hold: {}", reasons.join(" ")),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_stage_bakes_and_then_the_next_one_begins() {
    let guards = [well(), well()];
    let early = after(9, &plan(), &seen(&guards));
    assert!(why(&early).starts_with("hold: It bakes for 1m more of 10m."), "{early:?}");
    assert!(matches!(after(10, &plan(), &seen(&guards)), Decision::Promote(_)));
    let release: Release = model(&Kind::Release, &plan());
    let last = decide(&release, &progress(Status::Running, 2), &seen(&guards), Timestamp::from_millis(1));
    assert!(matches!(last, Decision::Complete(_)), "{last:?}");
}

#[test]
fn time_in_which_nobody_watched_is_no_time_that_went_well() {
    let guards = [well(), well()];
    let mut seen = seen(&guards);
    seen.unwatched = 4 * MINUTE;
    let said = why(&after(13, &plan(), &seen));
    assert!(said.starts_with("hold: It bakes for 1m more of 10m: nobody watched for 4m."), "{said}");
    assert!(matches!(after(14, &plan(), &seen), Decision::Promote(_)));
}

#[test]
fn harm_comes_before_everything_even_while_it_is_paused() {
    let guards = [breached(&["dome"]), unknown(60)];
    let mut seen = seen(&guards);
    seen.doubts = vec!["The split is broken.".to_owned()];
    seen.clock_drift = 3_600_000;
    let release: Release = model(&Kind::Release, &plan());
    for status in [Status::Running, Status::Paused] {
        let decision = decide(&release, &progress(status, 1), &seen, Timestamp::from_millis(-5));
        let Decision::RollBack { reasons, venues } = decision else { panic!("{decision:?}") };
        assert_eq!((reasons, venues.len()), (vec!["Errors: It fails.".to_owned()], 1));
    }
    for over in [Status::RolledBack, Status::Completed] {
        let decision = decide(&release, &progress(over, 1), &seen, Timestamp::from_millis(0));
        assert!(matches!(decision, Decision::Hold(_)), "{decision:?}");
    }
}

#[test]
fn the_severest_answer_counts_and_one_that_knows_no_venue_means_all() {
    let pause = after(99, &plan(), &seen(&[well(), breached(&[])]));
    assert!(matches!(pause, Decision::Pause(_)), "{pause:?}");
    let both = after(99, &plan(), &seen(&[breached(&["dome"]), breached(&[])]));
    let Decision::RollBack { reasons, venues } = both else { panic!("{both:?}") };
    assert_eq!((reasons.len(), venues.len()), (2, 1), "what only pauses does not widen it");
    let kill =
        with("/guards/0", json!({"name": "K", "check": {"failures": {"metric": "m"}}, "then": "kill"}));
    assert!(matches!(after(0, &kill, &seen(&[breached(&[]), well()])), Decision::Kill(_)));
}

#[test]
fn a_guard_that_names_a_playbook_has_it_run_once_with_all_others_and_with_a_kill() {
    let mut plan = plan();
    let guard = |name: &str, then: Value| json!({"name": name, "check": {"failures": {"metric": name}}, "then": then});
    plan["rollback"] = json!("venue");
    plan["guards"] = json!([
        guard("a", json!({"playbook": "gates"})),
        guard("b", json!("rollBack")),
        guard("c", json!({"playbook": "money"})),
        guard("d", json!({"playbook": "gates"})),
        guard("e", json!("kill")),
    ]);
    let hurts = |which: &[usize]| {
        let guards: Vec<Reading> =
            (0..5).map(|n| if which.contains(&n) { breached(&["dome"]) } else { well() }).collect();
        match after(0, &plan, &seen(&guards)) {
            Decision::Play { reasons, playbooks, kill } => {
                let playbooks: Vec<String> = playbooks.iter().map(ToString::to_string).collect();
                (reasons.len(), playbooks.join(" "), kill)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(hurts(&[0]), (1, "gates".to_owned(), false));
    assert_eq!(hurts(&[3, 1]), (2, "gates".to_owned(), false), "what only takes back is done with it");
    assert_eq!(hurts(&[0, 2, 3, 4]), (4, "gates money".to_owned(), true), "and what kills, kills");
    let release: Release = model(&Kind::Release, &plan);
    let play = Decision::Play { reasons: Vec::new(), playbooks: vec!["gates".parse().unwrap()], kill: false };
    let step = Move::of(play, &release, &progress(Status::Running, 0)).unwrap().0;
    assert!(matches!(step, Move::Play { .. }), "all of it, whatever its scope is: {step:?}");
}

#[test]
fn what_is_not_known_waits_and_then_pauses_or_takes_back_as_the_plan_says() {
    let fresh = after(20, &plan(), &seen(&[unknown(1), well()]));
    assert!(why(&fresh).starts_with("hold: Errors: Nothing came."), "{fresh:?}");
    assert!(matches!(after(20, &plan(), &seen(&[unknown(5), well()])), Decision::Pause(_)));
    assert!(matches!(after(20, &plan(), &seen(&[well(), unknown(99)])), Decision::Promote(_)), "ignored");
    let soon = after(20, &plan(), &seen(&[well(), unknown(1)]));
    assert!(why(&soon).starts_with("hold: Payment: Nothing came."), "not at once: {soon:?}");
    let strict = with(
        "/guards/0",
        json!({"name": "E", "check": {"failures": {"metric": "m"}}, "whenUnknown": "rollBack", "unknownAfter": "1m"}),
    );
    assert!(matches!(after(20, &strict, &seen(&[unknown(1), well()])), Decision::RollBack { .. }));
}

#[test]
fn too_little_a_broken_split_a_jumping_clock_and_guards_not_asked_promote_nothing() {
    let early = [Reading::Early("3 of 100 seen.".to_owned()), well()];
    assert!(why(&after(20, &plan(), &seen(&early))).starts_with("hold: Errors: 3 of 100"));
    let guards = [well(), well()];
    let doubted = |change: &dyn Fn(&mut Seen<'_>)| {
        let mut seen = seen(&guards);
        change(&mut seen);
        after(20, &plan(), &seen)
    };
    assert!(matches!(doubted(&|seen| seen.doubts = vec!["2:1".to_owned()]), Decision::Pause(_)));
    assert!(matches!(doubted(&|seen| seen.clock_drift = 3_600_000), Decision::Pause(_)));
    assert!(matches!(doubted(&|seen| seen.clock_drift = -3_600_000), Decision::Pause(_)));
    assert!(matches!(doubted(&|seen| seen.guards = &[]), Decision::Pause(_)));
    assert!(matches!(after(-1, &plan(), &seen(&guards)), Decision::Pause(_)), "before it began");
}

#[test]
fn requirements_are_waited_for_by_name() {
    let strict = with(
        "/stages/0",
        json!({"name": "canary", "venues": ["dome"],
            "requires": {"exposures": 2_000, "converged": 99.5, "approval": true}}),
    );
    let guards = [well(), well()];
    let mut seen = seen(&guards);
    seen.converged = Some(0.9);
    let said = why(&after(20, &strict, &seen));
    for part in ["1000 of 2000 exposures", "90.0 % of 99.5 %", "approve"] {
        assert!(said.contains(part), "{said}");
    }
    seen.converged = None;
    assert!(why(&after(20, &strict, &seen)).contains("0.0 % of 99.5 %"), "nobody there proves nothing");
}

#[test]
fn the_next_stage_waits_for_its_window_and_follows_the_event() {
    let mut plan = plan();
    plan["notBefore"] = json!("doors-1h");
    plan["never"] = json!([{"from": "doors", "until": "finalScan"}]);
    let guards = [well(), well()];
    let decide = |event: &Event, minutes| {
        let mut seen = seen(&guards);
        seen.calendar = Calendar { events: std::slice::from_ref(event), freezes: &[] };
        after(minutes, &plan, &seen)
    };
    let event = |doors: i64, venue: &str| -> Event {
        let at = |minutes: i64| Timestamp::from_millis(minutes * MINUTE).to_string();
        let json = json!({"key": "final", "name": "Cup final", "venue": venue, "doors": at(doors),
            "start": at(doors + 60), "finalScan": at(doors + 90)});
        model(&Kind::Event, &json)
    };
    let said = why(&decide(&event(100, "arena"), 20));
    assert!(said.contains("before doors-1h of Cup final at arena"), "{said}");
    assert!(matches!(decide(&event(100, "arena"), 40), Decision::Promote(_)));
    let said = why(&decide(&event(100, "arena"), 150));
    assert!(said.contains("between doors and finalScan of Cup final"), "{said}");
    assert!(matches!(decide(&event(100, "arena"), 190), Decision::Promote(_)));
    assert!(
        matches!(decide(&event(60, "arena"), 20), Decision::Promote(_)),
        "an earlier evening, an earlier stage"
    );
    assert!(matches!(decide(&event(100, "elsewhere"), 150), Decision::Promote(_)));
}

#[test]
fn a_stage_for_all_venues_keeps_clear_of_every_event_and_waits_for_those_that_are_named() {
    let mut plan = plan();
    plan["stages"] = json!([{"name": "canary", "venues": ["dome"]}, {"name": "all"}]);
    plan["never"] = json!([{"from": "doors", "until": "finalScan"}]);
    let event = |key: &str, doors: i64| -> Event {
        let at = |minutes: i64| Timestamp::from_millis(minutes * MINUTE).to_string();
        model(
            &Kind::Event,
            &json!({"key": key, "venue": "arena", "doors": at(doors), "start": at(doors + 60),
            "finalScan": at(doors + 90)}),
        )
    };
    let guards = [well(), well()];
    let decide = |plan: &Value, events: &[Event], minutes| {
        let mut seen = seen(&guards);
        seen.calendar = Calendar { events, freezes: &[] };
        after(minutes, plan, &seen)
    };
    let events = [event("final", 100), event("concert", 5_000)];
    assert!(matches!(decide(&plan, &events, 90), Decision::Promote(_)));
    let said = why(&decide(&plan, &events, 120));
    assert!(said.contains("between doors and finalScan of final at arena"), "{said}");
    assert!(matches!(decide(&plan, &events, 190), Decision::Promote(_)));
    // There is always another evening to come: which one it waits for, the plan has to say.
    plan["notBefore"] = json!("doors-1h");
    assert!(matches!(decide(&plan, &events, 20), Decision::Promote(_)));
    assert!(matches!(decide(&plan, &events, 120), Decision::Hold(_)));
    plan["events"] = json!(["concert"]);
    let said = why(&decide(&plan, &events, 120));
    assert!(said.contains("before doors-1h of concert") && !said.contains("of final"), "{said}");
    // A season full of evenings does not fill the screen.
    plan["events"] = json!([]);
    let many: Vec<Event> = (0..500).map(|n| event(&format!("e{n}"), 100)).collect();
    let said = why(&decide(&plan, &many, 120));
    assert!(said.contains("There are 490 more reasons like these.") && said.len() < 2_000, "{said}");
}

#[test]
fn nothing_is_promoted_into_a_freeze_but_harm_is_taken_back_in_one() {
    let freeze: Freeze = model(
        &Kind::Freeze,
        &json!({"key": "finals", "reason": "Finals week", "venues": ["arena"],
            "from": "1970-01-01T00:00:00Z", "until": "1970-01-02T00:00:00Z"}),
    );
    let decide = |guards: &[Reading]| {
        let mut seen = seen(guards);
        seen.calendar = Calendar { events: &[], freezes: std::slice::from_ref(&freeze) };
        after(20, &plan(), &seen)
    };
    let said = why(&decide(&[well(), well()]));
    assert!(said.contains("arena") && said.contains("Finals week") && said.contains("1970-01-02"), "{said}");
    assert!(matches!(decide(&[breached(&[]), well()]), Decision::RollBack { .. }));
}

fn any_reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        Just(well()),
        Just(Reading::Early("Too few.".to_owned())),
        Just(breached(&[])),
        Just(breached(&["dome"])),
        (0_i64..20).prop_map(unknown),
    ]
}

proptest! {
    /// Whatever is seen: nothing is promoted that hurts, is not known or is too early, and what hurts is never held.
    #[test]
    fn promotion_needs_every_guard_and_harm_needs_one(
        guards in proptest::collection::vec(any_reading(), 2), minutes in -10_i64..60, drift in -90_000_i64..90_000,
    ) {
        let mut seen = seen(&guards);
        seen.clock_drift = drift;
        let decision = after(minutes, &plan(), &seen);
        if matches!(decision, Decision::Promote(_)) {
            prop_assert!(matches!(guards[0], Reading::Well(_)), "{guards:?}");
            prop_assert!(matches!(guards[1], Reading::Well(_) | Reading::Unknown { .. }), "{guards:?}");
            prop_assert!(minutes >= 10 && drift.abs() <= 30_000);
        }
        if matches!(guards[0], Reading::Breached { .. }) {
            let taken_back = matches!(decision, Decision::RollBack { .. });
            prop_assert!(taken_back, "{decision:?}");
        }
    }
}
