//! Small files that are replaced whole, with a checksum where they must not be trusted half written.

use std::{fs, io, os::unix::fs::OpenOptionsExt, path::Path};

use xxhash_rust::xxh3::xxh3_128;

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

/// A text below its checksum.
pub(crate) fn sealed(text: &str) -> String {
    format!("{:032x}\n{text}", xxh3_128(text.as_bytes()))
}

/// The text below a checksum, if it is whole and as it was written.
pub(crate) fn unsealed(text: &str) -> io::Result<&str> {
    let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let (sum, text) = text.split_once('\n').ok_or_else(|| damaged("it is not whole"))?;
    if sum != format!("{:032x}", xxh3_128(text.as_bytes())) {
        return Err(damaged("its checksum is another"));
    }
    Ok(text)
}
