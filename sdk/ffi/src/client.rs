//! The client, as Kotlin, Swift and Python get it.

use std::{
    sync::{Arc, PoisonError, RwLock, atomic::AtomicU64},
    time::Duration,
};

use serde_json::Value;
use usher_sdk::{Client, Context, Outcome, Subscription};

use crate::{
    config::Config,
    context::FlagContext,
    details::{BooleanDetails, FloatDetails, IntegerDetails, ObjectDetails, StringDetails},
    error::FlagsError,
    guard,
    listener::{FlagsListener, Notifier},
    renewals::Renewals,
    status::StatusReport,
};

/// In values mode what a call passes is not looked at: values are for the context that the client asks for.
pub(crate) static NOBODY: Context = Context::ANONYMOUS;

/// Reads flags, right from the first call: fresh values, else those on disk, else the bootstrap, else the caller's
/// default. To be kept for as long as the app runs, and shared by all its threads.
#[derive(uniffi::Object)]
pub struct FlagsClient {
    pub(crate) client: Client,
    /// Whom things are counted for.
    context: RwLock<Arc<Context>>,
    pub(crate) notifier: Arc<Notifier>,
    /// Kept here, so that it is where it is for as long as somebody holds this.
    edition: Arc<AtomicU64>,
    renewals: Arc<Renewals>,
    _subscriptions: [Subscription; 3],
}

impl FlagsClient {
    /// A client that asks for a context.
    pub(crate) fn of(client: Client, context: Context) -> Self {
        let notifier = Arc::new(Notifier::default());
        let changes = client.on_change({
            let notifier = Arc::clone(&notifier);
            move |change| notifier.changed(&change.flags)
        });
        let renewals = Arc::<Renewals>::default();
        let report = {
            // Not the client itself, which its own listener would keep open.
            let (notifier, client, renewals) =
                (Arc::clone(&notifier), client.downgrade(), Arc::clone(&renewals));
            move || {
                if let Some(client) = client.upgrade() {
                    notifier.status(StatusReport::of(&client, &renewals));
                }
            }
        };
        let statuses = client.on_status({
            let report = report.clone();
            move |_| report()
        });
        let needs = client.on_renewal_needed({
            let renewals = Arc::clone(&renewals);
            move |_| {
                renewals.ask();
                report();
            }
        });
        Self {
            edition: client.edition(),
            client,
            context: RwLock::new(Arc::new(context)),
            notifier,
            renewals,
            _subscriptions: [changes, statuses, needs],
        }
    }

    fn context(&self) -> Arc<Context> {
        Arc::clone(&self.context.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn ask_for(&self, context: Context) {
        self.client.set_context(&context);
        *self.context.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(context);
    }

    /// The same, and what the backend has signed of them.
    pub(crate) fn ask_signed(&self, context: Context, token: Option<&str>) {
        self.answer(|| self.client.set_context_signed(&context, token));
        *self.context.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(context);
    }

    /// Hands over another signed context. That none is needed any more is told, also where nothing else changes by it: who
    /// compares statuses would take the next request for the one before.
    fn answer(&self, hand_over: impl FnOnce()) {
        // Before: the server may refuse this one, too, by the time that this thread goes on.
        let waited = self.renewals.answer();
        hand_over();
        if waited {
            self.notifier.status(self.status());
        }
    }

    pub(crate) fn count(&self, metric: &str, outcome: Outcome) {
        self.client.track(metric, &self.context(), outcome);
    }

    pub(crate) fn show(&self, flag: &str) {
        self.client.expose(flag, &self.context());
    }

    /// An object's text; none where the caller's default is meant.
    pub(crate) fn object_text(&self, flag: &str) -> Option<String> {
        let read = self.client.object(flag, &NOBODY, &Value::Null);
        matches!(read, usher_sdk::ObjectValue::Served(_)).then(|| read.to_string())
    }
}

#[uniffi::export]
impl FlagsClient {
    /// Makes a client. Returns at once: values on disk have been read, the network is another's business.
    ///
    /// # Errors
    /// A setting that can't be used.
    #[uniffi::constructor]
    pub fn new(config: Config) -> Result<Self, FlagsError> {
        guard::result(|| {
            let (client, context) = config.build()?;
            Ok(Self::of(client, context))
        })
    }

    /// A boolean flag.
    pub fn boolean(&self, flag: &str, default_value: bool) -> bool {
        guard::or(default_value, || self.client.boolean(flag, &NOBODY, default_value))
    }

    /// A flag of whole numbers.
    pub fn integer(&self, flag: &str, default_value: i64) -> i64 {
        guard::or(default_value, || self.client.integer(flag, &NOBODY, default_value))
    }

    /// A flag of numbers.
    pub fn float(&self, flag: &str, default_value: f64) -> f64 {
        guard::or(default_value, || self.client.float(flag, &NOBODY, default_value))
    }

    /// A flag of texts.
    pub fn string(&self, flag: &str, default_value: String) -> String {
        let read = guard::or(None, || match self.client.string(flag, &NOBODY, "") {
            usher_sdk::StringValue::Served(text) => Some(text.to_string()),
            usher_sdk::StringValue::Default(_) => None,
        });
        read.unwrap_or(default_value)
    }

    /// A flag of JSON trees, as text.
    pub fn object(&self, flag: &str, default_value: String) -> String {
        guard::or(None, || self.object_text(flag)).unwrap_or(default_value)
    }

    /// A boolean flag, with all that is known about the answer.
    pub fn boolean_details(&self, flag: &str, default_value: bool) -> BooleanDetails {
        let read =
            || BooleanDetails::of(self.client.boolean_details(flag, &NOBODY, default_value), flag, |own| own);
        guard::or(None, || Some(read())).unwrap_or_else(|| BooleanDetails::failed(default_value, flag))
    }

    /// A flag of whole numbers, with all that is known about the answer.
    pub fn integer_details(&self, flag: &str, default_value: i64) -> IntegerDetails {
        let read =
            || IntegerDetails::of(self.client.integer_details(flag, &NOBODY, default_value), flag, |own| own);
        guard::or(None, || Some(read())).unwrap_or_else(|| IntegerDetails::failed(default_value, flag))
    }

    /// A flag of numbers, with all that is known about the answer.
    pub fn float_details(&self, flag: &str, default_value: f64) -> FloatDetails {
        let read =
            || FloatDetails::of(self.client.float_details(flag, &NOBODY, default_value), flag, |own| own);
        guard::or(None, || Some(read())).unwrap_or_else(|| FloatDetails::failed(default_value, flag))
    }

    /// A flag of texts, with all that is known about the answer.
    pub fn string_details(&self, flag: &str, default_value: String) -> StringDetails {
        let read = || {
            let details = self.client.string_details(flag, &NOBODY, &default_value);
            StringDetails::of(details, flag, |own| own.to_string())
        };
        guard::or(None, || Some(read())).unwrap_or_else(|| StringDetails::failed(default_value.clone(), flag))
    }

    /// A flag of JSON trees as text, with all that is known about the answer.
    pub fn object_details(&self, flag: &str, default_value: String) -> ObjectDetails {
        let read = || {
            let details = self.client.object_details(flag, &NOBODY, &Value::Null);
            ObjectDetails::of(details, flag, |own| match own {
                usher_sdk::ObjectValue::Served(tree) => tree.to_string(),
                usher_sdk::ObjectValue::Default(_) => default_value.clone(),
            })
        };
        guard::or(None, || Some(read())).unwrap_or_else(|| ObjectDetails::failed(default_value.clone(), flag))
    }

    /// Asks for somebody else, or somewhere else, from now on. Values of another person are never given: until the
    /// server has answered there are those that the disk has for them, else the bootstrap, else defaults.
    ///
    /// # Errors
    /// A context that can't be used; then everything stays.
    pub fn set_context(&self, context: FlagContext) -> Result<(), FlagsError> {
        guard::result(|| {
            self.ask_for(context.to_sdk()?);
            Ok(())
        })
    }

    /// Passes on another signed context from now on, or none, beside the same context. One that only renews the one before
    /// changes no answer.
    pub fn set_signed_context(&self, token: Option<String>) {
        guard::or((), || {
            self.answer(|| self.client.set_signed_context(token.as_deref()));
        });
    }

    /// Another context and another signed context at once, as when somebody else signs in.
    ///
    /// # Errors
    /// A context that can't be used; then everything stays.
    pub fn set_context_signed(&self, context: FlagContext, token: Option<String>) -> Result<(), FlagsError> {
        guard::result(|| {
            self.ask_signed(context.to_sdk()?, token.as_deref());
            Ok(())
        })
    }

    /// Adds a listener, until it is removed by its number or the client is shut down.
    ///
    /// # Errors
    /// There is no thread for it.
    pub fn add_listener(&self, listener: Arc<dyn FlagsListener>) -> Result<u64, FlagsError> {
        let no_thread =
            |error: std::io::Error| FlagsError::System(format!("no thread for listeners: {error}"));
        guard::result(|| self.notifier.add(listener).map_err(no_thread))
    }

    /// Removes a listener: no call of it begins any more.
    pub fn remove_listener(&self, number: u64) {
        guard::or((), || self.notifier.remove(number));
    }

    /// How the client stands with its server.
    pub fn status(&self) -> StatusReport {
        StatusReport::of(&self.client, &self.renewals)
    }

    /// Where in memory the edition of the answers is, 64 bits in this machine's order: for packages in whose language a
    /// look there is cheaper than a call, so that they can keep what they have read. It stays there until the client is
    /// let go of. A value that was read between two looks at the same edition is what every read gives until the edition
    /// is another, if its seven lowest bits are zero; while the eighth is set, for a second at most.
    pub fn edition_address(&self) -> u64 {
        self.edition.as_ptr() as usize as u64
    }

    /// What an operator should know: a damaged cache, a refused key, a listener that threw.
    pub fn diagnostics(&self) -> Vec<String> {
        let mut all = guard::or(Vec::new(), || self.client.diagnostics());
        all.extend(self.notifier.failures());
        all
    }

    /// The app is in front of somebody: changes come as they happen. So it is from the start.
    pub fn foreground(&self) {
        guard::or((), || self.client.foreground());
    }

    /// Nobody looks at the app: what was counted is sent, the stream ended, and the server asked now and then only.
    pub fn background(&self) {
        guard::or((), || self.client.background());
    }

    /// Counts something that happened, with a number: seconds, an amount.
    pub fn track(&self, metric: &str, value: f64) {
        guard::or((), || self.count(metric, Outcome::Value(value)));
    }

    /// Counts something that worked or failed.
    pub fn track_result(&self, metric: &str, succeeded: bool) {
        guard::or((), || self.count(metric, if succeeded { Outcome::Ok } else { Outcome::Error }));
    }

    /// Counts that somebody was shown what a flag gives them. Reading alone does not count.
    pub fn expose(&self, flag: &str) {
        guard::or((), || self.show(flag));
    }

    /// Sends what was counted now, without waiting for it.
    pub fn flush(&self) {
        guard::or((), || self.client.flush());
    }

    /// For packages over this one: where C's calls (`usher_boolean`, …) find this client, for as long as this object is
    /// kept. What is generated copies each text twice and counts references on the way, which costs a read a hundred times
    /// what it takes; C's calls don't.
    #[must_use]
    pub fn address(self: Arc<Self>) -> u64 {
        // A pointer of a device has 64 bits at most.
        Arc::as_ptr(&self) as usize as u64
    }

    /// Ends the connection and all listeners, for good; returns at once. What was counted is still sent, in the
    /// background and for some seconds at most. Answers go on from what there is.
    pub fn shutdown(&self) {
        guard::or((), || {
            self.client.close();
            self.notifier.close();
        });
    }

    /// For programs that end: waits until no listener is being called any more, for so many milliseconds at most.
    /// Whether that is so.
    pub fn wait_for_listeners(&self, longest_ms: u32) -> bool {
        let longest = Duration::from_millis(longest_ms.into());
        guard::or(false, || self.notifier.wait_until_closed(longest))
    }
}

impl Drop for FlagsClient {
    fn drop(&mut self) {
        self.notifier.close();
    }
}
