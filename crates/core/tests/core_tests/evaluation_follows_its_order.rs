//! The order of evaluation, each step before the next.

use crate::support::{NOW, answer, document, flag, ruleset, venue};
use serde_json::json;
use usher_core::{Context, ErrorCode, model::Kind};

fn at(venue: &str) -> Context {
    Context::new("u-17").with("venue", venue)
}

#[test]
fn each_step_wins_over_those_after_it() {
    // The flag has everything at once; from the bottom up, one step after the other is taken away.
    let full = json!({
        "enabled": true,
        "killed": {"all": false, "venues": ["killed-park"], "cohorts": ["banned"]},
        "prerequisites": [{"flag": "base", "variants": ["on"]}],
        "venues": {"override-park": "on"},
        "targets": [{"by": "targetingKey", "values": ["u-17"], "variant": "on"}],
        "rules": [{"id": "r", "serve": {"variant": "on"}}]
    });
    let documents = |base_on: bool| {
        [
            flag("base", &json!({"default": {"variant": if base_on { "on" } else { "off" }}})),
            flag("f", &full),
            venue("killed-park", "England"),
            venue("override-park", "England"),
            document(Kind::Cohort, &json!({"key": "banned", "name": "Banned", "keys": ["u-13"]})),
        ]
    };
    let rules = ruleset(&documents(true));
    assert_eq!(answer(&rules, "missing", &at("x")), "FLAG_NOT_FOUND ERROR");
    assert_eq!(answer(&rules, "f", &at("killed-park")), "off DISABLED");
    assert_eq!(answer(&rules, "f", &Context::new("u-13").with("venue", "override-park")), "off DISABLED");
    assert_eq!(answer(&rules, "f", &at("override-park")), "on TARGETING_MATCH");
    assert_eq!(answer(&rules, "f", &at("elsewhere")), "on TARGETING_MATCH");
    assert_eq!(rules.evaluate("f", &at("elsewhere"), NOW).rule, None, "a target decides before the rule");
    assert_eq!(rules.evaluate("f", &Context::new("u-18"), NOW).rule, Some("r"));

    let failing = ruleset(&documents(false));
    let evaluation = failing.evaluate("f", &at("override-park"), NOW);
    assert_eq!(evaluation.variant(), Some("off"), "a prerequisite comes before the override");
    assert_eq!(evaluation.failed_prerequisite, Some("base"));
}

#[test]
fn reasons_tell_how_a_default_came_about() {
    let split =
        json!({"split": {"by": ["targetingKey"], "seed": "s", "weights": [{"variant": "on", "weight": 1}]}});
    let rules = ruleset(&[
        flag("static", &json!({"default": {"variant": "on"}})),
        flag("default", &json!({"rules": [{"id": "r", "if": {"any": []}, "serve": {"variant": "on"}}]})),
        flag("split", &json!({"default": split})),
        flag("off", &json!({"enabled": false})),
        flag("killed", &json!({"killed": {"all": true}, "default": {"variant": "on"}})),
    ]);
    for (key, expected) in [
        ("static", "on STATIC"),
        ("default", "off DEFAULT"),
        ("split", "on SPLIT"),
        ("off", "off DISABLED"),
        ("killed", "off DISABLED"),
    ] {
        assert_eq!(answer(&rules, key, &at("x")), expected, "{key}");
    }
}

#[test]
fn a_missing_split_key_gives_the_off_variant_and_says_so() {
    let split =
        json!({"split": {"by": ["venue", "gate"], "seed": "s", "weights": [{"variant": "on", "weight": 1}]}});
    let rules = ruleset(&[
        flag("split", &json!({"default": split})),
        flag(
            "rollout",
            &json!({"rules": [{"id": "r", "rollout": {"by": ["targetingKey"], "percent": 100, "seed": "s"}, "serve": {"variant": "on"}}]}),
        ),
    ]);
    let evaluation = rules.evaluate("split", &at("x"), NOW);
    assert_eq!((evaluation.variant(), evaluation.missing_split_key), (Some("off"), Some("gate")));
    let empty = Context::new("");
    let evaluation = rules.evaluate("rollout", &empty, NOW);
    assert_eq!((evaluation.variant(), evaluation.missing_split_key), (Some("off"), Some("targetingKey")));
    assert_eq!(answer(&rules, "rollout", &Context::new("u")), "on SPLIT");
}

#[test]
fn a_context_outside_a_rollout_goes_on_to_the_next_rule() {
    let rules = ruleset(&[flag(
        "f",
        &json!({"rules": [
            {"id": "nobody", "rollout": {"by": ["targetingKey"], "percent": 0, "seed": "s"}, "serve": {"variant": "on"}},
            {"id": "everybody", "serve": {"variant": "on"}}]}),
    )]);
    assert_eq!(rules.evaluate("f", &Context::new("u"), NOW).rule, Some("everybody"));
}

#[test]
fn a_flag_that_is_not_configured_here_gives_the_callers_default() {
    let elsewhere = document(
        Kind::Flag,
        &json!({"key": "f", "type": "boolean", "variants": {"on": true}, "environments": {}}),
    );
    let rules = ruleset(&[elsewhere]);
    assert_eq!(answer(&rules, "f", &Context::new("u")), "nothing DISABLED");
}

#[test]
fn an_archived_flag_is_off() {
    let mut archived = flag("f", &json!({"default": {"variant": "on"}})).value();
    archived["lifecycle"] = "archived".into();
    assert_eq!(answer(&ruleset(&[document(Kind::Flag, &archived)]), "f", &Context::new("u")), "off DISABLED");
}

#[test]
fn what_can_not_be_understood_breaks_one_flag_only() {
    let parse = |json: &str| serde_json::from_str(json).unwrap();
    let newer = [
        r#"{"kind":"flag","key":"new-field","type":"boolean","variants":{"on":true},"environments":{},"telepathy":1}"#,
        r#"{"kind":"flag","key":"new-type","type":"quantum","variants":{"on":true},"environments":{}}"#,
        r#"{"kind":"flag","key":"new-operator","type":"boolean","variants":{"on":true},"environments":{"production":{"enabled":true,"offVariant":"on","default":{"variant":"on"},"rules":[{"id":"r","if":{"attribute":"x","op":"feels","values":[1]},"serve":{"variant":"on"}}]}}}"#,
        r#"{"kind":"hologram","key":"new-kind","anything":[]}"#,
    ];
    let mut documents: Vec<_> = newer.into_iter().map(parse).collect();
    documents.push(flag("good", &json!({"default": {"variant": "on"}})));
    let rules = ruleset(&documents);
    for key in ["new-field", "new-type", "new-operator"] {
        assert_eq!(rules.evaluate(key, &Context::new("u"), NOW).error, Some(ErrorCode::ParseError), "{key}");
    }
    assert_eq!(answer(&rules, "good", &Context::new("u")), "on STATIC");
    assert_eq!(rules.broken().count(), 3);
}

#[test]
fn values_are_typed_and_null_is_the_callers_default() {
    let variants = |flag_type: &str, value: serde_json::Value| {
        let config = json!({"enabled": true, "offVariant": "v", "default": {"variant": "v"}});
        let json = json!({"key": flag_type, "type": flag_type, "variants": {"v": value}, "environments": {"production": config}});
        document(Kind::Flag, &json)
    };
    let rules = ruleset(&[
        variants("boolean", json!(null)),
        variants("string", json!("text")),
        variants("integer", json!(9_007_199_254_740_993_i64)),
        variants("float", json!(2)),
        variants("object", json!({"a": [1]})),
    ]);
    let evaluate = |key| rules.evaluate(key, NOBODY, NOW);
    assert_eq!(evaluate("boolean").boolean(), Ok(None));
    assert_eq!(evaluate("string").string().unwrap().map(|text| &**text), Some("text"));
    assert_eq!(evaluate("integer").integer(), Ok(Some(9_007_199_254_740_993)));
    assert_eq!(evaluate("float").float(), Ok(Some(2.0)));
    assert_eq!(evaluate("object").object().unwrap().unwrap()["a"][0], 1);
    assert_eq!(evaluate("string").boolean(), Err(ErrorCode::TypeMismatch));
    assert_eq!(evaluate("missing").boolean(), Err(ErrorCode::FlagNotFound));
}

static NOBODY: &Context = &Context::ANONYMOUS;

#[test]
fn a_change_recompiles_what_changed_and_names_what_it_touches() {
    let needs = json!({"prerequisites": [{"flag": "base", "variants": ["on"]}]});
    let asks = json!({"rules": [{"id": "r", "if": {"cohort": "outer"}, "serve": {"variant": "on"}}]});
    let outer = json!({"key": "outer", "name": "O", "if": {"cohort": "inner"}});
    let country = json!({"rules": [{"id": "r", "if": {"attribute": "venue.country", "op": "in", "values": ["Wales"]}, "serve": {"variant": "on"}}]});
    let inner = |key: &str| document(Kind::Cohort, &json!({"key": "inner", "name": "I", "keys": [key]}));
    let documents = [
        flag("base", &json!({"default": {"variant": "on"}})),
        flag("leans", &needs),
        flag("asks", &asks),
        flag("country", &country),
        document(Kind::Cohort, &outer),
        inner("u-1"),
        venue("park", "England"),
    ];
    let before = ruleset(&documents);
    let changed = inner("u-2");
    let after = before.apply(usher_core::model::Seq(2), [&changed], []);
    assert_eq!(after.affected_by([changed.id()]), ["asks"]);
    assert_eq!(after.affected_by([documents[0].id()]), ["base", "leans"]);
    assert_eq!(after.affected_by([documents[6].id()]), ["country"]);
    assert_eq!(answer(&before, "asks", &Context::new("u-2")), "off DEFAULT");
    assert_eq!(answer(&after, "asks", &Context::new("u-2")), "on TARGETING_MATCH");
    let gone = after.apply(usher_core::model::Seq(3), [], [documents[0].id()]);
    assert_eq!(answer(&gone, "base", &Context::new("u")), "FLAG_NOT_FOUND ERROR");
    assert_eq!(gone.affected_by([documents[0].id()]), ["leans"]);
}
