//! `--help`.

use crate::support::{run, usher};

/// The subcommands that a help names, but for `help` itself.
fn subcommands(help: &str) -> Vec<String> {
    let list = help.split("Commands:\n").nth(1).unwrap_or_default();
    let names = list.lines().take_while(|line| line.starts_with("  "));
    // A description that goes on in the next line is indented further.
    let names = names.filter(|line| !line.starts_with("   ")).map(|line| line.split_whitespace().next());
    names.flatten().filter(|name| *name != "help").map(ToOwned::to_owned).collect()
}

fn walk(path: &[String], seen: &mut Vec<String>) {
    let help = run(usher(path).arg("--help")).ok().stdout;
    let name = path.join(" ");
    let example = help.split("Example: ").nth(1).unwrap_or_else(|| panic!("{name:?} has no example: {help}"));
    let example = example.lines().next().unwrap();
    assert!(example.contains(&format!("usher {name}")), "the example of {name:?} is another's: {example}");
    assert!(help.contains("--output <OUTPUT>"), "{name:?} has no --output");
    for subcommand in subcommands(&help) {
        walk(&[path, &[subcommand]].concat(), seen);
    }
    seen.push(name);
}

#[test]
fn every_command_has_help_with_an_example_of_its_own() {
    let mut seen = Vec::new();
    walk(&[], &mut seen);
    for command in [
        "serve",
        "edge",
        "flag ls",
        "flag get",
        "flag set",
        "flag on",
        "flag off",
        "flag clear",
        "flag kill",
        "flag revive",
        "flag about",
        "flag stale",
        "flag archive",
        "refs",
        "venue ls",
        "venue get",
        "venue set",
        "venue import",
        "cohort ls",
        "cohort rm",
        "environment set",
        "eval",
        "journal ls",
        "journal show",
        "journal verify",
        "undo",
        "rollback",
        "converge",
        "key ls",
        "key create",
        "key rotate",
        "key revoke",
        "token ls",
        "token create",
        "token revoke",
        "export",
        "import",
        "backup",
        "restore",
        "doctor",
    ] {
        assert!(seen.iter().any(|name| name == command), "there is no {command}: {seen:?}");
    }
}

#[test]
fn help_shows_all_commands_and_exit_codes() {
    let help = run(&mut usher(["--help"])).ok().stdout;
    insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("help", help);
    });
}

#[test]
fn help_never_shows_the_token() {
    let done = run(usher(["flag", "ls", "--help"]).env("USHER_TOKEN", crate::support::ADMIN)).ok();
    assert!(done.stdout.contains("USHER_TOKEN"));
}

#[test]
fn the_version_is_told() {
    run(&mut usher(["--version"])).ok().says(&[concat!("usher ", env!("CARGO_PKG_VERSION"))]);
}
