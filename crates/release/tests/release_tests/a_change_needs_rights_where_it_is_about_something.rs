//! Which rights a change needs, and where.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use usher_core::{
    Context, Ruleset,
    model::{
        Change, Document, DocumentId, Kind, OutOfScope, Rights, Role, RoleBinding, Seq, Timestamp,
        parse_strict,
    },
    references::Catalogue,
};
use usher_release::scope::{check, needs};

#[derive(Default)]
struct Documents(BTreeMap<DocumentId, Document>);

impl Documents {
    fn with(mut self, document: Document) -> Self {
        self.0.insert(document.id().clone(), document);
        self
    }
}

impl Catalogue for Documents {
    fn find(&self, id: &DocumentId) -> Option<Document> {
        self.0.get(id).cloned()
    }

    fn all(&self, kind: &Kind) -> Vec<Document> {
        self.0.values().filter(|document| document.kind() == kind).cloned().collect()
    }
}

fn document(kind: &Kind, json: &Value) -> Document {
    parse_strict(kind, json.to_string().as_bytes()).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A flag that is served in production as `config` says, and in staging.
fn flag(config: &Value) -> Document {
    let mut whole = json!({"enabled": true, "offVariant": "off", "default": {"variant": "on"}});
    whole.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
    let own = json!({"enabled": true, "offVariant": "off", "default": {"variant": "on"}});
    let flag = json!({"key": "f", "type": "boolean", "variants": {"on": true, "off": false},
        "environments": {"production": whole, "staging": own}});
    document(&Kind::Flag, &flag)
}

fn with(document: &Document, field: &str, value: Value) -> Document {
    let mut whole = document.value();
    whole[field] = value;
    self::document(document.kind(), &whole)
}

/// What a change needs, in words: `operator production: dome, wembley`.
fn told(before: Option<&Document>, after: Option<&Document>, catalogue: &Documents) -> Vec<String> {
    let word = |need: usher_release::scope::Need| {
        let environment = need.reach.environment.map_or("all".to_owned(), |own| own.to_string());
        let venues: Vec<&str> = need.reach.venues.iter().map(|venue| venue.as_str()).collect();
        let venues = if venues.is_empty() { "all".to_owned() } else { venues.join(", ") };
        format!("{} {environment}: {venues}", need.role)
    };
    needs(Role::Operator, before, after, catalogue).into_iter().map(word).collect()
}

fn of(before: &Document, after: &Document) -> Vec<String> {
    told(Some(before), Some(after), &Documents::default())
}

fn bound(role: Role, environments: &[&str], venues: &[&str]) -> Rights {
    let environments = environments.iter().map(|key| key.parse().unwrap()).collect();
    let venues = venues.iter().map(|key| key.parse().unwrap()).collect();
    Rights::new(Role::Viewer, vec![RoleBinding { role, environments, venues }])
}

fn narrow(id: &str, venue: &str) -> Value {
    json!({"id": id, "if": {"attribute": "venue", "op": "in", "values": [venue]}, "serve": {"variant": "off"}})
}

#[test]
fn what_is_done_at_venues_is_about_these_venues() {
    let plain = flag(&json!({}));
    let dome = ["operator production: dome"];
    assert_eq!(of(&plain, &flag(&json!({"killed": {"venues": ["dome"]}}))), dome);
    assert_eq!(of(&flag(&json!({"killed": {"venues": ["dome"]}})), &plain), dome, "a revival");
    assert_eq!(of(&plain, &flag(&json!({"venues": {"dome": "off"}}))), dome);
    assert_eq!(of(&plain, &flag(&json!({"rules": [narrow("r", "dome")]}))), dome);
    let both = flag(&json!({"killed": {"venues": ["dome"]}, "venues": {"arena": "off"}}));
    assert_eq!(of(&plain, &both), ["operator production: arena, dome"]);
    assert_eq!(of(&both, &both), Vec::<String>::new());
}

#[test]
fn all_else_about_a_flag_in_an_environment_is_about_all_of_it() {
    let (plain, all) = (flag(&json!({})), ["operator production: all"]);
    for config in [
        json!({"enabled": false}),
        json!({"killed": {"all": true}}),
        json!({"killed": {"cohorts": ["staff"]}}),
        json!({"default": {"variant": "off"}}),
        json!({"measure": ["checkout"]}),
        json!({"targets": [{"by": "targetingKey", "values": ["u"], "variant": "off"}]}),
        json!({"rules": [{"id": "r", "dark": true, "serve": {"variant": "off"}}]}),
        json!({"rules": [{"id": "r", "if": {"not": {"attribute": "venue", "op": "in", "values": ["dome"]}}, "serve": {"variant": "off"}}]}),
        json!({"rules": [{"id": "r", "if": {"attribute": "venue", "op": "in", "values": []}, "serve": {"variant": "off"}}]}),
    ] {
        assert_eq!(of(&plain, &flag(&config)), all, "{config}");
        assert_eq!(of(&flag(&config), &plain), all, "{config}, taken back");
    }
    // What is off already is written all the same.
    let off = flag(&json!({"enabled": false}));
    assert_eq!(of(&off, &flag(&json!({"enabled": false, "default": {"variant": "off"}}))), all);
}

#[test]
fn the_flag_itself_is_about_every_environment_that_has_it() {
    let plain = flag(&json!({}));
    let everywhere = ["operator production: all", "operator staging: all"];
    assert_eq!(of(&plain, &with(&plain, "description", json!("x"))), everywhere);
    assert_eq!(of(&plain, &with(&plain, "lifecycle", json!("archived"))), everywhere);
    let none = Documents::default();
    assert_eq!(told(None, Some(&plain), &none), everywhere);
    assert_eq!(told(Some(&plain), None, &none), everywhere);
    let nowhere = with(&plain, "environments", json!({}));
    assert_eq!(told(None, Some(&nowhere), &none), ["operator all: all"]);
}

#[test]
fn what_is_for_administrators_is_so_by_every_way() {
    let none = Documents::default();
    for (kind, json, needed) in [
        (Kind::Environment, json!({"key": "e", "name": "E"}), "admin all: all"),
        (
            Kind::Freeze,
            json!({"key": "f", "reason": "r", "environments": ["production"], "venues": ["dome"],
                "from": "2027-05-15T00:00:00Z", "until": "2027-05-16T00:00:00Z"}),
            "admin production: dome",
        ),
        (Kind::Venue, json!({"key": "dome", "name": "Dome"}), "operator all: dome"),
        (Kind::Cohort, json!({"key": "c", "name": "C", "keys": ["u"]}), "operator all: all"),
        (
            Kind::Cohort,
            json!({"key": "c", "name": "C", "keys": ["u"], "venues": ["dome"]}),
            "operator all: dome",
        ),
        (
            Kind::Event,
            json!({"key": "e", "venue": "dome", "doors": "2027-05-15T14:00:00Z", "start": "2027-05-15T16:00:00Z",
                "finalScan": "2027-05-15T16:30:00Z"}),
            "operator all: dome",
        ),
        (
            Kind::Key,
            json!({"key": "k", "name": "K", "type": "client", "environment": "production", "venues": ["dome"],
                "hash": "h", "prefix": "p", "createdAt": "2027-01-01T00:00:00Z", "createdBy": "c"}),
            "admin production: dome",
        ),
        (
            Kind::Key,
            json!({"key": "k", "name": "K", "type": "api", "role": "viewer", "hash": "h", "prefix": "p",
                "createdAt": "2027-01-01T00:00:00Z", "createdBy": "c"}),
            "admin all: all",
        ),
    ] {
        let own = document(&kind, &json);
        assert_eq!(told(None, Some(&own), &none), [needed]);
        assert_eq!(told(Some(&own), None, &none), [needed]);
    }
    let cohort = |venues: Value| document(&Kind::Cohort, &json!({"key": "c", "name": "C", "venues": venues}));
    assert_eq!(of(&cohort(json!(["dome"])), &cohort(json!(["arena"]))), ["operator all: arena, dome"]);
    assert_eq!(of(&cohort(json!(["dome"])), &cohort(json!([]))), ["operator all: all"]);
}

fn playbook(plays: &Value) -> Document {
    document(&Kind::Playbook, &json!({"key": "p", "plays": plays}))
}

fn release(more: &Value) -> Document {
    let mut whole = json!({"key": "r", "flag": "f", "environment": "production", "variant": "on", "control": "off",
        "stages": [{"name": "all"}]});
    whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document(&Kind::Release, &whole)
}

#[test]
fn plans_are_about_all_that_they_would_do() {
    let dome = json!([{"kill": {"flag": "f", "environment": "production", "venues": ["dome"]}}]);
    let cohort =
        json!([{"kill": {"flag": "f", "environment": "production", "venues": ["dome"], "cohorts": ["c"]}}]);
    let restore = json!([{"restore": {"flag": "f", "to": 3}}, {"notice": {"text": "t"}}]);
    let back = json!([{"rollBack": {"release": "r"}}]);
    let own = Documents::default()
        .with(release(&json!({"environment": "staging"})))
        .with(playbook(&json!([{"on": {"flag": "f", "environment": "staging", "venues": ["arena"]}}])));
    let told = |before: Option<&Document>, after: Option<&Document>| self::told(before, after, &own);
    assert_eq!(told(None, Some(&playbook(&dome))), ["operator production: dome"]);
    assert_eq!(told(None, Some(&playbook(&cohort))), ["operator production: all"]);
    assert_eq!(told(None, Some(&playbook(&restore))), ["operator all: all"]);
    assert_eq!(told(None, Some(&playbook(&back))), ["operator staging: all"]);
    let change = ["operator production: dome", "operator staging: all"];
    assert_eq!(told(Some(&playbook(&dome)), Some(&playbook(&back))), change, "what it did, too");
    let schedule = |plays: &Value| {
        document(&Kind::Schedule, &json!({"key": "s", "at": "2027-01-01T00:00:00Z", "plays": plays}))
    };
    assert_eq!(told(Some(&schedule(&dome)), None), ["operator production: dome"]);
    let rehearsal = json!([{"at": "2027-01-01T00:00:00Z", "by": "Ana", "environment": "rehearsal", "devices": 1, "converged": 1}]);
    let rehearsed = with(&playbook(&back), "rehearsals", rehearsal);
    assert_eq!(told(Some(&playbook(&back)), Some(&rehearsed)), Vec::<String>::new());

    let guard =
        json!({"guards": [{"name": "g", "check": {"failures": {"metric": "m"}}, "then": {"playbook": "p"}}]});
    assert_eq!(told(None, Some(&release(&json!({})))), ["operator production: all"]);
    let guarded = release(&guard);
    let both = ["operator production: all", "operator staging: arena"];
    assert_eq!(told(None, Some(&guarded)), both);
    let missing = json!({"guards": [{"name": "g", "check": {"failures": {"metric": "m"}}, "then": {"playbook": "none"}}]});
    assert_eq!(told(None, Some(&release(&missing))), ["operator all: all"]);
}

#[test]
fn a_request_needs_what_its_changes_need_and_words_need_nothing() {
    let before = flag(&json!({}));
    let own = Documents::default().with(before);
    let actor = json!({"kind": "user", "id": "ana", "name": "Ana"});
    let request = |put: &Document, more: Value| {
        let mut whole = json!({"key": "r", "title": "t", "status": "open", "opened": "2027-01-01T00:00:00Z",
            "author": actor, "expected": {}, "changes": [{"put": put.value()}]});
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document(&Kind::ChangeRequest, &whole)
    };
    let kill = flag(&json!({"killed": {"venues": ["dome"]}}));
    let open = request(&kill, json!({}));
    assert_eq!(told(None, Some(&open), &own), ["operator production: dome"]);
    let comment = json!({"comments": [{"by": actor, "at": "2027-01-01T00:00:00Z", "text": "Why?"}]});
    assert_eq!(told(Some(&open), Some(&request(&kill, comment)), &own), Vec::<String>::new());
    let closed = request(&kill, json!({"status": "closed"}));
    assert_eq!(told(Some(&open), Some(&closed), &own).first().unwrap(), "operator production: dome");
    let environment = document(&Kind::Environment, &json!({"key": "e", "name": "E"}));
    assert_eq!(told(None, Some(&request(&environment, json!({}))), &own), ["admin all: all"]);
    // Whoever edits everywhere does not, by a request, change what is for administrators.
    let changes = [Change::Put(request(&environment, json!({})))];
    let editor = Rights::new(Role::Editor, Vec::new());
    let (_, OutOfScope { needs, has, .. }) = check(&editor, Role::Editor, &changes, &own).unwrap_err();
    assert_eq!((needs, has), (Role::Admin, Role::Editor));
}

#[test]
fn bindings_together_cover_what_none_of_them_covers_alone() {
    let own = Documents::default().with(flag(&json!({})));
    let changes = [Change::Put(flag(&json!({"killed": {"venues": ["dome", "arena"]}})))];
    let dome = bound(Role::Operator, &["production"], &["dome"]);
    let arena = bound(Role::Operator, &[], &["arena"]);
    assert_eq!(check(&dome, Role::Operator, &changes, &own).unwrap_err().1.place(), "arena in production");
    let both = [dome.bindings(), arena.bindings()].concat();
    assert!(check(&Rights::new(Role::Viewer, both), Role::Operator, &changes, &own).is_ok());
}

/// A configuration with something of everything that can be at a venue, or everywhere.
fn config() -> impl Strategy<Value = Value> {
    let rules = vec![
        narrow("a", "wembley"),
        narrow("b", "dome"),
        json!({"id": "c", "if": {"all": [{"attribute": "tier", "op": "in", "values": ["gold"]}, {"attribute": "venue", "op": "in", "values": ["wembley"]}]}, "serve": {"variant": "on"}}),
        json!({"id": "d", "if": {"any": [{"attribute": "venue", "op": "in", "values": ["wembley"]}, {"attribute": "tier", "op": "in", "values": ["gold"]}]}, "serve": {"variant": "off"}}),
        json!({"id": "e", "if": {"attribute": "venue", "op": "in", "values": ["wembley", "arena"]}, "serve": {"variant": "on"}}),
    ];
    let venues = || prop::sample::subsequence(vec!["wembley", "dome", "arena"], 0..=3);
    let variant = prop::sample::select(vec!["on", "off"]);
    let set =
        prop::collection::btree_map(prop::sample::select(vec!["wembley", "dome", "arena"]), variant, 0..3);
    let rules = prop::sample::subsequence(rules, 0..=4).prop_shuffle();
    (prop::bool::weighted(0.9), prop::bool::weighted(0.05), venues(), set, rules).prop_map(
        |(enabled, all, killed, venues, rules)| {
            json!({"enabled": enabled, "killed": {"all": all, "venues": killed}, "venues": venues, "rules": rules})
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The one that counts: what somebody of a venue is allowed is noticed nowhere else.
    #[test]
    fn what_needs_rights_at_venues_changes_no_answer_anywhere_else(before in config(), after in config()) {
        let (before, after) = (flag(&before), flag(&after));
        let needed = needs(Role::Operator, Some(&before), Some(&after), &Documents::default());
        for environment in ["production", "staging"] {
            let compiled = |document: &Document| Ruleset::compile(environment.parse().unwrap(), Seq(1), [document]);
            let (old, new) = (compiled(&before), compiled(&after));
            for venue in ["wembley", "dome", "arena", "anfield"] {
                let touched = needed.iter().any(|need| {
                    need.reach.environment.as_ref().is_none_or(|own| own.as_str() == environment)
                        && (need.reach.venues.is_empty() || need.reach.venues.iter().any(|own| own.as_str() == venue))
                });
                for tier in ["gold", "none"] {
                    let context = Context::from_json(&json!({"targetingKey": "u", "venue": venue, "tier": tier})).unwrap();
                    let answer = |ruleset: &Ruleset| ruleset.evaluate("f", &context, Timestamp::EPOCH).variant().map(ToOwned::to_owned);
                    prop_assert!(touched || answer(&old) == answer(&new), "{} at {} in {}", tier, venue, environment);
                }
            }
        }
    }

    #[test]
    fn an_operator_of_a_venue_changes_nothing_that_needs_rights_elsewhere(before in config(), after in config()) {
        let own = Documents::default().with(flag(&before));
        let changes = [Change::Put(flag(&after))];
        let here = bound(Role::Operator, &["production"], &["wembley"]);
        let wider = bound(Role::Operator, &["production"], &["wembley", "dome"]);
        let widest = bound(Role::Operator, &["production"], &[]);
        let may = |rights: &Rights| check(rights, Role::Operator, &changes, &own).is_ok();
        prop_assert!(!may(&here) || may(&wider));
        prop_assert!(!may(&wider) || may(&widest));
        prop_assert!(may(&widest), "it is all in production");
        let nothing = needs(Role::Operator, Some(&flag(&before)), Some(&flag(&after)), &own).is_empty();
        prop_assert_eq!(may(&bound(Role::Operator, &["staging"], &[])), nothing);
        prop_assert_eq!(may(&bound(Role::Viewer, &["production"], &[])), nothing);
    }
}
