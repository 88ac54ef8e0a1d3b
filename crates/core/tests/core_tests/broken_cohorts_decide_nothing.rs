//! A cohort that this version can't understand is not "nobody": what depends on it falls back, kills for it hold, and
//! nothing else moves.

use crate::support::{NOW, answer, document, flag, ruleset, venue};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};
use usher_core::{
    Context, ErrorCode, Ruleset,
    board::ExposureSource,
    model::{Document, Kind, Seq},
};

/// A cohort as a newer server may send it.
fn newer(more: &Value) -> Document {
    let mut cohort = json!({"kind": "cohort", "key": "fans", "name": "Fans"});
    cohort.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(cohort).unwrap()
}

fn feels() -> Document {
    newer(&json!({"if": {"attribute": "mood", "op": "feels", "values": ["good"]}}))
}

fn rule(condition: &Value) -> Value {
    json!({"rules": [{"id": "r", "name": "R", "if": condition, "serve": {"variant": "on"}}]})
}

fn tier(value: &str) -> Value {
    json!({"attribute": "tier", "op": "equals", "values": [value]})
}

fn fan() -> Context {
    Context::new("u-17").with("venue", "anfield").with("tier", "gold")
}

const FALLS_BACK: &str = "PARSE_ERROR ERROR";

#[test]
fn a_flag_falls_back_where_it_asks_for_one() {
    let cohort = json!({"cohort": "fans"});
    let table = [
        (cohort.clone(), FALLS_BACK),
        (json!({"not": cohort}), FALLS_BACK),
        (json!({"not": {"not": cohort}}), FALLS_BACK),
        (json!({"all": [tier("gold"), cohort]}), FALLS_BACK),
        (json!({"all": [cohort, tier("gold")]}), FALLS_BACK),
        (json!({"any": [tier("blue"), {"not": cohort}]}), FALLS_BACK),
        (
            json!({"any": [{"all": [tier("gold"), {"not": {"any": [cohort, tier("blue")]}}]}, tier("blue")]}),
            FALLS_BACK,
        ),
        (json!({"cohort": "around"}), FALLS_BACK),
        // Whoever is in it, these hold or don't.
        (json!({"all": [tier("blue"), cohort]}), "off DEFAULT"),
        (json!({"all": [cohort, tier("blue")]}), "off DEFAULT"),
        (json!({"any": [cohort, tier("gold")]}), "on TARGETING_MATCH"),
        (json!({"not": {"all": [cohort, tier("blue")]}}), "on TARGETING_MATCH"),
        (json!({"cohort": "listed"}), "on TARGETING_MATCH"),
        (json!({"cohort": "elsewhere"}), "off DEFAULT"),
    ];
    let around = |key: &str, more: &Value| {
        let mut whole = json!({"key": key, "name": key, "if": {"not": {"cohort": "fans"}}});
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document(Kind::Cohort, &whole)
    };
    for (condition, expected) in table {
        let rules = ruleset(&[
            flag("f", &rule(&condition)),
            flag("other", &rule(&tier("gold"))),
            feels(),
            around("around", &json!({})),
            around("listed", &json!({"keys": ["u-17"]})),
            around("elsewhere", &json!({"venues": ["camp-nou"]})),
        ]);
        assert_eq!(answer(&rules, "f", &fan()), expected, "{condition}");
        assert_eq!(answer(&rules, "other", &fan()), "on TARGETING_MATCH", "no other is touched");
    }
}

#[test]
fn whatever_makes_it_unreadable_lets_nobody_in() {
    for more in [
        json!({"moonPhase": "full"}),
        json!({"if": {"moon": "full"}}),
        json!({"claims": "dreamt", "keys": ["u-17"]}),
        json!({"keys": "u-17"}),
    ] {
        let rules = ruleset(&[flag("f", &rule(&json!({"cohort": "fans"}))), newer(&more)]);
        for context in [fan(), fan().unsigned()] {
            assert_eq!(answer(&rules, "f", &context), FALLS_BACK, "{more}");
        }
    }
    let rules = ruleset(&[flag("f", &rule(&json!({"not": {"cohort": "unknown"}})))]);
    assert_eq!(answer(&rules, "f", &fan()), "on TARGETING_MATCH", "one that is not there is nobody, as ever");
}

#[test]
fn what_comes_before_the_rules_goes_before_it() {
    let with = |more: Value| {
        let mut config = rule(&json!({"cohort": "fans"}));
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let first = json!([{"id": "first", "if": tier("gold"), "serve": {"variant": "on"}},
        {"id": "second", "if": {"cohort": "fans"}, "serve": {"variant": "on"}}]);
    let nobody = json!([{"id": "r", "if": {"cohort": "fans"}, "serve": {"variant": "on"},
        "rollout": {"by": ["targetingKey"], "percent": 0, "seed": "s"}}]);
    let rules = ruleset(&[
        flag("off", &with(json!({"enabled": false}))),
        flag("killed", &with(json!({"killed": {"venues": ["anfield"]}}))),
        flag("here", &with(json!({"venues": {"anfield": "on"}}))),
        flag(
            "targeted",
            &with(json!({"targets": [{"by": "targetingKey", "values": ["u-17"], "variant": "on"}]})),
        ),
        flag("decided", &json!({"rules": first})),
        flag("nobody", &json!({"rules": nobody})),
        feels(),
    ]);
    for (key, expected) in [
        ("off", "off DISABLED"),
        ("killed", "off DISABLED"),
        ("here", "on TARGETING_MATCH"),
        ("targeted", "on TARGETING_MATCH"),
        ("decided", "on TARGETING_MATCH"),
        ("nobody", "off DEFAULT"),
    ] {
        assert_eq!(answer(&rules, key, &fan()), expected, "{key}");
    }
    let blue = Context::new("u-17").with("tier", "blue");
    assert_eq!(answer(&rules, "decided", &blue), FALLS_BACK, "who comes to the second rule");
}

#[test]
fn a_prerequisite_that_falls_back_is_not_met() {
    let needs = |wanted: &Value| json!({"prerequisites": [wanted], "default": {"variant": "on"}});
    let rules = ruleset(&[
        flag("f", &rule(&json!({"not": {"cohort": "fans"}}))),
        flag("needs-on", &needs(&json!({"flag": "f", "variants": ["on"]}))),
        flag("needs-off", &needs(&json!({"flag": "f", "variants": ["off"]}))),
        flag("needs-disabled", &needs(&json!({"flag": "f", "enabled": false}))),
        flag("asks", &rule(&json!({"not": {"prerequisite": {"flag": "f", "variants": ["on"]}}}))),
        feels(),
    ]);
    for key in ["needs-on", "needs-off", "needs-disabled"] {
        assert_eq!(answer(&rules, key, &fan()), "off DISABLED", "{key}");
        assert_eq!(rules.evaluate(key, &fan(), NOW).failed_prerequisite, Some("f"));
    }
    assert_eq!(answer(&rules, "asks", &fan()), "on TARGETING_MATCH", "as with any flag that fails");
}

#[test]
fn a_kill_for_one_holds_for_everybody() {
    let killed = |cohort: &str| json!({"killed": {"cohorts": [cohort]}, "default": {"variant": "on"}});
    let around = json!({"key": "around", "name": "A", "if": {"all": [tier("gold"), {"cohort": "fans"}]}});
    let rules = ruleset(&[
        flag("direct", &killed("fans")),
        flag("around", &killed("around")),
        flag("unknown", &killed("nobody-knows")),
        document(Kind::Cohort, &around),
        feels(),
    ]);
    let blue = Context::new("u-18").with("tier", "blue");
    assert_eq!(answer(&rules, "direct", &fan()), "off DISABLED");
    assert_eq!(answer(&rules, "direct", &blue), "off DISABLED");
    assert_eq!(answer(&rules, "direct", &Context::anonymous().unsigned()), "off DISABLED");
    assert_eq!(answer(&rules, "around", &fan()), "off DISABLED");
    assert_eq!(answer(&rules, "around", &blue), "on DEFAULT", "who is in it in no case is not killed");
    assert_eq!(answer(&rules, "unknown", &fan()), "on DEFAULT");
}

#[test]
fn a_dark_rule_counts_nothing_that_may_be_wrong() {
    let dark = |condition: &Value| json!({"rules": [{"id": "d", "dark": true, "if": condition, "serve": {"variant": "on"}}]});
    let rules = ruleset(&[
        flag("unclear", &dark(&json!({"not": {"cohort": "fans"}}))),
        flag("clear", &dark(&json!({"any": [{"cohort": "fans"}, tier("gold")]}))),
        feels(),
    ]);
    assert_eq!(rules.dark_variant("unclear", &fan(), NOW), None);
    assert_eq!(rules.dark_variant("clear", &fan(), NOW), Some("on"));
    assert_eq!(
        answer(&rules, "unclear", &fan()),
        "off STATIC",
        "what is never served makes nothing fall back"
    );
}

#[test]
fn it_is_mended_and_broken_with_the_cohort() {
    let broken = ruleset(&[flag("f", &rule(&json!({"not": {"cohort": "fans"}}))), feels()]);
    let good = document(Kind::Cohort, &json!({"key": "fans", "name": "Fans", "keys": ["u-17"]}));
    let mended = broken.apply(Seq(2), [&good], []);
    assert_eq!(answer(&mended, "f", &fan()), "off DEFAULT");
    let again = mended.apply(Seq(3), [&feels()], []);
    assert_eq!(answer(&again, "f", &fan()), FALLS_BACK);
    let gone = again.apply(Seq(4), [], [feels().id()]);
    assert_eq!(answer(&gone, "f", &fan()), "on TARGETING_MATCH");
}

#[test]
fn an_explanation_says_why() {
    let rules = ruleset(&[
        flag(
            "f",
            &json!({"rules": [
            {"id": "first", "name": "Blue", "if": tier("blue"), "serve": {"variant": "on"}},
            {"id": "second", "name": "Others", "if": {"all": [tier("gold"), {"not": {"cohort": "fans"}}, {"cohort": "around"}]},
             "serve": {"variant": "on"}}]}),
        ),
        flag("killed", &json!({"killed": {"cohorts": ["fans"]}})),
        document(Kind::Cohort, &json!({"key": "around", "name": "All around", "if": {"cohort": "fans"}})),
        feels(),
    ]);
    let (evaluation, trace) = rules.explain("f", &fan(), NOW);
    assert_eq!(evaluation.error, Some(ErrorCode::ParseError));
    let text = trace.to_string();
    for words in [
        "· Rule “Blue” does not match.",
        "→ Rule “Others” depends on cohort fans, which can't be understood, so the caller's default applies.",
        "✓ tier is gold",
        "? not:",
        "? belongs to cohort fans, which can't be understood",
        "? belongs to cohort All around, which depends on cohort fans, which can't be understood",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let text = rules.explain("killed", &fan(), NOW).1.to_string();
    let words = "→ The flag is killed for cohort fans; who is in it can't be understood, so it is killed here too: `off`.";
    assert!(text.contains(words), "{text}");
}

#[test]
fn a_board_does_not_show_what_nobody_is_given() {
    let at = |country: &str| json!({"attribute": "venue.country", "op": "in", "values": [country]});
    let cohort = json!({"cohort": "fans"});
    let rules = ruleset(&[
        flag("asks", &rule(&json!({"not": cohort}))),
        flag("elsewhere", &rule(&json!({"all": [cohort, at("Spain")]}))),
        flag("everybody", &rule(&json!({"any": [cohort, at("England")]}))),
        flag("killed", &json!({"killed": {"cohorts": ["fans"]}})),
        venue("anfield", "England"),
        feels(),
    ]);
    let source = |flag: &str| rules.exposure(flag, "anfield", NOW).source;
    assert_eq!(source("asks"), ExposureSource::Unknown);
    assert_eq!(source("elsewhere"), ExposureSource::Default);
    assert_eq!(source("everybody"), ExposureSource::Rule);
    assert_eq!(source("killed"), ExposureSource::Killed);
}

fn condition() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        select(vec!["fans", "around", "unknown"]).prop_map(|cohort| json!({"cohort": cohort})),
        select(vec!["gold", "blue"]).prop_map(tier),
        select(vec![0, 40, 100]).prop_map(
            |percent| json!({"rollout": {"by": ["targetingKey"], "percent": percent, "seed": "c"}})
        ),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({"all": parts})),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({"any": parts})),
            inner.prop_map(|part| json!({"not": part})),
        ]
    })
}

/// One flag of these rules, which serve a variant each, dark or not; and one that only is killed.
fn documents(conditions: &[(Value, u32)], around: &Value, claims: Option<&str>) -> Vec<Document> {
    let of = |dark: bool| -> Document {
        let rules: Vec<Value> = conditions
            .iter()
            .enumerate()
            .map(|(n, (condition, percent))| {
                json!({"id": format!("r{n}"), "if": condition, "serve": {"variant": format!("v{n}")}, "dark": dark,
                    "rollout": {"by": ["targetingKey"], "percent": percent, "seed": "s"}})
            })
            .collect();
        let variants: serde_json::Map<String, Value> =
            (0..=conditions.len()).map(|n| (format!("v{n}"), json!(n))).collect();
        let rest = format!("v{}", conditions.len());
        document(
            Kind::Flag,
            &json!({"key": if dark { "dark" } else { "flag" }, "type": "integer", "variants": variants,
                "environments": {"production": {"enabled": true, "offVariant": rest, "rules": rules,
                    "default": {"variant": rest}}}}),
        )
    };
    let killed = json!({"killed": {"cohorts": ["around"]}, "default": {"variant": "on"}});
    let mut cohort = json!({"key": "around", "name": "A", "if": around, "keys": ["u-3"]});
    if let Some(claims) = claims {
        cohort["claims"] = json!(claims);
    }
    vec![of(false), of(true), flag("killed", &killed), document(Kind::Cohort, &cohort)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// What is given does not depend on the cohort: it is the same whoever is in it. What does not ask for it never falls
    /// back.
    #[test]
    fn an_answer_that_is_given_is_right_whoever_is_in_it(
        conditions in prop::collection::vec((condition(), select(vec![0_u32, 50, 100])), 1..4),
        // A cohort can't ask for itself.
        around in condition().prop_map(|own| serde_json::from_str::<Value>(&own.to_string().replace("around", "unknown")).unwrap()),
        claims in select(vec![None, Some("signed"), Some("open")]),
        key in select(vec!["u-1", "u-2", "u-3"]),
        tier in select(vec!["gold", "blue"]),
        signed in any::<bool>(),
    ) {
        let documents = documents(&conditions, &around, claims);
        let everybody = document(Kind::Cohort, &json!({"key": "fans", "name": "Fans", "if": {"all": []}, "claims": "open"}));
        let nobody = document(Kind::Cohort, &json!({"key": "fans", "name": "Fans", "if": {"any": []}}));
        let with = |cohort: &Document| -> Ruleset { ruleset(documents.iter().chain([cohort])) };
        let (broken, all, none) = (with(&feels()), with(&everybody), with(&nobody));
        let context = Context::new(key).with("tier", tier);
        let context = if signed { context } else { context.unsigned() };
        for flag in ["flag", "killed"] {
            let given = broken.evaluate(flag, &context, NOW);
            let (explained, _) = broken.explain(flag, &context, NOW);
            prop_assert_eq!((given.variant(), given.error, given.rule), (explained.variant(), explained.error, explained.rule));
            let whoever = [&all, &none].map(|rules| rules.evaluate(flag, &context, NOW).variant());
            match given.error {
                // On the safe side.
                None if flag == "killed" && given.variant() == Some("off") => {}
                None => prop_assert_eq!([given.variant(), given.variant()], whoever),
                Some(error) => prop_assert_eq!((error, given.variant()), (ErrorCode::ParseError, None)),
            }
            let asks = conditions.iter().any(|(own, _)| own.to_string().contains("fans") || own.to_string().contains("around"));
            prop_assert!(asks || given.error.is_none());
        }
        let counted = broken.dark_variant("dark", &context, NOW);
        let whoever = [&all, &none].map(|rules| rules.dark_variant("dark", &context, NOW));
        prop_assert!(counted.is_none() || [counted, counted] == whoever);
        // Where there is no broken cohort, three answers are as good as two.
        for rules in [&all, &none] {
            let (quick, full) = (rules.evaluate("flag", &context, NOW), rules.explain("flag", &context, NOW).0);
            prop_assert_eq!((quick.variant(), quick.error), (full.variant(), None));
        }
    }
}
