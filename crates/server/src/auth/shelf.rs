//! Where small texts are kept that are no commits: sessions come and go by the minute, hold addresses of people that
//! have to be forgotten, and nothing that is taken back may bring an ended one to life; what code names is a report. So
//! they are beside the journal, which keeps everything for ever: in a file of this server's own, or, where nodes share
//! the journal, with it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use dashmap::DashMap;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::Mutex, time::timeout};
use usher_journal::Fleet;

use crate::{
    disk::{blocking, replace_private},
    problem::Problem,
};

/// How old what another node keeps may be when it is asked for: what was ended there is ended here after this.
const FRESH: Duration = Duration::from_secs(1);
/// How long a store that nodes share has to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Texts of others that are remembered; past that all are asked for anew.
const MAX_REMEMBERED: usize = 10_000;
/// How often a change is tried anew when another was faster.
const TRIES: usize = 16;

/// A small map of texts, each changed on its own.
pub struct Shelf(Kept);

enum Kept {
    File(File),
    Shared(Shared),
}

struct File {
    path: PathBuf,
    texts: RwLock<BTreeMap<String, String>>,
    /// Held while it is written.
    writing: Mutex<()>,
}

struct Shared {
    fleet: Arc<dyn Fleet>,
    shelf: &'static str,
    /// What was found, and when.
    seen: DashMap<String, (Option<String>, Instant)>,
}

impl Shelf {
    /// The shelf of this name in a file of `folder`.
    ///
    /// # Errors
    /// The file can't be read, or is damaged.
    pub fn open(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(format!("{name}.json"));
        let texts = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| io::Error::other(format!("{} is damaged ({error})", path.display())))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self(Kept::File(File { path, texts: RwLock::new(texts), writing: Mutex::default() })))
    }

    /// The shelf of this name that all nodes share.
    #[must_use]
    pub fn shared(fleet: Arc<dyn Fleet>, shelf: &'static str) -> Self {
        Self(Kept::Shared(Shared { fleet, shelf, seen: DashMap::new() }))
    }

    /// Whether other nodes change it too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Kept::Shared(_))
    }

    /// What is there under a name, at most a second ago; where it can't be asked for, what was last seen there.
    ///
    /// # Errors
    /// It can't be read now, and was never seen (503).
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Problem> {
        let text = match &self.0 {
            Kept::File(file) => file.get(name),
            Kept::Shared(shared) => shared.get(name).await?,
        };
        parsed(text.as_deref())
    }

    /// All there is, as it is now.
    ///
    /// # Errors
    /// It can't be read now (503).
    pub async fn all<T: DeserializeOwned>(&self) -> Result<Vec<T>, Problem> {
        let texts = match &self.0 {
            Kept::File(file) => file.texts.read().unwrap_or_else(PoisonError::into_inner).clone(),
            Kept::Shared(shared) => in_time(shared.fleet.shelf(shared.shelf)).await?,
        };
        texts.values().filter_map(|text| parsed(Some(text)).transpose()).collect()
    }

    /// Changes what is under a name: `change` is given what is there, and leaves what shall be. It may be called more
    /// than once, where another was faster. Another that leaves the very same at the same time is not noticed: whoever
    /// must be alone puts something of their own in.
    ///
    /// # Errors
    /// It can't be kept now (503).
    pub async fn change<T, R>(
        &self,
        name: &str,
        mut change: impl FnMut(&mut Option<T>) -> R,
    ) -> Result<R, Problem>
    where
        T: Serialize + DeserializeOwned,
    {
        for _ in 0..TRIES {
            let old = match &self.0 {
                Kept::File(file) => file.get(name),
                Kept::Shared(shared) => in_time(shared.fleet.on_shelf(shared.shelf, name)).await?,
            };
            let mut value = parsed(old.as_deref())?;
            let result = change(&mut value);
            let new = value.as_ref().map(serde_json::to_string).transpose().map_err(Problem::internal)?;
            let done = old == new
                || match &self.0 {
                    Kept::File(file) => file.swap(name, old, new).await.map_err(Problem::internal)?,
                    Kept::Shared(shared) => shared.swap(name, old, new).await?,
                };
            if done {
                return Ok(result);
            }
        }
        Err(unavailable("others change the same all the time"))
    }
}

impl File {
    fn get(&self, name: &str) -> Option<String> {
        self.texts.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    async fn swap(&self, name: &str, old: Option<String>, new: Option<String>) -> io::Result<bool> {
        let _writing = self.writing.lock().await;
        if self.get(name) != old {
            return Ok(false);
        }
        let mut texts = self.texts.read().unwrap_or_else(PoisonError::into_inner).clone();
        put(&mut texts, name, new);
        let (path, text) = (self.path.clone(), serde_json::to_string(&texts)?);
        blocking(move || replace_private(&path, text.as_bytes())).await?;
        *self.texts.write().unwrap_or_else(PoisonError::into_inner) = texts;
        Ok(true)
    }
}

impl Shared {
    async fn get(&self, name: &str) -> Result<Option<String>, Problem> {
        let known = self.seen.get(name).map(|seen| seen.clone());
        if let Some((text, at)) = &known
            && at.elapsed() < FRESH
        {
            return Ok(text.clone());
        }
        let text = match (in_time(self.fleet.on_shelf(self.shelf, name)).await, known) {
            (Ok(text), _) => text,
            // It is asked for again in a second, not with every request that waits for nothing.
            (Err(_), Some((text, _))) => text,
            (Err(problem), None) => return Err(problem),
        };
        self.see(name, text.clone());
        Ok(text)
    }

    async fn swap(&self, name: &str, old: Option<String>, new: Option<String>) -> Result<bool, Problem> {
        let swapped = in_time(self.fleet.swap(self.shelf, name, old.as_deref(), new.as_deref())).await?;
        if swapped {
            self.see(name, new);
        }
        Ok(swapped)
    }

    fn see(&self, name: &str, text: Option<String>) {
        if self.seen.len() >= MAX_REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(name.to_owned(), (text, Instant::now()));
    }
}

fn put(texts: &mut BTreeMap<String, String>, name: &str, text: Option<String>) {
    match text {
        Some(text) => drop(texts.insert(name.to_owned(), text)),
        None => drop(texts.remove(name)),
    }
}

fn parsed<T: DeserializeOwned>(text: Option<&str>) -> Result<Option<T>, Problem> {
    text.map(serde_json::from_str).transpose().map_err(Problem::internal)
}

async fn in_time<T>(
    asked: impl Future<Output = Result<T, usher_journal::JournalError>>,
) -> Result<T, Problem> {
    match timeout(PATIENCE, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(unavailable("it does not answer")),
    }
}

fn unavailable(why: &str) -> Problem {
    let detail = format!("What is kept beside the journal can't be read or changed now: {why}.");
    Problem::new(actix_web::http::StatusCode::SERVICE_UNAVAILABLE, "journal_unavailable", detail)
        .retry_after(1)
}
