//! The client: what programs hold.

use std::{
    sync::{Arc, Weak, atomic::AtomicU64},
    time::Duration,
};

use serde_json::Value;
use usher_core::{Context, ErrorCode, Reason, Trace, VariantValue};

use crate::{
    asked::Next,
    builder::Builder,
    details::{Details, ObjectValue, StringValue},
    listeners::{Change, RenewalNeeded, Subscription},
    obstacle::Obstacle,
    outcome::Outcome,
    shared::{Shared, now},
    snapshot::{Answer, Data, Freshness},
    status::{Refusal, Source, Status},
};

/// Reads flags. Cheap to clone; when the last clone is dropped, the connection ends. A listener that holds a
/// clone keeps it open, until [`Client::close`].
#[derive(Clone)]
pub struct Client(Arc<Handle>);

/// A client that is not kept open: what its own listeners hold.
#[derive(Clone)]
pub struct WeakClient(Weak<Handle>);

impl WeakClient {
    /// The client, if somebody still holds it.
    #[must_use]
    pub fn upgrade(&self) -> Option<Client> {
        self.0.upgrade().map(Client)
    }
}

struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Client {
    /// Begins to build a client for a server and a key.
    #[must_use]
    pub fn builder(url: &str, key: &str) -> Builder {
        Builder::new(url, key)
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(Arc::new(Handle(shared)))
    }

    /// The same without keeping it open.
    #[must_use]
    pub fn downgrade(&self) -> WeakClient {
        WeakClient(Arc::downgrade(&self.0))
    }

    fn shared(&self) -> &Shared {
        &self.0.0
    }

    /// A boolean flag.
    ///
    /// ```no_run
    /// # let client = usher_sdk::Client::builder("http://127.0.0.1:7080", "usk_…").build()?;
    /// let context = usher_sdk::Context::new("u-17").with("venue", "wembley-stadium");
    /// let guarded = client.boolean("resale-guard", &context, false);
    /// # Ok::<(), usher_sdk::BuildError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn boolean(&self, flag: &str, context: &Context, default: bool) -> bool {
        self.read(flag, context, |value| value.and_then(boolean).unwrap_or(default))
    }

    /// A flag of whole numbers.
    #[inline]
    #[must_use]
    pub fn integer(&self, flag: &str, context: &Context, default: i64) -> i64 {
        self.read(flag, context, |value| value.and_then(integer).unwrap_or(default))
    }

    /// A flag of numbers.
    #[inline]
    #[must_use]
    pub fn float(&self, flag: &str, context: &Context, default: f64) -> f64 {
        self.read(flag, context, |value| value.and_then(float).unwrap_or(default))
    }

    /// A flag of texts. What comes back shares the flag's text, or borrows the default.
    #[inline]
    #[must_use]
    pub fn string<'d>(&self, flag: &str, context: &Context, default: &'d str) -> StringValue<'d> {
        self.read(flag, context, |value| match value {
            Some(VariantValue::String(text)) => StringValue::Served(text.clone()),
            _ => StringValue::Default(default),
        })
    }

    /// A flag of JSON trees. What comes back shares the flag's tree, or borrows the default.
    #[inline]
    #[must_use]
    pub fn object<'d>(&self, flag: &str, context: &Context, default: &'d Value) -> ObjectValue<'d> {
        self.read(flag, context, |value| value.and_then(object).unwrap_or(ObjectValue::Default(default)))
    }

    /// A boolean flag, with all that is known about the answer.
    #[must_use]
    pub fn boolean_details(&self, flag: &str, context: &Context, default: bool) -> Details<bool> {
        self.details(flag, context, boolean).map(|value| value.unwrap_or(default))
    }

    /// A flag of whole numbers, with all that is known about the answer.
    #[must_use]
    pub fn integer_details(&self, flag: &str, context: &Context, default: i64) -> Details<i64> {
        self.details(flag, context, integer).map(|value| value.unwrap_or(default))
    }

    /// A flag of numbers, with all that is known about the answer.
    #[must_use]
    pub fn float_details(&self, flag: &str, context: &Context, default: f64) -> Details<f64> {
        self.details(flag, context, float).map(|value| value.unwrap_or(default))
    }

    /// A flag of texts, with all that is known about the answer.
    #[must_use]
    pub fn string_details<'d>(
        &self,
        flag: &str,
        context: &Context,
        default: &'d str,
    ) -> Details<StringValue<'d>> {
        self.details(flag, context, string).map(|value| value.unwrap_or(StringValue::Default(default)))
    }

    /// A flag of JSON trees, with all that is known about the answer.
    #[must_use]
    pub fn object_details<'d>(
        &self,
        flag: &str,
        context: &Context,
        default: &'d Value,
    ) -> Details<ObjectValue<'d>> {
        self.details(flag, context, object).map(|value| value.unwrap_or(ObjectValue::Default(default)))
    }

    /// Every step on the way to an answer. `None` in values mode, where the server has the rules, and before
    /// there is any data.
    #[must_use]
    pub fn explain(&self, flag: &str, context: &Context) -> Option<Trace> {
        match &self.shared().snapshot.load().data {
            Data::Ruleset(ruleset) => Some(ruleset.explain(flag, context, now()).1),
            Data::Values(_) | Data::Nothing => None,
        }
    }

    /// Calls back after flags have changed, until the subscription is dropped. It may read flags, and should
    /// return soon: the connection waits for it.
    pub fn on_change(&self, callback: impl Fn(&Change) + Send + Sync + 'static) -> Subscription {
        self.shared().changes.add(callback)
    }

    /// Calls back after the status has changed, until the subscription is dropped; likewise.
    pub fn on_status(&self, callback: impl Fn(&Status) + Send + Sync + 'static) -> Subscription {
        self.shared().statuses.add(callback)
    }

    /// How the client stands with its server.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared().status()
    }

    /// Where answers come from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.shared().snapshot.load().source
    }

    /// Which answers the client gives, as a number: for bindings, to which a look at it is cheaper than a call.
    ///
    /// In values mode, a value that was read between two looks at the same edition is what every read gives until the
    /// edition is another, if its seven lowest bits are zero, which they are not while an exchange is under way. While
    /// the eighth is set the client is not live, and an answer can become too old by itself (`whenStale`): keep it for a
    /// second at most. Details age, and are not to be kept; nor are answers of rules, which may look at the clock.
    #[must_use]
    pub fn edition(&self) -> Arc<AtomicU64> {
        Arc::clone(self.shared().snapshot.edition())
    }

    /// What an operator should know: a damaged cache, a refused key.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<String> {
        self.shared().reports()
    }

    /// Waits until the client is live; `false` when it is not within `timeout`. Nobody needs to: reading is
    /// right before.
    pub async fn wait_until_live(&self, timeout: Duration) -> bool {
        let shared = self.shared();
        let mut status = shared.status.subscribe();
        let live = status.wait_for(|status| *status == Status::Live || *shared.closed.borrow());
        tokio::time::timeout(timeout, live)
            .await
            .is_ok_and(|status| status.is_ok_and(|status| *status == Status::Live))
    }

    /// Values mode: asks for somebody else, or somewhere else, from now on. Until the server has answered, the
    /// client is not live: for the same targeting key the values stay what they are, as [`Status::Stale`]; for
    /// another one they are what the disk has for it, else the bootstrap, else the caller's defaults. In
    /// ruleset mode every call has its own context, and nothing happens.
    pub fn set_context(&self, context: &Context) {
        self.shared().ask_for(Next::Context(context));
    }

    /// Values mode: passes on another signed context from now on, or none, beside the same context. One that only renews
    /// the one before, and says the same, changes no answer and no status.
    pub fn set_signed_context(&self, token: Option<&str>) {
        self.shared().ask_for(Next::Signed(token));
    }

    /// Values mode: another context and another signed context at once, as when somebody else signs in.
    pub fn set_context_signed(&self, context: &Context, token: Option<&str>) {
        self.shared().ask_for(Next::Both(context, token));
    }

    /// Calls back when another signed context is needed: shortly before the server stops taking the one that it has,
    /// and when it refuses this client for it, until the subscription is dropped. The program asks its backend, in its
    /// own time, and passes the result to [`set_signed_context`](Self::set_signed_context). While it is not taken, the
    /// values stay what they are; [`status`](Self::status) is offline, and [`refusal`](Self::refusal) says why.
    pub fn on_renewal_needed(
        &self,
        callback: impl Fn(&RenewalNeeded) + Send + Sync + 'static,
    ) -> Subscription {
        let shared = self.shared();
        // It may have been refused before anybody could listen.
        if let Some(Refusal::SignedContext(message)) = shared.refusal() {
            callback(&RenewalNeeded { expires_in: None, message });
        }
        shared.renewals.add(callback)
    }

    /// Why the server refuses this client, as long as it does.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.shared().refusal()
    }

    /// Counts something that happened at the context's venue: an order, an error, a number of seconds. Where flags
    /// measure this metric, it is also counted by the variant that each of them gives to the context now.
    ///
    /// ```no_run
    /// # let client = usher_sdk::Client::builder("http://127.0.0.1:7080", "usk_…").build()?;
    /// use usher_sdk::Outcome;
    /// let context = usher_sdk::Context::new("u-17").with("venue", "wembley-stadium");
    /// client.track("checkout", &context, Outcome::Error);
    /// client.track("checkout-seconds", &context, 1.8);
    /// # Ok::<(), usher_sdk::BuildError>(())
    /// ```
    pub fn track(&self, metric: &str, context: &Context, outcome: impl Into<Outcome>) {
        let (shared, outcome, venue) = (self.shared(), outcome.into(), self.venue(context));
        shared.events.track(metric, venue, None, outcome);
        let (snapshot, freshness) = (shared.snapshot.load(), shared.freshness());
        snapshot.each_measuring(metric, |flag| {
            if let Some(variant) = snapshot.answer(flag, context, freshness, now).variant {
                shared.events.track(metric, venue, Some((flag, variant)), outcome);
            }
        });
    }

    /// Counts that somebody was shown what a flag gives them, by variant, venue and reason; and apart from it, what a
    /// dark rule would have given them. Reading a flag does not count: a program reads more often than it shows. That it
    /// reads it at all is told now and then, so that flags that nobody needs are known.
    pub fn expose(&self, flag: &str, context: &Context) {
        let (shared, venue) = (self.shared(), self.venue(context));
        let (snapshot, freshness) = (shared.snapshot.load(), shared.freshness());
        let answer = snapshot.answer(flag, context, freshness, now);
        snapshot.data.mark_asked(flag);
        if let Some(variant) = answer.variant {
            shared.events.expose(flag, variant, venue, Some(answer.reason));
        }
        if let Some(variant) = snapshot.dark(flag, context, freshness, now) {
            shared.events.expose(flag, variant, venue, None);
        }
    }

    fn venue<'a>(&'a self, context: &'a Context) -> Option<&'a str> {
        context.venue().or(self.shared().config.venue.as_deref())
    }

    /// The program is in front of somebody: a stream brings changes as they happen. So it is from the start.
    pub fn foreground(&self) {
        self.shared().rests.send_if_modified(std::mem::take);
    }

    /// Nobody looks at the program: the stream is ended and what was counted is sent; from then on the server is asked
    /// now and then ([`Builder::poll_in_background_every`]), so that a phone's radio can sleep. Answers go on, and age.
    pub fn background(&self) {
        self.shared().rests.send_if_modified(|rests| !std::mem::replace(rests, true));
    }

    /// Sends what was counted now, without waiting for it.
    pub fn flush(&self) {
        self.shared().flushes.notify_one();
    }

    /// What keeps the client from its server, as far as it knows. Nothing while it is live.
    #[must_use]
    pub fn obstacle(&self) -> Option<Obstacle> {
        self.shared().obstacle()
    }

    /// Whether it has been closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        *self.shared().closed.borrow()
    }

    /// Ends the connection; returns at once. What was counted is still sent, in the background and for a few
    /// seconds at most. Answers go on from what there is.
    pub fn close(&self) {
        self.shared().close();
    }

    /// `typed` makes the answer where it is to be: to move a text that was just written costs as much as a rule.
    #[inline]
    fn read<T>(&self, flag: &str, context: &Context, typed: impl Fn(Option<&VariantValue>) -> T) -> T {
        let shared = self.shared();
        shared.snapshot.read(|snapshot| typed(snapshot.value(flag, context, shared.freshness(), now)))
    }

    /// The answer without a default: a flag can leave its value to the caller.
    pub(crate) fn details<T>(
        &self,
        flag: &str,
        context: &Context,
        typed: impl FnOnce(&VariantValue) -> Option<T>,
    ) -> Details<Option<T>> {
        let shared = self.shared();
        let snapshot = shared.snapshot.load();
        let freshness = Freshness { live: shared.status() == Status::Live, ..shared.freshness() };
        let answer = snapshot.answer(flag, context, freshness, now);
        snapshot.data.mark_asked(flag);
        let metadata = answer.metadata(&snapshot, flag);
        let Answer { value, variant, mut reason, mut error, .. } = answer;
        let typed = value.map(typed);
        if let Some(None) = typed {
            (reason, error) = (Reason::Error, Some(ErrorCode::TypeMismatch));
        }
        let value = typed.flatten();
        let heard = freshness.heard.millis();
        Details {
            served: value.is_some(),
            value,
            variant: if error.is_some() { None } else { variant.map(ToOwned::to_owned) },
            reason,
            error,
            source: snapshot.source,
            // A clock that went back makes no answer older than it is.
            age: (heard > 0)
                .then(|| Duration::from_millis(u64::try_from(now().millis() - heard).unwrap_or(0))),
            metadata,
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the key.
        write!(f, "Client({}, {:?})", self.shared().config.url, self.status())
    }
}

pub(crate) fn boolean(value: &VariantValue) -> Option<bool> {
    match value {
        VariantValue::Boolean(value) => Some(*value),
        _ => None,
    }
}

pub(crate) fn integer(value: &VariantValue) -> Option<i64> {
    match value {
        VariantValue::Integer(value) => Some(*value),
        _ => None,
    }
}

pub(crate) fn float(value: &VariantValue) -> Option<f64> {
    match value {
        VariantValue::Float(value) => Some(*value),
        // In values mode a whole number has lost its flag's type on the way.
        #[allow(clippy::cast_precision_loss)]
        VariantValue::Integer(value) => Some(*value as f64),
        _ => None,
    }
}

pub(crate) fn string<'d>(value: &VariantValue) -> Option<StringValue<'d>> {
    match value {
        VariantValue::String(text) => Some(StringValue::Served(text.clone())),
        _ => None,
    }
}

pub(crate) fn object<'d>(value: &VariantValue) -> Option<ObjectValue<'d>> {
    match value {
        VariantValue::Object(value) => Some(ObjectValue::Served(Arc::clone(value))),
        _ => None,
    }
}
