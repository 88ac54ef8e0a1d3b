//! Explanations, as a product manager reads them.

use crate::support::{NOW, document, flag, ruleset, venue};
use serde_json::json;
use usher_core::{Context, model::Kind};

#[test]
fn a_trace_tells_every_step_in_order() {
    let rules = ruleset(&[
        flag("new-checkout", &json!({"default": {"variant": "on"}})),
        flag(
            "resale-guard",
            &json!({
                "killed": {"venues": ["camp-nou"]},
                "prerequisites": [{"flag": "new-checkout", "variants": ["on"]}],
                "venues": {"anfield": "on"},
                "rules": [
                    {"id": "pilot", "name": "Pilot venues in England",
                     "if": {"all": [{"attribute": "venue.country", "op": "in", "values": ["England"]},
                                    {"not": {"cohort": "season-ticket-holders"}}]},
                     "rollout": {"by": ["venue"], "percent": 25.0, "seed": "pilot-1"},
                     "serve": {"variant": "on"}},
                    {"id": "apps", "if": {"any": [{"attribute": "appVersion", "op": "semverGte", "values": ["9.0.0"]},
                                                 {"attribute": "gate", "op": "exists"}]},
                     "serve": {"variant": "on"}}],
                "default": {"split": {"by": ["targetingKey"], "seed": "resale-guard",
                    "weights": [{"variant": "on", "weight": 10}, {"variant": "off", "weight": 90}]}}
            }),
        ),
        venue("wembley-stadium", "England"),
        document(
            Kind::Cohort,
            &json!({"key": "season-ticket-holders", "name": "Season ticket holders", "keys": ["u-1"]}),
        ),
    ]);
    let context = Context::new("u-17").with("venue", "wembley-stadium").with("appVersion", "3.2.0");
    let (evaluation, trace) = rules.explain("resale-guard", &context, NOW);
    assert_eq!(evaluation.variant(), Some("off"));
    insta::assert_snapshot!("rules", trace);
    insta::assert_snapshot!(
        "killed",
        rules.explain("resale-guard", &context.clone().with("venue", "camp-nou"), NOW).1
    );
    insta::assert_snapshot!("missing", rules.explain("missing", &context, NOW).1);
}
