//! Dark rules: nobody is ever served by one, and yet it is known whom it would serve what. And which flags a metric is
//! counted for.

use crate::support::{NOW, answer, document, flag, ruleset, venue};
use proptest::prelude::*;
use serde_json::{Value, json};
use usher_core::{
    Context, Ruleset,
    model::{Document, DocumentId, Flag, Kind, Model, Seq},
    protocol::{EvaluatedValue, Value as Sent},
};

fn at(venue: &str) -> Context {
    Context::new("u-17").with("venue", venue)
}

/// A dark rule for everyone.
fn dark(id: &str) -> Value {
    json!({"id": id, "serve": {"variant": "on"}, "dark": true})
}

fn would_serve<'r>(rules: &'r Ruleset, context: &Context) -> Option<&'r str> {
    rules.dark_variant("f", context, NOW)
}

fn f(config: &Value) -> Ruleset {
    ruleset(&[
        flag("base", &json!({"venues": {"park": "on"}})),
        document(
            Kind::Cohort,
            &json!({"key": "crew", "name": "Crew", "keys": ["u-17"], "venues": ["arena"]}),
        ),
        venue("park", "England"),
        flag("f", config),
    ])
}

#[test]
fn a_dark_rule_is_passed_over_and_what_it_would_serve_is_known() {
    let rules = f(&json!({"rules": [dark("new")]}));
    assert_eq!(answer(&rules, "f", &at("park")), "off STATIC", "as if the rule were not there");
    assert_eq!(would_serve(&rules, &at("park")), Some("on"));
    let rules = f(&json!({"rules": [
        {"id": "never", "if": {"attribute": "venue", "op": "in", "values": ["dome"]}, "serve": {"variant": "off"},
         "dark": true},
        {"id": "light", "serve": {"variant": "off"}},
        dark("after")]}));
    assert_eq!(answer(&rules, "f", &at("park")), "off TARGETING_MATCH");
    assert_eq!(
        would_serve(&rules, &at("park")),
        Some("on"),
        "the first that matches, whatever is served before"
    );
    assert_eq!(would_serve(&rules, &at("dome")), Some("off"));
    assert_eq!(rules.evaluate("f", &at("park"), NOW).rule, Some("light"));
    assert_eq!(would_serve(&f(&json!({})), &at("park")), None);
    assert_eq!(rules.dark_variant("nobody", &at("park"), NOW), None);
}

#[test]
fn a_flag_that_is_off_killed_or_held_back_would_serve_nothing() {
    let config = |more: Value| {
        let mut config = json!({"rules": [dark("new")]});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        f(&config)
    };
    let table = [
        (json!({"enabled": false}), "park", None),
        (json!({"killed": {"all": true}}), "park", None),
        (json!({"killed": {"venues": ["park"]}}), "park", None),
        (json!({"killed": {"venues": ["park"]}}), "dome", Some("on")),
        (json!({"killed": {"cohorts": ["crew"]}}), "arena", None),
        (json!({"killed": {"cohorts": ["crew"]}}), "park", Some("on")),
        (json!({"prerequisites": [{"flag": "base", "variants": ["on"]}]}), "park", Some("on")),
        (json!({"prerequisites": [{"flag": "base", "variants": ["on"]}]}), "dome", None),
        // What comes later does not matter to what is there now.
        (json!({"venues": {"park": "off"}}), "park", Some("on")),
    ];
    for (more, venue, expected) in table {
        assert_eq!(would_serve(&config(more.clone()), &at(venue)), expected, "{more} at {venue}");
    }
}

#[test]
fn a_dark_rule_draws_like_any_other() {
    let rules = |dark: bool| {
        let split = json!({"by": ["targetingKey"], "seed": "s",
            "weights": [{"variant": "on", "weight": 1}, {"variant": "off", "weight": 1}, {"weight": 1}]});
        let rollout = json!({"by": ["targetingKey"], "percent": 50, "seed": "r"});
        f(&json!({"rules": [{"id": "r", "rollout": rollout, "serve": {"split": split}, "dark": dark}]}))
    };
    let (light, dark) = (rules(false), rules(true));
    let mut seen = [0, 0, 0];
    for n in 0..600 {
        let context = Context::new(&format!("u-{n}"));
        let served = light.evaluate("f", &context, NOW);
        let served = served.rule.and_then(|_| served.variant());
        assert_eq!(would_serve(&dark, &context), served, "u-{n}");
        seen[served.map_or(0, |variant| 1 + usize::from(variant == "on"))] += 1;
    }
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}

#[test]
fn an_explanation_tells_of_a_dark_rule_and_gives_the_same_answer() {
    let rules = f(&json!({"rules": [dark("new"), {"id": "light", "serve": {"variant": "on"}}]}));
    let (evaluation, trace) = rules.explain("f", &at("park"), NOW);
    assert_eq!(evaluation.rule, Some("light"));
    assert_eq!(
        trace.to_string(),
        "  1. · The flag is on.\n  \
           2. · Dark rule “new” matches and would serve `on`: it is counted, not served.\n  \
           3. · Rule “light” matches.\n  \
           4. → Serves `on`.\n"
    );
    let killed =
        f(&json!({"rules": [dark("new")], "killed": {"all": true}})).explain("f", &at("park"), NOW).1;
    assert!(!killed.to_string().contains("Dark"), "{killed}");
}

#[test]
fn fields_that_are_not_used_are_not_written() {
    let written = |config: &Value| {
        let flag = flag("f", config).parse::<Flag>().unwrap();
        serde_json::to_value(&flag.environments["production"]).unwrap()
    };
    let light =
        written(&json!({"rules": [{"id": "r", "serve": {"variant": "on"}, "dark": false}], "measure": []}));
    assert_eq!((light["rules"][0].get("dark"), light.get("measure")), (None, None), "{light}");
    let both = written(&json!({"rules": [dark("r")], "measure": ["checkout"]}));
    assert_eq!((&both["rules"][0]["dark"], &both["measure"][0]), (&json!(true), &json!("checkout")));
}

#[test]
fn metrics_that_make_no_sense_are_refused_by_name() {
    let problems = |measure: Value| {
        let flag = json!({"key": "f", "type": "boolean", "variants": {"on": true}, "environments": {"production": {
            "offVariant": "on", "measure": measure}}});
        let flag: Flag = serde_json::from_value(flag).unwrap();
        flag.validate().0.into_iter().map(|problem| problem.field).collect::<Vec<_>>()
    };
    let at = |n: usize| vec![format!("environments.production.measure[{n}]")];
    assert!(problems(json!(["checkout", "m".repeat(256)])).is_empty());
    assert_eq!(problems(json!(["checkout", ""])), at(1));
    assert_eq!(problems(json!(["m".repeat(257)])), at(0));
    assert_eq!(problems(json!(["a", "b", "a"])), at(2));
    let many: Vec<String> = (0..17).map(|n| format!("m{n}")).collect();
    assert!(problems(json!(many[..16])).is_empty());
    assert_eq!(problems(json!(many)), ["environments.production.measure"]);
}

#[test]
fn the_flags_of_a_metric_follow_every_change() {
    let measuring = |rules: &Ruleset, metric: &str| {
        rules.measuring(metric).map(ToOwned::to_owned).collect::<Vec<_>>().join(" ")
    };
    let both = flag("b", &json!({"measure": ["checkout", "seconds"]}));
    let rules = ruleset(&[both, flag("a", &json!({"measure": ["checkout"]})), flag("c", &json!({}))]);
    assert_eq!(measuring(&rules, "checkout"), "a b");
    assert_eq!(measuring(&rules, "seconds"), "b");
    assert_eq!(measuring(&rules, "nothing"), "");
    assert!(rules.is_measured("a") && !rules.is_measured("c") && !rules.is_measured("d"));
    let put = |rules: &Ruleset, document: &Document| rules.apply(Seq(2), [document], []);
    let after = put(&rules, &flag("c", &json!({"measure": ["checkout"]})));
    assert_eq!(measuring(&after, "checkout"), "a b c");
    let after = put(&after, &flag("b", &json!({"measure": ["seconds"]})));
    assert_eq!(
        (measuring(&after, "checkout"), measuring(&after, "seconds")),
        ("a c".to_owned(), "b".to_owned())
    );
    let after = after.apply(Seq(3), [], [&DocumentId::new(Kind::Flag, "a")]);
    assert_eq!(measuring(&after, "checkout"), "c");
    assert_eq!(measuring(&rules, "checkout"), "a b", "a snapshot stays what it is");
}

#[test]
fn values_carry_what_is_measured_and_what_is_dark() {
    let sent = |config: &Value, context: &Context| -> Value {
        let rules = f(config);
        let evaluation = rules.evaluate_for_client("f", context, NOW);
        assert_eq!(evaluation.variant(), None, "clients may not see it");
        let value = EvaluatedValue::new(&rules, "f", rules.evaluate("f", context, NOW), context, NOW);
        let json = serde_json::to_value(&value).unwrap();
        let read: Sent = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), json, "it is read as it was written");
        json
    };
    let measured = sent(&json!({"measure": ["checkout"], "rules": [dark("r")]}), &at("park"));
    assert_eq!((&measured["measure"], &measured["dark"]), (&json!(["checkout"]), &json!("on")));
    let plain = sent(&json!({}), &at("park"));
    assert_eq!(plain, json!({"value": false, "variant": "off", "reason": "STATIC"}));
}

proptest! {
    /// Whatever rules there are: with some of them dark, everything served is as if those were not there.
    #[test]
    fn dark_rules_never_serve(
        rules in prop::collection::vec((any::<bool>(), 0_u8..3, 0_u8..4, any::<bool>()), 0..8),
        person in 0_u8..20, place in 0_usize..3,
    ) {
        let venues = ["park", "dome", "arena"];
        let written: Vec<Value> = rules.iter().enumerate().map(|(n, (dark, at, share, on))| {
            let mut rule = json!({"id": format!("r{n}"), "serve": {"variant": if *on { "on" } else { "off" }},
                "if": {"attribute": "venue", "op": "in", "values": [venues[usize::from(*at)]]}, "dark": dark});
            if *share > 0 {
                rule["rollout"] = json!({"by": ["targetingKey"], "percent": share * 25, "seed": format!("s{n}")});
            }
            rule
        }).collect();
        let light: Vec<&Value> = written.iter().filter(|rule| rule["dark"] == false).collect();
        let context = Context::new(&format!("u-{person}")).with("venue", venues[place]);
        let (with, without) = (f(&json!({"rules": written})), f(&json!({"rules": light})));
        let (one, other) = (with.evaluate("f", &context, NOW), without.evaluate("f", &context, NOW));
        prop_assert_eq!((one.variant(), one.reason, one.rule), (other.variant(), other.reason, other.rule));
        let explained = with.explain("f", &context, NOW).0;
        prop_assert_eq!((one.variant(), one.rule), (explained.variant(), explained.rule));
        prop_assert_eq!(with.exposure("f", venues[place], NOW), without.exposure("f", venues[place], NOW));
    }
}
