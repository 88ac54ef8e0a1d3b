//! Following the log: commits of other nodes, as they come.
//!
//! A blocking read has a connection of its own. Once a second the log is compared with the own copy, for a server
//! that came back with an older file does not tell of it by itself.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    connect::Session,
    page::{PAGE, parse},
    record::Raw,
    script,
    sentinel::Named,
    shared::Shared,
    trouble::Trouble,
};
use crate::Health;

/// How long one read waits for a commit.
const BLOCK: Duration = Duration::from_secs(1);
/// How long Redis may take for an answer, beyond that: a line that went dead without a word is noticed by then.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the log's end is compared with the own copy, about.
const COMPARE_EVERY: Duration = Duration::from_secs(1);
/// The longest wait before the first try to connect again; it doubles.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest wait between two tries. Each is anywhere below: nodes must not come back all at once.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Follows until there is something that only a person can mend.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut longest = FIRST_WAIT;
    // Kept from round to round: one that hangs is replaced while nobody reads, and others have connections to it.
    let mut named = None;
    loop {
        leave_replaced(&shared, &mut named).await;
        let trouble = match shared.session().await {
            Ok(session) => {
                longest = FIRST_WAIT;
                if *shared.health.borrow() != Health::Well {
                    tracing::warn!("Redis is there again, and this node is up to date");
                }
                shared.health.send_replace(Health::Well);
                read(&shared, session, &mut named).await
            }
            Err(trouble) => trouble,
        };
        match trouble {
            Trouble::Fatal(reason) => {
                tracing::error!("{reason}");
                shared.health.send_replace(Health::Failed(reason));
                return;
            }
            // It agrees with Redis before it follows again.
            Trouble::Diverged(seq) => tracing::error!(%seq, "{}", trouble.reason()),
            Trouble::Down(reason) => {
                if *shared.health.borrow() == Health::Well {
                    tracing::error!("no commits can be written: {reason}");
                }
                shared.health.send_replace(Health::Degraded(reason));
            }
        }
        tokio::time::sleep(somewhere_below(longest)).await;
        longest = (longest * 2).min(LONGEST_WAIT);
    }
}

/// Reads until something is wrong.
async fn read(shared: &Shared, mut session: Session, named: &mut Option<Named>) -> Trouble {
    let mut compared = Instant::now();
    session.connection.set_response_timeout(BLOCK + PATIENCE);
    loop {
        let result = async {
            let (own, _) = shared.held.head();
            let mut ask = redis::cmd("XREAD");
            ask.arg("COUNT").arg(PAGE).arg("BLOCK").arg(u64::try_from(BLOCK.as_millis()).unwrap_or(1000));
            ask.arg("STREAMS").arg(&shared.keys.log).arg(format!("{}-0", own.seq.0));
            let found: Option<Vec<(String, Vec<Raw>)>> = ask.query_async(&mut session.connection).await?;
            let news: Vec<Raw> = found.into_iter().flatten().flat_map(|(_, entries)| entries).collect();
            if !news.is_empty() {
                let is_safe = shared.settle(&mut session.connection).await?;
                shared.held.apply(parse(news)?, is_safe)?;
            }
            if compared.elapsed() >= COMPARE_EVERY {
                compare(shared, &mut session).await?;
                if leave_replaced(shared, named).await {
                    return Err(Trouble::Down("the Sentinels name another master".to_owned()));
                }
                compared = Instant::now();
            }
            Ok::<(), Trouble>(())
        };
        if let Err(trouble) = result.await {
            return trouble;
        }
    }
}

/// Leaves a master in whose place the Sentinels have put another: it may not know yet, and what it takes is lost. Whether
/// they have.
async fn leave_replaced(shared: &Shared, before: &mut Option<Named>) -> bool {
    let Some(now) = shared.connector.named().await else { return false };
    let is_replaced = before.as_ref().is_some_and(|before| !now.is_at_the_place_of(before));
    *before = Some(now);
    if is_replaced {
        shared.leave_master();
    }
    is_replaced
}

/// Compares the log's end with the own copy, and brings them together where they differ.
async fn compare(shared: &Shared, session: &mut Session) -> Result<(), Trouble> {
    shared.agree_on_dropped(&mut session.connection).await?;
    // Before Redis is asked: what is appended meanwhile must not look lost.
    let (own, _) = shared.held.head();
    match script::head(&mut session.connection, &shared.keys).await? {
        Some(there) if there == own => Ok(()),
        Some(there) if there.epoch == own.epoch && there.seq > own.seq => Ok(()),
        _ => shared.agree(&mut session.connection).await,
    }
}

/// A random time up to the longest.
pub(super) fn somewhere_below(longest: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    longest.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
