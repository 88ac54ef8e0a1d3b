//! The life of a stream: what is new is sent, what the client says is taken, until one of them goes.

use std::{sync::Arc, time::Duration};

use tokio::{
    pin,
    sync::watch,
    time::{Instant, sleep_until},
};
use usher_core::{
    model::{Advice, Seq, Steering},
    protocol::{Census, ClientFrame, Destination, ErrorCode, Mode, Move, Ping, Renew, ServerFrame},
};

use super::{
    DRAIN_SPREAD_MS, End, LEAVE_SPREAD_MS, Link, Present, begin::Begun, crier::Crier, drain, frame, refused,
    session::Session,
};
use crate::{
    auth::refusals::note_context,
    clock,
    connections::ConnectionId,
    sdk::signed::{may_be_unsigned, still},
    socket::Frame,
    world::StreamState,
};

/// By how much of a connection's greatest age its own is longer or shorter, at most, in percent.
const AGE_SPREAD_PERCENT: u64 = 25;

/// Clients for each millisecond of the time over which they acknowledge. A small machine sends a change to twice as many
/// in a millisecond, and nobody acknowledges in the first half: by then the last one has it.
const CLIENTS_A_MILLISECOND: usize = 30;
/// The longest that clients wait with acknowledgements, in milliseconds, however many they are.
pub(super) const MAX_ACK_SPREAD_MS: u32 = 500;

/// What a connection waits for.
enum Event {
    Said(ClientFrame),
    Closing,
    Changed,
    Wake,
}

impl Link {
    pub(super) async fn follow(&mut self, begun: Begun) -> Result<(), End> {
        let Begun { mut session, mut stream, present, moves, pool } = begun;
        let leaves = greatest_age(self.app.settings.max_connection_minutes, present.id);
        let leaves = leaves.map(|age| Instant::now() + age);
        let mut heard = Instant::now();
        let mut pings = heard + self.heartbeat;
        let wake = sleep_until(pings);
        pin!(wake);
        let crier = Crier::of(&stream);
        loop {
            // Waiting for a change is dear to begin, so that it goes on while the client acknowledges.
            let event = 'event: {
                let (news, closing) = (crier.news.notified(), present.connection.closing.notified());
                pin!(news, closing);
                news.as_mut().enable();
                // What came before it could be woken.
                if stream.has_changed().map_err(|_| End::Closed)? {
                    break 'event Event::Changed;
                }
                loop {
                    // At most what fits one buffer is read already: nobody else waits for long.
                    match self.next().await? {
                        Some(ClientFrame::Pong) => continue,
                        // Nobody has applied what was not sent yet.
                        Some(ClientFrame::Ack(ack)) => {
                            present.acked(ack.seq.min(session.sent()), ack.held_ms);
                            continue;
                        }
                        Some(said) => break Event::Said(said),
                        None => {}
                    }
                    tokio::select! {
                        biased;
                        () = &mut closing => break Event::Closing,
                        () = &mut news => break Event::Changed,
                        () = &mut wake => break Event::Wake,
                        read = self.read() => {
                            read?;
                            heard = Instant::now();
                        }
                    }
                }
            };
            match event {
                Event::Said(said) => {
                    if let Some(frame) = self.take(said, &mut session, &stream, &present, moves)? {
                        self.send(frame).await?;
                    }
                }
                Event::Closing => {
                    self.check_key()?;
                    self.check_signed(&session)?;
                    if !self.app.is_leaving() {
                        // It opens what it did: something about it has changed, and it has been looked at.
                        continue;
                    }
                    let spread = if *self.app.draining.borrow() { DRAIN_SPREAD_MS } else { LEAVE_SPREAD_MS };
                    return self.send(drain(present.id, spread)).await;
                }
                Event::Changed => {
                    let state = Arc::clone(&stream.borrow_and_update());
                    let frames = session.advance(&state, clock::now());
                    // A slow client must not keep an old state alive.
                    drop(state);
                    self.send_all(frames).await?;
                }
                Event::Wake => {
                    if heard.elapsed() > self.heartbeat * 2 {
                        let silent = "Nothing was heard for two heartbeats.".to_owned();
                        return Err(End::Tell(ErrorCode::TooSlow, silent, None));
                    }
                    self.check_key()?;
                    self.check_signed(&session)?;
                    if leaves.is_some_and(|at| at <= pings) {
                        return self.send(drain(present.id, LEAVE_SPREAD_MS)).await;
                    }
                    let state = Arc::clone(&stream.borrow());
                    let turned = session.tick(&state, clock::now());
                    drop(state);
                    if let Some(turned) = turned {
                        self.send(turned).await?;
                    }
                    self.send(self.ping(&session, &stream, &present)).await?;
                    if let Some(advice) = self.advice(&present, pool.as_deref()) {
                        self.send(advice).await?;
                    }
                    if let Some(expires_in_ms) = session.renewal(clock::now()) {
                        self.send(frame(&ServerFrame::Renew(Renew { expires_in_ms }))).await?;
                    }
                    // One that waited for a slow client is not made up for.
                    pings = Instant::now().max(pings) + self.heartbeat;
                    wake.as_mut().reset(pings);
                }
            }
        }
    }

    /// Takes what the client says; what is to be answered, if anything.
    fn take(
        &self,
        said: ClientFrame,
        session: &mut Session,
        stream: &watch::Receiver<Arc<StreamState>>,
        present: &Present,
        moves: bool,
    ) -> Result<Option<Frame>, End> {
        match said {
            ClientFrame::Pong | ClientFrame::Ack(_) => Ok(None),
            ClientFrame::Context { context } => {
                let asked = self.context(Some(&context))?;
                present.connection.signed_by(asked.signed.as_ref().map(|by| &*by.key));
                if moves && session.mode() == Mode::Values {
                    let venue = asked.context.venue().map(Arc::from).or(self.only_venue());
                    self.app.connections.moved(&present.connection, venue);
                }
                let state = Arc::clone(&stream.borrow());
                Ok(session.change_context(asked, &state, clock::now()))
            }
            ClientFrame::Downstream(census) => self.census(*census, present).map(|()| None),
            ClientFrame::Hello(_) => {
                Err(End::Tell(ErrorCode::BadFrame, "Hello was said already.".to_owned(), None))
            }
        }
    }

    /// Whether what was signed for the client is still good, and whether the key takes a context that is not.
    fn check_signed(&self, session: &Session) -> Result<(), End> {
        let checked = match session.signed() {
            Some(by) => still(&*self.app.source, &self.environment, by, clock::now()),
            None if session.mode() == Mode::Values => may_be_unsigned(&self.credential),
            None => Ok(()),
        };
        checked.map_err(|problem| {
            note_context(&self.whence(), &self.credential, &problem);
            refused(&problem)
        })
    }

    /// An edge tells of its clients.
    fn census(&self, census: Census, present: &Present) -> Result<(), End> {
        if present.connection.edge.is_none() {
            let message = "Only an edge, which says so in its hello, counts clients.".to_owned();
            return Err(End::Tell(ErrorCode::BadFrame, message, None));
        }
        let same_journal = census.epoch == self.hub()?.snapshot().epoch;
        if let Some(source) = self.app.connections.counted(present.id, census.clone())
            && same_journal
        {
            self.app.convergence.counted(&source, Some(&self.environment), &census);
        }
        Ok(())
    }

    /// Where the client is to be served, if not here.
    pub(super) fn advice(&self, present: &Present, pool: Option<&str>) -> Option<Frame> {
        let connection = &present.connection;
        if connection.edge.is_some() {
            return None;
        }
        let steering = self.app.source.steering(&self.environment);
        let all = steering.as_deref().unwrap_or_default();
        if all.is_empty() && pool.is_none() {
            return None;
        }
        let to = match Steering::advise(all, pool, &connection.instance, connection.venue().as_deref()) {
            Advice::Stay => return None,
            Advice::Home => None,
            Advice::Go(to) => Some(Destination { pool: to.pool.clone(), url: to.url.clone() }),
        };
        let after_ms = present.id.wrapping_mul(7_919) % LEAVE_SPREAD_MS;
        Some(frame(&ServerFrame::Move(Move { to, after_ms })))
    }

    /// A sign of life, that says how things stand.
    fn ping(
        &self,
        session: &Session,
        stream: &watch::Receiver<Arc<StreamState>>,
        present: &Present,
    ) -> Frame {
        frame(&ServerFrame::Ping(Ping {
            // What it was sent, not what is newest: that may be about to be sent, and is no gap.
            seq: session.sent(),
            known: self.known_beyond(stream),
            upstream: self.app.source.standing(&self.environment),
            ack_within_ms: self.ack_within_ms(present.connection.edge.is_some()),
        }))
    }

    /// How long a client is to wait with acknowledgements, in milliseconds. An edge is one client, and what it has,
    /// many wait for.
    pub(super) fn ack_within_ms(&self, is_edge: bool) -> u32 {
        if is_edge { 0 } else { spread_of_acks(self.app.connections.here()) }
    }

    /// The newest commit of which nothing is missing on a stream that has been sent to its end.
    fn known_beyond(&self, stream: &watch::Receiver<Arc<StreamState>>) -> Option<Seq> {
        // Read first: a commit that comes in between is then still to be sent.
        let known = self.hub().ok()?.known();
        (!stream.has_changed().unwrap_or(true)).then_some(known)
    }
}

/// Over how many milliseconds so many clients are to spread their acknowledgements.
fn spread_of_acks(clients: usize) -> u32 {
    u32::try_from(clients / CLIENTS_A_MILLISECOND).unwrap_or(u32::MAX).min(MAX_ACK_SPREAD_MS)
}

/// How old a connection gets before it has to be made anew, so that connections spread over nodes that were added
/// since; none for any age. Ages differ, or those who came at once would go at once.
fn greatest_age(minutes: u32, id: ConnectionId) -> Option<Duration> {
    let percent = 100 - AGE_SPREAD_PERCENT + id.wrapping_mul(7_919) % (2 * AGE_SPREAD_PERCENT + 1);
    (minutes > 0).then(|| Duration::from_secs(u64::from(minutes) * 60 * percent / 100))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn acknowledgements_are_spread_only_where_there_are_many() {
        assert_eq!([0, 29, 1_000, 15_000, 1_000_000].map(spread_of_acks), [0, 0, 33, 500, 500]);
    }

    #[test]
    fn connections_grow_old_at_different_times() {
        let ages: Vec<u64> =
            (0..1_000).filter_map(|id| greatest_age(240, id)).map(|age| age.as_secs()).collect();
        assert_eq!(ages.len(), 1_000);
        assert!(ages.iter().all(|age| (3 * 3_600..=5 * 3_600).contains(age)));
        assert!(ages.iter().collect::<BTreeSet<_>>().len() > 40);
        assert_eq!(greatest_age(0, 7), None);
    }
}
