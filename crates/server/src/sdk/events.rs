//! What SDKs, and edges for their clients, say that they have counted.
//!
//! A batch is taken as a whole or not at all: it is read and checked before anything in it counts.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use usher_core::limits::MAX_FLAG_KEY_BYTES;

pub use super::counts::{Counts, ExposedSum, MeasuredSum};
use super::evaluated::{ASKED, Evaluation, Of, UNKNOWN};
use crate::{auth, body::Body, problem::Problem, surface::Surface};

/// Exposures and metrics in one batch.
pub(super) const MAX_BATCH: usize = 1_000;

/// What an SDK sends, or an edge for its clients.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// Its random name: sending it again changes nothing.
    pub batch: String,
    #[serde(default)]
    pub(super) exposures: Vec<Exposure>,
    #[serde(default)]
    pub(super) metrics: Vec<Metric>,
    /// What an edge's clients evaluated. An SDK leaves it out: what it has shown it has evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) evaluations: Option<Vec<Evaluation>>,
    /// Flags that the program has read, whether it has shown them or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) asked: Vec<String>,
}

/// How often a variant was shown.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Exposure {
    pub(crate) flag: String,
    #[serde(default)]
    pub(crate) variant: Option<String>,
    #[serde(default)]
    pub(crate) venue: Option<String>,
    /// It was not shown: a dark rule would have.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dark: bool,
    /// Why it was shown, in OpenFeature's words. Only programs tell it; sums are of all reasons.
    #[serde(default, skip_serializing)]
    pub(crate) reason: Option<String>,
    pub(crate) count: u64,
}

/// How often something happened, and how it went: all of it, or what happened to those whom a flag gave a variant.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metric {
    pub(crate) metric: String,
    #[serde(default)]
    pub(crate) venue: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<String>,
    pub(crate) count: u64,
    /// How many of them failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) failed: u64,
    /// The sum of their values.
    #[serde(default)]
    pub(crate) sum: f64,
    /// The sum of their values' squares.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(crate) squares: f64,
}

// Serde hands references to these.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_none(sum: &f64) -> bool {
    *sum == 0.0
}

impl Batch {
    /// Whether it can be counted, all of it.
    fn check(&self) -> Result<(), Problem> {
        let evaluations = self.evaluations.as_ref().map_or(0, Vec::len);
        let sums = self.exposures.len() + self.metrics.len() + evaluations + self.asked.len();
        if sums > MAX_BATCH {
            let detail = format!("A batch holds at most {MAX_BATCH} sums; send several.");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
        }
        if self.texts().any(|text| text.len() > MAX_FLAG_KEY_BYTES) {
            let mend = format!("Keep names within {MAX_FLAG_KEY_BYTES} bytes.");
            return Err(Problem::bad_value("", "…", "a name in this batch is too long", &mend));
        }
        self.metrics.iter().enumerate().try_for_each(|(n, metric)| metric.check(&format!("metrics[{n}]")))
    }

    /// What it says was evaluated, and how often: what an edge has counted, else what was shown; and what was read.
    pub(super) fn evaluated(&self) -> impl Iterator<Item = (Of<'_>, u64)> {
        let told = self.evaluations.iter().flatten().map(|own| {
            let (variant, venue) = (own.variant.as_deref(), own.venue.as_deref());
            (Of { flag: &own.flag, variant, venue, reason: &own.reason }, own.count)
        });
        // Who was shown a variant was given it.
        let shown = self.exposures.iter().filter(|own| !own.dark && self.evaluations.is_none()).map(|own| {
            let (variant, venue) = (own.variant.as_deref(), own.venue.as_deref());
            let reason = own.reason.as_deref().unwrap_or(UNKNOWN);
            (Of { flag: &own.flag, variant, venue, reason }, own.count)
        });
        let asked = self.asked.iter().map(|flag| {
            let of = Of { flag, variant: None, venue: None, reason: ASKED };
            (of, 0)
        });
        told.chain(shown).chain(asked)
    }

    /// Everything in it that is kept.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let exposures = self.exposures.iter().flat_map(|own| {
            [Some(&own.flag), own.variant.as_ref(), own.venue.as_ref(), own.reason.as_ref()]
                .into_iter()
                .flatten()
        });
        let evaluations = self.evaluations.iter().flatten().flat_map(|own| {
            [Some(&own.flag), own.variant.as_ref(), own.venue.as_ref(), Some(&own.reason)]
                .into_iter()
                .flatten()
        });
        let metrics = self.metrics.iter().flat_map(|own| {
            [Some(&own.metric), own.venue.as_ref(), own.flag.as_ref(), own.variant.as_ref()]
                .into_iter()
                .flatten()
        });
        [&self.batch]
            .into_iter()
            .chain(&self.asked)
            .chain(exposures)
            .chain(metrics)
            .chain(evaluations)
            .map(String::as_str)
    }
}

impl Metric {
    fn check(&self, at: &str) -> Result<(), Problem> {
        let Self { count, failed, sum, squares, .. } = *self;
        let bad = |field: &str, value: &dyn std::fmt::Display, detail, mend| {
            Err(Problem::bad_value(&format!("{at}.{field}"), value, detail, mend))
        };
        if failed > count {
            let mend = "Count what failed among all that happened: at most `count`.";
            return bad("failed", &failed, "more failed than happened", mend);
        }
        if !sum.is_finite() {
            return bad("sum", &sum, "this is no finite number", "Leave such values out.");
        }
        if !squares.is_finite() || squares < 0.0 {
            let mend = "Send the sum of the values' squares, or leave it out.";
            return bad("squares", &squares, "squares add up to no such number", mend);
        }
        match (&self.flag, &self.variant) {
            (Some(flag), None) => {
                bad("flag", flag, "there is a flag, but no variant", "Send both, or neither.")
            }
            (None, Some(variant)) => {
                bad("variant", variant, "there is a variant, but no flag", "Send both, or neither.")
            }
            _ => Ok(()),
        }
    }
}

/// `POST /sdk/v1/events`.
pub async fn events(
    request: HttpRequest,
    app: web::Data<Surface>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let credential = auth::sdk_key(&request, &app).await?;
    let environment = credential.environment.as_deref().unwrap_or_default().to_owned();
    let batch: Batch = usher_core::problem::from_json(&body)?;
    batch.check()?;
    let fresh = app.counts.add(&credential.key, &environment, batch);
    Ok(HttpResponse::Accepted().json(json!({"accepted": true, "replayed": !fresh})))
}
