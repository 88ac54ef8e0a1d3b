//! `usher-bench ofrep`: requests over OFREP to a real server, beside a bare actix-web echo of the very same bytes.
//!
//! Both servers have one worker in this process, and the driver is a process of its own. They take turns, round by
//! round, and each answer of a round is checked for its status and its length. The echo answers with the headers
//! and the body that Usher gave, so what is between the two is what Usher does to make them.

pub mod driver;
mod echo;
mod exchange;

use std::{fs, net::SocketAddr};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use usher_bench::reference::{self, R1};
use usher_core::model::{Document, Kind};

use self::{driver::Drive, echo::Echo, exchange::Exchange};
use crate::{
    table::{Form, Table, figure, median, ratio},
    workspace::Workspace,
};

/// Flags of the workspace, and of a bulk answer.
const FLAGS: usize = 100;
/// What the kernel counts processor time in, in seconds: `USER_HZ`, the same everywhere on Linux.
const TICK_SECONDS: f64 = 0.01;

/// What one side did in one round.
struct Round {
    per_second: f64,
    p50: f64,
    p99: f64,
    /// Microseconds of processor time that the server took for a request.
    processor: f64,
}

/// Measures, and prints a table.
pub fn run(rounds: usize, connections: usize, milliseconds: u64, form: Form) -> Result<()> {
    let workspace = Workspace::start(documents()?)?;
    let context = json!({"context": person()}).to_string();
    let one = format!("/ofrep/v1/evaluate/flags/{R1}");
    let all = "/ofrep/v1/evaluate/flags";
    let ask = |path: &str, known: Option<&str>| Exchange::new(&workspace, path, known, &context);
    let bulk = ask(all, None)?;
    let tag = bulk.header("etag").context("the answer has no tag")?.to_owned();
    let subjects = [
        ("one flag", ask(&one, None)?),
        ("100 flags", bulk),
        ("100 flags, unchanged (304)", ask(all, Some(&tag))?),
    ];
    let head = [
        "OFREP",
        "answer",
        "requests/s",
        "bare echo",
        "beside the echo",
        "p50, p99",
        "echo's",
        "server's CPU a request",
        "echo's CPU",
    ];
    let mut table = Table::new(head);
    for (name, exchange) in subjects {
        let echo = Echo::start(workspace.runtime(), &exchange)?;
        exchange.check_same(echo.address())?;
        let drive =
            Drive { connections, milliseconds, request: &exchange.request, answer: &exchange.shape() };
        let mut both = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (side, address) in both.iter_mut().zip([workspace.address(), echo.address()]) {
                side.push(round(&drive, address)?);
            }
        }
        echo.stop(workspace.runtime());
        let [usher, bare] = &both;
        let of = |side: &[Round], what: fn(&Round) -> f64| median(side.iter().map(what));
        let ratios = usher.iter().zip(bare).map(|(usher, bare)| usher.per_second / bare.per_second);
        let times = |side: &[Round]| {
            format!("{:.2}, {:.2} ms", of(side, |round| round.p50) / 1e3, of(side, |round| round.p99) / 1e3)
        };
        table.row([
            name.to_owned(),
            format!("{} bytes", figure_of(exchange.answer.len())),
            figure(of(usher, |round| round.per_second)),
            figure(of(bare, |round| round.per_second)),
            format!("× {}", ratio(median(ratios))),
            times(usher),
            times(bare),
            format!("{} µs", figure(of(usher, |round| round.processor))),
            format!("{} µs", figure(of(bare, |round| round.processor))),
        ]);
    }
    table.print(form);
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // Lengths of answers.
fn figure_of(number: usize) -> String {
    figure(number as f64).trim_end_matches(".0").to_owned()
}

fn round(drive: &Drive<'_>, address: SocketAddr) -> Result<Round> {
    let before = processor_seconds()?;
    let done = drive.spawn(address)?;
    let processor = processor_seconds()? - before;
    Ok(Round {
        per_second: done.per_second,
        p50: done.p50_micros,
        p99: done.p99_micros,
        processor: processor * 1e6 / done.requests,
    })
}

/// What this process, with both servers, has had of the processors so far.
fn processor_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("processor time is read from Linux's /proc")?;
    // The name before may have spaces; the third field follows it.
    let (_, fields) = stat.rsplit_once(')').context("/proc/self/stat has another form")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? * TICK_SECONDS)
}

/// A hundred flags, with the cohorts that they ask.
fn documents() -> Result<Vec<Document>> {
    let all = reference::large(FLAGS)?.into_iter();
    let documents: Vec<Document> = all.filter(|document| document.id().kind != Kind::Venue).collect();
    ensure!(documents.len() > FLAGS, "there are too few reference documents");
    Ok(documents)
}

/// The first of the reference contexts that R1's rule is for, as JSON.
fn person() -> serde_json::Value {
    let mut person = json!({"targetingKey": "u-1"});
    for (name, value) in reference::attributes(3) {
        person[name] = value.into();
    }
    person
}
