//! The flags on disk: what a process that starts without a server begins with.
//!
//! One file for one server, key, mode, venue and person; not for one context, or an app that was updated while
//! offline would lose its flags. Written to a file beside it, synchronised and renamed, so that a file is whole
//! or not there; a checksum finds what a disk has done to it. A file that is damaged, or of a form this version
//! does not know, is set aside and reported.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use usher_core::{
    model::Timestamp,
    protocol::{Mode, SCHEMA},
};
use xxhash_rust::xxh3::xxh3_128;

/// Version of the file's own form.
const FORM: u32 = 1;
/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The first line of a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    usher_cache: u32,
    schema: u32,
    checksum: String,
    length: usize,
    heard: Timestamp,
}

/// A place on disk for one client's flags.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    path: PathBuf,
}

/// Why there is nothing to begin with.
#[derive(Debug)]
pub(crate) enum Missing {
    /// There is no file: a first start.
    None,
    /// The file was no good, and has been set aside.
    Damaged(String),
}

impl Cache {
    /// The place for a client. Its name says nothing about its key.
    pub(crate) fn new(
        folder: &Path,
        url: &str,
        key: &str,
        mode: Mode,
        venue: Option<&str>,
        person: Option<&str>,
    ) -> Self {
        let parts = [url, key, venue.unwrap_or_default(), person.unwrap_or_default()];
        let name = xxh3_128(parts.join("\u{1F}").as_bytes());
        let mode = if mode == Mode::Ruleset { "ruleset" } else { "values" };
        Self { path: folder.join(format!("usher-{mode}-{name:032x}.cache")) }
    }

    /// What is there, and when the server had last been heard of.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<(T, Timestamp), Missing> {
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

    fn read_whole<T: DeserializeOwned>(&self) -> Result<(T, Timestamp), String> {
        let bytes = fs::read(&self.path).map_err(|error| error.to_string())?;
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("it has no first line")?;
        let (head, body) = (&bytes[..end], &bytes[end + 1..]);
        let head: Head = serde_json::from_slice(head).map_err(|_| "its first line can't be read")?;
        if head.usher_cache != FORM || head.schema != SCHEMA {
            return Err(format!(
                "it is of form {} and schema {}, this version reads {FORM} and {SCHEMA}",
                head.usher_cache, head.schema
            ));
        }
        if head.length != body.len() || head.checksum != checksum(body) {
            return Err("its checksum does not fit: it is truncated or altered".to_owned());
        }
        let content = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        Ok((content, head.heard))
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
    pub(crate) fn write(&self, content: &impl Serialize, heard: Timestamp) -> io::Result<()> {
        let body = serde_json::to_vec(content)?;
        let head =
            Head { usher_cache: FORM, schema: SCHEMA, checksum: checksum(&body), length: body.len(), heard };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        // Two processes may share the place: each writes a file of its own, and the last one stays.
        let temporary = self.path.with_extension(format!("{}.new", std::process::id()));
        let written = (|| {
            let mut file = fs::File::create(&temporary)?;
            file.write_all(&serde_json::to_vec(&head)?)?;
            file.write_all(b"\n")?;
            file.write_all(&body)?;
            file.sync_all()?;
            fs::rename(&temporary, &self.path)?;
            fs::File::open(folder)?.sync_all()
        })();
        if written.is_err() {
            // A full disk is full of other things than this.
            drop(fs::remove_file(&temporary));
        }
        written
    }
}

fn checksum(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &Path) -> Cache {
        Cache::new(folder, "http://x", "usk_secret", Mode::Ruleset, Some("dome"), None)
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
                Err(Missing::Damaged(why)) => assert!(why.contains("set aside"), "{why}"),
                other => panic!("{other:?}"),
            }
            assert!(!cache.path.exists() && cache.path.with_extension("damaged").exists());
        };
        for length in 0..good.len() {
            check(&good[..length]);
        }
        let body = good.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for at in body..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                check(&bytes);
            }
        }
    }

    #[test]
    fn a_folder_that_can_not_be_written_is_an_error_and_no_panic() {
        assert!(cache(Path::new("/proc/nowhere")).write(&1, Timestamp::EPOCH).is_err());
    }
}
