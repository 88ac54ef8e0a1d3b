//! Guards: what is watched during a release, and what is done when it hurts.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{Duration, Key, Percent, document::check_text};
use crate::problem::{Problem, Problems};

/// Longest address, query and body, in bytes.
const MAX_URL_BYTES: usize = 2_048;
const MAX_BODY_BYTES: usize = 16 * 1024;
/// Headers and variants of a probe.
const MAX_HEADERS: usize = 32;

/// Something that is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Guard {
    /// Its name, as people know it: `checkout errors`.
    pub name: String,
    /// What is looked at.
    pub check: Check,
    /// Trials, values or answers of the variant before anything is promoted on its word. A breach needs none: its proof
    /// knows how many there were.
    #[serde(default)]
    pub minimum_sample: u64,
    /// What is done when it is breached.
    #[serde(default)]
    pub then: Then,
    /// What is done when it has nothing to say for longer than `unknown_after`.
    #[serde(default)]
    pub when_unknown: WhenUnknown,
    /// How long it may have nothing to say.
    #[serde(default = "unknown_after")]
    pub unknown_after: Duration,
}

/// What a guard looks at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Check {
    /// What programs track as gone well or failed: the variant may not fail more often than the control at the same
    /// venue and time.
    Failures {
        /// What is tracked, `checkout`.
        metric: String,
        /// How much more often it may fail, in percent of the control's rate.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tolerance: Option<Percent>,
        /// Instead of the control, a share that may fail.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<Percent>,
    },
    /// What programs track as a value: the variant's mean may not be worse than the control's at the same venue.
    Mean {
        /// What is tracked, `checkout.seconds`.
        metric: String,
        /// Which way is worse.
        worse: Worse,
        /// How much worse it may be, in percent of the control's mean.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tolerance: Option<Percent>,
    },
    /// The variant's failures burn the error budget of an objective too fast, by several windows.
    Budget {
        /// What is tracked.
        metric: String,
        /// The share that is to go well, 99.9.
        objective: Percent,
    },
    /// What a Prometheus answers, a single number.
    Prometheus {
        /// Its address, `http://prometheus:9090`.
        url: String,
        /// The query.
        query: String,
        /// More than this is a breach.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        above: Option<f64>,
        /// Less than this is a breach.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        below: Option<f64>,
        /// For how long without a break.
        #[serde(default = "no_time")]
        window: Duration,
    },
    /// A request to a live endpoint that has to be answered as expected: a test payment, a seat.
    Probe(Box<Probe>),
    /// Another system's opinion: it is told of the release, and answers `{"verdict": "ok" | "breach", "reason": …}`.
    Webhook {
        /// Whom to ask.
        url: String,
    },
}

/// A request to a live endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Probe {
    /// `GET` unless it says otherwise.
    #[serde(default = "get")]
    pub method: String,
    /// Whom to ask. `{variant}` stands for the variant that is asked for.
    pub url: String,
    /// Headers. `{variant}` as in `url`; `{secret:NAME}` is what the server has been given under this name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, String>,
    /// The body, with `{variant}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What has to come back.
    #[serde(default)]
    pub expect: Expectation,
    /// How many in a row have to fail.
    #[serde(default = "three")]
    pub failures: u32,
    /// How long one may take, 10 s at most.
    #[serde(default = "five_seconds")]
    pub timeout: Duration,
}

/// What has to come back from a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// The status.
    #[serde(default = "ok")]
    pub status: u16,
    /// A place in the JSON body, as RFC 6901 writes it: `/payment/state`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What has to be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
}

impl Default for Expectation {
    fn default() -> Self {
        Self { status: ok(), pointer: None, equals: None }
    }
}

/// What is done when a guard is breached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Then {
    /// The release is taken back as far as it says.
    #[default]
    RollBack,
    /// It stops where it is, until somebody says how to go on.
    Pause,
    /// The flag is killed in this environment.
    Kill,
    /// This playbook is run, and the release taken back everywhere: it is over then, so that a playbook is run once.
    Playbook(Key),
}

/// What is done when a guard has nothing to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WhenUnknown {
    /// The release stops where it is.
    #[default]
    Pause,
    /// It is taken back.
    RollBack,
    /// It goes on as if the guard were not there.
    Ignore,
}

/// Which way a mean is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Worse {
    /// Seconds, queue lengths.
    Higher,
    /// Sales, scans a minute.
    Lower,
}

fn unknown_after() -> Duration {
    Duration::from_seconds(300)
}

fn no_time() -> Duration {
    Duration::from_seconds(0)
}

fn five_seconds() -> Duration {
    Duration::from_seconds(5)
}

fn get() -> String {
    "GET".to_owned()
}

fn three() -> u32 {
    3
}

fn ok() -> u16 {
    200
}

pub(super) fn validate(guards: &[Guard], problems: &mut Problems) {
    let mut names = HashSet::new();
    for (n, guard) in guards.iter().enumerate() {
        let name = format!("guards[{n}].name");
        check_text(problems, &name, &guard.name, true);
        if !names.insert(&guard.name) {
            let mend = "Give each guard a name of its own.";
            problems.push(Problem::new(name, &guard.name, "two guards have this name", mend));
        }
        guard.check.validate(&format!("guards[{n}].check"), problems);
    }
}

impl Check {
    /// The metric that programs track for it.
    #[must_use]
    pub fn metric(&self) -> Option<&str> {
        match self {
            Self::Failures { metric, .. } | Self::Mean { metric, .. } | Self::Budget { metric, .. } => {
                Some(metric)
            }
            Self::Prometheus { .. } | Self::Probe(_) | Self::Webhook { .. } => None,
        }
    }

    fn validate(&self, at: &str, problems: &mut Problems) {
        if let Some(metric) = self.metric() {
            check_text(problems, &format!("{at}.metric"), metric, true);
        }
        match self {
            Self::Failures { tolerance, at_most, .. } => {
                if tolerance.is_some() && at_most.is_some() {
                    let mend = "Keep `tolerance` to compare with the control, or `atMost` for a fixed share.";
                    problems.push(Problem::new(at, "both", "one or the other can be asked", mend));
                }
                share(at_most.as_ref(), &format!("{at}.atMost"), problems);
            }
            Self::Budget { objective, .. } => share(Some(objective), &format!("{at}.objective"), problems),
            Self::Mean { .. } => {}
            Self::Prometheus { url, query, above, below, .. } => {
                address(url, &format!("{at}.url"), problems);
                check_text(problems, &format!("{at}.query"), query, true);
                if above.is_none() && below.is_none() {
                    let mend = "Give `above`, `below` or both.";
                    problems.push(Problem::new(at, "neither", "nothing would ever be a breach", mend));
                }
                for (field, bound) in [("above", above), ("below", below)] {
                    if bound.is_some_and(|bound| !bound.is_finite()) {
                        let field = format!("{at}.{field}");
                        problems.push(Problem::new(
                            field,
                            "not finite",
                            "this is no bound",
                            "Give a number.",
                        ));
                    }
                }
            }
            Self::Probe(probe) => probe.validate(at, problems),
            Self::Webhook { url } => address(url, &format!("{at}.url"), problems),
        }
    }
}

impl Probe {
    fn validate(&self, at: &str, problems: &mut Problems) {
        address(&self.url, &format!("{at}.url"), problems);
        if !["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&&*self.method) {
            let mend = "Use GET, HEAD, POST, PUT, PATCH or DELETE.";
            problems.push(Problem::new(
                format!("{at}.method"),
                &self.method,
                "this method is not known",
                mend,
            ));
        }
        let body = self.body.as_ref().map_or(0, String::len);
        if body > MAX_BODY_BYTES {
            let mend = format!("Keep it within {MAX_BODY_BYTES} bytes.");
            problems.push(Problem::new(format!("{at}.body"), body, "this body is too long", mend));
        }
        if self.headers.len() > MAX_HEADERS {
            let mend = format!("Keep at most {MAX_HEADERS}.");
            problems.push(Problem::new(
                format!("{at}.headers"),
                self.headers.len(),
                "too many headers",
                mend,
            ));
        }
        if self.failures == 0 {
            let mend = "Give 1 at least; 3 is usual.";
            problems.push(Problem::new(format!("{at}.failures"), 0, "it would be breached at once", mend));
        }
        if !(1_000..=10_000).contains(&self.timeout.millis()) {
            let mend = "Give 1s to 10s.";
            problems.push(Problem::new(
                format!("{at}.timeout"),
                self.timeout,
                "no probe can take this",
                mend,
            ));
        }
        if let Some(pointer) = &self.expect.pointer
            && !(pointer.is_empty() || pointer.starts_with('/'))
        {
            let mend = "Write it as RFC 6901 does, `/payment/state`.";
            problems.push(Problem::new(format!("{at}.expect.pointer"), pointer, "this points nowhere", mend));
        }
        if self.expect.equals.is_some() != self.expect.pointer.is_some() {
            let mend = "Give `pointer` and `equals` together.";
            problems.push(Problem::new(format!("{at}.expect"), "one of two", "one needs the other", mend));
        }
    }
}

fn share(percent: Option<&Percent>, field: &str, problems: &mut Problems) {
    if percent.is_some_and(|percent| percent.is_zero() || percent.steps() == Percent::STEPS) {
        let mend = "Give more than 0 and less than 100.";
        problems.push(Problem::new(field, "all or nothing", "this can't be held", mend));
    }
}

fn address(url: &str, field: &str, problems: &mut Problems) {
    let known = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
    if !known || url.len() > MAX_URL_BYTES {
        let mend =
            format!("Give one that begins with https:// or http://, of at most {MAX_URL_BYTES} bytes.");
        problems.push(Problem::new(field, url, "this is no address", mend));
    }
}
