//! What guards have seen, kept on disk so that a server that starts again goes on with it.
//!
//! One file in the server's folder holds it for all releases that run, with a checksum, and is replaced whole every few
//! seconds. What was counted since the file was written is lost, and nothing is counted twice: a program that did not
//! hear that its batch was taken sends it again, so the newest batches are in the file too, by their fingerprints. What
//! is not of this journal, this plan and this run is discarded, and so is what is damaged, and what was answered by steps
//! that were taken since: a watch knows of which stage, venues and steps it is. Where servers share the journal, each
//! keeps its own, if it has a folder.

use std::{
    collections::HashMap,
    fs, io,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::task::JoinHandle;
use usher_core::model::{Epoch, Release, Timestamp};
use usher_release::Watch;

use super::{App, watched::Watched};
use crate::{
    disk::{blocking, replace, sealed, unsealed},
    sdk::remembered,
};

/// How often it is kept.
const EVERY: Duration = Duration::from_secs(5);
/// Largest file, in bytes. Guards of many releases over thousands of venues would make a larger one.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// What is in the file is only read by versions that write it so.
const VERSION: u32 = 1;
const FILE: &str = "evidence.json";

/// What was known of one release at its last look.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    /// Without progress.
    pub(super) plan: Release,
    /// When its run began.
    pub(super) started: Timestamp,
    /// When it was looked at.
    pub(super) at: Timestamp,
    pub(super) watch: Watch,
}

/// All of the file but its checksum.
#[derive(Serialize, Deserialize)]
struct Whole {
    version: u32,
    epoch: Epoch,
    /// Fingerprints of the batches that were counted before.
    batches: Vec<u64>,
    /// What they are made with. Older versions used no key, and wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch_key: Option<remembered::Key>,
    /// One that can't be read does not take the others with it.
    releases: Vec<Box<RawValue>>,
}

/// What was kept when this server started, and what it keeps itself.
pub(crate) struct Evidence {
    path: PathBuf,
    kept: HashMap<Box<str>, Kept>,
    written: Instant,
    writing: Option<JoinHandle<io::Result<()>>>,
    /// Whether there is a file.
    is_there: bool,
    /// Whether it was said that it can't be kept.
    complained: bool,
    /// Whether there is a folder for it.
    has_folder: bool,
}

impl Evidence {
    /// Reads what was kept. Before anything is counted: batches that were are known by name from then on.
    pub(crate) async fn load(app: &App) -> Self {
        let path = app.settings.data.join(FILE);
        let has_folder = app.settings.data.is_dir();
        if !has_folder {
            tracing::info!(path = %path.display(), "there is no folder to keep in what guards have seen");
        }
        let own = path.clone();
        let read = blocking(move || fs::read_to_string(own)).await;
        let is_there = !matches!(&read, Err(error) if error.kind() == io::ErrorKind::NotFound);
        let mut kept = HashMap::new();
        match read.and_then(|text| parse(&text)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "what guards have seen can't be read, and is discarded");
            }
            Ok(whole) if whole.epoch != app.world.journal().epoch() => {
                tracing::warn!(path = %path.display(), "what guards have seen is of another journal, and is discarded");
            }
            Ok(whole) => {
                let batches = remembered::Kept { key: whole.batch_key, fingerprints: whole.batches };
                app.counts.remember(batches);
                for one in whole.releases {
                    match serde_json::from_str::<Kept>(one.get()) {
                        Ok(one) => drop(kept.insert((*one.plan.key).into(), one)),
                        Err(error) => {
                            tracing::warn!(%error, "what guards have seen of a release can't be read, and is discarded");
                        }
                    }
                }
            }
        }
        Self { path, kept, written: Instant::now(), writing: None, is_there, complained: false, has_folder }
    }

    /// What was kept of a release, if it is of this plan and run.
    pub(super) fn take(&mut self, plan: &Release, started: Timestamp) -> Option<Kept> {
        let kept = self.kept.remove(&*plan.key)?;
        if kept.plan == *plan && kept.started == started {
            tracing::info!(release = %plan.key, since = %kept.at, "guards go on with what they had seen");
            return Some(kept);
        }
        tracing::warn!(release = %plan.key, "what guards have seen is of another plan or run, and is discarded");
        None
    }

    /// Keeps what is known now, if that was long enough ago, and the disk has taken the last.
    pub(super) async fn keep(&mut self, app: &App) {
        if let Some(writing) = self.writing.take_if(|own| own.is_finished()) {
            self.told(writing.await.map_err(io::Error::other).flatten());
        }
        if !self.has_folder || self.written.elapsed() < EVERY || self.writing.is_some() {
            return;
        }
        self.written = Instant::now();
        let releases: Vec<Kept> = app.releases.lock().values().filter_map(Watched::kept).collect();
        let path = self.path.clone();
        if !releases.is_empty() {
            self.is_there = true;
            // After what was counted: a batch too many here is one that is not known, one too few would be counted twice.
            let (epoch, batches) = (app.world.journal().epoch(), app.counts.remembered());
            self.writing = Some(tokio::spawn(blocking(move || write(&path, epoch, batches, &releases))));
        } else if std::mem::take(&mut self.is_there) {
            self.writing = Some(tokio::spawn(blocking(move || fs::remove_file(path))));
        }
    }

    /// Says that it can't be kept, once.
    fn told(&mut self, written: io::Result<()>) {
        if let Err(error) = &written
            && !self.complained
        {
            let path = self.path.display();
            tracing::warn!(%path, %error, "what guards have seen can't be kept: they would begin anew after a restart");
        }
        self.complained = written.is_err();
    }
}

fn write(
    path: &std::path::Path,
    epoch: Epoch,
    batches: remembered::Kept,
    releases: &[Kept],
) -> io::Result<()> {
    let releases = releases.iter().map(serde_json::value::to_raw_value).collect::<Result<Vec<_>, _>>()?;
    let remembered::Kept { key: batch_key, fingerprints: batches } = batches;
    let text = serde_json::to_string(&Whole { version: VERSION, epoch, batches, batch_key, releases })?;
    if text.len() > MAX_BYTES {
        return Err(io::Error::other(format!("{} bytes, and {MAX_BYTES} are the most", text.len())));
    }
    replace(path, &sealed(&text))
}

fn parse(text: &str) -> io::Result<Whole> {
    let whole: Whole = serde_json::from_str(unsealed(text)?)?;
    if whole.version != VERSION {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "another version wrote it"));
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use usher_core::model::{Kind, parse_strict};

    use super::*;

    fn kept(percent: u32) -> Kept {
        let plan = json!({"key": "r", "flag": "f", "environment": "production", "variant": "on", "control": "off",
            "stages": [{"name": "all", "percent": percent}],
            "guards": [{"name": "g", "check": {"failures": {"metric": "pay"}}}]});
        let plan: Release =
            parse_strict(&Kind::Release, plan.to_string().as_bytes()).unwrap().parse().unwrap();
        let (started, at) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
        let watch = Watch::new(&plan, 0, started);
        Kept { plan, started, at, watch }
    }

    fn reading(kept: Vec<Kept>) -> Evidence {
        Evidence {
            path: PathBuf::new(),
            kept: kept.into_iter().map(|one| ((*one.plan.key).into(), one)).collect(),
            written: Instant::now(),
            writing: None,
            is_there: true,
            complained: false,
            has_folder: true,
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_what_is_damaged_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let epoch = Epoch::from_bytes([7; 16]);
        let batches = remembered::Kept { key: Some([9; 16]), fingerprints: vec![u64::MAX, 3] };
        write(&path, epoch, batches, &[kept(50)]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let whole = parse(&text).unwrap();
        assert_eq!((whole.epoch, &*whole.batches, whole.releases.len()), (epoch, &[u64::MAX, 3][..], 1));
        assert_eq!(whole.batch_key, Some([9; 16]));
        let read: Kept = serde_json::from_str(whole.releases[0].get()).unwrap();
        let written = kept(50);
        assert_eq!((read.plan, read.started, read.at), (written.plan, written.started, written.at));
        assert_eq!(read.watch, written.watch);
        for damaged in [
            String::new(),
            "\n".to_owned(),
            text[..text.len() - 1].to_owned(),
            text.replacen("50", "51", 1),
            text.split_once('\n').unwrap().1.to_owned(),
        ] {
            assert!(parse(&damaged).is_err(), "{damaged}");
        }
        let older = text.split_once('\n').unwrap().1.replacen(
            &format!("\"batch_key\":{:?},", [9; 16]).replace(' ', ""),
            "",
            1,
        );
        assert_eq!(parse(&sealed(&older)).unwrap().batch_key, None, "{older}");
        let newer = text.split_once('\n').unwrap().1.replacen("\"version\":1", "\"version\":2", 1);
        assert!(parse(&sealed(&newer)).is_err_and(|error| error.to_string().contains("another version")));
    }

    #[test]
    fn only_the_same_plan_and_run_go_on_with_it() {
        let now = kept(50);
        assert!(reading(vec![kept(50)]).take(&now.plan, now.started).is_some());
        assert!(reading(vec![kept(50)]).take(&kept(60).plan, now.started).is_none(), "another plan");
        assert!(reading(vec![kept(50)]).take(&now.plan, Timestamp::from_millis(9)).is_none(), "another run");
        assert!(reading(Vec::new()).take(&now.plan, now.started).is_none());
    }
}
