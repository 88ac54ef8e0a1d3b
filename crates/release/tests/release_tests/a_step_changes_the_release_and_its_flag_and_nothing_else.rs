//! What steps do to a release and to its flag, and what is left when it is over.

use serde_json::{Value, json};
use usher_core::model::{
    Flag, Key, Kind, Model, Release, Scope, Status, StepKind, Then, Timestamp, parse_strict,
};
use usher_release::{Decision, Move, effect};

fn model<M: Model>(json: &Value) -> M {
    parse_strict(&M::KIND, json.to_string().as_bytes())
        .unwrap_or_else(|problems| panic!("{problems}"))
        .parse()
        .unwrap()
}

fn flag() -> Flag {
    model(&json!({
        "key": "checkout", "type": "boolean", "variants": {"on": true, "off": false},
        "environments": {
            "production": {
                "enabled": true, "offVariant": "off", "default": {"variant": "off"}, "measure": ["orders"],
                "rules": [{"id": "release-r-x", "serve": {"variant": "off"}},
                          {"id": "staff", "if": {"attribute": "staff", "op": "equals", "values": [true]},
                           "serve": {"variant": "on"}}]
            },
            "staging": {"enabled": true, "offVariant": "off", "default": {"variant": "on"}}
        }
    }))
}

fn release() -> Release {
    model(&json!({
        "key": "r", "flag": "checkout", "environment": "production", "variant": "on", "control": "off",
        "stages": [
            {"name": "dark", "dark": true},
            {"name": "canary", "venues": ["dome"], "percent": 20},
            {"name": "four", "venues": ["dome", "arena"], "percent": 50},
            {"name": "staff", "cohorts": ["staff"]},
            {"name": "all"}
        ],
        "guards": [{"name": "Errors", "check": {"failures": {"metric": "checkout"}}},
                   {"name": "Orders", "check": {"mean": {"metric": "orders", "worse": "lower"}}}],
        "rollback": "venue"
    }))
}

fn begin() -> Move {
    Move::Start("ana".to_owned())
}

struct Story {
    release: Release,
    flag: Flag,
    now: i64,
}

impl Story {
    fn new() -> Self {
        Self { release: release(), flag: flag(), now: 0 }
    }

    fn take(&mut self, step: &Move) -> Result<String, String> {
        self.now += 1;
        let now = Timestamp::from_millis(self.now);
        step.take(&mut self.release, &mut self.flag, vec!["Because.".to_owned()], now)
            .map_err(|one| one.to_string())
    }

    fn at(stage: usize) -> Self {
        let mut story = Self::new();
        story.take(&begin()).unwrap();
        for _ in 0..stage {
            story.take(&Move::Promote).unwrap();
        }
        story
    }

    /// The rules of the release, by stage, with their conditions.
    fn rules(&self) -> Vec<Value> {
        let rules = &self.flag.environments["production"].rules;
        let own = rules.iter().filter(|rule| rule.id.starts_with("release-r-") && &*rule.id != "release-r-x");
        own.map(|rule| serde_json::to_value(rule).unwrap()).collect()
    }

    fn status(&self) -> Status {
        self.release.progress.as_ref().unwrap().status
    }
}

#[test]
fn each_stage_serves_whom_it_says_and_keeps_whom_it_had() {
    let mut story = Story::at(0);
    assert_eq!((story.rules().len(), story.rules()[0]["dark"].clone()), (1, json!(true)));
    story.take(&Move::Promote).unwrap();
    let rules = story.rules();
    assert_eq!(rules.len(), 1, "the dark rule is gone");
    assert_eq!(rules[0]["if"]["all"][0], json!({"attribute": "venue", "op": "in", "values": ["dome"]}));
    assert_eq!(
        (rules[0]["rollout"]["percent"].clone(), rules[0]["serve"].clone()),
        (json!(20.0), json!({"variant": "on"}))
    );
    let seed = rules[0]["rollout"]["seed"].clone();
    story.take(&Move::Promote).unwrap();
    let rules = story.rules();
    assert_eq!(rules.len(), 1, "four covers the canary");
    assert_eq!(rules[0]["rollout"]["seed"], seed, "or people would change sides");
    story.take(&Move::Promote).unwrap();
    assert_eq!(story.rules().len(), 2, "the venues' share is not covered by a cohort");
    story.take(&Move::Promote).unwrap();
    let rules = story.rules();
    assert_eq!(
        (rules.len(), rules[0]["if"].clone(), rules[0]["rollout"].clone()),
        (1, Value::Null, Value::Null)
    );
    assert!(story.take(&Move::Promote).unwrap_err().contains("last stage"));
    story.take(&Move::Complete).unwrap();
    assert_eq!((story.status(), story.rules().len()), (Status::Completed, 1), "what was reached stays");
}

#[test]
fn what_is_taken_back_leaves_the_flag_as_it_was() {
    for stage in 0..5 {
        let mut story = Story::at(stage);
        story.take(&Move::RollBack).unwrap();
        assert_eq!((story.flag.clone(), story.status()), (flag(), Status::RolledBack), "stage {stage}");
        assert!(story.take(&Move::RollBack).is_err(), "once is enough");
        story.take(&begin()).unwrap();
        assert_eq!(story.release.progress.as_ref().unwrap().steps.len(), stage + 3, "the record goes on");
    }
}

#[test]
fn a_kill_takes_back_and_outlives_what_comes_after() {
    let mut story = Story::at(2);
    story.take(&Move::Kill).unwrap();
    assert!(story.flag.environments["production"].killed.all && story.rules().is_empty());
    assert!(story.take(&begin()).unwrap_err().contains("killed"));
}

#[test]
fn playbooks_take_it_back_whole_and_are_in_its_record() {
    let before = serde_json::to_value(flag()).unwrap();
    for kill in [false, true] {
        let mut own = Story::at(3);
        let playbooks: Vec<Key> = ["gates", "money"].map(|key| key.parse().unwrap()).to_vec();
        let said = own.take(&Move::Play { playbooks: playbooks.clone(), kill }).unwrap();
        assert!(
            said.starts_with("Release r: is taken back") && said.ends_with("with playbook gates, money"),
            "{said}"
        );
        assert_eq!(own.status(), Status::RolledBack);
        let step = own.release.progress.as_ref().unwrap().steps.last().unwrap().clone();
        let kind = if kill { StepKind::Killed } else { StepKind::RolledBack };
        assert_eq!((step.kind, step.playbooks), (kind, playbooks));
        let mut flag = serde_json::to_value(&own.flag).unwrap();
        let killed = flag["environments"]["production"].as_object_mut().unwrap().shift_remove("killed");
        assert_eq!(killed.is_some_and(|killed| killed["all"] == true), kill);
        assert_eq!(flag, before, "besides, the flag is as it was");
    }
}

#[test]
fn guards_are_read_as_they_were_written_before_there_were_playbooks() {
    for (then, want) in [
        (json!("rollBack"), Then::RollBack),
        (json!("pause"), Then::Pause),
        (json!("kill"), Then::Kill),
        (json!({"playbook": "gates"}), Then::Playbook("gates".parse().unwrap())),
    ] {
        assert_eq!(serde_json::to_value(&want).unwrap(), then);
        assert_eq!(serde_json::from_value::<Then>(then).unwrap(), want);
    }
    for bad in
        [json!({"playbook": ""}), json!({"playbook": 1}), json!({"playbook": "a", "kill": "b"}), json!("run")]
    {
        assert!(serde_json::from_value::<Then>(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn venues_are_withdrawn_while_others_stay_and_stay_withdrawn_in_later_stages() {
    let mut story = Story::at(2);
    let breach = |venues: &[&str]| Decision::RollBack {
        reasons: vec!["It fails.".to_owned()],
        venues: venues.iter().map(|venue| venue.parse().unwrap()).collect(),
    };
    let step = |story: &Story, decision| {
        Move::of(decision, &story.release, story.release.progress.as_ref().unwrap())
    };
    let (next, _) = step(&story, breach(&["arena"])).unwrap();
    assert_eq!(next, Move::Withdraw(vec!["arena".parse().unwrap()]));
    story.take(&next).unwrap();
    assert_eq!((story.status(), story.rules().len()), (Status::Paused, 1));
    let withdrawn = json!({"attribute": "venue", "op": "notIn", "values": ["arena"]});
    assert_eq!(story.rules()[0]["if"]["all"][1], withdrawn);
    story.take(&Move::Resume).unwrap();
    story.take(&Move::Promote).unwrap();
    assert!(story.rules().iter().all(|rule| rule["if"]["all"].as_array().unwrap().contains(&withdrawn)));
    let (next, _) = step(&story, breach(&["arena"])).unwrap();
    assert_eq!(next, Move::RollBack, "the venue is not what is wrong");
    let (next, _) = step(&story, breach(&[])).unwrap();
    assert_eq!(next, Move::RollBack);
}

#[test]
fn a_stage_is_taken_back_to_the_one_before_and_waits_there() {
    let mut story = Story::at(2);
    story.take(&Move::StageBack).unwrap();
    assert_eq!(
        (story.status(), story.rules()[0]["rollout"]["percent"].clone()),
        (Status::Paused, json!(20.0))
    );
}

#[test]
fn a_stage_that_was_taken_back_is_not_taken_back_again_for_what_it_had_done() {
    let mut story = Story::at(2);
    story.release.rollback = Scope::Stage;
    let step = |story: &Story, venues: &[&str]| {
        let venues = venues.iter().map(|venue| venue.parse().unwrap()).collect();
        let hurt = Decision::RollBack { reasons: vec!["It fails.".to_owned()], venues };
        Move::of(hurt, &story.release, story.release.progress.as_ref().unwrap()).map(|(next, _)| next)
    };
    assert_eq!(step(&story, &["arena"]), Some(Move::StageBack));
    story.take(&Move::StageBack).unwrap();
    assert_eq!(step(&story, &["arena"]), None, "nobody there has it any more");
    assert_eq!(step(&story, &["arena", "dome"]), Some(Move::StageBack), "there they have");
    assert_eq!(step(&story, &[]), Some(Move::StageBack), "it is not known where it hurts");
    story.take(&Move::Resume).unwrap();
    assert_eq!(step(&story, &["arena"]), Some(Move::Pause), "it does not go on by itself");
}

#[test]
fn what_makes_no_sense_changes_nothing_and_says_why() {
    let mut story = Story::new();
    for step in [
        Move::Promote,
        Move::Pause,
        Move::Resume,
        Move::RollBack,
        Move::Complete,
        Move::Approve("a".to_owned()),
    ] {
        assert!(story.take(&step).unwrap_err().contains("it is not"), "{step:?}");
    }
    assert_eq!((story.release.clone(), story.flag.clone()), (release(), flag()));
    story.take(&begin()).unwrap();
    assert!(story.take(&begin()).unwrap_err().contains("running"));
    assert!(story.take(&Move::Resume).unwrap_err().contains("not paused"));

    let mut off = Story::new();
    off.flag.environments["production"].enabled = false;
    assert!(off.take(&begin()).unwrap_err().contains("Turn `checkout` on in production first"));
    let mut strange = Story::new();
    strange.release.variant = "new".parse().unwrap();
    assert!(strange.take(&begin()).unwrap_err().contains("Use one of on, off."));
    let mut elsewhere = Story::new();
    elsewhere.flag.environments.shift_remove("production");
    assert!(elsewhere.take(&begin()).unwrap_err().contains("not configured there"));
}

#[test]
fn a_release_whose_key_begins_with_anothers_leaves_that_alone() {
    let mut story = Story::at(1);
    let mut longer = release();
    longer.key = "r-1".parse().unwrap();
    let now = Timestamp::from_millis(0);
    begin().take(&mut longer, &mut story.flag, Vec::new(), now).unwrap();
    story.take(&Move::RollBack).unwrap();
    let ids: Vec<&str> = story.flag.environments["production"].rules.iter().map(|rule| &*rule.id).collect();
    assert_eq!(ids, ["release-r-1-1", "release-r-x", "staff"]);
}

#[test]
fn metrics_are_measured_while_it_runs_and_every_step_is_in_its_record() {
    let mut story = Story::at(1);
    assert_eq!(story.flag.environments["production"].measure, ["orders", "checkout"]);
    story.take(&Move::Pause).unwrap();
    story.take(&Move::Resume).unwrap();
    story.take(&Move::Approve("Ann".to_owned())).unwrap();
    let message = story.take(&Move::RollBack).unwrap();
    assert_eq!(message, "Release r: is taken back");
    let steps = &story.release.progress.as_ref().unwrap().steps;
    let kinds: Vec<StepKind> = steps.iter().map(|step| step.kind).collect();
    use StepKind::{Approved, Paused, Promoted, Resumed, RolledBack, Started};
    assert_eq!(kinds, [Started, Promoted, Paused, Resumed, Approved, RolledBack]);
    assert!(steps.iter().all(|step| step.reasons == ["Because."]) && steps.is_sorted_by_key(|step| step.at));
}

#[test]
fn the_share_that_is_to_be_seen_follows_stage_and_venue() {
    let release = release();
    let at = |stage, venue: Option<&str>| {
        effect::share(&release, stage, venue.map(|own| own.parse().unwrap()).as_ref())
    };
    assert_eq!(at(0, Some("dome")), Some(0.0), "in the dark nobody is served");
    assert_eq!((at(1, Some("dome")), at(1, Some("arena")), at(1, None)), (Some(0.2), Some(0.0), Some(0.0)));
    assert_eq!((at(2, Some("dome")), at(2, Some("arena"))), (Some(0.5), Some(0.5)));
    assert_eq!(at(3, Some("dome")), None, "nobody can tell how many are staff");
}

#[test]
fn a_plan_that_leads_nowhere_is_refused_field_by_field() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut plan = serde_json::to_value(release()).unwrap();
        change(&mut plan);
        parse_strict(&Kind::Release, plan.to_string().as_bytes()).unwrap_err().to_string()
    };
    for (field, change) in [
        ("control", &(|plan: &mut Value| plan["control"] = json!("on")) as &dyn Fn(&mut Value)),
        ("stages", &|plan| plan["stages"] = json!([])),
        ("stages[1].name", &|plan| plan["stages"][1]["name"] = json!("dark")),
        ("stages[2].dark", &|plan| plan["stages"][2]["dark"] = json!(true)),
        ("stages[1].by", &|plan| plan["stages"][1]["by"] = json!([])),
        ("guards[0].check.metric", &|plan| plan["guards"][0]["check"]["failures"]["metric"] = json!(" ")),
        ("guards[1].name", &|plan| plan["guards"][1]["name"] = json!("Errors")),
        ("guards[0].check", &|plan| {
            plan["guards"][0]["check"]["failures"] = json!({"metric": "m", "tolerance": 5, "atMost": 5});
        }),
        ("guards[0].check.url", &|plan| plan["guards"][0]["check"] = json!({"webhook": {"url": "ftp://x"}})),
        ("guards[0].check", &|plan| {
            plan["guards"][0]["check"] = json!({"prometheus": {"url": "http://p", "query": "up"}});
        }),
        ("guards[0].check.timeout", &|plan| {
            plan["guards"][0]["check"] = json!({"probe": {"url": "http://p", "timeout": "1m"}});
        }),
        ("guards[0].check.expect", &|plan| {
            plan["guards"][0]["check"] = json!({"probe": {"url": "http://p", "expect": {"pointer": "/a"}}});
        }),
        ("lookEvery", &|plan| plan["lookEvery"] = json!("0s")),
        ("falseAlarms", &|plan| plan["falseAlarms"] = json!(0)),
        ("never[0]", &|plan| plan["never"] = json!([{"from": "doors", "until": "doors-1h"}])),
    ] {
        let said = refused(change);
        assert!(said.contains(&format!("{field}: ")), "{field}: {said}");
    }
}
