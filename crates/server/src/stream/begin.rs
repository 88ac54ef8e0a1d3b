//! The beginning of a stream: from hello to the point from where changes are followed.

use std::{sync::Arc, time::Duration};

use actix_web::web;
use tokio::{
    pin,
    sync::watch,
    time::{Instant, timeout_at},
};
use usher_core::{
    model::{CredentialType, Seq, VenueKey},
    protocol::{ClientFrame, ErrorCode, Hello, Mode, Resume, View},
    schema::{self, Form},
};

use super::{
    COME_AGAIN_MS, DRAIN_SPREAD_MS, End, Link, Present,
    admission::Place,
    drain,
    session::{Opening, Session, Terms},
};
use crate::{
    catching_up::catch_up, clock, connections::Connection, sdk::view_for, socket::Frame, world::StreamState,
};

/// A client says hello within this time, or is not one.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// Longest name of an edge, in characters.
const MAX_NAME_CHARACTERS: usize = 128;
/// Venues that a client can ask for at a time; who needs more asks for all.
const MAX_SCOPE_VENUES: usize = 256;

/// A client that has been let in, and has what there was then.
pub(super) struct Begun {
    pub(super) session: Session,
    pub(super) stream: watch::Receiver<Arc<StreamState>>,
    pub(super) present: Present,
    /// Who has not said where it is, is where its context is.
    pub(super) moves: bool,
    /// The pool that it was sent to.
    pub(super) pool: Option<Box<str>>,
}

impl Link {
    pub(super) async fn begin(&mut self) -> Result<Begun, End> {
        let hello = *self.hello().await?;
        let (mut session, view, venue) = self.admit(&hello)?;
        if !self.hub()?.streams().has_room_for(&view) {
            let message = "Too many different sets of venues are looked at.".to_owned();
            let after = COME_AGAIN_MS * 30 + spread(&hello, 30_000);
            return Err(End::Tell(ErrorCode::Busy, message, Some(after)));
        }
        let moves =
            session.signed().is_some() || hello.scope.as_ref().is_none_or(|scope| scope.venues.is_empty());
        let mut stream = match session.mode() {
            Mode::Ruleset => self.hub()?.streams().subscribe_in(view.clone(), session.form()),
            Mode::Values => self.hub()?.streams().subscribe(view.clone()),
        };
        let connection = Connection::new(
            view,
            session.mode(),
            session.form().schema(),
            venue,
            &hello.sdk,
            hello.version.clone(),
            hello.instance.as_deref().unwrap_or_default(),
            &self.credential.key,
            hello.edge.as_ref().map(|name| name.chars().take(MAX_NAME_CHARACTERS).collect()),
        );
        connection.signed_by(session.signed().map(|by| &*by.key));
        // From here on it is counted, so it must be taken off whatever happens.
        let present = Present::new(&self.app, connection);
        // It can have been revoked while hello was awaited, when there was nobody yet to be told of it; the same
        // goes for a server that stops.
        self.check_key()?;
        if self.app.is_leaving() {
            self.send(drain(present.id, DRAIN_SPREAD_MS)).await?;
            return Err(End::Closed);
        }
        self.open(&mut session, &mut stream, &hello, &present).await?;
        present.connection.came_with(session.came_with());
        let pool = hello.pool.map(|pool| pool.chars().take(MAX_NAME_CHARACTERS).collect::<String>().into());
        if let Some(advice) = self.advice(&present, pool.as_deref()) {
            self.send(advice).await?;
        }
        Ok(Begun { session, stream, present, moves, pool })
    }

    async fn hello(&mut self) -> Result<Box<Hello>, End> {
        let deadline = Instant::now() + HELLO_WITHIN;
        let first = || End::Tell(ErrorCode::BadFrame, "Say hello first.".to_owned(), None);
        loop {
            match self.next().await? {
                Some(ClientFrame::Hello(hello)) => return Ok(hello),
                Some(_) => return Err(first()),
                None => timeout_at(deadline, self.read()).await.map_err(|_| first())??,
            }
        }
    }

    /// What the client may be sent, and where it is.
    fn admit(&self, hello: &Hello) -> Result<(Session, View, Option<Arc<str>>), End> {
        let forbidden = |message: String| End::Tell(ErrorCode::Forbidden, message, None);
        let Some(schema) = schema::negotiate(&hello.schemas) else {
            let message = schema::nothing_in_common(&hello.schemas);
            return Err(End::Tell(ErrorCode::UnsupportedSchema, message, None));
        };
        let form = Form::of(schema, hello.edge.is_some());
        let is_client = self.credential.credential_type == CredentialType::Client;
        let asked: &[VenueKey] = hello.scope.as_ref().map_or(&[], |scope| &scope.venues);
        if asked.len() > MAX_SCOPE_VENUES {
            return Err(forbidden(format!("Name at most {MAX_SCOPE_VENUES} venues, or none for all.")));
        }
        let narrowed = view_for(&self.credential, &self.environment, asked);
        let narrowed = narrowed.map_err(|problem| forbidden(problem.detail().to_owned()))?;
        let (session, context_venue) = match hello.mode {
            Mode::Ruleset if is_client => {
                return Err(forbidden(
                    "Client keys get values, never rules: say hello in values mode.".to_owned(),
                ));
            }
            Mode::Ruleset => (Session::ruleset(form), None),
            Mode::Values => {
                let asked = self.context(hello.context.as_ref())?;
                let venue = asked.context.venue().map(Arc::from);
                (Session::values(form, asked, is_client), venue)
            }
        };
        // Who has shown where they are is there.
        let signed_venue = session.signed().and(context_venue.clone());
        let said = asked.first().map(|venue| Arc::from(venue.as_str()));
        let venue = signed_venue.or(said).or(context_venue).or(self.only_venue());
        // Values are made here from everything; documents are narrowed to what the key may see, and wants to.
        let view = match hello.mode {
            Mode::Ruleset => narrowed,
            Mode::Values => View::new(self.environment.clone(), []),
        };
        Ok((session, view, venue))
    }

    async fn open(
        &mut self,
        session: &mut Session,
        stream: &mut watch::Receiver<Arc<StreamState>>,
        hello: &Hello,
        present: &Present,
    ) -> Result<(), End> {
        let (resume, known) = self.catch_up(hello, stream).await?;
        let may_be_large = hello.mode == Mode::Values || resume.is_none();
        let place = if may_be_large { Some(self.enter(hello)?) } else { None };
        let state = Arc::clone(&stream.borrow_and_update());
        let terms = Terms {
            heartbeat_sec: self.app.settings.heartbeat_seconds.max(1),
            known,
            upstream: self.app.source.standing(&self.environment),
            ack_within_ms: self.ack_within_ms(hello.edge.is_some()),
        };
        match session.open(&state, resume, terms, clock::now()) {
            Opening::Current(ready) => {
                // It has nothing to apply, so it will not say that it has.
                present.acked(session.sent(), 0);
                within(place, self.send(ready)).await
            }
            Opening::Frames(frames) => within(place, self.send_all(frames)).await,
            Opening::Snapshot(ready) => {
                // It may have come with what is too old to go on from.
                let place = place.map_or_else(|| self.enter(hello), Ok)?;
                within(Some(place), self.snapshot(ready, &state, session.form())).await
            }
        }
    }

    /// Where the client can go on, and up to where everything is known here.
    async fn catch_up(
        &self,
        hello: &Hello,
        stream: &watch::Receiver<Arc<StreamState>>,
    ) -> Result<(Option<Resume>, Seq), End> {
        let own = stream.borrow().view().clone();
        let unnarrowed =
            || hello.mode == Mode::Values || hello.scope.as_ref().is_none_or(|own| own.venues.is_empty());
        // Documents of one view are not those of another.
        let fits = |resume: &Resume| resume.view.map_or_else(unnarrowed, |view| view == own.tag());
        let resume = hello.resume.filter(fits);
        if let Some(Resume { epoch, seq, .. }) = resume {
            catch_up(&*self.app.source, &self.environment, epoch, seq).await.map_err(|problem| {
                let after = COME_AGAIN_MS + spread(hello, COME_AGAIN_MS);
                End::Tell(ErrorCode::Busy, problem.detail().to_owned(), Some(after))
            })?;
        }
        let hub = self.hub()?;
        let is_here =
            |resume: &Resume| !resume.at.is_some_and(|at| hub.streams().know_another(resume.seq, at));
        Ok((resume.filter(is_here), hub.known()))
    }

    /// A place for what a client gets to begin with.
    fn enter(&self, hello: &Hello) -> Result<Place, End> {
        self.app.admissions.enter(spread(hello, u64::MAX)).map_err(|wait| {
            self.app.metrics.refused.inc();
            let after = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            End::Tell(ErrorCode::Busy, "Many clients are coming at once.".to_owned(), Some(after))
        })
    }

    async fn snapshot(&self, ready: Frame, state: &Arc<StreamState>, form: Form) -> Result<(), End> {
        self.send(ready).await?;
        // Of a large workspace this takes long; other streams are not to wait for it.
        let made = Arc::clone(state);
        drop(web::block(move || made.snapshot_frames(form).len()).await);
        for part in state.snapshot_frames(form) {
            self.send(part.clone()).await?;
        }
        Ok(())
    }
}

/// Does this with a place, for as long as that can be held.
async fn within(place: Option<Place>, doing: impl Future<Output = Result<(), End>>) -> Result<(), End> {
    let Some(place) = place else { return doing.await };
    pin!(doing);
    if let Ok(done) = timeout_at(place.until(), &mut doing).await {
        return done;
    }
    drop(place);
    doing.await
}

/// A number below `range` that differs from client to client.
fn spread(hello: &Hello, range: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64(hello.instance.as_deref().unwrap_or_default().as_bytes()) % range
}
