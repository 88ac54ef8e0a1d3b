//! Looking through the files of a repository, as its version control sees them.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, Result, bail};
use ignore::WalkBuilder;

use super::scan::{Found, scan};

/// Largest file that is read, in bytes: code is smaller.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Files of one repository.
const MAX_FILES: usize = 200_000;
/// Places in one repository: what a server takes.
const MAX_PLACES: usize = 20_000;
/// Bytes at the beginning of a file in which a binary one has a zero.
const PROBED: usize = 8 * 1024;

/// What was found in a repository.
#[derive(Debug, Default)]
pub struct Repository {
    /// What each file has in it, by its path from the root.
    pub files: Vec<(String, Found)>,
    /// How many files were read.
    pub read: usize,
    /// How many were passed over, because they are large, binary, or can't be read.
    pub passed_over: usize,
}

/// Looks through all files below `root` that version control does not ignore.
///
/// # Errors
/// There is no such folder, or more in it than a server takes.
pub fn look_through(root: &Path, keys: &HashSet<String>) -> Result<Repository> {
    if !root.is_dir() {
        bail!("{} is no folder", root.display());
    }
    let mut repository = Repository::default();
    let mut places = 0;
    let mut walk = WalkBuilder::new(root);
    // As it is checked out, whoever looks, without what somebody's own settings add. A `.gitignore` holds without `.git`
    // too.
    walk.hidden(false).git_global(false).require_git(false).sort_by_file_path(Path::cmp);
    walk.filter_entry(|entry| entry.file_name() != ".git");
    for entry in walk.build() {
        let entry = entry.context("the folder can't be read")?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        if repository.read + repository.passed_over >= MAX_FILES {
            bail!("there are more than {MAX_FILES} files: name a folder with fewer");
        }
        let Ok(Some(text)) = text_of(entry.path()) else {
            repository.passed_over += 1;
            continue;
        };
        repository.read += 1;
        let found = scan(&text, keys);
        places += found.places.len();
        if places > MAX_PLACES {
            bail!("flags are named in more than {MAX_PLACES} places: name a folder with fewer");
        }
        if found != Found::default() {
            let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
            repository.files.push((path.to_string_lossy().replace('\\', "/"), found));
        }
    }
    Ok(repository)
}

/// The text of a file; none of one that is too large, or binary.
fn text_of(path: &Path) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    let is_text = bytes.len() as u64 <= MAX_FILE_BYTES && !bytes.iter().take(PROBED).any(|byte| *byte == 0);
    Ok(is_text.then(|| String::from_utf8_lossy(&bytes).into_owned()))
}
