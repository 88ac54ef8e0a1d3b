//! The engine for many nodes: a Redis stream as the log.
//!
//! The number of an entry is the number of its commit, so that Redis itself never takes one twice. Each node holds
//! the folded state and its newest commits, plans from that copy, and appends by a script that takes commits only
//! where the log ends just where the node believes (`append.lua`); whoever was slower reads on and plans anew. All
//! hashes are the nodes' own, the same that the embedded engine makes: equal logs have equal heads. A node that
//! loses Redis goes on answering from its copy, and puts back what Redis has lost (`mend`).
//!
//! It works on threads of its own, so that it can be used from any runtime.

mod backup;
mod confirm;
mod connect;
mod draft;
mod fleet;
mod follow;
mod held;
mod keys;
mod load;
mod look;
mod mend;
mod notes;
mod options;
mod page;
mod record;
mod restore;
mod script;
mod secrets;
mod sentinel;
mod shared;
mod snapshots;
mod trouble;
mod write;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self as std_mpsc, RecvTimeoutError},
    },
    time::Duration,
};

use redis::aio::MultiplexedConnection;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use usher_core::model::{Epoch, Seq, Timestamp};

pub use options::{REDIS_WORKSPACE, RedisOptions};

use crate::{
    Append, AppendError, Appended, BoxFuture, Check, Commit, Durability, Fleet, Health, History, Idempotency,
    Journal, JournalError, Point, State, Verification, plan::Hash, running::Running,
};
use draft::Open;
use fleet::RedisFleet;
use keys::Keys;
use notes::Notes;
use shared::Shared;
use write::{Request, Writer};

/// Appends that may wait for the writer; more are refused, so that a stalled Redis can't fill the memory.
const WAITING_APPENDS: usize = 1024;
/// How long a change waits for a Redis that is gone, before it is refused.
const BACK_WITHIN: Duration = Duration::from_millis(500);
/// Threads of this engine: one can be busy with a long look back while the other goes on.
const THREADS: usize = 2;
/// How long the writer has to finish when the journal is closed.
const CLOSING: Duration = Duration::from_secs(5);

/// A journal in Redis.
pub struct RedisJournal {
    shared: Arc<Shared>,
    fleet: Arc<RedisFleet>,
    /// None once it closes.
    requests: Option<mpsc::Sender<Request>>,
    /// Closes when the writer has finished.
    finished: Mutex<std_mpsc::Receiver<()>>,
    running: Running,
    threads: Threads,
}

impl RedisJournal {
    /// Opens the journal at an address, or begins one there. Many nodes may have it open.
    ///
    /// # Errors
    /// Nobody answers; what is there is something else, damaged, or would lose what it acknowledges.
    pub fn open(options: &RedisOptions) -> Result<Self, JournalError> {
        let threads = Threads::start()?;
        let options = options.clone();
        let opening = async move { load::open(&options).await };
        let (shared, session) = threads.wait_for(opening)?;
        let shared = Arc::new(shared);
        let (requests, incoming) = mpsc::channel(WAITING_APPENDS);
        let (finishing, finished) = std_mpsc::channel();
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(|error| JournalError::Storage(error.to_string()))?;
        let name = crate::plan::hex(&name);
        let fleet =
            Arc::new(RedisFleet::new(name.clone(), Notes::new(Arc::clone(&shared), threads.handle())));
        let writer = Writer::new(Arc::clone(&shared), session, name);
        threads.spawn(async move {
            writer.run(incoming).await;
            drop(finishing);
        });
        threads.spawn(follow::follow(Arc::clone(&shared)));
        threads.spawn(fleet::talk(Arc::clone(&shared), Arc::clone(&fleet)));
        let (running, finished) = (Running::default(), Mutex::new(finished));
        Ok(Self { shared, fleet, requests: Some(requests), finished, running, threads })
    }

    /// Checks the journal at an address, also one that is too damaged to be opened.
    ///
    /// # Errors
    /// Nobody answers, or there is no journal.
    pub fn verify_at(options: &RedisOptions) -> Result<Verification, JournalError> {
        let keys = Keys::new(&options.workspace);
        let connector = connect::Connector::new(options, &keys.log)?;
        Threads::start()?.wait_for(async move {
            let mut connection = connector.connect().await.map_err(|error| connector.unreachable(&error))?;
            look::verify(&mut connection, &keys).await
        })
    }

    /// Copies the journal at an address into a new folder, as an embedded one. It may be in use.
    ///
    /// # Errors
    /// Nobody answers, there is no journal or a damaged one, or there is one where the copy shall be.
    pub fn copy(options: &RedisOptions, to: &Path) -> Result<(), JournalError> {
        let keys = Keys::new(&options.workspace);
        let connector = connect::Connector::new(options, &keys.log)?;
        let to = to.to_owned();
        Threads::start()?.wait_for(async move {
            let mut connection = connector.connect().await.map_err(|error| connector.unreachable(&error))?;
            backup::backup(&mut connection, &keys, &to).await
        })
    }

    /// Makes a journal at an address of the embedded one in a folder: of a backup, or of one that many nodes shall
    /// serve from now on. It has an epoch of its own.
    ///
    /// # Errors
    /// There is one already at the address, none in the folder, or nobody answers.
    pub fn restore(from: &Path, options: &RedisOptions) -> Result<(), JournalError> {
        let keys = Keys::new(&options.workspace);
        let connector = connect::Connector::new(options, &keys.log)?;
        let (from, epoch) = (from.to_owned(), load::new_epoch()?);
        Threads::start()?.wait_for(async move {
            let mut connection = connector.open().await?.connection;
            restore::restore(&mut connection, &keys, &from, epoch).await
        })
    }

    /// A secret that all nodes share; made by whoever asks first.
    ///
    /// # Errors
    /// Nobody answers, or no secret can be made.
    pub fn secret(&self, name: &str) -> BoxFuture<'_, Result<Hash, JournalError>> {
        let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
        self.run(async move {
            let mut own = [0; 32];
            getrandom::fill(&mut own).map_err(|error| JournalError::Storage(error.to_string()))?;
            let mut connection = connect(&shared).await?;
            let found = secrets::share(&mut connection, &shared.keys, &name, own).await;
            let found = found.map_err(|error| shared.connector.unreachable(&error))?;
            let secret = found.ok_or_else(|| JournalError::Damaged(format!("the secret {name} is none")))?;
            shared.secrets.lock().unwrap_or_else(PoisonError::into_inner).insert(name, secret);
            Ok(secret)
        })
    }

    /// Runs work on the engine's own threads.
    fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, JournalError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, JournalError>> {
        let task = self.threads.spawn(work);
        Box::pin(async move { task.await.map_err(|error| JournalError::Storage(error.to_string()))? })
    }

    async fn send(&self, append: Append, check: Option<Check>) -> Result<Appended, AppendError> {
        let _running = match &append.idempotency {
            Some(idempotency) => Some(self.running.enter(&idempotency.key).ok_or(AppendError::InProgress)?),
            None => None,
        };
        let (answer, answered) = oneshot::channel();
        self.request(Request::Append(Open::new(append, check, answer))).await?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Asks the writer, where it can do anything just now, or soon: a Redis that only restarts is not noticed.
    async fn request(&self, request: Request) -> Result<(), AppendError> {
        let mut health = self.shared.health.subscribe();
        let settled = health.wait_for(|health| !matches!(health, Health::Degraded(_)));
        // Who waited long enough is told why.
        drop(timeout(BACK_WITHIN, settled).await);
        if let Health::Degraded(reason) | Health::Failed(reason) = self.health() {
            return Err(AppendError::Unavailable(reason));
        }
        let requests = self.requests.as_ref().ok_or_else(closed)?;
        requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AppendError::Unavailable(format!(
                "{WAITING_APPENDS} changes are waiting already; try again shortly"
            )),
            mpsc::error::TrySendError::Closed(_) => closed(),
        })
    }
}

fn closed() -> AppendError {
    AppendError::Unavailable("it has been closed".to_owned())
}

/// The engine's own threads.
struct Threads(Option<Runtime>);

impl Threads {
    fn start() -> Result<Self, JournalError> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(THREADS).thread_name("usher-redis").enable_all().build();
        runtime.map(|runtime| Self(Some(runtime))).map_err(|error| JournalError::Storage(error.to_string()))
    }

    fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        match &self.0 {
            Some(runtime) => runtime.spawn(work),
            // Only while it is dropped; nobody can ask then.
            None => tokio::spawn(work),
        }
    }

    /// What others start work on them by; none only while they are dropped.
    fn handle(&self) -> Option<Handle> {
        self.0.as_ref().map(|runtime| runtime.handle().clone())
    }

    /// Waits for work, from wherever.
    fn wait_for<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, JournalError>> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (sender, done) = std_mpsc::channel();
        self.spawn(async move {
            // Who waits is still there.
            drop(sender.send(work.await));
        });
        done.recv().map_err(|error| JournalError::Storage(error.to_string()))?
    }
}

impl Drop for Threads {
    /// Without waiting, which may not be done everywhere.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A connection for one look back, so that it holds up nobody.
async fn connect(shared: &Shared) -> Result<MultiplexedConnection, JournalError> {
    shared.connector.connect().await.map_err(|error| shared.connector.unreachable(&error))
}

impl Journal for RedisJournal {
    fn epoch(&self) -> Epoch {
        self.shared.held.epoch()
    }

    fn state(&self) -> Arc<State> {
        self.shared.held.state()
    }

    fn standing(&self) -> (Epoch, Arc<State>) {
        self.shared.held.standing()
    }

    fn watch(&self) -> watch::Receiver<Seq> {
        self.shared.held.watch()
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.send(append, None))
    }

    fn append_checked(&self, append: Append, check: Check) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.send(append, Some(check)))
    }

    fn catch_up(&self) -> BoxFuture<'_, Result<Seq, AppendError>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.request(Request::CatchUp(answer)).await?;
            answered.await.unwrap_or_else(|_| Err(closed()))
        })
    }

    fn answered(
        &self,
        idempotency: &Idempotency,
        at: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Appended>, AppendError>> {
        let idempotency = idempotency.clone();
        Box::pin(async move {
            if self.running.holds(&idempotency.key) {
                return Err(AppendError::InProgress);
            }
            let (answer, answered) = oneshot::channel();
            self.request(Request::Answered(idempotency, at, answer)).await?;
            answered.await.unwrap_or_else(|_| Err(closed()))
        })
    }

    fn read(&self, after: Seq, limit: usize) -> BoxFuture<'_, Result<Vec<Commit>, JournalError>> {
        let newest = self.state().seq();
        if after >= newest {
            return Box::pin(async { Ok(Vec::new()) });
        }
        // What is held is there without Redis too.
        if let Some(commits) = self.shared.held.commits(after, limit) {
            return Box::pin(async { Ok(commits) });
        }
        let shared = Arc::clone(&self.shared);
        let limit = limit.min(usize::try_from(newest.0 - after.0).unwrap_or(usize::MAX));
        self.run(async move { look::read(&mut connect(&shared).await?, &shared.keys, after, limit).await })
    }

    fn history(&self, query: History) -> BoxFuture<'_, Result<Vec<Commit>, JournalError>> {
        let shared = Arc::clone(&self.shared);
        self.run(async move { look::history(&mut connect(&shared).await?, &shared.keys, &query).await })
    }

    fn state_at(&self, point: Point) -> BoxFuture<'_, Result<Arc<State>, JournalError>> {
        let newest = self.state();
        let is_newest = match point {
            Point::Seq(seq) if seq > newest.seq() => {
                return Box::pin(async move { Err(JournalError::NoSuchCommit(seq)) });
            }
            Point::Seq(seq) => seq == newest.seq(),
            Point::Time(at) => at >= newest.at(),
        };
        if is_newest && newest.seq() > Seq::ZERO {
            return Box::pin(async { Ok(newest) });
        }
        let shared = Arc::clone(&self.shared);
        self.run(async move {
            let mut connection = connect(&shared).await?;
            let seq = match point {
                Point::Seq(seq) => seq,
                Point::Time(at) => look::at(&mut connection, &shared.keys, at, newest.seq()).await?,
            };
            look::state_at(&mut connection, &shared.keys, seq).await.map(Arc::new)
        })
    }

    fn verify(&self) -> BoxFuture<'_, Result<Verification, JournalError>> {
        let shared = Arc::clone(&self.shared);
        self.run(async move { look::verify(&mut connect(&shared).await?, &shared.keys).await })
    }

    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<(), JournalError>> {
        let (shared, to) = (Arc::clone(&self.shared), to.to_owned());
        self.run(async move { backup::backup(&mut connect(&shared).await?, &shared.keys, &to).await })
    }

    fn fleet(&self) -> Option<Arc<dyn Fleet>> {
        Some(Arc::clone(&self.fleet) as Arc<dyn Fleet>)
    }

    fn health(&self) -> Health {
        self.shared.health.borrow().clone()
    }

    fn durability(&self) -> Durability {
        self.shared.durability()
    }
}

impl Drop for RedisJournal {
    /// Lets the writer finish what it was asked, for a while.
    fn drop(&mut self) {
        self.requests = None;
        // Disconnected when it has finished.
        let finished = self.finished.get_mut().unwrap_or_else(PoisonError::into_inner);
        if finished.recv_timeout(CLOSING) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the journal is closed while it still writes: Redis does not answer");
        }
    }
}
