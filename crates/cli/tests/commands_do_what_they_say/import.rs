//! `usher import FORMAT FILE`: the flags of other systems.

use serde_json::json;

use crate::support::{Server, run_with_input, usher};

/// One flag that is taken over, and one that can't be: its variants are of two types.
fn file() -> String {
    json!({"flags": {
        "fan-zone": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
            "targeting": {"if": [{"==": [{"var": "userId"}, "u-17"]}, "on"]}},
        "mixed": {"state": "ENABLED", "variants": {"one": 1, "two": "2"}, "defaultVariant": "one"}
    }})
    .to_string()
}

#[test]
fn a_dry_run_shows_every_flag_and_an_import_takes_over_what_it_can() {
    let server = Server::seeded();
    let import = |more: &[&str]| {
        let words = [&["import", "flagd", "-", "-e", "production"], more].concat();
        run_with_input(&mut server.usher(&words), &file())
    };
    let commits = || server.json(&["journal", "ls", "--limit", "100"]).as_array().unwrap().len();
    let before = commits();
    let told = import(&["--dry-run"]).ok();
    told.says(&["fan-zone", "mapped", "created", "mixed", "refused", "nothing was written"]);
    assert_eq!(commits(), before);
    import(&["--strict"]).fails(3, &["flag/mixed"]);
    assert_eq!(commits(), before);
    let done = import(&["--rename", "userId=targetingKey", "--message", "goodbye"]).ok();
    done.says(&["1 mapped, 0 approximated, 1 refused (commit"]);
    assert_eq!(server.json(&["journal", "ls", "--limit", "1"])[0]["message"], "goodbye");
    let eval = server.json(&["eval", "fan-zone", "-e", "production", "targetingKey=u-17"]);
    assert_eq!(eval["evaluations"][0]["value"], true, "{eval}");
    import(&["--rename", "userId=targetingKey"]).ok().says(&["nothing has changed"]);
}

#[test]
fn what_makes_no_sense_is_told_before_anything_is_sent() {
    let import = |words: &[&str]| {
        let all = [&["import"], words].concat();
        run_with_input(&mut usher(&all), &file())
    };
    import(&["flagd"]).fails(2, &["usher import flagd FILE"]);
    import(&["optimizely", "-", "-e", "production"]).fails(2, &["optimizely", "growthbook"]);
    import(&["flagd", "-"]).fails(2, &["--environment"]);
    import(&["flagd", "-", "-e", "production", "--rename", "userId"]).fails(2, &["userId=targetingKey"]);
    import(&["workspace.json", "--dry-run"]).fails(2, &["--dry-run", "usher import FORMAT FILE"]);
}
