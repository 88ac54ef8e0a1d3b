//! What a process has taken from the machine, as Linux's `/proc` tells it.

use std::fs;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the kernel counts processor time in, in seconds: `USER_HZ`, the same everywhere on Linux.
const TICK_SECONDS: f64 = 0.01;

/// What a process has taken so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Resident memory, in bytes.
    pub resident: u64,
    /// The most that it ever was, in bytes.
    pub peak: u64,
    /// Processor time, in seconds.
    pub processor: f64,
}

impl Usage {
    /// Of a process by its id.
    ///
    /// # Errors
    /// A process that is gone, or a system without `/proc`.
    pub fn of(process: u32) -> Result<Self> {
        let read = |what: &str| {
            let path = format!("/proc/{process}/{what}");
            fs::read_to_string(&path).with_context(|| format!("{path} can't be read"))
        };
        let (status, stat) = (read("status")?, read("stat")?);
        let bytes = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let text = line.with_context(|| format!("there is no {name}"))?;
            Ok(text.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1024)
        };
        // The name before may have spaces; the third field follows it.
        let (_, fields) = stat.rsplit_once(')').context("/proc/…/stat has another form")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(Self {
            resident: bytes("VmRSS:")?,
            peak: bytes("VmHWM:")?,
            processor: ticks.sum::<Result<f64, _>>()? * TICK_SECONDS,
        })
    }
}

/// Lets this process, and those that it starts, open as many files as the system allows; tells how many.
///
/// # Errors
/// A system that refuses.
pub fn raise_file_limit() -> Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).context("the limit of open files can't be raised")?;
    }
    Ok(limit.maximum.unwrap_or(u64::MAX))
}
