//! Guards that are answered from outside: a Prometheus, live endpoints, a webhook.
//!
//! Asked on the side, so that one that hangs never keeps a release from being taken back for another reason. No answer
//! is no answer: it never counts as well.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, future::join_all, stream};
use serde_json::{Value, json};
use usher_core::model::{Check, Probe, Release, Timestamp};
use usher_release::Answer;

use super::App;
use crate::{clock, settings::Secret};

/// Longest time that a Prometheus or a webhook may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Most of an answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Questions of one release at a time.
const AT_ONCE: usize = 8;

/// Who asks.
pub(super) struct Asking {
    client: Option<reqwest::Client>,
    secrets: BTreeMap<String, Secret>,
}

impl Asking {
    /// One that may send these secrets. Where there is no TLS it gets no answers.
    pub(super) fn new(secrets: BTreeMap<String, Secret>) -> Self {
        // A redirect would lead where nobody who wrote the plan has looked.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        if let Err(error) = &client {
            tracing::error!(%error, "live endpoints can't be asked, so releases with such guards will pause");
        }
        Self { client: client.ok(), secrets }
    }

    /// Asks all that the guards of a release ask outside, once and at the same time, and gives back what was answered by
    /// the guards' places in the plan. It takes no longer than the slowest may.
    pub(super) async fn ask_once(&self, release: &Release) -> BTreeMap<usize, Answer> {
        let questions = release.guards.iter().enumerate().filter(|(_, guard)| is_outside(&guard.check));
        let answers = questions.map(async |(n, guard)| (n, self.ask(release, &guard.check).await));
        join_all(answers).await.into_iter().collect()
    }

    /// Asks all that the guards of a release ask outside, unless that is still going on. Answers are noted as they come.
    pub(super) fn ask_all(app: &Arc<App>, release: &Release, started: Timestamp) {
        if !release.guards.iter().any(|guard| is_outside(&guard.check)) {
            return;
        }
        match app.releases.lock().get_mut(&*release.key) {
            Some(own) if !own.asking => own.asking = true,
            _ => return,
        }
        let (app, release) = (Arc::clone(app), release.clone());
        tokio::spawn(async move {
            let questions = release.guards.iter().enumerate().filter(|(_, guard)| is_outside(&guard.check));
            stream::iter(questions)
                .for_each_concurrent(AT_ONCE, async |(n, guard)| {
                    let answer = app.releases.asking.ask(&release, &guard.check).await;
                    if let Some(watch) = app
                        .releases
                        .lock()
                        .get_mut(&*release.key)
                        .and_then(|own| own.watch_of(&release, started))
                    {
                        watch.answer(n, answer, clock::now());
                    }
                })
                .await;
            if let Some(own) = app.releases.lock().get_mut(&*release.key) {
                own.asking = false;
            }
        });
    }

    async fn ask(&self, release: &Release, check: &Check) -> Answer {
        let Some(client) = &self.client else {
            return Answer::None("This server can't ask anybody".to_owned());
        };
        let result = match check {
            Check::Prometheus { url, query, above, below, .. } => {
                prometheus(client, url, query, *above, *below).await
            }
            Check::Probe(probe) => self::probe(client, probe, &release.variant, &self.secrets).await,
            Check::Webhook { url } => webhook(client, url, release).await,
            Check::Failures { .. } | Check::Mean { .. } | Check::Budget { .. } => {
                return Answer::None(String::new());
            }
        };
        // Addresses may hold secrets, and what is said here is read by many.
        result.unwrap_or_else(|error| Answer::None(format!("No answer: {}", plain(&error.without_url()))))
    }
}

/// Whether somebody outside is asked.
fn is_outside(check: &Check) -> bool {
    check.metric().is_none()
}

/// An error with what caused it, in one line.
fn plain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}

async fn prometheus(
    client: &reqwest::Client,
    url: &str,
    query: &str,
    above: Option<f64>,
    below: Option<f64>,
) -> reqwest::Result<Answer> {
    let url = format!("{}/api/v1/query", url.trim_end_matches('/'));
    let answer = client.post(url).form(&[("query", query)]).timeout(ANSWER_WITHIN).send().await?;
    let status = answer.status();
    let Some(body) = read(answer).await? else {
        return Ok(Answer::None("Prometheus said too much".to_owned()));
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !status.is_success() {
        let why = body["error"].as_str().unwrap_or_default();
        return Ok(Answer::None(format!("Prometheus answered {status} {why}")));
    }
    let result = &body["data"]["result"];
    let value = match body["data"]["resultType"].as_str() {
        Some("scalar") => &result[1],
        // A query that gives several series asks for none of them.
        Some("vector") if result.as_array().is_some_and(|all| all.len() == 1) => &result[0]["value"][1],
        Some("vector") if result.as_array().is_some_and(Vec::is_empty) => {
            return Ok(Answer::None("Prometheus has no data for the query".to_owned()));
        }
        _ => return Ok(Answer::None("The query does not give a single number".to_owned())),
    };
    let Some(value) =
        value.as_str().and_then(|text| text.parse::<f64>().ok()).filter(|value| !value.is_nan())
    else {
        return Ok(Answer::None("Prometheus gave no number".to_owned()));
    };
    Ok(match (above, below) {
        (Some(most), _) if value > most => {
            Answer::Bad(format!("Prometheus says {value}, and {most} is the most."))
        }
        (_, Some(least)) if value < least => {
            Answer::Bad(format!("Prometheus says {value}, and {least} is the least."))
        }
        _ => Answer::Well(format!("Prometheus says {value}.")),
    })
}

async fn probe(
    client: &reqwest::Client,
    probe: &Probe,
    variant: &str,
    secrets: &BTreeMap<String, Secret>,
) -> reqwest::Result<Answer> {
    let fill = |text: &str| text.replace("{variant}", variant);
    let Ok(method) = probe.method.parse::<reqwest::Method>() else {
        return Ok(Answer::None("The probe's method is not known".to_owned()));
    };
    let within = Duration::from_millis(u64::try_from(probe.timeout.millis()).unwrap_or_default());
    let mut request = client.request(method, fill(&probe.url)).timeout(within);
    for (name, value) in &probe.headers {
        let Some(value) = reveal(&fill(value), secrets) else {
            return Ok(Answer::None(format!(
                "This server has not been given the secret that `{name}` needs"
            )));
        };
        request = request.header(name, value);
    }
    if let Some(body) = &probe.body {
        request = request.body(fill(body));
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    if status != probe.expect.status {
        return Ok(Answer::Bad(format!(
            "The probe was answered {status} instead of {}.",
            probe.expect.status
        )));
    }
    let (Some(pointer), Some(wanted)) = (&probe.expect.pointer, &probe.expect.equals) else {
        return Ok(Answer::Well(format!("The probe was answered {status}.")));
    };
    let body = read(answer).await?.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok(match body.pointer(pointer) {
        Some(found) if found == wanted => Answer::Well(format!("The probe found {found} at {pointer}.")),
        Some(found) => {
            Answer::Bad(format!("The probe found {} at {pointer} instead of {wanted}.", short(found)))
        }
        None => Answer::Bad(format!("The probe found nothing at {pointer}.")),
    })
}

/// `text` with its `{secret:NAME}` filled in; `None` when one is not known here.
fn reveal(text: &str, secrets: &BTreeMap<String, Secret>) -> Option<String> {
    const OPEN: &str = "{secret:";
    let Some((before, rest)) = text.split_once(OPEN) else { return Some(text.to_owned()) };
    let (name, after) = rest.split_once('}')?;
    Some(format!("{before}{}{}", secrets.get(name)?.expose(), reveal(after, secrets)?))
}

async fn webhook(client: &reqwest::Client, url: &str, release: &Release) -> reqwest::Result<Answer> {
    let question = json!({
        "release": release.key, "flag": release.flag, "environment": release.environment, "variant": release.variant,
    });
    let answer = client.post(url).json(&question).timeout(ANSWER_WITHIN).send().await?;
    let status = answer.status();
    if !status.is_success() {
        return Ok(Answer::None(format!("The webhook answered {status}")));
    }
    let body: Value = serde_json::from_slice(&read(answer).await?.unwrap_or_default()).unwrap_or_default();
    let why = short(&body["reason"]);
    Ok(match body["verdict"].as_str() {
        Some("ok") => Answer::Well(format!("The webhook says ok: {why}.")),
        Some("breach") => Answer::Bad(format!("The webhook says breach: {why}.")),
        _ => Answer::None("The webhook gave no verdict, `ok` or `breach`".to_owned()),
    })
}

/// The body, unless it is too long.
async fn read(mut answer: reqwest::Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut all = Vec::new();
    while let Some(part) = answer.chunk().await? {
        if all.len() + part.len() > MAX_ANSWER_BYTES {
            return Ok(None);
        }
        all.extend_from_slice(&part);
    }
    Ok(Some(all))
}

/// A value for people, not too long.
fn short(value: &Value) -> String {
    const LONGEST: usize = 200;
    let mut text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}
