//! Small files that are replaced whole.

use std::{fs, io, os::unix::fs::OpenOptionsExt, path::Path};

/// Writes beside it, and renames that: whatever happens, what was there before or what is new is there, whole.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    replace_with(path, text.as_bytes(), &mut fs::OpenOptions::new())
}

/// The same, for what only the server's own user may read.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, bytes, fs::OpenOptions::new().mode(0o600))
}

fn replace_with(path: &Path, bytes: &[u8], options: &mut fs::OpenOptions) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = options.write(true).create(true).truncate(true).open(&beside)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// A disk may be slow: nobody else waits for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
