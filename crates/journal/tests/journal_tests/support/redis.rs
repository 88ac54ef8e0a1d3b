//! Journals in Redis: one server for a test program, and a workspace for each folder.

use std::{
    path::Path,
    sync::{Arc, LazyLock},
};

use usher_journal::{Journal, RedisJournal, RedisOptions};
use usher_testkit::redis::RedisServer;

/// The server that tests share, where they do it no harm. It ends with this program.
static SERVER: LazyLock<RedisServer> = LazyLock::new(RedisServer::start);

/// Opens, or makes, the journal that stands for a folder. A backup is an embedded one.
pub fn open(folder: &Path) -> Arc<dyn Journal> {
    if folder.join("journal.db").exists() {
        return super::sqlite(folder);
    }
    let workspace = folder.to_string_lossy().replace('/', "_");
    Arc::new(at(&SERVER, &workspace))
}

/// The journal of this name.
pub fn at(server: &RedisServer, workspace: &str) -> RedisJournal {
    RedisJournal::open(&options(server, workspace)).unwrap()
}

/// The same, of which so many replicas must have a commit.
pub fn with_replicas(server: &RedisServer, workspace: &str, replicas: u32) -> RedisJournal {
    RedisJournal::open(&RedisOptions { replicas, ..options(server, workspace) }).unwrap()
}

pub fn options(server: &RedisServer, workspace: &str) -> RedisOptions {
    RedisOptions { workspace: workspace.to_owned(), ..RedisOptions::new(server.url()) }
}
