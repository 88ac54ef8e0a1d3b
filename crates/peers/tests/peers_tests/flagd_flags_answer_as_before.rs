//! Flags of flagd, imported, answer as they did: case by case from flagd's documented rules, each beside what flagd's
//! own published engine makes of it.

use crate::support::flagd::{CODE_DEFAULT, Imported, TIME, ask_peer, now};
use serde_json::{Value, json};
use usher_core::import::Fractional;
use usher_peers::{Flagd, Peer};

/// What a case expects: the variant and the reason in flagd's words, with `SPLIT` for what a draw gave.
type Expected = (&'static str, &'static str);

/// How flagd's engine for Rust compares with the documented rule.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Beside {
    /// It gives the same.
    Same,
    /// It gives an error, where it is asked for what the rule lets be nothing.
    Error,
    /// It gives something else, for the reason that stands beside the case.
    Differs,
    /// It does not read such a definition at all.
    Unread,
}
use Beside::{Differs, Error, Same, Unread};

/// A flag with variants of texts, and a targeting.
fn texts(targeting: &Value) -> Value {
    flag(
        &json!({"a": "A", "b": "B", "none": "N", "true": "T", "false": "F", "1": "one"}),
        &json!("none"),
        targeting,
    )
}

fn flag(variants: &Value, default: &Value, targeting: &Value) -> Value {
    json!({"state": "ENABLED", "variants": variants, "defaultVariant": default, "targeting": targeting})
}

fn check(flag: &Value, cases: &[(Value, Expected, Beside)]) {
    let source = json!({"flags": {"f": flag}, "$evaluators": {
        "staff": {"ends_with": [{"var": "email"}, "@example.com"]},
        "testers": {"or": [{"$ref": "staff"}, {"==": [{"var": "plan"}, "beta"]}]}}});
    let imported = Imported::new(&source, Fractional::V3);
    let peer = Flagd::load(&source.to_string());
    for (context, (variant, reason), beside) in cases {
        let told = format!("{} for {context}", flag["targeting"]);
        let given = imported.given("f", context, now());
        assert_eq!((given.variant.as_str(), given.reason.as_str()), (*variant, *reason), "{told}");
        assert_eq!(given.value.is_none(), *variant == CODE_DEFAULT, "{told}");
        let Ok(peer) = &peer else {
            assert_eq!(*beside, Unread, "{told}");
            continue;
        };
        let answer = ask_peer(peer, "f", context);
        let same = answer.as_ref().is_ok_and(|answer| given.is_alike(answer));
        let found = match &answer {
            _ if same => Same,
            Err(_) => Error,
            Ok(_) => Differs,
        };
        assert_eq!(found, *beside, "{told}: {answer:?}");
    }
}

#[test]
fn without_targeting_the_default_variant_is_given() {
    for nothing in [json!(null), json!({})] {
        check(&texts(&nothing), &[(json!({}), ("none", "STATIC"), Same)]);
    }
    // Targeting that gives nothing to anybody is there all the same.
    check(&texts(&json!({"if": [false, "a"]})), &[(json!({}), ("none", "DEFAULT"), Same)]);
    for (variants, default) in [
        (json!({"on": true, "off": false}), "off"),
        (json!({"zero": 0, "ten": 10}), "zero"),
        (json!({"zero": 0.0, "half": 0.5}), "zero"),
        (json!({"zero": "", "text": "x"}), "zero"),
        (json!({"zero": {}, "deep": {"a": [1, {"b": null}]}}), "zero"),
    ] {
        check(&flag(&variants, &json!(default), &json!({})), &[(json!({}), (default, "STATIC"), Same)]);
    }
}

#[test]
fn the_codes_default_is_given_where_flagd_leaves_it_to_the_code() {
    let variants = json!({"on": true, "off": false});
    let mut disabled = flag(&variants, &json!("on"), &json!({"if": [true, "on"]}));
    disabled["state"] = json!("DISABLED");
    check(&disabled, &[(json!({}), (CODE_DEFAULT, "DISABLED"), Same)]);
    let without = |targeting: Value| flag(&variants, &json!(null), &targeting);
    check(&without(json!({})), &[(json!({}), (CODE_DEFAULT, "DEFAULT"), Unread)]);
    let targeting = json!({"if": [{"==": [{"var": "email"}, "jobs@example.com"]}, "on"]});
    check(
        &without(targeting),
        &[
            (json!({"email": "jobs@example.com"}), ("on", "TARGETING_MATCH"), Unread),
            (json!({"email": "cook@example.com"}), (CODE_DEFAULT, "DEFAULT"), Unread),
            (json!({}), (CODE_DEFAULT, "DEFAULT"), Unread),
        ],
    );
    let draw = json!({"fractional": [{"var": "email"}, ["on", 1]]});
    check(&without(draw), &[(json!({}), (CODE_DEFAULT, "DEFAULT"), Unread)]);
    // An unknown variant is an error in flagd, which is the code's default to a program.
    check(
        &texts(&json!({"if": [{"var": "x"}, "nobody", "a"]})),
        &[
            (json!({"x": 1}), (CODE_DEFAULT, "TARGETING_MATCH"), Error),
            (json!({}), ("a", "TARGETING_MATCH"), Same),
        ],
    );
    check(
        &texts(&json!({"var": "x"})),
        &[
            (json!({"x": "a"}), ("a", "TARGETING_MATCH"), Same),
            (json!({"x": true}), ("true", "TARGETING_MATCH"), Same),
            (json!({"x": 1}), ("1", "TARGETING_MATCH"), Same),
            (json!({"x": "nobody"}), (CODE_DEFAULT, "TARGETING_MATCH"), Error),
            (json!({}), ("none", "DEFAULT"), Same),
        ],
    );
}

#[test]
fn results_are_variants_booleans_or_nothing() {
    let hit = |variant| (variant, "TARGETING_MATCH");
    check(
        &texts(&json!({"in": ["@example.com", {"var": "email"}]})),
        &[
            (json!({"email": "kim@example.com"}), hit("true"), Same),
            (json!({"email": "kim@example.org"}), hit("false"), Same),
            (json!({}), hit("false"), Same),
        ],
    );
    let booleans = flag(
        &json!({"true": true, "false": false}),
        &json!("false"),
        &json!({"if": [{"var": "x"}, true, false]}),
    );
    check(&booleans, &[(json!({"x": "y"}), hit("true"), Same), (json!({}), hit("false"), Same)]);
    check(
        &texts(&json!({"sem_ver": [{"var": "v"}, ">=", "2.0.0"]})),
        &[
            (json!({"v": "2.1.0"}), hit("true"), Same),
            (json!({"v": "1.9.0"}), hit("false"), Same),
            (json!({"v": "x"}), ("none", "DEFAULT"), Same),
            (json!({}), ("none", "DEFAULT"), Same),
        ],
    );
    check(
        &texts(&json!({"starts_with": [{"var": "v"}, "a"]})),
        &[
            (json!({"v": "ab"}), hit("true"), Same),
            (json!({"v": "b"}), hit("false"), Same),
            // Nothing, in flagd and its testbed; false, in its engine for Rust.
            (json!({"v": 1}), ("none", "DEFAULT"), Differs),
        ],
    );
    check(
        &texts(&json!({"if": [{"var": "x"}, null, "a"]})),
        &[(json!({"x": 1}), ("none", "DEFAULT"), Same), (json!({}), hit("a"), Same)],
    );
    check(
        &texts(&json!({"if": [{"var": "x"}, "a"]})),
        &[(json!({"x": 1}), hit("a"), Same), (json!({"x": ""}), ("none", "DEFAULT"), Same)],
    );
    check(
        &texts(&json!({"or": [{"and": [{"var": "x"}, "a"]}, "b"]})),
        &[(json!({"x": 1}), hit("a"), Same), (json!({}), hit("b"), Same)],
    );
    check(&texts(&json!("a")), &[(json!({}), hit("a"), Same)]);
    check(
        &texts(&json!({"cat": [{"var": "x"}, {"var": "y"}]})),
        &[(json!({"x": "no", "y": "ne"}), hit("none"), Same), (json!({"x": 1}), hit("1"), Same)],
    );
}

#[test]
fn branches_are_tried_in_order() {
    let is = |name: &str, value: &str| json!({"==": [{"var": name}, value]});
    let nested = json!({"if": [
        is("plan", "pro"), {"if": [is("country", "GB"), "a", is("country", "FR"), null]},
        {"or": [is("plan", "team"), {"if": [is("country", "US"), {"var": "beta"}, false]}]}, "b",
        {"if": [{"!": [{"var": "country"}]}, null, "1"]}]});
    let hit = |variant| (variant, "TARGETING_MATCH");
    check(
        &texts(&nested),
        &[
            (json!({"plan": "pro", "country": "GB"}), hit("a"), Same),
            (json!({"plan": "pro", "country": "FR"}), ("none", "DEFAULT"), Same),
            (json!({"plan": "pro"}), ("none", "DEFAULT"), Same),
            (json!({"plan": "team", "country": "GB"}), hit("b"), Same),
            (json!({"country": "US", "beta": true}), hit("b"), Same),
            (json!({"country": "US"}), hit("1"), Same),
            (json!({"plan": "free"}), ("none", "DEFAULT"), Same),
        ],
    );
    check(
        &texts(&json!({"if": [{"$ref": "testers"}, "a", {"$ref": "staff"}, "b"]})),
        &[
            (json!({"email": "kim@example.com"}), hit("a"), Same),
            (json!({"plan": "beta"}), hit("a"), Same),
            (json!({"plan": "pro"}), ("none", "DEFAULT"), Same),
        ],
    );
}

/// Contexts for a condition: when it gives `a`, and when it does not.
fn conditions(logic: Value, cases: &[(Value, bool, Beside)]) {
    let cases: Vec<_> = cases
        .iter()
        .map(|(context, holds, beside)| {
            (context.clone(), (if *holds { "a" } else { "b" }, "TARGETING_MATCH"), *beside)
        })
        .collect();
    check(&texts(&json!({"if": [logic, "a", "b"]})), &cases);
}

#[test]
fn conditions_hold_as_in_flagd() {
    let x = || json!({"var": "x"});
    let with = |value: Value| json!({"x": value});
    let nobody = || json!({});
    conditions(
        json!({"==": [x(), "abc"]}),
        &[
            (with(json!("abc")), true, Same),
            (with(json!("Abc")), false, Same),
            (with(json!("")), false, Same),
            (with(json!(1)), false, Error),
            (with(json!(["abc"])), false, Error),
            (nobody(), false, Same),
        ],
    );
    conditions(
        json!({"==": [x(), "1"]}),
        &[
            (with(json!("1")), true, Same),
            (with(json!(1)), true, Same),
            (with(json!(1.0)), true, Same),
            // `true == "1"` in JavaScript and in flagd.
            (with(json!(true)), true, Differs),
            (with(json!("1.0")), false, Same),
            (nobody(), false, Same),
        ],
    );
    conditions(
        json!({"==": [x(), 0]}),
        &[
            (with(json!(0)), true, Same),
            (with(json!(-0.0)), true, Same),
            (with(json!(false)), true, Same),
            (with(json!("0")), true, Same),
            (with(json!("")), true, Error),
            (with(json!("x")), false, Error),
            // Nothing equals nothing only, in JavaScript and in flagd.
            (nobody(), false, Differs),
        ],
    );
    conditions(
        json!({"==": [x(), true]}),
        &[
            (with(json!(true)), true, Same),
            (with(json!(1)), true, Same),
            (with(json!("true")), false, Differs),
            (nobody(), false, Same),
        ],
    );
    conditions(json!({"==": [x(), false]}), &[(with(json!(false)), true, Same), (nobody(), false, Differs)]);
    conditions(json!({"==": [x(), null]}), &[(nobody(), true, Same), (with(json!(0)), false, Differs)]);
    conditions(json!({"!=": [x(), "abc"]}), &[(with(json!("abc")), false, Same), (nobody(), true, Same)]);
    conditions(
        json!({"===": [x(), 1]}),
        &[
            (with(json!(1)), true, Same),
            (with(json!(1.0)), true, Same),
            (with(json!("1")), false, Same),
            (with(json!(true)), false, Same),
            (nobody(), false, Same),
        ],
    );
    conditions(json!({"!==": [x(), "a"]}), &[(nobody(), true, Same), (with(json!("a")), false, Same)]);
    conditions(
        json!({"<": [x(), 5]}),
        &[
            (with(json!(4)), true, Same),
            (with(json!(5)), false, Same),
            (with(json!("4.5")), true, Same),
            (with(json!("x")), false, Error),
            (with(json!(true)), true, Same),
            (nobody(), true, Same),
        ],
    );
    conditions(json!({">=": [x(), "m"]}), &[(with(json!("n")), true, Same), (with(json!("l")), false, Same)]);
    conditions(
        json!({"<=": [1, x(), 10]}),
        &[(with(json!(1)), true, Same), (with(json!(10)), true, Same), (with(json!(11)), false, Same)],
    );
    conditions(json!({"<": [1, x(), 10]}), &[(with(json!(1)), false, Same), (with(json!(9)), true, Same)]);
    conditions(
        json!({"in": [x(), ["a", 2, true]]}),
        &[
            (with(json!("a")), true, Same),
            (with(json!(2)), true, Same),
            (with(json!("2")), false, Same),
            (with(json!(true)), true, Same),
            (with(json!(["a"])), false, Same),
            (nobody(), false, Same),
        ],
    );
    conditions(
        json!({"in": ["b", x()]}),
        &[
            (with(json!("abc")), true, Same),
            (with(json!(["a", "b"])), true, Same),
            (with(json!(["abc"])), false, Same),
            (with(json!(2)), false, Same),
            (nobody(), false, Same),
        ],
    );
    conditions(
        json!({"in": ["7", x()]}),
        &[(with(json!([7])), false, Same), (with(json!(["7"])), true, Same)],
    );
    conditions(json!({"in": [x(), "abc"]}), &[(with(json!("b")), true, Same), (nobody(), false, Same)]);
    conditions(
        json!({"starts_with": [x(), "ab"]}),
        &[
            (with(json!("abc")), true, Same),
            (with(json!("ABC")), false, Same),
            (with(json!(["abc"])), false, Same),
            (nobody(), false, Same),
        ],
    );
    conditions(json!({"ends_with": [x(), ""]}), &[(with(json!("abc")), true, Same), (nobody(), false, Same)]);
    conditions(json!({"ends_with": ["abc"]}), &[(nobody(), false, Same)]);
    conditions(json!({"sem_ver": ["1.0.0", "="]}), &[(nobody(), false, Same)]);
    conditions(
        json!({"!": x()}),
        &[
            (with(json!("")), true, Same),
            (with(json!(0)), true, Same),
            (with(json!([])), true, Same),
            (with(json!("0")), false, Same),
            (with(json!([0])), false, Same),
            (nobody(), true, Same),
        ],
    );
    conditions(json!({"!!": [x()]}), &[(with(json!("x")), true, Same), (nobody(), false, Same)]);
    conditions(
        json!({"missing": ["x", "user.name"]}),
        &[
            (json!({"x": 1, "user": {"name": "kim"}}), false, Same),
            (json!({"x": "", "user": {"name": ""}}), false, Same),
            (json!({"x": 1, "user": {}}), true, Same),
        ],
    );
    conditions(
        json!({"missing_some": [1, ["x", "y"]]}),
        &[(with(json!(1)), false, Same), (nobody(), true, Same)],
    );
    conditions(
        json!({"==": [{"%": [x(), 2]}, 0]}),
        &[(with(json!(4)), true, Same), (with(json!(3)), false, Same), (with(json!("6")), true, Same)],
    );
    conditions(
        json!({">": [{"-": [{"*": [x(), 2]}, {"/": [x(), 4]}]}, {"+": [1, "2.5", {"max": [x(), 1]}]}]}),
        &[(with(json!(10)), true, Same), (with(json!(1)), false, Same)],
    );
    conditions(
        json!({"==": [{"cat": [x(), "-", {"var": "y"}]}, "a-1"]}),
        &[
            (json!({"x": "a", "y": 1}), true, Same),
            (json!({"x": "a", "y": "1"}), true, Same),
            (json!({"x": "a"}), false, Same),
        ],
    );
    conditions(
        json!({"==": [{"substr": [x(), -3, 2]}, "öä"]}),
        &[(with(json!("xöäü")), true, Same), (nobody(), false, Same)],
    );
    conditions(
        json!({"==": [{"var": ["x", "d"]}, "d"]}),
        &[(nobody(), true, Same), (with(json!("e")), false, Same)],
    );
    conditions(
        json!({"==": [{"var": "user.address.city"}, "Leeds"]}),
        &[
            (json!({"user": {"address": {"city": "Leeds"}}}), true, Same),
            (json!({"user": {"address": "Leeds"}}), false, Same),
        ],
    );
    conditions(
        json!({"==": [{"var": "x.1"}, "b"]}),
        &[(with(json!(["a", "b"])), true, Same), (with(json!("b")), false, Same)],
    );
    conditions(
        json!({"some": [x(), {"==": [{"var": ""}, "b"]}]}),
        &[(with(json!(["a", "b"])), true, Same), (with(json!([])), false, Same), (nobody(), false, Same)],
    );
    conditions(
        json!({"all": [x(), {">": [{"var": ""}, 1]}]}),
        &[
            (with(json!([2, 3])), true, Same),
            (with(json!([2, 1])), false, Same),
            (with(json!([])), false, Same),
        ],
    );
    conditions(
        json!({"none": [x(), {"===": [{"var": ""}, 1]}]}),
        &[(with(json!([2])), true, Same), (with(json!([1])), false, Same)],
    );
    conditions(json!({"==": [{"var": "$flagd.flagKey"}, "f"]}), &[(nobody(), true, Same)]);
    conditions(
        json!({"==": [{"var": "targetingKey"}, "u-17"]}),
        &[(json!({"targetingKey": "u-17"}), true, Same), (nobody(), false, Same)],
    );
}

#[test]
fn versions_compare_as_in_flagd() {
    // (operator, other, versions that match, versions that don't, versions that its engine for Rust does not read)
    type Versions = &'static [&'static str];
    let table: &[(&str, &str, Versions, Versions, Versions)] = &[
        ("=", "2.0.0", &["2.0.0"], &["2.1.0", "2.0.0-alpha", "2.0.0.0", "x", ""], &["v2.0.0", "2", "2.0"]),
        ("!=", "2.0.0", &["2.1.0", "2.0.0-alpha"], &["2.0.0", "x"], &["2.1"]),
        ("<", "2.0.0", &["1.9.9", "2.0.0-rc.1"], &["2.0.0", "10.0.0"], &["v1.0.0"]),
        ("<=", "2.0.0", &["2.0.0"], &["2.0.1"], &["2"]),
        (">", "2.0.0", &["2.0.1", "10.0.0"], &["2.0.0", "2.0.0-rc.1"], &["3"]),
        (">=", "2.0.0-rc.2", &["2.0.0", "2.0.0-rc.10"], &["2.0.0-rc.1"], &["2"]),
        ("^", "3.0.0", &["3.1.0", "3.0.0-alpha"], &["4.0.0", "2.9.9", "4.0.0-alpha"], &["v3"]),
        ("~", "3.1.0", &["3.1.9", "3.1.0-alpha"], &["3.2.0", "3.2.0-alpha"], &["3.1"]),
    ];
    for (how, other, matching, others, short) in table {
        let case = |beside| move |v: &&str| (json!({"v": v}), beside);
        let mut cases: Vec<(Value, bool, Beside)> = Vec::new();
        cases.extend(matching.iter().map(case(Same)).map(|(context, beside)| (context, true, beside)));
        cases.extend(others.iter().map(case(Same)).map(|(context, beside)| (context, false, beside)));
        // A leading `v` and parts left out, as the testbed has them.
        cases.extend(short.iter().map(case(Differs)).map(|(context, beside)| (context, true, beside)));
        conditions(json!({"sem_ver": [{"var": "v"}, how, other]}), &cases);
    }
    // Build metadata does not count; in the engine for Rust it does.
    conditions(
        json!({"sem_ver": [{"var": "v"}, "=", "1.0.0+build"]}),
        &[
            (json!({"v": "1.0.0+build"}), true, Same),
            (json!({"v": "1.0.0"}), true, Differs),
            (json!({"v": "1.0.0+other"}), true, Differs),
        ],
    );
    conditions(json!({"sem_ver": [{"var": "v"}, "^", "1"]}), &[(json!({"v": "1.5.0"}), true, Differs)]);
    conditions(json!({"sem_ver": [{"var": "v"}, "=", "1.0-rc"]}), &[(json!({"v": "1.0.0-rc"}), false, Same)]);
    conditions(json!({"sem_ver": [{"var": "v"}, "===", "1.0.0"]}), &[(json!({"v": "1.0.0"}), false, Same)]);
    conditions(
        json!({"sem_ver": [{"var": "v"}, "=", "1.0.0"]}),
        &[(json!({"v": 1}), false, Same), (json!({"v": ["1.0.0"]}), false, Same), (json!({}), false, Same)],
    );
}

#[test]
fn draws_give_nothing_where_they_cannot_be_made() {
    let key = || json!({"targetingKey": "u-17"});
    let draw = |given: Value| texts(&json!({"fractional": given}));
    let default = ("none", "DEFAULT");
    check(
        &draw(json!([["a", 1]])),
        &[
            (key(), ("a", "SPLIT"), Same),
            (json!({}), default, Same),
            (json!({"targetingKey": ""}), default, Same),
        ],
    );
    check(&draw(json!([["a"], ["b", 0]])), &[(key(), ("a", "SPLIT"), Same)]);
    check(&draw(json!([["a", 0], ["b", 0]])), &[(key(), default, Same)]);
    check(&draw(json!([["a", -1], ["b", 1]])), &[(key(), ("b", "SPLIT"), Same)]);
    check(&draw(json!([["a", 0.5], ["b", 1]])), &[(key(), default, Same)]);
    check(&draw(json!([["a", "50"], ["b", 1]])), &[(key(), default, Same)]);
    check(&draw(json!([["a", 2_147_483_647_i64]])), &[(key(), ("a", "SPLIT"), Same)]);
    check(&draw(json!([["a", 2_147_483_647_i64], ["b", 1]])), &[(key(), default, Same)]);
    check(&draw(json!([{"var": "email"}])), &[(json!({"email": "e"}), default, Same)]);
    check(
        &draw(json!([{"var": "email"}, ["a", 1]])),
        &[
            (json!({"email": "kim@example.com"}), ("a", "SPLIT"), Same),
            (json!({"email": ""}), ("a", "SPLIT"), Same),
            (json!({"email": 7}), ("a", "SPLIT"), Same),
            (json!({"email": true}), ("a", "SPLIT"), Same),
            (key(), default, Same),
        ],
    );
    check(
        &draw(json!([{"cat": ["s", {"var": "email"}]}, ["a", 1]])),
        &[(json!({"email": 7}), ("a", "SPLIT"), Same), (json!({}), ("a", "SPLIT"), Same)],
    );
    // A part that gives nothing: the default variant.
    check(&draw(json!([{"var": "email"}, [null, 1]])), &[(json!({"email": "e"}), ("none", "SPLIT"), Same)]);
    check(&draw(json!([{"var": "email"}, [true, 1]])), &[(json!({"email": "e"}), ("true", "SPLIT"), Same)]);
    check(
        &draw(json!([{"var": "email"}, ["nobody", 1]])),
        &[(json!({"email": "e"}), (CODE_DEFAULT, "SPLIT"), Error)],
    );
    // In the second form only a text is a key.
    let source = json!({"flags": {"f": draw(json!([{"var": "email"}, ["a", 1]]))}});
    let second = Imported::new(&source, Fractional::V2);
    for (email, variant) in [(json!("e"), "a"), (json!(""), "a"), (json!(7), "none"), (json!(null), "none")] {
        assert_eq!(second.given("f", &json!({"email": email}), now()).variant, variant, "{email}");
    }
}

#[test]
fn the_time_is_the_evaluations() {
    let flag = texts(&json!({"if": [{"<": [{"var": "$flagd.timestamp"}, TIME]}, "a", "b"]}));
    let imported = Imported::new(&json!({"flags": {"f": flag}}), Fractional::V2);
    for (second, variant) in [(TIME - 1, "a"), (TIME, "b"), (TIME + 1, "b")] {
        let now = usher_core::model::Timestamp::from_millis(second * 1000 + 999);
        assert_eq!(imported.given("f", &json!({}), now).variant, variant);
    }
    // Far in the past and far in the future, the engine's own clock says the same.
    let flag = |limit: i64| texts(&json!({"if": [{">=": [{"var": "$flagd.timestamp"}, limit]}, "a", "b"]}));
    check(&flag(1_600_000_000), &[(json!({}), ("a", "TARGETING_MATCH"), Same)]);
    check(&flag(16_000_000_000), &[(json!({}), ("b", "TARGETING_MATCH"), Same)]);
    // A rollout that grows by the hour: weights that are reckoned.
    let growing = |begin: i64| {
        texts(&json!({"fractional": [{"var": "targetingKey"},
            ["a", {"/": [{"-": [{"var": "$flagd.timestamp"}, begin]}, 1]}], ["b", {"-": [begin, {"var": "$flagd.timestamp"}]}]]}))
    };
    let key = json!({"targetingKey": "u-17"});
    check(&growing(1_600_000_000), &[(key.clone(), ("a", "TARGETING_MATCH"), Same)]);
    check(&growing(2_000_000_000), &[(key, ("b", "TARGETING_MATCH"), Same)]);
}

#[test]
fn draws_are_the_testbeds() {
    // flagd's testbed, `fractional.feature`: what each form gives.
    let variants = json!({"clubs": "c", "diamonds": "d", "hearts": "h", "spades": "s", "wild": "w"});
    let quarters = |key: Value| {
        let parts = ["clubs", "diamonds", "hearts", "spades"].map(|suit| json!([suit, 25]));
        flag(&variants, &json!("wild"), &json!({"fractional": [key, parts[0], parts[1], parts[2], parts[3]]}))
    };
    let name = json!({"var": "user.name"});
    let source = json!({"flags": {
        "fractional-flag": quarters(json!({"cat": [{"var": "$flagd.flagKey"}, name]})),
        "fractional-flag-A-shared-seed": quarters(json!({"cat": ["shared-seed", name]})),
        "fractional-flag-shorthand": flag(&json!({"heads": "h", "tails": "t", "draw": "d"}), &json!("draw"),
            &json!({"fractional": [["heads"], ["tails", 1]]})),
        "fractional-hash-edge-flag": flag(&json!({"lower": "l", "upper": "u"}), &json!("lower"),
            &json!({"fractional": [{"var": "targetingKey"}, ["lower", 50], ["upper", 50]]})),
    }});
    let (second, third) = (Imported::new(&source, Fractional::V2), Imported::new(&source, Fractional::V3));
    let by_name = |name: Value| json!({"user": {"name": name}});
    for (name, v2, v3) in [
        (json!("jack"), "hearts", "diamonds"),
        (json!("queen"), "spades", "diamonds"),
        (json!("ten"), "clubs", "clubs"),
        (json!("nine"), "diamonds", "clubs"),
        (json!(3), "clubs", "spades"),
        (json!("3"), "clubs", "spades"),
    ] {
        assert_eq!(second.given("fractional-flag", &by_name(name.clone()), now()).variant, v2, "{name}");
        assert_eq!(third.given("fractional-flag", &by_name(name.clone()), now()).variant, v3, "{name}");
    }
    for (name, variant) in [("seven", "hearts"), ("eight", "diamonds"), ("nine", "clubs"), ("two", "spades")]
    {
        let given = second.given("fractional-flag-A-shared-seed", &by_name(json!(name)), now());
        assert_eq!(given.variant, variant, "{name}");
    }
    let by_key = |key: &str| json!({"targetingKey": key});
    for (key, side) in [("jon@company.com", "heads"), ("jane@company.com", "tails")] {
        assert_eq!(second.given("fractional-flag-shorthand", &by_key(key), now()).variant, side);
    }
    // Keys whose hashes lie at the ends and in the middle of what 32 bits hold.
    for (key, half) in [
        ("ejOoVL", "lower"),
        ("bY9fO-", "lower"),
        ("SI7p-", "lower"),
        ("6LvT0", "upper"),
        ("ceQdGm", "upper"),
    ] {
        assert_eq!(second.given("fractional-hash-edge-flag", &by_key(key), now()).variant, half, "{key}");
    }
}
