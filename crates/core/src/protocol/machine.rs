//! The client's side of the protocol, without its socket: frames in, things to do out.
//!
//! It never guesses. A delta that does not begin where the client stands, a snapshot with a part missing, a
//! state that does not apply: all of them end in asking anew.

use super::{
    Delta, Intent, Move, Ready, Renew, Resume, ServerError, ServerFrame, Snapshot, Standing, ValueMap,
    Values, ViewTag,
};
use crate::model::{Document, DocumentId, EnvironmentKey, Epoch, Seq, Timestamp, VenueKey};
use crate::schema;

/// Documents that a snapshot in parts may hold, in bytes: a hostile server must not fill the memory.
pub const MAX_SNAPSHOT_BYTES: usize = 256 * 1024 * 1024;

/// What to do after a frame.
#[derive(Debug)]
pub enum Action {
    /// The server has said what follows.
    Ready(Terms),
    /// All documents are new.
    Replace(Vec<Document>),
    /// These documents have changed, those are gone.
    Amend(Vec<Document>, Vec<DocumentId>),
    /// All values are new. They are of schema 1, whatever they came in.
    ReplaceValues(ValueMap),
    /// These values have changed, those are gone.
    AmendValues(ValueMap, Vec<String>),
    /// The client has it all: it is live, and this is where it stands.
    Current,
    /// Tell the server what has been applied.
    Ack(Seq),
    /// Answer a ping.
    Pong,
    /// Something is wrong: connect anew, with what there is.
    Resync(&'static str),
    /// Connect anew after a time in milliseconds.
    ReconnectAfter(u64),
    /// Be served elsewhere.
    Move(Move),
    /// The signed context is about to expire: ask the backend for another.
    Renew(Renew),
    /// The server refuses.
    Refused(ServerError),
}

/// What a server says of a stream before anything comes on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How often it speaks, in seconds.
    pub heartbeat_sec: u32,
    /// The environment of the key.
    pub environment: EnvironmentKey,
    /// The venues that the stream is narrowed to; empty for all.
    pub venues: Vec<VenueKey>,
    /// Whether it wants to hear of clients further down.
    pub downstream: bool,
}

/// Where the client stands.
#[derive(Debug, Default)]
pub struct Machine {
    place: Option<Resume>,
    at: Timestamp,
    epoch: Option<Epoch>,
    /// What this connection's stream shows.
    view: Option<ViewTag>,
    /// What it speaks.
    schema: u32,
    /// How old what it says may be; none where it speaks for itself.
    standing: Option<Standing>,
    /// How long the server has a client wait with acknowledgements, as it said last.
    ack_within_ms: u32,
    /// The newest commit of which the server has said that nothing of it is missing here.
    known: Seq,
    parts: Option<Parts>,
    /// What the server had when this connection began: a client that has less has not heard all of it yet.
    until: Option<Seq>,
    /// It has promised something, and nothing of it has come.
    owes: bool,
}

#[derive(Debug)]
struct Parts {
    seq: Seq,
    next: u32,
    of: u32,
    bytes: usize,
    documents: Vec<Document>,
}

impl Machine {
    /// A client that has what an earlier process left.
    #[must_use]
    pub fn resuming(place: Resume) -> Self {
        Self { place: Some(place), at: place.at.unwrap_or_default(), ..Self::default() }
    }

    /// Where the client stands; what `hello` says.
    #[must_use]
    pub fn place(&self) -> Option<Resume> {
        self.place
    }

    /// The time of the commit that it stands at.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// How old what the server says may be, as it said last; none where it speaks for itself.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.standing
    }

    /// How long to wait with an acknowledgement at most, in milliseconds, as the server said last.
    #[must_use]
    pub fn ack_within_ms(&self) -> u32 {
        self.ack_within_ms
    }

    /// The newest commit of which nothing is missing here: where the client stands, or later.
    #[must_use]
    pub fn known(&self) -> Seq {
        self.known.max(self.place.map_or(Seq::ZERO, |place| place.seq))
    }

    /// The connection is new: what was half received is void.
    pub fn connected(&mut self) {
        self.parts = None;
        (self.epoch, self.view, self.standing) = (None, None, None);
        (self.known, self.ack_within_ms) = (Seq::ZERO, 0);
        (self.until, self.owes) = (None, false);
    }

    /// Forgets where it stands, so that the next connection begins with everything.
    pub fn forget(&mut self) {
        self.place = None;
    }

    /// A whole state has come by polling.
    pub fn polled(&mut self, place: Resume) {
        self.stand(place);
    }

    /// Takes one frame.
    pub fn take(&mut self, frame: ServerFrame) -> Vec<Action> {
        match frame {
            ServerFrame::Ready(ready) => self.ready(&ready),
            ServerFrame::Snapshot(part) => self.part(part),
            ServerFrame::Delta(delta) => self.delta(delta),
            ServerFrame::Values(values) => self.values(values),
            ServerFrame::Ping(ping) => {
                (self.standing, self.ack_within_ms) = (ping.upstream, ping.ack_within_ms);
                if !self.is_current() {
                    // What it is missing is on its way; until then a ping says nothing about what it has.
                    return vec![Action::Pong];
                }
                if self.place.is_some_and(|place| place.seq < ping.seq) {
                    vec![Action::Pong, Action::Resync("the server is ahead, and nothing came")]
                } else {
                    self.known = ping.known.unwrap_or_default();
                    vec![Action::Pong, Action::Current]
                }
            }
            ServerFrame::Drain(drain) => vec![Action::ReconnectAfter(drain.reconnect_after_ms)],
            ServerFrame::Move(to) => vec![Action::Move(to)],
            ServerFrame::Renew(renew) => vec![Action::Renew(renew)],
            ServerFrame::Error(error) => vec![Action::Refused(error)],
        }
    }

    fn ready(&mut self, ready: &Ready) -> Vec<Action> {
        if !schema::is_spoken(ready.schema) {
            return vec![Action::Resync("the server speaks a schema that was not offered")];
        }
        (self.epoch, self.view, self.standing) = (Some(ready.epoch), ready.view, ready.upstream);
        self.schema = ready.schema;
        self.ack_within_ms = ready.ack_within_ms;
        let known = self.place.is_some_and(|place| self.continues(place));
        let heartbeat = Action::Ready(Terms {
            heartbeat_sec: ready.heartbeat_sec,
            environment: ready.environment.clone(),
            venues: ready.venues.clone(),
            downstream: ready.downstream,
        });
        match ready.intent {
            Intent::Current if known => {
                self.until = Some(ready.seq);
                if self.is_current() {
                    self.known = ready.known.unwrap_or_default();
                    vec![heartbeat, Action::Current]
                } else {
                    self.lost("the server takes an old state for its newest")
                }
            }
            Intent::Current => self.lost("the server takes this client for another"),
            Intent::Delta | Intent::Snapshot => {
                (self.until, self.owes) = (Some(ready.seq), true);
                vec![heartbeat]
            }
        }
    }

    fn part(&mut self, part: Snapshot) -> Vec<Action> {
        let Some(epoch) = self.epoch else { return vec![Action::Resync("a snapshot before `ready`")] };
        if part.part == 1 {
            self.parts =
                Some(Parts { seq: part.seq, next: 1, of: part.parts, bytes: 0, documents: Vec::new() });
        }
        let Some(parts) = self.parts.as_mut().filter(|parts| {
            parts.next == part.part
                && parts.of == part.parts
                && parts.seq == part.seq
                && part.part <= part.parts
        }) else {
            return self.lost("a part of the snapshot is missing");
        };
        parts.next += 1;
        parts.bytes += part.documents.iter().map(|document| document.json().len()).sum::<usize>();
        if parts.bytes > MAX_SNAPSHOT_BYTES {
            return self.lost("the snapshot is too large");
        }
        parts.documents.extend(part.documents);
        if part.part < part.parts {
            return Vec::new();
        }
        let documents = self.parts.take().map(|parts| parts.documents).unwrap_or_default();
        let place = self.place_at(epoch, part.seq, part.at);
        self.arrive(Action::Replace(documents), place)
    }

    fn delta(&mut self, delta: Delta) -> Vec<Action> {
        if self.parts.is_some() {
            return self.lost("a delta amid a snapshot");
        }
        let Some(place) = self.place.filter(|place| self.continues(*place)) else {
            return self.lost("a delta of another journal, or of another view of it");
        };
        if place.seq != delta.from {
            return vec![Action::Resync("a delta that does not begin where this client stands")];
        }
        if delta.seq < delta.from {
            return vec![Action::Resync("a delta that leads back")];
        }
        let place = Resume { seq: delta.seq, at: Some(delta.at), ..place };
        self.arrive(Action::Amend(delta.put, delta.delete), place)
    }

    fn values(&mut self, values: Values) -> Vec<Action> {
        let Some(epoch) = self.epoch else { return vec![Action::Resync("values before `ready`")] };
        let seq = values.seq;
        if !values.full && self.place.is_none_or(|place| place.epoch != epoch || place.seq > seq) {
            return self.lost("values that amend what this client does not have");
        }
        let put = schema::values::all_to_one(values.put, self.schema);
        let change =
            if values.full { Action::ReplaceValues(put) } else { Action::AmendValues(put, values.delete) };
        self.arrive(change, self.place_at(epoch, seq, values.at))
    }

    /// A change has come whole. The client is live with it, unless there was more when the connection began.
    fn arrive(&mut self, change: Action, place: Resume) -> Vec<Action> {
        self.stand(place);
        self.owes = false;
        let current = self.is_current().then_some(Action::Current);
        [change].into_iter().chain(current).chain([Action::Ack(place.seq)]).collect()
    }

    /// A place on the stream of this connection.
    fn place_at(&self, epoch: Epoch, seq: Seq, at: Timestamp) -> Resume {
        Resume { epoch, seq, view: self.view, at: Some(at), schema: Some(self.schema) }
    }

    fn stand(&mut self, place: Resume) {
        (self.place, self.at) = (Some(place), place.at.unwrap_or_default());
    }

    /// Whether what came before leads on to what this connection brings.
    fn continues(&self, place: Resume) -> bool {
        Some(place.epoch) == self.epoch
            && place.view == self.view
            && place.schema.is_none_or(|own| own == self.schema)
    }

    fn is_current(&self) -> bool {
        let has = |until| self.place.is_some_and(|place| place.seq >= until);
        !self.owes && self.parts.is_none() && self.until.is_some_and(has)
    }

    fn lost(&mut self, why: &'static str) -> Vec<Action> {
        self.parts = None;
        self.place = None;
        vec![Action::Resync(why)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_without_end_is_broken_off() {
        let mut machine = Machine::default();
        machine.take(ready(1, "snapshot"));
        let text = format!(
            r#"{{"kind":"venue","key":"v","name":"V","description":"{}"}}"#,
            "x".repeat(MAX_SNAPSHOT_BYTES / 100)
        );
        let document: Document = serde_json::from_str(&text).unwrap();
        let part = |part| {
            let documents = vec![document.clone()];
            ServerFrame::Snapshot(Snapshot {
                seq: Seq(5),
                at: Timestamp::EPOCH,
                part,
                parts: u32::MAX,
                documents,
            })
        };
        let taken = (1..200).take_while(|n| machine.take(part(*n)).is_empty()).count();
        assert_eq!(taken, 99);
        assert!(machine.parts.is_none(), "nothing of it is kept");
    }

    fn frame(json: &str) -> ServerFrame {
        ServerFrame::parse(json).unwrap()
    }

    fn ready(epoch: u8, intent: &str) -> ServerFrame {
        ready_at(5, epoch, intent)
    }

    fn ready_at(seq: u64, epoch: u8, intent: &str) -> ServerFrame {
        let epoch = Epoch::from_bytes([epoch; 16]);
        frame(&format!(
            r#"{{"type":"ready","epoch":"{epoch}","seq":{seq},"schema":1,"heartbeatSec":15,"intent":"{intent}","environment":"production"}}"#
        ))
    }

    fn part(part: u32, parts: u32) -> ServerFrame {
        frame(&format!(
            r#"{{"type":"snapshot","seq":5,"at":0,"part":{part},"parts":{parts},"documents":[{{"kind":"flag","key":"f{part}"}}]}}"#
        ))
    }

    fn delta(from: u64, seq: u64) -> ServerFrame {
        frame(&format!(r#"{{"type":"delta","from":{from},"seq":{seq},"at":0,"put":[],"delete":[]}}"#))
    }

    fn place() -> Resume {
        let (epoch, at) = (Epoch::from_bytes([1; 16]), Some(Timestamp::EPOCH));
        Resume { epoch, seq: Seq(5), view: None, at, schema: Some(1) }
    }

    fn say(actions: &[Action]) -> String {
        let name = |action: &Action| match action {
            Action::Ready(..) => "heartbeat".to_owned(),
            Action::Replace(documents) => format!("replace {}", documents.len()),
            Action::Amend(..) => "amend".to_owned(),
            Action::ReplaceValues(values) => format!("replace values {}", values.len()),
            Action::AmendValues(values, _) => format!("amend values {}", values.len()),
            Action::Current => "current".to_owned(),
            Action::Ack(seq) => format!("ack {seq}"),
            Action::Pong => "pong".to_owned(),
            Action::Resync(_) => "resync".to_owned(),
            Action::ReconnectAfter(millis) => format!("reconnect {millis}"),
            Action::Move(_) => "move".to_owned(),
            Action::Renew(_) => "renew".to_owned(),
            Action::Refused(_) => "refused".to_owned(),
        };
        actions.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_snapshot_is_applied_when_its_last_part_has_come() {
        let mut machine = Machine::default();
        machine.take(ready(1, "snapshot"));
        assert_eq!(say(&machine.take(part(1, 2))), "");
        assert_eq!(say(&machine.take(part(2, 2))), "replace 2, current, ack 5");
        let at = |at| Some(Timestamp::from_millis(at));
        assert_eq!(machine.place().unwrap().at, at(0));
        let later = frame(r#"{"type":"delta","from":5,"seq":7,"at":8,"put":[],"delete":[]}"#);
        assert_eq!(say(&machine.take(later)), "amend, current, ack 7");
        let place = machine.place().unwrap();
        assert_eq!((place.seq, place.at), (Seq(7), at(8)), "what `hello` says next time");
    }

    #[test]
    fn a_gap_is_never_guessed_over() {
        let mut machine = Machine::resuming(place());
        machine.take(ready(1, "delta"));
        assert_eq!(say(&machine.take(delta(6, 7))), "resync");
        assert_eq!(machine.place().unwrap().seq, Seq(5), "what it has is still good");
        assert_eq!(say(&machine.take(delta(5, 4))), "resync");
    }

    #[test]
    fn another_epoch_makes_what_it_has_worthless() {
        let mut machine = Machine::resuming(place());
        assert_eq!(say(&machine.take(ready(2, "current"))), "resync");
        assert!(machine.place().is_none());
        machine.connected();
        machine.take(ready(2, "snapshot"));
        assert_eq!(say(&machine.take(delta(5, 6))), "resync");
        assert_eq!(say(&machine.take(part(1, 1))), "replace 1, current, ack 5");
    }

    #[test]
    fn a_missing_part_a_frame_too_early_and_a_silent_server_end_in_asking_anew() {
        let mut machine = Machine::default();
        assert_eq!(say(&machine.take(part(1, 1))), "resync");
        machine.take(ready(1, "snapshot"));
        machine.take(part(1, 3));
        assert_eq!(say(&machine.take(part(3, 3))), "resync");
        let mut behind = Machine::resuming(place());
        assert_eq!(say(&behind.take(ready(1, "current"))), "heartbeat, current");
        assert_eq!(say(&behind.take(frame(r#"{"type":"ping","seq":5}"#))), "pong, current");
        assert_eq!(say(&behind.take(frame(r#"{"type":"ping","seq":6}"#))), "pong, resync");
    }

    #[test]
    fn it_is_live_when_it_has_all_that_there_was_and_not_before() {
        let mut machine = Machine::resuming(place());
        machine.take(ready_at(8, 1, "delta"));
        let ping = |seq: u64| frame(&format!(r#"{{"type":"ping","seq":{seq}}}"#));
        assert_eq!(say(&machine.take(ping(8))), "pong");
        assert_eq!(say(&machine.take(delta(5, 6))), "amend, ack 6");
        assert_eq!(say(&machine.take(delta(6, 8))), "amend, current, ack 8");
        assert_eq!(say(&machine.take(ping(8))), "pong, current");
        machine.connected();
        machine.take(ready_at(8, 1, "snapshot"));
        assert_eq!(say(&machine.take(ping(8))), "pong", "a snapshot is owed");
        machine.take(part(1, 2));
        assert_eq!(say(&machine.take(ping(8))), "pong", "half a snapshot is none");
        assert_eq!(say(&machine.take(delta(8, 9))), "resync");
        machine.connected();
        assert_eq!(say(&machine.take(ready_at(9, 1, "current"))), "resync");
    }

    #[test]
    fn values_replace_first_and_amend_then() {
        let mut machine = Machine::default();
        machine.take(ready(1, "delta"));
        let amend = r#"{"type":"values","seq":6,"at":0,"put":{"f":{"reason":"STATIC"}},"delete":[]}"#;
        assert_eq!(say(&machine.take(frame(amend))), "resync");
        let full = r#"{"type":"values","seq":5,"at":0,"put":{"f":{"value":true,"reason":"STATIC"}},"delete":[],"full":true}"#;
        assert_eq!(say(&machine.take(frame(full))), "replace values 1, current, ack 5");
        assert_eq!(say(&machine.take(frame(amend))), "amend values 1, current, ack 6");
    }
}
