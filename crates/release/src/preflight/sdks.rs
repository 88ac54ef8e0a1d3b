//! What the SDKs in the field know of what the flag needs.
//!
//! A flag may ask for a payload schema; apps that read an older one get its off variant. Within a schema,
//! fields and operators may be added; an SDK that lacks one gives the caller's default for that flag, with
//! `PARSE_ERROR`, and in values mode, where the server evaluates, it only does not count. Whether that can happen is
//! told by the name and version in `hello`, of SDKs of ours alone: they share the server's code. Of others nothing is
//! known, and that is what is said.

use std::collections::BTreeMap;

use semver::Version;
use usher_core::{
    model::{Flag, Release},
    protocol::Mode,
};

use super::{Finding, Weight, finding};

/// SDKs of ours, by name.
const OURS: [&str; 1] = ["usher-rust"];
/// Findings about single SDKs; of more the number of devices is told.
const TOLD: usize = 5;

/// What a flag may need that SDKs have not always known, and the first version of ours that does. A field or an operator
/// that is added to what clients are sent gets a line here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Rules that are counted and never served.
    Dark,
    /// Metrics that are joined to variants where they happen.
    Measure,
}

impl Need {
    fn since(self) -> Version {
        match self {
            Self::Dark | Self::Measure => Version::new(0, 1, 0),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark rules",
            Self::Measure => "metrics by variant",
        }
    }
}

/// Devices with one SDK.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sdk {
    /// Name and version, as they say it: `usher-rust/0.1.0`.
    pub name: String,
    /// What they are sent.
    pub mode: Mode,
    /// In which payload schema.
    pub schema: u32,
}

/// What the release makes its flag need.
fn needs(release: &Release, flag: Option<&Flag>) -> Vec<Need> {
    let config = flag.and_then(|flag| flag.environments.get(&release.environment));
    let dark = release.stages.iter().any(|stage| stage.dark)
        || config.is_some_and(|config| config.rules.iter().any(|rule| rule.dark));
    let measure = release.guards.iter().any(|guard| guard.check.metric().is_some())
        || config.is_some_and(|config| !config.measure.is_empty());
    let all = [(dark, Need::Dark), (measure, Need::Measure)];
    all.into_iter().filter(|(needed, _)| *needed).map(|(_, need)| need).collect()
}

/// The version of an SDK of ours. `None` for any other.
fn version(name: &str) -> Option<Version> {
    let (name, version) = name.split_once('/')?;
    OURS.contains(&name).then(|| Version::parse(version).ok()).flatten()
}

/// Whether devices read an older payload schema than the flag asks for.
fn too_old(flag: Option<&Flag>, all: &BTreeMap<Sdk, u64>) -> Option<Finding> {
    let minimum = flag?.minimum_schema?;
    let count: u64 = all.iter().filter(|(sdk, _)| sdk.schema < minimum).map(|(_, count)| *count).sum();
    let detail = format!(
        "{count} devices read an older payload schema than {minimum}, which the flag asks for: they get its off variant, whatever the release serves."
    );
    (count > 0).then(|| finding("sdks", Weight::Warning, detail))
}

pub(super) fn sdks(release: &Release, flag: Option<&Flag>, all: &BTreeMap<Sdk, u64>) -> Vec<Finding> {
    let needs = needs(release, flag);
    if all.is_empty() {
        return Vec::new();
    }
    let too_old = too_old(flag, all);
    if needs.is_empty() {
        if let Some(too_old) = too_old {
            return vec![too_old];
        }
        let detail = "Every device reads a payload schema that the flag is content with.";
        return vec![finding("sdks", Weight::Well, detail.to_owned())];
    }
    let names = needs.iter().map(|need| need.name()).collect::<Vec<_>>().join(" and ");
    let (mut found, mut knowing) = (Vec::from_iter(too_old), 0);
    for (sdk, count) in all {
        let lacks: Vec<&str> = match version(&sdk.name) {
            Some(version) => {
                needs.iter().filter(|need| version < need.since()).map(|need| need.name()).collect()
            }
            None => {
                let detail = format!(
                    "{count} devices have {}, of which it can't be told whether it knows {names}.",
                    sdk.name
                );
                found.push(finding("sdks", Weight::Warning, detail));
                continue;
            }
        };
        if lacks.is_empty() {
            knowing += count;
            continue;
        }
        let then = match sdk.mode {
            Mode::Ruleset => "it gives the caller's default, with PARSE_ERROR",
            Mode::Values => "it is given the right variant, and does not count",
        };
        let detail = format!(
            "{count} devices have {}, which does not know {}: {then}.",
            sdk.name,
            lacks.join(" and ")
        );
        found.push(finding("sdks", Weight::Warning, detail));
    }
    if found.is_empty() {
        return vec![finding("sdks", Weight::Well, format!("All {knowing} devices know {names}."))];
    }
    let more = found.len().saturating_sub(TOLD);
    if more > 0 {
        found.truncate(TOLD);
        let detail = format!("There are {more} more SDKs that lack it, or of which it can't be told.");
        found.push(finding("sdks", Weight::Warning, detail));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{checkout, release, said},
        *,
    };
    use serde_json::json;

    fn told(release: &Release, all: &[(&str, Mode, u64)]) -> Vec<Finding> {
        let all = all
            .iter()
            .map(|(name, mode, count)| (Sdk { name: (*name).to_owned(), mode: *mode, schema: 2 }, *count));
        sdks(release, Some(&checkout(true)), &all.collect())
    }

    #[test]
    fn those_that_know_all_are_well_those_that_do_not_and_strangers_are_told_apart() {
        let measured = release(&json!({"guards": [{"name": "G", "check": {"failures": {"metric": "pay"}}}]}));
        let well =
            told(&measured, &[("usher-rust/0.1.0", Mode::Ruleset, 3), ("usher-rust/2.0.1", Mode::Values, 4)]);
        assert_eq!(said(&well, Weight::Well), "sdks: All 7 devices know metrics by variant.");
        let old = told(
            &measured,
            &[
                ("usher-rust/0.0.9", Mode::Ruleset, 3),
                ("usher-rust/0.0.9", Mode::Values, 2),
                ("gate-firmware/7", Mode::Ruleset, 5),
                ("usher-rust/next", Mode::Ruleset, 1),
            ],
        );
        let warned = said(&old, Weight::Warning);
        for part in [
            "3 devices have usher-rust/0.0.9, which does not know metrics by variant: it gives the caller's default, with PARSE_ERROR.",
            "2 devices have usher-rust/0.0.9, which does not know metrics by variant: it is given the right variant, and does not count.",
            "5 devices have gate-firmware/7, of which it can't be told",
            "1 devices have usher-rust/next, of which it can't be told",
        ] {
            assert!(warned.contains(part), "{warned}");
        }
        assert_eq!(said(&old, Weight::Well), "");
    }

    #[test]
    fn devices_that_are_too_old_for_the_flag_are_counted() {
        let mut flag = checkout(true);
        flag.minimum_schema = Some(2);
        let sdk = |schema| Sdk { name: "usher-rust/0.1.0".to_owned(), mode: Mode::Values, schema };
        let all = [(sdk(1), 3), (sdk(2), 40)].into();
        let found = sdks(&release(&json!({})), Some(&flag), &all);
        assert!(
            said(&found, Weight::Warning).contains("3 devices read an older payload schema than 2"),
            "{found:?}"
        );
        let measured = release(&json!({"guards": [{"name": "G", "check": {"failures": {"metric": "pay"}}}]}));
        assert_eq!(sdks(&measured, Some(&flag), &all).len(), 1, "all know what is measured");
        flag.minimum_schema = None;
        assert_eq!(said(&sdks(&release(&json!({})), Some(&flag), &all), Weight::Warning), "");
    }

    #[test]
    fn a_flag_that_needs_nothing_new_is_well_with_any_and_many_strangers_make_a_short_list() {
        let plain = release(&json!({}));
        assert!(
            said(&told(&plain, &[("gate-firmware/7", Mode::Ruleset, 5)]), Weight::Well)
                .contains("that the flag is content with")
        );
        let dark = release(&json!({"stages": [{"name": "dark", "dark": true}]}));
        let names: Vec<String> = (0..20).map(|n| format!("firmware/{n}")).collect();
        let many: Vec<(&str, Mode, u64)> = names.iter().map(|name| (&**name, Mode::Ruleset, 1)).collect();
        let found = told(&dark, &many);
        assert_eq!(found.len(), TOLD + 1);
        assert!(
            said(&found, Weight::Warning).contains("dark rules")
                && said(&found, Weight::Warning).contains("15 more")
        );
        assert!(told(&dark, &[]).is_empty(), "nobody is there: another finding says so");
    }
}
