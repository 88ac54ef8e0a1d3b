//! Which changes somebody else has to look at, and when they have.

use serde_json::{Value, json};
use usher_core::{
    limits::MAX_TEXT_BYTES,
    model::{
        Actor, ActorKind, Change, ChangeRequest, Document, Environment, Kind, Release, Role, parse_strict,
    },
};
use usher_release::{
    Move,
    approval::{asking, may_approve, may_let_go_on, standing},
};

fn document(kind: &Kind, json: &Value) -> Document {
    parse_strict(kind, json.to_string().as_bytes()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn environments() -> Vec<Environment> {
    let one = |key: &str, approvals: u32| {
        document(&Kind::Environment, &json!({"key": key, "name": key, "approvals": approvals}))
            .parse()
            .unwrap()
    };
    vec![one("production", 2), one("preview", 1), one("staging", 0)]
}

/// The environments that ask for approvals of a change.
fn asked(before: Option<&Document>, after: Option<&Document>) -> Vec<String> {
    asking(before, after, &environments()).into_iter().map(|own| own.key.to_string()).collect()
}

fn flag(config: Value) -> Document {
    let mut whole = json!({"enabled": true, "offVariant": "off", "default": {"variant": "on"}});
    whole.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
    let own = json!({"enabled": true, "offVariant": "off", "default": {"variant": "on"}});
    let flag = json!({"key": "f", "type": "boolean", "variants": {"on": true, "off": false},
        "environments": {"production": whole, "staging": own}});
    document(&Kind::Flag, &flag)
}

fn actor(id: &str) -> Actor {
    Actor { kind: ActorKind::User, id: id.to_owned(), name: id.to_uppercase() }
}

fn request(more: Value) -> ChangeRequest {
    let mut whole = json!({"key": "r", "title": "t", "status": "open", "opened": "2027-01-01T00:00:00Z",
        "author": actor("ana"), "expected": {"venue/dome": 7},
        "changes": [{"put": {"kind": "venue", "key": "dome", "name": "Dome"}}]});
    whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document(&Kind::ChangeRequest, &whole).parse().unwrap()
}

fn approved_by(names: &[&str]) -> ChangeRequest {
    let approvals: Vec<Value> =
        names.iter().map(|name| json!({"by": actor(name), "at": "2027-01-02T00:00:00Z"})).collect();
    request(json!({"approvals": approvals}))
}

#[test]
fn what_clients_of_an_environment_notice_is_asked_about_there_and_kills_are_not() {
    let plain = flag(json!({}));
    let off = flag(json!({"enabled": false}));
    assert_eq!(asked(Some(&plain), Some(&off)), ["production"]);
    assert_eq!(asked(Some(&plain), None), ["production"]);
    assert_eq!(asked(Some(&plain), Some(&flag(json!({"venues": {"dome": "off"}})))), ["production"]);
    let killed = flag(json!({"killed": {"venues": ["dome"]}}));
    assert_eq!(asked(Some(&plain), Some(&killed)), Vec::<String>::new());
    assert_eq!(asked(Some(&killed), Some(&plain)), ["production"], "to revive is not to stop harm");
    assert_eq!(asked(Some(&plain), Some(&plain)), Vec::<String>::new());
    let cohort = document(&Kind::Cohort, &json!({"key": "staff", "name": "Staff", "keys": ["u-1"]}));
    assert_eq!(asked(None, Some(&cohort)), ["production", "preview"], "who knows where it is used");
}

#[test]
fn what_acts_there_later_is_asked_about_when_it_is_written_and_not_when_it_is_called_otherwise() {
    let at = "2027-05-15T17:00:00Z";
    let schedule = |plays: Value, more: Value| {
        let mut whole = json!({"key": "s", "at": at, "plays": plays});
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document(&Kind::Schedule, &whole)
    };
    let play = |what: &str, environment: &str| json!([{what: {"flag": "f", "environment": environment}}]);
    let on = schedule(play("on", "production"), json!({}));
    assert_eq!(asked(None, Some(&on)), ["production"]);
    assert_eq!(asked(None, Some(&schedule(play("on", "staging"), json!({})))), Vec::<String>::new());
    assert_eq!(asked(None, Some(&schedule(play("kill", "production"), json!({})))), Vec::<String>::new());
    let restore = json!([{"restore": {"flag": "f", "to": 3}}]);
    assert_eq!(asked(None, Some(&schedule(restore, json!({})))), ["production", "preview"]);
    let named = schedule(play("on", "production"), json!({"name": "Doors", "latest": "1h"}));
    assert_eq!(asked(Some(&on), Some(&named)), Vec::<String>::new());
    let later = schedule(play("on", "production"), json!({"at": "2027-05-16T17:00:00Z"}));
    assert_eq!(asked(Some(&on), Some(&later)), ["production"]);
    assert_eq!(asked(Some(&on), None), Vec::<String>::new(), "to drop a plan does nothing");
    let release = |more: Value| {
        let mut whole = json!({"key": "r", "flag": "f", "environment": "production", "variant": "on", "control": "off",
            "stages": [{"name": "all"}]});
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document(&Kind::Release, &whole)
    };
    assert_eq!(asked(None, Some(&release(json!({})))), ["production"]);
    let two = release(json!({"stages": [{"name": "all"}, {"name": "more"}]}));
    assert_eq!(asked(Some(&release(json!({}))), Some(&two)), ["production"]);
}

#[test]
fn as_many_others_as_are_asked_for_have_to_approve_who_may_themselves() {
    let all = |_: &Actor| true;
    assert_eq!(standing(&request(json!({})), 0, all).reasons, Vec::<String>::new(), "nobody asks");
    let none = standing(&request(json!({})), 1, all);
    assert!(none.reasons[0].contains("somebody else"), "{none:?}");
    // The author's counts for nothing, however it came there.
    assert_eq!(standing(&approved_by(&["ana"]), 1, all).approved_by, Vec::<String>::new());
    let one = standing(&approved_by(&["ana", "ben"]), 2, all);
    assert!(one.reasons[0].contains("2 other people; 1 did"), "{one:?}");
    assert_eq!(standing(&approved_by(&["ben", "cleo"]), 2, all).reasons, Vec::<String>::new());
    let only_ben = |by: &Actor| by.id == "ben";
    assert_eq!(standing(&approved_by(&["ben", "cleo"]), 2, only_ben).approved_by, ["BEN"]);
    for (status, word) in [("merged", "merged already"), ("closed", "open another one")] {
        let over = standing(&request(json!({"status": status})), 0, all);
        assert!(over.reasons[0].contains(word), "{over:?}");
    }
}

#[test]
fn neither_the_author_nor_a_program_is_a_second_person() {
    let own = request(json!({}));
    assert!(may_approve(&own, &actor("ben")).is_ok());
    let renamed = Actor { name: "Somebody".to_owned(), ..actor("ana") };
    assert!(may_approve(&own, &renamed).unwrap_err().contains("somebody else"));
    let program = Actor { kind: ActorKind::Token, ..actor("ci") };
    assert!(may_approve(&own, &program).unwrap_err().contains("sign in"));
}

#[test]
fn a_request_needs_the_rights_that_its_changes_need() {
    assert_eq!(request(json!({})).role(), Role::Editor);
    let freeze = json!({"changes": [{"delete": {"kind": "freeze", "key": "f"}}]});
    assert_eq!(request(freeze).role(), Role::Admin);
    let twice = json!({"kind": "changeRequest", "key": "r", "title": "t", "status": "open", "opened": "2027-01-01T00:00:00Z",
        "author": actor("ana"), "expected": {}, "changes": [{"delete": {"kind": "freeze", "key": "f"}}, {"delete": {"kind": "freeze", "key": "f"}}]});
    assert!(parse_strict(&Kind::ChangeRequest, twice.to_string().as_bytes()).is_err());
    let own = request(json!({}));
    assert!(matches!(&own.changes[0], Change::Put(venue) if venue.key() == "dome"));
}

#[test]
fn a_comment_says_something_and_not_too_much() {
    let said = |text: String| {
        let comment = json!({"by": actor("ben"), "at": "2027-01-02T00:00:00Z", "text": text});
        let mut whole = serde_json::to_value(request(json!({}))).unwrap();
        whole["comments"] = json!([comment]);
        parse_strict(&Kind::ChangeRequest, whole.to_string().as_bytes())
    };
    assert!(said("Looks well".to_owned()).is_ok());
    for bad in [" ".to_owned(), "x".repeat(MAX_TEXT_BYTES + 1)] {
        assert!(said(bad).unwrap_err().to_string().contains("comments[0].text"));
    }
}

#[test]
fn who_has_begun_a_release_does_not_let_it_go_on() {
    let release = |approved: Option<&str>| -> Release {
        let mut progress = json!({"status": "running", "started": "2027-01-01T00:00:00Z", "startedBy": "ana",
            "stage": 0, "since": "2027-01-01T00:00:00Z"});
        if let Some(by) = approved {
            progress["approvedBy"] = json!(by);
        }
        document(
            &Kind::Release,
            &json!({"key": "r", "flag": "f", "environment": "production", "variant": "on",
            "control": "off", "stages": [{"name": "one", "requires": {"approval": true}}, {"name": "all"}],
            "progress": progress}),
        )
        .parse()
        .unwrap()
    };
    let approve = Move::Approve("x".to_owned());
    let may = |step: &Move, by: &Actor, approved| may_let_go_on(&release(approved), step, by).is_ok();
    assert!(!may(&approve, &actor("ana"), None) && may(&approve, &actor("ben"), None));
    let program = Actor { kind: ActorKind::Token, ..actor("ci") };
    assert!(!may(&approve, &program, None));
    assert!(!may(&Move::Promote, &actor("ana"), None), "to pass over an approval is to give it");
    assert!(may(&Move::Promote, &actor("ana"), Some("ben")) && may(&Move::Promote, &actor("ben"), None));
    assert!(may(&Move::RollBack, &actor("ana"), None) && may(&Move::Pause, &program, None));
}
