//! The flags on disk: what a process that starts without a server begins with.
//!
//! One file for one server, key, mode, venue and person; not for one context, or an app that was updated while
//! offline would lose its flags. Written to a file beside it, synchronised and renamed, so that a file is whole
//! or not there; a checksum finds what a disk has done to it. A file that is damaged, or of a form this version
//! does not know, is set aside and reported. Files are of the oldest schema that this version speaks, so that the version
//! before reads them too: see [`usher_core::schema::disk`].
//!
//! How old the flags are counts from when the server last confirmed them, which it does all the time while they
//! don't change. That is noted in a small file of its own, so that a quiet day does not wear out the disk. A
//! note that is missing, damaged or about other flags makes them look older than they are, never younger.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use usher_core::{
    model::Timestamp,
    protocol::Mode,
    schema::{OLDEST, SPOKEN, is_spoken},
};
use xxhash_rust::xxh3::Xxh3;

/// Version of the file's own form.
const FORM: u32 = 1;
/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// A file that was half written so long ago will not be finished.
const LEFT_BEHIND: Duration = Duration::from_secs(3_600);
/// Tells files apart that one process writes at the same time.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// The first line of a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    usher_cache: u32,
    schema: u32,
    /// Over the time and the flags.
    checksum: String,
    length: usize,
    heard: Timestamp,
}

/// A note that the flags of a file were still current.
#[derive(Serialize, Deserialize)]
struct Note {
    /// The checksum of that file.
    of: String,
    heard: Timestamp,
    /// Over both.
    checksum: String,
}

/// A folder for one client's flags.
#[derive(Clone, Debug)]
pub struct CacheFolder {
    folder: PathBuf,
    mode: &'static str,
    of: String,
}

impl CacheFolder {
    /// The folder for a client. The names in it say nothing about its key.
    #[must_use]
    pub fn new(folder: &Path, url: &str, key: &str, mode: Mode, venue: Option<&str>) -> Self {
        let mode = if mode == Mode::Ruleset { "ruleset" } else { "values" };
        let of = [url, key, venue.unwrap_or_default()].join("\u{1F}");
        Self { folder: folder.to_owned(), mode, of }
    }

    /// The place for one person's flags; in ruleset mode all have the same.
    #[must_use]
    pub fn place(&self, person: Option<&str>) -> Cache {
        let person = if self.mode == "values" { person.unwrap_or_default() } else { "" };
        let name = checksum(&[self.of.as_bytes(), b"\x1F", person.as_bytes()]);
        Cache { path: self.folder.join(format!("usher-{}-{name}.cache", self.mode)) }
    }
}

/// A place on disk for one client's flags.
#[derive(Clone, Debug)]
pub struct Cache {
    path: PathBuf,
}

/// What is in a file now, for notes about it.
#[derive(Clone, Debug)]
pub struct Written(String);

/// Why there is nothing to begin with.
#[derive(Debug)]
pub enum Missing {
    /// There is no file: a first start.
    None,
    /// The file was no good, and has been set aside.
    Damaged(String),
}

impl Cache {
    /// A file of somebody else's choice, in a folder that exists.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is there, and when the server had last confirmed it.
    ///
    /// # Errors
    /// There is nothing, or nothing that is any good.
    pub fn read<T: DeserializeOwned>(&self) -> Result<(T, Timestamp), Missing> {
        self.sweep();
        let length = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Missing::None),
            Err(error) => {
                return Err(Missing::Damaged(format!("{} can't be read: {error}", self.path.display())));
            }
            Ok(metadata) => metadata.len(),
        };
        let read = if length > MAX_BYTES { Err("it is too large".to_owned()) } else { self.read_whole() };
        read.map_err(|why| Missing::Damaged(self.set_aside(&why)))
    }

    /// The same of what is of a schema: `read` says what it is in this version's terms, or the number of a schema that
    /// this version does not know.
    ///
    /// # Errors
    /// As [`Cache::read`].
    pub fn read_as<T: DeserializeOwned>(
        &self,
        read: impl FnOnce(T) -> Result<T, u32>,
    ) -> Result<(T, Timestamp), Missing> {
        let (content, heard) = self.read()?;
        let unknown = |schema| format!("it is of schema {schema}, this version reads {SPOKEN:?}");
        match read(content) {
            Ok(content) => Ok((content, heard)),
            Err(schema) => Err(Missing::Damaged(self.set_aside(&unknown(schema)))),
        }
    }

    fn read_whole<T: DeserializeOwned>(&self) -> Result<(T, Timestamp), String> {
        let bytes = fs::read(&self.path).map_err(|error| error.to_string())?;
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("it has no first line")?;
        let (head, body) = (&bytes[..end], &bytes[end + 1..]);
        let head: Head = serde_json::from_slice(head).map_err(|_| "its first line can't be read")?;
        if head.usher_cache != FORM || !is_spoken(head.schema) {
            return Err(format!(
                "it is of form {} and schema {}, this version reads {FORM} and {SPOKEN:?}",
                head.usher_cache, head.schema
            ));
        }
        if head.length != body.len() || head.checksum != checksum_at(head.heard, body) {
            return Err("its checksum does not fit: it is truncated or altered".to_owned());
        }
        let content = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let noted = self.noted(&head.checksum).unwrap_or(head.heard);
        Ok((content, noted.max(head.heard)))
    }

    /// Takes away what power cuts have left half written. Younger files may be somebody's who is writing.
    fn sweep(&self) {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let Ok(entries) = fs::read_dir(self.folder()) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let old = modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEFT_BEHIND));
            if old && name.starts_with(&*stem) && name.ends_with(".new") {
                drop(fs::remove_file(entry.path()));
            }
        }
    }

    fn noted(&self, of: &str) -> Option<Timestamp> {
        let note: Note = serde_json::from_slice(&fs::read(self.note_path()).ok()?).ok()?;
        let good = note.of == of && note.checksum == checksum_at(note.heard, of.as_bytes());
        good.then_some(note.heard)
    }

    fn note_path(&self) -> PathBuf {
        self.path.with_extension("heard")
    }

    fn set_aside(&self, why: &str) -> String {
        let aside = self.path.with_extension("damaged");
        let path = self.path.display();
        match fs::rename(&self.path, &aside) {
            Ok(()) => format!("{path} was set aside as {}: {why}", aside.display()),
            Err(error) => format!("{path} is no good ({why}) and can't be set aside: {error}"),
        }
    }

    /// Writes `content`, whole or not at all.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn write(&self, content: &impl Serialize, heard: Timestamp) -> io::Result<Written> {
        let body = serde_json::to_vec(content)?;
        let checksum = checksum_at(heard, &body);
        let length = body.len();
        let written = Written(checksum.clone());
        let mut bytes =
            serde_json::to_vec(&Head { usher_cache: FORM, schema: OLDEST, checksum, length, heard })?;
        bytes.push(b'\n');
        bytes.extend(body);
        fs::create_dir_all(self.folder())?;
        put(&self.path, &bytes, true)?;
        fs::File::open(self.folder())?.sync_all()?;
        Ok(written)
    }

    /// Notes that what was written is still current. Not synchronised: a note that a power cut takes is one
    /// minute's.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn note(&self, written: &Written, heard: Timestamp) -> io::Result<()> {
        let checksum = checksum_at(heard, written.0.as_bytes());
        let note = Note { of: written.0.clone(), heard, checksum };
        put(&self.note_path(), &serde_json::to_vec(&note)?, false)
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

/// Puts a file in its place, whole. Several clients may share the place: each writes a file of its own, and the
/// last one stays.
fn put(path: &Path, bytes: &[u8], synchronise: bool) -> io::Result<()> {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.new", std::process::id()));
    let written = (|| {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        if synchronise {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // A full disk is full of other things than this.
        drop(fs::remove_file(&temporary));
    }
    written
}

fn checksum_at(heard: Timestamp, bytes: &[u8]) -> String {
    checksum(&[&heard.millis().to_le_bytes(), bytes])
}

fn checksum(parts: &[&[u8]]) -> String {
    let mut hash = Xxh3::new();
    parts.iter().for_each(|part| hash.update(part));
    format!("{:032x}", hash.digest128())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &Path) -> Cache {
        CacheFolder::new(folder, "http://x", "usk_secret", Mode::Ruleset, Some("dome")).place(None)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        assert!(matches!(cache.read::<Vec<u32>>(), Err(Missing::None)));
        cache.write(&vec![1, 2], Timestamp::from_millis(7)).unwrap();
        assert_eq!(cache.read::<Vec<u32>>().unwrap(), (vec![1, 2], Timestamp::from_millis(7)));
        assert!(!cache.path.to_string_lossy().contains("secret"));
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_found_and_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        cache.write(&vec![1, 2, 3], Timestamp::EPOCH).unwrap();
        let good = fs::read(&cache.path).unwrap();
        let check = |bytes: &[u8]| {
            fs::write(&cache.path, bytes).unwrap();
            match cache.read::<Vec<u32>>() {
                // `t` and `z` in a time mean what `T` and `Z` do.
                Ok(same) => {
                    return assert_eq!((same, bytes.len()), ((vec![1, 2, 3], Timestamp::EPOCH), good.len()));
                }
                Err(Missing::Damaged(why)) => assert!(why.contains("set aside"), "{why}"),
                Err(Missing::None) => panic!("it is there"),
            }
            assert!(!cache.path.exists() && cache.path.with_extension("damaged").exists());
        };
        for length in 0..good.len() {
            check(&good[..length]);
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                check(&bytes);
            }
        }
    }

    #[test]
    fn what_stays_current_is_noted_and_a_note_about_other_flags_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let at = Timestamp::from_millis;
        let first = cache.write(&1, at(5)).unwrap();
        cache.note(&first, at(60_000)).unwrap();
        assert_eq!(cache.read::<u32>().unwrap(), (1, at(60_000)));
        let second = cache.write(&2, at(70_000)).unwrap();
        assert_eq!(cache.read::<u32>().unwrap(), (2, at(70_000)));
        cache.note(&first, at(80_000)).unwrap();
        assert_eq!(cache.read::<u32>().unwrap(), (2, at(70_000)));
        cache.note(&second, at(90_000)).unwrap();
        assert_eq!(cache.read::<u32>().unwrap(), (2, at(90_000)));
        let note = fs::read_to_string(cache.note_path()).unwrap();
        fs::write(cache.note_path(), note.replace("1970-01-01T00:01:30", "1970-01-01T09:01:30")).unwrap();
        assert_eq!(cache.read::<u32>().unwrap(), (2, at(70_000)), "a note that was tampered with is none");
    }

    #[test]
    fn what_was_left_half_written_is_swept_away_once_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let [old, young, other] =
            ["1-0.new", "2-0.new", "txt"].map(|ending| cache.path.with_extension(ending));
        for path in [&old, &young, &other] {
            let file = fs::File::create(path).unwrap();
            if path != &young {
                file.set_modified(std::time::SystemTime::now() - LEFT_BEHIND * 2).unwrap();
            }
        }
        assert!(matches!(cache.read::<u32>(), Err(Missing::None)));
        assert!(!old.exists() && young.exists() && other.exists());
    }

    #[test]
    fn people_have_places_of_their_own_in_values_mode() {
        let place = |mode, person| CacheFolder::new(Path::new("x"), "u", "k", mode, None).place(person).path;
        assert_ne!(place(Mode::Values, Some("a")), place(Mode::Values, Some("b")));
        assert_eq!(place(Mode::Ruleset, Some("a")), place(Mode::Ruleset, None));
    }

    #[test]
    fn a_folder_that_can_not_be_written_is_an_error_and_no_panic() {
        assert!(cache(Path::new("/proc/nowhere")).write(&1, Timestamp::EPOCH).is_err());
    }
}
