//! Evaluations on disk: a file a day in a folder of the server's, each replaced whole, with a checksum. One that is
//! damaged is set aside, and its day begins anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use usher_core::model::Epoch;

use super::day::{Day, Kept};
use crate::disk::{blocking, replace, sealed, unsealed};

/// What is in a file is only read by versions that write it so.
const VERSION: u32 = 1;
/// Largest file that is read, in bytes: a full day has less than half of it.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
const FOLDER: &str = "evaluations";

/// All of a file but its checksum.
#[derive(Serialize, Deserialize)]
struct Whole<T> {
    version: u32,
    epoch: Epoch,
    /// Days since 1970.
    number: i64,
    day: T,
}

/// Where days are kept.
pub(crate) struct Disk {
    folder: PathBuf,
    epoch: Epoch,
    /// Whether there is a folder for it.
    has_folder: bool,
    /// Whether it was said that it can't be written.
    complained: AtomicBool,
    /// Held while it is written.
    writing: Mutex<()>,
}

impl Disk {
    /// Reads what is there.
    pub(super) async fn open(data: &Path, epoch: Epoch) -> (Self, BTreeMap<i64, Day>) {
        let (folder, has_folder) = (data.join(FOLDER), data.is_dir());
        if !has_folder {
            tracing::info!(folder = %folder.display(), "there is no folder to keep evaluations in");
        }
        let own = folder.clone();
        let days = blocking(move || Ok(read_all(&own, epoch))).await.unwrap_or_default();
        let (complained, writing) = (AtomicBool::new(false), Mutex::default());
        (Self { folder, epoch, has_folder, complained, writing }, days)
    }

    /// Writes these days, and removes those that are not kept any more. `false` when that can't be done.
    pub(super) async fn write(&self, changed: Vec<(i64, Kept)>, kept: BTreeSet<i64>) -> bool {
        if !self.has_folder {
            return true;
        }
        let _writing = self.writing.lock().await;
        let (folder, epoch) = (self.folder.clone(), self.epoch);
        let written = blocking(move || {
            fs::create_dir_all(&folder)?;
            for (number, day) in changed {
                let text = serde_json::to_string(&Whole { version: VERSION, epoch, number, day })?;
                replace(&folder.join(format!("{number}.json")), &sealed(&text))?;
            }
            for (number, path) in files(&folder)? {
                if !kept.contains(&number) {
                    fs::remove_file(path)?;
                }
            }
            Ok(())
        })
        .await;
        if let Err(error) = &written
            && !self.complained.swap(true, Ordering::Relaxed)
        {
            let folder = self.folder.display();
            tracing::warn!(%folder, %error, "evaluations can't be kept: they would be lost with this process");
        }
        self.complained.store(written.is_err(), Ordering::Relaxed);
        written.is_ok()
    }
}

/// Files of days, by the day.
fn files(folder: &Path) -> io::Result<Vec<(i64, PathBuf)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(number) = name.strip_suffix(".json").and_then(|number| number.parse().ok()) {
            all.push((number, path));
        }
    }
    Ok(all)
}

fn read_all(folder: &Path, epoch: Epoch) -> BTreeMap<i64, Day> {
    let mut days = BTreeMap::new();
    for (number, path) in files(folder).unwrap_or_default() {
        match read(&path, number, epoch) {
            Ok(kept) => drop(days.insert(number, Day::from(kept))),
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "a day of evaluations can't be read, and is set aside");
                drop(fs::rename(
                    folder.join(format!("{number}.json")),
                    folder.join(format!("{number}.damaged")),
                ));
            }
        }
    }
    days
}

fn read(path: &Path, number: i64, epoch: Epoch) -> io::Result<Kept> {
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(io::Error::other(format!("more than {MAX_BYTES} bytes")));
    }
    let text = fs::read_to_string(path)?;
    let whole: Whole<Kept> = serde_json::from_str(unsealed(&text)?)?;
    if whole.version != VERSION {
        return Err(io::Error::other("another version wrote it"));
    }
    if whole.epoch != epoch || whole.number != number {
        return Err(io::Error::other("it is of another journal or day"));
    }
    Ok(whole.day)
}

#[cfg(test)]
mod tests {
    use usher_core::model::Timestamp;

    use super::*;
    use crate::sdk::evaluated::Evaluation;

    fn day(count: u64) -> Day {
        let mut day = Day::new(Timestamp::EPOCH);
        let (variant, reason) = (Some("on".to_owned()), "STATIC".to_owned());
        let own = Evaluation { flag: "f".to_owned(), variant, venue: None, reason, count };
        day.count(3, "production", &own, Timestamp::EPOCH, true);
        day
    }

    #[tokio::test]
    async fn days_are_read_as_they_were_written_and_a_damaged_one_is_set_aside() {
        let data = tempfile::tempdir().unwrap();
        let epoch = Epoch::from_bytes([7; 16]);
        let (disk, days) = Disk::open(data.path(), epoch).await;
        assert!(days.is_empty());
        let all = vec![(5, Kept::from(&day(1))), (6, Kept::from(&day(2))), (7, Kept::from(&day(3)))];
        assert!(disk.write(all, BTreeSet::from([5, 6, 7])).await);
        let file = |number: i64| data.path().join(FOLDER).join(format!("{number}.json"));
        let text = fs::read_to_string(file(6)).unwrap();
        fs::write(file(6), text.replacen("STATIC", "STATIK", 1)).unwrap();
        let (disk, days) = Disk::open(data.path(), epoch).await;
        assert_eq!(days.keys().collect::<Vec<_>>(), [&5, &7]);
        assert_eq!(days[&7].hours[&3].values().sum::<u64>(), 3);
        assert!(!file(6).exists() && file(6).with_extension("damaged").exists());
        assert!(disk.write(Vec::new(), BTreeSet::from([7])).await);
        assert!(!file(5).exists(), "what is not kept any more is removed");
        let (_, days) = Disk::open(data.path(), Epoch::from_bytes([8; 16])).await;
        assert!(days.is_empty(), "it is of another journal");
    }
}
